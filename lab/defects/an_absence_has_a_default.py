"""An alert looks for the absence of a metric that a default stands in for: it never fires."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "AlertmanagerNotConnected")["expr"] = (
        "absent(sum(prometheus_notifications_alertmanagers_discovered) or vector(0))"
    )


DEFECT = Defect(
    breaks="an alert on absence can fire",
    caught_by=("alerts.can_fire",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
