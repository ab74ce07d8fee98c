"""The alerts on replicas count targets, whether they answer or not, and look for a job that is none."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "ReplicasMissing")["expr"] = '(count(up{job="cad-ml-platform"}) or vector(0)) < 3'
    rule_named(document, "ReplicaDown")["expr"] = 'up{job="cad_ml_platform"} == 0'


DEFECT = Defect(
    breaks="a replica that does not answer fires an alert",
    caught_by=("rehearsal.replica_silent_alerts",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
