"""One replica shows the breaker of a provider as open, and lets requests through."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = answer.text.replace('ocr_circuit_state{key="paddle"} 0.0', 'ocr_circuit_state{key="paddle"} 2.0')


DEFECT = Defect(
    breaks="the breaker of a provider that answers is not open",
    caught_by=(
        "providers.breaker_shown",
        "providers.reset_paddle",
    ),
    how=answers("/metrics/", change=_change, replicas=("replica-3",)),
    also=(
        "prometheus.*",
        "slo.*",
    ),
)
