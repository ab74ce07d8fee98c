"""The classifier's burst allowance is larger than its rate limit."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["config"]["monitoring"]["classifier_rate_limit_burst"] = 500


DEFECT = Defect(
    breaks="the burst allowance is not larger than the rate limit",
    caught_by=("health.burst_below_limit",),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
)
