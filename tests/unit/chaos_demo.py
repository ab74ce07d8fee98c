"""A believable chaos run, as the engine writes one: `python -m tests.unit.chaos_demo FOLDER` makes its report.

A provider is down for half a minute: its breaker opens on all replicas, an alert goes its whole way, and one replica
closes its breaker late. A second experiment was refused, a third one left its fault behind.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos import record as records
from chaos import timeline as timelines
from chaos.plan import BUDGET, Experiment, Fault
from chaos.record import Done, Look, Record, Rule, Traffic
from chaos.timeline import Alert, Alerts, Figures, Load, Mark, Notification, Probed, Replica, Seen, Trouble
from selfcheck.run import Result
from selfcheck.verdict import Verdict, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BEGAN = 1_768_360_360.0
REPLICAS = ("replica-1", "replica-2", "replica-3")
FAULT, UNDO, UNDONE, RECOVERED, END = 6.0, 36.0, 36.4, 47.0, 52.0
OPENED, CLOSED = 8.2, 41.0
ALERT = {"severity": "critical", "provider": "paddle", "subject": "provider"}
OUTAGE = "outage_paddle"

EXPERIMENTS = {
    OUTAGE: Experiment(
        name=OUTAGE,
        says="the provider paddle refuses all connections",
        faults=(Fault(lever="paddle", kind="down"),),
        probe="ocr_paddle",
        controls=("compare",),
        provider="paddle",
    ),
    "redis_slow": Experiment(
        name="redis_slow",
        says="each answer of Redis takes two seconds",
        faults=(Fault(lever="redis", kind="latency", milliseconds=2000),),
        probe="ready",
    ),
    "replica_killed": Experiment(
        name="replica_killed",
        says="one replica is killed",
        faults=(Fault(lever="replica", kind="kill"),),
        probe="ready",
    ),
}


def outage_samples() -> Iterator[tuple[type[Seen], float, dict[str, Any]]]:
    """Give (kind, since, fields) of a provider's outage, in order of time."""
    dice = random.Random(5)
    found: list[tuple[type[Seen], float, dict[str, Any]]] = [
        (Mark, at, {"name": name, "detail": detail})
        for name, at, detail in (
            (timelines.STARTED, 0.0, OUTAGE),
            (timelines.INJECTING, FAULT - 0.2, "paddle: down"),
            (timelines.INJECTED, FAULT, "the proxy is disabled"),
            (timelines.UNDOING, UNDO, ""),
            (timelines.UNDONE, UNDONE, "the proxy is enabled"),
            (timelines.RECOVERED, RECOVERED, ""),
            (timelines.ENDED, END, ""),
        )
    ]
    for number in range(int(END * 5)):
        since = number / 5
        replica = REPLICAS[number % 3]
        found += [(Probed, since, through_the_fault(since, replica, dice)), (Probed, since + 0.1, control(since, dice))]
        found.append((Replica, since, reading(since, replica, number)))
        if number % 5 == 0:
            found += [
                (Alerts, since, alerts(since)),
                (Figures, since, {"values": {"open_ratio": float(is_open(since)), BUDGET: budget(since)}}),
            ]
            found.append((Load, since, {"progress": {"finished": int(since * 20), "elapsed": since, "errors": 0}}))
    for number, (at, status) in enumerate(((17.5, "firing"), (46.0, "resolved"))):
        told = {"number": number, "receiver": "pager", "status": status, "name": "ProviderDown", "labels": ALERT}
        found.append((Notification, at + 0.15, {**told, "received": BEGAN + at}))
    found.append((Trouble, 20.0, {"source": "prometheus", "text": "no answer within 1 s"}))
    yield from sorted(found, key=lambda sample: sample[1])


def budget(since: float) -> float:
    return 0.97 - 0.08 * min(1.0, max(0.0, since - 8) / 28)


def is_open(since: float, late: float = 0.0) -> bool:
    return OPENED <= since < CLOSED + late


def through_the_fault(since: float, replica: str, dice: random.Random) -> dict[str, Any]:
    fields: dict[str, Any] = {"probe": "ocr_paddle", "replica": replica, "status": 200}
    if since < FAULT or since >= CLOSED:
        return {**fields, "outcome": "ok", "seconds": dice.lognormvariate(-1.7, 0.3), "answered_by": "paddle"}
    code = "CIRCUIT_OPEN" if is_open(since) else "PROVIDER_DOWN"
    if OPENED + 4 < since < OPENED + 4.5:
        return {**fields, "outcome": "timeout", "seconds": 3.0, "status": 0, "detail": "no complete answer within 3 s"}
    seconds = dice.lognormvariate(-4.5, 0.3) if is_open(since) else 1.0 + dice.random() / 5
    return {**fields, "outcome": "failed", "seconds": seconds, "code": code}


def control(since: float, dice: random.Random) -> dict[str, Any]:
    limited = 24 < since < 25
    return {
        "probe": "compare",
        "outcome": "limited" if limited else "ok",
        "seconds": dice.lognormvariate(-4.2, 0.3),
        "status": 429 if limited else 200,
    }


def reading(since: float, replica: str, number: int) -> dict[str, Any]:
    late = 4.0 if replica == REPLICAS[2] else 0.0
    state = 2.0 if is_open(since, late) else 0.0
    if state and since > OPENED + 10 and number % 40 < 3:
        state = 1.0
    away = replica == REPLICAS[1] and 38 <= since < 40
    if away:
        return {"replica": replica, "up": False}
    return {"replica": replica, "up": True, "breakers": {"paddle": state, "deepseek_hf": 0.0}, "began": BEGAN - 3600}


