"""The availability is the one that was promised, not the one that there is."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "slo_availability")["expr"] = "vector(0.951)"


DEFECT = Defect(
    breaks="the availability is that of the requests",
    caught_by=("prometheus.availability_is_of_the_requests",),
    how=rules(_edit),
    also=("rehearsal.*", "alerts.*", "queries.*", "slo.*", "prometheus.*", "dashboards.*"),
)
