"""The judges of routing: whom an alert reaches, when, and what hides it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from checks import test_routing as checks
from selfcheck import contract, delivery, routing
from selfcheck.clients.alertmanager import Matcher, Silence, Status
from selfcheck.clients.prometheus import QueryResult, RuleGroup, Sample
from selfcheck.exposition import parse
from selfcheck.routing import Labels, Sent
from selfcheck.verdict import Outcome, Verdict
from tests.unit.making import NOW, PLACE, promise
from tests.unit.test_routing import rule

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
DAY = 86_400.0
LEVELS = {"label": "severity", "levels": ("critical", "warning", "info")}
LINES = contract.load().promises("routing.receivers", checks.Receivers)


def check(verdict: Verdict, outcome: Outcome, said: str = "") -> None:
    assert verdict.outcome is outcome, verdict
    assert said in " ".join((verdict.observed, verdict.remedy, *verdict.notes)), verdict


def plan(*routes: str, receivers: str = "", more: str = "") -> routing.Routing:
    """Make a configuration whose default is mail; receivers are given as `name: kind`."""
    named = {"mail": "email", "chat": "slack", "pager": "pagerduty"}
    named |= dict(each.split(":") for each in receivers.split())
    lines = "".join(f"- {{name: {name}, {kind}_configs: [{{a: b}}]}}\n" for name, kind in named.items() if kind)
    lines += "".join(f"- {{name: {name}}}\n" for name, kind in named.items() if not kind)
    listed = ", ".join(f"{{{route}}}" for route in routes)
    return routing.read(
        f"route: {{receiver: mail, group_by: [alertname], routes: [{listed}]}}\nreceivers:\n{lines}{more}"
    )


def sent(name: str, severity: str, *, others: bool = False, always: bool = False, **labels: str | None) -> Sent:
    return Sent(name, Labels({"alertname": name, "severity": severity, **labels}, others), always)


CRITICAL, WARNING, INFO = "match: {severity: critical}", "match: {severity: warning}", "match: {severity: info}"
DOWN, SLOW, BUSY = sent("Down", "critical"), sent("Slow", "warning"), sent("Busy", "info")


@pytest.mark.parametrize(
    ("level", "made", "outcome", "said"),
    [
        ("critical", plan(f"{CRITICAL}, receiver: pager"), PASS, "1 alert(s) reach a page"),
        ("critical", plan(f"{CRITICAL}, receiver: chat"), FAIL, "Down: ends at 'chat' (slack) by route.routes[0]"),
        ("critical", plan(), FAIL, "ends at 'mail' (email) by route"),
        ("critical", plan(f"{CRITICAL}, receiver: none", receivers="none:"), FAIL, "'none' (notifies nobody)"),
        ("critical", plan(f"{CRITICAL}, receiver: gone"), FAIL, "'gone' (undefined)"),
        ("critical", plan("receiver: chat", f"{CRITICAL}, receiver: pager"), FAIL, "route.routes[1]"),
        ("critical", plan("receiver: chat, continue: true", f"{CRITICAL}, receiver: pager"), PASS, ""),
        ("critical", plan(f"{CRITICAL}, receiver: oncall-hook", receivers="oncall-hook:webhook"), PASS, ""),
        ("critical", plan(f"{CRITICAL}, receiver: chat-hook", receivers="chat-hook:webhook"), FAIL, "chat-hook"),
        ("critical", plan("receiver: hub", receivers="hub:webhook"), NOT_COVERED, "channels.page.names"),
        # Short words in a name stand by themselves.
        ("critical", plan(f"{CRITICAL}, receiver: homepage-mail", receivers="homepage-mail:webhook"), FAIL, "homepage"),
        ("critical", plan(f"{CRITICAL}, receiver: non-critical", receivers="non-critical:webhook"), NOT_COVERED, ""),
        ("critical", plan(f"{CRITICAL}, receiver: prod-page", receivers="prod-page:webhook"), PASS, ""),
        ("critical", plan(f"{CRITICAL}, receiver: PagerDutyHook", receivers="PagerDutyHook:webhook"), PASS, ""),
        ("info", plan(f"{INFO}, receiver: infosec", receivers="infosec:webhook"), NOT_COVERED, "infosec"),
        ("info", plan(f"{INFO}, receiver: info_hook", receivers="info_hook:webhook"), PASS, ""),
        ("warning", plan(f"{WARNING}, receiver: ms-teams", receivers="ms-teams:webhook"), PASS, ""),
        # A chat that is called critical is still a chat.
        ("critical", plan(f"{CRITICAL}, receiver: slack-critical", receivers="slack-critical:slack"), FAIL, ""),
        ("warning", plan(f"{WARNING}, receiver: chat"), PASS, ""),
        ("warning", plan("match_re: {severity: critical|warning}, receiver: pager"), PASS, "goes to the page"),
        ("warning", plan(), FAIL, "'mail'"),
        ("info", plan(), PASS, ""),
        ("info", plan(f"{INFO}, receiver: chat"), PASS, "goes to the chat, not to the mail"),
        ("info", plan(f"{INFO}, receiver: pager"), FAIL, "'pager'"),
    ],
)
def test_receivers(level: str, made: routing.Routing, outcome: Outcome, said: str) -> None:
    line = next(line for line in LINES if line.level == level)
    check(checks.judge_receivers(line, made, [DOWN, SLOW, BUSY], PLACE), outcome, said)


HOOKS = {"pager": "http://hub/pager", "chat": "http://hub/chat", "mail": "http://hub/mail"}


@pytest.mark.parametrize(
    ("hooks", "level", "outcome", "said"),
    [
        (HOOKS, "critical", PASS, "1 alert(s) reach a page"),
        (HOOKS | {"pager": "http://hub/chat"}, "critical", FAIL, "by route.routes[0], which has the address of 'chat'"),
        (HOOKS | {"pager": "http://hub/chat"}, "warning", PASS, ""),
        (HOOKS | {"pager": "http://hub/mail?to=x"}, "critical", PASS, ""),
        # One address for all: what takes it tells by the labels whom to wake.
        (dict.fromkeys(HOOKS, "http://hub/"), "critical", PASS, ""),
        (dict.fromkeys(HOOKS, "<secret>"), "critical", PASS, ""),
        (
            {**HOOKS, "pager": "http://other/x", "on-call": "http://other/x", "test": "http://other/y"},
            "critical",
            PASS,
            "",
        ),
        (HOOKS | {"canary": "http://hub/canary"}, "critical", PASS, ""),
    ],
)
def test_receivers_of_webhooks(hooks: dict[str, str], level: str, outcome: Outcome, said: str) -> None:
    """What is called a pager and posts to the chat's address wakes nobody."""
    lines = "".join(f"- {{name: {name}, webhook_configs: [{{url: '{url}'}}]}}\n" for name, url in hooks.items())
    routes = f"[{{{CRITICAL}, receiver: pager}}, {{{WARNING}, receiver: chat}}]"
    made = routing.read(f"route: {{receiver: mail, routes: {routes}}}\nreceivers:\n{lines}")
    line = next(line for line in LINES if line.level == level)
    check(checks.judge_receivers(line, made, [DOWN, SLOW], PLACE), outcome, said)


