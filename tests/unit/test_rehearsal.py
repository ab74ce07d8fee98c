"""How the series of a scenario are made, and which rules read what."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from selfcheck.clients import promtool
from selfcheck.clients.prometheus import Rule, RuleGroup, Sample
from selfcheck.rehearsal import (
    FIRED_FIRST,
    FIRED_LAST,
    Clock,
    Copy,
    Movement,
    Rehearsed,
    Rules,
    Scenario,
    Stage,
    bucket_around,
    compares_now,
    evaluation_seconds,
    moved,
    reads_nothing,
    rules_document,
    sampled_seconds,
    scenario_document,
    series,
    touches,
)
from selfcheck.rehearsing import _played, grows, since, words_of
from tests.unit.making import promise

if TYPE_CHECKING:
    from selfcheck.clients.prometheus import Labels

REPLICAS: tuple[Labels, ...] = ({"job": "app", "instance": "a"}, {"job": "app", "instance": "b"})
STAGE = Stage(REPLICAS, others=({"job": "redis", "instance": "r"},), interval_seconds=60)
REQUESTS = Movement(metric="requests_total", labels={"status": "ok"}, rate=1)
FAILURES = Movement(metric="requests_total", labels={"status": "{error}"}, rate=0)
ALWAYS = Movement(metric="refused_total", rate=0)
GAUGE = Movement(metric="loaded", value=1)


def rule(name: str, query: str, kind: str = "recording", **fields: Any) -> Rule:
    made: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "query": query,
        "labels": {},
        "annotations": {},
        "duration_seconds": 0.0,
        "health": "ok",
        "last_error": "",
        "last_evaluation_at": 0.0,
        "evaluation_seconds": 0.0,
        "state": "",
        "alerts": (),
        "group": "g",
        "file": "f",
        "interval_seconds": 30.0,
    }
    return Rule(**{**made, **fields})


def group(name: str, *rules: Rule, interval: float = 30.0) -> RuleGroup:
    return RuleGroup(name, "f", interval, 0.0, 0.0, tuple(replace(each, group=name) for each in rules))


def scenario(**fields: Any) -> Scenario:
    return Scenario.model_validate({"is": "something happens", "minutes": 3, **fields})


def made(told: Scenario, *movements: Movement, stage: Stage = STAGE) -> dict[str, str]:
    names = frozenset({"requests_total", "refused_total", "loaded", "up", "time_bucket", "time_count", "time_sum"})
    return {each["series"]: each["values"] for each in series(movements, told, stage, names)}


def test_perfect_health() -> None:
    """Counters grow on each replica, everything is up, and what never happened has no series."""
    found = made(scenario(), REQUESTS, FAILURES, ALWAYS, GAUGE)
    assert found['requests_total{status="ok",job="app",instance="a"}'] == "3660+60x3"
    assert not any("{error}" in name for name in found)
    assert found['refused_total{job="app",instance="b"}'] == "0+0x3"
    assert found['loaded{job="app",instance="a"}'] == "1+0x3"
    assert found['up{job="redis",instance="r"}'] == "1+0x3"


def test_what_nobody_reads_is_left_out() -> None:
    """Only what rules read costs anything."""
    assert series([REQUESTS], scenario(), STAGE, frozenset({"loaded"})) == []


def test_a_change_comes_and_goes() -> None:
    """Before and after it all is well; what fails first then is born then."""
    changes = [
        {"metric": "requests_total", "labels": {"status": "ok"}, "times": 0.5},
        {"metric": "*", "labels": {"status": "{error}"}, "rate": 0.5},
        {"metric": "loaded", "value": 0},
    ]
    stage = Stage(REPLICAS[:1], words={"error": "failed"}, interval_seconds=60)
    told = scenario(lead_minutes=2, minutes=2, after_minutes=2, changes=changes)
    found = made(told, REQUESTS, FAILURES, GAUGE, stage=stage)
    assert found['requests_total{status="ok",job="app",instance="a"}'] == "3660+60x1 3750+30x1 3840+60x2"
    assert found['requests_total{status="failed",job="app",instance="a"}'] == "_x2 30+30x1 60+0x2"
    assert found['loaded{job="app",instance="a"}'] == "1+0x1 0+0x1 1+0x2"


def test_what_failed_from_the_beginning_never_succeeded() -> None:
    """Without a time before the change, a success that does not come has no series."""
    told = scenario(changes=[{"metric": "*", "rate": 0}])
    found = made(told, REQUESTS, ALWAYS)
    assert list(found) == [name for name in found if not name.startswith("requests_total")]


def test_a_restart() -> None:
    """Counters begin at zero again."""
    found = made(scenario(lead_minutes=1, minutes=2, restart=True), REQUESTS)
    assert found['requests_total{status="ok",job="app",instance="a"}'] == "3660 60+60x2"


def test_what_happens_to_one_replica() -> None:
    """The others go on as always."""
    told = scenario(lead_minutes=1, replicas=1, changes=[{"metric": "loaded", "value": 0}])
    found = made(told, GAUGE)
    assert found['loaded{job="app",instance="a"}'] == "1 0+0x3"
    assert found['loaded{job="app",instance="b"}'] == "1 1+0x3"


def test_what_is_otherwise_from_beginning_to_end() -> None:
    """A change comes to what is otherwise, and that is there again after it."""
    always = [{"metric": "requests_total", "rate": 0.5}, {"metric": "loaded", "value": 2}]
    told = scenario(
        lead_minutes=2, minutes=1, after_minutes=1, always=always, changes=[{"metric": "loaded", "value": 0}]
    )
    found = made(told, REQUESTS, GAUGE)
    assert found['requests_total{status="ok",job="app",instance="a"}'] == "1830+30x1 1890 1920+30x1"
    assert found['loaded{job="app",instance="a"}'] == "2+0x1 0 2+0x1"
    assert not told.uneventful


def test_what_other_programs_do() -> None:
    """A series that is as on the target counts faster in the change, or has another value; the rest goes on."""
    copies = (
        Copy({"__name__": "refused_total", "to": "chat"}, 10, 0.1),
        Copy({"__name__": "refused_total", "to": "mail"}, 10, 0.1),
        Copy({"__name__": "loaded", "pod": "app-1"}, 7, 0.1),
    )
    others = [
        {"metric": "refused_*", "labels": {"to": "ch*"}, "rate": 1},
        {"metric": "loaded", "labels": {"pod": "app-*"}, "value": 3},
    ]
    told = scenario(lead_minutes=2, minutes=2, after_minutes=2, others=others)
    found = made(told, stage=Stage((), copies=copies, interval_seconds=60))
    assert found['refused_total{to="chat"}'] == "10+6x1 22+60x1 142+6x2"
    assert found['refused_total{to="mail"}'] == "10+6x1 22+6x1 34+6x2"
    assert found['loaded{pod="app-1"}'].split()[1] == "3+0x1"
    assert not told.uneventful


@pytest.mark.parametrize(
    ("query", "touched"),
    [
        ("loaded == 0", True),
        ('loaded{job="app"} == 0', True),
        ('min by (job) (loaded{instance=~"a|b"}) == 0', True),
        ('loaded{job="other"} == 0', False),
        ("recorded == 0", True),
        ("refused_total > 0", True),
        ('rate(refused_total{to="chat"}[5m]) > 0', True),
        ('rate(refused_total{to="mail"}[5m]) > 0', False),
        ("up == 0", False),
        ("unread > 0 or loaded == 0", True),
    ],
)
def test_which_rules_see_a_change(query: str, *, touched: bool) -> None:
    """A rule that selects other series than those that are changed tells nothing of the change."""
    rules = Rules((group("g", rule("recorded", "sum(loaded)"), rule("A", query, "alerting")),), frozenset({"loaded"}))
    story = {
        "is": "something happens",
        "minutes": 3,
        "changes": [{"metric": "load*", "value": 0}],
        "others": [{"metric": "refused_total", "labels": {"to": "chat"}, "rate": 1}],
    }
    told = promise(Rehearsed, scenario="s", scenarios={"s": story}, world=[{"metric": "loaded", "value": 1}])
    copies = tuple(Copy({"__name__": "refused_total", "to": to}, 0) for to in ("chat", "mail"))
    stage = Stage(REPLICAS, copies=copies)
    (alert,) = (each for each in rules.every if each.kind == "alerting")
    assert touches(alert, rules, told, stage) is touched


@pytest.mark.parametrize(
    ("scrape", "up", "other"),
    [("fails", "1+0x1 0+0x3", "3660+60x1 stale _x3"), ("gone", "1+0x1 stale _x3", "3660+60x1 stale _x3")],
)
def test_a_replica_that_is_not_scraped(scrape: str, up: str, other: str) -> None:
    """Its series end at once; that it does not answer is known, that it vanished is not."""
    copies = (Copy({"__name__": "loaded", "job": "app", "instance": "a"}, 5), Copy({"__name__": "loaded"}, 7, 0.1))
    stage = Stage(REPLICAS, copies=copies, interval_seconds=60)
    found = made(scenario(lead_minutes=2, scrape=scrape, replicas=1), REQUESTS, stage=stage)
    assert found['up{job="app",instance="a"}'] == up
    assert found['up{job="app",instance="b"}'] == "1+0x1 1+0x3"
    assert found['requests_total{status="ok",job="app",instance="a"}'] == other
    assert found['loaded{job="app",instance="a"}'] == "5+0x1 stale _x3"
    assert found["loaded{}"] == "7+6x1 19+6x3"


def test_a_histogram() -> None:
    """Buckets hold what takes no longer, with the bounds of the target; the sum is in seconds."""
    movement = Movement(metric="time", rate=1, seconds=((0.5, 0.3), (0.5, 3.0)), bounds=("9.0",))
    stage = Stage(REPLICAS[:1], bounds={"time": ("+Inf", "5.0", "1.0", "0.1")}, interval_seconds=60)
    found = made(scenario(minutes=1), movement, stage=stage)
    values = {name: text.partition("+")[2].partition("x")[0] for name, text in found.items() if "time" in name}
    assert values == {
        'time_bucket{le="0.1",job="app",instance="a"}': "0",
        'time_bucket{le="1.0",job="app",instance="a"}': "30",
        'time_bucket{le="5.0",job="app",instance="a"}': "60",
        'time_bucket{le="+Inf",job="app",instance="a"}': "60",
        'time_count{job="app",instance="a"}': "60",
        'time_sum{job="app",instance="a"}': "99",
    }
    assert bucket_around(3.0, ("0.1", "1.0", "5.0", "+Inf")) == (1.0, 5.0)


def test_times_are_scaled() -> None:
    """A lab's hour is a minute, in whole scrapes."""
    clock = Clock(scenario(lead_minutes=10, minutes=20), interval_seconds=1.0, time_scale=60)
    assert clock.phases == (10, 21, 0)
    assert clock.end_seconds == 30
    assert clock.moment(2) == 12
    assert clock.minutes(14) == 4


