"""The page of the providers says that all is well while none of them is ready."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        page = answer.json
        page["ready"] = 0
        for entry in page["results"]:
            entry["ready"], entry["error"] = False, "no answer"


DEFECT = Defect(
    breaks="the status of the providers is that of its entries",
    caught_by=("providers.page",),
    how=answers("/api/v1/providers/health", change=_change),
    also=("providers.*",),
)
