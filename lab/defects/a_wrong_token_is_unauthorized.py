"""A wrong admin token is answered as if there were none."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 403:
        answer.status = 401


DEFECT = Defect(
    breaks="a wrong admin token is forbidden (403), not unauthorized (401)",
    caught_by=("security.cache_needs_the_token",),
    how=answers("/api/v1/health/classifier/cache", change=_change),
)
