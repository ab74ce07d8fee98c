"""Above a rate that a quiet hour never reaches, every answer waits for seconds."""

from lab.breaking import Defect
from lab.defects._loading import PEAK, above, delayed
from lab.tamper import answers

DEFECT = Defect(
    breaks="answers come in time also in a peak",
    caught_by=("load.latency_ocr_cached", "load.latency_compare"),
    how=answers("*", change=above(9, delayed(6.0))),
    also=("load.*",),
    load=PEAK,
)
