"""The similarity is from 0 to 1, and the score from -1 to 1."""

from lab.breaking import Defect
from lab.defects._scores import COMPARE, field_changed
from lab.tamper import answers


def _change(body: dict[str, object]) -> None:
    body["similarity"] = (float(str(body["score"])) + 1) / 2


DEFECT = Defect(
    breaks="similarity and score are the same",
    caught_by=("compare.similarity",),
    how=answers(*COMPARE, change=field_changed(_change)),
    also=("compare.*",),
)