def test_very_many_rules_are_evaluated_less_often() -> None:
    """The time of a scenario is bounded; what is not much is evaluated as often as by Prometheus."""
    clock = Clock(scenario(minutes=60), interval_seconds=15.0, time_scale=1)
    rules = Rules((group("g", interval=30),))
    assert evaluation_seconds(rules, 60, clock) == 30
    assert 30 < evaluation_seconds(rules, 120, clock) < evaluation_seconds(rules, 2_000, clock) == 60
    of_recorded = rule("mean", "avg_over_time(ratio[80s]) / rate(requests_total[1m])"), rule("ratio", "up")
    assert evaluation_seconds(Rules((group("g", *of_recorded, interval=30),)), 2_000, clock) == 40


def test_what_rules_read() -> None:
    """Through recording rules too; what cannot be parsed reads nothing that is known."""
    rules = Rules(
        (
            group("alerts", rule("High", "ratio > 1", "alerting", labels={"severity": "critical"})),
            group("made", rule("ratio", "errors / requests_total"), rule("errors", "sum(failures_total)")),
        )
    )
    assert rules.read_by(["High"]) >= {"High", "ratio", "errors", "failures_total", "requests_total"}
    assert [each.name for each in rules.alerts((), ("critical",), ("fail*",), "severity")] == ["High"]
    assert rules.alerts((), ("warning",), (), "severity") == []
    assert [each.name for each in rules.alerts(("High",), (), (), "severity")] == ["High"]
    assert rules.alerts((), (), ("unread",), "severity") == []
    # What records goes before what reads it.
    assert rules_document(rules, None)[1] == ["made", "alerts"]
    assert rules_document(rules, frozenset({"errors"}))[1] == ["made"]


