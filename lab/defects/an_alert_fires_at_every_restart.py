"""An alert takes a counter that starts over for lost traffic."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    lost = {
        "alert": "TrafficLost",
        "expr": "sum(ocr_requests_total) < sum(ocr_requests_total offset 5s)",
        "labels": {"severity": "warning", "owner": "platform", "subject": "traffic"},
        "annotations": {
            "summary": "Requests are lost",
            "description": "Only {{ $value }} requests are left.",
            "runbook_url": "docs/runbooks/usage.md",
        },
    }
    document["groups"].append({"name": "alerts-traffic", "interval": "1s", "rules": [lost]})


DEFECT = Defect(
    breaks="a restart fires no alert",
    caught_by=("rehearsal.counters_reset_is_quiet",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
