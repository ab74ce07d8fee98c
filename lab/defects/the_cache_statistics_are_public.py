"""Whoever asks sees the statistics of the classifier's cache."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status in {401, 403}:
        answer.status = 200
        answer.json = {"status": "ok", "size": 0, "max_size": 20, "hits": 0, "misses": 0, "hit_ratio": None}


DEFECT = Defect(
    breaks="the statistics are for whoever has the admin token",
    caught_by=("classifier.statistics_need_a_token", "classifier.statistics_refuse_a_wrong_token"),
    how=answers("/api/v1/health/classifier/cache", change=_change, replicas=("replica-2",)),
    also=("security.*", "openapi.*", "errors.*"),
)
