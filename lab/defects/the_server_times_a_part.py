"""What OCR requests wait for in the platform stands in no histogram of the server."""

from lab.breaking import Defect
from lab.defects._loading import SMOKE, delayed
from lab.tamper import answers

DEFECT = Defect(
    breaks="the server's latencies are those that clients see",
    caught_by=("load.server_view_ocr",),
    how=answers("/api/v1/ocr/extract", change=delayed(1.6)),
    also=("load.latency_*",),
    load=SMOKE,
)
