"""The judges of the classifier: each way to break a promise, and each legal form of a healthy platform."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from checks import test_classifier as classifier
from selfcheck.classifying import Asked, Batch, Cache, Filled, Repeated
from selfcheck.clients.platform import Caller, Sent
from selfcheck.contract import Promise, load
from selfcheck.limiting import Burst, Disguised, Exhausted, Recovery, Witness, spent, told_seconds
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.verdict import Outcome, Verdict
from tests.unit.making import answer, page, scrape

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
CURL = "curl http://platform/page"
CONTRACT = load()
LOST = CouldNotObserve(Trouble.TIMED_OUT, asked="POST /classify", came_back="nothing for 10 s", hint="look")


def of_contract(kind: str, model: type[Promise], promise_id: str) -> Any:
    """Take a promise from the default contract."""
    return next(found for found in CONTRACT.promises(kind, model) if found.id == promise_id)


def check(verdict: Verdict, outcome: Outcome, said: str = "") -> None:
    """Hold a verdict against what it should be: a breach always says what was observed, where, and how to see it."""
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict
    if outcome is FAIL:
        assert verdict.expected
        assert verdict.where
        assert verdict.reproduce


def asked(body: object = b"", who: str = "", **more: Any) -> Asked:
    return Asked(who, answer(body, **more))


def part(
    category: str = "shaft", confidence: object = 0.7, *, cached: object = False, **shares: float
) -> dict[str, Any]:
    """Make a classification."""
    probabilities = shares or {"shaft": 0.7, "plate": 0.2, "flange": 0.1}
    return {"category": category, "confidence": confidence, "probabilities": probabilities, "cached": cached}


# -------------------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("every", "outcome", "said"),
    [
        ([asked(part())], PASS, "1 drawings classified"),
        ([asked(part()), asked(b"oops", status=500)], FAIL, 'HTTP 500 "oops"'),
        ([asked(part()), asked(b"<html>")], FAIL, "HTTP 200"),
        ([asked([])], FAIL, "HTTP 200"),
        ([asked({}, status=401)], FAIL, "HTTP 401"),
        ([asked(part()), asked({}, status=429)], INCONCLUSIVE, "HTTP 429"),
        ([asked(part()), Asked("", LOST)], INCONCLUSIVE, "nothing for 10 s"),
    ],
)
def test_answers(every: list[Asked], outcome: Outcome, said: str) -> None:
    check(classifier.judge_answers(every, CURL), outcome, said)


@pytest.mark.parametrize(
    ("promise_id", "body", "outcome", "said"),
    [
        ("category", part(), PASS, "shaft"),
        ("category", part(category=""), FAIL, 'category is ""'),
        ("category", part(category="  "), FAIL, "category is"),
        ("category", {}, FAIL, "category is missing"),
        ("confidence_is_a_share", part(confidence=1), PASS, ""),
        ("confidence_is_a_share", part(confidence=70.0), FAIL, "above 1"),
        ("confidence_is_a_share", part(confidence=None), FAIL, "is null"),
        ("cached_is_a_flag", part(cached=True), PASS, ""),
        ("cached_is_a_flag", part(cached="no"), FAIL, "is string"),
        ("cached_is_a_flag", part(cached=0), FAIL, "is integer 0"),
    ],
)
def test_field(promise_id: str, body: object, outcome: Outcome, said: str) -> None:
    made = of_contract("classifier.field", classifier.FieldOf, f"classifier.{promise_id}")
    check(classifier.judge_field(made, [asked(b"", status=500), asked(body)], CURL), outcome, said)
    check(classifier.judge_field(made, [asked(b"", status=500)], CURL), INCONCLUSIVE)


# -------------------------------------------------------------------------------------------------------- probabilities


@pytest.mark.parametrize(
    ("probabilities", "outcome", "said"),
    [
        ({"a": 0.7, "b": 0.3}, PASS, "sum to 1"),
        ({"a": 1}, PASS, ""),
        ({"a": 0.333, "b": 0.333, "c": 0.333}, PASS, "0.999"),
        ({"a": 0.7, "b": 0.4}, FAIL, "sum to 1.1"),
        ({"a": 70, "b": 30}, FAIL, "a is 70, above 1"),
        ({"a": 1.2, "b": -0.2}, FAIL, "b is -0.2, below 0"),
        ({"a": "0.7", "b": 0.3}, FAIL, "a is string"),
        ({"a": float("nan")}, FAIL, "not a finite number"),
        ({}, FAIL, "probabilities is object {}"),
        ([0.7, 0.3], FAIL, "probabilities is array"),
        (None, FAIL, "probabilities is null"),
    ],
    ids=str,
)
def test_distribution(probabilities: object, outcome: Outcome, said: str) -> None:
    made = of_contract("classifier.distribution", classifier.Distribution, "classifier.probabilities")
    body = {**part(), "probabilities": probabilities}
    check(classifier.judge_distribution(made, [asked(body)], CURL), outcome, said)


@pytest.mark.parametrize(
    ("body", "outcome", "said"),
    [
        (part(), PASS, "shaft with 0.7"),
        (part("plate", shaft=0.5, plate=0.5), PASS, ""),
        (part("plate"), FAIL, "category is plate with 0.2, but shaft has 0.7"),
        (part("gear"), FAIL, "not among flange, plate, shaft"),
        ({**part(), "probabilities": {}}, INCONCLUSIVE, "no numbers"),
    ],
)
def test_winner(body: object, outcome: Outcome, said: str) -> None:
    made = of_contract("classifier.winner", classifier.Winner, "classifier.most_probable")
    check(classifier.judge_winner(made, [asked(body)], CURL), outcome, said)


@pytest.mark.parametrize(
    ("bodies", "outcome", "said"),
    [
        ([part()], PASS, "0.7, the probability of shaft"),
        ([part(confidence=0.705)], PASS, ""),
        ([part(confidence=0.2)], FAIL, "confidence 0.2 is that of plate; shaft has 0.7"),
        ([part(confidence=0.9), part(confidence=0.8, shaft=0.6, plate=0.4)], NOT_COVERED, "worked out otherwise"),
        ([part(confidence=0.9), part(confidence=0.9, shaft=0.6, plate=0.4)], FAIL, "where it is 0.7"),
        ([part(), part(confidence=0.9)], FAIL, "while they agree elsewhere"),
        ([part(category="gear")], INCONCLUSIVE, "is missing"),
    ],
)
def test_confidence(bodies: list[object], outcome: Outcome, said: str) -> None:
    made = of_contract("classifier.confidence", classifier.Confidence, "classifier.confidence")
    verdict = classifier.judge_confidence(made, [asked(body) for body in bodies], CURL)
    assert (verdict.outcome, said in verdict.observed or said.startswith("where")) == (outcome, True), verdict


# ------------------------------------------------------------------------------------------------------- the same again


@pytest.mark.parametrize(("cached", "outcome"), [(False, PASS), (True, FAIL), ("no", FAIL)])
def test_a_new_file_is_not_cached(cached: object, outcome: Outcome) -> None:
    made = of_contract("classifier.remembered", classifier.Remembered, "classifier.new_is_not_cached")
    repeated = [Repeated(asked(part()), ()), Repeated(asked(part(cached=cached)), ())]
    check(classifier.judge_remembered(made, repeated, CURL), outcome)


@pytest.mark.parametrize(
    ("again", "exact", "outcome", "said"),
    [
        ([True, True], True, PASS, ""),
        ([True, False], True, FAIL, "cached is False"),
        ([False, True], True, FAIL, "cached is False"),
        ([False, False, True], False, PASS, "after 3 repetitions"),
        ([False] * 20, False, FAIL, "after 20 repetitions"),
        ([False] * 2, False, INCONCLUSIVE, "after 2 repetitions"),
        ([], True, INCONCLUSIVE, "not classified twice"),
    ],
)
def test_a_known_file_is_cached(again: list[bool], exact: bool, outcome: Outcome, said: str) -> None:  # noqa: FBT001
    made = of_contract("classifier.remembered", classifier.Remembered, "classifier.known_is_cached")
    repeated = Repeated(asked(part()), tuple(asked(part(cached=flag)) for flag in again), exact=exact)
    check(classifier.judge_remembered(made, [repeated], CURL), outcome, said)


@pytest.mark.parametrize(
    ("other", "outcome", "said"),
    [
        (part(cached=True), PASS, "2 answers agree"),
        ({**part(cached=True), "request_id": "b", "took_ms": 3}, PASS, ""),
        (part(confidence=0.7004, cached=True), PASS, ""),
        (part("plate", cached=True), FAIL, 'category "shaft" and "plate"'),
        (part(confidence=0.6), FAIL, "confidence 0.7 and 0.6"),
        (part(shaft=0.6, plate=0.3, flange=0.1), FAIL, "probability of plate 0.2 and 0.3"),
        (part(shaft=0.7), FAIL, "probability of flange 0.1 and missing"),
    ],
)
def test_same(other: object, outcome: Outcome, said: str) -> None:
    for among in ("cached_is_the_same", "replicas_agree"):
        made = of_contract("classifier.same", classifier.Same, f"classifier.{among}")
        repeated = Repeated(asked(part()), (asked(other, "b"),), (asked(other, "b"),))
        check(classifier.judge_same(made, [repeated], CURL), outcome, said)
        check(classifier.judge_same(made, [Repeated(asked(part()), ())], CURL), INCONCLUSIVE, "no two answers")


# ------------------------------------------------------------------------------------------------------ batch, refusals

SHAFT, FLANGE = part(), part("flange", 0.8, flange=0.8, shaft=0.2)


UNUSED = (asked([]), asked([]), ())
"""What a judge of a batch alone does not look at."""


@pytest.mark.parametrize(
    ("body", "outcome", "said"),
    [
        ({"results": [{"result": FLANGE}, {"result": SHAFT}]}, PASS, "2 files"),
        ([FLANGE, SHAFT], PASS, ""),
        ({"items": [{"file": "part.dxf", **SHAFT}, {"file": "flange.dxf", **FLANGE}]}, PASS, ""),
        ({"results": [{"name": "part.dxf", "r": SHAFT}, {"name": "flange.dxf", "r": FLANGE}]}, PASS, ""),
        ({"part.dxf": SHAFT, "flange.dxf": FLANGE}, PASS, ""),
        ([SHAFT, FLANGE], FAIL, "file 1 (flange.dxf), alone and in the batch"),
        ({"results": [{"name": "flange.dxf", "r": SHAFT}, {"name": "part.dxf", "r": FLANGE}]}, FAIL, "file 1"),
        ([FLANGE], FAIL, "1 classifications of 2 files"),
        ([{"name": "flange.dxf", "r": FLANGE}] * 2, FAIL, "flange.dxf is classified twice, and part.dxf is not"),
        ({"job": "accepted"}, NOT_COVERED, "no list of objects"),
        (b"<html>", FAIL, "not JSON"),
    ],
    ids=str,
)
def test_together(body: object, outcome: Outcome, said: str) -> None:
    made = of_contract("classifier.together", classifier.Together, "classifier.batch")
    batch = Batch(asked(body), (asked(FLANGE), asked(SHAFT)), ("flange.dxf", "part.dxf"), *UNUSED)
    check(classifier.judge_together(made, batch, CURL), outcome, said)


@pytest.mark.parametrize(
    ("body", "outcome", "said"),
    [
        (
            {"results": [{"file": "a", "result": part("a", a=0.4, b=0.39)}]},
            PASS,
            "a with 0.4",
        ),
        ([part("b", a=0.4, b=0.39)], FAIL, "category is b with 0.39, but a has 0.4"),
        ({"accepted": 8}, NOT_COVERED, "no classification"),
    ],
)
def test_close_races(body: object, outcome: Outcome, said: str) -> None:
    made = of_contract("classifier.close_races", classifier.CloseRaces, "classifier.most_probable_of_close_ones")
    check(classifier.judge_close_races(made, asked(body), CURL), outcome, said)
    check(classifier.judge_close_races(made, Asked("", LOST), CURL), INCONCLUSIVE, "nothing for 10 s")


@pytest.mark.parametrize(
    ("body", "outcome", "said"),
    [
        ([SHAFT, FLANGE, SHAFT], PASS, "both are"),
        ([{"file": "c", **SHAFT}, {"file": "b", **FLANGE}, {"file": "a", **SHAFT}], PASS, ""),
        ([SHAFT, SHAFT, FLANGE], FAIL, "category"),
        ({"a": SHAFT, "c": FLANGE, "b": SHAFT}, FAIL, ""),
        ([SHAFT, SHAFT], NOT_COVERED, "2 classifications of 3 files"),
        ({"accepted": 3}, NOT_COVERED, "0 classifications"),
    ],
)
def test_line_ends(body: object, outcome: Outcome, said: str) -> None:
    made = of_contract("classifier.line_ends", classifier.LineEnds, "classifier.line_ends")
    batch = Batch(asked([]), (), (), asked([]), asked(body), ("a", "b", "c"))
    check(classifier.judge_line_ends(made, batch, CURL), outcome, said)
    check(classifier.judge_line_ends(made, replace(batch, plates=Asked("", LOST)), CURL), INCONCLUSIVE, "for 10 s")


@pytest.mark.parametrize(
    ("body", "outcome", "said"),
    [
        ([FLANGE, SHAFT], PASS, "2 files of one name"),
        (
            {"results": [{"filename": "part.dxf", "result": SHAFT}, {"filename": "part.dxf", "result": FLANGE}]},
            PASS,
            "",
        ),
        ({"results": [{"filename": "part.dxf", "result": SHAFT}] * 2}, FAIL, "alone they are"),
        ([SHAFT], FAIL, "alone they are"),
        ({"part.dxf": SHAFT}, NOT_COVERED, "no list"),
        ({"accepted": 2}, NOT_COVERED, "no list"),
    ],
)
def test_namesakes(body: object, outcome: Outcome, said: str) -> None:
    made = of_contract("classifier.namesakes", classifier.Namesakes, "classifier.batch_of_namesakes")
    batch = Batch(asked([]), (asked(FLANGE), asked(SHAFT)), ("part.dxf", "flange.dxf"), asked(body), asked([]), ())
    check(classifier.judge_namesakes(made, batch, CURL), outcome, said)
    lost = replace(batch, singly=(asked(FLANGE), Asked("", LOST)))
    if outcome is not NOT_COVERED:
        check(classifier.judge_namesakes(made, lost, CURL), INCONCLUSIVE, "one of them alone")
    check(classifier.judge_namesakes(made, replace(batch, namesakes=Asked("", LOST)), CURL), INCONCLUSIVE, "for 10 s")


@pytest.mark.parametrize(
    ("together", "outcome", "said"),
    [
        (asked({}, status=500), FAIL, "HTTP 500"),
        (asked({}, status=404), NOT_COVERED, "takes no such batch"),
        (asked({}, status=422), NOT_COVERED, "takes no such batch"),
        (asked({}, status=429), INCONCLUSIVE, "HTTP 429"),
        (Asked("", LOST), INCONCLUSIVE, "nothing for 10 s"),
    ],
)
def test_a_batch_without_an_answer(together: Asked, outcome: Outcome, said: str) -> None:
    made = of_contract("classifier.together", classifier.Together, "classifier.batch")
    check(classifier.judge_together(made, Batch(together, (), ("part.dxf",), *UNUSED), CURL), outcome, said)


@pytest.mark.parametrize(
    ("given", "outcome", "said"),
    [
        (asked({"detail": "no DXF"}, status=400), PASS, "HTTP 400"),
        (asked(b"", status=415), PASS, "HTTP 415"),
        (asked({"success": False, "error": "no DXF", "category": None}), PASS, "success = False"),
        (asked({"success": True}), FAIL, "HTTP 200"),
        (asked(part()), FAIL, 'category = "shaft"'),
        (asked({}, status=500), FAIL, "HTTP 500"),
        (asked({}, status=429), INCONCLUSIVE, "HTTP 429"),
        (Asked("", LOST), INCONCLUSIVE, "nothing for 10 s"),
    ],
)
def test_refusal(given: Asked, outcome: Outcome, said: str) -> None:
    made = of_contract("classifier.refusal", classifier.Refusal, "classifier.refuses_text")
    check(classifier.judge_refusal(made, given, CURL), outcome, said)


# ----------------------------------------------------------------------------------------------------------- statistics


def stats(hits: object = 3, misses: object = 1, **more: object) -> dict[str, object]:
    """Make the statistics of a cache."""
    ratio = hits / (hits + misses) if isinstance(hits, int) and isinstance(misses, int) and hits + misses else None
    return {"status": "ok", "size": 4, "max_size": 20, "hits": hits, "misses": misses, "hit_ratio": ratio, **more}


@pytest.mark.parametrize(
    ("promise_id", "body", "outcome", "said"),
    [
        ("statistics_hit_ratio", stats(), PASS, "0.75"),
        ("statistics_hit_ratio", stats(0, 0), PASS, "null"),
        ("statistics_hit_ratio", stats(hit_ratio=75.0), FAIL, "above 1"),
        ("statistics_size", stats(size=None), FAIL, "size is null"),
        ("statistics_max_size", {}, FAIL, "max_size is missing"),
        ("statistics_misses", stats(misses=-1), FAIL, "below 0"),
        ("statistics_status", stats(status=""), FAIL, "status is"),
    ],
)
def test_figure(promise_id: str, body: object, outcome: Outcome, said: str) -> None:
    made = of_contract("classifier.figure", classifier.Figure, f"classifier.{promise_id}")
    check(classifier.judge_figure(made, [asked(body)], CURL), outcome, said)


@pytest.mark.parametrize(
    ("body", "outcome", "said"),
    [
        (stats(), PASS, "hits 3"),
        (stats(0, 0), PASS, ""),
        (stats(0, 0, hit_ratio=0.0), PASS, ""),
        (stats(2, 1, hit_ratio=0.67), PASS, ""),
        (stats(hit_ratio=None), FAIL, "hit_ratio None"),
        (stats(hit_ratio=75.0), FAIL, "hit_ratio 75.0"),
        (stats(hit_ratio=0.25), FAIL, "hit_ratio 0.25"),
        (stats(size=21), FAIL, "size 21, max_size 20"),
        (stats(hits="3"), INCONCLUSIVE, "no number"),
    ],
)
def test_coherent(body: object, outcome: Outcome, said: str) -> None:
    made = of_contract("classifier.coherent", classifier.Coherent, "classifier.statistics_are_coherent")
    check(classifier.judge_coherent(made, [asked(body)], CURL), outcome, said)


def test_the_size_is_the_configured_one_of_the_same_replica() -> None:
    made = of_contract("classifier.as_configured", classifier.AsConfigured, "classifier.statistics_as_configured")
    health = [
        page({"config": {"monitoring": {"classifier_cache_max_size": size}}}, who=who)
        for who, size in (("", 20), ("a", 20), ("b", 30))
    ]
    check(classifier.judge_as_configured(made, [asked(stats(), "a")], health, CURL), PASS, "20 on both")
    check(classifier.judge_as_configured(made, [asked(stats())], health, CURL), PASS)
    check(classifier.judge_as_configured(made, [asked(stats(), "b")], health, CURL), FAIL, "20 and 30")
    check(classifier.judge_as_configured(made, [asked(stats(), "b")], [page(b"<html>")], CURL), INCONCLUSIVE)
    check(classifier.judge_as_configured(made, [], health, CURL), INCONCLUSIVE)


def cache(
    before: object, after: object, meters: tuple[tuple[int, int, int], ...] = (), *, who: str = "a", new: int = 1
) -> Cache:
    """Make what was seen of a cache; a meter is hits, misses and size on the metrics page."""
    text = (
        "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1\n"
        "# TYPE classification_cache_hits_total counter\nclassification_cache_hits_total {}\n"
        "# TYPE classification_cache_miss_total counter\nclassification_cache_miss_total {}\n"
        "# TYPE classification_cache_size gauge\nclassification_cache_size {}\n"
    )
    scrapes = tuple(scrape(text.format(*meter), replica=who) for meter in meters)
    return Cache(asked(before, who), asked(after, who), scrapes, new, 2 * new)


METERS = ((3, 1, 4), (5, 2, 5))


@pytest.mark.parametrize(
    ("holds", "seen", "outcome", "said"),
    [
        ("move", cache(stats(3, 1), stats(5, 2), METERS), PASS, "1 more misses and 2 more hits"),
        ("move", cache(stats(3, 1), stats(9, 4), METERS), PASS, ""),
        ("move", cache(stats(3, 1), stats(3, 1), METERS), FAIL, "0 more misses and 0 more hits"),
        ("move", cache(stats(3, 1), stats(4, 3), METERS), FAIL, "1 more hits"),
        ("move", cache(stats(3, 1), stats(3, 1)), INCONCLUSIVE, "not known which process"),
        ("move", cache(stats(3, 1), {}, METERS), INCONCLUSIVE, "a figure is missing"),
        ("move", cache(stats(), stats(), METERS, new=0), NOT_COVERED, "not known which process"),
        ("as_metrics", cache(stats(3, 1), stats(5, 2), METERS), PASS, ""),
        ("as_metrics", cache(stats(103, 1), stats(105, 2), METERS), PASS, ""),
        ("as_metrics", cache(stats(6, 1), stats(10, 2), METERS), FAIL, "hits grew by 4"),
        ("as_metrics", cache(stats(3, 1), stats(5, 2)), INCONCLUSIVE, "the process changed"),
    ],
)
def test_moving(holds: str, seen: Cache, outcome: Outcome, said: str) -> None:
    made = of_contract("classifier.moving", classifier.Moving, f"classifier.statistics_{holds}")
    check(classifier.judge_moving(made, [seen], CURL), outcome, said)


def test_statistics_that_replicas_share_grow_by_what_all_were_asked() -> None:
    made = of_contract("classifier.moving", classifier.Moving, "classifier.statistics_as_metrics")
    shared = [cache(stats(3, 1), stats(9, 4), METERS, who=who) for who in "abc"]
    check(classifier.judge_moving(made, shared, CURL), PASS)
    check(classifier.judge_moving(made, shared[:2], CURL), FAIL, "hits grew by 6")


@pytest.mark.parametrize(
    ("sizes", "gauges", "outcome"),
    [
        ((4, 5), (4, 5), PASS),
        ((20, 20), (20, 20), PASS),
        ((4, 5), (3, 6), PASS),
        ((4, 5), (0, 5), PASS),
        ((4, 5), (0, 0), FAIL),
        ((0, 1), (0, 0), FAIL),
        ((4, 5), (7, 9), FAIL),
    ],
)
def test_size(sizes: tuple[int, int], gauges: tuple[int, int], outcome: Outcome) -> None:
    made = of_contract("classifier.moving", classifier.Moving, "classifier.size_as_metrics")
    before, after = (stats(size=size) for size in sizes)
    seen = cache(before, after, ((0, 0, gauges[0]), (0, 0, gauges[1])))
    check(classifier.judge_moving(made, [seen], CURL), outcome, "classification_cache_size")
    check(classifier.judge_moving(made, [replace(seen, meters=())], CURL), INCONCLUSIVE)


@pytest.mark.parametrize(
    ("status", "outcome"), [(401, PASS), (403, FAIL), (200, FAIL), (500, FAIL), (429, INCONCLUSIVE)]
)
def test_guarded(status: int, outcome: Outcome) -> None:
    made = of_contract("classifier.guarded", classifier.Guarded, "classifier.statistics_need_a_token")
    assert made.caller is Caller.NOBODY
    check(classifier.judge_guarded(made, [asked(status=401), asked(status=status, who="b")], CURL), outcome)
    check(classifier.judge_guarded(made, [Asked("", LOST)], CURL), INCONCLUSIVE, "nothing for 10 s")


# ------------------------------------------------------------------------------------------------------------- eviction


@pytest.mark.parametrize(
    ("used", "idle", "size", "others", "outcome", "said"),
    [
        (True, False, 20, 0, PASS, "not used: cached False"),
        (True, False, 20, 50, PASS, ""),
        (True, True, 20, 0, FAIL, "not used: cached True"),
        (True, False, 23, 0, FAIL, "size 23"),
        (False, False, 20, 0, FAIL, "used in the meantime: cached False"),
        (False, False, 20, 50, INCONCLUSIVE, "other clients' files"),
        (False, False, 20, float("nan"), INCONCLUSIVE, "other clients' files"),
        (None, False, 20, 0, INCONCLUSIVE, "cached is "),
    ],
)
def test_eviction(
    used: object,
    idle: bool,  # noqa: FBT001 - a case
    size: int,
    others: float,
    outcome: Outcome,
    said: str,
) -> None:
    made = of_contract("classifier.eviction", classifier.Eviction, "classifier.eviction")
    seen = Filled(20, asked(part(cached=used)), asked(part(cached=idle)), (), others, asked(stats(size=size)))
    check(classifier.judge_eviction(made, seen, CURL), outcome, said)
    for missing, came_back in ((refusal(), "HTTP 429"), (Asked("", LOST), "nothing for 10 s")):
        silent = replace(seen, unanswered=(missing,))
        check(
            classifier.judge_eviction(made, silent, CURL),
            INCONCLUSIVE,
            f"1 of the files were not classified: {came_back}",
        )


# ----------------------------------------------------------------------------------------------------------- rate limit


def refusal(retry_after: str | None = "6") -> Asked:
    return asked({}, status=429, headers={} if retry_after is None else {"retry-after": retry_after})


def burst(served: int = 140, refused: tuple[Asked, ...] = (refusal(),) * 4, **more: Any) -> Burst:
    """Make what one client's requests brought; all within a second, of a client that had asked for nothing before."""
    fields = {
        "allowed": 140,
        "sent": served + len(refused),
        "served": served,
        "refused": refused,
        "other": (),
        "seconds": 1.0,
        "window_seconds": 6.0,
        "fresh": True,
        "processes": 1,
        "spent": 0,
        "where": "POST /classify",
    }
    return Burst(**{**fields, **more})


