"""A reset that names no provider ends in an internal error."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 422:
        answer.status = 500


DEFECT = Defect(
    breaks="a reset that names no provider is refused properly",
    caught_by=("providers.reset_of_nobody",),
    how=answers("/admin/reset-circuit-breaker", change=_change),
    also=(
        "api.*",
        "security.*",
        "openapi.*",
        "errors.*",
    ),
)
