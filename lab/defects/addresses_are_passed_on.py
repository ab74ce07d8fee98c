"""The header about referrers lets whole addresses go anywhere."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.headers["Referrer-Policy"] = "unsafe-url"


DEFECT = Defect(
    breaks="browsers do not tell addresses to other sites",
    caught_by=("security.addresses_are_not_passed_on",),
    how=answers("/docs", change=_change),
)
