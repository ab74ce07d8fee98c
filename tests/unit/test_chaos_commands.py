"""`python -m chaos`: a plan sends nothing and says all, and a saved run is judged again without its target."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from chaos import __main__ as command_line
from chaos import record, showing
from chaos.planning import named, render_plan
from chaos.promises import Recovers, Undone
from selfcheck import checking
from selfcheck import contract as contracts
from selfcheck.settings import Scope, Settings, SettingsError
from selfcheck.verdict import Verdict, failed, inconclusive, passed
from tests.unit import chaos_demo

if TYPE_CHECKING:
    from pathlib import Path

    from selfcheck.contract import Contract
    from selfcheck.run import Run
    from selfcheck.target import Target


@pytest.fixture(scope="module")
def contract() -> Contract:
    return contracts.load()


def planned(contract: Contract, *names: str, **more: Any) -> str:
    settings = Settings(**{"environment": "local", **more})
    return "\n".join(render_plan(contract, Scope(settings, contract), names))


# ---------------------------------------------------------------------------------------------------------------------
# Plan


def test_a_plan_says_what_is_done_to_what_for_how_long_and_what_undoes_it(contract: Contract) -> None:
    text = planned(contract, "provider_down_paddle")
    assert text.startswith(
        "Plan for http://localhost:8000 (local); nothing is sent.\nIt needs consent: CHAOS_CONSENT=local."
    )
    for said in (
        "provider_down_paddle: paddle refuses connections",
        "  fault     paddle: down (the way from the platform to paddle)",
        "  target    proxy paddle of Toxiproxy at http://localhost:8474",
        "  radius    the provider paddle, 1 of 3 that experiments know, 100 % of the connections, all 3 replicas",
        "  stays     13 s, after 1.5 s without a fault; recovery is waited for 40 s at most",
        "  undo      the proxy paddle is enabled",
        "should the runner die, the reaper does it by the ledger",
        "  probes    ocr_paddle, through it: 3.00/s to each replica",
        "1 experiment, 55 s at most",
    ):
        assert " ".join(said.split()) in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("redis_full", "Redis gets its former values of maxmemory-policy, maxmemory"),
        ("redis_full", "Redis as a whole, which all 3 replicas share"),
        ("replica_killed", "what the commands touch: the process of replica-2"),
        ("replica_killed", "lab part start replica-2"),
        ("provider_flaky_30", "30 % of the connections, all 3 replicas"),
        ("provider_latency_above_paddle", "1.5 times config.limits.provider_timeout_seconds of the health page"),
        ("provider_garbage", "the proxy deepseek_hf gets its former server"),
        ("provider_disabled", "the proxy paddle is enabled"),
    ],
)
def test_each_way_of_breaking_things_is_told(contract: Contract, name: str, said: str) -> None:
    assert said in " ".join(planned(contract, name).split())


def test_what_cannot_be_done_or_may_not_be_done_here_is_said(contract: Contract) -> None:
    text = planned(contract, "replica_killed", "provider_down_paddle", environment="production")
    assert "It would be refused: the environment production does not allow chaos." in text
    assert "the environment production has no lever replica_process" in text
    assert "toxiproxy is out of scope: set SELF_CHECK_TOXIPROXY_URL" in text


def test_every_experiment_of_the_contract_has_a_plan(contract: Contract) -> None:
    names = named(contract, "")
    text = planned(contract, *names)
    assert all(f"\n{name}: " in text for name in names)
    assert len(names) > 20


def test_a_pattern_that_matches_nothing_is_a_sentence_with_the_names_that_there_are(contract: Contract) -> None:
    assert named(contract, "redis_fu") == ["redis_full"]
    with pytest.raises(SettingsError, match=r"no experiment has 'nope' in its name; there are .*redis_full"):
        named(contract, "nope")


# ---------------------------------------------------------------------------------------------------------------------
# Judge


@pytest.fixture
def judges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two kinds of promises, whose judges see the saved run through the setting alone."""

    def saved(target: Target, experiment: str) -> record.Record:
        folder = target.scope.settings.chaos_record
        assert folder is not None
        return record.read(folder / experiment / record.RECORD_FILE)

    def undone(promise: Undone, target: Target) -> Verdict:
        found = saved(target, promise.experiment)
        left = [done.target for done in found.faults if done.undone is None]
        return failed("nothing is left", f"{left[0]} is") if left or found.leftovers else passed("nothing is left")

    def recovers(promise: Recovers, target: Target) -> Verdict:
        found = saved(target, promise.experiment)
        return passed("recovered") if found.after else inconclusive("recovery", "it was not looked at")

    monkeypatch.setattr(contracts, "_KINDS", {"chaos.undone": Undone, "chaos.recovers": Recovers})
    monkeypatch.setattr(checking, "_CHECKS", {"chaos.undone": undone, "chaos.recovers": recovers})


