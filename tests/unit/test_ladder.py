"""The ladder from a selector to what is missing, and what is fine without series."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from selfcheck import promql
from selfcheck.clients.prometheus import QueryResult, Rule, RuleGroup, Sample
from selfcheck.families import Quantity
from selfcheck.knowledge import selectors
from selfcheck.ladder import Rung, Selecting, Step, Vocabulary, climb, label_step, literals, name_step, nearest
from selfcheck.observation import CouldNotObserve, Trouble
from tests.unit.knowing import QUANTITIES, promised_families
from tests.unit.making import NOW, promise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NO_ANSWER = CouldNotObserve(Trouble.TIMED_OUT, asked="GET q", came_back="no answer", hint="look")
THERE: dict[str, dict[str, tuple[str, ...]]] = {
    "up": {"job": ("app", "redis"), "instance": ("a:1", "r:1")},
    "ocr_requests_total": {
        "job": ("app",),
        "provider": ("paddle", "deepseek_hf"),
        "status": ("success", "input_error"),
    },
    "haproxy_server_status": {"proxy": ("cad",), "state": ("UP", "DOWN")},
    "provider_health_score": {"provider": ("paddle", "deepseek_hf")},
    "app:errors:rate5m": {"service": ("ocr", "vision")},
    "http_responses_total": {"code": ("200", "404"), "path": ("/",)},
    "old_metric": {"job": ("app",)},
    "app:total": {"__name__": ("app:total",)},
}
SELECTING = promise(
    Selecting,
    rungs=["metric"],
    lookback_seconds=3 * 86400,
    come_and_go=["code", "status"],
    exporters={"container_": "cAdvisor", "haproxy_": "HAProxy"},
    optional=["prometheus_remote_.*"],
)


class FakePrometheus:
    """Answers from `THERE`; has series now of what is in `now`."""

    def __init__(self, now: dict[str, float], broken: str = "") -> None:
        self.now = now
        self.broken = broken
        self.queries: list[str] = []

    def query_all(self, queries: Sequence[str]) -> list[QueryResult | CouldNotObserve]:
        self.queries += queries
        return [self._one(query) for query in queries]

    def _one(self, query: str) -> QueryResult | CouldNotObserve:
        if self.broken and self.broken in query:
            return NO_ANSWER
        samples = tuple(
            Sample({"selector": number}, count, NOW)
            for part in query.split(" or ")
            for text, count in self.now.items()
            if f"count({text})" in part
            for number in [part.partition('"selector","')[2].partition('"')[0]]
        )
        return QueryResult(query, "GET q", samples)

    def label_values(self, label: str, **_: float) -> tuple[str, ...]:
        assert label == "__name__"
        return tuple(THERE)

    def label_values_all(self, asks: Sequence[tuple[str, str]], **_: float) -> list[tuple[str, ...] | CouldNotObserve]:
        found = [THERE.get(name, {}) for _, name in asks]
        return [
            tuple(labels) if not label else labels.get(label, ())
            for (label, _), labels in zip(asks, found, strict=True)
        ]

    def types(self) -> dict[str, tuple[str, ...]]:
        return {"ocr_requests": ("counter",), "ocr_errors_total": ("counter",), "haproxy_server_status": ("gauge",)}


def target(client: FakePrometheus) -> Any:
    kept: dict[object, Any] = {}

    def once(key: object, look: Callable[[], Any]) -> Any:
        if key not in kept:
            kept[key] = look()
        return kept[key]

    names = ("app:errors:rate5m", "app:total")
    rules = [Rule(name, "recording", "x", {}, {}, 0, "ok", "", 0, 0, "", (), "g", "f", 30.0) for name in names]
    group = RuleGroup("g", "f", 30.0, NOW, 0.1, tuple(rules))
    everything = [(name, each) for name, each in promised_families().items()]
    contract = SimpleNamespace(
        promises=lambda *_: (SELECTING,),
        all_promises=lambda: [*everything, *((name, quantity(name)) for name in QUANTITIES)],
    )
    return SimpleNamespace(once=once, prometheus_client=lambda: client, rule_groups=lambda: (group,), contract=contract)


def quantity(name: str) -> Any:
    return promise(Quantity, query=name)


def ends(text: str, now: dict[str, float] | None = None) -> Step | CouldNotObserve:
    (selector,) = selectors(promql.parse(text))
    return climb(target(FakePrometheus(now or {})), [selector])[selector.series_text]


@pytest.mark.parametrize(
    ("text", "rung", "said", "certain"),
    [
        ("ocr_request_total", Rung.METRIC, "there is no metric ocr_request_total; nearest: ocr_requests_total", True),
        (
            "OCR_Requests_total",
            Rung.CASE,
            "no metric OCR_Requests_total, but there is ocr_requests_total",
            True,
        ),
        ("something_else", Rung.METRIC, "there is no metric something_else", False),
        ("container_cpu", Rung.METRIC, "cAdvisor is not scraped here", False),
        ("haproxy_server_states", Rung.METRIC, "nearest: haproxy_server_status", True),
        ("prometheus_remote_storage_x", Rung.NOT_NOW, "which needs not be", False),
        ("platform_error_ratio", Rung.METRIC, "no loaded rule records platform_error_ratio: is its rule file", True),
        (
            "app:errors:rate1h",
            Rung.METRIC,
            "records app:errors:rate1h; nearest: app:errors:rate5m",
            True,
        ),
        ("app:errors:rate5m", Rung.NOT_NOW, "app:errors:rate5m has no series now", False),
        ("old_metric", Rung.NOT_NOW, "old_metric has no series now", False),
        ('ocr_errors_total{code="INTERNAL_ERROR"}', Rung.NOT_NOW, "has no series now", False),
        ('ocr_errors_total{code="INTERNAL_EROR"}', Rung.VALUE, "nearest: INTERNAL_ERROR", True),
        ('ocr_errors_total{code="TEAPOT"}', Rung.VALUE, 'there is "INTERNAL_ERROR", "PROVIDER_TIMEOUT"', True),
        ('ocr_errors_total{code="internal_error"}', Rung.CASE, 'but code="INTERNAL_ERROR"', True),
        ('ocr_errors_total{code=~"TEAPOT|INTERNAL_ERROR"}', Rung.NOT_NOW, "has no series now", False),
        (
            'ocr_requests_total{status="sucess"}',
            Rung.VALUE,
            'no status="sucess" in the last 3 days; nearest: success',
            True,
        ),
        ('ocr_requests_total{status="cancelled"}', Rung.NOT_NOW, 'had no status="cancelled"', False),
        ('ocr_requests_total{stats="success"}', Rung.LABEL, "has no label stats; nearest: status", True),
        ('ocr_requests_total{Status="success"}', Rung.CASE, "nearest: status", True),
        ('ocr_requests_total{status!="success"}', Rung.NOT_NOW, "has no series now", False),
        ('haproxy_server_status{state="up"}', Rung.CASE, 'but state="UP"', True),
        ('haproxy_server_status{backend="cad"}', Rung.LABEL, "no label backend (it has proxy, state)", False),
        ('up{job="cad"}', Rung.VALUE, 'there is "app", "redis"', False),
        ('up{job=~"app.*",instance="r:1"}', Rung.NOT_NOW, "has no series now", False),
        ('provider_health_score{provider="paddel"}', Rung.METRIC, "no loaded rule records", True),
        ('app:total{service="ocr"}', Rung.LABEL, "app:total has no label service (it has none)", False),
        ('app:errors:rate5m{service="orc"}', Rung.VALUE, "nearest: ocr", False),
        ('http_responses_total{code="500"}', Rung.NOT_NOW, 'had no code="500"', False),
        ('http_responses_total{path="/x/y"}', Rung.VALUE, 'there is "/"', False),
        ('{__name__=~"a|b"}', Rung.NOT_NOW, "has no series now", False),
    ],
)
def test_the_missing_rung_is_named(text: str, rung: Rung, said: str, *, certain: bool) -> None:
    step = ends(text)
    assert isinstance(step, Step)
    assert (step.rung, step.certain) == (rung, certain), step
    assert said in step.sentence


def test_what_has_series_is_found() -> None:
    assert ends("up", {"up{}": 3.0}) == Step(Rung.FOUND)


def test_what_the_contract_promises_with_labels_is_told_from_what_merely_has_no_series() -> None:
    promised, merely = ends('ocr_errors_total{code="INTERNAL_ERROR"}'), ends("ocr_rate_limited_total")
    assert isinstance(promised, Step)
    assert isinstance(merely, Step)
    assert (promised.promised, merely.promised) == (True, False)


def test_many_selectors_are_counted_in_few_queries_and_each_once() -> None:
    client = FakePrometheus({f"m{number}{{}}": 1.0 for number in range(200)})
    wanted = [selector for number in range(200) for selector in selectors(promql.parse(f"m{number}"))]
    looked_at = target(client)
    for _ in range(2):
        assert {step.rung for step in climb(looked_at, wanted).values() if isinstance(step, Step)} == {Rung.FOUND}
    assert len(client.queries) < 10
    assert max(map(len, client.queries)) < 4000


def test_a_selector_that_cannot_be_asked_does_not_spoil_the_others() -> None:
    client = FakePrometheus({"up{}": 1.0}, broken="spoilt")
    wanted = [selector for text in ("up", "spoilt") for selector in selectors(promql.parse(text))]
    assert climb(target(client), wanted) == {"up{}": Step(Rung.FOUND), "spoilt{}": NO_ANSWER}


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("ocr_request_total", ["ocr_requests_total", "vision_requests_total"], ("ocr_requests_total", True)),
        ("deepseek", ["paddle", "deepseek_hf"], ("deepseek_hf", True)),
        ("replica_1", ["replica_2"], ("replica_2", False)),
        ("502", ["500", "503"], ("500", False)),
        ("kube_pod_info", ["kube_node_info"], ("kube_node_info", False)),
        ("abc", ["xyz"], ("", False)),
        ("anything", [], ("", False)),
    ],
)
def test_the_nearest_name_is_found_and_a_slip_told_from_a_relative(
    name: str, known: list[str], found: tuple[str, bool]
) -> None:
    assert nearest(name, known) == found


@pytest.mark.parametrize(
    ("matcher", "values"),
    [
        ('a="x"', ("x",)),
        ('a=~"x|y"', ("x", "y")),
        ('a=~"(x|y)"', ("x", "y")),
        ('a=~"x.*"', ()),
        ('a!="x"', ()),
    ],
)
def test_the_values_that_a_matcher_names(matcher: str, values: tuple[str, ...]) -> None:
    (selector,) = selectors(promql.parse(f"m{{{matcher}}}"))
    assert literals(selector.matchers[0]) == values


DOWN = frozenset({"PlatformDown"})


@pytest.mark.parametrize(
    ("query", "rung", "said"),
    [
        ('ALERTS{alertname="PlatformDown"}', Rung.NOT_NOW, "none of these alerts is pending"),
        ('ALERTS{alertname=~"Platform.*"}', Rung.NOT_NOW, ""),
        ('ALERTS{alertname!="PlatformDown"}', Rung.NOT_NOW, ""),
        ('ALERTS{alertstate="firing"}', Rung.NOT_NOW, ""),
        ('ALERTS{alertname="PlatformIsDown"}', Rung.VALUE, "no loaded alert has"),
        ('ALERTS_FOR_STATE{alertname=~"Gone|Away"}', Rung.VALUE, ""),
    ],
)
def test_alerts_are_known_by_the_rules(query: str, rung: Rung, said: str) -> None:
    known = Vocabulary(frozenset(), frozenset(), {}, frozenset(), frozenset(), SELECTING, 0.0, 1.0, DOWN)
    step = name_step(known, next(iter(selectors(promql.parse(query)))))
    assert step is not None
    assert (step.rung, said in step.sentence, step.certain) == (rung, True, rung is Rung.VALUE)


@pytest.mark.parametrize(
    ("query", "there", "found"),
    [
        ('{status="failed"}', ("success", "error"), "error"),
        ('{status=~"failed|failure"}', ("success", "error"), "error"),
        ('{status=~"failed|error"}', ("success", "error"), ""),
        ('{status="failed"}', ("success", "failed"), ""),
        ('{status="failed"}', ("success",), ""),
        ('{status="timeout"}', ("success", "error"), ""),
        ('{provider="failed"}', ("success", "error"), ""),
    ],
)
def test_words_for_the_same(query: str, there: tuple[str, ...], found: str) -> None:
    words = {"status": [["error", "failed", "failure"], ["success", "ok"]]}
    rules = SELECTING.model_copy(update={"synonyms": words})
    families = promised_families()
    known = Vocabulary(frozenset(), frozenset(), families, frozenset(), frozenset(), rules, 0.0, 86400.0)
    selector = next(iter(selectors(promql.parse("ocr_requests_total" + query))))
    label = selector.matchers[0].label
    step = label_step(known, selector, {"": ("provider", "status"), label: there})
    assert (step.nearest if step.rung is Rung.VALUE and step.certain else "") == found
