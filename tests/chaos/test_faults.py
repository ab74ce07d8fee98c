"""Each fault is felt by who asks through it, is read back, and is gone after its undo."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import psutil
import pytest
from pydantic import TypeAdapter

from chaos import faults
from chaos.faults import Inverse, NotMadeError, NotThere, NotUndoneError
from chaos.plan import Command, Fault, Lever
from selfcheck.clients.toxiproxy import Toxic
from selfcheck.contract import ContractError
from selfcheck.observation import CouldNotObserve, RefusedError, Trouble
from tests import misbehaving
from tests.chaos.stages import PROXY, Bench, between, chunks, prepared
from tests.clients import servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chaos.hands import Hands
    from tests.chaos.conftest import MakeHands

pytestmark = pytest.mark.lab


def fault(kind: str, **figures: object) -> Fault:
    return Fault.model_validate({"lever": "provider", "kind": kind, **figures})


def as_in_the_ledger(inverse: Inverse) -> Inverse:
    """The inverse as another process gets it."""
    adapter: TypeAdapter[Inverse] = TypeAdapter(Inverse)
    return adapter.validate_json(adapter.dump_json(inverse))


class TestProxies:
    @pytest.mark.parametrize(
        ("made", "outcome", "seconds_min"),
        [
            (fault("down"), "refused", 0),
            (fault("latency", milliseconds=500), "answered", 0.5),
            (fault("black_hole"), "timeout", 1),
            (fault("black_hole", stream="upstream"), "timeout", 1),
            (fault("reset", milliseconds=100), "reset", 0.1),
            (fault("reset"), "reset", 0),
            (fault("half_closed", bytes=150), "cut", 0),
            (fault("half_closed", bytes=0), "cut", 0),
            (fault("garbage"), "nonsense", 0),
        ],
        ids=lambda value: value.text if isinstance(value, Fault) else "",
    )
    def test_a_fault_is_felt_and_gone_after_its_undo(
        self, made: Fault, outcome: str, seconds_min: float, bench: Bench, hands: Hands
    ) -> None:
        ready = prepared(hands, made)
        assert bench.is_clean(), "something was changed before it was injected"
        assert not faults.remains(ready.inverse, hands)
        ready.inject()
        assert bench.proxy.name in ready.prove()
        felt = bench.feel(1.0)
        assert felt.outcome == outcome
        assert felt.seconds >= seconds_min
        inverse = as_in_the_ledger(ready.inverse)
        assert bench.proxy.name in faults.remains(inverse, hands)
        assert len(faults.undo(inverse, hands)) == 1
        assert not faults.remains(inverse, hands)
        assert faults.undo(inverse, hands) == (), "what is undone needs nothing more"
        assert bench.is_clean()
        assert bench.feel().outcome == "answered"
        assert faults.leftovers(hands) == ()
        with pytest.raises(NotMadeError):
            ready.prove()

    def test_an_answer_comes_in_slices(self, bench: Bench, hands: Hands) -> None:
        whole = self._raw(bench)
        ready = prepared(hands, fault("sliced", bytes=50, milliseconds=30))
        ready.inject()
        started = time.monotonic()
        sliced = self._raw(bench)
        assert b"".join(sliced) == b"".join(whole)
        assert len(sliced) > len(whole)
        assert time.monotonic() - started > 0.1
        faults.undo(ready.inverse, hands)

    def test_few_bytes_a_second(self, bench: Bench, hands: Hands) -> None:
        ready = prepared(hands, fault("bandwidth", kilobytes_per_second=1))
        ready.inject()
        assert bench.feel().seconds > 0.2
        faults.undo(ready.inverse, hands)
        assert bench.feel().seconds < 0.2

    def test_a_close_arrives_late(self, bench: Bench, hands: Hands) -> None:
        ready = prepared(hands, fault("slow_close", milliseconds=600))
        ready.inject()
        with misbehaving.serving(lambda connection: connection.send(b"bye")) as server:
            bench.client.change(bench.proxy.name, upstream=f"127.0.0.1:{server.port}")
            host, port = bench.proxy.listen.split(":")
            with socket.create_connection((host, int(port)), timeout=5) as sock:
                started = time.monotonic()
                assert chunks(sock) == [b"bye"]
                assert time.monotonic() - started >= 0.5
            bench.client.change(bench.proxy.name, upstream=bench.proxy.upstream)
        faults.undo(ready.inverse, hands)
        assert bench.is_clean()

    def test_a_share_of_the_connections(self, bench: Bench, hands: Hands) -> None:
        ready = prepared(hands, fault("reset", share=0.5))
        ready.inject()
        outcomes = {bench.feel().outcome for _ in range(40)}
        faults.undo(ready.inverse, hands)
        assert outcomes == {"reset", "answered"}

    def test_two_faults_on_one_proxy(self, bench: Bench, hands: Hands) -> None:
        slow = prepared(hands)
        slow.inject()
        down = prepared(hands, fault("down"))
        down.inject()
        faults.undo(down.inverse, hands)
        assert "toxic" in slow.prove()
        faults.undo(slow.inverse, hands)
        assert bench.is_clean()

    def _raw(self, bench: Bench) -> list[bytes]:
        host, port = bench.proxy.listen.split(":")
        with socket.create_connection((host, int(port)), timeout=5) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            return chunks(sock, until=b"its end")


class TestWhatIsNotThere:
    def test_an_unknown_proxy(self, hands: Hands) -> None:
        with pytest.raises(NotThere, match=r"no proxy 'other' .it has: provider"):
            prepared(hands, lever=PROXY.model_copy(update={"proxy": "other"}))

    def test_no_toxiproxy_in_scope(self, make_hands: MakeHands) -> None:
        with pytest.raises(NotThere, match="SELF_CHECK_TOXIPROXY_URL"):
            prepared(make_hands())
        assert faults.leftovers(make_hands()) == ()

    def test_no_toxiproxy_that_answers(self, make_hands: MakeHands, held_port: int) -> None:
        away = make_hands(toxiproxy_url=f"http://127.0.0.1:{held_port}")
        with pytest.raises(CouldNotObserve):
            prepared(away)
        with pytest.raises(CouldNotObserve):
            faults.leftovers(away)

    def test_another_environment(self, hands: Hands) -> None:
        with pytest.raises(NotThere, match="exists in staging, not in ad-hoc"):
            prepared(hands, lever=PROXY.model_copy(update={"environments": ("staging",)}))

    def test_a_toxiproxy_of_long_ago(self, make_hands: MakeHands) -> None:
        answer = misbehaving.answer(200, b"1.2.1", content_type="text/plain")
        with (
            misbehaving.routes({"/version": answer}) as server,
            pytest.raises(RefusedError, match=r"1\.2\.1 .* too old"),
        ):
            prepared(make_hands(toxiproxy_url=server.url))

    @pytest.mark.parametrize(
        ("made", "says"),
        [
            (fault("latency"), "milliseconds"),
            (fault("sliced", milliseconds=3), "bytes"),
            (fault("bandwidth"), "kilobytes_per_second"),
            (fault("down", share=0.5), "share"),
            (fault("reset", share=0), "share"),
            (fault("on_fire"), "known: latency"),
        ],
    )
    def test_a_fault_that_is_none(self, made: Fault, says: str, bench: Bench, hands: Hands) -> None:
        with pytest.raises(ContractError, match=says):
            prepared(hands, made)
        assert bench.is_clean()


class TestOthers:
    def test_a_foreign_toxic_is_left_alone(self, bench: Bench, hands: Hands) -> None:
        bench.client.add_toxic("provider", Toxic("theirs", "latency", "downstream", 1.0, {"latency": 1}))
        with pytest.raises(RefusedError, match="theirs"):
            prepared(hands)
        assert faults.leftovers(hands) == ("a foreign toxic is on the proxy provider: theirs (latency)",)

    def test_the_toxic_of_another_run(self, hands: Hands) -> None:
        ready = prepared(hands, run_id="selfcheck-other")
        ready.inject()
        with pytest.raises(RefusedError, match="make chaos-recover"):
            prepared(hands)
        (left,) = faults.leftovers(hands)
        assert "of ours" in left
        assert ready.mark in left
        assert ready.mark.startswith("selfcheck-other-")

    def test_a_disabled_proxy(self, bench: Bench, hands: Hands) -> None:
        bench.client.change("provider", enabled=False)
        with pytest.raises(RefusedError, match="disabled already"):
            prepared(hands)
        assert faults.leftovers(hands) == ("the proxy provider is disabled",)

    def test_a_toxic_that_comes_later_survives_the_undo(self, bench: Bench, hands: Hands) -> None:
        ready = prepared(hands)
        ready.inject()
        theirs = Toxic("theirs", "latency", "downstream", 1.0, {"latency": 1, "jitter": 0})
        bench.client.add_toxic("provider", theirs)
        faults.undo(ready.inverse, hands)
        assert (seen := bench.seen())
        assert seen.toxics == (theirs,)


class TestTheLadder:
    """What is tried when Toxiproxy does not do what it is asked."""

    def test_a_toxic_whose_removal_is_refused_at_first(self, bench: Bench, make_hands: MakeHands) -> None:
        refusals = iter([True])
        with between(
            bench.server.port, lambda method, path: method == "DELETE" and "toxics" in path and next(refusals, False)
        ) as way:
            hands = make_hands(toxiproxy_url=way.url)
            ready = prepared(hands)
            ready.inject()
            steps = faults.undo(ready.inverse, hands)
            assert len(way.refused) == 1
        assert steps == (
            "disabled the proxy provider",
            f"removed the toxic {ready.mark}",
            "enabled the proxy provider",
        )
        assert bench.is_clean()

    def test_a_toxic_whose_removal_is_always_refused(self, bench: Bench, make_hands: MakeHands) -> None:
        with between(bench.server.port, lambda method, path: method == "DELETE" and "toxics" in path) as way:
            hands = make_hands(toxiproxy_url=way.url)
            ready = prepared(hands)
            ready.inject()
            steps = faults.undo(ready.inverse, hands)
        assert steps == (
            "disabled the proxy provider",
            "deleted the proxy provider",
            "re-created the proxy provider",
        )
        assert bench.is_clean()
        assert bench.feel().outcome == "answered"

    def test_nothing_is_allowed(self, bench: Bench, make_hands: MakeHands) -> None:
        forbidden: list[str] = []
        with between(bench.server.port, lambda method, _: bool(forbidden) and method != "GET") as way:
            hands = make_hands(toxiproxy_url=way.url)
            ready = prepared(hands)
            ready.inject()
            forbidden.append("all")
            with pytest.raises(NotUndoneError, match=f"has the toxic {ready.mark}.*no, not today"):
                faults.undo(ready.inverse, hands)
            forbidden.clear()
            faults.undo(ready.inverse, hands)
        assert bench.is_clean()

    def test_a_toxiproxy_that_was_restarted_has_its_proxy_again(self, bench: Bench, hands: Hands) -> None:
        ready = prepared(hands)
        ready.inject()
        bench.server.stop()
        with pytest.raises(NotUndoneError):
            faults.undo(ready.inverse, hands)
        bench.server.start()
        assert bench.seen() is None
        assert "is gone" in faults.remains(ready.inverse, hands)
        assert faults.undo(ready.inverse, hands) == ("re-created the proxy provider, which was gone",)
        assert bench.is_clean()
        assert bench.feel().outcome == "answered"

    def test_a_proxy_that_leads_elsewhere_meanwhile_is_left_so(self, bench: Bench, hands: Hands) -> None:
        ready = prepared(hands, fault("garbage"))
        ready.inject()
        bench.client.change("provider", upstream="127.0.0.1:9")
        assert faults.undo(ready.inverse, hands) == ()
        assert (seen := bench.seen())
        assert seen.upstream == "127.0.0.1:9"

    def test_a_fault_that_toxiproxy_did_not_make(self, bench: Bench, make_hands: MakeHands) -> None:
        with between(bench.server.port, lambda method, path: method == "POST" and "toxics" in path) as way:
            hands = make_hands(toxiproxy_url=way.url)
            ready = prepared(hands)
            with pytest.raises(CouldNotObserve, match="no, not today"):
                ready.inject()
            assert ready.mark in hands.doubtful
            assert faults.undo(ready.inverse, hands) == ()


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    return tmp_path / "flag"


def lever_of(flag: Path, **commands: tuple[str, ...]) -> Lever:
    def python(code: str) -> tuple[str, ...]:
        return ("{python}", "-c", f"import os, sys, pathlib; p = pathlib.Path({str(flag)!r}); {code}")

    words = {
        "make": python("p.write_text(os.environ['SELF_CHECK_BASE_URL'])"),
        "undo": python("p.unlink(missing_ok=True)"),
        "is_made": python("sys.exit(not p.exists())"),
        "is_undone": python("print('there it is'); sys.exit(p.exists())"),
        "timeout_seconds": 3.0,
        **commands,
    }
    return Lever(name="flag", says="a flag", commands={"raised": Command.model_validate(words)})


RAISED = Fault(lever="flag", kind="raised")


class TestCommands:
    def test_made_and_undone(self, flag: Path, make_hands: MakeHands) -> None:
        hands = make_hands()
        ready = prepared(hands, RAISED, lever_of(flag))
        ready.inject()
        assert flag.read_text() == hands.scope.base_url, "the settings are in its environment"
        assert "ended with 0" in ready.prove()
        with pytest.raises(RefusedError, match="is so already"):
            prepared(hands, RAISED, lever_of(flag))
        inverse = as_in_the_ledger(ready.inverse)
        assert "there it is" in faults.remains(inverse, hands)
        assert faults.undo(inverse, hands)
        assert not flag.exists()
        assert faults.remains(inverse, hands) == ""
        faults.undo(inverse, hands)

    def test_its_signals_are_as_usual(self, flag: Path, make_hands: MakeHands) -> None:
        """Python ignores broken pipes and so would all that it starts."""
        ready = prepared(make_hands(), RAISED, lever_of(flag, make=("sh", "-c", f"yes | head -n 1 > {flag}")))
        ready.inject()
        assert flag.read_text() == "y\n"

    def test_one_that_fails(self, flag: Path, make_hands: MakeHands) -> None:
        ready = prepared(make_hands(), RAISED, lever_of(flag, make=("{python}", "-c", "import sys; sys.exit('oh no')")))
        with pytest.raises(NotMadeError, match="ended with 1: oh no"):
            ready.inject()
        with pytest.raises(NotMadeError, match="gave up"):
            ready.prove()

    def test_one_that_does_not_end(self, flag: Path, make_hands: MakeHands) -> None:
        endless = ("{python}", "-c", "while True: print('x' * 100_000)")
        ready = prepared(make_hands(), RAISED, lever_of(flag, make=endless))
        started = time.monotonic()
        with pytest.raises(NotMadeError, match="took too long and was ended"):
            ready.inject()
        assert time.monotonic() - started < 8

    def test_one_that_leaves_something_running(self, flag: Path, make_hands: MakeHands) -> None:
        """It keeps the pipe of its output open, and is not taken for the command when that is taken back."""
        code = (
            "import subprocess, sys;"
            "subprocess.Popen([sys.executable, '-c', 'import threading; threading.Event().wait(60)']);"
            f"open({str(flag)!r}, 'w').close()"
        )
        hands = make_hands()
        ready = prepared(hands, RAISED, lever_of(flag, make=("{python}", "-c", code)))
        ready.inject()
        stays = [
            process
            for process in psutil.process_iter()
            if _variable(process, "SELFCHECK_CHAOS_COMMAND").startswith(ready.mark)
        ]
        assert len(stays) == 1
        try:
            faults.undo(ready.inverse, hands)
            assert stays[0].is_running()
        finally:
            stays[0].kill()

    def test_an_undo_that_fails(self, flag: Path, make_hands: MakeHands) -> None:
        hands = make_hands()
        ready = prepared(hands, RAISED, lever_of(flag, undo=("{python}", "-c", "import sys; sys.exit('cannot')")))
        ready.inject()
        with pytest.raises(NotUndoneError, match=r"ended with 1: cannot.*there it is"):
            faults.undo(ready.inverse, hands)

    def test_no_such_program(self, flag: Path, make_hands: MakeHands) -> None:
        with pytest.raises(NotThere, match="no program 'no-such-program'"):
            prepared(make_hands(), RAISED, lever_of(flag, undo=("no-such-program",)))

    def test_the_undo_belongs_to_another_environment(self, flag: Path, make_hands: MakeHands) -> None:
        hands = make_hands()
        inverse = prepared(hands, RAISED, lever_of(flag)).inverse.model_copy(update={"environment": "staging"})
        with pytest.raises(NotUndoneError, match="belong to the environment 'staging'"):
            faults.undo(inverse, hands)
        assert "staging" in faults.remains(inverse, hands)


def _variable(process: psutil.Process, name: str) -> str:
    try:
        return process.environ().get(name, "")
    except psutil.Error:
        return ""


FULL = Fault(lever="redis", kind="full")
REDIS = Lever(
    name="redis",
    says="the memory of Redis",
    redis={"full": {"maxmemory": "1mb", "maxmemory-policy": "noeviction"}, "odd": {"no-such": "1"}},
)


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    with servers.redis(tmp_path) as port:
        yield f"redis://:{quote(servers.PASSWORD, safe='')}@127.0.0.1:{port}/0"


class TestRedis:
    def test_settings_are_changed_and_set_back(self, redis_url: str, make_hands: MakeHands) -> None:
        hands = make_hands(redis_url=redis_url)
        client = hands.redis()
        assert client is not None
        client.change_setting("maxmemory-policy", "allkeys-lru")
        ready = prepared(hands, FULL, REDIS)
        assert client.setting("maxmemory") == "0"
        ready.inject()
        assert "maxmemory = 1048576" in ready.prove()
        inverse = as_in_the_ledger(ready.inverse)
        assert servers.PASSWORD not in inverse.model_dump_json()
        assert "esame" not in inverse.model_dump_json()
        assert "maxmemory is 1048576" in faults.remains(inverse, hands)
        assert len(faults.undo(inverse, hands)) == 2
        assert (client.setting("maxmemory"), client.setting("maxmemory-policy")) == ("0", "allkeys-lru")
        assert faults.undo(inverse, hands) == ()
        with pytest.raises(NotMadeError):
            ready.prove()

    def test_what_cannot_be_made(self, redis_url: str, make_hands: MakeHands) -> None:
        hands = make_hands(redis_url=redis_url)
        with pytest.raises(NotThere, match="no setting no-such"):
            prepared(hands, Fault(lever="redis", kind="odd"), REDIS)
        with pytest.raises(ContractError, match="known: full, odd"):
            prepared(hands, Fault(lever="redis", kind="on_fire"), REDIS)
        with pytest.raises(ContractError, match="taken back"):
            prepared(hands, FULL, Lever(name="redis", says="a secret", redis={"full": {"requirepass": "x"}}))
        with pytest.raises(NotThere, match="SELF_CHECK_REDIS_URL"):
            prepared(make_hands(), FULL, REDIS)

    def test_it_is_away(self, make_hands: MakeHands, held_port: int, redis_url: str) -> None:
        inverse = prepared(make_hands(redis_url=redis_url), FULL, REDIS).inverse
        away = make_hands(redis_url=f"redis://127.0.0.1:{held_port}/0")
        with pytest.raises(CouldNotObserve) as caught:
            prepared(away, FULL, REDIS)
        assert caught.value.trouble is Trouble.REFUSED
        with pytest.raises(NotUndoneError, match=r"Redis refused|[Aa]uth"):
            faults.undo(inverse, away)  # the password is another server's
