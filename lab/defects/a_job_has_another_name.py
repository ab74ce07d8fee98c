"""The alert on replicas names the job with underscores."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ReplicaDown")
    rule["expr"] = 'up{job="cad_ml_platform"} == 0'


DEFECT = Defect(
    breaks="every label value that a rule selects exists",
    caught_by=("queries.values_exist",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