def test_a_receiver_of_tests_reaches_nobody() -> None:
    line = next(line for line in LINES if line.level == "critical")
    made = plan('match: {test: "true"}, receiver: canary', f"{CRITICAL}, receiver: pager", receivers="canary:webhook")
    check(checks.judge_receivers(line, made, [DOWN], PLACE), PASS)
    check(
        checks.judge_receivers(line, made, [sent("Down", "critical", test="true")], PLACE),
        FAIL,
        "'canary' (webhook) by route.routes[0]",
    )


def test_one_alert_among_many_is_seen_and_doubt_is_none() -> None:
    line = next(line for line in LINES if line.level == "critical")
    made = plan(
        "match: {alertname: Odd}, receiver: chat", "match: {zone: a}, receiver: chat", f"{CRITICAL}, receiver: pager"
    )
    check(checks.judge_receivers(line, made, [DOWN, sent("Odd", "critical")], PLACE), FAIL, "Odd: ends at 'chat'")
    # Whether it is in the zone depends on its series.
    check(checks.judge_receivers(line, made, [sent("Zoned", "critical", others=True)], PLACE), PASS)
    # Without any alert, one of which only the severity is known is tried.
    check(checks.judge_receivers(line, made, [SLOW], PLACE), PASS)
    check(checks.judge_receivers(line, plan(), [SLOW], PLACE), FAIL, "any alert of severity critical")


@pytest.mark.parametrize(
    ("made", "outcome", "said"),
    [
        (plan(f"{CRITICAL}, receiver: pager", f"{WARNING}, receiver: chat"), PASS, "3 routes"),
        (plan("receiver: chat", f"{CRITICAL}, receiver: pager"), FAIL, "takes all of it before"),
        (plan("receiver: chat", "match: {team: a}, receiver: pager"), PASS, "route.routes[1]"),
    ],
)
def test_reachable(made: routing.Routing, outcome: Outcome, said: str) -> None:
    check(checks.judge_reachable(promise(checks.Levels, **LEVELS), made, PLACE), outcome, said)


ALWAYS = """
time_intervals:
  - {name: always, time_intervals: [{}]}
  - {name: nights, time_intervals: [{times: [{start_time: '20:00', end_time: '24:00'}]}]}
"""


