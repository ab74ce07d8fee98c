"""The versioned and the extended health page are answered from a cache."""

from datetime import datetime, timedelta

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    made = datetime.fromisoformat(answer.json["timestamp"]) - timedelta(minutes=10)
    answer.json["timestamp"] = made.isoformat()


DEFECT = Defect(
    breaks="each health page is made for the answer",
    caught_by=("health.timestamp_v1", "health.timestamp_extended"),
    how=answers("/api/v1/health", "/health/extended", change=_change),
)
