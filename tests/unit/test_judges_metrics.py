"""The judges of the metrics page: each way to break a promise, and each legal form of a sound page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from checks import test_metrics as metrics
from selfcheck.contract import load
from selfcheck.exposition import ProcessIdentity, parse
from selfcheck.families import FamilyOf
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.verdict import Outcome, Verdict
from tests.unit.making import NOW, page, promise, scrape

if TYPE_CHECKING:
    from selfcheck.replicas import Scrape
    from selfcheck.target import Page

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
STARTED = "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds"
CREATED = "# TYPE c_created gauge\nc_created"
TEXT = "text/plain; version=0.0.4; charset=utf-8"


def check(verdict: Verdict, outcome: Outcome, said: str = "") -> None:
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict
    if outcome is FAIL:
        assert verdict.expected
        assert verdict.where
        assert verdict.reproduce


# ------------------------------------------------------------------------------------------------------------- endpoint


@pytest.mark.parametrize(
    ("asked", "outcome", "said"),
    [
        (page(b"a 1\n", content_type=TEXT), PASS, "4 bytes"),
        (page(b"a 1\n", content_type="text/plain"), PASS, ""),
        (page(b"a 1\n", content_type="text/plain; version=1.0.0; escaping=underscores"), PASS, ""),
        (page(b"a 1\n", content_type='text/plain; Version="0.0.4"'), PASS, ""),
        (page(b"a 1\n", content_type="text/plain; version=0.0.3"), FAIL, 'version "0.0.3"'),
        (page(b"a 1\n", content_type=TEXT, redirects=("http://platform/metrics",)), PASS, ""),
        (page(b"a 1\n", content_type=TEXT, redirects=("a", "b")), FAIL, "2 redirects"),
        (page(b"a 1\n", content_type=TEXT, status=500), FAIL, "HTTP 500"),
        (page(b"{}", content_type="application/json"), FAIL, "content type application/json"),
        (page(b"a 1\n", content_type=None), FAIL, "content type missing"),
        (page(b"a \xff\n", content_type=TEXT), FAIL, "not utf-8"),
        (page(b"a 1\n", content_type="text/plain; charset=klingon"), FAIL, "klingon"),
    ],
)
def test_endpoint(asked: Page, outcome: Outcome, said: str) -> None:
    made = next(iter(load().promises("metrics.endpoint", metrics.Endpoint)))
    check(metrics.judge_endpoint(made, [asked]), outcome, said)


def test_an_endpoint_that_gives_no_answer_or_is_not_asked() -> None:
    made = promise(metrics.Endpoint, page="metrics", content_type="text/plain", redirects_max=1)
    trouble = CouldNotObserve(Trouble.TOO_LARGE, asked="GET /metrics", came_back="it does not end", hint="look")
    assert metrics.judge_endpoint(made, [], [trouble]).observed == "it does not end"
    assert metrics.judge_endpoint(made, []).outcome is INCONCLUSIVE


# --------------------------------------------------------------------------------------------------------------- syntax


@pytest.mark.parametrize(
    ("text", "outcome", "said"),
    [
        ("# TYPE a counter\na_total 1\n", FAIL, "fault"),
        ("# TYPE a_total counter\na_total 1\n", PASS, "1 samples in 1 families"),
        ("# TYPE a_total counter\na_total 1\na_total 2\n", FAIL, "1 fault(s)"),
        ("# TYPE a gauge\na NaN\n", PASS, ""),
        ("<html></html>\n", FAIL, "fault"),
        ("", FAIL, "the page has none"),
        ("# nothing\n", FAIL, "the page has none"),
    ],
)
def test_syntax(text: str, outcome: Outcome, said: str) -> None:
    check(metrics.judge_syntax(scrape(text)), outcome, said)


# ------------------------------------------------------------------------------------------------------------- families

COUNTER = {"name": "c_total", "type": "counter", "labels": {"status": ["ok", "bad"], "provider": "[a-z]+"}}
GAUGE = {"name": "g", "type": "gauge", "minimum": 0, "maximum": 1}
HISTOGRAM = {"name": "h", "type": "histogram", "labels": {"provider": "[a-z]+"}, "mean_max": 30}
SOUND = 'h_bucket{provider="p",le="1.0"} 1\nh_bucket{provider="p",le="+Inf"} 2\nh_count{provider="p"} 2\n'

SHRINKING = (
    'h_bucket{provider="p",le="1.0"} 2\nh_bucket{provider="p",le="+Inf"} 1\n'
    'h_count{provider="p"} 1\nh_sum{provider="p"} 1\n'
)


@pytest.mark.parametrize(
    ("fields", "text", "said"),
    [
        # there, and of the right type
        (COUNTER, '# TYPE c_total counter\nc_total{status="ok",provider="p"} 1\n', ""),
        (COUNTER, "# TYPE c_total counter\n", ""),
        (COUNTER | {"always": True}, "# TYPE c_total counter\n", "has no value"),
        (COUNTER, "# TYPE d_total counter\n", "is missing"),
        (COUNTER, "# TYPE C_Total counter\n", "is missing; there is C_Total"),
        (COUNTER, '# TYPE c_total gauge\nc_total{status="ok",provider="p"} 1\n', "is a gauge, not a counter"),
        (COUNTER, 'c_total{status="ok",provider="p"} 1\n', "is a untyped, not a counter"),
        # labels
        (
            COUNTER,
            '# TYPE c_total counter\nc_total{status="ok"} 1\n',
            "has the labels {status}, not {provider, status}",
        ),
        (COUNTER, "# TYPE c_total counter\nc_total 1\n", "has the labels {}, not {provider, status}"),
        (COUNTER, '# TYPE c_total counter\nc_total{state="ok",provider="p"} 1\n', "has the labels {provider, state}"),
        (
            COUNTER,
            '# TYPE c_total counter\nc_total{status="ok",provider="p",user="u"} 1\n',
            "has the labels {provider, status, user}",
        ),
        (
            COUNTER,
            '# TYPE c_total counter\nc_total{status="OK",provider="p"} 1\n',
            'has status="OK", which is not of: ok, bad',
        ),
        (
            COUNTER,
            '# TYPE c_total counter\nc_total{status="ok",provider="p1"} 1\n',
            'has provider="p1", which is not of',
        ),
        # values
        (COUNTER, '# TYPE c_total counter\nc_total{status="ok",provider="p"} -1\n', "= -1"),
        (COUNTER, '# TYPE c_total counter\nc_total{status="ok",provider="p"} NaN\n', "= nan"),
        (COUNTER, '# TYPE c_total counter\nc_total{status="ok",provider="p"} +Inf\n', "= inf"),
        (GAUGE, "# TYPE g gauge\ng 0\n", ""),
        (GAUGE, "# TYPE g gauge\ng 1.0\n", ""),
        (GAUGE, "# TYPE g gauge\ng 1.5\n", "g is 1.5, above 1"),
        (GAUGE, "# TYPE g gauge\ng NaN\n", "g is nan, not a finite number"),
        (GAUGE, "# TYPE g gauge\ng +Inf\n", "g is inf"),
        (GAUGE | {"one_of": [0.0, 1.0]}, "# TYPE g gauge\ng 0.5\n", "g is 0.5, not one of 0.0, 1.0"),
        # size
        (
            COUNTER | {"series_max": 1},
            '# TYPE c_total counter\nc_total{status="ok",provider="p"} 1\nc_total{status="bad",provider="p"} 1\n',
            "has 2 label sets, more than 1",
        ),
        (HISTOGRAM | {"series_max": 1}, f'# TYPE h histogram\n{SOUND}h_sum{{provider="p"}} 3\n', ""),
        # histograms
        (HISTOGRAM, f'# TYPE h histogram\n{SOUND}h_sum{{provider="p"}} 3\n', ""),
        (HISTOGRAM, "# TYPE h histogram\n", ""),
        (HISTOGRAM, f'# TYPE h histogram\n{SOUND}h_sum{{provider="p"}} 3000\n', "has a mean of 1500, above 30"),
        (HISTOGRAM, f'# TYPE h histogram\n{SOUND}h_sum{{provider="p"}} -1\n', "= -1"),
        (HISTOGRAM, f'# TYPE h histogram\n{SOUND}h_sum{{provider="p"}} NaN\n', "= nan"),
        (HISTOGRAM, f"# TYPE h histogram\n{SOUND}", "_sum"),
        (
            HISTOGRAM,
            f"# TYPE h histogram\n{SHRINKING}",
            "the buckets are not cumulative",
        ),
        # summaries
        ({"name": "s", "type": "summary"}, '# TYPE s summary\ns{quantile="0.5"} NaN\ns_sum 0\ns_count 0\n', ""),
        (
            {"name": "s", "type": "summary"},
            '# TYPE s summary\ns{quantile="0.5"} 1\ns_sum NaN\ns_count 1\n',
            "s_sum = nan",
        ),
    ],
)
def test_family(fields: dict[str, Any], text: str, said: str) -> None:
    found = metrics.judge_family(promise(FamilyOf, **fields), parse(text))
    assert bool(found) is bool(said)
    assert said in "; ".join(found)


@pytest.mark.parametrize("made", load().promises("metrics.family", FamilyOf), ids=lambda made: made.name)
def test_a_family_that_is_absent_or_of_another_type_is_seen(made: FamilyOf) -> None:
    assert metrics.judge_family(made, parse("")) == ["is missing"]
    other = "counter" if made.type == "gauge" else "gauge"
    assert metrics.judge_family(made, parse(f"# TYPE {made.name} {other}\n{made.name} 1\n"))


@pytest.mark.parametrize(
    ("fields", "text", "said"),
    [
        (COUNTER, '# TYPE c_total counter\nc_total{status="ok",provider="p"} 1.5\n', "is no count of events"),
        (COUNTER | {"events": False}, '# TYPE c_total counter\nc_total{status="ok",provider="p"} 1.5\n', ""),
        (COUNTER, '# TYPE c_total counter\nc_total{status="ok",provider="p"} 1e300\n', ""),
        (COUNTER, '# TYPE c_total counter\nc_total{status="ok",provider="p"} +Inf\n', "= inf"),
    ],
)
def test_events_have_no_fractions(fields: dict[str, Any], text: str, said: str) -> None:
    found = metrics.judge_family(promise(FamilyOf, **fields), parse(text))
    assert bool(found) is bool(said)
    assert said in "; ".join(found)


USED = '# TYPE g gauge\n# TYPE n_total counter\nn_total{code="a",b="c"} 2\n'
IDLE = '# TYPE g gauge\n# TYPE n_total counter\nn_total{code="b"} 2\nn_total{code="a",b="d"} 0\n'
FILLED = USED.replace("# TYPE n_total", 'g{p="x"} 1\n# TYPE n_total')


@pytest.mark.parametrize(
    ("pages", "everywhere", "outcome"),
    [
        ([FILLED, FILLED], True, PASS),
        ([FILLED, USED], True, FAIL),
        ([FILLED, USED], False, PASS),
        ([FILLED, IDLE], True, PASS),
        ([USED, IDLE], True, INCONCLUSIVE),
        ([IDLE, IDLE], True, PASS),
        ([], True, PASS),
    ],
)
def test_what_is_used_has_a_value(pages: list[str], outcome: Outcome, *, everywhere: bool) -> None:
    use = {"sample": "n_total", "labels": {"code": "a"}, "everywhere": everywhere}
    made = promise(FamilyOf, name="g", type="gauge", labels={"p": "x"}, used_with=use)
    check(metrics.judge_use(made, [scrape(text, replica=str(at)) for at, text in enumerate(pages)]), outcome)


# ------------------------------------------------------------------------------------------------ times, shape of pages

COUNTED = "# TYPE c_total counter\nc_total 1\n"


@pytest.mark.parametrize(
    ("text", "outcome", "said"),
    [
        (f"{STARTED} {NOW - 9}\n{COUNTED}{CREATED} {NOW - 8}\n", PASS, "2 moments"),
        (f"{STARTED} {NOW + 4}\n{COUNTED}{CREATED} {NOW}\n", PASS, ""),
        (f"{STARTED} {NOW - 9}\n{COUNTED}{CREATED} {NOW - 90_000}\n", PASS, ""),
        (f"{STARTED} {NOW + 60}\n{COUNTED}{CREATED} {NOW}\n", FAIL, "60 s in the future"),
        (f"{STARTED} {NOW * 1000}\n{COUNTED}{CREATED} {NOW}\n", FAIL, "in the future"),
        (f"{STARTED} 12345\n{COUNTED}{CREATED} {NOW}\n", FAIL, "no Unix time"),
        (f"{STARTED} NaN\n{COUNTED}{CREATED} {NOW}\n", FAIL, "no Unix time"),
        (f"{STARTED} {NOW - 9}\n{COUNTED}{CREATED} {NOW + 60}\n", FAIL, "c_created"),
        (f"{STARTED} {NOW - 9}\n{COUNTED}", FAIL, "not one _created sample"),
        (f"{STARTED} {NOW - 9}\n# TYPE g gauge\ng 1\n# TYPE g_created gauge\ng_created 7\n", PASS, "1 moments"),
        (COUNTED, NOT_COVERED, "tells no moment"),
        (f"# TYPE g gauge\ng 1 {NOW * 1000:.0f}\n", PASS, ""),
        (f"# TYPE g gauge\ng 1 {(NOW - 300) * 1000:.0f}\n", FAIL, "300 s old"),
        (f"# TYPE g gauge\ng 1 {(NOW + 300) * 1000:.0f}\n", FAIL, "of the future"),
        (f"# TYPE g gauge\ng 1 {NOW:.0f}\n", FAIL, "s old"),
    ],
)
def test_moments(text: str, outcome: Outcome, said: str) -> None:
    made = next(iter(load().promises("metrics.times", metrics.Times)))
    check(metrics.judge_times(made, scrape(text), 5.0), outcome, said)


@pytest.mark.parametrize(
    ("read", "outcome"),
    [
        ([(100.0, ProcessIdentity(100.0, 1.0)), (103.0, ProcessIdentity(103.0, 1.0))], FAIL),
        ([(100.0, ProcessIdentity(50.0, 1.0)), (103.0, ProcessIdentity(60.0, 1.0))], PASS),  # forked workers
        ([(100.0, ProcessIdentity(50.0, 1.0)), (103.0, ProcessIdentity(103.0, 1.0))], PASS),
        ([(100.0, ProcessIdentity(100.0, 100.0)), (103.0, ProcessIdentity(103.0, 103.0))], PASS),
        ([(100.0, ProcessIdentity(100.0, 1.0)), (100.5, ProcessIdentity(100.0, 1.0))], PASS),
        ([(100.0, None), (100.5, ProcessIdentity(100.0, None))], PASS),
    ],
)
def test_the_start_of_a_process_stays(read: list[tuple[float, ProcessIdentity | None]], outcome: Outcome) -> None:
    assert metrics.judge_starts(read).outcome is outcome


HISTOGRAMS = '# TYPE h histogram\nh_bucket{le="1.0"} 1\nh_bucket{le="2.0"} 1\nh_bucket{le="+Inf"} 1\n'
BUILT = '# TYPE app_info gauge\napp_info{version="1"} 1\n'
PLAIN = "# TYPE g gauge\ng 1\n"


@pytest.mark.parametrize(
    ("pages", "outcome", "said"),
    [
        ([HISTOGRAMS] * 3, PASS, "3 pages alike"),
        ([HISTOGRAMS, HISTOGRAMS, HISTOGRAMS.replace("2.0", "2.5")], FAIL, "le=2.0, 2.5"),
        ([HISTOGRAMS, HISTOGRAMS, HISTOGRAMS.replace("2.0", "2")], FAIL, "h of 2 has other bounds"),
        ([HISTOGRAMS, HISTOGRAMS.partition("h_bucket")[0]], PASS, ""),
        (
            [HISTOGRAMS + BUILT, HISTOGRAMS + BUILT, HISTOGRAMS.replace("2.0", "3.0") + BUILT.replace('"1"', '"2"')],
            INCONCLUSIVE,
            "le=2.0, 3.0",
        ),
        ([BUILT, BUILT, BUILT.replace('"1"', '"2"')], INCONCLUSIVE, "1 and 2"),
        ([BUILT.replace('"1"', f'"{pod}"') for pod in "abc"], PASS, ""),
        ([PLAIN + BUILT, PLAIN + BUILT, BUILT], INCONCLUSIVE, "g is on 2 of 3 pages"),
        ([PLAIN.replace("g 1", 'g{a="b"} 1') + BUILT, BUILT], PASS, ""),
        ([HISTOGRAMS], NOT_COVERED, "one page only"),
    ],
)
def test_pages_have_one_shape(pages: list[str], outcome: Outcome, said: str) -> None:
    made = next(iter(load().promises("metrics.shape", metrics.Shape)))
    scrapes = [scrape(text, replica=str(at)) for at, text in enumerate(pages)]
    check(metrics.judge_shape(made, scrapes), outcome, said)


def test_a_page_that_cannot_be_unpacked() -> None:
    made = next(iter(load().promises("metrics.packed", metrics.Packed)))
    good = page(b"a 1\n", content_type=TEXT).answer
    trouble = CouldNotObserve(Trouble.BAD_ENCODING, asked="GET /metrics", came_back="it ends too early", hint="look")
    check(metrics.judge_packed(made, [good]), PASS, "1 samples")
    assert metrics.judge_packed(made, [good, trouble]).outcome is FAIL
    check(metrics.judge_packed(made, [page(b"", content_type=TEXT).answer]), FAIL, "0 samples")
    check(metrics.judge_packed(made, [page(b"a 1\n", status=500).answer]), FAIL, "HTTP 500")


# ------------------------------------------------------------------------------------------------- growth, size, mirror

ONE = ProcessIdentity(1.0, 1.0)
BASE = '# TYPE c_total counter\nc_total{a="1"} 5\n# TYPE g gauge\ng 9\n'


@pytest.mark.parametrize(
    ("after", "outcome", "said"),
    [
        (BASE, PASS, ""),
        (BASE.replace("} 5", "} 6").replace("g 9", "g 1"), PASS, ""),
        (BASE.replace("# TYPE g", 'c_total{a="2"} 1\n# TYPE g'), PASS, ""),
        (BASE.replace("} 5", "} 4"), FAIL, 'c_total{a="1"} from 5 to 4'),
        (BASE.replace('c_total{a="1"} 5\n', ""), FAIL, 'c_total{a="1"} vanished'),
    ],
)
def test_growth(after: str, outcome: Outcome, said: str) -> None:
    before = {"one": scrape(BASE, process=ONE)}
    check(metrics.judge_growth(before, {"one": scrape(after, process=ONE)}), outcome, said)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"one": scrape(BASE, process=ONE)}, {"one": scrape(BASE, process=ProcessIdentity(2.0, 2.0))}),
        ({"one": scrape(BASE)}, {"one": scrape(BASE)}),
        ({"one": scrape(BASE, process=ONE)}, {"two": scrape(BASE, process=ONE)}),
        ({}, {}),
    ],
    ids=["restarted", "unknown process", "another replica", "nothing"],
)
def test_growth_of_another_process_says_nothing(before: dict[str, Scrape], after: dict[str, Scrape]) -> None:
    assert metrics.judge_growth(before, after).outcome is INCONCLUSIVE


def test_cardinality_names_the_largest_families() -> None:
    made = promise(metrics.Cardinality, series_max=2)
    assert metrics.judge_cardinality(made, scrape(BASE)).outcome is PASS
    large = BASE.replace("# TYPE g", 'c_total{a="2"} 1\n# TYPE g')
    check(metrics.judge_cardinality(made, scrape(large)), FAIL, "3 series; the largest families: c_total 2, g 1")


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ([f"3fa85f64-5717-4562-b3fc-2c963f66af{n}" for n in range(10, 21)], FAIL),
        ([f"req_7c1e9a0b44{n}" for n in range(10, 21)], FAIL),
        ([f"17640000{n}.25" for n in range(10, 21)], FAIL),
        ([f"3fa85f64-5717-4562-b3fc-2c963f66afa{n}" for n in range(10)], PASS),
        ([f"/api/v{n}/ocr/extract" for n in range(20)], PASS),
        ([f"{n}.0" for n in range(20)], PASS),
        ([f"10000000{n}.0" for n in range(20)], PASS),
        ([f"worker-{n}" for n in range(20)], PASS),
        ([f"{a}{b}facade" for a in ("dead", "beef", "cafe", "fade") for b in ("acce", "deed", "babe")], PASS),
    ],
    ids=["uuids", "ids", "moments", "a few", "routes", "bounds", "bounds in bytes", "workers", "words"],
)
def test_no_label_of_each_request(values: list[str], outcome: Outcome) -> None:
    made = next(iter(load().promises("metrics.identifiers", metrics.Identifiers)))
    page = "# TYPE c_total counter\n" + "".join(f'c_total{{a="{value}"}} 1\n' for value in dict.fromkeys(values))
    check(metrics.judge_identifiers(made, scrape(page)), outcome)


@pytest.mark.parametrize(
    ("value", "samples", "holds", "outcome"),
    [
        (0.1, [0.1], "=", PASS),
        (0.1, [0.14], "=", PASS),
        (0.1, [0.2], "=", FAIL),
        (0.1, [0.9, 0.1], "=", PASS),
        (1000, [10.0], "<=", PASS),
        (1000, [1000.0], "<=", PASS),
        (1000, [1001.0], "<=", FAIL),
        (1000, [10.0, 1001.0], "<=", FAIL),
        (0.1, [], "=", INCONCLUSIVE),
        (None, [0.1], "=", INCONCLUSIVE),
        ("0.1", [0.1], "=", INCONCLUSIVE),
        (True, [1.0], "=", INCONCLUSIVE),
        (0.0, [float("nan")], "=", FAIL),
    ],
)
def test_mirror(value: object, samples: list[float], holds: str, outcome: Outcome) -> None:
    """Through the load balancer, any of the replicas may have answered."""
    made = promise(metrics.Mirror, page="health", path="v", sample="g", holds=holds, tolerance=0.05)
    scrapes = {str(number): scrape(f"# TYPE g gauge\ng {sample}\n") for number, sample in enumerate(samples)}
    check(metrics.judge_mirror(made, [page({"v": value})], [scrapes]), outcome)


def test_mirror_compares_the_same_replica_and_allows_for_a_figure_that_moved() -> None:
    made = promise(metrics.Mirror, page="health", path="v", sample="g")
    readings = [
        {name: scrape(f"# TYPE g gauge\ng {value}\n", replica=name) for name, value in values.items()}
        for values in ({"a": 1, "b": 2}, {"a": 3, "b": 2})
    ]
    for who, value, outcome in (
        ("a", 1, PASS),
        ("a", 2, PASS),
        ("a", 3, PASS),
        ("a", 4, FAIL),
        ("b", 2, PASS),
        ("b", 1, FAIL),
        ("c", 2.5, FAIL),
    ):
        assert metrics.judge_mirror(made, [page({"v": value}, who=who)], readings).outcome is outcome
    assert metrics.judge_mirror(made, [], readings).outcome is INCONCLUSIVE
