"""The alert on missing replicas looks at targets that are down, and a vanished one is none."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "ReplicasMissing")["expr"] = 'count(up{job="cad-ml-platform"} == 0) > 0'


DEFECT = Defect(
    breaks="a replica that has vanished fires an alert",
    caught_by=("rehearsal.replica_gone_alerts",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
