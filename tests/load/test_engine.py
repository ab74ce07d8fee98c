"""The generator against real servers on loopback: exact counts, honest fates, nothing quietly smaller, nothing left."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from load.arrivals import share
from load.record import Durations, Fate
from load.tallying import schedule
from tests import misbehaving
from tests.load.engines import KEY, ROOT, Bench, wait_for_end

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from load.record import Record

pytestmark = pytest.mark.slow

FINE = misbehaving.answer(200, b'{"success": true, "cached": false}', content_type="application/json; charset=utf-8")
"""What the acts of the contract expect."""

# One server, and a route for each way in which it misbehaves.
ECHO = misbehaving.answer(500, b'{"detail": "no such key: ' + KEY.encode() + b'"}', content_type="application/json")
REPLIES = {
    "fine": FINE,
    "not_fine": misbehaving.answer(200, b'{"success": false}', content_type="application/json"),
    "no_json": misbehaving.answer(200, misbehaving.LOGIN_PAGE, content_type="text/html"),
    "server_error": ECHO,
    "gone": misbehaving.answer(404, b"{}"),
    "elsewhere": misbehaving.answer(307, location="http://other.example/place"),
    "limited": misbehaving.answer(429, b"{}", retry_after="2"),
    "limited_until": misbehaving.answer(429, b"{}", retry_after="Fri, 31 Dec 2100 23:59:59 GMT"),
    "limited_for_no_time": misbehaving.answer(429, b"{}", retry_after="0"),
    "limited_without_a_word": misbehaving.answer(429, b"{}"),
    "too_large": misbehaving.answer(200, b"x" * 200_000),
    "no_http": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "half": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{",
}
FATES = {
    "fine": Fate.OK,
    "not_fine": Fate.WRONG,
    "no_json": Fate.WRONG,
    "server_error": Fate.SERVER_ERROR,
    "gone": Fate.WRONG,
    "elsewhere": Fate.WRONG,
    "limited": Fate.LIMITED,
    "limited_until": Fate.LIMITED,
    "limited_for_no_time": Fate.LIMITED,
    "limited_without_a_word": Fate.LIMITED,
    "too_large": Fate.WRONG,
    "no_http": Fate.CONNECTION,
    "half": Fate.CONNECTION,
    "resets": Fate.CONNECTION,
    "hangs_up": Fate.CONNECTION,
    "silent": Fate.TIMEOUT,
    "trickles": Fate.TIMEOUT,
    "trickles_headers": Fate.TIMEOUT,
    "refuses": Fate.CONNECTION,
}
"""By the name of the route: what its requests come to."""


def behave(connection: misbehaving.Connection) -> None:
    """Misbehave as the path says."""
    while head := connection.request():
        name = head.split(b" ", 2)[1].decode().strip("/")
        if name in REPLIES:
            connection.send(REPLIES[name])
            if name in {"no_http", "half"}:
                return
        elif name == "resets":
            connection.reset()
            return
        elif name == "hangs_up":
            return
        elif name == "silent":
            connection.hold()
        elif name == "trickles":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            connection.trickle(b" " * 1000, 0.05)
        else:
            connection.trickle(b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 1000, 0.05)


def routes_of(names: object) -> str:
    """Routes and acts with these names, as text of a contract."""
    assert isinstance(names, dict)
    return "".join(
        f'\n[[route]]\nname = "{name}"\nmethod = "POST"\npath = "/{name}"\nkey = "api_key"\n'
        f'component = "{"classifier" if name == "refuses" else "app"}"\n'
        f'\n[[act]]\nname = "{name}"\nroute = "{name}"\njson_body = {{ mark = "{{unique}}" }}\n'
        "expect = { status = 200, body = { success = true } }\n"
        for name in names
    )


@pytest.fixture(scope="module")
def misbehaved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Record, str]]:
    """The record of a run that met every misbehaviour, and all that the engine said."""
    folder = tmp_path_factory.mktemp("misbehaved")
    with misbehaving.serving(behave) as server, misbehaving.refuses() as nobody:
        bench = Bench(folder, server.url, more_api=routes_of(FATES), settings={"SELF_CHECK_CLASSIFIER_URL": nobody.url})
        ran = bench.run(bench.plan(*FATES, rate=60, seconds=2, request_timeout_seconds=1.0))
        assert ran.code == 0, ran.stderr
        yield ran.record, ran.text


# -------------------------------------------------------------------------------------------------------------- counts


def test_every_arrival_is_sent_and_counted_once(tmp_path: Path) -> None:
    acts = (
        "ocr_of_a_drawing",
        "ocr_of_a_flange_again",
        "vision_of_a_drawing",
        "compare_with_a_candidate",
        "ask_for_health",
    )
    with misbehaving.answering(lambda _: FINE) as server:
        bench = Bench(tmp_path, server.url)
        plan = bench.plan(*acts, rate=60, seconds=2, warm_up_seconds=0.5)
        ran = bench.run(plan)
    assert ran.code == 0, ran.stderr
    record = ran.record
    due = list(schedule(plan))
    for tally in record.tallies:
        mine = [arrival for arrival in due if arrival.operation == tally.operation]
        judged = sum(arrival.at_seconds >= 0.5 for arrival in mine)
        assert (tally.planned, tally.started, tally.dropped, dict(tally.fates)) == (
            judged,
            judged,
            0,
            {Fate.OK: judged},
        )
        assert Durations.of([tally.latency]).count == Durations.of([tally.service]).count == judged
        assert sum(block.planned for block in tally.blocks) == len(mine)
        assert sum(block.fates[Fate.OK] for block in tally.blocks) == len(mine)
        assert Durations.of(block.latency for block in tally.blocks).count == len(mine)
    assert (len(server.requests), record.workers[0].arrivals) == (len(due), len(due))
    assert all(b"x-synthetic-check: selfcheck-engine-test" in head.lower() for head in server.requests)
    with_key = [head for head in server.requests if KEY.encode() in head]
    assert len(with_key) == sum(arrival.operation != "ask_for_health" for arrival in due)
    assert not record.interrupted
    assert record.elapsed_seconds >= 2
    assert record.judged_seconds == pytest.approx(1.5)
    assert ran.lines[-1] | {"p50": 0, "p95": 0, "elapsed": 0} == {
        "elapsed": 0, "of": 2.0, "planned": 120, "started": 120, "finished": 120, "errors": 0, "limited": 0,
        "dropped": 0, "in_flight": 0, "p50": 0, "p95": 0, "workers": 1,
    }  # fmt: skip


def test_what_finds_no_place_is_dropped_and_the_rest_is_not_delayed(tmp_path: Path) -> None:
    with misbehaving.silent() as server:
        bench = Bench(tmp_path, server.url)
        plan = bench.plan(
            "ask_for_health", rate=50, seconds=1, in_flight_max=7, request_timeout_seconds=30, drain_seconds=0.2
        )
        record = bench.run(plan).record
    (tally,) = record.tallies
    assert (tally.planned, tally.started, tally.dropped, tally.late) == (50, 7, 43, 0)
    assert dict(tally.fates) == {Fate.UNFINISHED: 7}
    assert record.workers[0].in_flight_max == 7


def test_a_run_on_two_workers_is_split_exactly_and_loses_nothing(tmp_path: Path) -> None:
    with misbehaving.answering(lambda _: FINE) as server:
        bench = Bench(tmp_path, server.url)
        plan = bench.plan("ask_for_health", "compare_with_a_candidate", rate=51, seconds=2.5, workers=2)
        ran = bench.run(plan)
    record = ran.record
    shares = [len(list(share(schedule(plan), index, 2))) for index in range(2)]
    assert [worker.arrivals for worker in record.workers] == shares
    assert all(worker.reported and Durations.of([worker.lag]).count == worker.arrivals for worker in record.workers)
    assert sum(tally.started for tally in record.tallies) == sum(shares) == len(server.requests)
    assert record.latency().count == record.service().count == sum(shares)
    assert sum(Durations.of(block.latency for block in tally.blocks).count for tally in record.tallies) == sum(shares)
    assert ran.lines[-1]["finished"] == sum(shares)


# --------------------------------------------------------------------------------------------------------------- fates


@pytest.mark.parametrize("name", FATES)
def test_each_request_has_the_fate_that_it_deserves(misbehaved: tuple[Record, str], name: str) -> None:
    record, _ = misbehaved
    (tally,) = record.of(name)
    assert tally.planned > 0
    assert dict(tally.fates) == {FATES[name]: tally.planned}, tally.examples
    assert set(tally.examples) == {FATES[name]} - {Fate.OK}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("not_fine", "success = False"),
        ("server_error", "HTTP 500"),
        ("elsewhere", "redirect to http://other.example/place"),
        ("too_large", "more than 100,000 bytes"),
        ("silent", "no complete answer within 1 s"),
        ("refuses", "refused"),
        ("resets", "connection closed"),
        ("no_http", "no HTTP"),
    ],
)
def test_the_first_of_each_fate_is_told_in_words(misbehaved: tuple[Record, str], name: str, words: str) -> None:
    record, _ = misbehaved
    (tally,) = record.of(name)
    assert words in " ".join(tally.examples.values())


@pytest.mark.parametrize(
    ("name", "counted"),
    [("limited", False), ("limited_until", False), ("limited_for_no_time", True), ("limited_without_a_word", True)],
)
def test_a_limit_that_does_not_say_when_to_come_back_is_counted(
    misbehaved: tuple[Record, str],
    name: str,
    counted: bool,  # noqa: FBT001 - a column of the table
) -> None:
    record, _ = misbehaved
    (tally,) = record.of(name)
    assert tally.limited_without_retry_after == (tally.planned if counted else 0)


def test_no_secret_is_said_or_written(misbehaved: tuple[Record, str]) -> None:
    record, text = misbehaved
    assert "***" in " ".join(record.of("server_error")[0].examples.values())
    assert KEY not in text
    assert KEY[:12] not in text


def test_a_name_that_nobody_knows_is_a_matter_of_the_connection(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "http://nobody.invalid:8000")
    (tally,) = bench.run(bench.plan("ask_for_health", rate=5, seconds=1, request_timeout_seconds=4)).record.tallies
    assert tally.fate(Fate.CONNECTION, Fate.TIMEOUT) == tally.planned == 5


def test_a_certificate_that_nobody_signed_is_refused(tmp_path: Path) -> None:
    own = misbehaving.certificate(tmp_path)
    with misbehaving.answering(lambda _: FINE, tls=own.context()) as server:
        bench = Bench(tmp_path, server.url)
        (tally,) = bench.run(bench.plan("ask_for_health", rate=5, seconds=1)).record.tallies
        assert dict(tally.fates) == {Fate.CONNECTION: 5}
        assert "certificate" in tally.examples[Fate.CONNECTION]
        bench.settings["SELF_CHECK_CA_FILE"] = str(own.certificate)
        (tally,) = bench.run(bench.plan("ask_for_health", rate=20, seconds=1)).record.tallies
    assert dict(tally.fates) == {Fate.OK: 20}, tally.examples
    assert server.connections < 5 + 20, "connections are not kept"


def test_a_request_for_which_no_handle_is_left_is_the_generators_own_failure(tmp_path: Path) -> None:
    with misbehaving.silent() as server:
        bench = Bench(tmp_path, server.url)
        plan = bench.plan("ask_for_health", rate=100, seconds=1, request_timeout_seconds=30, drain_seconds=0.2)
        ran = bench.run(plan, prefix=["sh", "-c", 'ulimit -n 48; exec "$@"', "sh"])
    (tally,) = ran.record.tallies
    assert set(tally.fates) == {Fate.LOCAL, Fate.UNFINISHED}, tally.examples
    assert "open files" in tally.examples[Fate.LOCAL]


# --------------------------------------------------------------------------------------------------------------- truth


@contextmanager
def stalling(*arguments: str) -> Iterator[str]:
    """A server with known latencies; gives its URL."""
    command = [sys.executable, "-m", "tools.stalling", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        process.communicate()


def closed_user(url: str, seconds: float, took: list[float]) -> None:
    """Ask again as soon as an answer came, as stock load generators do."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        asked = time.monotonic()
        connection.request("GET", "/health")
        connection.getresponse().read()
        took.append(time.monotonic() - asked)
    connection.close()


