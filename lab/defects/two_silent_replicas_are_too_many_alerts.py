"""A limit of one alert was set on the group of replicas: a rule that finds two of them fails, and tells of none."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    group = next(group for group in document["groups"] if group["name"] == "alerts-replicas")
    group["limit"] = 1


DEFECT = Defect(
    breaks="each replica that is down fires an alert",
    caught_by=("alerts.room_for_every_replica",),
    how=rules(_edit),
)
