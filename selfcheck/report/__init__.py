"""Reports of a run: `verdict.json`, JUnit, GitHub annotations; each written whatever happened, by rename."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Collection, Mapping
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
    data = with_texts(run.as_json(exit_code, interrupted=interrupted), run.target.secrets.mask)
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


def with_texts(value: Any, change: Callable[[str], str], kept: Collection[str] = ()) -> Any:
    """Change every text in plain data (mask it, say), but no key, nor what stands under a key of `kept`."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: inner if key in kept else with_texts(inner, change, kept) for key, inner in value.items()}
    return [with_texts(inner, change, kept) for inner in value] if isinstance(value, list | tuple) else value


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
    for name, reason in write_each(folder, files).items():
        troubles.setdefault(reason, []).append(name)
    return "; ".join(
        f"{' and '.join(names)} could not be written to {folder} ({reason}): free some space, or name another folder "
        "in SELF_CHECK_OUTPUT"
        for reason, names in troubles.items()
    )


def write_each(folder: Path, files: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    """Write each file by rename; gives why one could not be written, by name. That does not hide the others."""
    troubles = {}
    for name, make in files.items():
        try:
            replace_file(folder / name, make())
        except OSError as error:
            troubles[name] = error.strerror or str(error)
            with contextlib.suppress(OSError):  # what an earlier run has said must not be taken for this run's
                (folder / name).unlink(missing_ok=True)
    return troubles


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
