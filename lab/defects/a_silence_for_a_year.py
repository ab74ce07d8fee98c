"""A silence over one alert lasts a year, and says nothing of why."""

from lab.breaking import Defect
from lab.defects._silences import Silenced

DEFECT = Defect(
    breaks="silences end, and say why",
    caught_by=("routing.silences_are_explained",),
    how=Silenced("somebody", "test", 365, (("alertname", "UsageSpike", False),)),
)
