"""An alert excepts another job than it watches, which excludes nothing."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "ReplicaDown")["expr"] = (
        'up{job="cad-ml-platform"} == 0 unless on (job) up{job="haproxy"} == 0'
    )


DEFECT = Defect(
    breaks="the two sides of each operator can match",
    caught_by=("queries.joins_match",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
