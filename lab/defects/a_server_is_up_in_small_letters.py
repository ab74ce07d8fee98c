"""The alert on the load balancer waits for servers that are "up", and they are "UP"."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ReplicaOutOfRotation")
    rule["expr"] = rule["expr"].replace('"UP"', '"up"')


DEFECT = Defect(
    breaks="rules write label values as the metrics do",
    caught_by=("queries.cases_agree",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
