"""Access that is granted wrongly, for the defects of security."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from lab.reference.compare import tenant_of
from lab.tamper import Answer, replaced

if TYPE_CHECKING:
    from starlette.requests import Request

    from lab.reference.service import Platform


@contextmanager
def without_a_key(platform: "Platform", *paths: str) -> Iterator[None]:
    """Serve requests without a key on these paths as if they were the first client's."""
    access = platform.access
    tenant, check_key = access.tenant, access.check_key

    def is_free(request: "Request") -> bool:
        return request.url.path in paths and "X-API-Key" not in request.headers

    def lax_tenant(request: "Request") -> str:
        return tenant_of(platform.settings.api_keys[0]) if is_free(request) else tenant(request)

    def lax_check(request: "Request") -> None:
        if not is_free(request):
            check_key(request)

    with replaced(access, tenant=lax_tenant, check_key=lax_check):
        yield


@contextmanager
def without_the_token(platform: "Platform", lets_in: Callable[["Request"], bool]) -> Iterator[None]:
    """Serve some requests to administrators' routes whatever their token."""
    check_admin = platform.access.check_admin

    def lax_check(request: "Request") -> None:
        if not lets_in(request):
            check_admin(request)

    with replaced(platform.access, check_admin=lax_check):
        yield


def comparing(same: Callable[[str, str], bool]) -> Callable[["Platform"], AbstractContextManager[None]]:
    """Give a change that compares credentials, the known and the given one, in another way."""

    def change(platform: "Platform") -> AbstractContextManager[None]:
        return replaced(platform.access, same=same)

    return change


def give_credentials(answer: Answer, origin: str) -> None:
    """Let pages of an origin see this answer, made with the visitor's credentials."""
    answer.headers["Access-Control-Allow-Origin"] = origin
    answer.headers["Access-Control-Allow-Credentials"] = "true"
