"""Availability is the mean of the moments' error ratios: a failing night without traffic weighs as much as a noon."""

import re
from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "slo_availability")
    # The rules are scaled by now.
    window = re.search(r"\[\w+\]", rule["expr"])
    assert window is not None
    rule["expr"] = f"1 - avg_over_time(platform:error_ratio:rate5m{window.group()})"


DEFECT = Defect(
    breaks="compliance is the share of requests",
    caught_by=("rehearsal.failing_night_signals",),
    how=rules(_edit),
    also=("rehearsal.*", "queries.*", "prometheus.*"),
)
