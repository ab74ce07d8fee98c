"""The versioned route still answers with the score of the version before."""

from lab.breaking import Defect
from lab.defects._scores import field_changed
from lab.tamper import answers


def _change(body: dict[str, object]) -> None:
    body["score"] = body["similarity"] = 0.0
    body["feature_distance"] = 1.0


DEFECT = Defect(
    breaks="both routes give the same score",
    caught_by=("compare.routes_agree",),
    how=answers("/api/v1/compare", change=field_changed(_change)),
    also=("compare.*",),
)
