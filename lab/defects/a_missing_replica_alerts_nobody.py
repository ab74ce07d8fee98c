"""No alert tells that a replica is gone."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    for name in ("ReplicaDown", "ReplicasMissing", "ReplicaOutOfRotation"):
        rule_named(document, name)["for"] = "600s"


DEFECT = Defect(
    breaks="an alert tells that a replica is gone",
    caught_by=("chaos.replica_killed.alerted",),
    how=rules(_edit),
    also=("chaos.*",),
    chaos="replica_killed",
)
