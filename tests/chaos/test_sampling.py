"""The sampler on a lab: what it sees when all is well, how soon it sees a breaker open, and what holds it up."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from chaos.sampling import BEAT_SECONDS, PAGE_SECONDS, Sampler
from chaos.timeline import Alerts, Figures, Page, Probed, Replica, Trouble, Writer, read
from selfcheck.contract import ContractError
from selfcheck.waiting import pause, wait_until
from tests.labs import free_lab
from tools import timing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.supervisor import Lab
    from selfcheck.target import Target

pytestmark = [pytest.mark.lab, pytest.mark.slow]

SECONDS = 5.0
SLACK_SECONDS = 0.8
"""For a machine that does other things meanwhile; on a quiet one the figures are within the interval."""
CONTROLS = ("timed_control", "timed_health")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with free_lab(tmp_path_factory.mktemp("sampled")) as running:
        running.settled()
        yield running


@pytest.fixture(scope="module")
def target(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with timing.aimed(lab, tmp_path_factory.mktemp("target")) as aimed:
        yield aimed


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    made = Writer(tmp_path / "timeline.jsonl")
    yield made
    made.close()


def of_ours() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("chaos")]


def test_a_healthy_platform_is_seen_as_one(lab: Lab, target: Target, writer: Writer, tmp_path: Path) -> None:
    names = timing.names_of(lab)
    with Sampler(target, timing.experiment(*CONTROLS), writer, names=names) as sampler:
        pause(SECONDS)
    assert (sampler.replicas, sampler.broken, of_ours()) == (names, "", [])
    timeline = read(tmp_path / "timeline.jsonl")
    assert timeline.seen == writer.timeline().seen
    assert {probe.outcome for probe in timeline.of(Probed)} == {"ok"}
    assert {probe.answered_by for probe in timeline.probes("timed_provider")} == {timing.PROVIDER}
    counted = Counter(
        [(probe.probe, probe.replica) for probe in timeline.of(Probed)]
        + [("metrics", each.replica) for each in timeline.of(Replica)]
        + [("pages", each.replica) for each in timeline.of(Page)]
        + [("alerts", each.source) for each in timeline.of(Alerts)]
        + [("figures", "") for _ in timeline.of(Figures)]
    )
    per_second = {
        **{("timed_provider", name): 5.0 for name in names},
        **{(name, ""): 5.0 for name in CONTROLS},
        **{("metrics", name): 5.0 for name in names},
        **{("pages", name): 2.0 for name in names},
        **{("alerts", name): 5.0 for name in ("prometheus", "alertmanager")},
        ("figures", ""): 5.0,
    }
    assert set(counted) == set(per_second)
    slow = {key: number for key, number in counted.items() if number < 0.6 * SECONDS * per_second[key]}
    assert slow == {}
    assert all(each.up and set(each.breakers.values()) == {0.0} and each.began > 0 for each in timeline.of(Replica))
    assert all(each.ready and all(each.providers.values()) for each in timeline.of(Page))
    assert {alert.key for each in timeline.of(Alerts) for alert in each.alerts} == set()
    assert timeline.of(Figures)[-1].values["timed_ratio"] == 0.0
    counters = timeline.of(Replica)[-1].counters
    assert any(timing.PROVIDER in key and value > 0 for key, value in counters.items()), counters


def test_requests_of_probes_are_due_at_fixed_times_and_never_answered_from_a_cache(
    target: Target, writer: Writer
) -> None:
    before = target.platform.requests_sent
    with Sampler(target, timing.experiment(), writer, names={}) as sampler:
        pause(2.0)
    # Without addresses of the replicas it goes to the load balancer, and not to the account of the gate.
    probes = writer.timeline().of(Probed)
    assert {probe.replica for probe in probes} == {""}
    due = [probe.since for probe in probes]
    assert all(0.19 < later - earlier < 0.21 for earlier, later in itertools.pairwise(due))
    assert target.platform.requests_sent == before
    assert len(probes) <= sampler.sent <= len(probes) + 2


def test_an_open_breaker_shows_within_a_quarter_of_a_second(lab: Lab, target: Target, writer: Writer) -> None:
    names = timing.names_of(lab)
    with Sampler(target, timing.experiment(*CONTROLS), writer, names=names):
        pause(1.0)
        began = writer.now()[0]
        timing.enable(lab, there=False)
        try:
            wait_until(
                lambda: set(timing.breakers(writer.timeline(), names).values()) == {timing.OPEN},
                timeout_seconds=30,
                what="the breakers to open",
            )
            pause(2 * PAGE_SECONDS + SLACK_SECONDS)
        finally:
            timing.enable(lab, there=True)
        wait_until(
            lambda: set(timing.breakers(writer.timeline(), names).values()) == {0.0},
            timeout_seconds=60,
            what="the breakers to close",
        )
    timeline = writer.timeline()
    for replica in names:
        truth = timing.opened(timing.logged(lab.log(replica).read_text(encoding="utf-8")), began).at
        lags = timing.breaker_lags(timeline, replica, truth, "CIRCUIT_OPEN")
        print(replica, {name: f"{lag * 1000:.0f} ms" for name, lag in lags.items()})  # noqa: T201 - the figure itself
        assert -0.05 < lags["gauge"] < BEAT_SECONDS + SLACK_SECONDS
        assert -0.05 < lags["callers"] < 0.25 + BEAT_SECONDS + SLACK_SECONDS
    during = [probe for probe in timeline.of(Probed) if probe.at > began]
    assert {probe.code for probe in during if probe.outcome == "failed"} >= {"CIRCUIT_OPEN"}
    assert {probe.outcome for probe in during if probe.probe in CONTROLS} == {"ok"}
    failed = [
        value
        for each in timeline.of(Replica)[-3:]
        for key, value in each.counters.items()
        if f'provider="{timing.PROVIDER}"' in key and 'code="CIRCUIT_OPEN"' in key
    ]
    assert len(failed) == len(names)
    assert sum(failed) > 0


def test_what_hangs_delays_nothing_else_and_does_not_hold_up_the_end(lab: Lab, target: Target, writer: Writer) -> None:
    names = timing.names_of(lab)
    lab.process("prometheus").pause()
    lab.process("replica-1").pause()
    try:
        with Sampler(target, timing.experiment(), writer, names=names):
            pause(4.0)
            ending = time.monotonic()
        assert time.monotonic() - ending < 3.0
        assert of_ours() == []
    finally:
        lab.process("replica-1").resume()
        lab.process("prometheus").resume()
    timeline = writer.timeline()
    ups = Counter((each.replica, each.up) for each in timeline.of(Replica))
    assert ups["replica-1", True] == 0
    assert ups["replica-1", False] >= 1
    assert all(ups[name, True] >= 0.6 * 4.0 / BEAT_SECONDS for name in ("replica-2", "replica-3")), ups
    assert {each.source for each in timeline.of(Alerts)} == {"alertmanager"}
    probes = Counter((probe.replica, probe.outcome) for probe in timeline.of(Probed))
    assert all(probes[name, "ok"] >= 0.6 * 4.0 * 5 for name in ("replica-2", "replica-3")), probes
    troubles = Counter(trouble.source for trouble in timeline.of(Trouble))
    assert set(troubles) == {"replica-1", "prometheus"}
    assert max(troubles.values()) <= 4


def test_a_killed_server_is_a_trouble_once_a_second(lab: Lab, target: Target, writer: Writer) -> None:
    lab.stop_part("receiver")
    try:
        with Sampler(target, timing.experiment(), writer, names={}) as sampler:
            pause(2.5)
    finally:
        lab.start_part("receiver")
    troubles = writer.timeline().of(Trouble)
    assert {trouble.source for trouble in troubles} == {"receiver"}
    assert 2 <= len(troubles) <= 3
    assert sampler.broken == ""


def test_a_timeline_that_cannot_be_written_is_told(target: Target, tmp_path: Path) -> None:
    writer = Writer(tmp_path / "timeline.jsonl")
    writer.close()
    with Sampler(target, timing.experiment(), writer, names={}) as sampler:
        wait_until(lambda: bool(sampler.broken), timeout_seconds=10, what="the trouble")
    assert "cannot be written" in sampler.broken


def test_a_probe_that_there_is_not_is_refused(target: Target, writer: Writer) -> None:
    with pytest.raises(ContractError, match="nowhere"), Sampler(target, timing.experiment("nowhere"), writer):
        pass
    assert of_ours() == []