@pytest.mark.parametrize(
    ("one", "counted"),
    [
        (Sent("/classify", Caller.OWN, 1, 100.0), 1),
        (Sent("/classify", Caller.OWN, 1, 99.0), 0),
        (Sent("/classify", Caller.NOBODY, 1, 100.0), 0),
        (Sent("/classify/batch", Caller.OWN, 3, 100.0), 3),
        (Sent("/classifyings", Caller.OWN, 1, 100.0), 0),
    ],
    ids=["the route", "long ago", "another client", "a batch beneath it, by its files", "another route"],
)
def test_what_a_run_has_spent_of_an_allowance(one: Sent, counted: int) -> None:
    assert spent([one], "/classify", 100.0, [Caller.OWN]) == counted


@pytest.mark.parametrize(
    ("seen", "outcome", "said"),
    [
        (burst(), PASS, "140 of 144 requests served"),
        (burst(141), FAIL, "141 of 145"),
        (burst(144, ()), FAIL, "144 of 144 requests served, 0 refused"),
        (burst(144, (), seconds=4.0), INCONCLUSIVE, "too slow"),
        (burst(144, (), processes=3), NOT_COVERED, "each process"),
        (burst(144, (), processes=0), NOT_COVERED, "each process"),
        (burst(141, processes=3), FAIL, "141"),
        (burst(139), FAIL, "139"),
        (burst(139, fresh=False), INCONCLUSIVE, "others may ask"),
        (burst(100, fresh=False, spent=40), NOT_COVERED, "this run's earlier requests"),
        (burst(70, other=(asked(b"down", status=503),)), FAIL, "HTTP 503"),
        (burst(70, other=(asked(b"", status=408),)), INCONCLUSIVE, "HTTP 408"),
        (burst(70, other=(Asked("", LOST),)), INCONCLUSIVE, "nothing for 10 s"),
    ],
)
def test_in_force(seen: Burst, outcome: Outcome, said: str) -> None:
    check(classifier.judge_in_force(seen, CURL), outcome, said)


