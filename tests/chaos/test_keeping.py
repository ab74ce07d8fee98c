"""What is made is taken back, whatever becomes of the runner, its reaper, Toxiproxy and the disk."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from chaos import __main__ as command_line
from chaos import faults
from chaos.faults import NotUndoneError
from chaos.keeper import Keeper, KeeperError
from chaos.ledger import HeldError, Ledger, LedgerError, LedgerRecord, alone, began, is_alive
from chaos.recovering import recover
from selfcheck.clients.toxiproxy import Toxic
from selfcheck.waiting import GaveUp, wait_until
from tests.chaos.stages import SLOW, Bench, between, prepared
from tools.kills import CLEAN_SECONDS, Stage, await_going, kill_one, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chaos.hands import Hands
    from tests.chaos.conftest import MakeHands

pytestmark = pytest.mark.lab


def keeper_of(bench: Bench, hands: Hands, *, patience_seconds: float = 5.0) -> Keeper:
    return Keeper(bench.ledger, hands, run_id="selfcheck-test", patience_seconds=patience_seconds)


def records_of(folder: Path) -> tuple[LedgerRecord, ...]:
    records, broken = Ledger(folder).records()
    assert broken == ()
    return records


def noted(keeper: Keeper, hands: Hands, deadline_seconds: float = 60.0) -> LedgerRecord:
    """Make a fault, as an experiment does."""
    ready = prepared(hands)
    record = keeper.note(ready, "an_experiment", deadline_seconds)
    ready.inject()
    ready.prove()
    assert keeper.still_ours(record)
    return record


def log_of(folder: Path) -> str:
    return (folder / "reaper.log").read_text(encoding="utf-8")


class TestTheLedger:
    def test_a_record_is_there_before_the_fault_and_gone_after_its_undo(self, bench: Bench, hands: Hands) -> None:
        with keeper_of(bench, hands) as keeper:
            ready = prepared(hands)
            record = keeper.note(ready, "an_experiment", 60)
            assert bench.is_clean()
            (path,) = bench.ledger.glob("*.json")
            assert path.stat().st_mode & 0o777 == 0o600
            assert records_of(bench.ledger) == (record,)
            assert record.runner_lives
            ready.inject()
            assert keeper.undo(record) == (f"removed the toxic {record.id}",)
            assert records_of(bench.ledger) == ()
            reaper = keeper.reaper_pid
        assert began(reaper) is None
        assert bench.is_clean()

    def test_no_credential_stands_in_it(self, bench: Bench, make_hands: MakeHands) -> None:
        hands = make_hands(toxiproxy_url=bench.client.url.replace("//", "//someone:hunter22@"))
        with keeper_of(bench, hands) as keeper:
            noted(keeper, hands)
            (path,) = bench.ledger.glob("*.json")
            assert "hunter22" not in path.read_text(encoding="utf-8")
            assert "someone" not in path.read_text(encoding="utf-8")
        assert bench.is_clean()

    def test_what_comes_later_is_read_first(self, bench: Bench, hands: Hands) -> None:
        with keeper_of(bench, hands) as keeper:
            made = [keeper.note(prepared(hands), "an_experiment", 60) for _ in range(3)]
            assert records_of(bench.ledger) == tuple(reversed(made))
        assert records_of(bench.ledger) == ()

    def test_a_folder_that_cannot_be_written(self, bench: Bench, hands: Hands, tmp_path: Path) -> None:
        (tmp_path / "ledger").write_text("a file is in its place")
        with pytest.raises(LedgerError, match="nothing is injected"):
            keeper_of(bench, hands).__enter__()
        with pytest.raises(LedgerError, match="nothing is injected"), alone(bench.ledger):
            pass

    def test_a_full_disk(self, bench: Bench, hands: Hands) -> None:
        with keeper_of(bench, hands) as keeper:
            ready = prepared(hands)
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
            try:
                with pytest.raises(LedgerError, match="SELF_CHECK_CHAOS_LEDGER"):
                    keeper.note(ready, "an_experiment", 60)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
                signal.signal(signal.SIGXFSZ, ignored)
            assert records_of(bench.ledger) == ()
            assert [path for path in bench.ledger.iterdir() if path.name != "reaper.log"] == []
            assert bench.is_clean()

    def test_a_file_that_cannot_be_read_is_reported(self, bench: Bench, hands: Hands) -> None:
        bench.ledger.mkdir()
        (bench.ledger / "000007-half.json").write_text('{"id": "ha')
        (bench.ledger / "000008-other.json").write_text('{"id": "other", "inverse": {"kind": "magic"}}')
        ledger = Ledger(bench.ledger)
        records, broken = ledger.records()
        assert (records, len(broken)) == ((), 2)
        assert ledger.next_number() == 9
        found = recover(bench.ledger, hands)
        assert len(found.remaining) == 2
        assert "000007-half.json cannot be read" in found.text

    def test_one_run_at_a_time(self, tmp_path: Path) -> None:
        with alone(tmp_path, who="the first run"):
            script = (
                f"from pathlib import Path; from chaos.ledger import alone; alone(Path({str(tmp_path)!r})).__enter__()"
            )
            other = subprocess.run(
                [sys.executable, "-c", script],
                cwd=Path(__file__).parents[2],
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert f"HeldError: another run holds the lock of {tmp_path}: the first run, process {os.getpid()}" in (
                other.stderr
            )
            with pytest.raises(HeldError), alone(tmp_path):
                pass
        with alone(tmp_path):
            pass

    def test_an_id_that_is_used_again_is_not_the_runner(self) -> None:
        here = began(os.getpid())
        assert here is not None
        assert is_alive(os.getpid(), here)
        assert not is_alive(os.getpid(), here - 10)


class TestTheKeeper:
    def test_the_end_undoes_what_is_left(self, bench: Bench, hands: Hands) -> None:
        def experiment() -> None:
            with keeper_of(bench, hands) as keeper:
                noted(keeper, hands)
                1 / 0  # noqa: B018 - as a defect would

        with pytest.raises(ZeroDivisionError):
            experiment()
        assert bench.is_clean()
        assert records_of(bench.ledger) == ()

    def test_every_record_is_tried_even_when_one_fails(self, bench: Bench, make_hands: MakeHands) -> None:
        forbidden: list[str] = []
        with between(bench.server.port, lambda method, _: bool(forbidden) and method != "GET") as way:
            refused, hands = make_hands(toxiproxy_url=way.url), make_hands(toxiproxy_url=bench.client.url)
            with keeper_of(bench, hands) as keeper:
                first = noted(keeper, hands)
                second = noted(keeper, refused)
                forbidden.append("all")
                with pytest.raises(NotUndoneError, match="By hand: curl -X DELETE"):
                    keeper.undo_all()
                assert records_of(bench.ledger) == (second,)
                assert (seen := bench.seen())
                assert [toxic.name for toxic in seen.toxics] == [second.id] != [first.id]
                forbidden.clear()
        assert bench.is_clean()
        assert records_of(bench.ledger) == ()

    def test_a_request_that_broke_off_is_looked_for_again(self, bench: Bench, hands: Hands) -> None:
        with keeper_of(bench, hands) as keeper:
            ready = prepared(hands)
            record = keeper.note(ready, "an_experiment", 60)
            hands.doubtful.add(record.id)  # as an `inject` that ran into its time limit does
            toxic = Toxic(record.id, "latency", "downstream", 1.0, {"latency": 5})
            late = threading.Timer(0.5, bench.client.add_toxic, ("provider", toxic))
            late.start()
            assert keeper.undo(record) == (f"removed the toxic {record.id}",)
            late.join()
        assert bench.is_clean()

    def test_a_reaper_that_is_killed_is_replaced(self, bench: Bench, hands: Hands) -> None:
        with keeper_of(bench, hands) as keeper:
            record = noted(keeper, hands, deadline_seconds=4)
            first = keeper.reaper_pid
            psutil.Process(first).kill()
            wait_until(lambda: keeper.reaper_pid != first, timeout_seconds=20, what="another reaper")
            wait_until(lambda: not keeper.still_ours(record), timeout_seconds=20, what="it to do its work")
            wait_until(bench.is_clean, timeout_seconds=5, what="the fault to be undone")
        assert records_of(bench.ledger) == ()


class TestTheReaper:
    def test_a_deadline_passes(self, bench: Bench, hands: Hands) -> None:
        with keeper_of(bench, hands) as keeper:
            late = noted(keeper, hands, deadline_seconds=1)
            other = noted(keeper, hands, deadline_seconds=60)
            wait_until(lambda: not keeper.still_ours(late), timeout_seconds=10, what="the reaper to take it over")

            def only_the_other() -> bool:
                seen = bench.seen()
                return seen is not None and [toxic.name for toxic in seen.toxics] == [other.id]

            wait_until(only_the_other, timeout_seconds=10, what="the fault to be undone")
            assert keeper.still_ours(other)
            assert late in records_of(bench.ledger), "it is looked at until the runner has struck it"
            keeper.undo(late)
            assert records_of(bench.ledger) == (other,)
        assert bench.is_clean()
        assert "its time is over" in log_of(bench.ledger)

    def test_what_is_injected_after_the_reaper_took_over_is_undone(self, bench: Bench, hands: Hands) -> None:
        with keeper_of(bench, hands) as keeper:
            ready = prepared(hands)
            record = keeper.note(ready, "an_experiment", 0.5)
            wait_until(lambda: "nothing was left of it" in log_of(bench.ledger), timeout_seconds=10, what="the reaper")
            ready.inject()  # as a runner does that was stopped in between
            assert not keeper.still_ours(record)
            wait_until(bench.is_clean, timeout_seconds=10, what="the reaper to look again")

    @pytest.mark.slow
    def test_a_wedged_toxiproxy(self, bench: Bench, hands: Hands) -> None:
        """It does not answer; the keeper gives up after its patience, the reaper when it is back."""
        with ExitStack() as stack:
            keeper = stack.enter_context(keeper_of(bench, hands, patience_seconds=0))
            noted(keeper, hands)
            reaper = psutil.Process(keeper.reaper_pid)
            bench.server.signal(signal.SIGSTOP)
            with pytest.raises(NotUndoneError, match="By hand"):
                stack.close()
        assert len(records_of(bench.ledger)) == 1
        wait_until(lambda: "not undone" in log_of(bench.ledger), timeout_seconds=20, what="the reaper to try")
        bench.server.signal(signal.SIGCONT)
        reaper.wait(30)
        assert bench.is_clean()
        assert records_of(bench.ledger) == ()

    def test_signals_that_end_a_runner_do_not_end_it(self, bench: Bench, hands: Hands) -> None:
        with keeper_of(bench, hands) as keeper:
            keeper.ready()
            first = psutil.Process(keeper.reaper_pid)
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
                first.send_signal(number)
            record = noted(keeper, hands, deadline_seconds=0.5)
            wait_until(bench.is_clean, timeout_seconds=10, what="the fault to be undone")
            assert not keeper.still_ours(record)
            assert first.is_running()
            assert keeper.reaper_pid == first.pid

    def test_without_one_nothing_is_injected(self, bench: Bench, hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SELF_CHECK_GRAFANA_URL", "no url")  # the reaper cannot read its settings
        with keeper_of(bench, hands) as keeper:
            with pytest.raises(KeeperError, match=r"it ended with 3.*Nothing is injected"):
                keeper.ready()
            with pytest.raises(KeeperError, match=r"it ended with 3.*Nothing is injected"):
                noted(keeper, hands)
        assert bench.is_clean()
        assert records_of(bench.ledger) == ()
        assert "SELF_CHECK_GRAFANA_URL" in log_of(bench.ledger)

    def test_a_toxiproxy_that_is_restarted(self, bench: Bench, hands: Hands) -> None:
        with keeper_of(bench, hands) as keeper:
            noted(keeper, hands)
            bench.server.stop()
            bench.server.start()
        assert bench.is_clean()
        assert bench.feel().outcome == "answered"


@pytest.fixture
def on(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as ready:
        yield ready


def becomes_clean(on: Stage, seconds: float = CLEAN_SECONDS) -> None:
    def is_clean() -> bool:
        return not on.untidy()

    try:
        wait_until(is_clean, timeout_seconds=seconds, what="everything to be clean")
    except GaveUp:
        pytest.fail(f"{on.untidy()}\n{log_of(on.ledger)}")


def going(on: Stage) -> subprocess.Popen[bytes]:
    """A runner that has at least one fault noted or made."""
    runner = on.start_runner()
    await_going(runner)
    wait_until(lambda: records_of(on.ledger), timeout_seconds=20, what="a fault", interval_seconds=0.005)
    return runner


def reapers(on: Stage) -> list[psutil.Process]:
    return [process for process in on.processes() if "chaos.reaper" in process.cmdline()]


@pytest.mark.slow
class TestTheEndOfARunner:
    @pytest.mark.parametrize("whole_group", [False, True])
    def test_killed_at_random_moments(self, on: Stage, *, whole_group: bool) -> None:
        for _ in range(3 if whole_group else 2):
            kill = kill_one(on, whole_group=whole_group, early=False)
            assert not kill.untidy, log_of(on.ledger)
            assert kill.clean_after_seconds < CLEAN_SECONDS

    def test_ctrl_c(self, on: Stage) -> None:
        runner = going(on)
        runner.send_signal(signal.SIGINT)
        runner.wait(20)
        becomes_clean(on)

    def test_stopped(self, on: Stage) -> None:
        """A runner that is stopped holds its lock; what it made is undone, and looked at again."""
        runner = going(on)
        runner.send_signal(signal.SIGSTOP)

        def is_undone() -> bool:
            return {each.name: each for each in on.client.proxies()} == {each.name: each for each in on.proxies}

        if records_of(on.ledger):  # it may have been stopped just between two faults
            wait_until(lambda: "taken over: no beat" in log_of(on.ledger), timeout_seconds=20, what="the reaper")
        wait_until(is_undone, timeout_seconds=10, what="the faults to be undone")
        with pytest.raises(HeldError), alone(on.ledger):
            pass
        runner.send_signal(signal.SIGCONT)  # it notices, or goes on with its next fault
        runner.kill()
        runner.wait()
        becomes_clean(on)

    def test_power_loss(self, on: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        """Runner and reaper are both gone; the next start, or a person, finds the ledger."""
        runner = going(on)
        for reaper in reapers(on):
            reaper.suspend()
        runner.kill()
        runner.wait()
        for reaper in reapers(on):
            reaper.kill()
        for name, value in on.environment.items():
            if name.startswith("SELF_CHECK_"):
                monkeypatch.setenv(name, value)
        assert command_line.main(["recover"]) == 0
        said = capsys.readouterr().out
        becomes_clean(on, seconds=5)
        assert "undone" in said or "nothing to take back" in said
        assert command_line.main(["recover"]) == 0


class TestRecover:
    def test_what_cannot_be_undone(
        self, bench: Bench, hands: Hands, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SELF_CHECK_BASE_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("SELF_CHECK_CHAOS_LEDGER", str(bench.ledger))
        monkeypatch.setenv("SELF_CHECK_TOXIPROXY_URL", bench.client.url)
        assert command_line.main(["recover"]) == 0
        with ExitStack() as stack:
            keeper = stack.enter_context(keeper_of(bench, hands, patience_seconds=0))
            noted(keeper, hands)
            psutil.Process(keeper.reaper_pid).suspend()
            bench.server.stop()
            with pytest.raises(NotUndoneError):
                stack.close()
        reaper = psutil.Process(keeper.reaper_pid)
        reaper.kill()
        reaper.wait(5)
        assert command_line.main(["recover"]) == 12
        said = capsys.readouterr().out
        assert "NOT UNDONE provider: latency of 400 ms" in said
        assert "By hand: curl -X DELETE" in said
        bench.server.start()
        assert command_line.main(["recover"]) == 0
        assert "re-created the proxy provider" in capsys.readouterr().out
        assert bench.is_clean()
        assert records_of(bench.ledger) == ()

    def test_a_run_goes_on(
        self, bench: Bench, hands: Hands, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("chaos.recovering._REAPER_SECONDS", 0.2)
        monkeypatch.setenv("SELF_CHECK_CHAOS_LEDGER", str(bench.ledger))
        with alone(bench.ledger, who="a game day"):
            assert command_line.main(["recover"]) == 11
        assert "a game day" in capsys.readouterr().err

    def test_settings_that_cannot_be_read(
        self, bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SELF_CHECK_BASE_URL", "no url")
        assert command_line.main(["recover"]) == 12
        assert "SELF_CHECK_BASE_URL" in capsys.readouterr().err


@pytest.mark.slow
def test_a_beat_costs_next_to_nothing(bench: Bench, hands: Hands) -> None:
    with keeper_of(bench, hands) as keeper:
        keeper.ready()
        reaper = psutil.Process(keeper.reaper_pid)
        before = sum(reaper.cpu_times()[:2])
        started = time.monotonic()
        wait_until(lambda: time.monotonic() - started > 3, timeout_seconds=10, what="a while")
        assert sum(reaper.cpu_times()[:2]) - before < 0.3
    assert faults.leftovers(hands) == ()
    assert SLOW.text == "provider: latency of 400 ms"
