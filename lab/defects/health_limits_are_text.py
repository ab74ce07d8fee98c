"""The classifier's limits are read from the environment and never converted."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    monitoring = answer.json["config"]["monitoring"]
    for key in ("classifier_rate_limit_per_min", "classifier_rate_limit_burst", "classifier_cache_max_size"):
        monitoring[key] = str(monitoring[key])


DEFECT = Defect(
    breaks="limits are numbers",
    caught_by=("health.config_classifier_*",),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
    also=("metrics.cache_within_its_limit",),
)
