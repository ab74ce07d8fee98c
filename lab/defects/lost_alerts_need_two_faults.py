"""The alert on lost alerts wants Prometheus and Alertmanager to fail at the same time."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "AlertsNotDelivered")
    rule["expr"] = rule["expr"].replace("\nor sum", "\nand sum")


DEFECT = Defect(
    breaks="alerts that get lost on either way are noticed",
    caught_by=(
        "rehearsal.notifications_fail_alerts",
        "rehearsal.alerts_not_sent_alerts",
    ),
    how=rules(_edit),
)
