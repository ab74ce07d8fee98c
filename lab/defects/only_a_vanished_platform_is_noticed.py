"""The alerts on single replicas and on memory were taken out; what is left fires when no replica answers."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    for group in document["groups"]:
        lost = ("ReplicaDown", "ReplicasMissing", "MemoryExhaustion")
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert") not in lost]


DEFECT = Defect(
    breaks="a replica that does not answer is noticed",
    caught_by=("alerts.watch_replicas", "alerts.watch_memory"),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