@pytest.fixture
def own(tmp_path: Path) -> tuple[Contract, Path]:
    """A contract with promises about the demo's experiments, and the demo."""
    folder = tmp_path / "contract"
    folder.mkdir()
    for area in ("platform", "api"):
        shutil.copy(contracts.DEFAULT_CONTRACT / f"{area}.toml", folder)
    (folder / "chaos.toml").write_text(
        """
        [defaults]
        owner = "platform-team"
        severity = "critical"
        runbook = "docs/runbooks/chaos.md"
        requires = ["app", "prometheus", "toxiproxy"]
        [[undone]]
        id = "chaos.{each}.undone"
        says = "nothing is left of {each}"
        for_each = ["outage_paddle", "replica_killed", "never_done"]
        experiment = "{each}"
        [[recovers]]
        id = "chaos.{each}.recovers"
        says = "callers are served again after {each}"
        for_each = ["outage_paddle", "replica_killed"]
        experiment = "{each}"
        """,
        encoding="utf-8",
    )
    saved = tmp_path / "out" / "chaos"
    saved.mkdir(parents=True)
    chaos_demo.write(saved)
    return contracts.load(folder), saved


def judged(own: tuple[Contract, Path], place: Path, *wanted: str, **settings: Any) -> tuple[Run, int, str]:
    contract, _ = own
    folder, names = showing.found_in(place)
    run = showing.judge_saved(Settings(**settings), contract, folder, names, wanted)
    stream = io.StringIO()
    code = showing.show(run, contract, folder, names, stream)
    return run, code, stream.getvalue()


@pytest.mark.usefixtures("judges")
def test_a_saved_run_is_judged_again_without_asking_anybody(own: tuple[Contract, Path]) -> None:
    run, code, text = judged(own, own[1])
    assert code == 1
    assert {found.id: str(found.outcome) for found in run.results} == {
        "chaos.outage_paddle.undone": "PASS",
        "chaos.outage_paddle.recovers": "PASS",
        "chaos.replica_killed.undone": "FAIL",
        "chaos.replica_killed.recovers": "INCONCLUSIVE",
    }
    assert run.target.platform.requests_sent == 0
    assert run.scope.name == "staging"  # that of the record, which has no Prometheus now: all has been seen
    assert "FAIL chaos.replica_killed.undone" in text
    assert "exit code 1)" in text
    assert f"report of the experiments: {own[1] / 'report.html'}" in " ".join(text.split())
    assert (own[1] / "report.html").is_file()


@pytest.mark.usefixtures("judges")
@pytest.mark.parametrize(
    ("place", "wanted", "settings", "code"),
    [
        ("outage_paddle", (), {}, 0),
        ("replica_killed", ("chaos.replica_killed.recovers",), {}, 10),
        ("replica_killed", ("chaos.replica_killed.recovers",), {"strict": False}, 0),
        (".", ("chaos.outage_paddle.*",), {}, 0),
        ("..", (), {}, 1),
    ],
)
def test_one_experiment_or_promise_can_be_picked_and_exit_codes_are_those_of_the_gate(
    own: tuple[Contract, Path], place: str, wanted: tuple[str, ...], settings: dict[str, Any], code: int
) -> None:
    assert judged(own, own[1] / place, *wanted, **settings)[1] == code


@pytest.mark.usefixtures("judges")
def test_what_is_no_saved_run_is_a_sentence(own: tuple[Contract, Path], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has no saved experiment; name the folder `chaos`"):
        showing.found_in(tmp_path / "nothing")
    with pytest.raises(SettingsError, match="no promise is about redis_slow"):
        judged(own, own[1] / "redis_slow")


def test_the_command_line_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SELF_CHECK_CONTRACT", str(tmp_path / "none"))
    assert command_line.main(["plan"]) == 4
    assert "there is no such contract folder" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        command_line.main(["unheard-of"])
    assert ended.value.code == 2
