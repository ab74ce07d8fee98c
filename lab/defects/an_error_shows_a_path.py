"""A page that does not exist is answered with where it was looked for."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 404:
        answer.json["detail"]["message"] = f"no file /srv/platform/static{answer.path}"


DEFECT = Defect(
    breaks="errors show no path of the server",
    caught_by=("security.errors_are_silent",),
    how=answers("/no-such-page", change=_change),
)
