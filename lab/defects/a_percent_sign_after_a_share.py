"""The alert on errors prints a share of 0 to 1 with a percent sign."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "PlatformErrorRateHigh")
    rule["annotations"]["description"] = "{{ $value }} % of the requests of the last 5 minutes failed."


DEFECT = Defect(
    breaks="alerts print their value in its unit",
    caught_by=("queries.templates_print_right",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
