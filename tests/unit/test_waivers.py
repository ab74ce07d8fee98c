"""Waivers: they cover what they name until they expire, and must go when they are not needed."""

from __future__ import annotations

import datetime as dt
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from selfcheck import contract
from selfcheck.contract import DEFAULT_CONTRACT, ContractError, Waiver
from selfcheck.plugin import import_checks
from selfcheck.run import Result, judge_waivers, waiver_for
from selfcheck.verdict import Outcome, Verdict, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from pathlib import Path

import_checks()
TODAY = dt.date(2025, 6, 15)
WAIVER: dict[str, Any] = {
    "check": "health.status",
    "reason": "known since the last release",
    "owner": "api-team",
    "link": "https://issues.test/1",
    "expires": "2025-06-30",
}


def waiver(**more: Any) -> Waiver:
    return Waiver.model_validate({**WAIVER, **more})


def result(promise_id: str, verdict: Verdict, waived: str = "") -> Result:
    return Result(promise_id, "k", "says", "info", "o", "r", verdict, waived=waived)


FAILED = failed("a", "b")


@pytest.mark.parametrize(
    ("waivers", "results", "observed"),
    [
        ([waiver()], [result("health.status", FAILED)], []),
        ([waiver()], [result("health.status", passed("fine"))], ["the check passes without it"]),
        ([waiver()], [result("health.status", inconclusive("a", "b"))], []),
        ([waiver()], [result("health.status", not_covered("a", "b"))], []),
        ([waiver()], [], []),
        ([waiver()], [result("health.other", passed("fine"))], []),
        ([waiver(expires="2025-06-15")], [result("health.status", FAILED)], []),
        ([waiver(expires="2025-06-14")], [result("health.status", FAILED)], ["expired on 2025-06-14"]),
        ([waiver(expires="2025-06-14")], [], ["expired on 2025-06-14"]),
        ([waiver(check="health.*")], [result("health.a", passed("")), result("health.b", FAILED)], []),
        ([waiver(check="health.*")], [result("health.a", passed(""))], ["the check passes without it"]),
    ],
)
def test_waivers_that_must_go(waivers: list[Waiver], results: list[Result], observed: list[str]) -> None:
    found = judge_waivers(waivers, results, TODAY)
    assert [verdict.observed for _, verdict in found] == observed
    for _, verdict in found:
        assert verdict.outcome is Outcome.FAIL
        assert verdict.where == f"waivers.toml: {waivers[0].check} (api-team, https://issues.test/1)"


def test_a_waiver_covers_what_it_names() -> None:
    one, area = waiver(), waiver(check="slo.*")
    assert waiver_for([one, area], "health.status") is one
    assert waiver_for([one, area], "slo.error_ratio") is area
    assert waiver_for([one, area], "health.status_2") is None


def test_what_is_waived_is_not_held_against_the_platform() -> None:
    assert result("health.status", FAILED, waived="until 2025").counts_as is Outcome.PASS
    assert result("health.status", FAILED).counts_as is Outcome.FAIL
    unclear = result("health.status", inconclusive("a", "b"), waived="until 2025")
    assert unclear.counts_as is Outcome.INCONCLUSIVE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "contract"
    shutil.copytree(DEFAULT_CONTRACT, copy, ignore=shutil.ignore_patterns("schema", "waivers.toml"))
    return copy


def write(folder: Path, **changes: Any) -> None:
    lines = [f"{key} = {value!r}" for key, value in {**WAIVER, **changes}.items() if value is not None]
    (folder / "waivers.toml").write_text("[[waiver]]\n" + "\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("check", ["health.status", "health.*", "slo.error_ratio"])
def test_a_waiver_may_name_any_check(folder: Path, check: str) -> None:
    write(folder, check=check)
    loaded = contract.load(folder)
    loaded.validate()
    assert loaded.waivers[0].expires == dt.date(2025, 6, 30)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"check": "health.statsu"}, "there is no check 'health.statsu'; did you mean 'health.status'?"),
        ({"check": "helth.*"}, "there is no check 'helth.*'"),
        ({"reason": "x"}, "[[waiver]] health.status reason: string should have at least 10 characters, got 'x'"),
        ({"expires": "soon"}, "[[waiver]] health.status expires: input should be a valid date"),
        ({"owner": None}, "[[waiver]] health.status needs the key 'owner'"),
        ({"until": "x"}, "[[waiver]] health.status has the unknown key 'until'"),
    ],
    ids=str,
)
def test_a_mistake_in_a_waiver_is_named(folder: Path, changes: dict[str, Any], said: str) -> None:
    write(folder, **changes)
    with pytest.raises(ContractError) as caught:
        contract.load(folder).validate()
    assert said in str(caught.value)
    assert str(folder / "waivers.toml") in str(caught.value)
