"""Reports of a run: `verdict.json`, JUnit, GitHub annotations; each written whatever happened, by rename."""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfcheck.report import github, junit

if TYPE_CHECKING:
    from selfcheck.run import Run

VERDICT_FILE = "verdict.json"
JUNIT_FILE = "junit.xml"
EXIT_USAGE = 4


def write_all(run: "Run", exit_code: int, *, interrupted: bool) -> str:
    """Write every report of a run; gives a sentence when one could not be written, else an empty text.

    A report that cannot be written (a full disk, a folder without permission) neither hides the verdict nor the other
    reports.
    """
    data = run.as_json(exit_code, interrupted=interrupted)
    mask = run.target.secrets.mask
    folder = run.settings.output
    trouble = _try(
        folder,
        {
            VERDICT_FILE: lambda: mask(json.dumps(data, indent=2, ensure_ascii=False)) + "\n",
            JUNIT_FILE: lambda: mask(junit.render(data)),
        },
    )
    if os.environ.get("GITHUB_ACTIONS") == "true":
        sys.stdout.write(mask(github.render(data)))
        sys.stdout.flush()
    return trouble


def unusable(sentence: str) -> None:
    """Leave a verdict file also when settings or contract could not be used at all."""
    data = {
        "schema_version": 1,
        "outcome": "REFUSED",
        "exit_code": EXIT_USAGE,
        "refusal": sentence,
        "results": [],
    }
    folder = Path(os.environ.get("SELF_CHECK_OUTPUT") or ".selfcheck")
    trouble = _try(folder, {VERDICT_FILE: lambda: json.dumps(data, indent=2, ensure_ascii=False) + "\n"})
    if trouble:
        sys.stderr.write(trouble + "\n")


def _try(folder: Path, files: dict[str, Callable[[], str]]) -> str:
    troubles = []
    for name, make in files.items():
        try:
            replace_file(folder / name, make())
        except OSError as error:
            troubles.append(f"{folder / name} could not be written: {error.strerror or error}")
    return "; ".join(troubles)


def replace_file(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old content or the new, never half of it; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load_verdict(path: Path) -> dict[str, Any]:
    """Read a verdict file back; raises OSError or ValueError."""
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data