def test_a_stall_shows_in_latency_and_hides_from_a_user_who_waits(tmp_path: Path) -> None:
    """Stalled for 0.8 s of every 2 s: two in five requests are due in a stall, and its user meets one of each."""
    with stalling("--service", "0.005", "--stall", "0.8", "--every", "2") as url:
        bench = Bench(tmp_path, url)
        waiting: list[float] = []
        user = threading.Thread(target=closed_user, args=(url, 4.0, waiting))
        with bench.started(bench.plan("ask_for_health", rate=50, seconds=4, in_flight_max=500)) as engine:
            engine.hear(finished=1)
            user.start()
            record = engine.ended().record
        user.join()
    assert record.latency().quantile(0.8) > 0.25
    assert record.latency().above(0.3) > 0.15 * record.latency().count
    assert sorted(waiting)[int(0.95 * len(waiting))] < 0.3
    assert sum(seconds > 0.3 for seconds in waiting) <= 4


# ------------------------------------------------------------------------------------------------------------- the end


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGINT, 1), (signal.SIGTERM, 2)])
def test_an_interrupted_run_leaves_a_record_and_no_process(
    tmp_path: Path, number: signal.Signals, workers: int
) -> None:
    with misbehaving.answering(lambda _: FINE) as server:
        bench = Bench(tmp_path, server.url)
        with bench.started(bench.plan("ask_for_health", rate=40, seconds=60, workers=workers)) as engine:
            engine.hear(finished=20)
            there = engine.processes()
            engine.process.send_signal(number)
            ran = engine.ended()
            wait_for_end(there)
    record = ran.record
    assert (ran.code, record.interrupted, record.ended_by) == (0, True, number.name)
    (tally,) = record.tallies
    assert all(worker.reported for worker in record.workers)
    assert 20 <= tally.planned == tally.started + tally.dropped < 40 * 40
    assert tally.fate(Fate.OK) == tally.started == len(server.requests)
    assert record.elapsed_seconds < 45


