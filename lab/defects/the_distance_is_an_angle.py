"""The distance is the angle between the vectors instead of what the score lacks of 1."""

import math

from lab.breaking import Defect
from lab.defects._scores import COMPARE, field_changed
from lab.tamper import answers


def _change(body: dict[str, object]) -> None:
    body["feature_distance"] = math.acos(float(str(body["score"]))) / math.pi * 2


DEFECT = Defect(
    breaks="the distance is 1 minus the score",
    caught_by=("compare.distance",),
    how=answers(*COMPARE, change=field_changed(_change)),
    also=("compare.*",),
)