@pytest.mark.parametrize(
    ("header", "outcome"),
    [
        ("1", PASS),
        ("60", PASS),
        ("Wed, 21 Oct 2065 07:28:00 GMT", FAIL),
        ("Wed, 21 Oct 2015 07:28:00 GMT", FAIL),
        ("0", FAIL),
        ("61", FAIL),
        ("-1", FAIL),
        ("1.5", FAIL),
        ("soon", FAIL),
        ("", FAIL),
        (None, FAIL),
    ],
)
def test_retry_after(header: str | None, outcome: Outcome) -> None:
    made = of_contract("classifier.limit", classifier.Limited, "classifier.limit_says_when")
    check(classifier.judge_retry_after(made, burst(refused=(refusal(), refusal(header))), CURL), outcome)
    check(classifier.judge_retry_after(made, burst(refused=()), CURL), INCONCLUSIVE, "none of 140")


def test_a_date_says_how_long_to_wait() -> None:
    told = told_seconds(answer(headers={"retry-after": "Wed, 21 Oct 2065 07:28:00 GMT"}))
    assert told is not None
    assert told > 60


def exhausted(counted: float = 4, **more: Any) -> Exhausted:
    """Make what was seen of a rate limit: four refusals, all of them counted."""
    fields = {"burst": burst(), "turned_away": 4, "trouble": "", "told_seconds": 6.0}
    return Exhausted(counted=counted, **{**fields, **more})


