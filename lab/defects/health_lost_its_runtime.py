"""The health page has lost its section on the running process."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["runtime"] = {}


DEFECT = Defect(
    breaks="the health page describes the running process",
    caught_by=(
        "health.python_version",
        "health.metrics_enabled",
        "health.ocr_error_rate_ema",
        "health.vision_error_rate_ema",
    ),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
    also=("health.metrics_flags_agree", "metrics.*_ema_as_on_health"),
)
