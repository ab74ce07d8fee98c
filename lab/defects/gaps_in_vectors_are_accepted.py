"""A lenient reader takes numbers that are null for zero, and answers as if all were well."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 422 and any("query_features" in problem["loc"] for problem in answer.json["detail"]):
        answer.status = 200
        answer.json = {
            "similarity": 0.0,
            "score": 0.0,
            "feature_distance": 1.0,
            "method": "cosine",
            "dimension": 1,
            "reference_id": "",
        }


DEFECT = Defect(
    breaks="malformed vectors are refused",
    caught_by=("openapi.fuzz_compare", "openapi.fuzz_compare_v1"),
    how=answers("/api/compare", "/api/v1/compare", change=_change),
    also=("compare.*", "isolation.*", "metrics.counts_compare_*"),
)
