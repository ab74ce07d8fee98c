"""Every answer waits for six seconds as soon as a replica has more than two requests a second."""

from lab.breaking import Defect
from lab.defects._loading import BUSY, above, delayed
from lab.tamper import answers

DEFECT = Defect(
    breaks="every operation is answered in time",
    caught_by=("load.latency_ocr*", "load.latency_vision", "load.latency_c*", "load.latency_health"),
    how=answers("/api/*", "/classify*", "/health", change=above(2, delayed(6.0))),
    also=("load.*",),
    load={**BUSY, "SELF_CHECK_LOAD_SECONDS": "10"},
)
