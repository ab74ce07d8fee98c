"""One replica runs with an old configuration."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["config"]["monitoring"]["classifier_rate_limit_per_min"] = 60


DEFECT = Defect(
    breaks="every replica says the same",
    caught_by=("health.stable",),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change, replicas=("replica-2",)),
    also=("health.same_*",),
)
