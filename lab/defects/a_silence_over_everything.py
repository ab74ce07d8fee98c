"""Somebody silenced everything in an incident and forgot it."""

from lab.breaking import Defect
from lab.defects._silences import Silenced

DEFECT = Defect(
    breaks="no silence hides critical alerts at large",
    caught_by=("routing.silences_are_narrow", "routing.critical_is_delivered"),
    how=Silenced("night shift", "too much noise during the migration", 1, (("alertname", ".+", True),)),
    also=("routing.silences_spare_warnings", "routing.warning_is_delivered", "routing.info_is_delivered"),
)
