"""How near the sampler's timeline is to the truth: transitions of breakers and alerts, as the lab itself logs them.

    python -m tools.timing [--rounds 3]

A lab is started here. In each round a provider's proxy is disabled until its alert was delivered, and enabled until its
end was. The truth of a breaker is the line in the replica's log, that of an alert its `activeAt` in Prometheus, that of
a notification the time at which the receiver got it. Nothing fails because a machine is slow or busy: it reports.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import statistics
import sys
import tempfile
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
from rich.console import Console
from rich.table import Table

from chaos.plan import Experiment, Fault
from chaos.sampling import Sampler
from chaos.timeline import Alerts, Notification, Page, Probed, Replica, Writer
from lab.ports import free_offset
from lab.supervisor import Lab
from selfcheck import contract
from selfcheck.run import close, open_run
from selfcheck.settings import PREFIX, Settings
from selfcheck.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from chaos.timeline import Timeline
    from selfcheck.target import Target

PROVIDER: Final = "paddle"
OPEN: Final = 2.0
_RUN_SECONDS = 3600.0
_OPENS_SECONDS = 60.0
_DELIVERED_SECONDS = 120.0
_LOGGED = re.compile(
    r"^(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) .*breaker of (?P<key>\S+): (?P<old>\S+) -> (?P<new>\S+)$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Change:
    """A breaker that changed its state, by the log of its replica; `at` in Unix seconds."""

    key: str
    old: str
    new: str
    at: float


def logged(log: str) -> list[Change]:
    """Read the changes of breakers in a replica's log, which has the local time."""
    return [
        Change(found["key"], found["old"], found["new"], dt.datetime.fromisoformat(found["at"]).timestamp())
        for found in _LOGGED.finditer(log)
    ]


def opened(changes: Sequence[Change], since: float) -> Change:
    """Give the first change of the provider's breaker to open after a moment; raises StopIteration without one."""
    return next(each for each in changes if each.key == PROVIDER and each.new == "open" and each.at >= since)


def breaker_lags(timeline: Timeline, replica: str, truth: float, code: str) -> dict[str, float]:
    """Say how long after the truth gauge, page and callers first showed an open breaker, in seconds."""
    gauge = (
        each.at
        for each in timeline.of(Replica)
        if each.replica == replica and each.breakers.get(PROVIDER) == OPEN and each.at >= truth - 1
    )
    page = (
        each.at
        for each in timeline.of(Page)
        if each.replica == replica and each.providers.get(PROVIDER) is False and each.at >= truth - 1
    )
    callers = (
        each.at + each.seconds
        for each in timeline.of(Probed)
        if each.replica == replica and each.code == code and each.at >= truth - 1
    )
    seen = {"gauge": next(gauge, None), "page": next(page, None), "callers": min(callers, default=None)}
    return {name: at - truth for name, at in seen.items() if at is not None}


def closed_lag(timeline: Timeline, replica: str, truth: float) -> float | None:
    """Say how long after the truth the gauge first showed a closed breaker, in seconds."""
    seen = (
        each.at
        for each in timeline.of(Replica)
        if each.replica == replica and each.breakers.get(PROVIDER) == 0 and each.at >= truth - 0.01
    )
    return next((at - truth for at in seen), None)


def alert_lags(timeline: Timeline, since: float) -> list[float]:
    """Say how long after they became active alerts first stood in a sample of Prometheus; those that began later."""
    first: dict[tuple[str, float], float] = {}
    for sample in timeline.of(Alerts):
        for alert in sample.alerts if sample.source == "prometheus" else ():
            if alert.active_at >= since:
                first.setdefault((alert.key, alert.active_at), sample.at)
    return [at - active_at for (_, active_at), at in first.items()]


def notification_lags(timeline: Timeline, since: float) -> list[float]:
    """Say how long after the receiver got them notifications were in the timeline."""
    return [each.at - each.received for each in timeline.of(Notification) if each.received >= since]


# ----------------------------------------------------------------------------------------------------------- on a lab


@contextmanager
def aimed(lab: Lab, folder: Path) -> Iterator[Target]:
    """Give the target of a run that looks at a lab, by a contract with probes for what is measured here."""
    values = {name.removeprefix(PREFIX).lower(): value for name, value in lab.environment().items()}
    settings = Settings(_env_file=None, output=folder / "output", deadline=_RUN_SECONDS, **values)  # type: ignore[arg-type]
    run = open_run(settings, contract.load(contract_with_probes(folder / "contract")))
    try:
        yield run.target
    finally:
        close(run)


