"""One API server of Kubernetes for all tests that need one; `make test-kubernetes` builds it and runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clusters import ApiServer, api_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server; each test removes what it has made."""
    with api_server(tmp_path_factory.mktemp("cluster")) as found:
        yield found
