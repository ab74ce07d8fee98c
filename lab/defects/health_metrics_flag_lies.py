"""The configuration says that metrics are off while they are served."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["config"]["monitoring"]["metrics_enabled"] = False


DEFECT = Defect(
    breaks="process and configuration agree on metrics",
    caught_by=("health.config_metrics_enabled", "health.metrics_flags_agree"),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
)
