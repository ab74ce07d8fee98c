"""Somebody silenced the warnings, and did not say who he is."""

from lab.breaking import Defect
from lab.defects._silences import Silenced

DEFECT = Defect(
    breaks="no silence hides most of the warnings",
    caught_by=("routing.silences_spare_warnings", "routing.silences_are_explained"),
    how=Silenced("unknown", "too much noise during the migration", 1, (("severity", "warning", False),)),
    also=("routing.warning_is_delivered",),
)
