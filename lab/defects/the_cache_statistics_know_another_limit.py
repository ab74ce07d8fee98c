"""The statistics of the classifier's cache show the default size, not the configured one."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.json["max_size"] = 1000


DEFECT = Defect(
    breaks="the statistics show the configured size of the cache",
    caught_by=("classifier.statistics_as_configured",),
    how=answers("/api/v1/health/classifier/cache", change=_change),
)
