"""The alert on the load balancer selects by a label that an older version of it had."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ReplicaOutOfRotation")
    rule["expr"] = rule["expr"].replace("proxy=", "backend=")


DEFECT = Defect(
    breaks="every label that a rule selects by exists",
    caught_by=("queries.labels_exist",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
