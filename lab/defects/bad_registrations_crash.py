"""A registration of what is no vector, and a removal that is repeated, crash instead of being refused."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status in (400, 404, 422):
        answer.status = 500


DEFECT = Defect(
    breaks="bad registrations and repeated removals are no errors of the platform",
    caught_by=(
        "compare.registers_no_nan",
        "compare.registers_no_empty_vector",
        "compare.registers_no_words",
        "compare.removal",
    ),
    how=answers("/api/v1/vectors/register", "/api/v1/vectors/delete", change=_change),
    also=("security.*", "errors.*", "openapi.*"),
)
