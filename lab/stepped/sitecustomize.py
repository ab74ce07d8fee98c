"""Python runs this before anything else when its folder is on PYTHONPATH: the wall clock is as far off as a file says.

The monotonic clock stays as it is, as when somebody sets the clock of a machine.
"""

import os
import time
from pathlib import Path

_OFFSET = Path(os.environ["CAD_LAB_CLOCK"])
_real = time.time


def _stepped() -> float:
    try:
        return _real() + float(_OFFSET.read_text(encoding="ascii"))
    except (OSError, ValueError):  # the lab is gone, or just writes it
        return _real()


time.time = _stepped
