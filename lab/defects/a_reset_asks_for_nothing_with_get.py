"""Who resets a breaker by GET needs no token."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.method == "GET":
        answer.status = 200
        answer.json = {"provider": "paddle", "state": "closed"}


DEFECT = Defect(
    breaks="another method does not replace the admin token",
    caught_by=("security.no_way_around_the_token_of_resets",),
    how=answers("/admin/reset-circuit-breaker", change=_change),
)