def test_what_a_pattern_of_names_reads() -> None:
    """What scenarios move and what rules record, of which each alternative is enough; other metrics are not known."""
    histogram = Movement(metric="time", rate=1, seconds=((1.0, 0.1),))
    rules = Rules(
        (
            group("made", rule("ratio", 'sum({__name__=~"(requests|errors)_total"}) / {__name__=~"time_c.*"}')),
            group("alerts", rule("High", '{__name__=~"rat.*", a="b"} > 1', "alerting")),
        ),
        moved((REQUESTS, GAUGE, histogram)),
    )
    assert rules.metrics_of('{job="app", __name__!~"time.*", __name__!="loaded"}') == {"requests_total", "ratio"}
    assert rules.metrics_of('{__name__="loaded" or __name__="ratio"}') == {"loaded", "ratio"}
    assert rules.read_by(["High"]) == {"High", "ratio", "requests_total", "time_count"}
    assert rules_document(rules, None)[1] == ["made", "alerts"]
    rule_file, test_file = scenario_document("calm", rehearsed(world=[REQUESTS]), STAGE, rules, None, ())
    assert rule_file["groups"]
    assert [each["series"] for each in test_file["tests"][0]["input_series"]] == [
        'requests_total{status="ok",job="app",instance="a"}',
        'requests_total{status="ok",job="app",instance="b"}',
    ]


