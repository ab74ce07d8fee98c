"""The rules say what the operations manual says; the configuration is accepted by the programs that read it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from lab import programs
from lab.configuration import (
    ALERTMANAGER,
    HAPROXY,
    PROMETHEUS,
    TEMPLATES,
    parsed,
    rendered,
    rule_files,
    with_fingerprint,
)
from lab.ports import Ports
from lab.scaling import Scale
from selfcheck import dashboards

REPOSITORY = TEMPLATES.parent.parent
PORTS = Ports.at(0)
RULES = [
    rule
    for name in rule_files()
    for group in parsed((TEMPLATES / name).read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]


def _run(program: str, *arguments: str, fine: int = 0) -> str:
    path = programs.optional(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == fine, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("config")
    for name, text in rendered(PORTS, Scale()).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(with_fingerprint(text) if name == HAPROXY else text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", rule_files())
def test_promtool_accepts_the_rules_with_production_timings_and_scaled(name: str, scaled: Path) -> None:
    assert "SUCCESS" in _run("promtool", "check", "rules", str(TEMPLATES / name))
    assert "SUCCESS" in _run("promtool", "check", "rules", str(scaled / name))


def test_prometheus_accepts_its_configuration(scaled: Path) -> None:
    assert "SUCCESS" in _run("promtool", "check", "config", str(scaled / PROMETHEUS))


def test_haproxy_accepts_its_configuration(scaled: Path) -> None:
    _run("haproxy", "-c", "-f", str(scaled / HAPROXY))


def test_scraping_and_evaluation_are_not_faster_than_a_second(scaled: Path) -> None:
    timings = parsed((scaled / PROMETHEUS).read_text(encoding="utf-8"))["global"]
    assert {timings["scrape_interval"], timings["evaluation_interval"], timings["scrape_timeout"]} == {"1s"}


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["severity=critical"], "pager"),
        (["severity=warning"], "chat"),
        (["severity=info"], "mail"),
        (["alertname=WithoutSeverity"], "mail"),
        (["severity=critical", "selfcheck_canary=true"], "canary"),
        (["selfcheck_canary=true"], "canary"),
        (["severity=warning", "selfcheck_canary=false"], "chat"),
    ],
)
def test_alerts_are_routed_by_severity(labels: list[str], receiver: str, scaled: Path) -> None:
    said = _run("amtool", "config", "routes", "test", f"--config.file={scaled / ALERTMANAGER}", *labels)
    assert said.splitlines()[0] == receiver


@pytest.mark.parametrize("alert", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_an_alert_tells_who_what_and_where_to_read_on(alert: dict[str, Any]) -> None:
    labels, annotations = alert["labels"], alert["annotations"]
    assert labels["severity"] in {"critical", "warning", "info"}
    assert labels["owner"]
    assert labels["subject"]
    assert annotations["summary"]
    assert "$value" in annotations["description"] or "$labels" in annotations["description"]
    assert (REPOSITORY / annotations["runbook_url"]).is_file()
    assert alert["for"]


def test_every_row_of_the_manuals_tables_has_its_alert() -> None:
    expressions = {rule["alert"]: " ".join(rule["expr"].split()) for rule in ALERTS}
    for threshold in (
        "platform_error_ratio > 0.05",
        "provider_health_score < 50",
        "ocr_p95_latency_seconds > 2",
        "error_budget_remaining < 0.2",
        "circuit_breaker_open_ratio > 0.5",
    ):
        assert threshold in expressions.values()
    directory = {
        "provider_timeout",
        "model_load_error",
        "high_error_rate",
        "compare_failure_rate",
        "compare_not_found",
        "memory_exhaustion",
        "circuit_breaker",
    }
    assert directory <= {Path(rule["annotations"]["runbook_url"]).stem for rule in ALERTS}


def test_a_runbook_names_only_alerts_and_runbooks_that_exist() -> None:
    known = {rule["alert"] for rule in ALERTS}
    for path in (REPOSITORY / "docs/runbooks").glob("*.md"):
        text = path.read_text(encoding="utf-8")
        line = next((line for line in text.splitlines() if line.startswith("Alerts: ")), "")
        assert set(re.findall(r"`(\w+)`", line)) <= known, path
        assert all((path.parent / link).is_file() for link in re.findall(r"\]\((\w+\.md)\)", text)), path
        expected = {rule["alert"] for rule in ALERTS if rule["annotations"]["runbook_url"].endswith(f"/{path.name}")}
        assert expected == set(re.findall(r"`(\w+)`", line)), path


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "lab/grafana/dashboards").glob("*.json")), ids=lambda path: path.stem
)
def test_a_dashboard_has_its_uid_and_queries_that_parse(path: Path) -> None:
    dashboard = json.loads(path.read_text(encoding="utf-8"))
    assert dashboard["uid"] == path.stem
    panels = [each for panel in dashboard["panels"] for each in (panel, *panel.get("panels", ()))]
    assert len({panel["id"] for panel in panels}) == len(panels)
    read = dashboards.read(dashboard)
    values = {each.name: dashboards.value_of(each, ("paddle", "deepseek_hf")) for each in read.variables}
    for _, panel, query in read.queries():
        assert panel is not None
        assert panel.unit
        texts, unknown = dashboards.expansions(query, panel, values, dashboards.Timing())
        assert not unknown
        for text in texts:
            promql_parser.parse(text)


def test_the_dashboards_of_the_manual_are_there() -> None:
    found = {path.stem for path in (REPOSITORY / "lab/grafana/dashboards").glob("*.json")}
    assert found >= {"observability", "providers", "performance", "slo", "alerts", "capacity"}
    overview = json.loads((REPOSITORY / "lab/grafana/dashboards/observability.json").read_text(encoding="utf-8"))
    corners = {panel["title"]: (panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in overview["panels"]}
    assert corners["Platform Error Rates"] == (0, 0)
    assert corners["Provider Error Code Breakdown"] == (12, 0)
    below = max(y for _, y in corners.values())
    assert corners["Error Budget Remaining"] == (12, below)
    assert corners["SLO Compliance"][0] == 12


# What the recorded values are, given what the platform counted. `promtool test rules` evaluates the rules as Prometheus
# would, with production timings: counters by their increase a minute, values after 20 minutes.
GOOD_OCR = {'ocr_requests_total{provider="paddle",status="success"}': 60}
BAD_INPUT = {'ocr_requests_total{provider="unknown",status="input_error"}': 60}
BAD_OCR = {'ocr_requests_total{provider="paddle",status="error"}': 20}
GOOD_VISION = {'vision_requests_total{provider="vision",status="success"}': 60}
BAD_VISION = {'vision_requests_total{provider="vision",status="error"}': 60}


@pytest.mark.parametrize(
    ("counted", "query", "expected"),
    [
        pytest.param({}, "platform_error_ratio", {}, id="no requests: no value"),
        pytest.param({}, "slo_availability", {}, id="no requests: no availability"),
        pytest.param(GOOD_OCR, "platform_error_ratio", {"": 0}, id="no error ever, vision never used"),
        pytest.param(GOOD_VISION, "platform_error_ratio", {"": 0}, id="only vision"),
        pytest.param(GOOD_OCR | BAD_OCR, "platform_error_ratio", {"": 0.25}, id="errors of one service"),
        pytest.param(GOOD_OCR | BAD_VISION, "platform_error_ratio", {"": 0.5}, id="one service good, the other bad"),
        pytest.param(BAD_INPUT, "platform_error_ratio", {"": 0}, id="bad input is no error of the platform"),
        pytest.param(GOOD_OCR | BAD_INPUT, "slo_availability", {"": 1}, id="bad input does not cost availability"),
        pytest.param(GOOD_OCR | BAD_OCR, "slo_availability", {"": 0.75}, id="errors cost availability"),
        pytest.param(GOOD_OCR, "error_budget_remaining", {"": 1}, id="budget untouched"),
        pytest.param(GOOD_OCR | BAD_OCR, "error_budget_remaining", {"": -24}, id="budget overspent"),
        pytest.param(GOOD_OCR, "provider_health_score", {"paddle": 100}, id="a provider without errors"),
        pytest.param(GOOD_OCR | BAD_OCR, "provider_health_score", {"paddle": 75}, id="a provider with errors"),
        pytest.param(BAD_OCR, "provider_health_score", {"paddle": 0}, id="a provider that never succeeds"),
        pytest.param(BAD_INPUT, "provider_health_score", {}, id="bad input says nothing of a provider"),
        pytest.param(
            GOOD_OCR | BAD_VISION, "provider_health_score", {"paddle": 100, "vision": 0}, id="providers by themselves"
        ),
    ],
)
def test_the_recorded_values(counted: dict[str, int], query: str, expected: dict[str, float], tmp_path: Path) -> None:
    _evaluate(tmp_path, counted, query, expected, name="provider")


def test_the_95th_percentile_is_in_seconds_and_vanishes_without_requests(tmp_path: Path) -> None:
    bucket = 'ocr_processing_duration_seconds_bucket{provider="paddle",le="%s"}'
    slow = {bucket % "1.0": 0, bucket % "2.0": 60, bucket % "+Inf": 60}
    _evaluate(tmp_path, slow, "ocr_p95_latency_seconds", {"": 1.95})
    _evaluate(tmp_path, dict.fromkeys(slow, 0), "ocr_p95_latency_seconds", {})


@pytest.mark.parametrize(("states", "expected"), [((0, 0, 0, 0), 0), ((2, 0, 0, 0), 0.25), ((2, 1, 2, 2), 0.75)])
def test_the_share_of_open_breakers(states: tuple[int, ...], expected: float, tmp_path: Path) -> None:
    gauges = {f'ocr_circuit_state{{key="{number}"}}': f"{state}x25" for number, state in enumerate(states)}
    _evaluate(tmp_path, gauges, "circuit_breaker_open_ratio", {"": expected})


def _evaluate(
    folder: Path, counted: dict[str, Any], query: str, expected: dict[str, float], *, name: str = "none"
) -> None:
    def series(value: Any) -> str:
        return f"0+{value}x25" if isinstance(value, int) else str(value)

    test = {
        "rule_files": [str(TEMPLATES / "rules/recording.yml")],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": key, "values": series(value)} for key, value in counted.items()],
                "promql_expr_test": [
                    {
                        "expr": f"round({query}, 0.001)",
                        "eval_time": "20m",
                        "exp_samples": [
                            {"labels": f'{{{name}="{label}"}}' if label else "{}", "value": value}
                            for label, value in expected.items()
                        ],
                    }
                ],
            }
        ],
    }
    path = folder / "test.yml"
    path.write_text(json.dumps(test), encoding="utf-8")
    _run("promtool", "test", "rules", str(path))


PLATFORM_UP = {f'up{{job="cad-ml-platform",instance="{number}"}}': "1x60" for number in range(3)}


@pytest.mark.parametrize(
    ("series", "firing"),
    [
        pytest.param(PLATFORM_UP, set(), id="all up"),
        pytest.param(
            PLATFORM_UP | {'up{job="cad-ml-platform",instance="2"}': "1x10 0x50"},
            {"ReplicaDown", "ReplicasMissing"},
            id="one down",
        ),
        pytest.param(dict(list(PLATFORM_UP.items())[:2]), {"ReplicasMissing"}, id="one vanished from the targets"),
        pytest.param({}, {"ReplicasMissing", "PlatformDown"}, id="all vanished"),
    ],
)
def test_a_replica_is_missed_also_when_its_target_vanishes(
    series: dict[str, str], firing: set[str], tmp_path: Path
) -> None:
    watched = {"ReplicaDown", "ReplicasMissing", "PlatformDown"}
    alerts = [{"eval_time": "30m", "alertname": name, "exp_alerts": []} for name in sorted(watched - firing)]
    test = {
        "rule_files": [str(TEMPLATES / "rules/alerts.yml")],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": key, "values": values} for key, values in series.items()],
                "alert_rule_test": alerts,
                "promql_expr_test": [
                    {
                        "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}})',
                        "eval_time": "30m",
                        "exp_samples": [{"labels": "{}", "value": 1}],
                    }
                    for name in sorted(firing)
                ],
            }
        ],
    }
    path = tmp_path / "test.yml"
    path.write_text(json.dumps(test), encoding="utf-8")
    _run("promtool", "test", "rules", str(path))
