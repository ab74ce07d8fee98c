"""One running lab for the tests of the lab."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lab.supervisor import Lab
from tests.labs import free_lab


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, list[Any]]]:
    """A lab that has just settled, and what its receivers were told until then: later, tests break something."""
    with free_lab(tmp_path_factory.mktemp("lab")) as running:
        answer = httpx.get(f"{running.ports.url('receiver')}/notifications", timeout=5).json()
        yield running, answer["notifications"]


@pytest.fixture(scope="session")
def lab(started: tuple[Lab, list[Any]]) -> Lab:
    """A healthy lab on ports of its own; every test leaves it as it was."""
    return started[0]
