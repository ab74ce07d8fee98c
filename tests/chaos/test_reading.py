"""What answers say: outcomes of probes, lines of metrics pages, pages of providers, a receiver's notifications."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from chaos import plan, reading
from chaos.plan import Metrics, Probe
from selfcheck import contract
from selfcheck.clients.http import Answer
from selfcheck.contract import Act, Expectation
from selfcheck.observation import CouldNotObserve, Trouble

WANTED = Metrics(
    name="here",
    breaker_gauge="state",
    breaker_label="key",
    counters=("errors_total", "requests_total"),
    providers_page="providers_health",
    ready_page="ready",
    health_page="health",
)
PROBE = Probe(name="probe", says="a probe of tests", act="act")
ACT = Act(name="act", route="ocr_extract", expect=Expectation(status=200, body={"success": True}))


def answer(status: int, body: Any) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer("GET http://a/", "http://a/", status, httpx.Headers(), content, 0.0, 0.0)


def no_answer(trouble: Trouble) -> CouldNotObserve:
    return CouldNotObserve(trouble, asked="GET http://a/", came_back="nothing", hint="wait")


@pytest.mark.parametrize(
    ("came", "outcome", "code", "answered_by"),
    [
        (answer(200, {"success": True, "provider": "paddle", "code": None}), "ok", "", "paddle"),
        (answer(200, {"success": False, "provider": "p", "code": "CIRCUIT_OPEN"}), "failed", "CIRCUIT_OPEN", "p"),
        (answer(200, {"success": False}), "wrong", "", ""),
        (answer(200, {"success": False, "code": 7}), "wrong", "", ""),
        (answer(200, b"<html>"), "wrong", "", ""),
        (answer(404, {"code": "NOT_FOUND"}), "wrong", "NOT_FOUND", ""),
        (answer(429, b""), "limited", "", ""),
        (answer(502, b"bad gateway"), "server_error", "", ""),
        (no_answer(Trouble.TIMED_OUT), "timeout", "", ""),
        (no_answer(Trouble.REFUSED), "connection", "", ""),
        (no_answer(Trouble.BROKEN_OFF), "connection", "", ""),
        (no_answer(Trouble.NOT_HTTP), "connection", "", ""),
        (no_answer(Trouble.TOO_LARGE), "wrong", "", ""),
        (no_answer(Trouble.DEADLINE), "unsent", "", ""),
    ],
)
def test_what_a_caller_got(came: Answer | CouldNotObserve, outcome: str, code: str, answered_by: str) -> None:
    found = reading.outcome(PROBE, ACT, came, {})
    assert (found["outcome"], found.get("code", ""), found.get("answered_by", "")) == (outcome, code, answered_by)
    assert bool(found.get("detail")) == (outcome != "ok")


def test_an_expected_limit_is_no_limit() -> None:
    act = Act(name="act", route="ocr_extract", expect=Expectation(status=(200, 429)))
    assert reading.outcome(PROBE, act, answer(429, b""), {})["outcome"] == "ok"


@pytest.mark.parametrize(
    ("body", "leak"),
    [
        (b'{"success": false, "code": "PROVIDER_DOWN", "error": "paddle does not answer"}', ""),
        (
            b'{"success": false, "code": "PROVIDER_DOWN", "error": "httpx.ConnectError"}',
            'library: "httpx.ConnectError"',
        ),
        (b'{"success": true, "provider": "paddle", "error": "httpx.ConnectError"}', ""),
    ],
)
def test_what_an_error_gives_away(body: bytes, leak: str) -> None:
    found = reading.outcome(PROBE, ACT, answer(200, body), {"library": r"\b[a-z]+\.[A-Z]\w*Error\b"})
    assert found.get("leak", "") == leak


PAGE = """\
# HELP state the state
# TYPE state gauge
state{key="a"} 0.0
state{zone="x, \\"{1}\\"",key="b"} 2
  state{key="c",} 1 1700000000000
