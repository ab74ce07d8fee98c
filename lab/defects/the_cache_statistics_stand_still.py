"""The statistics of the classifier's cache are those of some earlier moment."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.json.update(hits=5, misses=5, hit_ratio=0.5)


DEFECT = Defect(
    breaks="hits and misses move with every classification",
    caught_by=("classifier.statistics_move",),
    how=answers("/api/v1/health/classifier/cache", change=_change),
)
