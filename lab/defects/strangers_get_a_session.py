"""Every caller of the health page gets a session."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.headers["Set-Cookie"] = "session=4f1c9a; Path=/"


DEFECT = Defect(
    breaks="pages that need no credential begin no session",
    caught_by=("security.no_session_for_strangers",),
    how=answers("/health", change=_change),
)
