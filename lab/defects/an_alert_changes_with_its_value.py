"""An alert carries its value in a label, so that it is another alert at each evaluation."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "PlatformErrorRateHigh")["labels"]["ratio"] = "{{ $value }}"


DEFECT = Defect(
    breaks="labels of alerts are constant",
    caught_by=("queries.labels_are_constant",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
