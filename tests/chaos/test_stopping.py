"""The stop conditions: what breaks an experiment off, and what does not."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from chaos.plan import Experiment, Fault, Stops
from chaos.stopping import Conditions, Watchdog, switch_of
from chaos.timeline import Load, Probed, Stop, Writer
from selfcheck import contract
from selfcheck.run import close, open_run
from selfcheck.settings import Settings
from selfcheck.waiting import wait_until
from tests import misbehaving
from tests.clients.looking import opened
from tests.clusters import CONTEXT, KubeConfig
from tests.gate.contracts import contract_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chaos.timeline import Seen
    from selfcheck.target import Target

STOPS = Stops(
    name="stops",
    ok_share_min=0.5,
    window_seconds=10,
    requests_min=10,
    failures_in_a_row_max=15,
    heartbeat_seconds_max=5,
    start_seconds_max=20,
)
SECONDS = 30.0
LOOK_SECONDS = 0.2


def experiment(**fields: Any) -> Experiment:
    given: dict[str, Any] = {
        "name": "one",
        "says": "an experiment of tests",
        "faults": (Fault(lever="paddle", kind="down"),),
        "probe": "faulted",
        "controls": ("control",),
        **fields,
    }
    return Experiment(**given)


def probes(probe: str, outcomes: str, *, start: float = 0.0, step: float = 0.2, replica: str = "") -> list[Seen]:
    """One probe for each letter: o for ok, f for failed, l for limited, u for unsent."""
    names = {"o": "ok", "f": "failed", "l": "limited", "u": "unsent"}
    return [
        Probed(0.0, start + number * step, probe, names[letter], 0.01, replica, code="CODE" * (letter == "f"))
        for number, letter in enumerate(outcomes)
    ]


def beats(*moments: float) -> list[Seen]:
    return [Load(0.0, moment, {"planned": 1}) for moment in moments]


def played(
    samples: list[Seen],
    *,
    stops: Stops = STOPS,
    loaded: bool = False,
    gap: tuple[float, float] | None = None,
    **fields: Any,
) -> tuple[float, str]:
    """Look five times a second, at a timeline without what is within the gap; gives when it stopped and why."""
    conditions = Conditions(stops, experiment(**fields), loaded=loaded)
    rest = sorted(samples, key=lambda sample: sample.since)
    for number in range(int(SECONDS / LOOK_SECONDS)):
        now = number * LOOK_SECONDS
        if gap is not None and gap[0] <= now < gap[1]:
            continue
        due = [sample for sample in rest if sample.since <= now]
        rest = rest[len(due) :]
        if reason := conditions.look(now, due):
            return now, reason
    return SECONDS, ""


WELL = "o" * 150


@pytest.mark.parametrize(
    ("samples", "fields"),
    [
        (probes("control", WELL), {}),
        (probes("control", WELL) + probes("faulted", "f" * 150), {}),
        # A third of them fails, and a few in a row: that is no outage.
        (probes("control", "oof" * 50), {}),
        (probes("control", "o" * 50 + "f" * 14 + "o" * 86), {}),
        # What the runner or a rate limit keeps back says nothing of users.
        (probes("control", "o" * 20 + "l" * 65 + "u" * 65), {}),
        (probes("control", WELL) + beats(*range(30)), {"loaded": True}),
        (probes("control", WELL), {"loaded": False}),
        # Fourteen failures of each of three replicas are not forty-two in a row.
        (
            [
                sample
                for name in ("a", "b", "c")
                for sample in probes("seen", "o" * 20 + "f" * 14 + "o" * 20, replica=name)
            ],
            {"stops": STOPS.model_copy(update={"visible": ("seen",)})},
        ),
        # A total outage that was made on purpose.
        (probes("control", "f" * 150), {"aborts": False}),
        # The runner itself was stopped: it heard nothing, and that is nobody's fault.
        (
            [
                *probes("control", "o" * 50),
                *probes("control", "o" * 50, start=20.0),
                *beats(*range(10), *range(20, 30)),
            ],
            {"gap": (10.0, 20.0), "loaded": True},
        ),
    ],
)
def test_what_does_not_stop_an_experiment(samples: list[Seen], fields: dict[str, Any]) -> None:
    assert played(samples, **fields) == (SECONDS, "")


@pytest.mark.parametrize(
    ("samples", "fields", "earliest", "latest", "words"),
    [
        # 5 s well, then every second one fails, then two of three: below half within the window.
        (probes("control", "o" * 25 + "off" * 42), {}, 7.0, 16.0, "of the control control were answered as promised"),
        (probes("control", "o" * 50 + "f" * 100), {}, 12.7, 13.1, "15 requests of control failed in a row"),
        (
            probes("control", WELL) + probes("seen", "o" * 50 + "f" * 100, replica="a"),
            {"stops": STOPS.model_copy(update={"visible": ("seen",)})},
            12.7,
            13.1,
            "15 requests of seen at a failed in a row, the last one: failed CODE",
        ),
        # All hang: no request comes to its end.
        (probes("control", "o" * 25), {}, 14.6, 15.4, "no request of the control control came to its end for 10 s"),
        (beats(*range(10)), {"loaded": True}, 13.9, 14.5, "nothing was heard of the background load for 5 s"),
        ([], {"loaded": True}, 19.9, 20.5, "nothing was heard of the background load for 20 s"),
        # The load is watched although the outage is total.
        (beats(1.0), {"loaded": True, "aborts": False}, 5.9, 6.5, "background load"),
    ],
)
def test_what_stops_an_experiment(
    samples: list[Seen], fields: dict[str, Any], earliest: float, latest: float, words: str
) -> None:
    stopped, reason = played(samples, **fields)
    assert words in reason
    assert earliest <= stopped <= latest


# ------------------------------------------------------------------------------------------------------------ the watch


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    with opened({"output": str(tmp_path)}) as aimed:
        yield aimed


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    made = Writer(tmp_path / "timeline.jsonl")
    yield made
    made.close()


def of_ours() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("chaos")]


def test_a_file_stops_everything(target: Target, writer: Writer, tmp_path: Path) -> None:
    switch = switch_of(target)
    assert switch.is_relative_to(tmp_path / "chaos")
    with Watchdog(target, experiment(aborts=False), writer) as dog:
        assert not dog.wait(0.5)
        switch.parent.mkdir()
        switch.touch()
        assert dog.wait(5.0)
        assert str(switch) in dog.reason
    assert of_ours() == []
    assert [stop.condition for stop in writer.timeline().of(Stop)] == [dog.reason]


def test_a_file_that_is_there_already_stops_at_once(target: Target, writer: Writer) -> None:
    switch_of(target).parent.mkdir()
    switch_of(target).touch()
    with Watchdog(target, experiment(), writer) as dog:
        assert dog.stopped.is_set()


def test_the_timeline_is_watched(target: Target, writer: Writer) -> None:
    with Watchdog(target, experiment(), writer) as dog:
        for _ in range(15):
            writer.add(Probed, probe="control", outcome="server_error", seconds=0.1, status=502)
        assert dog.wait(5.0)
    assert "control" in dog.reason


def test_what_else_is_watched(target: Target, writer: Writer) -> None:
    said: list[str] = []
    with Watchdog(target, experiment(), writer, also=[lambda: "".join(said)]) as dog:
        assert not dog.wait(0.5)
        said.append("the disk is full")
        assert dog.wait(5.0)
    assert dog.reason == "the disk is full"


@pytest.fixture
def in_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Target, dict[str, bytes]]]:
    """A target whose contract names a ConfigMap, and the answers of the cluster's API, by path."""
    switch = 'switch = "STOP"'
    made = contract_with(tmp_path / "contract", {"chaos.toml": (switch, f'{switch}\nconfig_map = "chaos/switch"')})
    replies: dict[str, bytes] = {}

    def reply(head: bytes) -> bytes:
        return replies.get(head.split()[1].decode(), misbehaving.answer(500, b""))

    with misbehaving.answering(reply) as server:
        KubeConfig(tmp_path, monkeypatch).write(server.url)
        given = Settings(
            base_url="http://127.0.0.1:1", contract=made, output=tmp_path, kube_context=CONTEXT, deadline=60.0
        )
        run = open_run(given, contract.load(made))
        yield run.target, replies
        close(run)


