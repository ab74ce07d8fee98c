"""The page of the providers counts one ready provider too few."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["ready"] -= 1


DEFECT = Defect(
    breaks="the counts on the page of the providers are those of its entries",
    caught_by=("providers.page",),
    how=answers("/api/v1/providers/health", change=_change, replicas=("replica-2",)),
)
