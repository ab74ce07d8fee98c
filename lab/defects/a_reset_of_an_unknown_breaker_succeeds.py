"""The reset of a breaker that does not exist looks like a success."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 404:
        answer.status = 200
        answer.json = {"state": "closed"}


DEFECT = Defect(
    breaks="a reset of an unknown provider is refused",
    caught_by=("providers.reset_of_unknown",),
    how=answers("/admin/reset-circuit-breaker", change=_change),
    also=(
        "security.*",
        "openapi.*",
        "errors.*",
    ),
)
