"""One replica calls the models down while all of its providers are ready."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["services"]["ml"] = "down"


DEFECT = Defect(
    breaks="health agrees with the page of the providers",
    caught_by=("providers.agree_with_health",),
    how=answers("/health", change=_change, replicas=("replica-2",)),
    also=("health.*",),
)
