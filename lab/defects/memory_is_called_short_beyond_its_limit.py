"""The alert on memory knows the limit of another service: it is above what a replica may use."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "MemoryExhaustion")
    rule["expr"] = rule["expr"].replace("0.9 * 4 * 1024 ^ 3", "0.9 * 8 * 1024 ^ 3")


DEFECT = Defect(
    breaks="the alert on memory fires before a replica is killed",
    caught_by=("rehearsal.memory_at_limit_alerts",),
    how=rules(_edit),
)
