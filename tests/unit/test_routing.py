"""Alertmanager's routes, matchers, inhibitions and receivers, as Alertmanager itself understands them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from selfcheck import routing
from selfcheck.clients.prometheus import Rule
from selfcheck.promql import Matcher
from selfcheck.routing import Labels, Sent

ROUTES = """
route:
  receiver: mail
  group_by: [alertname]
  routes:
    - matchers: ['canary="true"']
      receiver: canary
      group_by: ["..."]
      group_wait: 0s
    - match: {severity: critical}
      receiver: pager
      continue: true
      routes:
        - match_re: {team: "ml|ocr"}
          receiver: ml-pager
          repeat_interval: 1h
    - match_re: {severity: "critical|warning"}
      receiver: chat
receivers:
  - name: mail
    email_configs: [{to: a@example.com}]
  - name: pager
    pagerduty_configs: [{routing_key: x}]
  - name: ml-pager
    webhook_configs: [{url: "http://x"}]
  - name: chat
    slack_configs: [{channel: x}]
  - name: canary
"""


def rule(query: str, name: str = "A", **labels: str) -> Rule:
    return Rule(name, "alerting", query, labels, {}, 0, "ok", "", 1.0, 0.01, "inactive", (), "g", "f.yml", 15.0)


def ends(plan: routing.Routing, known: dict[str, str | None], *, others: bool = False) -> list[tuple[str, bool]]:
    return [(reach.route.receiver, reach.sure) for reach in routing.reached(plan, Labels(known, others))]


@pytest.mark.parametrize(
    ("labels", "others", "wanted"),
    [
        ({"severity": "critical"}, False, [("pager", True), ("chat", True)]),
        ({"severity": "critical", "team": "ml"}, False, [("ml-pager", True), ("chat", True)]),
        ({"severity": "critical", "team": "mlops"}, False, [("pager", True), ("chat", True)]),
        ({"severity": "warning"}, False, [("chat", True)]),
        ({"severity": "info"}, False, [("mail", True)]),
        ({}, False, [("mail", True)]),
        ({"severity": "critical", "canary": "true"}, False, [("canary", True)]),
        # The values of `team` and `canary` may come from the series.
        (
            {"severity": "critical"},
            True,
            [("canary", False), ("ml-pager", False), ("pager", False), ("chat", False)],
        ),
        ({"severity": None}, False, [("pager", False), ("chat", False), ("mail", False)]),
        ({"severity": "warning", "canary": ""}, True, [("chat", True)]),
    ],
)
def test_an_alert_goes_down_the_tree(
    *, labels: dict[str, str | None], others: bool, wanted: list[tuple[str, bool]]
) -> None:
    assert ends(routing.read(ROUTES), labels, others=others) == wanted


def test_a_label_that_no_series_has_is_on_no_alert() -> None:
    labels = Labels({"severity": "critical"}, others=True, names=frozenset({"team", "job"}))
    found = [(reach.route.receiver, reach.sure) for reach in routing.reached(routing.read(ROUTES), labels)]
    assert found == [("ml-pager", False), ("pager", False), ("chat", True)]


def test_routes_inherit_and_have_the_defaults_of_alertmanager() -> None:
    plan = routing.read(ROUTES)
    canary, pager, chat = plan.root.children
    assert (plan.root.group_wait_seconds, plan.root.group_interval_seconds, plan.root.repeat_seconds) == (
        30,
        300,
        14400,
    )
    assert (canary.group_wait_seconds, canary.group_by, chat.group_by) == (0, ("...",), ("alertname",))
    assert (pager.children[0].repeat_seconds, pager.children[0].place) == (3600, "route.routes[1].routes[0]")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('severity="critical"', Matcher("severity", "=", "critical")),
        ("severity=critical", Matcher("severity", "=", "critical")),
        (' a !~ "b|c" ', Matcher("a", "!~", "b|c")),
        ('a="with \\"quotes\\" and , comma"', Matcher("a", "=", 'with "quotes" and , comma')),
        ('"odd name"=x', Matcher("odd name", "=", "x")),
        ('a!=""', Matcher("a", "!=", "")),
    ],
)
def test_matchers_are_read(text: str, wanted: Matcher) -> None:
    assert routing.matcher(text) == wanted


def test_several_matchers_in_braces() -> None:
    plan = routing.read('route: {receiver: a, routes: [{matchers: [\'{a="1,2", b=~"x"}\']}]}')
    assert plan.root.children[0].matchers == (Matcher("a", "=", "1,2"), Matcher("b", "=~", "x"))


@pytest.mark.parametrize("text", ["", "route: 5", "receivers: []", "route: {receiver: a, group_wait: soon}", "{", "[]"])
def test_what_is_no_configuration_is_said(text: str) -> None:
    with pytest.raises(routing.UnreadableConfigurationError):
        routing.read(text)


@pytest.mark.parametrize(
    ("first", "second", "dead"),
    [
        ("matchers: ['severity=~\"critical|warning\"']", "matchers: ['severity=\"critical\"']", True),
        (
            "matchers: ['severity=~\"critical|warning\"']",
            "matchers: ['severity=~\"critical|warning\"', 'a=\"b\"']",
            True,
        ),
        ("matchers: ['severity=~\".+\"']", "matchers: ['severity=\"critical\"']", True),
        ("matchers: ['severity!=\"info\"']", "match_re: {severity: critical|warning}", True),
        ("matchers: []", "matchers: ['severity=\"critical\"']", True),
        ("matchers: ['job=~\".*\"']", "matchers: ['severity=\"critical\"']", True),
        ("matchers: ['severity=~\"critical|warning\"'], continue: true", "matchers: ['severity=\"critical\"']", False),
        ("matchers: ['severity=\"critical\"', 'a=\"b\"']", "matchers: ['severity=\"critical\"']", False),
        ("matchers: ['severity=\"critical\"']", "matchers: ['severity=~\"critical|warning\"']", False),
        ("matchers: ['severity=\"Critical\"']", "matchers: ['severity=\"critical\"']", False),
        ("matchers: ['team=\"a\"']", "matchers: ['severity=\"critical\"', 'severity=\"warning\"']", True),
    ],
)
def test_routes_behind_others(*, first: str, second: str, dead: bool) -> None:
    plan = routing.read(f"route: {{receiver: a, routes: [{{{first}}}, {{{second}}}]}}")
    assert [route.place for route, _ in routing.unreachable(plan.root)] == (["route.routes[1]"] if dead else [])


@pytest.mark.parametrize(
    ("intervals", "route", "muted"),
    [
        ("[{times: [{start_time: '00:00', end_time: '24:00'}]}]", "mute_time_intervals: [x]", True),
        ("[{}]", "mute_time_intervals: [x]", True),
        ("[{weekdays: ['saturday:sunday']}]", "mute_time_intervals: [x]", False),
        ("[{times: [{start_time: '00:00', end_time: '24:00'}], months: ['1']}]", "mute_time_intervals: [x]", False),
        ("[{times: [{start_time: '00:00', end_time: '23:59'}]}]", "mute_time_intervals: [x]", True),
        ("[{times: [{start_time: '00:00', end_time: '23:00'}]}]", "mute_time_intervals: [x]", False),
        (
            "[{times: [{start_time: '12:00', end_time: '24:00'}, {start_time: '00:00', end_time: '13:00'}]}]",
            "mute_time_intervals: [x]",
            True,
        ),
        ("[{weekdays: ['sunday:saturday'], months: ['1:december']}]", "mute_time_intervals: [x]", True),
        ("[{weekdays: ['monday:friday']}, {weekdays: [saturday, sunday]}]", "mute_time_intervals: [x]", True),
        ("[{weekdays: ['monday:friday']}, {weekdays: [saturday]}]", "mute_time_intervals: [x]", False),
        ("[{days_of_month: ['1:-1']}]", "mute_time_intervals: [x]", True),
        ("[{days_of_month: ['-3:-1']}]", "mute_time_intervals: [x]", False),
        ("[{years: ['2020:2099']}]", "mute_time_intervals: [x]", False),
        ("[{months: [february], days_of_month: ['30:31']}]", "active_time_intervals: [x]", True),
        ("[{days_of_month: ['20:-1']}]", "active_time_intervals: [x]", False),
        ("[{months: [february], days_of_month: ['-1']}]", "active_time_intervals: [x]", False),
        ("[]", "active_time_intervals: [x]", True),
        ("[]", "mute_time_intervals: [x]", False),
        ("[{weekdays: ['monday:friday']}]", "active_time_intervals: [x]", False),
    ],
)
def test_time_intervals(*, intervals: str, route: str, muted: bool) -> None:
    text = f"route: {{receiver: a, routes: [{{{route}}}]}}\ntime_intervals: [{{name: x, time_intervals: {intervals}}}]"
    plan = routing.read(text)
    assert bool(routing.is_muted(plan, plan.root.children[0])) is muted


@pytest.mark.parametrize(
    ("query", "known", "others"),
    [
        ('up{job="a", x!="b"} == 0', {"job": "a"}, True),
        ('sum(rate(x{job="a"}[5m])) > 1', {}, False),
        ('sum by (job, provider) (rate(x{job="a"}[5m])) > 1', {"job": "a", "provider": None}, False),
        ('sum without (instance) (x{job="a"}) > 1', {"job": "a"}, True),
        ('absent(up{job="a"})', {"job": "a"}, False),
        ("vector(1)", {}, False),
        ("sum(x) / sum(y) > 0.5 and on () sum(y) > 1", {}, False),
        ('x{a="1"} > on (a) y{a="1", b="2"}', {"a": "1"}, False),
        ('x{a="1"} * on (b) group_left (owner) y{owner="z"}', {"a": "1", "owner": "z"}, True),
        ('x{a="1"} or y{a="2"}', {"a": None}, True),
        ('(count(up{job="a"} == 1) or vector(0)) == 0', {}, False),
        ('label_replace(x{a="1"}, "team", "ml", "", "")', {"a": "1", "team": None}, True),
        (
            "histogram_quantile(0.9, sum by (le, provider) (rate(x_bucket[5m]))) > 2",
            {"le": None, "provider": None},
            False,
        ),
        ('topk(5, x{a="1"})', {"a": "1"}, True),
        ("a !! b", {}, True),
    ],
)
def test_labels_of_an_alert(*, query: str, known: dict[str, str | None], others: bool) -> None:
    found = routing.labels_of(rule(query, severity="critical", team="{{ $labels.team }}"))
    wanted = {**known, "alertname": "A", "severity": "critical", "team": None}
    assert (dict(found.known), found.others) == (wanted, others)


SENT = {"a": "1", "severity": "critical", "environment": "e"}
OF_A = {"source_labels": ["a"]}


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        ({"action": "labeldrop", "regex": "severity"}, {"a": "1", "environment": "e"}),
        ({"action": "labelkeep", "regex": "severity"}, {"severity": "critical"}),
        ({"action": "drop", "source_labels": ["severity"], "regex": "critical"}, None),
        ({"action": "keep", "source_labels": ["severity"], "regex": "critical"}, SENT),
        ({**OF_A, "target_label": "severity", "regex": "(.)", "replacement": "p${1}"}, {**SENT, "severity": "p1"}),
        ({**OF_A, "target_label": "severity", "regex": "x"}, SENT),
        ({"target_label": "a", "replacement": ""}, {"severity": "critical", "environment": "e"}),
        ({**OF_A, "action": "hashmod", "target_label": "a", "modulus": 2}, {**SENT, "a": None}),
    ],
)
def test_relabelling_of_alerts(step: dict[str, Any], wanted: dict[str, str | None] | None) -> None:
    found = routing.relabelled(Labels({"a": "1", "severity": "critical"}), [step], {"environment": "e", "a": "0"})
    assert (found if found is None else dict(found.known)) == wanted


def sent(name: str, *, others: bool = False, **labels: str | None) -> Sent:
    return Sent(name, Labels({"alertname": name, **labels}, others))


def inhibition(source: str, target: str, *equal: str) -> routing.Inhibition:
    text = (
        f"route: {{receiver: a}}\ninhibit_rules: [{{source_matchers: ['{source}'], target_matchers: ['{target}'], "
        f"equal: [{', '.join(equal)}]}}]"
    )
    return routing.read(text).inhibitions[0]


PAGE = sent("Page", severity="critical", subject="a")
WARN = sent("Warn", severity="warning", subject="a")
FAR = sent("Far", severity="warning", subject="b")
OPEN = sent("Open", severity="warning", others=True)
BARE = sent("Bare", severity="warning")


@pytest.mark.parametrize(
    ("rule_", "alerts", "wanted"),
    [
        (
            inhibition('severity="critical"', 'severity="warning"', "subject"),
            [PAGE, WARN, FAR],
            [("Page", "Warn", True)],
        ),
        (
            inhibition('severity="critical"', 'severity="warning"', "subject"),
            [PAGE, OPEN, BARE],
            [("Page", "Open", False)],
        ),
        (inhibition('severity="critical"', 'severity="warning"', "alertname"), [PAGE, WARN], []),
        (inhibition('severity="critical"', 'severity="warning"', "nothing"), [PAGE, WARN], [("Page", "Warn", True)]),
        (inhibition('severity="critical"', 'severity="warning"'), [PAGE, FAR], [("Page", "Far", True)]),
        (inhibition('severity=~".+"', 'severity=~".+"'), [PAGE, WARN], []),
        (inhibition('severity=~".+"', 'severity="warning"', "subject"), [PAGE, WARN], [("Page", "Warn", True)]),
        (inhibition('severity="none"', 'severity="warning"'), [PAGE, WARN], []),
    ],
)
def test_inhibitions_act_on_pairs(
    rule_: routing.Inhibition, alerts: list[Sent], wanted: list[tuple[str, str, bool]]
) -> None:
    found = [(pair.source.rule, pair.target.rule, pair.sure) for pair in routing.pairs(rule_, alerts)]
    assert found == wanted


def test_labels_that_no_alert_can_have() -> None:
    compared = inhibition('severity="critical"', 'severity="warning"', "subject", "subjct")
    known = replace(OPEN, labels=replace(OPEN.labels, names=frozenset({"subject", "job"})))
    assert routing.missing_labels(compared, [PAGE, WARN]) == ["subjct"]
    assert routing.missing_labels(compared, [PAGE, OPEN]) == []
    assert routing.missing_labels(compared, [PAGE, known]) == ["subjct"]


def test_what_a_receiver_notifies() -> None:
    plan = routing.read(ROUTES)
    assert {name: each.integrations for name, each in plan.receivers.items()} == {
        "mail": ("email",),
        "pager": ("pagerduty",),
        "ml-pager": ("webhook",),
        "chat": ("slack",),
        "canary": (),
    }
    assert (plan.receivers["pager"].tells_resolved, plan.receivers["chat"].tells_resolved) == (True, False)
