"""One running lab for everything that is loaded."""

from collections.abc import Iterator

import pytest

from lab.supervisor import Lab
from tests.labs import free_lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A healthy lab on ports of its own; every defect puts it back as it was."""
    with free_lab(tmp_path_factory.mktemp("loaded")) as running:
        yield running
