"""One running lab for all proofs."""

from collections.abc import Iterator

import pytest

from lab.supervisor import Lab
from tests.labs import free_lab
from tools.proving import wait_until_green


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A healthy lab on ports of its own, for each worker; every defect puts it back as it was.

    The whole gate is green on it before the first defect and after the last one.
    """
    with free_lab(tmp_path_factory.mktemp("proof")) as running:
        wait_until_green(running)
        yield running
        wait_until_green(running)
