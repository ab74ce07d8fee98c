"""The candidate's id is cut to what a column of the old database held."""

from lab.breaking import Defect
from lab.defects._scores import COMPARE, field_changed
from lab.tamper import answers


def _change(body: dict[str, object]) -> None:
    body["reference_id"] = str(body["reference_id"])[:20]


DEFECT = Defect(
    breaks="the answer names the candidate",
    caught_by=("compare.reference",),
    how=answers(*COMPARE, change=field_changed(_change)),
)
