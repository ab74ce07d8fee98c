"""Writing the reports of a load test, `load.html` for people and `load.md` for the summary of a CI run, by rename.

Texts of a record can come from a hostile server. They are made harmless and masked here, before anything is written,
and each form escapes them.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from load.record import Record
from load.report import html, markdown
from selfcheck.report import replace_file
from selfcheck.run import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from load.plan import Operation, Profile
    from selfcheck.contract import Promise

HTML_FILE = "load.html"
MARKDOWN_FILE = "load.md"

_NO_TEXT = frozenset({"latency", "service", "lag", "outcome"})
"""Fields that a mask could only destroy: histograms, and a word of ours."""


def write_all(
    folder: Path,
    record: Record,
    results: Sequence[Result],
    profile: Profile,
    *,
    clean: Callable[[str], str],
    operations: Mapping[str, Operation] | None = None,
    promises: Iterable[Promise] = (),
    exit_code: int | None = None,
) -> str:
    """Write both reports; gives a sentence when one could not be written, else an empty text.

    `clean` masks secrets and makes texts harmless: `Run.clean`. For the rest see `html.render`. A report that cannot be
    written does not leave that of an earlier run in its place, and does not hide the other one.
    """
    record, results = cleaned(record, results, clean)
    promises = tuple(promises)
    files: dict[str, Callable[[], str]] = {
        HTML_FILE: lambda: html.render(
            record, results, profile, operations=operations, promises=promises, exit_code=exit_code
        ),
        MARKDOWN_FILE: lambda: markdown.render(record, results, profile, operations=operations, exit_code=exit_code),
    }
    troubles = []
    for name, make in files.items():
        try:
            replace_file(folder / name, make())
        except OSError as error:
            troubles.append(f"{name} could not be written to {folder} ({error.strerror or error})")
            with contextlib.suppress(OSError):
                (folder / name).unlink(missing_ok=True)
    return "; ".join(troubles)


def cleaned(record: Record, results: Sequence[Result], clean: Callable[[str], str]) -> tuple[Record, Sequence[Result]]:
    """Give the same with every text cleaned, whoever wrote it."""
    return (
        Record.model_validate(_cleaned(record.model_dump(), clean)),
        [Result.from_json(_cleaned(result.as_json(), clean)) for result in results],
    )


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: inner if key in _NO_TEXT else _cleaned(inner, clean) for key, inner in value.items()}
    return [_cleaned(inner, clean) for inner in value] if isinstance(value, list | tuple) else value
