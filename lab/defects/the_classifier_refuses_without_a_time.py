"""The classifier refuses every file for its rate limit, and does not say until when."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.status = 429
    answer.json = {"detail": "too many requests"}


DEFECT = Defect(
    breaks="refusals of a rate limit name a time",
    caught_by=("errors.rate_limits_say_when",),
    how=answers("/classify", "/classify/batch", change=_change),
    also=(
        "classifier.*",
        "metrics.counts_*classification",
        "isolation.classifier_cache_of_another_client",
        "openapi.*",
    ),
)
