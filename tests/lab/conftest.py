"""One running lab for the tests of the lab."""

from collections.abc import Iterator

import pytest

from lab.supervisor import Lab
from tests.labs import free_lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A healthy lab on ports of its own; every test leaves it as it was."""
    with free_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running
