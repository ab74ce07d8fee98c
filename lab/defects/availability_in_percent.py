"""Availability is recorded in percent, and everything that builds on it reads a ratio."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "slo_availability")
    rule["expr"] = f"100 * ({rule['expr'].strip()})"


DEFECT = Defect(
    breaks="availability is a ratio",
    caught_by=(
        "prometheus.slo_availability",
        "rehearsal.perfect_health_signals",
        "rehearsal.half_fails_signals",
        "rehearsal.replica_silent_signals",
        "rehearsal.replica_gone_signals",
    ),
    how=rules(_edit),
    also=("prometheus.error_budget_remaining", "slo.*", "rehearsal.*", "alerts.*"),
)
