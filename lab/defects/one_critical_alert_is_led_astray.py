"""A route for one alert, made in an incident, still leads it to the mail."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    document["route"]["routes"].insert(1, {"match_re": {"alertname": "Postgres.*"}, "receiver": "mail"})


DEFECT = Defect(
    breaks="every critical alert pages",
    caught_by=("routing.critical_pages",),
    how=alertmanager_config(_edit),
    also=("routing.critical_in_time",),
)
