"""Who answers behind a load balancer that hides its replicas and serves others too."""

from __future__ import annotations

import itertools
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from selfcheck import replicas, settings
from selfcheck.contract import load
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.run import open_run
from tests.unit.making import scrape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from selfcheck.run import Run


class Dealing(ThreadingHTTPServer):
    """A load balancer that answers with the metrics pages of the processes whose numbers `turns` gives, in order."""

    def __init__(self, turns: Iterator[int]) -> None:
        self.turns = turns
        self.asked = 0
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def take_turn(self) -> int:
        with self.lock:
            self.asked += 1
            return next(self.turns)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Dealing)
        started = 1.7e9 + server.take_turn()
        page = f"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {started}\na_total 1\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def behind(turns: Iterator[int], folder: Path) -> Iterator[tuple[Dealing, Run]]:
    """A balancer that deals as told, and a run against it."""
    server = Dealing(turns)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    run = open_run(settings.read().model_copy(update={"base_url": address, "output": folder}), load())
    try:
        yield server, run
    finally:
        run.target.http.close()
        server.shutdown()
        thread.join()
        server.server_close()


def starts(scrapes: Iterable[replicas.Scrape]) -> list[float]:
    identities = [scrape.identity for scrape in scrapes if scrape.identity]
    return sorted(who.started_at - 1.7e9 for who in identities if who.started_at is not None)


@pytest.mark.parametrize("late", [3, 7, 11])
def test_a_replica_whose_turns_others_took_is_found(late: int, tmp_path: Path) -> None:
    turns = itertools.chain([1, 2] * late, itertools.cycle([1, 2, 3]))
    with behind(itertools.islice(turns, late, None), tmp_path) as (_, run):
        found = replicas.find(run.target.platform, run.target.contract)
    assert starts(found.scrapes.values()) == [1, 2, 3]


def test_one_process_is_known_after_a_few_requests(tmp_path: Path) -> None:
    with behind(itertools.repeat(1), tmp_path) as (server, run):
        found = replicas.find(run.target.platform, run.target.contract)
    assert starts(found.scrapes.values()) == [1]
    assert server.asked <= 10


def test_a_stranger_is_awaited_from_then_on(tmp_path: Path) -> None:
    """The window in which it was met is worth nothing; the next one has it before and after."""
    calm = itertools.islice(itertools.cycle([1, 2]), 100)
    with behind(itertools.chain(calm, itertools.cycle([1, 2, 3])), tmp_path) as (server, run):
        platform, contract = run.target.platform, run.target.contract
        found = replicas.find(platform, contract)
        while server.asked < 100:
            replicas.snapshot(platform, contract, found)
        readings = [replicas.snapshot(platform, contract, found) for _ in range(5)]
    assert starts(readings[-1].scrapes.values()) == [1, 2, 3]
    assert [set(reading.scrapes) for reading in readings[1:]] == [set(readings[-1].scrapes)] * 4


def test_a_fleet_that_is_always_new_is_not_asked_for_ever(tmp_path: Path) -> None:
    with behind(itertools.count(1), tmp_path) as (server, run):
        found = replicas.find(run.target.platform, run.target.contract)
        search = server.asked
        reading = replicas.snapshot(run.target.platform, run.target.contract, found)
    assert search <= 40
    assert server.asked - search <= 200
    assert reading.missing


@pytest.mark.parametrize(("turns", "unmet", "asks"), [([1, 2], [3], 36), ([1, 1, 1, 1, 1, 1, 2, 2, 3], [], 9)])
def test_users_meet_a_replica_or_never_do(turns: list[int], unmet: list[int], asks: int, tmp_path: Path) -> None:
    listed = {str(number): _of(number) for number in (1, 2, 3)}
    known = replicas.Replicas({name: f"http://{name}" for name in listed}, listed, ())
    with behind(itertools.cycle(turns), tmp_path) as (server, run):
        met, made = replicas.users_meet(run.target.platform, run.target.contract, known, 36)
    assert sorted(number for number in (1, 2, 3) if listed[str(number)].identity not in met) == unmet
    assert made == server.asked == asks


def test_a_replica_without_metrics_was_not_seen() -> None:
    silent = CouldNotObserve(Trouble.REFUSED, asked="GET http://3", came_back="refused", hint="look")
    known = replicas.Replicas({"1": "u", "2": "u"}, {"1": _of(1)}, (), unreachable={"3": silent})
    assert replicas.unseen(known) == {"3": "refused", "2": "no metrics"}
    assert replicas.unseen(replicas.Replicas({}, {"1": _of(1)}, (), unreachable={"3": silent})) == {}


def _of(number: int) -> replicas.Scrape:
    return scrape(f"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {1.7e9 + number}\n")


@pytest.mark.parametrize(("processes", "asks"), [(1, 4), (3, 12), (9, 12)])
def test_a_page_is_asked_as_often_as_its_hidden_replicas_need(processes: int, asks: int, tmp_path: Path) -> None:
    with behind(itertools.cycle(range(processes)), tmp_path) as (_, run):
        assert len(run.target.pages("health")) == asks
        assert run.target.not_asked() == ""


@pytest.mark.parametrize(
    ("promised", "said"), [(3, ""), (4, "4 replicas are promised, and 3 could be told apart"), (None, "")]
)
def test_replicas_that_nobody_met_were_not_asked(promised: int | None, said: str, tmp_path: Path) -> None:
    with behind(itertools.cycle([1, 2, 3]), tmp_path) as (_, run):
        scope = run.target.scope
        scope.environment = scope.environment.model_copy(update={"replicas": promised})
        assert run.target.not_asked() == said
