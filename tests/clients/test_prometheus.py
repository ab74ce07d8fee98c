"""The Prometheus and Alertmanager clients against the real servers."""

from __future__ import annotations

import math
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from selfcheck.clients.alertmanager import Alertmanager
from selfcheck.clients.http import Http
from selfcheck.clients.prometheus import Prometheus, QueryResult, Sample
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.secrets import Secrets
from selfcheck.waiting import Deadline, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.lab

CONFIGURATION = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]}}
scrape_configs:
  - job_name: itself
    static_configs: [{{targets: ["127.0.0.1:{prometheus}"]}}]
  - job_name: nobody
    static_configs: [{{targets: ["127.0.0.1:{closed}"]}}]
  - job_name: left_out
    static_configs: [{{targets: ["127.0.0.1:1", "127.0.0.1:2"]}}]
    relabel_configs: [{{action: drop, source_labels: [__address__], regex: ".*"}}]
"""

RULES = """
groups:
  - name: example
    interval: 1s
    rules:
      - {record: "example:two", expr: vector(2)}
      - {record: "example:broken", expr: 'label_replace(up, "job", "", "", "") * on() group_left() up'}
      - alert: TargetDown
        expr: up == 0
        for: 1s
        labels: {severity: warning}
        annotations: {summary: "{{ $labels.job }} is down"}