@pytest.mark.parametrize(
    ("seen", "idle", "outcome", "said"),
    [
        (exhausted(), 0, PASS, "grew by 4 in 4 refusals"),
        (exhausted(8), 0, FAIL, "grew by 8"),
        (exhausted(3), 0, FAIL, "grew by 3"),
        (exhausted(0), 0, FAIL, "grew by 0"),
        (exhausted(5), 2, INCONCLUSIVE, "others may have been refused"),
        (exhausted(5), None, INCONCLUSIVE, "others may have been refused"),
        (exhausted(3), 2, FAIL, "grew by 3"),
        (exhausted(trouble="a was restarted meanwhile"), 0, INCONCLUSIVE, "restarted"),
        (exhausted(turned_away=0), 0, INCONCLUSIVE, "none of 144"),
    ],
)
def test_counted(seen: Exhausted, idle: float | None, outcome: Outcome, said: str) -> None:
    made = of_contract("classifier.limit", classifier.Limited, "classifier.limit_is_counted")
    check(classifier.judge_counted(made, seen, lambda: idle, CURL), outcome, said)


@pytest.mark.parametrize(
    ("before", "after", "apart", "spent", "outcome", "said"),
    [
        (200, 200, True, 0, PASS, "HTTP 200 after"),
        (200, 200, False, 0, PASS, ""),
        (200, 429, True, 0, FAIL, "HTTP 200 before and HTTP 429 after"),
        (200, 429, True, 100, INCONCLUSIVE, "as that client, too"),
        (200, 429, False, 0, NOT_COVERED, "may count by address"),
        (401, 401, True, 0, NOT_COVERED, "HTTP 401"),
        (429, 429, True, 0, NOT_COVERED, "HTTP 429 before"),
        (200, 503, True, 0, INCONCLUSIVE, "HTTP 503"),
    ],
)
def test_unaffected(
    before: int,
    after: int,
    apart: bool,  # noqa: FBT001 - a case
    spent: int,
    outcome: Outcome,
    said: str,
) -> None:
    witness = Witness("another client", apart, spent, asked(status=before), asked(status=after))
    check(classifier.judge_unaffected(exhausted(witnesses=(witness,)), CURL), outcome, said)


