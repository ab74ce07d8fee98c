"""The background load: it goes on as long as its block, ends at once, and what became of it is told."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import psutil
import pytest

from chaos.loading import background
from chaos.record import Traffic
from chaos.timeline import Load, Writer
from load.plan import Refused
from selfcheck import contract
from selfcheck.contract import ContractError
from selfcheck.run import close, open_run
from selfcheck.settings import Settings
from selfcheck.waiting import pause, wait_until
from tests import misbehaving
from tests.gate.contracts import contract_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from selfcheck.target import Target

    Generators = Callable[[], set[psutil.Process]]

pytestmark = pytest.mark.slow

FINE = misbehaving.answer(200, b'{"success": true}', **{"Content-Type": "application/json"})
PROFILE = """
[[profile]]
name = "light"
says = "light load of the health page alone"
shape = { kind = "constant", rate = 20, duration_seconds = 60 }
operations = ["health"]
warm_up_seconds = 0
"""


@contextmanager
def aimed(url: str, folder: Path, *, allow: str = '"read", "synthetic", "load"') -> Iterator[Target]:
    environment = f'[environments.loaded]\nbase_url = "{url}"\nallow = [{allow}]\nload_rate_max = 100\n\n'
    made = contract_with(
        folder / "contract",
        {
            "platform.toml": ("[environments.staging]", environment + "[environments.staging]"),
            "load.toml": ("", PROFILE),
        },
    )
    given = Settings(base_url=url, contract=made, output=folder / "output", deadline=120.0)
    run = open_run(given, contract.load(made))
    try:
        yield run.target
    finally:
        close(run)


@pytest.fixture
def generators() -> Generators:
    """Gives what this test has started and what has not been waited for; other tests' servers may run beside it."""
    children = partial(psutil.Process(os.getpid()).children, recursive=True)
    before = set(children())
    return lambda: set(children()) - before


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    made = Writer(tmp_path / "timeline.jsonl")
    yield made
    made.close()


def test_it_goes_on_until_the_block_ends(tmp_path: Path, writer: Writer, generators: Generators) -> None:
    with misbehaving.answering(lambda _: FINE) as server, aimed(server.url, tmp_path) as target:
        with background(target, "light", tmp_path / "load", writer) as load:
            assert load.await_started(40) == ""
            assert server.requests
            pause(3.0)
            ending = time.monotonic()
        assert time.monotonic() - ending < 10
        assert generators() == set()
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("chaos")]
        asked = len(server.requests)
    traffic = load.traffic
    assert 40 <= traffic.planned <= asked
    assert (traffic.answered, traffic.failed) == (traffic.planned, 0)
    beats = writer.timeline().of(Load)
    assert len(beats) >= 3
    # The blocks are on the timeline's clock: the first begins a moment before the generator has started a request.
    sends = next(each for each in beats if each.progress["started"])
    assert 0.0 < sends.since - traffic.failed_at[0][0] < 3.0
    assert sum(due for _, due, _ in traffic.failed_at) == traffic.planned
    assert all(10 <= due <= 30 for _, due, _ in traffic.failed_at[1:-1])


def test_failures_are_told_with_their_time(tmp_path: Path, writer: Writer) -> None:
    broken = threading.Event()

    def reply(_: bytes) -> bytes:
        return misbehaving.answer(503, b"") if broken.is_set() else FINE

    with (
        misbehaving.answering(reply) as server,
        aimed(server.url, tmp_path) as target,
        background(target, "light", tmp_path / "load", writer) as load,
    ):
        assert load.await_started(40) == ""
        pause(1.0)
        broken.set()
        broke = writer.now()[1]
        pause(2.0)
    assert 20 <= load.traffic.failed < load.traffic.planned
    failing = [began for began, _, failed in load.traffic.failed_at if failed]
    assert abs(min(failing) + 0.5 - broke) < 1.5
    assert sum(failed for *_, failed in load.traffic.failed_at) == load.traffic.failed


def test_a_generator_that_dies_is_a_trouble(tmp_path: Path, writer: Writer, generators: Generators) -> None:
    with (
        misbehaving.answering(lambda _: FINE) as server,
        aimed(server.url, tmp_path) as target,
        background(target, "light", tmp_path / "load", writer) as load,
    ):
        assert load.await_started(40) == ""
        for process in generators():
            process.kill()
        wait_until(lambda: not generators(), timeout_seconds=10, what="the end of the generator")
    assert "left no record" in load.traffic.trouble


def test_no_load_is_no_load(tmp_path: Path, writer: Writer) -> None:
    with misbehaving.answering(lambda _: FINE) as server, aimed(server.url, tmp_path) as target:
        with background(target, "", tmp_path / "load", writer) as load:
            assert (load.expected, load.await_started(1)) == (False, "")
        assert load.traffic == Traffic()
        assert server.connections == 0


@pytest.mark.parametrize(
    ("profile", "allow", "error"),
    [("nowhere", '"read", "load"', ContractError), ("light", '"read", "synthetic"', Refused)],
)
def test_what_may_not_be_sent_is_refused(
    tmp_path: Path, writer: Writer, profile: str, allow: str, error: type[Exception]
) -> None:
    with misbehaving.answering(lambda _: FINE) as server, aimed(server.url, tmp_path, allow=allow) as target:
        with pytest.raises(error), background(target, profile, tmp_path / "load", writer):
            pass
        assert server.connections == 0
