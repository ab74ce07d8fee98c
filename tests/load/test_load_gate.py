"""A load test as its callers run it: green on a lab, refused without consent, and never quietly smaller."""

from __future__ import annotations

import json
import signal
import socket
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest

from selfcheck.waiting import NotYet, wait_until
from tests.gate import running
from tests.gate.contracts import contract_with

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.supervisor import Lab

pytestmark = [pytest.mark.lab, pytest.mark.slow]

TRIES = 3
EXIT_INCONCLUSIVE = 10
SHORT = {"SELF_CHECK_LOAD_PROFILE": "smoke", "SELF_CHECK_LOAD_SECONDS": "6"}


def run(lab: Lab, folder: Path, *arguments: str, **settings: str) -> running.Ran:
    """Run the load test against the lab, with some settings changed; an empty one is left out.

    One that could not tell is done again: the machine may have had other things to do.
    """
    wanted = {name: value for name, value in {**lab.environment(), **SHORT, **settings}.items() if value}
    for attempt in range(TRIES):
        ran = running.run(
            folder / str(attempt), *arguments, timeout_seconds=180.0, settings=wanted, whole=True, checks="load"
        )
        if ran.code != EXIT_INCONCLUSIVE or "SELF_CHECK_DEADLINE" in settings:
            break
    return ran


def record(ran: running.Ran) -> dict[str, Any]:
    """The record of a run."""
    data: dict[str, Any] = json.loads((ran.output / "load" / "record.json").read_text(encoding="utf-8"))
    return data


def vectors(settings: Mapping[str, str]) -> int:
    """How many vectors are registered."""
    page = httpx.get(f"{settings['SELF_CHECK_BASE_URL']}/health/extended", timeout=10.0, trust_env=False).json()
    return int(page["vector_store"]["total"])


def generators(base_url: str) -> list[psutil.Process]:
    """The generator's processes that load this address."""
    found = []
    for process in psutil.process_iter():
        try:
            if "load.engine" in process.cmdline() and process.environ().get("SELF_CHECK_BASE_URL") == base_url:
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_healthy_lab_is_green_and_the_run_leaves_nothing(lab: Lab, tmp_path: Path) -> None:
    before = vectors(lab.environment())
    ran = run(lab, tmp_path)
    assert ran.code == 0, ran.stdout
    running.reports_agree(ran)
    assert vectors(lab.environment()) <= before + 4  # those of the lab's own traffic
    assert generators(lab.environment()["SELF_CHECK_BASE_URL"]) == []
    said = record(ran)
    planned = sum(tally["planned"] for tally in said["tallies"])
    assert planned > 0
    for tally in said["tallies"]:
        assert tally["planned"] == tally["started"] + tally["dropped"]
        assert tally["started"] == sum(tally["fates"].values())
    page = (ran.output / "load" / "load.html").read_text(encoding="utf-8")
    assert "PASS" in page
    assert "://" not in page.replace(said["base_url"], "").replace("http://www.w3.org/", "")


def test_a_saved_run_is_judged_again_without_any_load(lab: Lab, tmp_path: Path) -> None:
    first = run(lab, tmp_path / "first")
    saved = first.output / "load" / "record.json"
    again = run(lab, tmp_path / "again", SELF_CHECK_LOAD_RECORD=str(saved))
    kinds = ("load.latency", "load.errors", "load.throughput")
    outcome = {id_: found["outcome"] for id_, found in first.results.items() if found["kind"] in kinds}
    assert outcome
    assert {id_: found["outcome"] for id_, found in again.results.items() if found["kind"] in kinds} == outcome
    assert again.verdict["requests_to_platform"] < 20


def test_a_saved_run_of_another_contract_tells_nothing(lab: Lab, tmp_path: Path) -> None:
    first = run(lab, tmp_path / "first")
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps({**record(first), "profile": "theirs"}), encoding="utf-8")
    ran = run(lab, tmp_path / "again", SELF_CHECK_LOAD_RECORD=str(saved))
    assert ran.code == 10, ran.stdout
    assert "is of the profile 'theirs', which the contract has not" in ran.text


def test_a_replay_of_nothing_tells_nothing(lab: Lab, tmp_path: Path) -> None:
    edits = {"load.toml": ('query = "sum(rate(ocr_requests_total[5m])) + ', 'query = "nothing_at_all + ')}
    contract = contract_with(tmp_path / "contract", edits)
    ran = run(lab, tmp_path, SELF_CHECK_CONTRACT=str(contract), SELF_CHECK_LOAD_PROFILE="replay")
    assert ran.code == 10, ran.stdout
    assert "a replay needs at least 2" in ran.text


def test_two_workers_share_the_arrivals(lab: Lab, tmp_path: Path) -> None:
    ran = run(lab, tmp_path, SELF_CHECK_LOAD_WORKERS="2")
    said = record(ran)
    assert [worker["reported"] for worker in said["workers"]] == [True, True]
    shares = [worker["arrivals"] for worker in said["workers"]]
    assert abs(shares[0] - shares[1]) <= 1
    assert ran.code in (0, 10), ran.stdout  # on a busy machine the second worker may be late


