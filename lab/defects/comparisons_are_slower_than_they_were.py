"""Comparisons take a little longer than in the stored run, and are far from any limit."""

from lab.breaking import Defect
from lab.defects._loading import BASELINE, TAIL, delayed
from lab.tamper import answers

DEFECT = Defect(
    breaks="no operation is slower than it was",
    caught_by=("load.regression",),
    how=answers("/api/compare", change=delayed(0.08)),
    load={**TAIL, **BASELINE},
)
