"""The smoothing factor is 0: the error rate never moves."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["config"]["monitoring"]["error_ema_alpha"] = 0.0


DEFECT = Defect(
    breaks="the smoothing factor is above 0",
    caught_by=("health.config_error_ema_alpha",),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
)