@pytest.mark.parametrize(
    ("metric", "types", "counts"),
    [
        ("requests_total", (), True),
        ("time_count", (), True),
        ("time_count", ("histogram",), True),
        ("connections_count", ("gauge",), False),
        ("connections", (), False),
    ],
)
def test_what_counts(metric: str, types: tuple[str, ...], counts: bool) -> None:  # noqa: FBT001 - a case
    """A gauge that is named like a counter goes on as it is: it does not grow through a whole scenario."""
    assert grows(metric, {metric: types}) is counts


@pytest.mark.parametrize(
    ("scrape", "windows", "longest", "seconds"),
    [
        (15, ("5m",), 3600, 15),
        (1, ("15s", "5m"), 3600, 3),
        (1, ("5m",), 3600, 3.6),
        (1, (), 3600, 3.6),
        (1, ("5s",), 60, 1),
        (30, ("1m",), 3600, 30),
    ],
)
def test_time_between_samples(scrape: float, windows: tuple[str, ...], longest: float, seconds: float) -> None:
    """Long scenarios on targets that are scraped each second have fewer samples, as far as windows leave room."""
    rules = Rules((group("g", *(rule(window, f"rate(x[{window}])") for window in windows)),))
    assert sampled_seconds(scrape, rules, longest) == pytest.approx(seconds)


def test_groups_of_one_name() -> None:
    """Two files may have a group of the same name; one file may not."""
    rules = Rules((group("g", rule("a", "x")), group("g", rule("b", "y"))))
    document, order = rules_document(rules, None)
    assert order == ["g", "g'"]
    assert [each["name"] for each in document["groups"]] == order


def test_a_rule_is_written_as_it_was_loaded() -> None:
    """With its `for` and its `keep_firing_for`."""
    alert = rule("High", "x > 1", "alerting", duration_seconds=90, keep_firing_seconds=60, annotations={"a": "b"})
    document, _ = rules_document(Rules((group("g", alert),)), None)
    assert document["groups"][0]["rules"] == [
        {
            "alert": "High",
            "expr": "x > 1",
            "for": "90000ms",
            "labels": {},
            "annotations": {"a": "b"},
            "keep_firing_for": "60000ms",
        }
    ]


@pytest.mark.parametrize(
    ("expression", "now"),
    [
        ("ratio > 0.5", True),
        ("avg_over_time(ratio[1h]) > 0.5", False),
        ("max_over_time((ratio)[1h:1m]) > 0.5", False),
        ("other > 0.5", False),
        ("ratio >", False),
    ],
)
def test_whether_the_present_value_is_compared(expression: str, now: bool) -> None:  # noqa: FBT001 - a case
    """An average over the past is another matter."""
    assert compares_now(expression, ("ratio",)) is now


def test_what_reads_nothing() -> None:
    """An alert that is always on, on purpose, is told from one that cannot be read."""
    assert reads_nothing("vector(1)")
    assert not reads_nothing("up")
    assert not reads_nothing("up >")


def rehearsed(**fields: Any) -> Rehearsed:
    common = {"scenario": "calm", "world": [], "scenarios": {"calm": {"is": "nothing happens", "minutes": 1}}}
    return promise(Rehearsed, **{**common, **fields})


def test_a_scenario_must_be_there() -> None:
    """The mistake names those that are."""
    with pytest.raises(ValidationError, match=r"there is no scenario 'storm'.*calm"):
        rehearsed(scenario="storm")


def test_one_kind_of_movement() -> None:
    """Something either counts or has a value."""
    with pytest.raises(ValidationError, match="either `rate` or `value`"):
        Movement(metric="x", rate=1, value=1)