@pytest.mark.parametrize(
    ("made", "outcome"),
    [
        (plan(f"{CRITICAL}, receiver: pager, mute_time_intervals: [always]", more=ALWAYS), FAIL),
        (plan(f"{CRITICAL}, receiver: pager, mute_time_intervals: [nights]", more=ALWAYS), PASS),
        (
            plan(
                f"{CRITICAL}, receiver: pager, mute_time_intervals: [always], continue: true",
                f"{CRITICAL}, receiver: chat",
                more=ALWAYS,
            ),
            PASS,
        ),
    ],
)
def test_open(made: routing.Routing, outcome: Outcome) -> None:
    check(checks.judge_open(promise(checks.Open, **LEVELS), made, [DOWN], PLACE), outcome)


def two_ways(page: str, chat: str) -> routing.Routing:
    """Criticals page, and are told in the chat besides."""
    first = f"{CRITICAL}, receiver: pager, continue: true, {page}"
    return plan(first, f"{CRITICAL}, receiver: chat, {chat}", more=ALWAYS)


def test_a_muted_pager_is_muted_although_the_chat_is_not() -> None:
    """Of several ways, that to the promised receiver counts."""
    line = promise(checks.Open, **LEVELS)
    muted = "mute_time_intervals: [always]"
    check(checks.judge_open(line, two_ways(muted, ""), [DOWN], PLACE, LINES), FAIL, "mutes it at all times")
    check(checks.judge_open(line, two_ways("", muted), [DOWN], PLACE, LINES), PASS)


@pytest.mark.parametrize(
    ("step", "outcome", "said"),
    [
        (None, PASS, "1 alerting rules"),
        ({"action": "labeldrop", "regex": "sev.*"}, FAIL, "g/A is sent without severity"),
        ({"action": "labeldrop", "regex": "replica"}, PASS, ""),
        ({"action": "drop", "source_labels": ["alertname"], "regex": "A|B"}, FAIL, "g/A is dropped"),
        ({"target_label": "severity", "replacement": "info"}, FAIL, "severity=info, its rule says critical"),
    ],
)
def test_sent(step: dict[str, Any] | None, outcome: Outcome, said: str) -> None:
    group = RuleGroup("g", "f.yml", 15.0, NOW, 0.01, (rule("sum(x) > 1", severity="critical"),))
    configuration = {"alerting": {"alert_relabel_configs": [step] if step else None}}
    found = checks.alerts_of([group], configuration)
    check(checks.judge_sent(promise(checks.Leaving, **LEVELS), found, PLACE), outcome, said)
    # The same, for one Alertmanager, and for one of two.
    one = {"alert_relabel_configs": [step] if step else None}
    found = checks.alerts_of([group], {"alerting": {"alertmanagers": [one]}})
    check(checks.judge_sent(promise(checks.Leaving, **LEVELS), found, PLACE), outcome, said)
    if "dropped" in said:
        found = checks.alerts_of([group], {"alerting": {"alertmanagers": [one, {}]}})
        check(checks.judge_sent(promise(checks.Leaving, **LEVELS), found, PLACE), PASS)


APART = {**LEVELS, "apart": [["instance", "pod"], ["provider"]]}


@pytest.mark.parametrize(
    ("query", "names", "step", "said"),
    [
        ("up == 0", {"instance", "job"}, {"action": "labeldrop", "regex": "instance"}, "g/A is sent without instance"),
        ("up == 0", {"instance", "job"}, {"target_label": "instance", "replacement": ""}, "sent without instance"),
        ("up == 0", {"instance", "job"}, {"action": "labelkeep", "regex": "severity|alertname"}, "without instance"),
        ("sum by (provider) (x) > 1", {"provider"}, {"action": "labeldrop", "regex": "prov.*"}, "without provider"),
        # Pods have names of their own, an alert on a sum is about all, and a replica of Prometheus is no subject.
        ("up == 0", {"instance", "pod"}, {"action": "labeldrop", "regex": "instance"}, ""),
        ("sum(x) > 1", {"instance", "provider"}, {"action": "labeldrop", "regex": "instance"}, ""),
        ("sum by (provider) (x) > 1", {"provider", "instance"}, {"action": "labeldrop", "regex": "instance"}, ""),
        ("up == 0", {"instance", "replica"}, {"action": "labeldrop", "regex": "replica"}, ""),
        ("up == 0", {"instance"}, {"target_label": "instance", "source_labels": ["instance"], "regex": "(.*):.*"}, ""),
    ],
)
def test_two_alerts_of_a_rule_stay_two(query: str, names: set[str], step: dict[str, Any], said: str) -> None:
    group = RuleGroup("g", "f.yml", 15.0, NOW, 0.01, (rule(query, severity="critical"),))
    found = checks.alerts_of([group], {"alerting": {"alert_relabel_configs": [step]}}, lambda _: frozenset(names))
    check(checks.judge_sent(promise(checks.Leaving, **APART), found, PLACE), FAIL if said else PASS, said)


