"""A critical alert takes a family without a series for a service without a metric."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    missing = {
        "alert": "OcrMetricsMissing",
        "expr": 'absent(ocr_requests_total{status="success"})',
        "for": "1s",
        "labels": {"severity": "critical", "owner": "platform", "subject": "metrics"},
        "annotations": {
            "summary": "OCR has no metrics",
            "description": "No series of ocr_requests_total.",
            "runbook_url": "docs/runbooks/metrics_missing.md",
        },
    }
    document["groups"].append({"name": "alerts-missing", "interval": "1s", "rules": [missing]})


DEFECT = Defect(
    breaks="new replicas fire no critical alert",
    caught_by=("rehearsal.fresh_process_is_quiet",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
