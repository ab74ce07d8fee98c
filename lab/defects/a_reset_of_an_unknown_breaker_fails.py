"""The reset of a breaker that does not exist is an error of the platform."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 404:
        answer.status = 500
        answer.json = {"detail": "Internal Server Error"}


DEFECT = Defect(
    breaks="a reset of an unknown provider is the client's mistake",
    caught_by=("providers.reset_of_unknown",),
    how=answers("/admin/reset-circuit-breaker", change=_change),
    also=("errors.*",),
)
