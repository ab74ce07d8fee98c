"""What the Prometheus and Alertmanager clients make of answers that the real servers do not give on demand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from selfcheck.clients._reading import duration_seconds, moment
from selfcheck.clients.alertmanager import Alertmanager
from selfcheck.clients.prometheus import Prometheus, QueryResult
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.secrets import Secrets
from tests import misbehaving

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from selfcheck.clients.http import Http
    from tests.clients.conftest import MakeHttp


def as_json(content: Any, status: int = 200) -> bytes:
    return misbehaving.answer(status, json.dumps(content).encode(), content_type="application/json")


def success(data: Any, **more: Any) -> bytes:
    return as_json({"status": "success", "data": data, **more})


def vector(*results: Any, **more: Any) -> bytes:
    return success({"resultType": "vector", "result": list(results)}, **more)


@pytest.mark.parametrize("ask", ["query", "query_all"])
def test_warnings_are_kept(ask: str, http: Http) -> None:
    reply = vector(
        {"metric": {"job": "a"}, "value": [1.5, "2"]},
        {"metric": {"job": "b"}, "histogram": [1.5, {"count": "1"}]},
        warnings=["remote storage did not answer"],
        infos=["metric might not be a counter"],
    )
    with misbehaving.routes({"/prefix/api/v1/query": reply}) as server:
        client = Prometheus(http, f"{server.url}/prefix/", headers={"Authorization": "Bearer abc"})
        result = client.query("x") if ask == "query" else client.query_all(["x"])[0]
    assert isinstance(result, QueryResult)
    assert result.warnings == ("remote storage did not answer", "1 series of native histograms are left out")
    assert result.infos == ("metric might not be a counter",)
    assert [(sample.labels, sample.value, sample.timestamp) for sample in result.samples] == [({"job": "a"}, 2.0, 1.5)]
    assert b"bearer abc" in server.requests[0].lower()
    assert b"python-requests" not in server.requests[0]
    assert b"accept-encoding: identity" in server.requests[0].lower()


@pytest.mark.parametrize("more", [{"isPartial": True}, {"warnings": ["a store did not answer"]}], ids=str)
def test_what_is_partial_is_not_taken_for_all_there_is(more: dict[str, Any], http: Http) -> None:
    """A rule, target or label value that an incomplete answer lacks may be there all the same."""
    replies = {
        "/api/v1/query": vector({"metric": {}, "value": [1.5, "2"]}, **more),
        "/api/v1/rules": success({"groups": []}, **more),
        "/api/v1/label/job/values": success([], **more),
    }
    with misbehaving.routes(replies) as server:
        client = Prometheus(http, server.url)
        assert len(client.query("x").warnings) == 1
        (values,) = client.label_values_all([("job", "x")], start=0, end=1)
        assert isinstance(values, CouldNotObserve)
        with pytest.raises(CouldNotObserve, match="it may be incomplete") as caught:
            client.rule_groups()
    assert caught.value.trouble is Trouble.UNEXPECTED_ANSWER


def test_what_says_that_it_is_whole_is_whole(http: Http) -> None:
    with misbehaving.routes({"/api/v1/rules": success({"groups": []}, isPartial=False)}) as server:
        assert Prometheus(http, server.url).rule_groups() == ()


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_nothing_is_retried(status: int, http: Http) -> None:
    with misbehaving.answering(lambda _: misbehaving.answer(status, b"busy")) as server:
        with pytest.raises(CouldNotObserve) as caught:
            Prometheus(http, server.url).query("up")
        assert len(server.requests) == 1
    assert f"HTTP {status}" in caught.value.came_back


@pytest.mark.parametrize(
    ("kind", "status", "hint"),
    [("timeout", 503, "fewer series"), ("execution", 422, "Correct the query"), ("internal", 500, "log")],
)
def test_the_word_of_prometheus_for_an_error_is_passed_on(kind: str, status: int, hint: str, http: Http) -> None:
    error = {"status": "error", "errorType": kind, "error": "query failed: too many samples"}
    with misbehaving.answering(lambda _: as_json(error, status)) as server:
        with pytest.raises(CouldNotObserve) as caught:
            Prometheus(http, server.url).query("up")
        (other,) = Prometheus(http, server.url).query_all(["up"])
    assert caught.value.trouble is Trouble.ERROR_ANSWER
    assert f"HTTP {status}, {kind}: query failed: too many samples" in caught.value.sentence
    assert hint in caught.value.hint
    assert str(other) == str(caught.value)


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        (misbehaving.answer(200, misbehaving.LOGIN_PAGE, content_type="text/html"), Trouble.NOT_JSON),
        (misbehaving.answer(401, b"who are you?"), Trouble.NOT_JSON),
        (misbehaving.answer(200), Trouble.NOT_JSON),
        (as_json([]), Trouble.UNEXPECTED_ANSWER),
        (as_json({"status": "healthy"}), Trouble.UNEXPECTED_ANSWER),
        (as_json({"status": "success"}), Trouble.UNEXPECTED_ANSWER),
        (success(None), Trouble.UNEXPECTED_ANSWER),
        (success([]), Trouble.UNEXPECTED_ANSWER),
        (vector({"metric": {}, "value": ["now", "x"]}), Trouble.UNEXPECTED_ANSWER),
        (vector({"value": [1, "2"]}), Trouble.UNEXPECTED_ANSWER),
        (success({"resultType": "streams", "result": []}), Trouble.UNEXPECTED_ANSWER),
    ],
)
def test_the_answer_of_another_service(reply: bytes, trouble: Trouble, http: Http) -> None:
    with misbehaving.answering(lambda _: reply) as server:
        client = Prometheus(http, server.url)
        with pytest.raises(CouldNotObserve) as caught:
            client.query("up")
        (other,) = client.query_all(["up"])
        for ask in (client.build_info, client.rule_groups, client.targets, client.ready):
            with pytest.raises(CouldNotObserve):
                ask()
    assert caught.value.trouble is trouble
    assert str(other) == str(caught.value)
    assert caught.value.asked.startswith("GET http://127.0.0.1:")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("server", "trouble"),
    [
        (misbehaving.refuses, Trouble.REFUSED),
        (misbehaving.silent, Trouble.TIMED_OUT),
        (misbehaving.gzip_bomb, Trouble.TOO_LARGE),
        (lambda: misbehaving.redirects_to("http://elsewhere.example/login"), Trouble.FOREIGN_REDIRECT),
    ],
)
def test_the_library_is_within_the_same_bounds(
    server: Callable[[], AbstractContextManager[misbehaving.Server]], trouble: Trouble, make_http: MakeHttp
) -> None:
    http = make_http(timeout_seconds=0.3, body_bytes_max=1 << 20)
    with server() as running, pytest.raises(CouldNotObserve) as caught:
        Prometheus(http, running.url).query("up")
    assert caught.value.trouble is trouble


def test_an_error_that_repeats_a_secret_does_not_spread_it(make_http: MakeHttp) -> None:
    error = {"status": "error", "errorType": "unauthorized", "error": "the token hunter22 has expired"}
    with misbehaving.answering(lambda _: as_json(error, 401)) as server, pytest.raises(CouldNotObserve) as caught:
        Prometheus(make_http(secrets=Secrets(["hunter22"])), server.url).alerts()
    assert "the token *** has expired" in caught.value.sentence


def test_not_ready_is_an_answer(http: Http) -> None:
    with misbehaving.answering(lambda _: misbehaving.answer(503, b"Service Unavailable")) as server:
        assert Prometheus(http, server.url).ready() is False
        assert Alertmanager(http, server.url).ready() is False


def test_what_was_never_scraped_or_evaluated(http: Http) -> None:
    never = "0001-01-01T00:00:00Z"
    target = {
        "discoveredLabels": {},
        "labels": {"job": "new"},
        "scrapePool": "new",
        "scrapeUrl": "http://127.0.0.1:1/metrics",
        "lastError": "",
        "lastScrape": never,
        "lastScrapeDuration": 0,
        "health": "unknown",
        "scrapeInterval": "1m30s",
        "scrapeTimeout": "500ms",
    }
    rule = {"name": "a", "query": "b", "health": "unknown", "type": "recording", "lastEvaluation": never}
    group = {"name": "g", "file": "f", "interval": 60, "rules": [rule], "lastEvaluation": never}
    replies = {
        "/api/v1/targets": success({"activeTargets": [target], "droppedTargetCounts": {"pool": 7}}),
        "/api/v1/rules": success({"groups": [group]}),
    }
    with misbehaving.routes(replies) as server:
        client = Prometheus(http, server.url)
        (found,) = client.targets()
        assert client.dropped_targets() == {"pool": 7}
        (loaded,) = client.rule_groups()
    assert (found.last_scrape_at, found.interval_seconds, found.timeout_seconds) == (0.0, 90.0, 0.5)
    assert (loaded.last_evaluation_at, loaded.rules[0].last_evaluation_at, loaded.rules[0].state) == (0.0, 0.0, "")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:01Z", 1.0),
        ("2023-11-14T22:13:20.123456789Z", 1_700_000_000.123456),
        ("2023-11-15T00:13:20+02:00", 1_700_000_000.0),
        ("0001-01-01T00:00:00Z", 0.0),
    ],
)
def test_moments(text: str, seconds: float) -> None:
    assert moment(text) == pytest.approx(seconds, abs=1e-5)


@pytest.mark.parametrize("text", ["", "yesterday", "2023-11-14T22:13:20", "1700000000"])
def test_no_moments(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        moment(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0.0), ("15s", 15.0), ("1m30s", 90.0), ("500ms", 0.5), ("2h", 7200.0), ("1w1d", 691200.0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "15", "s", "-1s", "1.5s", "1s "])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        duration_seconds(text)
