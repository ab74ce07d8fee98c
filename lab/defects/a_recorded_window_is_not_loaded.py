"""One of the recorded windows of the latency SLO is no longer recorded, and an alert still reads it."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    for group in document["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule.get("record") != "platform:ocr_slow_ratio:rate3d"]


DEFECT = Defect(
    breaks="every metric that a rule reads is recorded",
    caught_by=("queries.metrics_exist",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
