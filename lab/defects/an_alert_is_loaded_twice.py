"""A copy of an alert was left behind in another group."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    copy = dict(rule_named(document, "ReplicaDown"))
    document["groups"].append({"name": "alerts-old", "interval": "1s", "rules": [copy]})


DEFECT = Defect(
    breaks="every alert is loaded once",
    caught_by=("alerts.unique",),
    how=rules(_edit),
    also=("rehearsal.*",),
)
