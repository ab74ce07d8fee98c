"""The statistics of the classifier's cache call hits misses, and misses hits."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        found = answer.json
        found["hits"], found["misses"] = found["misses"], found["hits"]
        if found["hit_ratio"] is not None:
            found["hit_ratio"] = 1 - found["hit_ratio"]


DEFECT = Defect(
    breaks="a hit is counted as a hit, and a miss as a miss",
    caught_by=("classifier.statistics_move", "classifier.statistics_as_metrics"),
    how=answers("/api/v1/health/classifier/cache", change=_change),
)
