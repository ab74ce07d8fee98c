"""Reports of a run: `verdict.json`, JUnit, GitHub annotations; each written whatever happened, by rename."""

import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfcheck.report import github, junit

if TYPE_CHECKING:
    from selfcheck.run import Run

VERDICT_FILE = "verdict.json"
JUNIT_FILE = "junit.xml"
EXIT_USAGE = 4

_NOT_UNICODE = "backslashreplace"
"""What becomes of half a surrogate pair, which a platform's JSON can hold and UTF-8 cannot; in JSON it is an escape."""


def write_all(run: "Run", exit_code: int, *, interrupted: bool) -> str:
    """Write every report of a run; gives a sentence when one could not be written, else an empty text.

    A report that cannot be written (a full disk, a folder without permission) neither hides the verdict nor the other
    reports.
    """
    # Masked before it is written down: in the text of a file, a short secret might be part of the form.
    data = _masked(run.as_json(exit_code, interrupted=interrupted), run.target.secrets.mask)
    folder = run.settings.output
    trouble = _try(
        folder,
        {
            VERDICT_FILE: lambda: json.dumps(data, indent=2, ensure_ascii=False) + "\n",
            JUNIT_FILE: lambda: junit.render(data),
        },
    )
    if os.environ.get("GITHUB_ACTIONS") == "true":
        commands = github.render(data).encode(errors=_NOT_UNICODE).decode()
        # pytest's line of progress has not ended, and only what begins a line is a command.
        sys.stdout.write(f"\n{commands}" if commands else "")
        sys.stdout.flush()
    return trouble


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    """Mask every text in plain data, but no key."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {key: _masked(inner, mask) for key, inner in value.items()}
    return [_masked(inner, mask) for inner in value] if isinstance(value, list | tuple) else value


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
    troubles: dict[str, list[str]] = {}
    for name, make in files.items():
        try:
            replace_file(folder / name, make())
        except OSError as error:
            troubles.setdefault(error.strerror or str(error), []).append(name)
            with contextlib.suppress(OSError):  # what an earlier run has said must not be taken for this run's verdict
                (folder / name).unlink(missing_ok=True)
    return "; ".join(
        f"{' and '.join(names)} could not be written to {folder} ({reason}): free some space, or name another folder "
        "in SELF_CHECK_OUTPUT"
        for reason, names in troubles.items()
    )


def replace_file(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old content or the new, never half of it; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not from `tempfile`: its files are for their owner alone, and who collects reports is often somebody else.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", errors=_NOT_UNICODE) as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def load_verdict(path: Path) -> dict[str, Any]:
    """Read a verdict file back; raises OSError or ValueError."""
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data