def test_without_another_client_nobody_can_be_affected() -> None:
    check(classifier.judge_unaffected(exhausted(), CURL), NOT_COVERED, "no other client")
    check(classifier.judge_unaffected(exhausted(burst=burst(refused=())), CURL), INCONCLUSIVE, "none of 140")


@pytest.mark.parametrize(
    ("recovered", "more", "outcome", "said"),
    [
        ((asked(),), {}, PASS, "HTTP 200 after 6 s"),
        ((refusal(), asked()), {}, PASS, "HTTP 200 after 7 s"),
        ((refusal(), refusal()), {}, FAIL, "HTTP 429 after 7 s"),
        ((Asked("", LOST),), {}, INCONCLUSIVE, "nothing for 10 s"),
        ((), {"told_seconds": 60.0}, NOT_COVERED, "Retry-After says 60 s; not waited for"),
        ((), {"told_seconds": None}, INCONCLUSIVE, "says nothing"),
        ((), {"burst": burst(refused=())}, INCONCLUSIVE, "none of 140"),
    ],
)
def test_recovers(recovered: tuple[Asked, ...], more: dict[str, Any], outcome: Outcome, said: str) -> None:
    made = of_contract("classifier.limit", classifier.Limited, "classifier.limit_ends")
    check(classifier.judge_recovers(made, exhausted(**more), Recovery(recovered), CURL), outcome, said)


