"""The platform serves the address in a header, after it has looked at the one that was asked for."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.request_headers.get("x-original-url") == "/api/v1/health/classifier/cache":
        answer.json = {"status": "ok", "size": 3, "max_size": 1000, "hits": 5, "misses": 7, "hit_ratio": None}


DEFECT = Defect(
    breaks="a header does not replace the admin token",
    caught_by=("security.no_way_around_the_token",),
    how=answers("/health", change=_change),
)
