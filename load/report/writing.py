"""Writing the reports of a load test, `load.html` for people and `load.md` for the summary of a CI run, by rename.

Texts of a record can come from a hostile server. They are made harmless and masked here, before anything is written,
and each form escapes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from load.record import Record
from load.report import html, markdown
from selfcheck.report import with_texts, write_each
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
    return "; ".join(
        f"{name} could not be written to {folder} ({reason})" for name, reason in write_each(folder, files).items()
    )


def cleaned(record: Record, results: Sequence[Result], clean: Callable[[str], str]) -> tuple[Record, Sequence[Result]]:
    """Give the same with every text cleaned, whoever wrote it."""
    return (
        Record.model_validate(with_texts(record.model_dump(), clean, _NO_TEXT)),
        [Result.from_json(with_texts(result.as_json(), clean, _NO_TEXT)) for result in results],
    )
