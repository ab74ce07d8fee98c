"""`up` brings everything up once, `down` takes everything down, whatever happened in between."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
import redis

from lab import crowding, processes, servers
from lab.configuration import ALERTMANAGER, PROMETHEUS, REPLICAS
from lab.ports import HOST, Ports, free_offset, is_free
from lab.programs import MissingProgramsError
from lab.supervisor import Lab, LabError, PortTakenError, RefusedError
from selfcheck.waiting import wait_until

pytestmark = pytest.mark.lab

REPOSITORY = Path(__file__).parent.parent.parent


@pytest.fixture
def idle_lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab that nothing runs in; whatever a test starts is gone after it."""
    lab = Lab(tmp_path / "lab", port_offset=free_offset())
    yield lab
    lab.down()
    _assert_gone(lab)


def _assert_gone(lab: Lab) -> None:
    assert processes.marked(lab.directory) == []
    assert all(is_free(port) for port in lab.ports.all())
    assert not servers.private_folder(lab.directory).exists()
    if lab.directory.exists():
        assert {path.name for path in lab.directory.iterdir()} <= {"logs", "lock", "receiver.jsonl"}


def _command(lab: Lab, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"LAB_DIRECTORY": str(lab.directory), "LAB_PORT_OFFSET": str(lab.port_offset)}
    return subprocess.Popen(
        [sys.executable, "-m", "lab", *arguments],
        env=environment,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _pids(lab: Lab) -> dict[str, int | None]:
    return {part.name: part.pid for part in lab.status()}


def _all_healthy(lab: Lab) -> bool:
    pages = [httpx.get(f"http://{HOST}:{lab.ports.replica(replica)}/health", timeout=5).json() for replica in REPLICAS]
    return all(page["status"] == "healthy" for page in pages)


# -- a running lab -----------------------------------------------------------------------------------------------------


def test_every_part_is_ready_after_up(lab: Lab) -> None:
    parts = lab.status()
    assert {part.name: (part.state, part.detail) for part in parts} == {part.name: ("ready", "") for part in parts}
    assert {*REPLICAS, "haproxy", "redis", "postgres", "toxiproxy", "prometheus", "alertmanager", "traffic"} <= {
        part.name for part in parts
    }
    for part in parts:
        assert part.memory_bytes is not None
        assert 1024**2 < part.memory_bytes < 200 * 1024**2, part


def test_the_platform_can_be_left_without_connections(lab: Lab) -> None:
    url = lab.environment()["SELF_CHECK_DATABASE_URL"]
    assert crowding.is_free(lab)
    with closing(psycopg.connect(url)) as mine:
        try:
            for _ in range(2):  # an experiment may make a fault twice, and take it back twice
                crowding.fill(lab)
                wait_until(lambda: crowding.is_full(lab), timeout_seconds=20, what="all connections to be gone")
            assert not crowding.is_free(lab)
            with pytest.raises(psycopg.OperationalError):
                mine.execute("SELECT 1")
            with pytest.raises(psycopg.OperationalError, match="too many connections"):
                psycopg.connect(url)
        finally:
            crowding.free(lab)
            crowding.free(lab)
    assert crowding.is_free(lab)
    psycopg.connect(url).close()
    # The next test finds the lab as this one did. A replica connects again, and remembers its last look for a second.
    wait_until(lambda: _all_healthy(lab), timeout_seconds=20, what="every replica to be healthy again")


def test_a_start_notifies_nobody(started: tuple[Lab, list[Any]]) -> None:
    assert started[1] == []


def test_a_healthy_lab_has_no_alert(lab: Lab) -> None:
    lab.settled(timeout_seconds=5)


def test_the_variables_lead_to_every_service(lab: Lab) -> None:
    path = lab.directory / "lab.env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = dict(line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines())
    variables = {name.removeprefix("SELF_CHECK_"): value for name, value in lines.items()}
    assert lines == lab.environment()
    assert variables.pop("LAB_DIRECTORY") == str(lab.directory)
    assert {f"SELF_CHECK_{name}" for name in variables} == set(lines) - {"LAB_DIRECTORY"}
    assert variables["ENVIRONMENT"] == "local"
    assert httpx.get(f"{variables['BASE_URL']}/health", timeout=5).json()["status"] == "healthy"
    assert httpx.get(f"{variables['PROMETHEUS_URL']}/-/ready", timeout=5).status_code == 200
    assert httpx.get(f"{variables['ALERTMANAGER_URL']}/-/ready", timeout=5).status_code == 200
    assert "redis" in httpx.get(f"{variables['TOXIPROXY_URL']}/proxies", timeout=5).json()
    with redis.Redis.from_url(variables["REDIS_URL"]) as client:
        assert client.ping()
    with psycopg.connect(variables["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT current_user, count(*) > 0 FROM ocr_requests").fetchone()
    assert row == ("app", True)
    admin = httpx.get(
        f"{variables['BASE_URL']}/api/v1/health/classifier/cache",
        headers={"X-Admin-Token": variables["ADMIN_TOKEN"]},
        timeout=5,
    )
    assert admin.status_code == 200
    providers = httpx.get(
        f"{variables['BASE_URL']}/api/v1/providers/health", headers={"X-API-Key": variables["API_KEY"]}, timeout=5
    )
    assert providers.status_code == 200


def test_up_leaves_alone_what_runs(lab: Lab) -> None:
    before = _pids(lab)
    begun = time.monotonic()
    lab.up()
    assert _pids(lab) == before
    assert time.monotonic() - begun < 10


def test_up_restarts_what_died_and_loads_what_was_changed(lab: Lab) -> None:
    before = _pids(lab)
    process = psutil.Process(before["redis-exporter"])
    process.kill()
    lab.write_configuration(ALERTMANAGER, (lab.config / ALERTMANAGER).read_text(encoding="utf-8").replace("60s", "61s"))
    lab.reload_alertmanager()
    lab.up()
    after = _pids(lab)
    assert {name for name in before if before[name] != after[name]} == {"redis-exporter"}
    in_force = httpx.get(f"{lab.ports.url('alertmanager')}/api/v2/status", timeout=5).json()["config"]["original"]
    assert "61s" not in in_force


def test_another_process_sees_the_same_lab(lab: Lab) -> None:
    attached = Lab.attach(lab.directory)
    assert (attached.ports, attached.environment()) == (lab.ports, lab.environment())
    status = _command(lab, "status")
    said, _ = status.communicate(timeout=60)
    assert status.returncode == 0, said
    assert max(map(len, said.splitlines())) <= 80
    assert all(name in said for name in _pids(lab))


def test_a_command_on_a_busy_lab_says_so(lab: Lab) -> None:
    with lab._alone():
        down = _command(lab, "down")
        said, _ = down.communicate(timeout=60)
    assert down.returncode == 1
    assert "is at work on" in said


def test_a_lab_on_the_ports_of_another_names_that_one(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(PortTakenError) as caught:
        Lab(tmp_path / "other", port_offset=lab.port_offset).up()
    said = str(caught.value).splitlines()
    assert len(said) == 3
    assert f"the lab in {lab.directory} has {lab.ports.front} (haproxy, process " in said[1]
    assert lab.process("haproxy").running


def test_a_part_can_be_stopped_and_started(lab: Lab) -> None:
    part = lab.process("vision")
    pid = part.pid
    part.stop()
    assert part.pid is None
    assert is_free(lab.ports.vision)
    part.stop()
    part.start()
    assert part.running
    assert part.pid != pid
    part.start()
    assert httpx.get(f"{lab.ports.url('vision')}/healthz", timeout=5).status_code == 200


def test_what_another_process_kills_it_can_start_again(lab: Lab) -> None:
    """Also while the parent of what was killed does other things: Postgres looks whether the one before is there."""
    for verb in ("kill", "start"):
        process = _command(lab, "part", verb, "postgres")
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
    lab.settled()


@pytest.mark.parametrize("name", ["redis", "postgres", "haproxy"])
def test_a_paused_part_answers_nothing_until_it_is_resumed(lab: Lab, name: str) -> None:
    part = lab.process(name)
    port = {"redis": lab.ports.redis, "postgres": lab.ports.postgres, "haproxy": lab.ports.front}[name]
    part.pause()
    try:
        assert next(found.state for found in lab.status() if found.name == name) == "paused"
        with socket.create_connection((HOST, port), timeout=0.5) as connection:
            connection.sendall(b"PING\r\n\r\n")
            with pytest.raises(TimeoutError):
                connection.recv(1)
    finally:
        part.resume()
    assert part.running
    wait_until(
        lambda: next(found for found in lab.status() if found.name == name).state == "ready",
        timeout_seconds=10,
        what=f"{name} to be ready again",
    )


def test_a_stuck_replica_runs_and_answers_nothing_until_it_goes_on(lab: Lab) -> None:
    part = lab.process("replica-2")
    url = f"{lab.ports.url('replica_2')}/health"
    pid = part.pid
    part.stick()
    try:
        assert part.running
        part.stick()
        with pytest.raises(httpx.TimeoutException):
            httpx.get(url, timeout=0.5)
    finally:
        part.unstick()
    assert part.pid == pid
    assert part.state() == "ready"
    assert httpx.get(url, timeout=5).status_code == 200


def test_only_a_replica_can_be_stuck(lab: Lab) -> None:
    with pytest.raises(LabError, match="`pause` stops any part"):
        lab.process("redis").stick()
    assert lab.process("redis").state() == "ready"


def test_an_unknown_part_is_refused_with_the_known_ones(lab: Lab) -> None:
    with pytest.raises(LabError, match=r"no part 'rediss'; it has haproxy, replica-1"):
        lab.process("rediss")


def test_a_refused_configuration_is_said_and_the_old_one_goes_on(lab: Lab) -> None:
    good = (lab.config / PROMETHEUS).read_text(encoding="utf-8")
    try:
        lab.write_configuration(PROMETHEUS, good.replace("scrape_interval: 1s", "scrape_interval: soon"))
        with pytest.raises(RefusedError, match=r"(?s)soon"):
            lab.reload_prometheus()
        assert "soon" not in lab.prometheus("/api/v1/status/config")["data"]["yaml"]
        text = (lab.config / ALERTMANAGER).read_text(encoding="utf-8")
        lab.write_configuration(ALERTMANAGER, text.replace("receiver: mail", "receiver: nobody", 1))
        with pytest.raises(RefusedError, match="nobody"):
            lab.reload_alertmanager()
    finally:
        lab.up()


def test_a_lost_replica_reaches_the_chat(lab: Lab) -> None:
    begun = time.time()

    def notified(status: str) -> set[str]:
        url = f"{lab.ports.url('receiver')}/notifications"
        kept = httpx.get(url, params={"since": begun}, timeout=5).json()["notifications"]
        return {
            alert["labels"]["alertname"]
            for entry in kept
            if entry["receiver"] == "chat"
            for alert in entry["payload"]["alerts"]
            if alert["status"] == status
        }

    lab.process("replica-3").stop()
    try:
        wait_until(
            lambda: "ReplicaDown" in notified("firing"), timeout_seconds=30, what="the chat to hear of the replica"
        )
    finally:
        lab.process("replica-3").start()
    wait_until(lambda: "ReplicaDown" in notified("resolved"), timeout_seconds=30, what="the chat to hear the all-clear")
    lab.settled()


# -- labs that do not come up, or come down in other ways --------------------------------------------------------------


def test_a_taken_port_names_port_part_and_owner_before_anything_starts(idle_lab: Lab) -> None:
    with closing(socket.socket()) as owner:
        owner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        owner.bind((HOST, idle_lab.ports.prometheus))
        owner.listen()
        with pytest.raises(PortTakenError) as caught:
            idle_lab.up()
        said = str(caught.value)
        assert f"port {idle_lab.ports.prometheus}, wanted by prometheus, is taken by process {os.getpid()}" in said
        assert "LAB_PORT_OFFSET" in said
        assert processes.marked(idle_lab.directory) == []
        up = _command(idle_lab, "up")
        said, _ = up.communicate(timeout=60)
        assert up.returncode == 1
        assert f"port {idle_lab.ports.prometheus}" in said
        assert "Traceback" not in said


def test_down_ends_what_a_killed_up_left(idle_lab: Lab) -> None:
    up = _command(idle_lab, "up")
    # Half-way: some have started, others wait for them.
    wait_until(
        lambda: len(idle_lab.state().processes) >= 5,
        timeout_seconds=60,
        what="some parts to start",
        interval_seconds=0.02,
    )
    up.kill()
    up.communicate(timeout=10)
    left = processes.marked(idle_lab.directory)
    assert len(left) >= 5
    # What the state file does not know of is found, too.
    (idle_lab.directory / "state.json").unlink()
    begun = time.monotonic()
    idle_lab.down()
    assert time.monotonic() - begun < 10
    _assert_gone(idle_lab)


def test_an_interrupted_up_takes_down_what_it_started(idle_lab: Lab) -> None:
    up = _command(idle_lab, "up")
    wait_until(
        lambda: len(idle_lab.state().processes) >= 5,
        timeout_seconds=60,
        what="some parts to start",
        interval_seconds=0.02,
    )
    up.send_signal(signal.SIGINT)
    said, _ = up.communicate(timeout=30)
    assert up.returncode == 130, said
    assert "Traceback" not in said
    _assert_gone(idle_lab)


def test_down_is_fine_when_nothing_runs(idle_lab: Lab) -> None:
    idle_lab.down()
    assert not idle_lab.directory.exists()
    idle_lab.directory.mkdir()
    idle_lab.down()
    idle_lab.down()
    with pytest.raises(LabError, match="no lab runs in"):
        Lab.attach(idle_lab.directory)


def test_down_touches_no_process_of_others(idle_lab: Lab) -> None:
    idle_lab.directory.mkdir()
    with idle_lab.change_state() as state:
        # An id that now belongs to somebody else, here to us.
        state.processes["redis"] = processes.Record(os.getpid(), 1.0, 1.0, "")
    idle_lab.down()
    assert psutil.pid_exists(os.getpid())


def test_status_of_an_idle_lab_is_down(idle_lab: Lab) -> None:
    status = _command(idle_lab, "status")
    said, _ = status.communicate(timeout=60)
    assert status.returncode == 1, said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("LAB_PORT_OFFSET", "many", "LAB_PORT_OFFSET must be a number"),
        ("LAB_PORT_OFFSET", "60000", "port offset of 60000"),
        ("LAB_TIME_SCALE", "0.1", "slower than production"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(variable: str, value: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(LabError, match=said):
        Lab.from_environment({"LAB_DIRECTORY": str(tmp_path / "lab"), variable: value})


def test_labs_whose_offsets_differ_by_4000_never_meet() -> None:
    blocks = [set(Ports.at(offset).all()) for offset in range(0, 24_001, 4000)]
    assert sum(map(len, blocks)) == len(set().union(*blocks))


def test_missing_programs_are_listed_at_once() -> None:
    said = str(MissingProgramsError(["haproxy", "postgres", "initdb", "toxiproxy-server"]))
    assert "haproxy (Debian package haproxy)" in said
    assert "toxiproxy-server (a Go program)" in said
    assert "apt-get install haproxy postgresql\n" in said
