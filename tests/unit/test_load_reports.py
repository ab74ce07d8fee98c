"""Reports of load tests: figures are right and look as sure as they are, and no text acts, whoever wrote it."""

from __future__ import annotations

import io
import math
import random
import re
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from load import pictures, promises, wording
from load.arrivals import Spacing, arrivals
from load.capacity import CapacityReport, Ending, Held, Phase, Step
from load.evidence import Evidence
from load.live import live_view
from load.plan import Operation, Profile
from load.record import Block, Course, Durations, Fate, Measured, Record, Tally, Worker, encoded, new_histogram, note
from load.report import capacity_html, charts, figures, html, markdown, plots, writing
from load.report.figures import Times
from load.report.markup import element
from load.shapes import Constant, Points, Shape
from selfcheck.run import Result
from selfcheck.secrets import Secrets
from selfcheck.values import harmless
from selfcheck.verdict import Outcome, Verdict, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RENDERED = Path(__file__).resolve().parent.parent / "rendered"
SECRET = "s3cr3t-value-123"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;\x00\x1b[31m]]>|`x`\n# @team www.evil.example"
MIX = (("ocr", 22.0), ("ocr_cached", 22.0), ("vision", 14.0), ("compare", 25.0), ("classify", 6.0), ("health", 7.0))
MEDIANS = {"ocr": 0.18, "ocr_cached": 0.021, "vision": 0.34, "compare": 0.012, "classify": 0.05, "health": 0.004}
STALL = (70.0, 71.4)
"""Nobody is answered between these moments of a run that has a stall."""


class Heap:
    """What is counted of one operation as one client."""

    def __init__(self) -> None:
        self.planned = self.started = self.late = self.dropped = 0
        self.fates: dict[Fate, int] = defaultdict(int)
        self.latency, self.service = new_histogram(), new_histogram()
        self.blocks: dict[int, tuple[list[int], dict[Fate, int], Any]] = {}


def recorded(
    shape: Points,
    *,
    profile: str = "steady",
    warm_up: float = 10.0,
    block_seconds: float = 1.0,
    stall: tuple[float, float] | None = STALL,
    fate_of: Callable[[str, float, random.Random], Fate] = lambda _operation, _at, _dice: Fate.OK,
    **more: Any,
) -> Record:
    """Make the record of a run in which durations are drawn at random, and a stall keeps everybody waiting."""
    dice = random.Random(7)
    heaps: dict[tuple[str, str], Heap] = defaultdict(Heap)
    for arrival in arrivals(shape, Spacing.POISSON, 7, MIX, ("own", "other")):
        heap = heaps[arrival.operation, arrival.client]
        service = MEDIANS[arrival.operation] * dice.lognormvariate(0, 0.45)
        waits = stall is not None and stall[0] <= arrival.at_seconds < stall[1]
        wait = stall[1] - arrival.at_seconds if stall and waits else 0.0
        fate = fate_of(arrival.operation, arrival.at_seconds, dice)
        due, fates, latency = heap.blocks.setdefault(
            int(arrival.at_seconds / block_seconds), ([], defaultdict(int), new_histogram())
        )
        due.append(arrival.number)
        fates[fate] += 1
        if fate is Fate.OK:
            note(latency, service + wait)
        if arrival.at_seconds < warm_up:
            continue
        heap.planned += 1
        heap.started += 1
        heap.fates[fate] += 1
        heap.late += wait > 0.05
        if fate is Fate.OK:
            note(heap.latency, service + wait)
            note(heap.service, service)
    tallies = tuple(_tally(operation, client, heap) for (operation, client), heap in sorted(heaps.items()))
    fields: dict[str, Any] = {
        "run_id": "selfcheck-0123456789ab",
        "profile": profile,
        "environment": "staging",
        "base_url": "https://staging.example.com",
        "started_at": "2026-01-14T03:12:40+00:00",
        "started_unix_seconds": 1_768_360_360.0,
        "seed": 7,
        "spacing": "poisson",
        "line": shape.points(),
        "warm_up_seconds": warm_up,
        "block_seconds": block_seconds,
        "elapsed_seconds": shape.seconds + 0.4,
        "workers": tuple(worker(index) for index in range(2)),
        "tallies": tallies,
    }
    return Record(**{**fields, **more})