@pytest.mark.parametrize(
    ("statuses", "shared", "more", "outcome", "said"),
    [
        ([429], True, {}, PASS, "HTTP 429 of b"),
        ([200, 429], True, {}, FAIL, "HTTP 200 of b"),
        ([200, 429], False, {}, NOT_COVERED, "HTTP 200 of b"),
        ([200, 200], True, {}, INCONCLUSIVE, "refuse it no more"),
        ([503], True, {}, INCONCLUSIVE, "HTTP 503"),
        ([200, 429], True, {"burst": burst(refused=())}, INCONCLUSIVE, "none of 140"),
    ],
)
def test_one_allowance_for_all_replicas(
    statuses: list[int],
    shared: bool,  # noqa: FBT001 - a case
    more: dict[str, Any],
    outcome: Outcome,
    said: str,
) -> None:
    seen = exhausted(elsewhere=tuple(asked(who="b", status=status) for status in statuses), **more)
    check(classifier.judge_all_replicas(seen, CURL, shared=shared), outcome, said)


@pytest.mark.parametrize(
    ("statuses", "limited", "more", "outcome", "said"),
    [
        ([429], True, {}, PASS, "HTTP 429 for a batch"),
        ([429], False, {}, PASS, "HTTP 429 for a batch"),
        ([200, 429], True, {}, FAIL, "HTTP 200 for a batch"),
        ([200, 429], False, {}, NOT_COVERED, "HTTP 200 for a batch"),
        ([200, 200], True, {}, INCONCLUSIVE, "refused no more"),
        ([404], True, {}, NOT_COVERED, "HTTP 404"),
        ([503], True, {}, INCONCLUSIVE, "HTTP 503"),
        ([429], True, {"burst": burst(refused=())}, INCONCLUSIVE, "none of 140"),
    ],
)
def test_no_batch_beyond_the_limit(
    statuses: list[int],
    limited: bool,  # noqa: FBT001 - a case
    more: dict[str, Any],
    outcome: Outcome,
    said: str,
) -> None:
    seen = exhausted(batch=tuple(asked(status=status) for status in statuses), **more)
    check(classifier.judge_batches(seen, CURL, limited=limited), outcome, said)


