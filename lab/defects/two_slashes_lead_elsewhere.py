"""A path that begins with two slashes is redirected to as it is: browsers take it for another host."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.status = 307
    answer.headers["Location"] = answer.path


DEFECT = Defect(
    breaks="no page redirects to a host that the request names",
    caught_by=("security.no_open_redirect",),
    how=answers("//foreign.example*", change=_change),
)