state_created{key="a"} 1.7e9
state{other="d"} 2.0
state{key="broken} 2.0
stateful{key="e"} 2.0
# TYPE errors_total counter
errors_total{stage="infer",provider="paddle",code="A \\\\ \\"B\\"\\n"} 4.0
errors_total 1
other_total{provider="paddle"} 9
process_start_time_seconds 1.7001e+09
"""


def test_the_wanted_lines_of_a_metrics_page() -> None:
    assert reading.MetricsReader(WANTED).read(PAGE) == {
        "breakers": {"a": 0.0, "b": 2.0, "c": 1.0},
        "counters": {
            'errors_total{code="A \\\\ \\"B\\"\\n",provider="paddle",stage="infer"}': 4.0,
            "errors_total": 1.0,
        },
        "began": 1.7001e9,
    }


@pytest.mark.parametrize("text", ["", "<html>state{</html>", "state", "state{", 'state{key="a"} high'])
def test_a_page_without_them_says_nothing(text: str) -> None:
    assert reading.MetricsReader(WANTED).read(text) == {"breakers": {}, "counters": {}, "began": 0.0}


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"results": [{"provider": "a", "ready": True}, {"provider": "b", "ready": False}]}, {"a": True, "b": False}),
        ({"results": [{"provider": "a", "ready": False}, {"provider": "a", "ready": True}]}, {"a": False}),
        ({"results": [{"provider": 1, "ready": True}, {"provider": "b", "ready": "yes"}, "c"]}, {}),
        ({"results": {}}, {}),
        (None, {}),
    ],
)
def test_the_page_of_the_providers(document: object, found: dict[str, bool]) -> None:
    assert reading.providers(WANTED, document) == found


@pytest.mark.parametrize(
    ("document", "found"), [({"ready": True}, True), ({"ready": False}, False), ({"ready": "yes"}, None), (None, None)]
)
def test_the_page_of_readiness(document: object, found: bool | None) -> None:  # noqa: FBT001 - a table
    assert reading.readiness(WANTED, document) is found


# -------------------------------------------------------------------------------------------------------- notifications


def message(*alerts: tuple[str, str], receiver: str = "pager") -> dict[str, Any]:
    return {
        "receiver": receiver,
        "status": "firing",
        "alerts": [{"status": status, "labels": {"alertname": name}} for name, status in alerts],
    }


def entry(number: int, at: float, *alerts: tuple[str, str]) -> dict[str, Any]:
    return {"number": number, "at": at, "receiver": "path", "payload": message(*alerts)}


def names(found: list[reading.Told]) -> list[tuple[int, str, str]]:
    return [(each.number, each.labels["alertname"], each.status) for each in found]


def test_each_numbered_notification_is_taken_once_and_none_from_before() -> None:
    inbox = reading.Inbox(WANTED, began=100.0)
    entries = [entry(1, 99.0, ("A", "firing")), entry(2, 101.0, ("A", "firing"), ("B", "firing"))]
    assert names(inbox.new({"notifications": entries}, 102.0)) == [(2, "A", "firing"), (2, "B", "firing")]
    entries.append(entry(3, 103.0, ("A", "firing")))
    (told,) = inbox.new({"notifications": entries[1:]}, 104.0)
    assert (told.number, told.receiver, told.received) == (3, "pager", 103.0)
    assert inbox.new({"notifications": entries}, 105.0) == []


def test_a_page_that_numbers_nothing_is_counted() -> None:
    inbox = reading.Inbox(WANTED, began=100.0)
    page = [{"body": json.dumps(message(("A", "firing")))}]
    assert inbox.new(page, 101.0) == []
    page += [{"body": json.dumps(message(("A", "firing")))}, {"body": json.dumps(message(("A", "resolved")))}]
    found = inbox.new(page, 102.0)
    assert [(each.labels["alertname"], each.status, each.received) for each in found] == [
        ("A", "firing", 102.0),
        ("A", "resolved", 102.0),
    ]
    assert len({each.number for each in found}) == 2
    assert inbox.new(page, 103.0) == []


@pytest.mark.parametrize("document", [None, [], {}, "text", {"notifications": [1, None, {"alerts": 3}]}])
def test_a_page_of_something_else_tells_nothing(document: object) -> None:
    assert reading.Inbox(WANTED, began=0.0).new(document, 1.0) == []


def test_the_contract_says_where_things_stand() -> None:
    whole = contract.load()
    wanted = plan.metrics(whole)
    assert whole.route(wanted.providers_page).path
    assert whole.route(wanted.ready_page).path
    assert plan.stops(whole).failures_in_a_row_max >= 1
