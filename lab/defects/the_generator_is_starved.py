"""The machine that generates load has other things to do."""

from lab.breaking import Defect
from lab.defects._loading import SMOKE
from lab.disturbing import starved

DEFECT = Defect(
    breaks="what a starved generator measures is not the platform's",
    caught_by=(),
    unclear=("load.generator",),
    how=starved(),
    also=("load.*",),
    load=SMOKE,
)
