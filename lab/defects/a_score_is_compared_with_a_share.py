"""The alert on providers compares the score of 0 to 100 with a half."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "ProviderHealthLow")["expr"] = "provider_health_score < 0.5"


DEFECT = Defect(
    breaks="rules compare what is of the same unit",
    caught_by=("queries.units_agree",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
