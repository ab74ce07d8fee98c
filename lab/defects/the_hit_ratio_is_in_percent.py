"""The hit ratio of the classifier's cache is given in percent."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200 and answer.json["hit_ratio"] is not None:
        answer.json["hit_ratio"] *= 100


DEFECT = Defect(
    breaks="the hit ratio is a ratio",
    caught_by=("classifier.statistics_hit_ratio", "classifier.statistics_are_coherent"),
    how=answers("/api/v1/health/classifier/cache", change=_change),
)