def test_a_lost_worker_leaves_a_gap_that_shows(tmp_path: Path) -> None:
    with misbehaving.answering(lambda _: FINE) as server:
        bench = Bench(tmp_path, server.url)
        plan = bench.plan("ask_for_health", rate=40, seconds=3, workers=2)
        with bench.started(plan) as engine:
            engine.hear(finished=20)
            engine.workers()[0].kill()
            ran = engine.ended()
    record = ran.record
    assert (ran.code, record.interrupted) == (0, False)
    assert sorted(worker.reported for worker in record.workers) == [False, True]
    (tally,) = record.tallies
    assert (tally.planned, tally.started) == (120, 60)
    assert tally.fate(Fate.OK) == 60
    assert min(line["workers"] for line in ran.lines) == 1


def test_workers_do_not_outlive_a_leader_that_is_killed(tmp_path: Path) -> None:
    with misbehaving.answering(lambda _: FINE) as server:
        bench = Bench(tmp_path, server.url)
        with bench.started(bench.plan("ask_for_health", rate=20, seconds=60, workers=2)) as engine:
            engine.hear(finished=5)
            there = engine.processes()
            assert len(there) == 3
            engine.process.kill()
            wait_for_end(there)


def test_an_engine_whose_starter_is_gone_ends_and_says_what_was_done(tmp_path: Path) -> None:
    with misbehaving.answering(lambda _: FINE) as server:
        bench = Bench(tmp_path, server.url)
        with bench.started(bench.plan("ask_for_health", rate=20, seconds=60)) as engine:
            engine.hear(finished=5)
            engine.pipe.close()
            ran = engine.ended()
    assert (ran.code, ran.record.interrupted) == (0, True)
    assert "standard input" in ran.record.ended_by


