"""The alerts on Alertmanager were not loaded."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    for group in document["groups"]:
        group["rules"] = [
            rule
            for rule in group["rules"]
            if "alertmanager" not in rule["expr"] and "notifications" not in rule["expr"]
        ]


DEFECT = Defect(
    breaks="an alert notices that Alertmanager is gone",
    caught_by=("scraping.alertmanager_is_alerted_on",),
    how=rules(_edit),
    also=("queries.*", "alerts.*"),
)
