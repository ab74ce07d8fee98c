"""A caller without a key learns whether a candidate exists."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lab.breaking import Defect, both
from lab.defects._access import without_a_key
from lab.tamper import Answer, answers, inside

if TYPE_CHECKING:
    from lab.reference.service import Platform

_PATH = "/api/compare"


def _inside(platform: "Platform") -> AbstractContextManager[None]:
    return without_a_key(platform, _PATH)


def _change(answer: Answer) -> None:
    if "x-api-key" not in answer.request_headers:
        known = answer.status == 200
        answer.status = 401
        message = "not your candidate" if known else "X-API-Key is missing"
        answer.json = {"detail": {"code": "AUTH_FAILED", "message": message, "context": {}}}


DEFECT = Defect(
    breaks="a refusal does not tell whether the candidate exists",
    caught_by=("security.refusals_tell_nothing",),
    how=both(inside(change=_inside), answers(_PATH, change=_change)),
)
