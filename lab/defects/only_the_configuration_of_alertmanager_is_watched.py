"""Of the alerts on Alertmanager, only that on its configuration was loaded: nobody hears that it is gone."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    lost = ("AlertmanagerDown", "AlertmanagerNotConnected", "AlertsNotDelivered")
    for group in document["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert") not in lost]


DEFECT = Defect(
    breaks="an alert notices that Alertmanager is gone",
    caught_by=("scraping.alertmanager_is_alerted_on",),
    how=rules(_edit),
    also=("queries.*", "alerts.*"),
)
