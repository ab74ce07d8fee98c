"""Reports: what a person reads, what machines read, and that neither is lost, broken or a trap."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from selfcheck import report, settings
from selfcheck.contract import ComponentPromise, load
from selfcheck.plugin import import_checks
from selfcheck.preflight import Finding
from selfcheck.report import github, junit, terminal
from selfcheck.run import EXIT_FAILED, EXIT_INCONCLUSIVE, EXIT_REFUSED, Result, Run, open_run
from selfcheck.verdict import Outcome, Verdict, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from collections.abc import Iterator

import_checks()
RENDERED = Path(__file__).resolve().parent.parent / "rendered"
SECRET = "s3cr3t-value-123"


def result(promise_id: str, verdict: Verdict, **more: Any) -> Result:
    fields = {
        "says": f"what {promise_id} promises",
        "severity": "critical",
        "owner": "platform-team",
        "runbook": "docs/runbooks/redis_down.md",
    }
    return Result(promise_id, "area.kind", verdict=verdict, **{**fields, **more})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """A strict run against the lab's address; nothing was asked yet."""
    for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(name)
    for name in ("API_KEY", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SELF_CHECK_STRICT", "1")
    monkeypatch.setenv("SELF_CHECK_ADMIN_TOKEN", SECRET)
    opened = open_run(settings.read(), load(), run_id="selfcheck-0123456789ab")
    yield opened
    opened.target.http.close()


def failing(run: Run) -> Run:
    """Fill a run with a result of each kind."""
    component = next(c for c in run.contract.platform.component if c.component == "alertmanager")
    run.preflight = [Finding(component, failed("Alertmanager answers", "connection refused", where="GET http://am/"))]
    run.results = [
        result(
            "health.service_redis",
            failed(
                'services.redis: = "up"',
                'services.redis is "down", not "up"',
                where="GET http://localhost:8000/health (replica 127.0.0.1:8101)",
                reproduce="curl -sS http://127.0.0.1:8101/health",
                notes=['also: services.redis is "down", not "up" (GET http://localhost:8000/health)'],
            ),
            says="Redis is up, where it is in use",
        ),
        result(
            "slo.error_ratio",
            inconclusive(
                "platform_error_ratio not above 0.05",
                "too little traffic to judge: 2 requests lately, at least 5 needed",
                where="GET http://localhost:9090/api/v1/query?query=platform_error_ratio",
                remedy="repeat when there was some",
            ),
            severity="warning",
        ),
        result("metrics.counts_ocr_success", passed("3 requests counted"), seconds=0.3),
        result("slo.ocr_latency", passed("1.2 s", notes=["target missed: 1.2 s, the aim is below 1"])),
        result("alerts.routed", inconclusive("", "not looked at", blocked_by="platform.alertmanager")),
        result("alerts.silenced", inconclusive("", "not looked at", blocked_by="platform.alertmanager")),
        result("dashboards.a", not_covered("grafana is out of scope", "set SELF_CHECK_GRAFANA_URL")),
        result("dashboards.b", not_covered("grafana is out of scope", "set SELF_CHECK_GRAFANA_URL")),
        result(
            "metrics.odd", failed("a", "b", where="c"), waived="until 2030-01-31 by api-team: known since long (URL)"
        ),
    ]
    run.remarks = ["SELF_CHECK_BASEURL is not a setting; did you mean SELF_CHECK_BASE_URL?"]
    run.target.left_behind.append("vector selfcheck-0123456789ab-candidate: HTTP 500")
    run.requests_to_platform, run.traffic = 42, {"health": {"requests": 42, "bytes": 12345.0, "seconds": 0.5}}
    return run


def parsed(text: str | bytes) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - our own report


def shown(run: Run, code: int, width: int = 80) -> str:
    return "".join(f"{line.text}\n" for line in terminal.render(run, code, width=width))


# ------------------------------------------------------------------------------------------------------------- terminal


def test_a_failing_run_reads_like_this(run: Run) -> None:
    """With RENEW_RENDERED=1 in the environment the file is written anew, to be looked at."""
    text = shown(failing(run), EXIT_FAILED)
    golden = RENDERED / "a_failing_run.txt"
    if os.environ.get("RENEW_RENDERED"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [60, 80, 100])
def test_lines_fit_except_commands_to_copy(run: Run, width: int) -> None:
    failing(run)
    run.results.append(result("health.long", failed("x" * 300, "word " * 100, where="GET " + "y" * 300)))
    for line in shown(run, 1, width).splitlines():
        assert len(line) <= width or line.startswith("  reproduce")


def test_a_refused_run_says_so(run: Run) -> None:
    run.refusal = "what answers is not the CAD ML Platform: HTTP 200 text/html"
    text = shown(run, EXIT_REFUSED)
    assert "REFUSED to check this target" in text
    assert "REFUSED: nothing was looked at (strict; exit code 11)" in text


def test_nothing_looked_at_is_not_green(run: Run) -> None:
    assert run.exit_code(0) == EXIT_INCONCLUSIVE
    assert "INCONCLUSIVE: nothing was looked at" in shown(run, run.exit_code(0))


def test_colours_follow_the_outcome(run: Run) -> None:
    run.results = [result("health.a", passed("fine"))]
    assert terminal.render(run, 0)[-1].markup == {"green": True, "bold": True}
    failing(run)
    assert terminal.render(run, 1)[-1].markup == {"red": True, "bold": True}


# ----------------------------------------------------------------------------------------------------------- exit codes


@pytest.mark.parametrize(
    ("outcomes", "strict", "pytest_code", "expected"),
    [
        ("P", True, 0, 0),
        ("P", True, 1, 1),
        ("PF", True, 1, 1),
        ("PI", True, 1, 10),
        ("PI", False, 0, 0),
        ("PI", False, 1, 1),
        ("N", True, 0, 10),
        ("N", False, 0, 0),
        ("FI", True, 1, 1),
        ("F", False, 1, 1),
        ("F", True, 2, 2),
        ("P", True, 3, 3),
        ("", True, 5, 5),
        ("", True, 4, 4),
    ],
)
def test_exit_codes(
    monkeypatch: pytest.MonkeyPatch, run: Run, outcomes: str, pytest_code: int, expected: int, *, strict: bool
) -> None:
    monkeypatch.setenv("SELF_CHECK_STRICT", str(strict))
    run.settings = settings.read()
    verdicts = {"P": passed(""), "F": failed("", ""), "I": inconclusive("", ""), "N": not_covered("", "")}
    run.results = [result("health.a", verdicts[letter]) for letter in outcomes]
    assert run.exit_code(pytest_code) == expected


def test_what_the_preflight_found_broken_counts(run: Run) -> None:
    promise = run.contract.platform.component[0]
    assert isinstance(promise, ComponentPromise)
    run.results = [result("health.a", passed(""))]
    run.preflight = [Finding(promise, failed("x", "y"))]
    assert run.exit_code(0) == EXIT_FAILED
    run.preflight = [Finding(promise, not_covered("x", "y"))]
    assert run.exit_code(0) == 0


# --------------------------------------------------------------------------------------------------------- verdict.json


def test_results_survive_the_way_through_json(run: Run) -> None:
    for item in failing(run).every_result:
        assert Result.from_json(json.loads(json.dumps(item.as_json()))) == item


def test_the_verdict_file_has_it_all(run: Run) -> None:
    assert report.write_all(failing(run), EXIT_FAILED, interrupted=False) == ""
    data = report.load_verdict(run.settings.output / report.VERDICT_FILE)
    assert (data["schema_version"], data["outcome"], data["exit_code"], data["strict"]) == (1, "FAIL", 1, True)
    assert data["counts"] == {"PASS": 2, "FAIL": 3, "INCONCLUSIVE": 3, "NOT COVERED": 2}
    assert [Result.from_json(item) for item in data["results"]] == run.every_result
    assert data["left_behind"]
    assert data["remarks"]


def test_no_secret_gets_into_a_report(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    leaky = failed(SECRET, f"it says {SECRET}", where=f"http://u:{SECRET}@host", reproduce=SECRET, notes=[SECRET])
    run.results = [result("health.leak", leaky, says=SECRET, trace=SECRET)]
    run.remarks, run.refusal = [SECRET], SECRET
    report.write_all(run, 1, interrupted=False)
    written = [path.read_text(encoding="utf-8") for path in run.settings.output.iterdir()]
    assert len(written) == 2
    assert SECRET not in "".join(written) + capsys.readouterr().out


@pytest.mark.parametrize("odd", ["\x00\x1b[31m", "half a pair \ud800", "]]>", '"<&>', "\N{GRINNING FACE}", "\r\n\t"])
def test_no_text_breaks_a_report(
    run: Run, odd: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    run.results = [result("health.odd", failed(odd, odd, where=odd, reproduce=odd, notes=[odd]))]
    assert report.write_all(run, 1, interrupted=False) == ""
    data = report.load_verdict(run.settings.output / report.VERDICT_FILE)
    assert data["results"][0]["observed"] == odd
    parsed((run.settings.output / report.JUNIT_FILE).read_text(encoding="utf-8"))
    assert [line[:8] for line in capsys.readouterr().out.splitlines() if line] == ["::error "]


def test_a_report_of_an_earlier_run_is_replaced(run: Run) -> None:
    report.write_all(failing(run), 1, interrupted=False)
    run.preflight, run.results = [], [result("health.a", passed("fine"))]
    report.write_all(run, 0, interrupted=True)
    data = report.load_verdict(run.settings.output / report.VERDICT_FILE)
    assert (data["outcome"], data["interrupted"]) == ("PASS", True)
    assert sorted(path.name for path in run.settings.output.iterdir()) == ["junit.xml", "verdict.json"]


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report"
    report.replace_file(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        report.replace_file(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_report_can_be_read_by_others(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        report.replace_file(tmp_path / "report", "text")
    finally:
        os.umask(old)
    assert (tmp_path / "report").stat().st_mode & 0o777 == 0o644


def test_a_folder_that_cannot_be_written_gives_a_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("a file, not a folder", encoding="utf-8")
    monkeypatch.setenv("SELF_CHECK_OUTPUT", str(tmp_path / "taken"))
    run.settings = settings.read()
    said = report.write_all(failing(run), 1, interrupted=False)
    assert said.startswith(f"verdict.json and junit.xml could not be written to {tmp_path / 'taken'} (")
    assert said.count("\n") == 0


def test_a_verdict_is_left_when_nothing_could_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELF_CHECK_OUTPUT", str(tmp_path / "out"))
    report.unusable("SELF_CHECK_DEADLINE: input should be greater than 0")
    data = report.load_verdict(tmp_path / "out" / report.VERDICT_FILE)
    assert (data["outcome"], data["exit_code"], data["results"]) == ("REFUSED", 4, [])
    assert data["refusal"].startswith("SELF_CHECK_DEADLINE")


# ---------------------------------------------------------------------------------------------------------------- JUnit


def test_junit_counts_what_it_has(run: Run) -> None:
    suite = parsed(junit.render(failing(run).as_json(1, interrupted=False))).find("testsuite")
    assert suite is not None
    cases = suite.findall("testcase")
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["10", "3", "0", "5"]
    assert len(cases) == 10
    assert sum(case.find("failure") is not None for case in cases) == 3
    assert sum(case.find("skipped") is not None for case in cases) == 5
    broken = next(case for case in cases if case.get("name") == "health.service_redis")
    assert broken.get("classname") == "checks.health"
    failure = broken.find("failure")
    assert failure is not None
    assert failure.get("message") == 'FAIL: services.redis is "down", not "up"'
    assert "reproduce: curl -sS http://127.0.0.1:8101/health" in str(failure.text)
    waived = next(case for case in cases if case.get("name") == "metrics.odd").find("skipped")
    assert waived is not None
    assert "until 2030-01-31" in str(waived.get("message"))


def test_junit_of_a_refused_run_has_one_failure(run: Run) -> None:
    run.refusal = "a stranger"
    suite = parsed(junit.render(run.as_json(11, interrupted=False))).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")


@hypothesis_settings(derandomize=True, database=None, deadline=None, max_examples=100)
@given(st.text(st.characters(), max_size=20))
def test_junit_is_xml_whatever_was_observed(text: str) -> None:
    item = result("health.a", failed(text, text)).as_json()
    data = {"started_at": "", "seconds": 0.0, "strict": True, "refusal": text, "results": [item]}
    data |= dict.fromkeys(("run_id", "environment", "base_url", "outcome", "exit_code"), text)
    parsed(junit.render(data).encode("utf-8"))


# --------------------------------------------------------------------------------------------------------------- GitHub


def test_annotations_are_one_line_each_and_no_commands(run: Run) -> None:
    run.results = [result("health.a", failed("50%", "a\r\n::set-output name=x::y", where="z"), runbook="r,1:2")]
    text = github.render(run.as_json(1, interrupted=False))
    expected = "expected 50%25; observed a%0D%0A::set-output name=x::y; see r,1:2"
    assert text == f"::error title=FAIL health.a::{expected}\n"


def test_annotations_of_each_outcome(run: Run) -> None:
    lines = github.render(failing(run).as_json(1, interrupted=False)).splitlines()
    assert [line.partition("::e")[0].split(" title=")[0] for line in lines] == ["", "", "", "::warning"]
    assert [line.split("::")[1].split("title=")[1] for line in lines] == [
        "FAIL platform.alertmanager",
        "FAIL health.service_redis",
        "INCONCLUSIVE slo.error_ratio",
        "FAIL metrics.odd",
    ]


def test_there_are_no_more_annotations_than_github_shows(run: Run) -> None:
    run.results = [result(f"health.a{number}", failed("a", "b")) for number in range(30)]
    assert len(github.render(run.as_json(1, interrupted=False)).splitlines()) == 10


def test_a_title_is_escaped(run: Run) -> None:
    run.results = [result("health.a:b,c", failed("a", "b"))]
    assert "title=FAIL health.a%3Ab%2Cc::" in github.render(run.as_json(1, interrupted=False))


def test_every_outcome_has_a_word() -> None:
    assert set(terminal._WORDS) == set(Outcome)