def _tally(operation: str, client: str, heap: Heap) -> Tally:
    words = {
        Fate.SERVER_ERROR: 'HTTP 503 {"detail": "model <b>not</b> loaded"}',
        Fate.TIMEOUT: "no complete answer within 30 s",
        Fate.LIMITED: "HTTP 429, Retry-After: 12",
        Fate.WRONG: "HTTP 200 without `success`: true",
    }
    return Tally(
        operation=operation,
        client=client,
        planned=heap.planned,
        started=heap.started,
        late=heap.late,
        dropped=heap.dropped,
        fates=dict(heap.fates),
        examples={fate: words[fate] for fate in heap.fates if fate in words},
        latency=encoded(heap.latency),
        service=encoded(heap.service),
        blocks=tuple(
            Block(number=number, planned=len(due), fates=dict(fates), latency=encoded(latency))
            for number, (due, fates, latency) in sorted(heap.blocks.items())
        ),
    )


def worker(index: int, **more: Any) -> Worker:
    dice = random.Random(index)
    lag = new_histogram()
    for _ in range(800):
        note(lag, dice.lognormvariate(-8.5, 0.6))
    fields: dict[str, Any] = {
        "index": index,
        "pid": 4000 + index,
        "reported": True,
        "arrivals": 2900,
        "lag": encoded(lag),
        "cpu_share_mean": 0.21 + index / 50,
        "cpu_share_max": 0.43,
        "cpu_seconds": 61.0,
        "in_flight_max": 38,
        "clock_step_seconds": 0.0002,
    }
    return Worker(**{**fields, **more})


def result(promise_id: str, verdict: Verdict, **more: Any) -> Result:
    fields = {
        "says": f"what {promise_id} promises",
        "severity": "critical",
        "owner": "platform-team",
        "runbook": "docs/runbooks/slow_response.md",
    }
    return Result(promise_id, "load.kind", verdict=verdict, **{**fields, **more})


def a_profile(name: str = "steady", **more: Any) -> Profile:
    fields: dict[str, Any] = {
        "name": name,
        "says": "five minutes of an ordinary day's rate",
        "shape": Constant(kind="constant", rate=20, duration_seconds=300),
        "quantiles": (0.5, 0.95, 0.99),
        "warm_up_seconds": 10,
        "request_timeout_seconds": 30,
        "drain_seconds": 30,
        "in_flight_max": 512,
    }
    return Profile(**{**fields, **more})


def line(*points: tuple[float, float]) -> Points:
    return Points(kind="points", through=points)


def constant(rate: float, seconds: float) -> Points:
    return line((0.0, rate), (seconds, rate))


def promise_fields(id_: str, says: str) -> Mapping[str, Any]:
    return {
        "id": id_,
        "says": says,
        "owner": "platform-team",
        "severity": "critical",
        "runbook": "docs/runbooks/slow_response.md",
        "requires": ["app"],
    }


@pytest.fixture(scope="module")
def steady() -> Record:
    """Two minutes with a stall, and errors and 429 in between."""

    def fate_of(operation: str, at: float, dice: random.Random) -> Fate:
        if operation == "classify" and at > 20 and dice.random() < 0.3:
            return Fate.LIMITED
        if 90 < at < 100 and dice.random() < 0.3:
            return Fate.SERVER_ERROR
        return Fate.OK

    ocr = Measured(
        values={"count": 1100, "before_count": 12},
        buckets=((0.05, 400), (0.1, 560), (0.25, 900), (0.5, 1090), (1, 1100), (math.inf, 1100)),
    )
    return recorded(
        constant(20, 120),
        fate_of=fate_of,
        measured={"load.server_ocr": ocr, "load.cpu": Measured(trouble="Prometheus did not answer")},
        courses={
            "load.cpu": tuple(
                Course(labels={"instance": f"10.0.0.{n}:8000", "job": "app"}, samples=((0, 0.4), (60, 0.6), (120, 0.7)))
                for n in (1, 2)
            )
        },
    )


OPERATIONS = {
    name: Operation(name=name, says=f"what {name} does", act="ask", weight=weight, rate_limited=name == "classify")
    for name, weight in MIX
}
PROMISES = (
    promises.Latency(
        **promise_fields("load.latency_ocr", "OCR is fast enough"), operation="ocr", limits=((0.5, 0.4), (0.99, 0.8))
    ),
    promises.ServerView(
        **promise_fields("load.server_ocr", "the server agrees with its clients"),
        operations=("ocr", "ocr_cached"),
        count="ocr_requests_total",
        buckets="ocr_seconds_bucket",
    ),
    promises.Saturation(**promise_fields("load.cpu", "how busy the processors are"), query="cpu", saturated_from=0.9),
)
RESULTS = (
    result("load.generator", passed("lag p99 1.1 ms, 23 % of a core")),
    result(
        "load.latency_ocr",
        failed(
            "p99 at most 800 ms",
            "p99 is 1.31 s",
            where="profile steady at https://staging.example.com",
            reproduce="make load PROFILE=steady",
            notes=["the service time is 520 ms"],
        ),
    ),
    result("load.latency_classify", inconclusive("p99 at most 300 ms", "too few requests", remedy="a longer run")),
    result("load.fairness", inconclusive("alike", "not looked at", blocked_by="load.generator")),
    result("load.autoscaling", not_covered("kubernetes is out of scope", "set SELF_CHECK_KUBE_CONTEXT")),
)


