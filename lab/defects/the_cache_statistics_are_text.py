"""The figures in the statistics of the classifier's cache are texts, and the status is gone."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.json = {name: str(value) for name, value in answer.json.items() if name != "status"}


DEFECT = Defect(
    breaks="the statistics are numbers, and have a status",
    caught_by=(
        "classifier.statistics_status",
        "classifier.statistics_size",
        "classifier.statistics_max_size",
        "classifier.statistics_hits",
        "classifier.statistics_misses",
        "classifier.statistics_hit_ratio",
    ),
    how=answers("/api/v1/health/classifier/cache", change=_change),
    also=("classifier.*", "openapi.*"),
)
