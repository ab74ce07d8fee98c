"""A comparison without a key is made where the path has one slash more."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.status = 400
    answer.json = {
        "detail": {
            "code": "INPUT_VALIDATION_FAILED",
            "source": "input",
            "severity": "error",
            "message": "query_features is empty",
            "stage": "validate",
            "context": {},
        }
    }


DEFECT = Defect(
    breaks="an odd spelling of the path does not replace the key of a comparison",
    caught_by=("security.no_way_around_the_key_of_comparisons",),
    how=answers("//api/compare", change=_change),
)