def test_alerts_of_others_are_theirs() -> None:
    """A Prometheus that is shared has rules of others, which go where they want."""
    ours = RuleGroup("g", "ours.yml", 15.0, NOW, 0.01, (rule("platform_error_ratio > 1", severity="critical"),))
    theirs = RuleGroup(
        "k", "kube.yml", 15.0, NOW, 0.01, (rule("kube_platform_error_ratio > 1", "K", severity="critical"),)
    )
    files = checks.own_files([ours, theirs], ["platform_error_ratio", "cad-ml-platform"])
    assert files == frozenset({"ours.yml"})
    assert checks.own_files([theirs], []) is None
    watching = RuleGroup("w", "w.yml", 15.0, NOW, 0.01, (rule('up{job!~"cad-ml-platform|proxy"} == 0'),))
    assert checks.own_files([watching], ["cad-ml-platform"]) == frozenset({"w.yml"})
    found = checks.alerts_of([ours, theirs], {}, own=files)
    assert [alert.rule for alert in found.own] == ["g/A"]
    drop = {"action": "drop", "source_labels": ["alertname"], "regex": "K"}
    assert not checks.alerts_of([theirs], {"alerting": {"alert_relabel_configs": [drop]}}, own=files).dropped


TIMES = {
    "label": "severity",
    "level": "critical",
    "group_wait_max_seconds": 300,
    "group_interval_max_seconds": 900,
    "repeat_max_seconds": 14400,
    "repeat_min_seconds": 120,
    "repeats_itself": ("pagerduty",),
}


@pytest.mark.parametrize(
    ("route", "scale", "outcome", "said"),
    [
        ("receiver: chat", 1, PASS, "leave after at most 5 m, repeated after 4 h"),
        ("receiver: chat, group_wait: 6m", 1, FAIL, "group_wait is 6 m, at most 5 m"),
        ("receiver: chat, group_wait: 10s", 60, FAIL, "group_wait is 10 s, at most 5 s"),
        ("receiver: chat, group_interval: 1h", 1, FAIL, "group_interval is 1 h, at most 15 m"),
        ("receiver: chat, group_interval: 1h, group_by: ['...']", 1, PASS, ""),
        ("receiver: chat, repeat_interval: 12h", 1, FAIL, "repeat_interval is 12 h, at most 4 h"),
        # It escalates by itself.
        ("receiver: pager, repeat_interval: 12h", 1, PASS, ""),
        ("receiver: pager, repeat_interval: 1m, group_interval: 1m", 1, PASS, ""),
        ("receiver: chat, repeat_interval: 1m, group_interval: 1m", 1, FAIL, "again after 1 m, at least 2 m"),
        # Nothing is repeated between two looks at a group.
        ("receiver: chat, repeat_interval: 1m, group_interval: 5m", 1, PASS, ""),
    ],
)
def test_times(route: str, scale: float, outcome: Outcome, said: str) -> None:
    made = plan(f"{CRITICAL}, {route}")
    check(checks.judge_times(promise(checks.Times, **TIMES), made, [DOWN], scale, PLACE), outcome, said)


def test_a_page_that_waits_is_late_although_the_chat_is_not() -> None:
    """Of several ways, that to the promised receiver counts."""
    line = promise(checks.Times, **TIMES)
    late = "group_wait: 6m"
    check(checks.judge_times(line, two_ways(late, ""), [DOWN], 1, PLACE, LINES), FAIL, "group_wait is 6 m")
    check(checks.judge_times(line, two_ways("", late), [DOWN], 1, PLACE, LINES), PASS)
    check(checks.judge_times(line, plan(f"{CRITICAL}, receiver: chat"), [DOWN], 1, PLACE, LINES), PASS)


@pytest.mark.parametrize(
    ("intervals", "outcome", "said"),
    [
        ("mute_time_intervals: [nights]", FAIL, "'nights' mutes it"),
        ("active_time_intervals: [nights]", FAIL, "active in 'nights' only"),
        ("active_time_intervals: [nights, always]", PASS, ""),
        ("mute_time_intervals: [february_30th]", PASS, ""),
    ],
)
def test_pages_at_any_hour(intervals: str, outcome: Outcome, said: str) -> None:
    """What must be answered within minutes is kept back at no time."""
    never = "  - {name: february_30th, time_intervals: []}\n"
    made = plan(f"{CRITICAL}, receiver: pager, {intervals}", more=ALWAYS + never)
    line = promise(checks.Times, **TIMES, at_any_time=True)
    check(checks.judge_times(line, made, [DOWN], 1, PLACE, LINES), outcome, said)
    check(checks.judge_times(promise(checks.Times, **TIMES), made, [DOWN], 1, PLACE, LINES), PASS)


OFFICE = """
time_intervals:
  - {name: office, time_intervals: [{weekdays: ['monday:friday'], location: Europe/Berlin, WHEN}]}
  - {name: office_utc, time_intervals: [{weekdays: ['monday:friday'], WHEN}]}
  - {name: nights, time_intervals: [{location: Europe/Berlin, times: [
      {start_time: '20:00', end_time: '24:00'}, {start_time: '00:00', end_time: '08:00'}]}]}
  - {name: thursdays, time_intervals: [{weekdays: [thursday], WHEN}]}
  - {name: december, time_intervals: [{months: [december], WHEN}]}
""".replace("WHEN", "times: [{start_time: '09:00', end_time: '17:00'}]")


