"""One replica shows the model of a provider as missing, and uses it."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = answer.text.replace(
        'ocr_model_loaded{provider="paddle"} 1.0', 'ocr_model_loaded{provider="paddle"} 0.0'
    )


DEFECT = Defect(
    breaks="the model of a provider that answers is loaded",
    caught_by=("providers.model_loaded",),
    how=answers("/metrics/", change=_change, replicas=("replica-2",)),
    also=("prometheus.*",),
)
