"""Writing the reports of a chaos run, `report.html` for people and `report.md` for a ticket, by rename.

Texts of records and timelines can come from a hostile server. They are made harmless and masked here, before anything
is written, and each form escapes them.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chaos import record as records
from chaos import timeline as timelines
from chaos.record import RECORD_FILE, TIMELINE_FILE, Record
from chaos.report.story import Story
from chaos.timeline import Timeline
from selfcheck.report import with_texts, write_each
from selfcheck.run import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from chaos.plan import Experiment
    from selfcheck.contract import Promise

HTML_FILE = "report.html"
MARKDOWN_FILE = "report.md"

_OUR_WORDS = frozenset({"outcome", "state", "status", "source"})
"""Fields of timelines and verdicts that hold a word of ours, which a mask of a short secret could only destroy."""


def write_all(
    folder: Path,
    results: Sequence[Result],
    *,
    clean: Callable[[str], str],
    exit_code: int | None = None,
    promises: Iterable[Promise] = (),
    experiments: Mapping[str, Experiment] | None = None,
    only: Collection[str] | None = None,
) -> str:
    """Write both reports into the folder of a run; gives a sentence when one could not be written, else an empty text.

    `folder` is `<output>/chaos`, with a folder for each experiment; `only` leaves out those of earlier runs. `clean`
    masks secrets and makes texts harmless: `Run.clean`. `promises` and `experiments` are those of the contract: which
    experiment a verdict belongs to, and what it does. A report that cannot be written does not leave that of an earlier
    run in its place, and does not hide the other one.
    """
    from chaos.report import html, markdown  # noqa: PLC0415 - a dry run and a mere list of checks draw nothing

    clean = lru_cache(maxsize=100_000)(clean)
    stories, troubles = told(folder, results, clean, promises=promises, experiments=experiments or {}, only=only)
    judged = [cleaned(result, clean) for result in results]
    files: dict[str, Callable[[], str]] = {
        HTML_FILE: lambda: html.render(stories, judged, exit_code=exit_code, troubles=troubles),
        MARKDOWN_FILE: lambda: markdown.render(stories, judged, exit_code=exit_code, troubles=troubles),
    }
    return "; ".join(
        f"{name} could not be written to {folder} ({reason})" for name, reason in write_each(folder, files).items()
    )


def told(
    folder: Path,
    results: Sequence[Result],
    clean: Callable[[str], str] = str,
    *,
    promises: Iterable[Promise] = (),
    experiments: Mapping[str, Experiment] | None = None,
    only: Collection[str] | None = None,
) -> tuple[list[Story], list[str]]:
    """Read the experiments of a run, in the order in which they began, with a sentence for each that cannot be read."""
    names = [name for name in saved(folder) if only is None or name in only]
    belongs = {promise.id: str(getattr(promise, "experiment", "")) for promise in promises}
    stories: list[Story] = []
    troubles: list[str] = []
    for name in names:
        mine = [cleaned(r, clean) for r in results if (belongs.get(r.id) or _named(r.id, names)) == name]
        record, trouble = _record(folder / name / RECORD_FILE)
        try:
            timeline = timelines.read(folder / name / TIMELINE_FILE)
        except OSError as error:
            timeline, trouble = Timeline([]), trouble or f"its timeline cannot be read ({error.strerror or error})"
        if record is not None:
            record = Record.model_validate(with_texts(record.model_dump(), clean, _OUR_WORDS))
        seen = Timeline([_cleaned_sample(sample, clean) for sample in timeline.seen])
        experiment = (experiments or {}).get(name)
        stories.append(Story(name, record, seen, mine, experiment, clean(trouble)))
        troubles += [clean(f"{name}: {trouble}")] if trouble else []
    stories.sort(key=lambda story: story.record.started_unix_seconds if story.record is not None else float("inf"))
    return stories, troubles


def saved(folder: Path) -> list[str]:
    """Give the names of the experiments that a folder has something of; none when it cannot be read."""
    try:
        return sorted(
            path.name for path in folder.iterdir() if (path / RECORD_FILE).is_file() or (path / TIMELINE_FILE).is_file()
        )
    except OSError:
        return []


def _record(path: Path) -> tuple[Record | None, str]:
    try:
        return records.read(path), ""
    except FileNotFoundError:
        return None, "it left no record: the runner ended before its time"
    except OSError as error:
        return None, f"its record cannot be read ({error.strerror or error})"
    except ValueError as error:
        return None, f"its record is none ({str(error).splitlines()[0]})"


def _named(id_: str, names: Iterable[str]) -> str:
    """Give the experiment that a promise's id names, the longest such name; empty where it names none."""
    return max((name for name in names if name in id_), key=len, default="")


def cleaned(result: Result, clean: Callable[[str], str]) -> Result:
    """Give a result with every text cleaned, whoever wrote it."""
    return Result.from_json(with_texts(result.as_json(), clean, _OUR_WORDS))


def _cleaned_sample(sample: timelines.Seen, clean: Callable[[str], str]) -> timelines.Seen:
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(sample):
        value = getattr(sample, field.name)
        if isinstance(sample, timelines.Mark) and field.name == "name":
            continue
        if isinstance(sample, timelines.Alerts) and field.name == "alerts":
            changes["alerts"] = tuple(
                dataclasses.replace(alert, name=clean(alert.name), labels=_labels(alert.labels, clean))
                for alert in sample.alerts
            )
        elif isinstance(value, str) and field.name not in _OUR_WORDS:
            changes[field.name] = clean(value)
        elif isinstance(value, dict):
            changes[field.name] = _labels(value, clean)
    return dataclasses.replace(sample, **changes) if changes else sample


def _labels(labels: Mapping[str, Any], clean: Callable[[str], str]) -> dict[str, Any]:
    return {clean(key): clean(value) if isinstance(value, str) else value for key, value in labels.items()}
