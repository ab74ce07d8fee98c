"""The error budget is what was left when somebody last looked."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "error_budget_remaining")["expr"] = "0.8 + 0 * slo_availability"


DEFECT = Defect(
    breaks="the error budget follows the availability",
    caught_by=("prometheus.budget_is_of_the_availability",),
    how=rules(_edit),
    also=("rehearsal.*", "alerts.*", "queries.*", "slo.*", "dashboards.*"),
)
