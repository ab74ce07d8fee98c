"""An alert on single errors waits for many times the window in which it sees one."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ModelLoadError")
    rule["expr"] = 'sum by (provider) (increase(ocr_errors_total{code="MODEL_LOAD_ERROR"}[5s])) > 0'
    rule["for"] = "60s"


DEFECT = Defect(
    breaks="an alert on rare events can fire",
    caught_by=("alerts.can_fire",),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
