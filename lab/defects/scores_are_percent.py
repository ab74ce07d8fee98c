"""The score is a percentage."""

from lab.breaking import Defect
from lab.defects._scores import COMPARE, field_changed
from lab.tamper import answers


def _change(body: dict[str, object]) -> None:
    body["score"] = body["similarity"] = float(str(body["score"])) * 100


DEFECT = Defect(
    breaks="the score is from -1 to 1",
    caught_by=("compare.score_range",),
    how=answers(*COMPARE, change=field_changed(_change)),
    also=("compare.*",),
)
