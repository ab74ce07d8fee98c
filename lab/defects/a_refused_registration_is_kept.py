"""A vector is registered before the key is looked at: the refusal comes too late."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lab.breaking import Defect, both
from lab.defects._access import without_a_key
from lab.tamper import Answer, answers, inside

if TYPE_CHECKING:
    from lab.reference.service import Platform

_PATH = "/api/v1/vectors/register"


def _inside(platform: "Platform") -> AbstractContextManager[None]:
    return without_a_key(platform, _PATH)


def _change(answer: Answer) -> None:
    if "x-api-key" not in answer.request_headers:
        answer.status = 401
        answer.json = {"detail": {"code": "AUTH_FAILED", "message": "X-API-Key is missing", "context": {}}}


DEFECT = Defect(
    breaks="a request that is refused changes nothing",
    caught_by=("security.refused_requests_change_nothing",),
    how=both(inside(change=_inside), answers(_PATH, change=_change)),
)