# -------------------------------------------------------------------------------------------------------- not at all


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("platform.toml", '"synthetic", "load"]', '"synthetic"]', "does not allow load"),
        ("platform.toml", "load_rate_max = 1000", "load_rate_max = 30", "takes 30 at most"),
        ("api.toml", 'file = "drawing"', 'file = "lost"', "no payload 'lost'"),
    ],
)
def test_what_may_not_be_sent_is_not_sent(tmp_path: Path, file: str, old: str, new: str, words: str) -> None:
    with misbehaving.answering(lambda _: FINE) as server:
        bench = Bench(tmp_path, server.url)
        path = tmp_path / "contract" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        ran = bench.run(bench.plan("ocr_of_a_drawing", "ask_for_health"))
        assert (ran.code, ran.whole, server.connections) == (1, None, 0)
    assert words in re.sub(r"\s+", " ", ran.stderr)
    assert "Traceback" not in ran.stderr


def test_a_plan_for_another_target_is_not_played(tmp_path: Path) -> None:
    with misbehaving.answering(lambda _: FINE) as server:
        bench = Bench(tmp_path, server.url)
        ran = bench.run(bench.plan("ask_for_health").model_copy(update={"base_url": "http://other.example"}))
        assert (ran.code, ran.whole, server.connections) == (1, None, 0)
    assert "http://other.example" in ran.stderr


@pytest.mark.parametrize("arguments", [(), ("plan.json",), ("--worker", "nowhere"), ("a", "b", "--worker", "h:1")])
def test_a_wrong_call_is_told(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "load.engine", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "usage:" in done.stderr
