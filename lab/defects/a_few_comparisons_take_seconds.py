"""One comparison in a hundred and twenty waits for seconds: p99 is fine, p99.9 is not."""

from lab.breaking import Defect
from lab.defects._loading import TAIL, delayed, every
from lab.tamper import answers

DEFECT = Defect(
    breaks="99.9 % of comparisons are answered in time",
    caught_by=("load.latency_compare",),
    how=answers("/api/compare", change=every(120, delayed(4.0))),
    load=TAIL,
)