class Page(HTMLParser):
    """What a browser makes of a page: the elements with their attributes, and the text; ends must match starts."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def assert_harmless(self) -> None:
        """Nothing runs, nothing is fetched, nothing leaves the page by itself."""
        assert {name for name, _ in self.elements}.isdisjoint(
            {"script", "img", "link", "iframe", "object", "form", "b"}
        )
        for _, attributes in self.elements:
            assert not [name for name in attributes if name.startswith("on") or name in {"src", "srcset", "xlink:href"}]
            assert (attributes.get("href") or "#").startswith(("#", "https://", "http://"))


def page_of(record: Record, results: tuple[Result, ...] = RESULTS, **more: Any) -> Page:
    return Page(html.render(record, results, a_profile(), operations=OPERATIONS, promises=PROMISES, **more))


def evidence_of(record: Record) -> Evidence:
    return Evidence(record, a_profile(), OPERATIONS, ())


# ---------------------------------------------------------------------------------------------------------------------
# HTML


def test_the_page_begins_with_the_verdict_and_what_is_red(steady: Record) -> None:
    text = page_of(steady).text
    said = [
        "Load test: steady",
        "FAIL Of 4 promises, 1 does not hold under this load; 2 could not be told. Exit code 1.",
        "p99 is 1.31 s",
        "https://staging.example.com",
        "p99 at most 800 ms",
        "make load PROFILE=steady",
        "docs/runbooks/slow_response.md",
        "Blocked by load.generator",
        "Operations",
        "Latency distribution",
        "The server's side beside the client's",
        "The generator",
    ]
    places = [text.index(words, text.index(said[0])) for words in said]
    assert places == sorted(places)


def test_the_page_needs_no_network_and_runs_nothing(steady: Record) -> None:
    page = page_of(steady)
    page.assert_harmless()
    policy = next(a for name, a in page.elements if name == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_texts_of_a_hostile_server_stay_texts() -> None:
    small = recorded(constant(20, 10), warm_up=2, stall=None)
    tally = small.tallies[0].model_copy(update={"examples": {Fate.WRONG: HOSTILE}, "fates": {Fate.WRONG: 1}})
    hostile = small.model_copy(
        update={
            "tallies": (tally, *small.tallies[1:]),
            "ended_by": HOSTILE,
            "interrupted": True,
            "base_url": f"http://x/{HOSTILE}",
            "limits": {HOSTILE: 1.0},
            "measured": {"load.cpu": Measured(trouble=HOSTILE), HOSTILE: Measured(values={HOSTILE: 1.0})},
            "courses": {
                "load.cpu": tuple(Course(labels={"a": HOSTILE + n}, samples=((0, 1), (9, math.nan))) for n in "12")
            },
        }
    )
    verdict = failed(HOSTILE, HOSTILE, where=HOSTILE, reproduce=HOSTILE, notes=[HOSTILE])
    bad = result("load.x", verdict, says=HOSTILE, runbook=f"javascript:{HOSTILE}", owner=HOSTILE, waived=HOSTILE)
    page = page_of(hostile, (bad,))
    page.assert_harmless()
    assert "<script>alert(1)</script>" in page.text
    written = html.render(hostile, (bad,), a_profile())
    assert not re.search("[\x00-\x08\x0b-\x1f]", written)
    # In code nothing acts, and `code` is tested to hold together.
    words = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", markdown.render(hostile, (bad,), a_profile()))
    assert not re.search(r"(?m)^# @|(?<!\\)<(script|img)|[\x00\x1b]|@team|www\.evil", words)


def test_no_secret_reaches_a_report_and_no_histogram_is_masked(steady: Record, tmp_path: Path) -> None:
    tally = steady.tallies[0].model_copy(update={"examples": {Fate.WRONG: f"HTTP 400 key {SECRET} is bad"}})
    leaky = steady.model_copy(update={"tallies": (tally, *steady.tallies[1:]), "ended_by": SECRET})
    # A short secret, which is in any base64 and in the word for an outcome.
    masks = Secrets([SECRET, "PASS", steady.tallies[0].latency[8:13]])
    bad = (result("load.x", failed("a", f"saw {SECRET}")), *RESULTS)
    trouble = writing.write_all(tmp_path, leaky, bad, a_profile(), clean=lambda text: harmless(masks.mask(text)))
    assert not trouble
    for name in (writing.HTML_FILE, writing.MARKDOWN_FILE):
        written = (tmp_path / name).read_text(encoding="utf-8")
        assert SECRET not in written
        assert "saw \\*\\*\\*" in written or "saw ***" in written
        assert wording.duration(leaky.latency().longest) in written


def test_a_report_that_cannot_be_written_is_said_and_an_old_one_does_not_stay(steady: Record, tmp_path: Path) -> None:
    (tmp_path / writing.HTML_FILE).mkdir()
    (tmp_path / writing.HTML_FILE / "in the way").touch()
    trouble = writing.write_all(tmp_path, steady, RESULTS, a_profile(), clean=str)
    assert trouble.startswith("load.html could not be written to ")
    assert "FAIL" in (tmp_path / writing.MARKDOWN_FILE).read_text(encoding="utf-8")


def test_limits_of_the_contract_and_both_sides_are_drawn(steady: Record) -> None:
    page = page_of(steady)
    titles = [attributes.get("aria-label") for name, attributes in page.elements if name == "svg"]
    assert {"ocr", "load.server_ocr", "load.cpu", "Latency", "Lag of the generator"} <= set(titles)
    assert "Prometheus did not answer" in page.text
    assert re.search(r"p50 ≤ 100 ms \d+\.?\d* ms", page.text)


def test_a_figure_with_too_few_requests_looks_unsure() -> None:
    text = page_of(recorded(constant(12, 16), warm_up=2, stall=None), ()).text
    assert "~" in text
    assert "needed: 20 for p50, 200 for p95, 1,000 for p99, 10,000 for p99.9" in text
    assert "Nothing was judged" in text


@pytest.mark.parametrize("changes", [{"tallies": (), "workers": ()}, {"tallies": ()}])
def test_a_run_that_did_nothing_has_a_page(changes: dict[str, Any]) -> None:
    nothing = recorded(constant(12, 4), warm_up=2).model_copy(update=changes)
    text = page_of(nothing, ()).text
    assert text.startswith("INCONCLUSIVE: load test steady of https://staging.example.com")
    assert "Nothing was sent." in text
    assert "INCONCLUSIVE" in markdown.render(nothing, (), a_profile())


def test_a_run_that_was_cut_short_is_not_green() -> None:
    cut = recorded(constant(12, 8), warm_up=2, stall=None, interrupted=True, ended_by="Ctrl-C", elapsed_seconds=5.0)
    good = (result("load.x", passed("fine")),)
    text = page_of(cut, good).text
    assert "INCONCLUSIVE What was looked at holds, but the run ended before its time." in text
    assert "Ended early: Ctrl-C" in text
    assert figures.outcome(cut, good) is Outcome.INCONCLUSIVE


def test_a_lost_worker_is_seen() -> None:
    lost = recorded(constant(12, 8), warm_up=2, stall=None, workers=(worker(0), Worker(index=1, pid=1, reported=False)))
    assert "worker 1 lost: nothing is known of its requests" in page_of(lost).text
    assert "**1 of them lost**" in markdown.render(lost, RESULTS, a_profile())


@pytest.mark.parametrize(
    ("results", "exit_code", "said"),
    [
        (
            (result("a", passed("x")),),
            None,
            "All of the 1 promises that were looked at hold under this load. Exit code 0.",
        ),
        ((result("a", inconclusive("x", "y")),), None, "Exit code 10 where INCONCLUSIVE fails a run (strict), else 0."),
        ((result("a", inconclusive("x", "y")),), 0, "Nothing failed, but of 1 promises, 1 could not be told"),
        ((result("a", failed("x", "y"), waived="until 2030"),), None, "Exit code 0."),
        ((result("a", passed("x")),), 2, "Exit code 2."),
    ],
)
def test_the_exit_code_is_explained(results: tuple[Result, ...], exit_code: int | None, said: str) -> None:
    small = recorded(constant(12, 4), warm_up=1, stall=None)
    assert said in page_of(small, results, exit_code=exit_code).text
    assert said in markdown.render(small, results, a_profile(), exit_code=exit_code)


# ---------------------------------------------------------------------------------------------------------------------
# Figures


def test_latency_has_the_wait_that_service_time_hides(steady: Record) -> None:
    every = figures.total(evidence_of(steady))
    assert every.latency.quantiles([0.99])[0.99] > 1.1 * every.service.quantiles([0.99])[0.99]
    assert every.latency.total == every.fates[Fate.OK]


def test_quantiles_are_those_of_the_record(steady: Record) -> None:
    durations = steady.latency("ocr")
    found = Times(durations, 0).quantiles([0.5, 0.95, 0.99])
    assert found == {q: pytest.approx(durations.quantile(q), rel=0.01) for q in (0.5, 0.95, 0.99)}


def test_who_was_never_answered_took_longest() -> None:
    histogram = new_histogram()
    for _ in range(90):
        note(histogram, 0.1)
    times = Times(Durations(histogram), 10)
    found = times.quantiles([0.5, 0.9, 0.95])
    assert found[0.5] == found[0.9] == pytest.approx(0.1, rel=0.001)
    assert found[0.95] == math.inf
    assert max(q for q, _ in times.curve()[1]) <= 0.9
    assert Times(Durations(new_histogram()), 3).quantiles([0.5]) == {0.5: math.inf}
    assert Times(Durations(new_histogram()), 0).quantiles([0.5]) == {}


def test_a_curve_is_sure_until_ten_are_beyond(steady: Record) -> None:
    times = Times(steady.latency(), 0)
    known, rest = times.curve()
    assert known[-1] == rest[0]
    assert known[-1][0] == pytest.approx(1 - 10 / times.total)
    assert [value for _, value in known + rest] == sorted(value for _, value in known + rest)


@pytest.mark.parametrize("count_max", [1, 7, 60, 1000])
def test_moments_lose_no_request(steady: Record, count_max: int) -> None:
    moments = figures.moments(steady, count_max)
    assert len(moments) <= count_max
    assert sum(moment.planned for moment in moments) == sum(b.planned for t in steady.tallies for b in t.blocks)
    assert moments[-1].end == 120
    assert all(moment.unsent_rate == 0 for moment in moments)


def test_errors_are_counted_as_the_judges_do(steady: Record) -> None:
    rows = {row.name: row for row in figures.operations(evidence_of(steady))}
    assert rows["classify"].fates[Fate.LIMITED] > 0
    assert rows["classify"].errors == rows["classify"].fates[Fate.SERVER_ERROR]
    unknown = figures.operations(Evidence(steady, a_profile(), {}, ()))
    assert next(r for r in unknown if r.name == "classify").errors > rows["classify"].errors


@pytest.mark.parametrize(
    ("buckets", "q", "bound"),
    [
        (((0.1, 5), (0.5, 9), (math.inf, 10)), 0.5, 0.1),
        (((0.1, 5), (0.5, 9), (math.inf, 10)), 0.51, 0.5),
        (((0.1, 5), (0.5, 9), (math.inf, 10)), 0.95, math.inf),
        (((0.1, 0), (math.inf, 0)), 0.5, math.nan),
        ((), 0.5, math.nan),
    ],
)
def test_a_quantile_of_buckets_is_an_upper_bound(
    buckets: tuple[tuple[float, float], ...], q: float, bound: float
) -> None:
    assert figures.quantile_of_buckets(buckets, q) == pytest.approx(bound, nan_ok=True)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (wording.duration(0.00085), "850 µs"),
        (wording.duration(0.0342), "34.2 ms"),
        (wording.duration(0.99996), "1.00 s"),
        (wording.duration(1.3131), "1.31 s"),
        (wording.duration(125), "2 min 5 s"),
        (wording.duration(0), "0"),
        (wording.duration(math.nan), wording.NOTHING),
        (wording.duration(math.inf), "∞"),
        (wording.clock(2.5), "2.5 s"),
        (wording.clock(15_000), "4 h 10 min"),
        (wording.clock(86_400), "1 d"),
        (wording.share(0), "0 %"),
        (wording.share(1), "100 %"),
        (wording.share(0.99999), "> 99.99 %"),
        (wording.share(0.00001), "< 0.01 %"),
        (wording.share(0.021), "2.1 %"),
        (wording.size(312_400_000), "312 MB"),
        (wording.rate(12), "12.0/s"),
        (wording.number(1234), "1,234"),
        (wording.number(0.98765), "0.988"),
        (wording.number(math.nan), wording.NOTHING),
        (wording.quantile(0.999), "p99.9"),
        (wording.quantile(0.5), "p50"),
        (wording.measured("process_resident_memory_bytes", 1500), "1.50 kB"),
        (wording.measured("p95", 0.2), "200 ms"),
    ],
)
def test_figures_have_units(written: str, expected: str) -> None:
    assert written == expected


# ---------------------------------------------------------------------------------------------------------------------
# Plots


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (plots.Linear(19, wording.rate), ["0/s", "5/s", "10/s", "15/s", "20/s"]),
        (plots.Linear(0, wording.share), ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]),
        (plots.Logarithmic(0.01, 20, wording.duration), ["10 ms", "100 ms", "1 s", "10 s"]),
        (plots.Logarithmic(0.05, 1, wording.duration), ["50 ms", "100 ms", "200 ms", "500 ms", "1 s"]),
        (plots.Time(16), ["0", "5 s", "10 s", "15 s"]),
        (plots.Time(14_400), ["0", "1 h", "2 h", "3 h", "4 h"]),
        (plots.Tail(0.9999), ["p50", "p90", "p95", "p99", "p99.9", "p99.99"]),
        (
            plots.close_up([300e6, 310e6], wording.size),
            ["260 MB", "280 MB", "300 MB", "320 MB", "340 MB"],
        ),
    ],
)
def test_ticks_are_round_and_have_units(scale: plots.Scale, ticks: list[str]) -> None:
    found = scale.ticks()
    assert [text for _, text in found][: len(ticks)] == ticks
    places = [scale.place(value) for value, _ in found]
    assert places == sorted(places)
    assert places[0] >= 0
    assert places[-1] <= 1


def test_a_gap_interrupts_a_line() -> None:
    points = [(0.0, 1.0), (1.0, 2.0), (2.0, None), (3.0, math.nan), (4.0, 1.0), (5.0, 3.0), (6.0, None), (7.0, 2.0)]
    drawn = ET.fromstring(plots.svg(a_plot(plots.Series("x", points, plots.Ink.GOOD))))  # noqa: S314 - our own
    assert len(drawn.findall(".//path[@class='line']")) == 3
    assert len(drawn.findall(".//circle")) == 1  # a single value between gaps can still be seen


def a_plot(*series: plots.Series, **more: Any) -> plots.Plot:
    values = [value for one in series for _, value in one.points if value is not None]
    fields: dict[str, Any] = {
        "title": "A plot",
        "says": "What it shows.",
        "across": plots.Time(60),
        "across_name": "time",
        "up": plots.fitting(values, wording.duration),
        "up_name": "latency",
        "series": series,
    }
    return plots.Plot(**{**fields, **more})


@hypothesis_settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(
    values=st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=8),
    form=st.sampled_from(plots.Form),
    name=st.text(max_size=30),
)
def test_any_values_give_a_picture_in_its_frame(values: list[float | None], form: plots.Form, name: str) -> None:
    series = plots.Series(name, [(float(n * 10), value) for n, value in enumerate(values)], plots.Ink.BAD, form)
    plot = a_plot(
        series, limits=[plots.Mark(name, 1.0)], moments=[plots.Mark(name, 90)], spans=[plots.Span(name, 50, 70)]
    )
    drawn = ET.fromstring(plots.svg(plot))  # noqa: S314 - our own

    assert drawn.findtext("title") == "A plot"
    assert drawn.findtext("desc") == "What it shows."
    for part in drawn.iter():
        for key in ("x", "x1", "x2", "cx"):
            assert -1 <= float(part.get(key, 0)) <= plot.width
        for key in ("y", "y1", "y2", "cy"):
            assert -1 <= float(part.get(key, 0)) <= plot.height
        assert "nan" not in part.get("d", "")
        assert "inf" not in part.get("d", "")


def test_only_what_is_markup_is_not_escaped() -> None:
    inner = element("b", '<&"', title='"><', hidden=None)
    assert element("p", inner, None, " & ", class_="x") == (
        '<p class="x"><b title="&quot;&gt;&lt;">&lt;&amp;&quot;</b> &amp; </p>'
    )


def test_plots_of_a_record_are_what_it_says(steady: Record) -> None:
    rates = charts.rates(steady)
    names = [series.name for series in rates.series]
    assert names == ["planned", "as promised", "429", "errors"]
    errors = rates.series[names.index("errors")]
    assert {at for at, rate in errors.points if rate} <= set(range(90, 101))
    assert [span.name for span in rates.spans] == ["warm-up"]
    latency = charts.latency_over_time(steady)
    longest = latency.series[-1].points
    assert STALL[0] <= max(longest, key=lambda point: point[1] or 0)[0] <= STALL[1] or steady.latency().longest > 1.3


# ---------------------------------------------------------------------------------------------------------------------
# Markdown


def hand_made() -> Record:
    """A record of round figures, the same on every machine."""
    latency, service = new_histogram(), new_histogram()
    for number in range(1200):
        note(service, 0.1)
        note(latency, 0.1 if number % 50 else 1.4)
    ocr = Tally(
        operation="ocr",
        client="own",
        planned=1230,
        started=1225,
        late=3,
        dropped=5,
        fates={Fate.OK: 1200, Fate.SERVER_ERROR: 20, Fate.LIMITED: 5},
        latency=encoded(latency),
        service=encoded(service),
    )
    lag = new_histogram()
    note(lag, 0.001)
    return recorded(constant(20, 70), stall=None).model_copy(
        update={"tallies": (ocr,), "workers": (worker(0, lag=encoded(lag)),)}
    )


def test_the_summary_is_what_it_was() -> None:
    written = markdown.render(hand_made(), RESULTS, a_profile(), operations=OPERATIONS)
    assert written == (RENDERED / "a_load_summary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "`plain`"),
        ("a`b", "``a`b``"),
        ("`a``", "``` `a`` ```"),
        ("a|b\nc", "`a¦b c`"),
        ("", "` `"),
    ],
)
def test_code_in_markdown_cannot_end_itself(text: str, written: str) -> None:
    assert markdown.code(text) == written


def test_words_in_markdown_do_not_act() -> None:
    assert markdown.plain("*a* [b](c) <i> a|b\n# x @team https://x www.x") == (
        r"\*a\* \[b\](c) \<i\> a\|b # x @" + "\u200b" + r"team https\://x www\.x"
    )


# ---------------------------------------------------------------------------------------------------------------------
# Capacity


def a_step(rate: float, held: Held, phase: Phase, slow: float, **broken: str) -> Step:
    return Step(
        rate=rate,
        held=held,
        phase=phase,
        broken=broken,
        figures={"p50 of ocr (s)": 0.1, "p99 of ocr (s)": 0.5 * slow, "errors of all": 0.001 * slow},
    )


def a_capacity(**more: Any) -> CapacityReport:
    fields: dict[str, Any] = {
        "base_url": "https://staging.example.com",
        "environment": "staging",
        "profile": "steady",
        "started_at": "2026-01-14T03:12:40+00:00",
        "ending": Ending.FOUND,
        "capacity": 42.0,
        "broken_at": 50.0,
        "confirmations": 3,
        "confirmed": 3,
        "confidence": 0.95,
        "confirmed_share": 0.368,
        "limiting": {"load.latency_ocr": "p99 is 1.31 s"},
        "steps": (
            a_step(40, Held.YES, Phase.CLIMB, 1),
            a_step(80, Held.NO, Phase.CLIMB, 4, latency="p99 is 2 s"),
            a_step(80, Held.UNKNOWN, Phase.REPEAT, 5, generator="worker 1 used 97 % of a core"),
            a_step(42, Held.YES, Phase.CONFIRM, 1.2),
        ),
        "peak": 18.4,
        "headroom": 0.5619,
        "growth": 2.0,
        "reserve": 0.3,
        "forecast": 36.8,
        "replicas": 3,
        "replicas_needed": 4,
    }
    return CapacityReport(**{**fields, **more})


def test_the_capacity_report_begins_with_how_much() -> None:
    page = Page(capacity_html.render(a_capacity(), promises=PROMISES))
    page.assert_harmless()
    assert (
        "42.0/s The platform holds its service levels at 42.0/s, and no longer at 50.0/s. Today's peak of 18.4/s leaves"
        " 56.2 % of that free."
        " 4 replicas are needed for the forecast of 36.8/s."
    ) in page.text
    assert "at least 36.8 % (confidence 95 %)" in page.text
    assert "worker 1 used 97 % of a core" in page.text
    assert "p99 at most 800 ms" in page.text  # the limit of the contract, in the plot


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ending": Ending.CEILING, "broken_at": None}, "at least 42.0/s"),
        ({"ending": Ending.GENERATOR, "broken_at": None}, "at least 42.0/s"),
        ({"ending": Ending.NOTHING_HELD, "capacity": 0.0, "confirmed": 0}, "No rate that was tried held"),
        ({"ending": Ending.RUNS}, "The platform holds its service levels at 42.0/s at least"),
        ({"ending": Ending.UNCLEAR, "broken_at": None}, "at least 42.0/s"),
        ({"ending": Ending.INTERRUPTED, "steps": (), "limiting": {}}, "Nothing was run."),
        ({"headroom": -0.1, "peak": 46.0}, "is more than that"),
        (
            {"headroom": None, "peak": None, "forecast": None, "replicas_needed": None},
            "Headroom over the peak not known",
        ),
        ({"remarks": (HOSTILE,), "limiting": {HOSTILE: HOSTILE}, "base_url": HOSTILE}, "<script>alert(1)</script>"),
        ({"steps": (Step(rate=1, held=Held.YES, figures={HOSTILE: math.nan, "x (bytes)": 1e6}),)}, "1.00 MB"),
    ],
)
def test_every_ending_of_a_search_is_told(changes: dict[str, Any], said: str) -> None:
    page = Page(capacity_html.render(a_capacity(**changes)))
    page.assert_harmless()
    assert said in page.text


# ---------------------------------------------------------------------------------------------------------------------
# Live view


def progress(elapsed: float, **more: Any) -> dict[str, Any]:
    count = int(elapsed * 1000)
    figures_now = {
        "elapsed": elapsed,
        "of": 16.0,
        "planned": count,
        "started": count,
        "finished": max(0, count - 3),
        "errors": 0,
        "limited": 2,
        "dropped": 0,
        "in_flight": 3,
        "p50": 0.034,
        "p95": math.nan,
        "workers": 2,
    }
    return {**figures_now, **more}


class Terminal(io.StringIO):
    """Says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_without_a_terminal_a_line_comes_every_five_seconds_and_the_last() -> None:
    stream = io.StringIO()
    with live_view(stream, "smoke") as view:
        for second in range(13):
            view.update(progress(second + 0.01))
    lines = stream.getvalue().strip().splitlines()
    assert [line.split(":")[1] for line in lines] == [" 0 of 16 s", " 5 of 16 s", " 10 of 16 s", " 12 of 16 s"]
    assert lines[1] == (
        "smoke: 5 of 16 s: 5,010 planned, 5,010 started, 5,007 answered, 0 errors, 2 limited, 0 dropped, 3 in flight,"
        " p50 34.0 ms, p95 \N{EN DASH}"
    )