@pytest.mark.parametrize(
    ("settings", "edits", "says"),
    [
        ({"SELF_CHECK_ENVIRONMENT": ""}, {}, "environment ad-hoc, which does not allow load"),
        (
            {},
            {"platform.toml": ('"intrusive", "load", "chaos"]', '"intrusive"]')},
            "environment local, which does not allow load",
        ),
        ({}, {"platform.toml": ("load_rate_max = 400\n", "")}, "environment local has no ceiling for load"),
        ({"SELF_CHECK_LOAD_RATE_FACTOR": "50"}, {}, "the profile reaches 600 requests a second"),
        (
            {"SELF_CHECK_LOAD_PROFILE": "replay", "SELF_CHECK_PROMETHEUS_URL": ""},
            {"platform.toml": ('prometheus_url = "http://localhost:9090"\n', "")},
            "a replay plays what Prometheus recorded",
        ),
    ],
)
def test_no_load_without_consent(
    lab: Lab, tmp_path: Path, settings: dict[str, str], edits: dict[str, tuple[str, str]], says: str
) -> None:
    """Exit code 11, and what would have to change."""
    contract = contract_with(tmp_path / "contract", edits)
    ran = run(lab, tmp_path, SELF_CHECK_CONTRACT=str(contract), **settings)
    assert ran.code == 11, ran.stdout
    assert says in ran.text
    assert "no load was sent" in ran.text or "replay" in ran.text
    assert not (ran.output / "load" / "record.json").exists()


def test_an_unknown_profile_is_a_mistake_in_the_settings(lab: Lab, tmp_path: Path) -> None:
    ran = run(lab, tmp_path, SELF_CHECK_LOAD_PROFILE="smok")
    assert ran.code == 4
    assert "the contract has no profile 'smok' (known: smoke," in ran.text


def test_a_payload_that_the_corpus_lacks_is_a_mistake_in_the_contract(lab: Lab, tmp_path: Path) -> None:
    contract = contract_with(tmp_path / "contract", {"api.toml": ('file = "large_drawing"', 'file = "larger_drawing"')})
    ran = run(lab, tmp_path, SELF_CHECK_CONTRACT=str(contract))
    assert ran.code == 4
    assert "larger_drawing" in ran.text


def test_without_a_way_to_register_vectors_everything_else_is_loaded(lab: Lab, tmp_path: Path) -> None:
    moved = {"api.toml": ('path = "/api/v1/vectors/register"', 'path = "/api/v1/vectors/enroll"')}
    ran = run(lab, tmp_path, SELF_CHECK_CONTRACT=str(contract_with(tmp_path / "contract", moved)))
    assert ran.code == 0, ran.stdout
    assert "load.latency_compare" in ran.ids("NOT COVERED")
    assert "load.latency_ocr" in ran.ids("PASS")
    assert set(record(ran)["left_out"]) == {"compare"}


def test_a_platform_that_is_not_there_is_no_load_test(tmp_path: Path) -> None:
    """Nothing was sent, so nothing is green."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        settings = {
            "SELF_CHECK_BASE_URL": url,
            "SELF_CHECK_ENVIRONMENT": "local",
            "SELF_CHECK_API_KEY": "a-key-of-ours",
        }
        ran = running.run(tmp_path, timeout_seconds=60.0, settings={**settings, **SHORT}, whole=True, checks="load")
    assert ran.code == 1, ran.stdout
    assert ran.ids("FAIL") == ["platform.app"]
    assert ran.ids("PASS") == []


def test_ctrl_c_ends_the_generator_and_reports_what_was_done(lab: Lab, tmp_path: Path) -> None:
    settings = {**lab.environment(), "SELF_CHECK_LOAD_PROFILE": "steady"}
    gate = running.start(tmp_path, settings=settings, whole=True, checks="load")
    base_url = lab.environment()["SELF_CHECK_BASE_URL"]

    def loading() -> bool:
        if not generators(base_url):
            raise NotYet("no generator runs")
        return True

    wait_until(loading, timeout_seconds=60.0, what="the generator to start")
    log = gate.output / "load" / "plan.json"
    wait_until(log.exists, timeout_seconds=30.0, what="the plan to be written")
    # Some load is to be done, else there is nothing to report.
    done = wait_until(lambda: _progressed(lab) or None, timeout_seconds=60.0, what="some load")
    assert done
    gate.process.send_signal(signal.SIGINT)
    ran = gate.wait(60.0)
    running.owes_nothing(ran)
    assert ran.code == 2, ran.stdout
    said = record(ran)
    assert said["interrupted"]
    assert sum(tally["started"] for tally in said["tallies"]) < 3000
    assert generators(base_url) == []
    assert (ran.output / "load" / "load.html").exists()
    assert "load.generator" in ran.results


def _progressed(lab: Lab) -> bool:
    """Tell whether the lab answers more than its own light traffic."""
    found = lab.query("sum(rate(ocr_requests_total[3s])) > 4")
    return bool(found)


def test_the_deadline_ends_a_load_test(lab: Lab, tmp_path: Path) -> None:
    """A part is not the whole: INCONCLUSIVE, with the report of what was done."""
    ran = run(lab, tmp_path, SELF_CHECK_LOAD_PROFILE="steady", SELF_CHECK_LOAD_SECONDS="", SELF_CHECK_DEADLINE="40")
    assert ran.code in (1, 10), ran.stdout
    assert record(ran)["interrupted"]
    assert ran.ids("PASS") == [id_ for id_ in ran.ids("PASS") if id_.startswith("platform.")]