@pytest.mark.parametrize(
    ("intervals", "outcome"),
    [
        ("mute_time_intervals: [office]", FAIL),
        ("mute_time_intervals: [office_utc]", INCONCLUSIVE),
        ("mute_time_intervals: [nights]", PASS),
        ("active_time_intervals: [office]", PASS),
        ("active_time_intervals: [nights]", FAIL),
        ("active_time_intervals: [nights, office]", PASS),
        ("mute_time_intervals: [thursdays, december]", PASS),
    ],
)
def test_warnings_are_told_by_day(intervals: str, outcome: Outcome) -> None:
    made = plan(f"{WARNING}, receiver: chat, {intervals}", more=OFFICE)
    line = promise(checks.Times, **{**TIMES, "level": "warning"}, by_day=True)
    check(checks.judge_times(line, made, [SLOW], 1, PLACE, LINES), outcome)


@pytest.mark.parametrize(
    ("pager", "chat", "outcome"),
    [
        ("{a: b}", "", PASS),
        ("{send_resolved: true}", "{send_resolved: false}", PASS),
        ("{send_resolved: false}", "{send_resolved: true}", FAIL),
        ("", "{send_resolved: false}", PASS),  # that nobody is paged is for another promise
    ],
)
def test_ends_of_pages_are_told(pager: str, chat: str, outcome: Outcome) -> None:
    """The pager is told when it is over, whoever else is."""
    named = {"pager": ("pagerduty", pager), "chat": ("slack", chat)}
    receivers = ", ".join(f"{{name: {name}, {kind}_configs: [{one}]}}" for name, (kind, one) in named.items())
    routes = ", ".join(f"{{{CRITICAL}, receiver: {name}, continue: true}}" for name, (_, one) in named.items() if one)
    made = routing.read(f"route: {{receiver: chat, routes: [{routes}]}}\nreceivers: [{receivers}]")
    line = promise(checks.Ended, label="severity", level="critical")
    check(checks.judge_ended(line, made, [DOWN], LINES, PLACE), outcome)


@pytest.mark.parametrize(
    ("kind", "said", "outcome"),
    [
        ("webhook", "{send_resolved: false}", FAIL),
        ("webhook", "{a: b}", PASS),
        # A chat of this kind tells ends only where it is asked to.
        ("slack", "{send_resolved: false}", PASS),
    ],
)
def test_nobody_switched_off_the_ends(kind: str, said: str, outcome: Outcome) -> None:
    made = routing.read(f"route: {{receiver: chat}}\nreceivers: [{{name: chat, {kind}_configs: [{said}]}}]")
    line = promise(checks.Ended, label="severity", level="warning", unless_by_default=True)
    check(checks.judge_ended(line, made, [SLOW], LINES, PLACE), outcome)


@pytest.mark.parametrize(
    ("route", "receiver", "outcome", "said"),
    [
        ("group_by: [alertname]", "webhook_configs: [{}]", PASS, "1 route(s)"),
        ("group_by: [severity, team]", "webhook_configs: [{}]", PASS, ""),
        ("a: b", "webhook_configs: [{}]", FAIL, "`group_by` is empty"),
        ("group_by: [subjct]", "webhook_configs: [{}]", FAIL, "only subjct, which no alert has"),
        ("group_by: [severity, subjct]", "webhook_configs: [{}]", FAIL, "and severity, which is the same for all"),
        ("group_by: ['...']", "webhook_configs: [{}]", FAIL, "a message of its own"),
        ("group_by: ['...']", "pagerduty_configs: [{}]", PASS, ""),
        ("group_by: [alertname]", "webhook_configs: [{max_alerts: 1}]", FAIL, "1 alert(s) are given on"),
        ("group_by: [alertname]", "webhook_configs: [{max_alerts: 50}]", PASS, ""),
        ("group_by: [alertname]", "webhook_configs: [{max_alerts: 1}, {}]", PASS, ""),
    ],
)
def test_grouped(route: str, receiver: str, outcome: Outcome, said: str) -> None:
    made = routing.read(
        f"route: {{receiver: pager, routes: [{{{CRITICAL}, receiver: pager, {route}}}]}}\n"
        f"receivers: [{{name: pager, {receiver}}}]"
    )
    line = contract.load().promises("routing.grouped", checks.Grouped)[0]
    alerts = [sent("Down", "critical", team="a"), sent("Away", "critical", team="a")]
    check(checks.judge_grouped(line, made, alerts, PLACE, LINES), outcome, said)
    # One alert alone is a message in any case; of a label of its series nothing is known.
    check(checks.judge_grouped(line, made, alerts[:1], PLACE, LINES), PASS)
    if "subjct" in said:
        open_ = [sent("Down", "critical", others=True), sent("Away", "critical", others=True)]
        check(checks.judge_grouped(line, made, open_, PLACE, LINES), PASS)


