"""A group of alerts is evaluated every half hour: what pages within minutes is looked at far later."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    for group in document["groups"]:
        if any(rule.get("alert") == "PlatformDown" for rule in group["rules"]):
            group["interval"] = "30m"


DEFECT = Defect(
    breaks="alerts are evaluated within the time of whoever must respond",
    caught_by=("prometheus.rules_evaluate",),
    how=rules(_edit),
    also=("rehearsal.*", "alerts.*"),
)
