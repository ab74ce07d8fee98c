"""An alert on the absence of a metric names it wrongly, and can only fire."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "AlertmanagerNotConnected")["expr"] = (
        "absent(prometheus_notification_alertmanagers_discovered)"
    )


DEFECT = Defect(
    breaks="an alert on absence can also stay silent",
    caught_by=("queries.metrics_exist",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
