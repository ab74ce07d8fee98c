"""The availability is that of the last five minutes."""

import re
from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "slo_availability")
    rule["expr"] = re.sub(r"\[\w+\]", "[5s]", rule["expr"])


DEFECT = Defect(
    breaks="what an outage cost stays in the budget when it is over",
    caught_by=("rehearsal.outage_over_signals",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*", "slo.*", "prometheus.*"),
)