_PROBES = f"""
[[probe]]
name = "timed_provider"
says = "OCR by one provider, of each replica"
act = "ocr_by_a_provider"
values = {{ provider = "{PROVIDER}" }}
each_replica = true

[[probe]]
name = "timed_control"
says = "a comparison with a registered vector"
act = "compare_with_a_candidate"

[[probe]]
name = "timed_health"
says = "the health page"
act = "ask_for_health"

[[watch]]
name = "timed_up"
query = "sum(up)"

[[watch]]
name = "timed_ratio"
query = "circuit_breaker_open_ratio"
"""


def contract_with_probes(folder: Path) -> Path:
    """Copy the contract, with probes that do not depend on its experiments."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in contract.DEFAULT_CONTRACT.glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        (folder / path.name).write_text(text + _PROBES * (path.stem == "chaos"), encoding="utf-8")
    return folder


def experiment(*controls: str) -> Experiment:
    """Give an experiment with the probes from here."""
    return Experiment(
        name="timed",
        says="a provider is away, to see how soon that shows",
        faults=(Fault(lever=PROVIDER, kind="down"),),
        probe="timed_provider",
        controls=controls,
    )


def names_of(lab: Lab) -> dict[str, str]:
    """Give the base URLs of the lab's replicas by the names of their logs."""
    return {name.replace("_", "-"): lab.ports.url(name) for name in ("replica_1", "replica_2", "replica_3")}


def enable(lab: Lab, *, there: bool) -> None:
    """Enable or disable the provider's proxy."""
    url = f"{lab.ports.url('toxiproxy')}/proxies/{PROVIDER}"
    httpx.post(url, json={"enabled": there}, timeout=5, trust_env=False).raise_for_status()


def breakers(timeline: Timeline, names: Mapping[str, str]) -> dict[str, float | None]:
    """Give the state of the provider's breaker by replica, as last seen."""
    last: dict[str, float | None] = dict.fromkeys(names)
    for sample in timeline.of(Replica):
        last[sample.replica] = sample.breakers.get(PROVIDER)
    return last


def _round(lab: Lab, target: Target, writer: Writer, lags: dict[str, list[float]]) -> None:
    names = names_of(lab)

    def statuses(since: float) -> set[str]:
        return {each.status for each in writer.timeline().of(Notification) if each.received >= since}

    with Sampler(target, experiment(), writer, names=names):
        began = writer.now()[0]
        enable(lab, there=False)
        try:
            wait_until(
                lambda: set(breakers(writer.timeline(), names).values()) == {OPEN},
                timeout_seconds=_OPENS_SECONDS,
                what="the breakers to open",
            )
            wait_until(
                lambda: "firing" in statuses(began),
                timeout_seconds=_DELIVERED_SECONDS,
                what="an alert",
                interval_seconds=0.5,
            )
        finally:
            enable(lab, there=True)
        healed = writer.now()[0]
        wait_until(
            lambda: set(breakers(writer.timeline(), names).values()) == {0.0} and "resolved" in statuses(healed),
            timeout_seconds=_DELIVERED_SECONDS,
            what="the end of the alert",
            interval_seconds=0.5,
        )
    timeline = writer.timeline()
    for replica in names:
        changes = logged(lab.log(replica).read_text(encoding="utf-8"))
        truth = opened(changes, began).at
        for name, lag in breaker_lags(timeline, replica, truth, "CIRCUIT_OPEN").items():
            lags[f"breaker opens: {name}"].append(lag)
        last = [each for each in changes if each.key == PROVIDER and each.new == "closed" and each.at >= began][-1]
        closing = closed_lag(timeline, replica, last.at)
        lags["breaker closes: gauge"] += [] if closing is None else [closing]
    lags["alert: active in Prometheus"] += alert_lags(timeline, began)
    lags["alert: told to the receiver"] += notification_lags(timeline, began)


def main() -> int:
    """Measure, and print a table; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.timing", description="How near a timeline is to the truth.")
    parser.add_argument("--rounds", type=int, default=3, help="how often a provider is taken away")
    options = parser.parse_args()
    lags: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lab = Lab(folder / "lab", port_offset=free_offset(), window_max_seconds=20.0)
        try:
            lab.up()
            with aimed(lab, folder) as target:
                for number in range(options.rounds):
                    writer = Writer(folder / f"timeline-{number}.jsonl")
                    _round(lab, target, writer, lags)
                    writer.close()
        finally:
            lab.down()
    table = Table("transition, and where it shows", "number", "median", "p95", "longest")
    for name, values in sorted(lags.items()):
        ordered = sorted(values)
        p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        figures = (statistics.median(ordered), p95, ordered[-1])
        table.add_row(name, str(len(ordered)), *(f"{1000 * each:.0f} ms" for each in figures))
    Console(width=80).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