@pytest.mark.parametrize(("counted", "outcome"), [(4, FAIL), (5, PASS), (6, PASS), (7, FAIL)])
def test_a_refused_batch_is_counted_once_or_by_its_files(counted: float, outcome: Outcome) -> None:
    made = of_contract("classifier.limit", classifier.Limited, "classifier.limit_is_counted")
    seen = exhausted(counted=counted, turned_away=5, spare=1)
    check(classifier.judge_counted(made, seen, lambda: 0.0, CURL), outcome, f"grew by {counted}")


@pytest.mark.parametrize(("grown", "outcome"), [(0, PASS), (4, PASS), (5, FAIL), (9, FAIL)])
def test_a_refusal_is_not_counted_for_another_limit(grown: float, outcome: Outcome) -> None:
    made = of_contract("classifier.limit", classifier.Limited, "classifier.limit_is_counted")
    seen = exhausted(counted=5, turned_away=5, mistaken={"ocr_limited": grown})
    check(classifier.judge_counted(made, seen, lambda: 0.0, CURL), outcome, f"grew by {max(grown, 5)}")


def test_one_process_has_one_allowance() -> None:
    check(classifier.judge_all_replicas(exhausted(), CURL, shared=True), NOT_COVERED, "one by one")


@pytest.mark.parametrize(
    ("plain", "claiming", "outcome"),
    [
        ([429], [429], PASS),
        ([429] * 5, [200] * 4, FAIL),
        ([200], [], NOT_COVERED),
        ([429, 200], [200], INCONCLUSIVE),  # processes that count apart
        ([429, 429, 429], [200, 200, 429], PASS),
        ([429], [503], INCONCLUSIVE),
    ],
)
def test_a_claimed_address_is_no_way_around_a_limit(plain: list[int], claiming: list[int], outcome: Outcome) -> None:
    made = of_contract("classifier.limit", classifier.Limited, "classifier.limit_sees_through_claims")
    both = (tuple(asked(status=status) for status in statuses) for statuses in (plain, claiming))
    check(classifier.judge_escape(made, exhausted(disguised=Disguised(*both)), CURL), outcome)


def test_without_a_refusal_nothing_is_escaped() -> None:
    made = of_contract("classifier.limit", classifier.Limited, "classifier.limit_sees_through_claims")
    check(classifier.judge_escape(made, exhausted(burst=burst(refused=())), CURL), INCONCLUSIVE, "none of 140")
