"""The text of an alert asks Prometheus for something that is not there."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    annotations = rule_named(document, "AvailabilityBurnFast")["annotations"]
    annotations["description"] = '{{ query "platform:error_ratio:1h" | first | value }} of the requests failed.'


DEFECT = Defect(
    breaks="the texts of alerts are free of errors",
    caught_by=("rehearsal.templates_expand",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
