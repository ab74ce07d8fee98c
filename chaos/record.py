"""The record of an experiment: all that was decided and done, beside the timeline with all that was seen.

`<output>/chaos/<experiment>/record.json` and `timeline.jsonl` are all that judges see, so a saved run can be judged
again. Times are seconds since the timeline began, unless the name says Unix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from selfcheck.contract import Model

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_VERSION = 1
RECORD_FILE = "record.json"
TIMELINE_FILE = "timeline.jsonl"
FOLDER = "chaos"
"""The folder below the output folder; each experiment has one of its own in it."""


class Done(Model):
    """One fault of the experiment: what became of it."""

    fault: str = Field(description="In a few words.")
    target: str = Field(description="What was changed: a proxy and its server, a process, a setting.")
    undo: str = Field(description="What the ledger has as its inverse, in words.")
    injected: float | None = None
    proof: str = Field("", description="What was read back when it was made; empty when it was not there.")
    undone: float | None = Field(None, description="When its undo was verified; None where it was not.")
    undo_steps: tuple[str, ...] = Field((), description="The steps of the ladder that it took.")
    trouble: str = Field("", description="Why it was not made, or could not be undone.")


class Look(Model):
    """A promise of the gate, as it was before or after."""

    id: str
    outcome: str
    observed: str = ""


class Rule(Model):
    """An alerting rule that the target has loaded, in its own timings."""

    name: str
    group: str
    for_seconds: float = Field(ge=0)
    interval_seconds: float = Field(gt=0, description="Between two evaluations.")
    severity: str = ""
    reads: tuple[str, ...] = Field((), description="All metrics that it reads, also through recording rules.")
    receivers: tuple[str, ...] = Field((), description="Where the loaded routes send it.")
    burn_seconds: float = Field(
        0.0, ge=0, description="The longer of the two windows over which it compares how fast a budget burns; 0: none."
    )
    repeat_seconds: float = Field(0.0, ge=0, description="The shortest time after which it is sent again; 0: unknown.")


class Traffic(Model):
    """What became of the background load while the experiment went on, from the generator's own record."""

    planned: int = 0
    answered: int = Field(0, description="As promised.")
    failed: int = Field(0, description="In any other way.")
    seconds: float = 0.0
    trouble: str = Field("", description="Why its figures do not count: it did not run, or did not keep up.")
    failed_at: tuple[tuple[float, int, int], ...] = Field(
        (), description="(seconds since the beginning, requests due, of these failed) for each block of time."
    )


class Meanwhile(Model):
    """Rows of the store that are of the time of the fault, those of them that are there once more; or the trouble."""

    rows: float = 0
    twice: float = 0
    trouble: str = ""


class Repeated(Model):
    """What came back to a request of a `Repeat`; `trouble` is what keeps it from being an answer."""

    status: int = 0
    trouble: str = ""
    values: Mapping[str, str | float | bool | None] = Field(default_factory=dict)


class Record(Model):
    """One experiment that was started; `refused` says why nothing was injected, where that is so."""

    schema_version: int = SCHEMA_VERSION
    run_id: str
    experiment: str
    environment: str
    base_url: str
    started_at: str = Field(description="ISO 8601, UTC.")
    started_unix_seconds: float
    time_scale: float = 1.0
    refused: str = ""
    stopped_by: str = Field("", description="The stop condition, or the interruption, that ended it early.")
    faults: tuple[Done, ...] = ()
    before: tuple[Look, ...] = Field((), description="The steady state before the fault.")
    during: tuple[Look, ...] = Field((), description="What is promised to hold while the fault is there, then.")
    after: tuple[Look, ...] = Field((), description="And after recovery; empty when that did not come.")
    leftovers: tuple[str, ...] = Field((), description="What is left of it on the target.")
    replicas: tuple[str, ...] = Field((), description="Names of the replicas that could be addressed one by one.")
    replicas_wanted: int | None = None
    limits: Mapping[str, float] = Field(
        default_factory=dict, description="What the platform said of its own limits, by dotted path of the health page."
    )
    rules: tuple[Rule, ...] = ()
    watched: tuple[str, ...] = Field(
        (), description="The observers that were in scope: prometheus, alertmanager, receiver."
    )
    stored_before: Mapping[str, float] = Field(default_factory=dict, description="Rows in the store, by promise id.")
    stored_after: Mapping[str, float] = Field(default_factory=dict, description="Likewise, after recovery.")
    stored_meanwhile: Mapping[str, Meanwhile] = Field(
        default_factory=dict, description="Rows of the time of the fault, after recovery, by promise id."
    )
    reset: str = Field("", description="Why the reset of the experiment was not done; empty where it was, or is none.")
    repeated_during: Mapping[str, Repeated] = Field(default_factory=dict, description="By the name of the `Repeat`.")
    repeated_after: Mapping[str, Repeated] = Field(default_factory=dict, description="Likewise, after recovery.")
    scrape_seconds: float = Field(0.0, description="The longest interval between two scrapes of the platform.")
    traffic: Traffic = Traffic()


def write(record: Record, path: Path) -> None:
    """Write a record by rename, so that whoever reads it never sees half of one."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(record.model_dump_json(indent=1), encoding="utf-8")
    fresh.replace(path)


def read(path: Path) -> Record:
    """Read a record; raises OSError, or ValueError for what is none (pydantic says where)."""
    return Record.model_validate_json(path.read_text(encoding="utf-8"))
