"""The counters of OCR and of the classifier got a prefix in an update, and what reads them did not."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = re.sub(
        r"^((?:# (?:HELP|TYPE) )?)(ocr|classification)_", r"\1app_\2_", answer.text, flags=re.MULTILINE
    )


DEFECT = Defect(
    breaks="the queries of the manual find the counters of OCR and of the classifier",
    caught_by=(
        "queries.manual_top_errors",
        "queries.manual_request_rate",
        "queries.manual_slow_queries",
        "queries.manual_rate_limited",
        "queries.metrics_exist",
    ),
    how=answers("/metrics/", change=_change),
    also=("*",),
)
