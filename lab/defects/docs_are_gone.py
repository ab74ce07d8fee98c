"""The interactive documentation was switched off by mistake."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.status = 404
    answer.json = {"detail": "Not Found"}


DEFECT = Defect(
    breaks="the interactive documentation is served",
    caught_by=("api.docs_page",),
    how=answers("/docs", change=_change),
)
