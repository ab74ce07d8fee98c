"""All metrics got a prefix in an update of the metrics library."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = re.sub(
        r"^((?:# (?:HELP|TYPE) )?)(ocr|vision|compare|classification)_", r"\1app_\2_", answer.text, flags=re.MULTILINE
    )


DEFECT = Defect(
    breaks="every promised family is on the metrics page",
    caught_by=(
        "metrics.*_total",
        "metrics.*_duration_seconds",
        "metrics.ocr_model_loaded",
        "metrics.ocr_circuit_state",
        "metrics.*_error_rate_ema",
        "metrics.classification_latency_seconds",
        "metrics.classification_cache_size",
    ),
    how=answers("/metrics/", change=_change),
    also=("metrics.*", "prometheus.*", "slo.*", "queries.*", "platform.prometheus"),
)
