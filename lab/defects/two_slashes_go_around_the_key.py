"""The health of the providers is shown without a key where the path has one slash more."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.status = 200
    answer.json = {"status": "ok", "total": 0, "ready": 0, "results": []}


DEFECT = Defect(
    breaks="an odd spelling of the path does not replace the key",
    caught_by=("security.no_way_around_the_key",),
    how=answers("//api/v1/providers/health", change=_change),
)
