"""A provider is shown as not ready, without an error."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    page = answer.json
    page["results"][1] |= {"ready": False, "error": None}
    page["ready"] -= 1


DEFECT = Defect(
    breaks="a provider that is not ready says why",
    caught_by=(
        "providers.page",
        "providers.ocr_works",
    ),
    how=answers("/api/v1/providers/health", change=_change),
)
