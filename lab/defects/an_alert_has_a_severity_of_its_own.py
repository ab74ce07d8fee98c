"""An alert is `Critical`, which no route knows."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "PostgresDown")["labels"]["severity"] = "Critical"


DEFECT = Defect(
    breaks="every severity is one of the manual's",
    caught_by=("alerts.severities",),
    how=rules(_edit),
    also=("routing.*", "rehearsal.*"),
)