def test_the_last_line_is_not_said_twice() -> None:
    stream = io.StringIO()
    with live_view(stream, "smoke") as view:
        view.update(progress(5.0))
    assert stream.getvalue().count("smoke") == 1
    with live_view(io.StringIO(), "smoke"):
        pass


def test_a_terminal_is_drawn_on_within_its_width_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    stream = Terminal()
    with pytest.raises(KeyboardInterrupt):
        follow_until_interrupted(stream, "smoke: " + "x" * 200)
    drawn = stream.getvalue()
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l")  # the cursor is back
    frames = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", drawn.replace("\x1b[2K", "\n")).splitlines()
    assert max(map(len, frames)) <= 80
    assert any("waiting for 3 answers" in line for line in frames)
    assert any(re.search(r"answered +1,000/s now", line) for line in frames)


def follow_until_interrupted(stream: io.StringIO, title: str) -> None:
    with live_view(stream, title) as view:
        for second in range(20):
            view.update(progress(second + 0.5))
        raise KeyboardInterrupt


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_stream_that_is_gone_does_not_end_the_run(kind: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = kind()
    done = 0
    with live_view(stream, "smoke") as view:
        for second in range(8):
            if second == 2:
                monkeypatch.setattr(stream, "write", broken_pipe)
            view.update(progress(second))
            done += 1
    assert done == 8


def broken_pipe(_text: str) -> int:
    raise BrokenPipeError


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_progress_that_lacks_figures_is_shown_anyway(kind: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with live_view(kind(), "smoke") as view:
        view.update({})
        view.update({"elapsed": None, "p50": "x", "of": math.inf})


# ---------------------------------------------------------------------------------------------------------------------
# Pictures


def test_the_pictures_of_the_shapes_are_what_the_code_draws() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in pictures.FOLDER.iterdir()}
    assert committed == dict(pictures.drawn()), "draw them again: python -m load.pictures"


def test_every_shape_has_a_picture() -> None:
    kinds = {kind for shape in get_args(get_args(Shape)[0]) for kind in get_args(shape.model_fields["kind"].annotation)}
    assert {f"{kind}.svg" for kind in kinds} == pictures.drawn().keys() - {"README.md"}


def test_a_picture_is_an_image_of_its_own() -> None:
    for name, text in pictures.drawn().items():
        if name.endswith(".svg"):
            root = ET.fromstring(text)  # noqa: S314 - our own
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
            assert "prefers-color-scheme: dark" in (root.findtext("{http://www.w3.org/2000/svg}style") or "")