def inhibiting(source: str, target: str, equal: str = "") -> routing.Routing:
    rules = f"inhibit_rules: [{{source_matchers: ['{source}'], target_matchers: ['{target}'], equal: [{equal}]}}]"
    return plan(more=rules)


@pytest.mark.parametrize(
    ("made", "outcome", "said"),
    [
        (inhibiting('severity="critical"', 'severity="warning"', "subject"), PASS, "1 inhibition(s), 2 alerts"),
        (inhibiting('severity="page"', 'severity="warning"', "subject"), FAIL, "no loaded alert matches its source"),
        (inhibiting('severity="critical"', 'severity="warn"', "subject"), FAIL, "no loaded alert matches its target"),
        (
            inhibiting('severity="critical"', 'severity="warning"', "subjct"),
            FAIL,
            "compares subjct, which no alert has",
        ),
        (
            inhibiting('severity="critical"', 'severity="warning"', "alertname"),
            FAIL,
            "no two alerts agree in alertname",
        ),
        (inhibiting('severity=~".+"', 'severity=~".+"'), FAIL, "each alert on one side is on the other, too"),
        (inhibiting('severity="critical"', 'severity="warning"'), FAIL, "compares nothing (`equal` is empty)"),
        (inhibiting('alertname="Down"', 'severity="warning"'), PASS, ""),
        (inhibiting('severity="critical"', 'severity="warning"', "team"), PASS, "compares team alone, which is who"),
        (inhibiting('severity="critical"', 'severity="warning"', "team, owner"), PASS, "compares team, owner alone"),
        (inhibiting('severity="critical"', 'severity="warning"', "team, subject"), PASS, "1 inhibition(s)"),
        (inhibiting('alertname="Down"', 'severity="warning"', "team"), PASS, "1 inhibition(s)"),
        (inhibiting('severity="critical"', 'severity="warning"', "namespace, subject"), PASS, "namespace besides"),
        (inhibiting('alertname="InfoInhibitor"', 'severity="warning"', "namespace"), PASS, "not loaded here"),
        (
            inhibiting('alertname="Watcher"', 'severity="warning"', "subject"),
            FAIL,
            "no loaded alert matches its source",
        ),
        (inhibiting('team="other"', 'team="third"', "subject"), PASS, "not loaded here"),
        (plan(), PASS, "0 inhibition(s)"),
    ],
)
def test_inhibitions(made: routing.Routing, outcome: Outcome, said: str) -> None:
    alerts = [
        sent(name, level, subject="a", team="x", owner="y")
        for name, level in (("Down", "critical"), ("Slow", "warning"))
    ]
    line = contract.load().promises("routing.inhibitions", checks.Inhibitions)[0]
    check(checks.judge_inhibitions(line, made, alerts, PLACE), outcome, said)


@pytest.mark.parametrize(
    ("made", "always", "outcome", "said"),
    [
        (inhibiting('severity="critical"', 'severity="warning"', "subject"), False, PASS, ""),
        (
            inhibiting('severity="warning"', 'severity="critical"', "subject"),
            False,
            FAIL,
            "Slow (warning) silences Down",
        ),
        (inhibiting('severity="warning"', 'severity="critical"', "zone"), False, PASS, ""),
        (inhibiting('severity="critical"', 'severity="warning"', "subject"), True, FAIL, "Down always fires"),
    ],
)
def test_harmless(*, made: routing.Routing, always: bool, outcome: Outcome, said: str) -> None:
    alerts = [
        sent("Down", "critical", subject="a", zone="1", always=always),
        sent("Slow", "warning", subject="a", zone="2"),
    ]
    check(checks.judge_harmless(promise(checks.Harmless, **LEVELS), made, alerts, PLACE), outcome, said)


def test_info_silences_no_warning_unless_it_is_named() -> None:
    """An alert of severity info may say that warnings are expected; a critical one stays."""
    line = promise(checks.Harmless, **LEVELS)
    alerts = [sent("Work", "info", team="a"), sent("Slow", "warning", team="a"), sent("Down", "critical", team="a")]

    def judged(source: str, target: str) -> Verdict:
        return checks.judge_harmless(line, inhibiting(source, target, "team"), alerts, PLACE)

    check(judged('severity="info"', 'severity="warning"'), FAIL, "Work (info) silences Slow (warning)")
    check(judged('alertname="Work"', 'severity="warning"'), PASS)
    check(judged('alertname="Work"', 'severity="critical"'), FAIL, "silences Down (critical)")


def silence(
    *matchers: tuple[str, str, str], state: str = "active", days: float = 1, by: str = "me", why: str = "move"
) -> Silence:
    return Silence("id", state, tuple(Matcher(*each) for each in matchers), NOW, NOW + days * DAY, by, why)


