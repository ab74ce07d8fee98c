"""A silence over all critical alerts of one owner."""

from lab.breaking import Defect
from lab.defects._silences import Silenced

DEFECT = Defect(
    breaks="no silence hides critical alerts at large",
    caught_by=("routing.silences_are_narrow",),
    how=Silenced(
        "day shift",
        "the database is being moved",
        1,
        (("owner", "devops", False), ("severity", "critical|warning", True)),
    ),
)