def config_map(value: str) -> dict[str, bytes]:
    content = json.dumps({"kind": "ConfigMap", "apiVersion": "v1", "data": {"stop": value}}).encode()
    return {"/api/v1/namespaces/chaos/configmaps/switch": misbehaving.answer(200, content)}


def test_a_config_map_stops_everything(in_a_cluster: tuple[Target, dict[str, bytes]], writer: Writer) -> None:
    target, replies = in_a_cluster
    replies.update(config_map("false"))
    with Watchdog(target, experiment(), writer) as dog:
        assert not dog.wait(0.5)
        replies.update(config_map("true"))
        assert dog.wait(10.0)
    assert "chaos/switch" in dog.reason
    wait_until(lambda: not of_ours(), timeout_seconds=10, what="the end of the threads")


def test_a_config_map_that_cannot_be_read_stops_before_anything_happens(
    in_a_cluster: tuple[Target, dict[str, bytes]], writer: Writer
) -> None:
    with Watchdog(in_a_cluster[0], experiment(), writer) as dog:
        assert dog.stopped.is_set()
    assert "cannot be read" in dog.reason
    wait_until(lambda: not of_ours(), timeout_seconds=10, what="the end of the threads")


def test_a_watch_that_fails_stops_the_experiment(target: Target, writer: Writer) -> None:
    def fails() -> str:
        raise OSError("no more handles")

    with Watchdog(target, experiment(), writer, also=[fails]) as dog:
        assert dog.wait(5.0)
    assert "no more handles" in dog.reason


def test_a_timeline_that_is_closed_does_not_keep_it_from_stopping(target: Target, writer: Writer) -> None:
    writer.close()
    with Watchdog(target, experiment(), writer, also=[lambda: "over"]) as dog:
        assert dog.wait(5.0)
    assert dog.reason == "over"
