"""An earlier route takes critical alerts, too, and does not go on."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    route = {"matchers": ['severity=~"critical|warning"'], "receiver": "chat", "repeat_interval": "30s"}
    document["route"]["routes"].insert(1, route)


DEFECT = Defect(
    breaks="critical alerts page",
    caught_by=("routing.critical_pages", "routing.routes_reachable"),
    how=alertmanager_config(_edit),
)
