"""The areas of the API on a lab: alone and together, with wrong or missing credentials, against another contract."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import httpx
import pytest

from selfcheck.plugin import areas
from selfcheck.waiting import NotYet, wait_until
from tests.gate import running
from tests.gate.contracts import contract_with
from tests.labs import free_lab
from tools.proving import wait_until_green

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.supervisor import Lab

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.xdist_group("areas")]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A healthy lab."""
    with free_lab(tmp_path_factory.mktemp("areas")) as healthy:
        wait_until_green(healthy)
        yield healthy


def run(lab: Lab, folder: Path, *arguments: str, without: tuple[str, ...] = (), **settings: str) -> running.Ran:
    """Run the strict gate against the lab, with some of its settings left out or changed."""
    own = {name: value for name, value in lab.environment().items() if name not in without}
    return running.run(folder, *arguments, timeout_seconds=120.0, settings={**own, **settings}, whole=True)


def vectors(lab: Lab) -> int:
    """How many vectors are registered."""
    page = httpx.get(
        f"{lab.environment()['SELF_CHECK_BASE_URL']}/health/extended", timeout=10.0, trust_env=False
    ).json()
    return int(page["vector_store"]["total"])


@pytest.mark.parametrize("area", areas())
def test_each_area_runs_alone(lab: Lab, tmp_path: Path, area: str) -> None:
    """`make self-check-strict AREA=...` is green on a healthy platform, whatever the other areas would have done."""
    ran = run(lab, tmp_path, "-m", area)
    assert ran.code == 0, ran.stdout
    assert {name.partition(".")[0] for name in ran.results} == {area, "platform"}


def test_parallel_workers_see_the_same(lab: Lab, tmp_path: Path) -> None:
    ran = run(lab, tmp_path, "-n", "2")
    assert ran.code == 0, ran.stdout


def test_a_wrong_key_is_one_root_cause(lab: Lab, tmp_path: Path) -> None:
    """Not a page of 401s: what needs the key is blocked, and says by what."""
    ran = run(lab, tmp_path, SELF_CHECK_API_KEY="not-the-key-of-anybody")
    assert ran.code == 1
    assert ran.ids("FAIL") == ["platform.api_key"], ran.stdout
    assert ran.ids("INCONCLUSIVE") == []
    assert "blocked by: credentials (platform.api_key)" in ran.text
    assert ran.text.count("HTTP 401") == 1


def test_a_wrong_admin_token_is_one_root_cause(lab: Lab, tmp_path: Path) -> None:
    ran = run(lab, tmp_path, SELF_CHECK_ADMIN_TOKEN="not-the-token-of-anybody")
    assert ran.code == 1
    assert ran.ids("FAIL") == ["platform.admin_token"], ran.stdout
    assert "blocked by: credentials (platform.admin_token)" in ran.text


@pytest.mark.parametrize(
    "without",
    [
        ("SELF_CHECK_API_KEY", "SELF_CHECK_OTHER_API_KEY", "SELF_CHECK_ADMIN_TOKEN"),
        ("SELF_CHECK_OTHER_API_KEY",),
        ("SELF_CHECK_ADMIN_TOKEN",),
    ],
)
def test_without_a_credential_the_rest_is_looked_at(lab: Lab, tmp_path: Path, without: tuple[str, ...]) -> None:
    ran = run(lab, tmp_path, without=without)
    assert ran.code == 0, ran.stdout
    for name in without:
        assert f"set {name}" in ran.text


def test_production_is_only_looked_at_in_ways_that_harm_nobody(lab: Lab, tmp_path: Path) -> None:
    # Without Grafana, and with the timings of the lab's rules.
    edits = {"platform.toml": ('grafana_url = "https://grafana.example.com"\n', "time_scale = 60\n")}
    contract = contract_with(tmp_path / "contract", edits)
    ran = run(lab, tmp_path, SELF_CHECK_ENVIRONMENT="production", SELF_CHECK_CONTRACT=str(contract))
    assert "environment production does not allow intrusive checks" in ran.text
    assert ran.ids("FAIL") == [], ran.stdout


def test_a_platform_with_other_routes_is_not_covered(lab: Lab, tmp_path: Path) -> None:
    """What the contract names and the platform has elsewhere is no breach; the output says what to write down."""
    edits = {"api.toml": ('path = "/api/compare"', 'path = "/elsewhere/compare"')}
    ran = run(lab, tmp_path, SELF_CHECK_CONTRACT=str(contract_with(tmp_path / "contract", edits)))
    assert ran.ids("FAIL") == [], ran.stdout
    assert ran.code == 0, ran.stdout
    assert "put its path of the route 'compare' into the contract's api.toml" in ran.text


def test_what_was_registered_is_removed_when_the_budget_is_used_up(lab: Lab, tmp_path: Path) -> None:
    before = vectors(lab)
    edits = {"platform.toml": ("requests_max = 900 ", "requests_max = 70 ")}
    contract = contract_with(tmp_path / "contract", edits)
    ran = run(lab, tmp_path, SELF_CHECK_CONTRACT=str(contract))
    assert ran.code == 10, ran.stdout
    assert "has used up its 70 requests" in ran.text
    assert vectors(lab) == before


def test_ctrl_c_leaves_no_vector_behind(lab: Lab, tmp_path: Path) -> None:
    before = vectors(lab)
    gate = running.start(tmp_path, "-m", "compare", settings=lab.environment(), whole=True)

    def registered() -> bool:
        if gate.process.poll() is None and vectors(lab) == before:
            raise NotYet("nothing is registered yet")
        return True

    wait_until(registered, timeout_seconds=30.0, what="the gate to register a vector", interval_seconds=0.02)
    gate.process.send_signal(signal.SIGINT)
    ran = gate.wait(30.0)
    assert ran.code in (0, 2), ran.stdout
    running.owes_nothing(ran)
    assert vectors(lab) == before
