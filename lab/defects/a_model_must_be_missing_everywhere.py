"""The alert on models fires when the last replica has lost a model, not the first one."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ModelLoadError")
    rule["expr"] = rule["expr"].replace("min by (provider) (ocr_model_loaded)", "max by (provider) (ocr_model_loaded)")


DEFECT = Defect(
    breaks="a replica without a model fires an alert",
    caught_by=("rehearsal.model_lost_alerts",),
    how=rules(_edit),
)