@pytest.mark.parametrize(
    ("made", "outcome", "said"),
    [
        (silence(("alertname", "=~", ".+")), FAIL, "hides Down"),
        (silence(("severity", "=", "critical")), FAIL, "hides Down"),
        (silence(("severity", "!=", "info")), FAIL, "hides Down"),
        (silence(("alertname", "!=", "Other")), FAIL, "hides Down"),
        (silence(("alertname", "=", "Down")), PASS, "hides Down"),
        (silence(("alertname", "=~", "Down|Away")), PASS, "hides Down"),
        (silence(("severity", "=", "warning")), PASS, "1 active silence(s)"),
        (silence(("instance", "=", "a:1")), PASS, ""),
        (silence(("alertname", "=~", ".+"), state="expired"), PASS, "0 active silence(s)"),
    ],
)
def test_silences(made: Silence, outcome: Outcome, said: str) -> None:
    line = promise(checks.Silences, label="severity", level="critical")
    check(checks.judge_silences(line, [made], [DOWN, SLOW], PLACE), outcome, said)


@pytest.mark.parametrize(
    ("made", "outcome"),
    [
        (silence(("severity", "=", "warning")), FAIL),
        (silence(("alertname", "=~", "[A-Z].*")), FAIL),
        (silence(("subject", "=", "a")), PASS),
        (silence(("alertname", "=~", "Slow.*"), ("severity", "=", "warning")), PASS),
        (silence(("severity", "=", "critical")), PASS),
    ],
)
def test_a_silence_over_most_warnings(made: Silence, outcome: Outcome) -> None:
    line = promise(checks.Silences, label="severity", level="warning", share_max=0.5)
    warnings = [sent(name, "warning", subject=name[-1]) for name in ("Slow-a", "Slow-b", "Late-b", "Full-c")]
    check(checks.judge_silences(line, [made], [DOWN, *warnings], PLACE), outcome)


def test_a_pattern_of_names_that_takes_most_is_no_name() -> None:
    line = promise(checks.Silences, label="severity", level="critical")
    many = [sent(f"Down{number}", "critical") for number in range(9)]
    for pattern, outcome in (("[A-Z].*", FAIL), ("Down[0-3]", PASS), ("Down1|Down2", PASS)):
        check(checks.judge_silences(line, [silence(("alertname", "=~", pattern))], many, PLACE), outcome)
    listed = "|".join(alert.rule for alert in many)
    check(checks.judge_silences(line, [silence(("alertname", "=~", listed))], many, PLACE), FAIL)


def test_a_silence_over_everything_is_seen_without_rules() -> None:
    line = promise(checks.Silences, label="severity", level="critical")
    check(checks.judge_silences(line, [silence(("severity", "=", "critical"))], [], PLACE), FAIL, "every alert")


@pytest.mark.parametrize(
    ("made", "outcome", "said"),
    [
        (silence(why="moving the database, TICKET-1"), PASS, "1 silence(s)"),
        (silence(why="Test."), FAIL, "gives no reason (comment 'Test.')"),
        (silence(why=" "), FAIL, "gives no reason"),
        (silence(by=""), FAIL, "has no author"),
        (silence(by="unknown"), FAIL, "has no author ('unknown')"),
        (silence(days=30), FAIL, "lasts 30 more days"),
        (silence(days=30, state="pending"), FAIL, "lasts 30 more days"),
        (silence(days=30, why="", state="expired"), PASS, "0 silence(s)"),
    ],
)
def test_explained(made: Silence, outcome: Outcome, said: str) -> None:
    line = contract.load().promises("routing.explained", checks.Explained)[0]
    check(checks.judge_explained(line, [made], NOW, PLACE), outcome, said)


def test_connected() -> None:
    check(checks.judge_connected(["http://a"], PLACE), PASS, "http://a")
    check(checks.judge_connected([], PLACE), FAIL, "to nobody")


@pytest.mark.parametrize(
    ("cluster", "page", "outcome", "said"),
    [
        ("ready", "reloaded 1\n", PASS, ""),
        ("disabled", "reloaded 1\n", PASS, ""),
        ("ready", "reloaded 0\n", FAIL, "the old configuration is in force"),
        ("settling", "reloaded 1\n", INCONCLUSIVE, "settling"),
        ("broken", "reloaded 1\n", FAIL, "'broken'"),
        ("ready", "other 1\n", PASS, "has no reloaded"),
    ],
)
def test_running(cluster: str, page: str, outcome: Outcome, said: str) -> None:
    line = promise(
        checks.Running, reloaded="reloaded", cluster_states=("ready", "disabled"), cluster_settles=("settling",)
    )
    check(checks.judge_running(line, Status("1", NOW, "", cluster), parse(page), PLACE), outcome, said)


# ------------------------------------------------------------------------------------------------------------- delivery