@pytest.mark.parametrize(
    ("live", "query", "word"),
    [
        (frozenset(), "sum(other)", "error"),
        (frozenset(), 'rate(requests_total{status=~"failed|lost"}[5m])', "failed"),
        (frozenset({"failure"}), 'rate(requests_total{status="failed"}[5m])', "failure"),
        (frozenset(), 'rate(requests_total{status!="failed"}[5m])', "error"),
    ],
)
def test_words_in_use(live: frozenset[str], query: str, word: str) -> None:
    """What the target has comes first, then what its rules ask for, then what is usual."""
    kept = rehearsed(
        world=[FAILURES.model_dump()],
        words={"error": ("error", "failed", "failure")},
        scenarios={"calm": {"is": "nothing happens", "minutes": 1}},
    )
    rules = Rules((group("g", rule("r", query)),))
    assert words_of(kept, rules, {("requests_total", "status"): live}) == {"error": word}


@pytest.mark.parametrize(
    ("live", "key"),
    [
        ((), "paddle"),
        (("paddle", "other"), "paddle"),
        (("ocr:paddle", "ocr:deepseek"), "ocr:paddle"),
        (("first", "second"), "paddle"),
    ],
)
def test_keys_in_use(live: tuple[str, ...], key: str) -> None:
    """Keys of breakers are named as on the target; a label of another metric says nothing of them."""
    world = [Movement(metric="state", labels={"key": ("{breaker}", "b")}, value=0).model_dump(), REQUESTS.model_dump()]
    kept = rehearsed(world=world, words={"breaker": ("paddle", "*paddle*")})
    found = words_of(kept, Rules(()), {("state", "key"): frozenset(live), ("other", "key"): frozenset({"my_paddle"})})
    assert found == {"breaker": key}


@pytest.mark.parametrize(
    ("metric", "value", "begins"),
    [
        ("process_start_time_seconds", 1_800_000_000.0, -600.0),
        ("last_backup_timestamp_seconds", 1_800_000_900.0, 300.0),
        ("busy_time_seconds", 500.0, 500.0),
        ("loaded", 1_800_000_000.0, 1_800_000_000.0),
    ],
)
def test_moments_are_as_long_ago(metric: str, value: float, begins: float) -> None:
    """The time of a scenario begins at zero: what started ten minutes ago starts ten minutes before."""
    assert since(metric, Sample({}, value, 1_800_000_600.0)) == begins


def test_one_scrape_is_the_least_that_is_lost() -> None:
    """A change shorter than the time between two scrapes is seen by one of them."""
    clock = Clock(scenario(lead_minutes=2, minutes=0.1, after_minutes=2), interval_seconds=60, time_scale=1)
    assert clock.phases == (2, 1, 3)


def test_a_scenario_to_try_must_be_there() -> None:
    """The mistake is named."""
    with pytest.raises(ValidationError, match="there is no scenario storm"):
        rehearsed(tries=("storm",))


def test_a_test_file() -> None:
    """It names its rules, its moments and the alerts to look at."""
    rules = Rules((group("g", rule("r", "up"), rule("High", "r > 1", "alerting")),))
    rule_file, test_file = scenario_document("calm", rehearsed(), STAGE, rules, None, ())
    assert test_file["rule_files"] == ["calm.rules.json"]
    assert test_file["group_eval_order"] == ["g"]
    assert [each["alertname"] for each in test_file["tests"][0]["alert_rule_test"]] == ["High"]
    assert rule_file["groups"][0]["interval"] == "30000ms"


def test_a_long_scenario_of_short_scrapes_is_asked_in_few_steps() -> None:
    """A query of promtool may read 10,000 samples: those of ten alerts that are active all the time must fit in."""
    rules = Rules((group("g", rule("High", "up > 1", "alerting"), interval=1),))
    stage = replace(STAGE, interval_seconds=1.0)
    long = rehearsed(scenarios={"calm": {"is": "nothing happens", "minutes": 120}})
    _, test_file = scenario_document("calm", long, stage, rules, None, ())
    found = re.search(r"\[(\d+)ms:(\d+)ms\]", test_file["tests"][0]["promql_expr_test"][0]["expr"])
    assert found
    assert int(found[1]) / int(found[2]) <= 1_002


@pytest.mark.parametrize("number", [FIRED_FIRST, FIRED_LAST])
def test_what_fired_could_not_be_asked(number: int) -> None:
    """Then nothing is known of the scenario; it does not mean that no alert fired."""
    tested = promtool.Tested(values={FIRED_FIRST: (), FIRED_LAST: (), number: "too many samples"})
    part: Any = None
    stage: Any = None
    assert _played(part, tested, stage, {}, None).trouble == "promtool could not tell what fired: too many samples"
