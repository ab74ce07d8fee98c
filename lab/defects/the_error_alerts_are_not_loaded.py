"""The group of alerts on errors and latency was lost."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    document["groups"] = [group for group in document["groups"] if group["name"] != "alerts-errors"]


DEFECT = Defect(
    breaks="errors and latency are watched",
    caught_by=("alerts.watch_error_ratio", "alerts.watch_errors", "alerts.watch_ocr_latency"),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
