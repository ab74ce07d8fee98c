"""Whoever writes another address into X-Forwarded-For has an allowance of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from starlette.requests import Request

    from lab.reference.service import Platform

_OF_THE_BALANCER = "127.0.0.1"


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.access.tenant

    def tenant(request: "Request") -> str:
        claimed = request.headers.get("X-Forwarded-For", _OF_THE_BALANCER)
        known = real(request)
        if claimed == _OF_THE_BALANCER or not request.url.path.startswith("/classify"):
            return known
        return f"{known}-{claimed}"

    with replaced(platform.access, tenant=tenant):
        yield


DEFECT = Defect(
    breaks="a client that is refused is not served for what it claims in a header",
    caught_by=("classifier.limit_sees_through_claims",),
    how=inside(change=_change),
    also=("security.*",),
)
