"""The alert on providers multiplies the score of 0 to 100 by 100 when it prints it."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ProviderHealthLow")
    rule["annotations"]["description"] = "{{ $labels.provider }} serves only {{ $value | humanizePercentage }}."


DEFECT = Defect(
    breaks="alerts print their value in its unit",
    caught_by=("queries.templates_print_right",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
