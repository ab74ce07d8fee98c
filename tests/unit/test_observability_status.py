"""The status screen: what it shows, and the exit code that follows."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest

from checks.test_slo import Bound
from selfcheck.clients.prometheus import Alert, Target
from tools import observability_status as status
from tools.observability_status import Metric, Part, State, Status

AT = dt.datetime(2026, 1, 31, 9, 0, tzinfo=dt.UTC)
UP = Part("app", State.WELL, "1.0.0", "healthy, 3 of 3 replicas up", 3.4)
DOWN = Part("grafana", State.WRONG, detail="nothing listens there (connection refused), and that at some length indeed")
AWAY = Part("kubernetes", State.ABSENT, detail="not covered: set SELF_CHECK_KUBE_CONTEXT")
UNCLEAR = Part("redis", State.UNKNOWN, detail="not asked")
ERRORS = Metric(
    "platform_error_ratio", "ratio", 0.0123, "", Bound(below=0.01), Bound(above=0.05), State.WELL, "target missed"
)


def metric(**fields: Any) -> Metric:
    own = {name: getattr(ERRORS, name) for name in ERRORS.__slots__}
    return Metric(**{**own, **fields})


def alert(name: str, state: str = "firing", severity: str = "critical") -> Alert:
    return Alert({"alertname": name, "severity": severity}, {}, state, time.time() - 600, 1.0)


def shown(*parts: Part, alerts: tuple[Alert, ...] | None = (), metrics: tuple[Metric, ...] = ()) -> Status:
    return Status("http://localhost:8000 (local)", AT, parts, alerts, metrics)


@pytest.mark.parametrize(
    ("given", "code", "closing"),
    [
        (shown(UP, AWAY, metrics=(ERRORS,)), 0, "all is well (exit code 0)"),
        (shown(UP, alerts=(alert("A", "pending"),)), 0, "all is well (exit code 0)"),
        (shown(UP, DOWN), 1, "something is wrong: grafana is down (exit code 1)"),
        (shown(UP, alerts=(alert("A"),)), 1, "something is wrong: 1 alert fires (exit code 1)"),
        (
            shown(UP, metrics=(metric(state=State.WRONG, value=0.06, remark="ALARM"),)),
            1,
            "something is wrong: platform_error_ratio is beyond its threshold (exit code 1)",
        ),
        (shown(UP, UNCLEAR), 10, "could not tell: how redis is (exit code 10)"),
        (shown(UP, alerts=None), 10, "could not tell: whether alerts fire (exit code 10)"),
        (
            shown(UP, metrics=(metric(state=State.UNKNOWN), metric(state=State.UNKNOWN))),
            10,
            "could not tell: the key metrics (exit code 10)",
        ),
        (
            shown(DOWN, UNCLEAR),
            1,
            "something is wrong: grafana is down; could not tell: how redis is (exit code 1)",
        ),
    ],
)
def test_the_exit_code(given: Status, code: int, closing: str) -> None:
    lines = status.render(given)
    assert given.exit_code == code
    assert closing in lines
    assert max(map(len, lines)) <= 80


def replica(name: str, health: str = "up") -> Target:
    labels = {"job": "app", "instance": name}
    return Target(labels, f"http://{name}/metrics", "app", health, "", 0.0, 0.01, 15.0, 10.0)


@pytest.mark.parametrize(
    ("replicas", "promised", "state", "said"),
    [
        ([replica("a"), replica("b")], None, State.WELL, "2 of 2 replicas up"),
        ([replica("a"), replica("b")], 2, State.WELL, "2 of 2 replicas up"),
        ([replica("a"), replica("b"), replica("c")], 2, State.WELL, "3 of 3 replicas up"),
        ([replica("a"), replica("b")], 3, State.WRONG, "2 of 3 replicas up"),
        ([replica("a"), replica("b", "down")], None, State.WRONG, "1 of 2 replicas up"),
        ([replica("a"), replica("b", "unknown")], 2, State.UNKNOWN, "1 of 2 replicas up"),
        ([], 3, State.UNKNOWN, "no replica is scraped"),
    ],
)
def test_replicas(replicas: list[Target], promised: int | None, state: State, said: str) -> None:
    assert status._of_replicas(replicas, promised) == (state, said)


def test_the_screen() -> None:
    health = metric(
        name="provider_health_score",
        unit="score",
        value=40.0,
        whose="deepseek",
        target=Bound(above=95),
        alarm=Bound(below=50),
        state=State.WRONG,
        remark="ALARM",
    )
    breakers = metric(
        name="circuit_breaker_open_ratio", value=0.0, target=Bound(below=1e-7), alarm=Bound(above=0.5), remark="ok"
    )
    latency = metric(name="ocr_p95_latency_seconds", unit="seconds", value=None, remark="no data", state=State.UNKNOWN)
    firing = (alert("Low", severity="info"), alert("Platform\x1b[2JDown"), alert("Soon", "pending", "warning"))
    given = shown(UP, DOWN, AWAY, alerts=firing, metrics=(ERRORS, health, breakers, latency))
    assert "\n".join(status.render(given)).splitlines() == [
        "http://localhost:8000 (local)                            2026-01-31 09:00:00 UTC",
        "",
        "component    state version     scraped    ",
        "app          up    1.0.0       3 s ago    healthy, 3 of 3 replicas up",
        "grafana      DOWN                         nothing listens there (connection",
        "                                          refused), and that at some length",
        "                                          indeed",
        "kubernetes   -                            not covered: set",
        "                                          SELF_CHECK_KUBE_CONTEXT",
        "",
        "alerts: 2 firing, 1 pending",
        r"  firing   critical  Platform\x1b[2JDown for 10 min",
        "  firing   info      Low for 10 min",
        "  pending  warning   Soon for 10 min",
        "",
        "key metric                  now        target     alarm      ",
        "platform_error_ratio        1.23 %     < 1 %      > 5 %      target missed",
        "provider_health_score       40         > 95       < 50       ALARM (deepseek)",
        "circuit_breaker_open_ratio  0 %        0          > 50 %     ok",
        "ocr_p95_latency_seconds     -          < 0.01 s   > 0.05 s   no data",
        "",
        "something is wrong: grafana is down; 2 alerts fire; provider_health_score is",
        "beyond its threshold; could not tell: ocr_p95_latency_seconds (exit code 1)",
    ]
