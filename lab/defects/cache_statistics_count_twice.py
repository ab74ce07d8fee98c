"""One replica's cache statistics count each hit twice."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        found = answer.json
        found["hits"] *= 2
        asked = found["hits"] + found["misses"]
        found["hit_ratio"] = found["hits"] / asked if asked else None


DEFECT = Defect(
    breaks="the statistics grow as the counters on the metrics page do",
    caught_by=("classifier.statistics_as_metrics",),
    how=answers("/api/v1/health/classifier/cache", change=_change, replicas=("replica-2",)),
)