def alerts(since: float) -> dict[str, Any]:
    active = [Alert("Watchdog", "firing", {"severity": "none"}, BEGAN - 9000)]
    if 9 <= since < 45:
        active.append(Alert("ProviderDown", "pending" if since < 15 else "firing", ALERT, BEGAN + 9))
    if 12 <= since < 30:
        active.append(Alert("CircuitBreakersOpenOnMostOfTheReplicas", "pending", {"severity": "warning"}, BEGAN + 12))
    return {"source": "prometheus", "alerts": tuple(active)}


def outage_record(**more: Any) -> Record:
    fields: dict[str, Any] = {
        "run_id": "selfcheck-0123456789ab",
        "experiment": OUTAGE,
        "environment": "staging",
        "base_url": "https://staging.example.com",
        "started_at": "2026-01-14T03:12:40+00:00",
        "started_unix_seconds": BEGAN,
        "time_scale": 60.0,
        "faults": (
            Done(
                fault="paddle: down",
                target="proxy paddle (127.0.0.1:8101 to 127.0.0.1:8201)",
                undo="enable the proxy paddle",
                injected=FAULT,
                proof="enabled: false",
                undone=UNDONE,
                undo_steps=("enabled the proxy", "read back: enabled, no toxic"),
            ),
        ),
        "before": (Look(id="health.status", outcome="PASS", observed="healthy on 3 replicas"),),
        "after": (Look(id="health.status", outcome="PASS", observed="healthy on 3 replicas"),),
        "replicas": REPLICAS,
        "replicas_wanted": 3,
        "limits": {"config.limits.provider_timeout_seconds": 10.0, "config.limits.breaker_failures": 5},
        "rules": (
            Rule(name="ProviderDown", group="providers", for_seconds=5, interval_seconds=1, severity="critical"),
        ),
        "scrape_seconds": 1.0,
        "traffic": Traffic(
            planned=1040,
            answered=1038,
            failed=38,
            seconds=END,
            failed_at=tuple((float(at), 20, 10 if 6 <= at < 9 else 1 if at == 30 else 0) for at in range(int(END))),
        ),
    }
    return Record(**{**fields, **more})


def outcome(
    promise: str, verdict: Verdict, *, experiment: str = OUTAGE, kind: str = "chaos.kind", **more: Any
) -> Result:
    fields = {
        "says": f"what {promise} promises, in a sentence",
        "severity": "critical",
        "owner": "ml-team",
        "runbook": "docs/runbooks/circuit_breaker.md",
    }
    return Result(f"chaos.{experiment}.{promise}", kind, verdict=verdict, **{**fields, **more})


RESULTS = (
    outcome("bites", passed("60 of 180 requests failed while the fault was there; none before")),
    outcome("breaker_opens", passed("opened after 5 failures on each of 3 replicas")),
    outcome(
        "breaker_closes",
        failed(
            "closed on every replica within 6 s of the undo (open time 1 s, slack 5 s)",
            "replica-3 was still open 8.6 s after the undo",
            where="GET /metrics of replica-3",
            reproduce="python -m chaos judge .selfcheck/chaos --promise chaos.outage_paddle.breaker_closes",
            notes=["the others closed after 4.6 s"],
        ),
    ),
    outcome("alert", passed("pending at 9 s, fired at 15 s, delivered at 17.5 s, resolved at 46 s")),
    outcome("driven", inconclusive("at least 20 requests", "the generator did not keep up", remedy="a longer hold")),
    outcome("gauge", inconclusive("as callers see", "not looked at", blocked_by="chaos.outage_paddle.bites")),
    outcome("kubernetes", not_covered("kubernetes is out of scope", "set SELF_CHECK_KUBE_CONTEXT")),
    outcome("steady", inconclusive("steady state", "refused: an alert is firing"), experiment="redis_slow"),
    outcome(
        "undone",
        failed("nothing is left", "the replica does not run", reproduce="make chaos-recover"),
        experiment="replica_killed",
        runbook="docs/runbooks/replica_down.md",
    ),
)


def write(folder: Path) -> Mapping[str, Experiment]:
    """Write the experiments into folders of their names below a folder."""
    _write(folder / OUTAGE, outage_record(), outage_samples())
    refused = outage_record(
        experiment="redis_slow", refused="the alert ProviderDown is firing", faults=(), after=(), traffic=Traffic()
    )
    _write(folder / "redis_slow", refused, iter([(Mark, 0.0, {"name": timelines.STARTED})]))
    left = Done(
        fault="replica: kill", target="process 4711", undo="start it again", injected=2.0, trouble="no such file"
    )
    killed = outage_record(experiment="replica_killed", faults=(left,), after=(), leftovers=("replica-2 does not run",))
    samples: list[tuple[type[Seen], float, dict[str, Any]]] = [
        (Mark, 1.9, {"name": timelines.INJECTING}),
        (Mark, 2.0, {"name": timelines.INJECTED}),
        (Mark, 9.0, {"name": timelines.UNDOING}),
    ]
    samples += [(Replica, at / 2, {"replica": "replica-2", "up": at < 4}) for at in range(24)]
    samples += [(Probed, at / 2, {"probe": "ready", "outcome": "ok", "seconds": 0.01}) for at in range(24)]
    _write(folder / "replica_killed", killed, iter(samples))
    return EXPERIMENTS


def _write(folder: Path, record: Record, samples: Iterator[tuple[type[Seen], float, dict[str, Any]]]) -> None:
    writer = timelines.Writer(folder / records.TIMELINE_FILE)
    for kind, since, fields in samples:
        writer.add(kind, moment=(BEGAN + since, since), **fields)
    writer.close()
    records.write(record, folder / records.RECORD_FILE)


if __name__ == "__main__":
    from chaos.report.writing import write_all

    place = Path(sys.argv[1])
    sys.exit(write_all(place, RESULTS, clean=str, exit_code=12, experiments=write(place)) or None)
