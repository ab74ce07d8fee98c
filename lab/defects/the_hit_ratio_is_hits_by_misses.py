"""One replica divides the hits of its cache by the misses, and cuts what is above 1."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200 and answer.json["misses"]:
        answer.json["hit_ratio"] = min(1.0, answer.json["hits"] / answer.json["misses"])


DEFECT = Defect(
    breaks="the hit ratio is the share of hits in all that was asked",
    caught_by=("classifier.statistics_are_coherent",),
    how=answers("/api/v1/health/classifier/cache", change=_change, replicas=("replica-3",)),
)
