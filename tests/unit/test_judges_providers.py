"""The judges of the providers' page, of what requests make of it, and of resets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from checks import test_providers as providers
from selfcheck.contract import Act, Expectation
from selfcheck.exposition import ProcessIdentity
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.replicas import Snapshot
from selfcheck.verdict import Outcome, Verdict
from tests.unit.making import answer, page, promise, scrape

if TYPE_CHECKING:
    from selfcheck.clients.http import Answer
    from selfcheck.target import Page

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
FORM = {
    "status": "status",
    "total": "total",
    "ready": "ready",
    "entries": "results",
    "domain": "domain",
    "provider": "provider",
    "entry_ready": "ready",
    "error": "error",
}
SHARED: dict[str, Any] = {
    "page": "providers_health",
    "form": FORM,
    "aliases": {"deepseek": "deepseek_hf"},
    "lag_seconds": 1,
}
TRIED: dict[str, Any] = {
    **SHARED,
    "domain": "ocr",
    "providers": ["paddle"],
    "act": "ocr_by_a_provider",
    "answered_by": "provider",
    "code": "code",
    "refusals": ["QUOTA_EXCEEDED"],
}
GAUGED: dict[str, Any] = {**TRIED, "metric": "loaded", "label": "provider", "contradicts": 0}
RESET: dict[str, Any] = {
    **SHARED,
    "act": "reset",
    "provider": "paddle",
    "metric": "state",
    "label": "key",
    "closed": 0,
    "confirm": "ocr_by_a_provider",
    "code": "code",
    "open_code": "CIRCUIT_OPEN",
}
ACT = Act(
    name="ocr_by_a_provider",
    route="ocr_extract",
    query={"provider": "{provider}"},
    expect=Expectation(status=200, body={"success": True}),
)
RESET_ACT = Act(name="reset", route="reset", expect=Expectation(status=(200, 204)))
LOST = CouldNotObserve(Trouble.TIMED_OUT, asked="POST /ocr", came_back="nothing for 10 s", hint="look")
PLACE = {"where": "the place", "reproduce": "curl provider={provider}"}


def check(verdict: Verdict, outcome: Outcome, said: str = "") -> None:
    """Hold a verdict against what it should be: a breach always says what was observed, where, and how to see it."""
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict
    if outcome is FAIL:
        assert verdict.expected
        assert verdict.where
        assert verdict.reproduce


def entry(
    provider: str = "paddle", *, ready: object = True, error: object = None, domain: str = "ocr"
) -> dict[str, Any]:
    return {"domain": domain, "provider": provider, "ready": ready, "error": error}


def body(*entries: dict[str, Any], **other: Any) -> dict[str, Any]:
    ready = sum(each.get("ready") is True for each in entries)
    return {"status": "ok", "total": len(entries), "ready": ready, "results": list(entries), **other}


def good(provider: str = "paddle") -> Answer:
    return answer({"success": True, "provider": provider})


def bad(code: str = "PROVIDER_DOWN") -> Answer:
    return answer({"success": False, "provider": "paddle", "error": "it is down", "code": code})


# ------------------------------------------------------------------------------------------------------------ the page


@pytest.mark.parametrize(
    ("shown", "outcome", "said"),
    [
        (page(body(entry(), entry("vision", domain="vision"))), PASS, "2 providers"),
        (page(body(entry(), entry("deepseek_hf", ready=False, error="disabled"))), PASS, ""),
        (page(body(entry(error=""))), PASS, ""),
        (page(body(entry(), timeout_seconds=2)), PASS, ""),
        (page(body(entry("x", domain="ocr"), entry("x", domain="vision"))), PASS, ""),
        (page(body()), PASS, "0 providers"),
        (page(body(entry(), total=2)), FAIL, "total is 2, and results has 1"),
        (page(body(entry(), ready=0)), FAIL, "ready is 0, and results has 1"),
        (page(body(entry(), total=True)), FAIL, "total is True"),
        (page(body(entry(), total="1")), FAIL, 'total is "1"'),
        (page(body(entry(), status="")), FAIL, 'status is ""'),
        (page(body(entry(), status=None)), FAIL, "status is None"),
        (page(body(entry(), entry())), FAIL, "ocr paddle is listed 2 times"),
        (page(body(entry(ready="yes"))), FAIL, 'results.0.ready is "yes"'),
        (page(body(entry(error="slow"))), FAIL, 'error is "slow" though it is ready'),
        (page(body(entry(ready=False))), FAIL, "error is None though it is not ready"),
        (page(body(entry(""))), FAIL, 'provider is ""'),
        (page({"status": "ok", "total": 0, "ready": 0}), FAIL, "results is missing"),
        (page({**body(), "results": {}}), FAIL, "results is object"),
        (page({**body(), "results": ["paddle"], "total": 1}), FAIL, "results.0.domain is missing"),
        (page([]), FAIL, "results is missing"),
        (page(b"<html>"), FAIL, "not JSON"),
        (page(body(entry()), status=500), FAIL, "HTTP 500"),
        (page(b"", status=401), FAIL, "HTTP 401"),
        (page(b"", status=429), INCONCLUSIVE, "too many requests"),
    ],
    ids=str,
)
def test_written(shown: Page, outcome: Outcome, said: str) -> None:
    made = promise(providers.Written, **SHARED)
    check(
        providers.judge_written(made, [page(body(entry())), shown], reproduce="curl"),
        outcome,
        said if outcome is not PASS else "",
    )
    check(providers.judge_written(made, [shown], reproduce="curl"), outcome, said)


@pytest.mark.parametrize(
    ("status", "ready", "outcome"),
    [("ok", False, FAIL), ("OK", False, FAIL), ("degraded", False, PASS), ("ok", True, PASS)],
)
def test_a_page_that_is_too_well(status: str, outcome: Outcome, *, ready: bool) -> None:
    made = promise(providers.Written, **SHARED, well=["ok"])
    one = entry(ready=ready, error=None if ready else "down")
    shown = page({**body(one), "status": status})
    said = "though none of 1 is ready" if outcome is FAIL else ""
    check(providers.judge_written(made, [shown], reproduce="curl"), outcome, said)


def test_what_is_not_ready_is_noted() -> None:
    made = promise(providers.Written, **SHARED)
    shown = page(body(entry(), entry("deepseek_hf", ready=False, error="disabled")))
    assert providers.judge_written(made, [shown], reproduce="curl").notes == ("not ready: ocr deepseek_hf",)


def test_an_ask_without_an_answer_is_a_breach() -> None:
    made = promise(providers.Written, **SHARED)
    verdict = providers.judge_written(made, [page(body())], [LOST], reproduce="curl")
    check(verdict, FAIL, "1 of 2 asks got no answer: nothing for 10 s")


def test_a_platform_without_the_page_is_told_where_to_put_its_path() -> None:
    made = promise(providers.Written, **SHARED)
    with pytest.raises(CouldNotObserve) as caught:
        providers.judge_written(made, [page(b"", status=404)], reproduce="curl")
    assert caught.value.trouble is Trouble.NO_SUCH_ROUTE
    assert "api.toml" in caught.value.hint


@pytest.mark.parametrize(
    ("pages", "outcome", "said"),
    [
        ([body(entry(), entry("b")), body(entry("b"), entry())], PASS, "2 providers"),
        ([body(entry()), body(entry(ready=False, error="down"))], INCONCLUSIVE, "ocr paddle: ready on some answers"),
        ([body(entry(), entry("b")), body(entry())], FAIL, "only one lists ocr b"),
        ([body(entry()), body(entry()), body(entry(domain="vision"))], FAIL, "ocr paddle; vision paddle"),
        ([body(entry())], INCONCLUSIVE, "only one answer"),
    ],
)
def test_everywhere(pages: list[dict[str, Any]], outcome: Outcome, said: str) -> None:
    made = promise(providers.Everywhere, **SHARED)
    check(providers.judge_everywhere(made, [page(one) for one in pages], reproduce="curl"), outcome, said)


# -------------------------------------------------------------------------------------------- what requests make of it

Seen = tuple[bool | None, list[object]]


def tried(first: Seen, second: Seen | None = None, *, provider: str = "paddle", who: str = "a:1") -> providers.Try:
    rounds = [providers.Round(seen[0], tuple(seen[1])) for seen in (first, second) if seen]  # type: ignore[arg-type]
    return providers.Try(who, provider, rounds[0], rounds[1] if second else None)


@pytest.mark.parametrize(
    ("one", "outcome", "said"),
    [
        (tried((True, [good()])), PASS, "paddle (replica a:1): ready, works"),
        (tried((False, [bad()])), PASS, "not ready, fails"),
        (tried((True, [bad()]), (True, [bad(), good()])), PASS, "ready, works"),
        (tried((True, [bad()]), (False, [bad(), bad()])), PASS, "not ready, fails"),
        (tried((False, [good()]), (True, [good(), good()])), PASS, "ready, works"),
        (tried((False, [good()]), (False, [good(), bad()])), PASS, ""),
        (tried((True, [good("another")])), PASS, ""),
        (tried((False, [good("another")])), PASS, ""),
        (tried((True, [bad()]), (True, [bad(), bad("CIRCUIT_OPEN")])), FAIL, "is ready on the page, and fails"),
        (tried((True, [answer(b"", status=500)]), (True, [answer(b"", status=500)])), FAIL, "HTTP 500"),
        (tried((True, [bad()]), (True, [bad(), LOST])), FAIL, "PROVIDER_DOWN"),
        (tried((False, [good()]), (False, [good(), good()])), FAIL, "is not ready on the page, and answers"),
        (tried((True, [bad("QUOTA_EXCEEDED")])), INCONCLUSIVE, "no quota left"),
        (tried((True, [answer(b"", status=429)])), INCONCLUSIVE, "HTTP 429"),
        (tried((True, [LOST])), INCONCLUSIVE, "nothing for 10 s"),
        (tried((True, [answer(b"", status=401)])), NOT_COVERED, "HTTP 401"),
        (tried((None, [bad("INPUT_ERROR")])), NOT_COVERED, "lists no ocr provider paddle"),
    ],
)
def test_works(one: providers.Try, outcome: Outcome, said: str) -> None:
    made = promise(providers.Works, **TRIED)
    check(providers.judge_works(made, ACT, [one], **PLACE), outcome, said)


def test_a_breach_is_reproduced_with_the_provider_that_it_is_about() -> None:
    seen = tried((True, [bad()]), (True, [bad()]), provider="deepseek_hf")
    verdict = providers.judge_works(promise(providers.Works, **TRIED), ACT, [tried((True, [good()])), seen], **PLACE)
    assert verdict.reproduce == "curl provider=deepseek_hf"


def test_a_provider_that_works_now_and_then_is_noted() -> None:
    seen = tried((True, [bad()]), (True, [good(), good()]))
    verdict = providers.judge_works(promise(providers.Works, **TRIED), ACT, [seen], **PLACE)
    assert verdict.notes == ("paddle (replica a:1) once did not do what the page says",)


def test_a_route_that_is_not_there_is_no_breach() -> None:
    with pytest.raises(CouldNotObserve):
        providers.judge_works(
            promise(providers.Works, **TRIED), ACT, [tried((True, [answer(b"", status=404)]))], **PLACE
        )


@pytest.mark.parametrize(
    ("one", "outcome", "said"),
    [
        (tried((True, [good()])), PASS, "is listed"),
        (tried((None, [good()])), FAIL, "paddle (replica a:1) answers and is not listed"),
        (tried((None, [bad("INPUT_ERROR")])), NOT_COVERED, "does not answer either"),
        (tried((None, [good("another")])), NOT_COVERED, ""),
        (tried((None, [good()]), provider="unheard_of"), INCONCLUSIVE, "nothing was looked at"),
    ],
)
def test_listed(one: providers.Try, outcome: Outcome, said: str) -> None:
    made = promise(providers.Listed, **TRIED)
    check(providers.judge_listed(made, ACT, [one], where="the page", reproduce="curl"), outcome, said)


def read(**texts: str) -> Snapshot:
    return Snapshot({who: scrape(f"{text}\n", replica=who) for who, text in texts.items()})


@pytest.mark.parametrize(
    ("one", "metrics", "outcome", "said"),
    [
        (tried((True, [good()]), who="a"), {"a": 'loaded{provider="paddle"} 1'}, PASS, "= 1"),
        (tried((True, [good()]), who="a"), {"a": 'loaded{provider="paddle"} 0'}, FAIL, "has just answered"),
        (tried((True, [good()]), who="a"), {"a": 'loaded{provider="ocr:paddle"} 0'}, FAIL, ""),
        (
            tried((True, [good("deepseek")]), provider="deepseek_hf", who="a"),
            {"a": 'loaded{provider="deepseek"} 0'},
            FAIL,
            "deepseek_hf (replica a)",
        ),
        (
            tried((True, [good()]), who="a"),
            {"a": 'loaded{provider="paddle"} 1', "b": 'loaded{provider="paddle"} 0'},
            PASS,
            "",
        ),
        (
            tried((True, [good()]), who=""),
            {"a": 'loaded{provider="paddle"} 1', "b": 'loaded{provider="paddle"} 0'},
            PASS,
            "",
        ),
        (
            tried((True, [good()]), who=""),
            {"a": 'loaded{provider="paddle"} 0', "b": 'loaded{provider="paddle"} 0'},
            FAIL,
            "",
        ),
        (
            tried((True, [good()]), who="a"),
            {"a": 'loaded{provider="paddle_cpu"} 0\nloaded{provider="paddle_gpu"} 1'},
            NOT_COVERED,
            "no single series",
        ),
        (tried((True, [good()]), who="a"), {"a": "other 1"}, NOT_COVERED, "no single series"),
        (tried((True, [bad()]), who="a"), {"a": 'loaded{provider="paddle"} 0'}, NOT_COVERED, "no provider answered"),
    ],
)
def test_gauge(one: providers.Try, metrics: dict[str, str], outcome: Outcome, said: str) -> None:
    made = promise(providers.Gauge, **GAUGED)
    check(providers.judge_gauge(made, ACT, [one], read(**metrics), reproduce="curl"), outcome, said)


# ------------------------------------------------------------------------------------------------ what other pages say

READY, DOWN = providers.Entry("ocr", "paddle", ready=True), providers.Entry("ocr", "deepseek_hf", ready=False)


@pytest.mark.parametrize(
    ("listed", "ml", "outcome", "said"),
    [
        ([READY, READY], "up", PASS, "2 of 2"),
        ([READY, DOWN], "up", PASS, ""),
        ([READY, DOWN], "down", PASS, ""),
        ([DOWN], "down", PASS, ""),
        ([READY], "down", FAIL, '1 of 1 providers ready, services.ml = "down"'),
        ([DOWN], "up", FAIL, "0 of 1"),
        ([READY], "degraded", NOT_COVERED, ""),
        ([], "up", NOT_COVERED, ""),
    ],
)
def test_agrees_with_health(listed: list[providers.Entry], ml: str, outcome: Outcome, said: str) -> None:
    made = promise(providers.AgreesWithHealth, **SHARED, health_page="health", path="services.ml", up="up", down="down")
    check(providers.judge_health(made, listed, page({"services": {"ml": ml}}), reproduce="curl"), outcome, said)


@pytest.mark.parametrize(
    ("checks", "outcome", "said"),
    [
        ({"paddle": {"status": "up"}, "redis": {"status": "down"}}, PASS, 'paddle is "up"'),
        ({"deepseek_hf": {"status": "down"}}, PASS, ""),
        ({"deepseek_hf": {"status": "up"}}, PASS, ""),
        ({"ocr_paddle": {"status": "DOWN"}}, FAIL, "paddle is ready on its page, readiness check ocr_paddle"),
        ({"paddle": False}, FAIL, "readiness check paddle is False"),
        ({"redis": {"status": "up"}}, NOT_COVERED, "does not look at providers"),
        ([], NOT_COVERED, "checks is []"),
    ],
)
def test_agrees_with_readiness(checks: object, outcome: Outcome, said: str) -> None:
    made = promise(
        providers.AgreesWithReadiness,
        **SHARED,
        ready_page="ready",
        checks="checks",
        status="status",
        names="*{provider}*",
        bad_words=["down"],
    )
    check(providers.judge_readiness(made, [READY, DOWN], page({"checks": checks}), reproduce="curl"), outcome, said)


@pytest.mark.parametrize(
    ("configured", "outcome", "said"),
    [
        ({"ocr": ["auto", "paddle", "deepseek"]}, PASS, "deepseek_hf, paddle configured"),
        ({"ocr": ["paddle"]}, PASS, ""),
        ({"ocr": ["paddle", "tesseract"], "disabled": ["tesseract"]}, PASS, ""),
        ({"ocr": ["paddle", "tesseract"]}, FAIL, "has tesseract"),
        ({"ocr": {"default": "auto"}}, NOT_COVERED, "not a list of names"),
        ({}, NOT_COVERED, "missing"),
    ],
    ids=str,
)
def test_agrees_with_configuration(configured: object, outcome: Outcome, said: str) -> None:
    made = promise(
        providers.AgreesWithConfiguration,
        **SHARED,
        health_page="health",
        domain="ocr",
        path="providers.ocr",
        disabled="providers.disabled",
        not_providers=["auto"],
    )
    shown = page({"providers": configured})
    check(providers.judge_configuration(made, [READY, DOWN], shown, reproduce="curl"), outcome, said)


# --------------------------------------------------------------------------------------------------------------- resets

CLOSED, HALF_OPEN, OPEN = 'state{key="paddle"} 0', 'state{key="paddle"} 1', 'state{key="paddle"} 2'


@pytest.mark.parametrize(
    ("came", "before", "after", "request_", "outcome", "said"),
    [
        (answer({}), {"a": CLOSED}, {"a": CLOSED}, good(), PASS, "state = 0 on 1 replicas"),
        (answer(b"", status=204), {"a": OPEN}, {"a": CLOSED}, good(), PASS, ""),
        (answer({}), {"a": CLOSED}, {"a": CLOSED}, bad(), PASS, ""),
        (answer({}), {"a": "other 1"}, {"a": "other 1"}, good(), PASS, "no gauge names paddle"),
        (
            answer({}),
            {"a": CLOSED, "b": CLOSED},
            {"a": CLOSED, "b": OPEN},
            good(),
            FAIL,
            "is 2 (b) after it, and was 0",
        ),
        (answer({}), {"a": OPEN}, {"a": OPEN}, good(), FAIL, "is 2 (a) after it, and was 2"),
        (answer({}), {"a": CLOSED}, {"a": HALF_OPEN}, good(), FAIL, "is 1 (a)"),
        (answer({}), {"a": CLOSED}, {"a": CLOSED}, bad("CIRCUIT_OPEN"), FAIL, "refused with CIRCUIT_OPEN"),
        (answer({"error": "x"}, status=500), {"a": CLOSED}, {"a": CLOSED}, good(), FAIL, "HTTP 500"),
        (answer({}, status=404), {"a": CLOSED}, {"a": CLOSED}, good(), FAIL, "HTTP 404"),
        (answer({}), {"a": OPEN}, {"a": OPEN}, bad(), INCONCLUSIVE, "is 2 (a)"),
        (answer({}), {"a": OPEN}, {"a": OPEN}, LOST, INCONCLUSIVE, "is 2 (a)"),
        (answer({}, status=429), {"a": CLOSED}, {"a": CLOSED}, good(), INCONCLUSIVE, "HTTP 429"),
        (LOST, {"a": CLOSED}, {"a": CLOSED}, good(), INCONCLUSIVE, "nothing for 10 s"),
        (answer({}, status=403), {"a": CLOSED}, {"a": CLOSED}, good(), NOT_COVERED, "HTTP 403"),
    ],
)
def test_reset(
    came: Answer | CouldNotObserve,
    before: dict[str, str],
    after: dict[str, str],
    request_: Answer | CouldNotObserve,
    outcome: Outcome,
    said: str,
) -> None:
    made = promise(providers.Reset, **RESET)
    seen = providers.Resets({made.id: came}, read(**before), read(**after), {made.id: request_})
    check(providers.judge_reset(made, RESET_ACT, ACT, seen, **PLACE), outcome, said)


@pytest.mark.parametrize(
    ("classes", "came", "outcome", "said"),
    [
        ([4], answer({"detail": "no such provider"}, status=404), PASS, "HTTP 404"),
        ([4], answer({}, status=422), PASS, ""),
        ([4], answer({"success": False, "error": "no such provider"}), PASS, ""),
        ([2, 4], answer({}), PASS, ""),
        ([4], answer({"success": True}), FAIL, "HTTP 200"),
        ([4], answer({"state": "closed"}), FAIL, "closed"),
        ([2, 4], answer(b"Internal Server Error", status=500), FAIL, "HTTP 500"),
        ([4], answer({"success": False}, status=500), FAIL, "HTTP 500"),
        ([4], answer({}, status=403), NOT_COVERED, "HTTP 403"),
        ([4], answer({}, status=429), INCONCLUSIVE, "HTTP 429"),
        ([4], LOST, INCONCLUSIVE, "nothing for 10 s"),
    ],
)
def test_reset_answer(classes: list[int], came: Answer | CouldNotObserve, outcome: Outcome, said: str) -> None:
    made = promise(providers.ResetAnswer, **SHARED, act="reset", classes=classes, denied={"success": False})
    check(providers.judge_reset_answer(made, came, **PLACE), outcome, said)


@pytest.mark.parametrize(
    ("before", "after", "outcome", "said"),
    [
        ("a_total 3", "a_total 3", PASS, "1 counters, none fell"),
        ("a_total 3", "a_total 5", PASS, ""),
        ("a_total 3", "a_total 1", FAIL, "a_total from 3 to 1"),
        ("a_total 3", "b_total 1", FAIL, "a_total from 3 to nothing"),
        ("b_total 1", "b_total 0", INCONCLUSIVE, "no process has any"),
    ],
)
def test_a_reset_keeps_counters(before: str, after: str, outcome: Outcome, said: str) -> None:
    made = promise(providers.ResetKeeps, **SHARED, act="reset", counters=["a_total"])
    process = ProcessIdentity(1.0, 1.0)

    def reading(text: str, who: ProcessIdentity) -> Snapshot:
        return Snapshot({"one": scrape(f"{text}\n", replica="one", process=who)})

    seen = providers.Resets({}, reading(before, process), reading(after, process), {})
    check(providers.judge_reset_keeps(made, seen, reproduce="curl"), outcome, said)
    restarted = replace(seen, after=reading(after, ProcessIdentity(2.0, 2.0)))
    check(providers.judge_reset_keeps(made, restarted, reproduce="curl"), INCONCLUSIVE, "restarted")
