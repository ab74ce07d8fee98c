"""The smoothed error rates on the health page are percentages."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    for service, value in answer.json["runtime"]["error_rate_ema"].items():
        answer.json["runtime"]["error_rate_ema"][service] = 100.0 * value + 2.0


DEFECT = Defect(
    breaks="the smoothed error rate is a ratio",
    caught_by=("health.ocr_error_rate_ema", "health.vision_error_rate_ema"),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
    also=("metrics.*_ema_as_on_health",),
)
