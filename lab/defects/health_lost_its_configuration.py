"""The health page shows no configuration any more."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["config"] = {}


DEFECT = Defect(
    breaks="limits, providers and monitoring settings can be read",
    caught_by=("health.config_*", "health.metrics_flags_agree"),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
    also=("metrics.cache_within_its_limit",),
)
