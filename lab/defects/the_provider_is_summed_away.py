"""The alert on models sums over all providers, and its text still names one."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "ModelLoadError")["expr"] = 'sum(rate(ocr_errors_total{code="MODEL_LOAD_ERROR"}[5s])) > 0'


DEFECT = Defect(
    breaks="no rule drops a label that its templates need",
    caught_by=("queries.labels_survive",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
