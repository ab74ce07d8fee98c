from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from selfcheck.clients.http import Http
from selfcheck.secrets import Secrets
from selfcheck.waiting import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterator


class MakeHttp(Protocol):
    def __call__(self, **options: Any) -> Http: ...


@pytest.fixture
def make_http() -> Iterator[MakeHttp]:
    """Makes clients with short limits, and closes them at the end."""
    made: list[Http] = []

    def make(**options: Any) -> Http:
        limits = {
            "deadline": Deadline(30),
            "secrets": Secrets(),
            "timeout_seconds": 5.0,
            "user_agent": "test/1",
        }
        made.append(Http(**{**limits, **options}))
        return made[-1]

    yield make
    for http in made:
        http.close()


@pytest.fixture
def http(make_http: MakeHttp) -> Http:
    return make_http()