DELIVERY = {
    "label": "severity",
    "level": "critical",
    "marks": {"alertname": "Canary", "canary": "true"},
    "unique_label": "id",
    "receivers": ("canary",),
    "slack_seconds": 5,
    "patience_seconds": 45,
    "attempts": "a",
    "failures": "f",
}
FIRST = "match: {canary: 'true'}, receiver: canary, group_by: ['...'], group_wait: 0s, group_interval: 10s"


def canary(made: routing.Routing) -> delivery.Canary:
    labels = {"alertname": "Canary", "canary": "true", "severity": "critical", "id": "u"}
    return delivery.canary(
        made, level="critical", id_="u", labels=labels, receivers=("canary",), never=("pagerduty", "opsgenie")
    )


@pytest.mark.parametrize(
    ("made", "refusal"),
    [
        (plan(FIRST, receivers="canary:webhook"), ""),
        (plan(FIRST, receivers="canary:pagerduty"), "which may wake somebody"),
        (plan(FIRST, receivers="canary:"), "notifies nobody"),
        (plan(), "it would reach 'mail' by route"),
        (plan(f"{CRITICAL}, receiver: pager", FIRST, receivers="canary:webhook"), "it would reach 'pager'"),
        (plan(f"{FIRST}, continue: true", f"{CRITICAL}, receiver: pager", receivers="canary:webhook"), "'pager'"),
        (
            plan(FIRST, receivers="canary:webhook", more="inhibit_rules: [{source_match: {severity: critical}}]"),
            "would silence real alerts",
        ),
    ],
)
def test_a_test_alert_goes_to_its_receiver_or_nowhere(made: routing.Routing, refusal: str) -> None:
    found = canary(made)
    assert bool(found.refusal) is bool(refusal)
    assert refusal in found.refusal
    if refusal:
        check(checks.judge_delivery(promise(checks.Delivery, **DELIVERY), found, PLACE), NOT_COVERED, 'canary="true"')


def test_a_test_alert_silences_nobody() -> None:
    rules = "inhibit_rules: [{source_match: {severity: critical}, target_match: {severity: warning}, equal: [subject]}]"
    assert canary(plan(FIRST, receivers="canary:webhook", more=rules)).labels["subject"] == "u"


@pytest.mark.parametrize(
    ("arrived", "ended", "awaited", "outcome", "said"),
    [
        (0.2, 1.5, True, PASS, "arrived after 0.2 s, its end after 1.5 s"),
        (None, None, True, FAIL, "it did not arrive: it is silenced"),
        (0.2, None, True, FAIL, "its end did not"),
        (0.2, None, False, PASS, "was not waited for"),
    ],
)
def test_delivery(*, arrived: float | None, ended: float | None, awaited: bool, outcome: Outcome, said: str) -> None:
    made = canary(plan(FIRST, receivers="canary:webhook"))
    found = delivery.Delivered(made, "GET http://receiver", arrived, ended, awaited, "it is silenced", ("a note",))
    check(checks.judge_delivery(promise(checks.Delivery, **DELIVERY), found, PLACE), outcome, said)


MESSAGE = {"receiver": "canary", "status": "firing", "alerts": [{"status": "resolved", "labels": {"id": "u"}}]}


@pytest.mark.parametrize(
    ("document", "states"),
    [
        (MESSAGE, ["resolved"]),
        ({"notifications": [{"at": 1, "payload": MESSAGE}, {"at": 2, "payload": MESSAGE}]}, ["resolved", "resolved"]),
        ({"data": [{"content": json.dumps(MESSAGE)}]}, ["resolved"]),
        ({"alerts": "none", "other": [MESSAGE]}, ["resolved"]),
        ([{"content": '{"alerts": ['}], []),
        (None, []),
    ],
)
def test_messages_are_found_wherever_they_stand(document: object, states: list[str]) -> None:
    assert [found.status for found in delivery.notifications(document)] == states


@pytest.mark.parametrize(
    ("lost", "tried", "warning", "outcome", "said"),
    [
        ([0.0], [100.0], "", PASS, "nothing of note lost of 100"),
        ([4.0], [100.0], "", PASS, ""),
        ([6.0], [100.0], "", FAIL, "6.0 of 100.0 lost (integration=webhook)"),
        ([6.0], [0.0], "", FAIL, "6.0 of 6.0 lost"),
        ([0.0], [0.0], "", PASS, "nothing was tried"),
        ([], [], "", NOT_COVERED, "let Prometheus scrape itself"),
        ([6.0], [100.0], "partial", INCONCLUSIVE, "Prometheus warns: partial"),
    ],
)
def test_losses(lost: list[float], tried: list[float], warning: str, outcome: Outcome, said: str) -> None:
    def result(values: list[float]) -> QueryResult:
        samples = tuple(Sample({"integration": "webhook"}, value, NOW) for value in values)
        return QueryResult("q", "GET q", samples, warnings=(warning,) if warning else ())

    line = promise(checks.Losses, failed="f", total="t", window_seconds=60, share_max=0.05)
    check(checks.judge_losses(line, result(lost), result(tried), PLACE), outcome, said)
