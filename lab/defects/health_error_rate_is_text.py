"""The smoothed error rates on the health page are formatted for people."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["runtime"]["error_rate_ema"] = {"ocr": "0.0 %", "vision": "0.0 %"}


DEFECT = Defect(
    breaks="the smoothed error rate is a number",
    caught_by=("health.ocr_error_rate_ema", "health.vision_error_rate_ema"),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
    also=("metrics.*_ema_as_on_health",),
)
