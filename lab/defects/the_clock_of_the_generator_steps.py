"""The wall clock of the machine that generates load jumps by a minute: latencies are not of this clock."""

from lab.breaking import Defect
from lab.defects._loading import SMOKE
from lab.disturbing import clock_stepped

DEFECT = Defect(
    breaks="what is compared by the wall clock is not judged when that clock was moved",
    caught_by=(),
    unclear=("load.generator",),
    how=clock_stepped(60.0, after_seconds=4.0),
    also=("load.*",),
    load=SMOKE,
)
