"""A second group records the error ratio as nothing, a moment after the first one."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    placeholder = {"record": "platform_error_ratio", "expr": "vector(0)"}
    document["groups"].append({"name": "placeholders", "rules": [placeholder]})


DEFECT = Defect(
    breaks="each series is recorded by one rule",
    caught_by=("alerts.unique",),
    how=rules(_edit),
    also=("rehearsal.*", "prometheus.*", "alerts.*"),
)
