"""The gauge of a loaded model shows a share."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = re.sub(r"^(ocr_model_loaded\{[^}]*\}) .*$", r"\1 0.5", answer.text, flags=re.MULTILINE)


DEFECT = Defect(
    breaks="a model is loaded or not",
    caught_by=("metrics.ocr_model_loaded",),
    how=answers("/metrics/", change=_change),
)
