"""Vision takes seconds longer, and nothing else does."""

from lab.breaking import Defect
from lab.defects._loading import BUSY, delayed
from lab.tamper import answers

DEFECT = Defect(
    breaks="vision answers in time",
    caught_by=("load.latency_vision", "load.server_view_vision"),
    how=answers("/api/v1/vision/analyze", change=delayed(3.0)),
    load={**BUSY, "SELF_CHECK_LOAD_SECONDS": "10"},
)
