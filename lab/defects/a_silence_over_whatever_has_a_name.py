"""A silence is for all alerts whose names begin with a capital letter, which is all of them."""

from lab.breaking import Defect
from lab.defects._silences import Silenced

DEFECT = Defect(
    breaks="a silence names the alerts that it is for",
    caught_by=("routing.silences_are_narrow",),
    how=Silenced("night shift", "too much noise during the migration", 1, (("alertname", "[A-Z].*", True),)),
    also=("routing.*",),
)
