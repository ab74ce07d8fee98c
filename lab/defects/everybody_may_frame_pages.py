"""The header against frames allows all of them."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.headers["X-Frame-Options"] = "ALLOWALL"


DEFECT = Defect(
    breaks="foreign pages may not frame an answer",
    caught_by=("security.pages_are_not_framed",),
    how=answers("/*", change=_change),
)
