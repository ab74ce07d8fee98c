"""The dimension is that of the padded vector, a multiple of four."""

from lab.breaking import Defect
from lab.defects._scores import COMPARE, field_changed
from lab.tamper import answers


def _change(body: dict[str, object]) -> None:
    body["dimension"] = -(-int(str(body["dimension"])) // 4) * 4


DEFECT = Defect(
    breaks="the answer says how many numbers were compared",
    caught_by=("compare.dimension",),
    how=answers(*COMPARE, change=field_changed(_change)),
)
