"""An alert exists under two names."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    copy = {**rule_named(document, "RedisDown"), "alert": "CacheDown"}
    document["groups"].append({"name": "alerts-cache", "interval": "1s", "rules": [copy]})


DEFECT = Defect(
    breaks="every alert tells something of its own",
    caught_by=("alerts.unique",),
    how=rules(_edit),
    also=("rehearsal.*",),
)
