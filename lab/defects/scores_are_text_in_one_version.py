"""The versioned API writes the score of a comparison as text."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.json["score"] = str(answer.json["score"])


DEFECT = Defect(
    breaks="the score of a comparison is a number",
    caught_by=("openapi.fields_compare_v1", "openapi.conforms_compare_v1"),
    how=answers("/api/v1/compare", change=_change),
    also=("compare.*", "isolation.*"),
)