"""

ROUTES = """
route: {receiver: nobody, group_wait: 1h}
receivers: [{name: nobody}, {name: chat}]
"""


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def running(name: str, folder: Path, *options: str) -> Iterator[None]:
    program = shutil.which(name)
    assert program, f"{name} is not installed; `make setup` says how to get it"
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([program, *options], cwd=folder, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Alertmanager]]:
    folder = tmp_path_factory.mktemp("prometheus")
    prometheus_port, alertmanager_port, closed_port = free_ports(3)
    configuration = CONFIGURATION.format(prometheus=prometheus_port, alertmanager=alertmanager_port, closed=closed_port)
    (folder / "prometheus.yml").write_text(configuration)
    (folder / "rules.yml").write_text(RULES)
    (folder / "alertmanager.yml").write_text(ROUTES)
    with ExitStack() as stack:
        stack.enter_context(
            running(
                "prometheus-alertmanager",
                folder,
                "--config.file=alertmanager.yml",
                "--storage.path=alertmanager",
                "--cluster.listen-address=",
                f"--web.listen-address=127.0.0.1:{alertmanager_port}",
            )
        )
        stack.enter_context(
            running(
                "prometheus",
                folder,
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                f"--web.listen-address=127.0.0.1:{prometheus_port}",
            )
        )
        http = stack.enter_context(Http(deadline=Deadline(120), secrets=Secrets(), user_agent="test/1"))
        prometheus = Prometheus(http, f"http://127.0.0.1:{prometheus_port}/")
        alertmanager = Alertmanager(http, f"http://127.0.0.1:{alertmanager_port}")
        wait_until(
            lambda: len(alertmanager.alerts()) == 1 and {t.health for t in prometheus.targets()} == {"up", "down"},
            timeout_seconds=40,
            what="the first alert to arrive",
        )
        yield prometheus, alertmanager


@pytest.fixture
def prometheus(servers: tuple[Prometheus, Alertmanager]) -> Prometheus:
    return servers[0]


@pytest.fixture
def alertmanager(servers: tuple[Prometheus, Alertmanager]) -> Alertmanager:
    return servers[1]


@pytest.fixture
def counted_http() -> Iterator[Http]:
    with Http(deadline=Deadline(30), secrets=Secrets(), user_agent="test/1") as http:
        yield http


def test_what_it_is(prometheus: Prometheus) -> None:
    assert prometheus.ready()
    assert prometheus.build_info().version.startswith(("2.", "3."))
    info = prometheus.runtime_info()
    assert info.config_reloaded
    assert 0 < time.time() - info.started_at < 120
    assert abs(info.config_reloaded_at - info.started_at) < 60
    assert prometheus.flags()["config.file"] == "prometheus.yml"
    assert "job_name: left_out" in prometheus.config()
    assert len(prometheus.alertmanagers()) == 1


def test_an_instant_query(prometheus: Prometheus) -> None:
    result = prometheus.query("up")
    assert {sample.labels["job"]: sample.value for sample in result.samples} == {"itself": 1.0, "nobody": 0.0}
    assert all(abs(sample.timestamp - time.time()) < 60 for sample in result.samples)
    assert result.asked == f"GET {prometheus.url}/api/v1/query?query=up"
    assert (result.warnings, result.infos, result.series) == ((), (), ())


def test_the_library_and_the_direct_way_agree(prometheus: Prometheus) -> None:
    at = time.time()
    for promql in ("up", "vector(1) / 0", "1 + 1", "up[10s]", 'up{job="itself"} or vector(7)'):
        assert prometheus.query(promql, at=at) == prometheus.query_all([promql], at=at)[0]


def test_values_that_are_no_numbers(prometheus: Prometheus) -> None:
    nan, plus, minus = prometheus.query_all(["vector(0) / 0", "vector(1) / 0", "vector(-1) / 0"])
    assert isinstance(nan, QueryResult)
    assert isinstance(plus, QueryResult)
    assert isinstance(minus, QueryResult)
    assert math.isnan(nan.samples[0].value)
    assert (plus.samples[0].value, minus.samples[0].value) == (math.inf, -math.inf)


def test_nothing_is_not_an_error(prometheus: Prometheus) -> None:
    result = prometheus.query("no_such_metric")
    assert result.empty
    assert not prometheus.query("up").empty


def test_a_scalar_a_range_and_a_string(prometheus: Prometheus) -> None:
    assert prometheus.query("1 + 1", at=1000.5).samples == (Sample({}, 2.0, 1000.5),)
    (series,) = prometheus.query('up{job="itself"}[20s]').series
    assert series.labels["job"] == "itself"
    assert all(value == 1.0 for _, value in series.points)
    assert [at for at, _ in series.points] == sorted(at for at, _ in series.points)
    with pytest.raises(CouldNotObserve) as caught:
        prometheus.query('"a string"')
    assert caught.value.trouble is Trouble.UNEXPECTED_ANSWER


def test_a_query_over_time_keeps_fractions_of_seconds(prometheus: Prometheus) -> None:
    result = prometheus.query_range("vector(1)", start=1000.25, end=1001.25, step_seconds=0.5)
    assert result.series[0].points == ((1000.25, 1.0), (1000.75, 1.0), (1001.25, 1.0))


def test_a_query_that_is_wrong(prometheus: Prometheus) -> None:
    good, bad = prometheus.query_all(["up", "up)"])
    assert isinstance(good, QueryResult)
    with pytest.raises(CouldNotObserve) as caught:
        prometheus.query("up)")
    for trouble in (bad, caught.value):
        assert isinstance(trouble, CouldNotObserve)
        assert trouble.trouble is Trouble.ERROR_ANSWER
        assert "bad_data" in trouble.came_back
        assert "unexpected right parenthesis" in trouble.came_back
        assert "Correct the query" in trouble.hint


def test_targets(prometheus: Prometheus) -> None:
    targets = {target.job: target for target in prometheus.targets()}
    assert set(targets) == {"itself", "nobody"}
    assert (targets["itself"].health, targets["itself"].last_error) == ("up", "")
    assert targets["nobody"].health == "down"
    assert "refused" in targets["nobody"].last_error
    assert targets["itself"].scrape_url == f"{prometheus.url}/metrics"
    assert targets["itself"].instance == prometheus.url.removeprefix("http://")
    assert targets["itself"].interval_seconds == targets["itself"].timeout_seconds == 1.0
    assert 0 <= time.time() - targets["itself"].last_scrape_at < 30
    assert prometheus.dropped_targets() == {"left_out": 2}


def test_rules_and_alerts(prometheus: Prometheus) -> None:
    (group,) = prometheus.rule_groups()
    assert (group.name, group.file, group.interval_seconds) == ("example", "rules.yml", 1.0)
    assert 0 <= time.time() - group.last_evaluation_at < 30
    two, broken, down = group.rules
    assert (two.name, two.kind, two.health, two.query) == ("example:two", "recording", "ok", "vector(2)")
    assert (broken.health, bool(broken.last_error)) == ("err", True)
    assert (down.kind, down.duration_seconds, down.labels) == ("alerting", 1.0, {"severity": "warning"})
    assert (down.state, down.group, down.interval_seconds) == ("firing", "example", 1.0)
    (alert,) = prometheus.alerts()
    assert (alert.name, alert.state, alert.value) == ("TargetDown", "firing", 0.0)
    assert alert.annotations == {"summary": "nobody is down"}
    assert alert == down.alerts[0]
    assert 0 < time.time() - alert.active_at < 120


def test_labels_series_and_metadata(prometheus: Prometheus) -> None:
    assert prometheus.label_values("job") == ("itself", "nobody")
    assert prometheus.label_values("job", 'up{job="itself"}') == ("itself",)
    series = prometheus.series('up{job="itself"}', "example:two", start=time.time() - 60, end=time.time())
    assert sorted(each["__name__"] for each in series) == ["example:two", "up"]
    (exposing,) = prometheus.targets_exposing("prometheus_build_info")
    assert exposing["job"] == "itself"
    assert prometheus.targets_exposing("no_such_metric") == ()
    (metadata,) = prometheus.metadata(metric="prometheus_build_info", match_target='{job="itself"}')
    assert (metadata.type, metadata.metric) == ("gauge", "prometheus_build_info")
    assert {each.metric for each in prometheus.metadata()} > {"go_info", "prometheus_build_info"}


def test_queries_share_connections(prometheus: Prometheus, counted_http: Http) -> None:
    client = Prometheus(counted_http, prometheus.url)
    with counted_http.area("slo"):
        assert len(client.query_all(["up"] * 50)) == 50
        client.query("up")
    assert counted_http.tally.by_area["slo"].requests == 51


def test_alertmanager(alertmanager: Alertmanager) -> None:
    assert alertmanager.ready()
    status = alertmanager.status()
    assert status.version.startswith("0.")
    assert "receiver: nobody" in status.config
    assert status.cluster == "disabled"
    assert 0 < time.time() - status.started_at < 120
    assert alertmanager.receivers() == ("nobody", "chat")
    (alert,) = alertmanager.alerts()
    assert (alert.name, alert.receivers, alert.state) == ("TargetDown", ("nobody",), "active")
    assert alert.labels["severity"] == "warning"
    assert alert.starts_at <= alert.updated_at < alert.ends_at
    assert alertmanager.alerts('alertname="Other"') == ()


def test_silences(alertmanager: Alertmanager, counted_http: Http) -> None:
    assert alertmanager.silences() == ()
    silence = {
        "matchers": [
            {"name": "alertname", "value": "Down.*", "isRegex": True, "isEqual": True},
            {"name": "job", "value": "itself", "isRegex": False, "isEqual": False},
        ],
        "startsAt": "2020-01-01T00:00:00Z",
        "endsAt": "2099-01-01T00:00:00Z",
        "createdBy": "test",
        "comment": "of no effect",
    }
    posted = counted_http.ask("POST", f"{alertmanager.url}/api/v2/silences", json=silence)
    assert posted.status == 200
    (found,) = alertmanager.silences()
    assert (found.state, found.created_by, found.comment) == ("active", "test", "of no effect")
    assert [(each.name, each.operator, each.value) for each in found.matchers] == [
        ("alertname", "=~", "Down.*"),
        ("job", "!=", "itself"),
    ]
    assert found.ends_at > time.time()


def test_alertmanager_refuses(alertmanager: Alertmanager) -> None:
    with pytest.raises(CouldNotObserve) as caught:
        alertmanager.alerts("this is no matcher !")
    assert caught.value.trouble is Trouble.ERROR_ANSWER
    assert "HTTP 400" in caught.value.came_back


def test_one_taken_for_the_other(prometheus: Prometheus, alertmanager: Alertmanager, counted_http: Http) -> None:
    for wrong in (
        lambda: Prometheus(counted_http, alertmanager.url).build_info(),
        lambda: Prometheus(counted_http, alertmanager.url).ready(),
        lambda: Prometheus(counted_http, alertmanager.url).query("up"),
        lambda: Alertmanager(counted_http, prometheus.url).status(),
        lambda: Alertmanager(counted_http, prometheus.url).ready(),
    ):
        with pytest.raises(CouldNotObserve) as caught:
            wrong()
        assert caught.value.trouble in {
            Trouble.NOT_JSON,
            Trouble.UNEXPECTED_ANSWER,
            Trouble.ERROR_ANSWER,
            Trouble.NO_SUCH_ROUTE,
        }
