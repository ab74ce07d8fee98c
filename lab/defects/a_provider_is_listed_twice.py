"""A provider stands twice on its page."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    page = answer.json
    page["results"].append(dict(page["results"][0]))
    page["total"] += 1
    page["ready"] += 1


DEFECT = Defect(
    breaks="each provider is on the page once",
    caught_by=("providers.page",),
    how=answers("/api/v1/providers/health", change=_change),
)
