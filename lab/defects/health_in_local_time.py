"""The timestamp is the server's local time."""

import datetime as dt

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    local = dt.datetime.now(dt.timezone(dt.timedelta(hours=8)))
    answer.json["timestamp"] = local.isoformat()


DEFECT = Defect(
    breaks="the timestamp is in UTC",
    caught_by=("health.timestamp",),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
    also=(
        "health.timestamp_v1",
        "health.timestamp_extended",
    ),
)
