"""One replica takes seconds for everything; the load balancer knows nothing of it."""

from lab.breaking import Defect
from lab.defects._loading import SMOKE, delayed
from lab.tamper import answers

DEFECT = Defect(
    breaks="each replica answers in time",
    caught_by=("load.latency_compare", "load.latency_ocr_cached"),
    how=answers("/api/*", change=delayed(4.0), replicas=("replica-2",)),
    also=("load.*",),
    load=SMOKE,
)
