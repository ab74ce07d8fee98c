"""Looking at a lab with a seeded defect in it: the proof tests and `make detection` both use this."""

import contextlib
import fnmatch
import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.breaking import Defect, catalogue
from lab.supervisor import Lab
from selfcheck import contract, settings
from selfcheck.judging import look_at
from selfcheck.plugin import GATE, import_checks
from selfcheck.preflight import WrongTargetError
from selfcheck.run import Result, close, open_run
from selfcheck.verdict import Outcome
from selfcheck.waiting import Deadline, NotYet, wait_until

_ROOT = Path(__file__).resolve().parent.parent
_GATE_TIMEOUT_SECONDS = 300.0
SEEN_TIMEOUT_SECONDS = 120.0
"""How long a defect may take to show."""
SETTLE_TIMEOUT_SECONDS = 360.0
"""How long a healed lab may take to forget: a little longer than the longest window in use."""

_COMPONENTS_NOT_IN_THE_LAB = (
    "platform.kubernetes",
    "platform.classifier",
    "security.tls",
    "security.tls_of_prometheus",
    "security.tls_of_grafana",
    "queries.manual_memory",
    "load.autoscaling",
)
"""Not installed here (the exporter of containers, too), without a URL of its own (the classifier), or without TLS:
tests/clients, tests/gate and tests/unit prove these."""

_SEES_EVERYTHING = ("alerts.none_fires",)
"""The lab's own alerts fire on whatever a defect does to it: that they do is right, and differs with its timing."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the gate said at one moment, by promise."""

    results: Mapping[str, Result]

    def outcome(self, promise_id: str) -> Outcome:
        """Give the outcome of a promise; a promise that was not judged is INCONCLUSIVE."""
        found = self.results.get(promise_id)
        return Outcome.INCONCLUSIVE if found is None else found.outcome

    def red(self) -> set[str]:
        """Give the promises that are neither kept nor out of scope, causes and what they block."""
        return {name for name, found in self.results.items() if found.outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE)}


@contextlib.contextmanager
def environment_of(lab: Lab) -> Iterator[None]:
    """Let the settings be those of the lab, and nothing else."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        del os.environ[name]
    os.environ.update(lab.environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def gate(
    lab: Lab,
    folder: str = GATE,
    also: Mapping[str, str] | None = None,
    output: Path | None = None,
    arguments: Iterable[str] = (),
) -> tuple[int, dict[str, str]]:
    """Run the strict gate, or another folder of live checks, as its users do; `also` has further variables.

    `arguments` go to pytest.

    Gives its exit code and the outcome of each promise that is not blocked. Reports are kept only in an `output`.
    """
    with tempfile.TemporaryDirectory() as passing:
        output = output or Path(passing)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(settings.PREFIX)}
        own = {f"{settings.PREFIX}OUTPUT": str(output), f"{settings.PREFIX}STRICT": "1", **(also or {})}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", folder, *arguments],
            cwd=_ROOT,
            env={**inherited, **lab.environment(), **own},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=_GATE_TIMEOUT_SECONDS,
        )
        verdict = json.loads((output / "verdict.json").read_text(encoding="utf-8"))
    return done.returncode, {found["id"]: found["outcome"] for found in verdict["results"] if not found["blocked_by"]}


def defects_of_the_gate() -> dict[str, Defect]:
    """Give the defects that the gate finds; the others show under load or in an experiment only."""
    return {name: defect for name, defect in catalogue().items() if not defect.load and not defect.chaos}


@functools.cache
def _contract() -> contract.Contract:
    return contract.load()


def look(lab: Lab, wanted: Iterable[str] = ()) -> Look:
    """Run the gate in this process, on some promises or all."""
    import_checks()
    with environment_of(lab):
        run = open_run(settings.read(), _contract())
    try:
        return Look({found.id: found for found in look_at(run, wanted)})
    except WrongTargetError:
        return Look({})
    finally:
        close(run)


_SHOWN_ONLY = "load.saturation"
"""The kind that is shown beside the other figures, and never a FAIL."""


@functools.cache
def promise_ids() -> tuple[str, ...]:
    """Give the id of every promise in the contract that the lab can keep or break."""
    import_checks()
    ids = [promise.id for kind, promise in _contract().all_promises() if kind != _SHOWN_ONLY]
    return tuple(name for name in ids if name not in _COMPONENTS_NOT_IN_THE_LAB)


def named(patterns: Iterable[str]) -> list[str]:
    """Give the ids of the promises that patterns name; raises LookupError for a pattern without any."""
    found: list[str] = []
    for pattern in patterns:
        matching = fnmatch.filter(promise_ids(), pattern)
        if not matching:
            message = f"no promise is named {pattern!r}"
            raise LookupError(message)
        found += matching
    return found


def declared(defect: Defect) -> list[str]:
    """Give the ids of the promises whose checks must see a defect."""
    return named((*defect.caught_by, *defect.unclear))


def one_of_each(defects: Mapping[str, Defect]) -> set[str]:
    """Give the names of few defects that together show every kind of promise that all of them show.

    For what takes long to prove: these few in `make test`, all of them in `make soak`. As greedy covers do, it takes
    the defect that shows most of what is left, again and again.
    """
    import_checks()
    kinds = {promise.id: getattr(promise, "aspect", kind) for kind, promise in _contract().all_promises()}
    shows = {name: {kinds[id_] for id_ in declared(defect)} for name, defect in defects.items()}
    left = set[str]().union(*shows.values())
    found = set()
    while left:
        name = max(shows, key=lambda each: len(shows[each] & left))
        found.add(name)
        left -= shows[name]
    return found


def expected(defect: Defect, promise_id: str) -> bool:
    """Tell whether a check may be red while the defect is there."""
    patterns = (*defect.caught_by, *defect.unclear, *defect.also, *_SEES_EVERYTHING)
    return any(fnmatch.fnmatchcase(promise_id, pattern) for pattern in patterns)


def wait_until_green(lab: Lab, wanted: Iterable[str] = ()) -> Look:
    """Wait until no promise is broken or unclear; raises GaveUp, which names those that are."""
    patterns = tuple(wanted)

    def green() -> Look:
        seen = look(lab, patterns)
        missing = set(patterns) - set(seen.results)
        if seen.red() or missing:
            raise NotYet("; ".join(_shown(seen, name) for name in sorted(seen.red() | missing)))
        return seen

    return wait_until(green, timeout_seconds=SETTLE_TIMEOUT_SECONDS, what="the gate to be green", interval_seconds=0.5)


def wait_until_seen(lab: Lab, ids: Iterable[str]) -> Look:
    """Wait until the check of each promise FAILs; raises GaveUp, which names those that do not.

    The checks run alone at first, for speed. Some of them read what other checks made the platform count, and a replica
    that the defect before restarted has none of that; so in the second half of the time it is the whole gate.
    """
    names = tuple(ids)
    alone = Deadline(SEEN_TIMEOUT_SECONDS / 2)

    def seen() -> Look:
        found = look(lab, () if alone.expired else names)
        missed = [name for name in names if found.outcome(name) is not Outcome.FAIL]
        if missed:
            raise NotYet("; ".join(_shown(found, name) for name in missed))
        return found

    return wait_until(
        seen, timeout_seconds=SEEN_TIMEOUT_SECONDS, what=f"{', '.join(names)} to fail", interval_seconds=0.5
    )


def _shown(seen: Look, name: str) -> str:
    found = seen.results.get(name)
    return f"{name}: not judged" if found is None else f"{name} is {found.outcome}: {found.verdict.observed}"
