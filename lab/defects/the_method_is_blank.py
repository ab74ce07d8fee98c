"""The method of the comparison is left blank."""

from lab.breaking import Defect
from lab.defects._scores import COMPARE, field_changed
from lab.tamper import answers


def _change(body: dict[str, object]) -> None:
    body["method"] = ""


DEFECT = Defect(
    breaks="the answer names the method",
    caught_by=("compare.method",),
    how=answers(*COMPARE, change=field_changed(_change)),
)
