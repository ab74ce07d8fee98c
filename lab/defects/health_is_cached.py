"""A cache in front of the app serves an old health page."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["timestamp"] = "2025-01-20T09:00:00+00:00"


DEFECT = Defect(
    breaks="the health page was made for this answer",
    caught_by=("health.timestamp", "health.ready_timestamp"),
    how=answers("/health", "/api/v1/health", "/health/extended", "/ready", change=_change),
    also=(
        "health.timestamp_v1",
        "health.timestamp_extended",
    ),
)
