"""Experiments as their callers run them: refused where they must be, and nothing is left behind whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lab.breaking import applied
from selfcheck.contract import DEFAULT_CONTRACT
from selfcheck.waiting import wait_until
from tests.chaos.experiments import (
    EXIT_REFUSED,
    EXPERIMENT,
    await_clean,
    changed_proxies,
    faulted,
    run,
    settings_of,
    toxiproxy,
)
from tests.gate import running
from tests.labs import HASTY, free_lab, rest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.supervisor import Lab

pytestmark = [pytest.mark.lab, pytest.mark.slow]

EXIT_USAGE = 4
EXIT_NOT_UNDONE = 12
TRIES = 3
"""What a machine with other things to do could not tell is looked at again."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A healthy lab; every test leaves it as it was."""
    with free_lab(tmp_path_factory.mktemp("chaos-gate"), **HASTY) as found:
        yield found


def test_an_experiment_on_a_healthy_lab_leaves_nothing(lab: Lab, tmp_path: Path) -> None:
    wanted = {f"chaos.{EXPERIMENT}.{what}" for what in ("undone", "bites", "opens", "closes", "alerted")}
    for attempt in range(TRIES):
        rest(lab)
        ran = run(lab, tmp_path / str(attempt))
        await_clean(lab, tmp_path / str(attempt))
        if wanted <= set(ran.ids("PASS")):
            break
    assert ran.ids("FAIL") == [], ran.stdout
    assert wanted <= set(ran.ids("PASS")), ran.stdout
    folder = ran.output / "chaos" / EXPERIMENT
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    assert record["faults"][0]["undone"] is not None
    assert record["leftovers"] == []
    assert (ran.output / "chaos" / "report.html").is_file()
    for secret in ran.secrets:
        assert secret not in (folder / "timeline.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("also", "says"),
    [
        ({"CHAOS_CONSENT": ""}, "CHAOS_CONSENT is not set: set CHAOS_CONSENT=local"),
        ({"CHAOS_CONSENT": "staging"}, "CHAOS_CONSENT is 'staging'"),
        ({"SELF_CHECK_ENVIRONMENT": "production", "CHAOS_CONSENT": "production"}, "does not allow chaos"),
    ],
)
def test_without_consent_nothing_is_done(lab: Lab, tmp_path: Path, also: dict[str, str], says: str) -> None:
    ran = run(lab, tmp_path, **also)
    assert ran.code == EXIT_REFUSED, ran.stdout
    assert says in ran.text
    assert changed_proxies(lab) == []


def test_a_dry_run_does_nothing(lab: Lab, tmp_path: Path) -> None:
    ran = run(lab, tmp_path, "--dry-run", CHAOS_CONSENT="")
    assert ran.code == 0, ran.stdout
    assert "deepseek_hf refuses connections" in ran.text
    assert changed_proxies(lab) == []


def test_foreign_toxics_refuse(lab: Lab, tmp_path: Path) -> None:
    toxiproxy(lab, "POST", "/proxies/vision/toxics", {"name": "of_somebody", "type": "latency", "attributes": {}})
    try:
        ran = run(lab, tmp_path)
    finally:
        toxiproxy(lab, "DELETE", "/proxies/vision/toxics/of_somebody")
    assert ran.code == EXIT_REFUSED, ran.stdout
    assert "a foreign toxic is on the proxy vision: of_somebody" in ran.text


@pytest.mark.parametrize(
    ("defect", "says"),
    [
        ("one_replica_is_down", "2 of 3 replicas answer"),
        ("one_breaker_is_shown_as_open", "the circuit breaker of"),
    ],
)
def test_what_is_not_well_refuses(lab: Lab, tmp_path: Path, defect: str, says: str) -> None:
    with applied(lab, defect):
        ran = run(lab, tmp_path)
    rest(lab)
    assert ran.code == EXIT_REFUSED, ran.stdout
    assert says in ran.text


def test_an_alert_refuses(lab: Lab, tmp_path: Path) -> None:
    exporter = lab.process("redis-exporter")
    exporter.stop()
    try:
        wait_until(lambda: lab.query('ALERTS{alertname="RedisDown"}'), timeout_seconds=30.0, what="the alert on Redis")
        ran = run(lab, tmp_path)
    finally:
        exporter.start()
    rest(lab)
    assert ran.code == EXIT_REFUSED, ran.stdout
    assert "the alert RedisDown is" in ran.text


def test_an_unknown_lever_is_a_mistake_in_the_contract(lab: Lab, tmp_path: Path) -> None:
    contract = tmp_path / "contract"
    shutil.copytree(DEFAULT_CONTRACT, contract)
    file = contract / "chaos.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('kind = "black_hole"', 'kind = "blackhole"'), "utf-8")
    ran = run(lab, tmp_path, SELF_CHECK_CONTRACT=str(contract))
    assert ran.code == EXIT_USAGE
    assert "names the kind of fault 'blackhole', which is not there; did you mean 'black_hole'?" in ran.text


def test_a_second_run_is_refused_while_one_goes_on(lab: Lab, tmp_path: Path) -> None:
    rest(lab)
    with faulted(lab, tmp_path):
        ran = run(lab, tmp_path)
    assert ran.code == EXIT_REFUSED, ran.stdout
    assert "another run holds the lock" in ran.text
    await_clean(lab, tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_a_run_the_fault_goes(lab: Lab, tmp_path: Path, number: signal.Signals) -> None:
    rest(lab)
    with faulted(lab, tmp_path) as gate:
        gate.process.send_signal(number)
        await_clean(lab, tmp_path)
    rest(lab)


def test_what_cannot_be_undone_is_told_and_undone_later(lab: Lab, tmp_path: Path) -> None:
    rest(lab)
    with faulted(lab, tmp_path) as gate:
        lab.process("toxiproxy").pause()
        try:
            ran = gate.wait(180.0)
        finally:
            lab.process("toxiproxy").resume()
    assert ran.code == EXIT_NOT_UNDONE, ran.stdout
    assert "NOT UNDONE" in ran.text
    assert "make chaos-recover" in ran.text
    recovered = subprocess.run(
        [sys.executable, "-m", "chaos", "recover"],
        cwd=running.ROOT,
        env={**os.environ, **settings_of(lab, tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert recovered.returncode == 0, recovered.stdout + recovered.stderr
    await_clean(lab, tmp_path)
    rest(lab)
