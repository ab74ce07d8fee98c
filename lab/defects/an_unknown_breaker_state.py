"""A circuit breaker is in a state that nobody has defined."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = re.sub(r"^(ocr_circuit_state\{[^}]*\}) .*$", r"\1 3.0", answer.text, flags=re.MULTILINE)


DEFECT = Defect(
    breaks="a breaker is closed, half-open or open",
    caught_by=("metrics.ocr_circuit_state",),
    how=answers("/metrics/", change=_change),
    also=("prometheus.breaker_ratio_is_of_the_breakers",),
)
