"""A rule joins many series with many, and fails at every evaluation."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    broken = {"record": "platform:broken", "expr": "up / on (job) up"}
    document["groups"].append({"name": "broken", "interval": "1s", "rules": [broken]})


DEFECT = Defect(
    breaks="every rule is evaluated without an error",
    caught_by=("prometheus.rules_evaluate",),
    how=rules(_edit),
)
