"""Labs for tests, on ports that nobody uses."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.ports import free_offset
from lab.supervisor import Lab


@contextmanager
def free_lab(folder: Path) -> Iterator[Lab]:
    """Run a lab in a folder as long as the `with` block lasts; it forgets a defect after 20 seconds."""
    lab = Lab(folder / "lab", port_offset=free_offset(), window_max_seconds=20.0)
    try:
        lab.up()
        yield lab
    finally:
        lab.down()
