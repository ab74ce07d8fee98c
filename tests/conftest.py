"""Where pytest-xdist may put tests: those that share a server stay in one worker, which then starts it once."""

from __future__ import annotations

from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_SHARING = ("clients", "lab")
"""Folders whose files start servers for all of their tests."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests of a file, and those that share the one lab of `tests/lab`."""
    for item in items:
        if not item.path.is_relative_to(_HERE):
            continue
        folder = item.path.relative_to(_HERE).parts[0]
        if folder in _SHARING:
            shares_the_lab = folder == "lab" and "lab" in getattr(item, "fixturenames", ())
            item.add_marker(pytest.mark.xdist_group("lab" if shares_the_lab else item.path.stem))
