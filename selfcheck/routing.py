"""Alertmanager's configuration as a tree: where an alert goes, what is inhibited, what is muted. Pure.

What an alert is labelled with is known only in part: a rule's own labels are, those of its series mostly not. So each
question has three answers: True, False, and None for "cannot be told".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from selfcheck import moments
from selfcheck.clients._reading import duration_seconds
from selfcheck.promql import (
    Aggregate,
    Binary,
    Call,
    Matcher,
    Negation,
    Node,
    Number,
    Selector,
    Subquery,
    Text,
    UnreadableError,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from selfcheck.clients.prometheus import Rule

_MATCHER: Final = re.compile(r'\s*([a-zA-Z_:][a-zA-Z0-9_:]*|"(?:[^"\\]|\\.)*")\s*(=~|!~|!=|=)\s*(.*?)\s*', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_PLAIN_CHOICE: Final = re.compile(r"\(?([\w .:/-]+(?:\|[\w .:/-]+)*)\)?")
_DEFAULT_SECONDS: Final = {"group_wait": 30.0, "group_interval": 300.0, "repeat_interval": 14400.0}
_SENT_RESOLVED_UNSAID: Final = frozenset({"email", "slack", "wechat"})
_ADDRESSES: Final = ("url", "api_url", "webhook_url")


class UnreadableConfigurationError(ValueError):
    """A configuration that this module does not understand; the text says why."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route, with what it inherits filled in. `place` says where it stands in the configuration."""

    place: str
    receiver: str
    matchers: tuple[Matcher, ...]
    goes_on: bool
    group_by: tuple[str, ...]
    group_wait_seconds: float
    group_interval_seconds: float
    repeat_seconds: float
    muted: tuple[str, ...]
    active: tuple[str, ...]
    children: tuple[Route, ...] = ()

    @property
    def shown(self) -> str:
        """Its matchers and its receiver."""
        return f"{{{', '.join(map(str, self.matchers))}}} -> {self.receiver}"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom a receiver notifies: the kind of each integration (`slack`, `webhook`, ...), and whether of the end, too.

    `withholds_resolved`: somebody switched that off, where its kind would tell. `alerts_max` is how many alerts of a
    message its widest integration gives on; 0: all. `addresses` are those that Alertmanager shows.
    """

    name: str
    integrations: tuple[str, ...]
    tells_resolved: bool
    withholds_resolved: bool = False
    alerts_max: int = 0
    addresses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Inhibition:
    """As long as an alert of the source is there, those of the target with the same values of `equal` are silent."""

    place: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Routing:
    """The whole configuration. `always` and `never` are time intervals that hold at each and at no moment.

    `by_day` hold at noon of working days and not at night, `by_night` the other way round; `placed` say where that is.
    """

    root: Route
    receivers: Mapping[str, Receiver]
    inhibitions: tuple[Inhibition, ...]
    always: frozenset[str]
    never: frozenset[str]
    by_day: frozenset[str] = frozenset()
    by_night: frozenset[str] = frozenset()
    placed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of an alert's labels: None is a value that is not known.

    `others`: it may have further labels, those of its series; `names` are all that there can be (None: not known).
    """

    known: Mapping[str, str | None]
    others: bool = False
    names: frozenset[str] | None = None

    def takes(self, matcher: Matcher) -> bool | None:
        """Whether the alert fulfils a matcher. A label that it does not have is empty."""
        further = self.others and (self.names is None or matcher.label in self.names)
        value = self.known.get(matcher.label, None if further else "")
        if value is not None:
            return matcher.takes(value)
        return True if matcher.operator == "=~" and matcher.value in (".*", "(.*)") else None

    def take(self, matchers: Iterable[Matcher]) -> bool | None:
        """Whether it fulfils all of them."""
        answers = [self.takes(matcher) for matcher in matchers]
        if False in answers:
            return False
        return None if None in answers else True


@dataclass(frozen=True, slots=True)
class Reach:
    """A route that an alert ends in; `sure` unless that depends on labels that are not known."""

    route: Route
    sure: bool


# --------------------------------------------------------------------------------------------------- the configuration


def read(text: str, year: int | None = None) -> Routing:
    """Read Alertmanager's configuration, as it works from a year on; raises UnreadableConfigurationError."""
    import yaml  # noqa: PLC0415 - only a run that looks at a configuration pays for it

    try:
        document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
        listed = [*(document.get("time_intervals") or ()), *(document.get("mute_time_intervals") or ())]
        intervals = [(each["name"], each.get("time_intervals") or ()) for each in listed]
        return Routing(
            root=_route(document["route"], "route", None),
            receivers={found["name"]: _receiver(found) for found in document.get("receivers") or ()},
            inhibitions=tuple(
                _inhibition(found, f"inhibit_rules[{number}]")
                for number, found in enumerate(document.get("inhibit_rules") or ())
            ),
            always=frozenset(name for name, parts in intervals if moments.is_always(parts)),
            never=frozenset(name for name, parts in intervals if moments.is_never(parts, year)),
            by_day=frozenset(name for name, parts in intervals if moments.by_day_only(parts)),
            by_night=frozenset(name for name, parts in intervals if moments.by_night_only(parts)),
            placed=frozenset(name for name, parts in intervals if moments.says_where(parts)),
        )
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"{type(error).__name__}: {error}"
        raise UnreadableConfigurationError(" ".join(message.split())) from error


def _route(found: Mapping[str, Any], place: str, parent: Route | None) -> Route:
    def seconds(key: str, inherited: float | None) -> float:
        if key in found:
            return duration_seconds(str(found[key]))
        return _DEFAULT_SECONDS[key] if inherited is None else inherited

    made = Route(
        place=place,
        receiver=str(found.get("receiver") or (parent.receiver if parent else "")),
        matchers=_matchers(found),
        goes_on=bool(found.get("continue")),
        group_by=tuple(found["group_by"]) if found.get("group_by") else (parent.group_by if parent else ()),
        group_wait_seconds=seconds("group_wait", parent.group_wait_seconds if parent else None),
        group_interval_seconds=seconds("group_interval", parent.group_interval_seconds if parent else None),
        repeat_seconds=seconds("repeat_interval", parent.repeat_seconds if parent else None),
        # These two are not inherited.
        muted=tuple(found.get("mute_time_intervals") or ()),
        active=tuple(found.get("active_time_intervals") or ()),
    )
    children = tuple(
        _route(child, f"{place}.routes[{number}]", made) for number, child in enumerate(found.get("routes") or ())
    )
    return replace(made, children=children)


def _matchers(found: Mapping[str, Any], prefix: str = "") -> tuple[Matcher, ...]:
    """Read matchers as they are written today, and as they were before 0.22."""
    new = [matcher(text) for given in found.get(f"{prefix}matchers") or () for text in _apart(str(given))]
    old = [Matcher(str(name), "=", str(value)) for name, value in (found.get(f"{prefix}match") or {}).items()]
    patterns = found.get(f"{prefix}match_re") or {}
    return (*new, *old, *(Matcher(str(name), "=~", str(value)) for name, value in patterns.items()))


def _apart(text: str) -> list[str]:
    """Take `{a="b",c="d"}` apart; commas in quotes stay."""
    text = text.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    return [part for part in re.findall(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+', text) if part.strip()]


def matcher(text: str) -> Matcher:
    """Read one matcher such as `severity="critical"`; raises ValueError."""
    found = _MATCHER.fullmatch(text)
    if found is None:
        message = f"{text!r} is no matcher"
        raise ValueError(message)
    label, operator, value = found.groups()
    return Matcher(_unquoted(label), operator, _unquoted(value))


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return _ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], text[1:-1])
    return text


def _receiver(found: Mapping[str, Any]) -> Receiver:
    kinds = {key.removesuffix("_configs"): each for key, each in found.items() if key.endswith("_configs") and each}
    resolved = [
        bool(one.get("send_resolved", kind not in _SENT_RESOLVED_UNSAID))
        for kind, each in kinds.items()
        for one in each
    ]
    withheld = [
        kind not in _SENT_RESOLVED_UNSAID and one.get("send_resolved") is False
        for kind, each in kinds.items()
        for one in each
    ]
    limits = [int(one.get("max_alerts") or 0) for each in kinds.values() for one in each]
    return Receiver(
        str(found["name"]),
        tuple(sorted(kinds)),
        tells_resolved=all(resolved),
        withholds_resolved=bool(withheld) and all(withheld),
        alerts_max=max(limits) if limits and all(limits) else 0,
        addresses=frozenset(
            str(one[key])
            for each in kinds.values()
            for one in each
            for key in _ADDRESSES
            if str(one.get(key) or "").startswith("http")
        ),
    )


def _inhibition(found: Mapping[str, Any], place: str) -> Inhibition:
    return Inhibition(
        place, _matchers(found, "source_"), _matchers(found, "target_"), tuple(map(str, found.get("equal") or ()))
    )


# ------------------------------------------------------------------------------------------------- where an alert goes


def reached(routing: Routing, labels: Labels) -> tuple[Reach, ...]:
    """Give every route that an alert ends in, or may end in."""
    return tuple(_reached(routing.root, labels, sure=True))


def _reached(route: Route, labels: Labels, *, sure: bool) -> Iterator[Reach]:
    any_sure, still_sure = False, sure
    for child in route.children:
        takes = labels.take(child.matchers)
        if takes is False:
            continue
        yield from _reached(child, labels, sure=still_sure and takes is True)
        any_sure = any_sure or takes is True
        if not child.goes_on:
            if takes is True:
                return
            still_sure = False
    if not any_sure:
        # With children that may have taken the alert, it may or may not have stayed here.
        perhaps = any(labels.take(child.matchers) is None for child in route.children)
        yield Reach(route, sure and not perhaps)


def routes(route: Route) -> Iterator[Route]:
    """Give a route and all below it."""
    yield route
    for child in route.children:
        yield from routes(child)


def unreachable(route: Route, above: tuple[Matcher, ...] = ()) -> Iterator[tuple[Route, str]]:
    """Give each route that no alert can ever reach, and why; those below such a route are not given."""
    blockers: list[Route] = []
    for child in route.children:
        wanted = (*above, *child.matchers)
        contrary = _contrary(wanted)
        blocker = next((each for each in blockers if _implied(each.matchers, wanted)), None)
        if contrary:
            yield child, f"its matchers contradict each other ({contrary})"
        elif blocker is not None:
            yield child, f"{blocker.place} {blocker.shown} takes all of it before, without `continue`"
        else:
            yield from unreachable(child, wanted)
        if not child.goes_on:
            blockers.append(child)


def _contrary(matchers: tuple[Matcher, ...]) -> str:
    for one in matchers:
        choices = _choices(one)
        for other in matchers:
            if choices and other.label == one.label and not any(other.takes(each) is not False for each in choices):
                return f"{one} and {other}"
    return ""


def _implied(weak: tuple[Matcher, ...], strong: tuple[Matcher, ...]) -> bool:
    """Whether each alert that fulfils the strong matchers surely fulfils the weak ones."""

    def follows(one: Matcher) -> bool:
        if one in strong or (one.operator == "=~" and one.value in (".*", "(.*)")):
            return True
        for other in strong:
            choices = _choices(other) if other.label == one.label else ()
            if choices and all(one.takes(each) is True for each in choices):
                return True
        return False

    return all(map(follows, weak))


def _choices(one: Matcher) -> tuple[str, ...]:
    """Give the only values that a matcher takes, where they can be listed."""
    if one.operator == "=":
        return (one.value,)
    listed = _PLAIN_CHOICE.fullmatch(one.value) if one.operator == "=~" else None
    return () if listed is None or "." in listed[1] else tuple(listed[1].split("|"))


def is_muted(routing: Routing, route: Route) -> str:
    """Say why a route never notifies, whatever the time; empty when it does at some time."""
    always = [name for name in route.muted if name in routing.always]
    if always:
        return f"the time interval {always[0]!r} mutes it at all times"
    if route.active and all(name in routing.never for name in route.active):
        return f"it is active only in {route.active[0]!r}, which never comes"
    return ""


def is_muted_sometimes(routing: Routing, route: Route) -> str:
    """Say what keeps a route from notifying at some time; empty when nothing does."""
    muting = [name for name in route.muted if name not in routing.never]
    if muting:
        return f"the time interval {muting[0]!r} mutes it"
    if route.active and not any(name in routing.always for name in route.active):
        return f"it is active in {route.active[0]!r} only"
    return ""


def sleeps_by_day(routing: Routing, route: Route) -> tuple[str, bool]:
    """Say what keeps a route from notifying by day although it does at night, and whether that is sure."""
    for name in route.muted:
        if name in routing.by_day:
            return f"the time interval {name!r} mutes it by day", name in routing.placed
    if route.active and all(name in routing.by_night for name in route.active):
        return f"it is active in {route.active[0]!r}, at night", all(name in routing.placed for name in route.active)
    return "", True


# ---------------------------------------------------------------------------------------------- the labels of an alert


@dataclass(frozen=True, slots=True)
class Sent:
    """An alert as a rule would send it; `always`: the rule fires at all times, by its form.

    `own`: it is the platform's, and not one of others that the same Prometheus evaluates.
    """

    rule: str
    labels: Labels
    always: bool = False
    own: bool = True


def labels_of(rule: Rule) -> Labels:
    """Give what is known of the labels of a rule's alerts: those of its series, with the rule's own over them."""
    try:
        base = _of(parse(rule.query))
    except UnreadableError:
        base = Labels({}, others=True)
    own = {name: None if "{{" in value else value for name, value in rule.labels.items()}
    known = {**base.known, **own, "alertname": rule.name}
    return replace(base, known={name: value for name, value in known.items() if value != ""})


def _of(node: Node) -> Labels:  # noqa: PLR0911 - one case a kind of node
    match node:
        case Selector():
            equal = {one.label: one.value for one in node.matchers if one.operator == "=" and one.value}
            return Labels({} if node.alternatives else equal, others=True)
        case Aggregate():
            return _of_aggregate(node)
        case Call(function="vector" | "scalar" | "time") | Number() | Text():
            return Labels({})
        case Call(function="absent" | "absent_over_time"):
            return replace(_of(node.arguments[0]), others=False)
        case Call(function="label_replace" | "label_join"):
            inner, written = _of(node.arguments[0]), node.arguments[1]
            name = written.value if isinstance(written, Text) else ""
            return replace(inner, known={**inner.known, name: None})
        case Call():
            # Functions of a vector keep its labels, wherever it stands among the arguments.
            vectors = [part for part in node.arguments if not isinstance(part, Number | Text)]
            return _of(vectors[0]) if vectors else Labels({})
        case Subquery() | Negation():
            return _of(node.inner)
        case Binary():
            return _of_binary(node)
        case _:
            return Labels({}, others=True)


def _of_aggregate(node: Aggregate) -> Labels:
    inner = _of(node.inner)
    if node.operation in ("topk", "bottomk", "limitk", "limit_ratio"):
        return inner
    made = {node.parameter.value: None} if isinstance(node.parameter, Text) else {}
    if node.without:
        gone = set(node.labels or ())
        kept = {name: value for name, value in inner.known.items() if name not in gone}
        # Of further labels, those that are dropped are known to be missing: `""`.
        return Labels({**kept, **dict.fromkeys(gone, ""), **made}, inner.others)
    kept = {name: inner.known.get(name) for name in node.labels or () if inner.others or name in inner.known}
    return Labels({**kept, **made})


def _of_binary(node: Binary) -> Labels:
    left, right = _of(node.left), _of(node.right)
    if isinstance(node.left, Number):
        return right
    if isinstance(node.right, Number) or node.operator in ("and", "unless"):
        return left
    if node.operator == "or":
        names = left.known.keys() | right.known.keys()
        both = {name: left.known.get(name) if left.known.get(name) == right.known.get(name) else None for name in names}
        return Labels(both, left.others or right.others)
    if node.grouping:
        many, one = (left, right) if node.grouping == "left" else (right, left)
        return replace(many, known={**many.known, **{name: one.known.get(name) for name in node.included}})
    if node.on is not None:
        return Labels({name: left.known.get(name) for name in node.on if left.others or name in left.known})
    ignored = set(node.ignoring or ())
    return replace(left, known={name: value for name, value in left.known.items() if name not in ignored})


def relabelled(
    labels: Labels, configurations: Iterable[Mapping[str, Any]], external: Mapping[str, str]
) -> Labels | None:
    """Give an alert's labels as Prometheus sends them: its external labels added, then relabelled.

    None: it is dropped. What cannot be worked out is left as "not known".
    """
    known: dict[str, str | None] = {**external, **labels.known}
    others = labels.others
    for step in configurations:
        action = str(step.get("action", "replace")).lower()
        pattern = _compiled(step.get("regex", "(.*)"))
        names = list(step.get("source_labels") or ())
        values = [known.get(name, None if others else "") for name in names]
        joined = None if None in values else str(step.get("separator", ";")).join(map(str, values))
        if action in ("drop", "keep"):
            if joined is not None and pattern is not None and (pattern.fullmatch(joined) is None) is (action == "keep"):
                return None
        elif action in ("labeldrop", "labelkeep"):
            if pattern is not None:
                drops = action == "labeldrop"
                kept = {name: value for name, value in known.items() if (pattern.fullmatch(name) is None) is drops}
                known = {**dict.fromkeys(known, ""), **kept} if others else kept
        elif action == "labelmap":
            others = True
        elif target := str(step.get("target_label", "")):
            known[target] = _replaced(step, action, pattern, joined, known.get(target, "" if not others else None))
    return Labels({name: value for name, value in known.items() if value != "" or others}, others)


def loses(configurations: Iterable[Mapping[str, Any]], label: str) -> bool:
    """Tell whether relabelling takes a label away, whatever its value is. Pure."""
    steps = [step for step in configurations if str(step.get("action", "replace")).lower() not in ("drop", "keep")]
    found = relabelled(Labels({label: "any"}), steps, {})
    return found is not None and not found.others and label not in found.known


def _replaced(
    step: Mapping[str, Any], action: str, pattern: re.Pattern[str] | None, joined: str | None, before: str | None
) -> str | None:
    if action != "replace" or pattern is None or joined is None:
        return None
    found = pattern.fullmatch(joined)
    if found is None:
        return before
    text = str(step.get("replacement", "$1"))
    try:
        return found.expand(re.sub(r"\$\{?(\w+)\}?", r"\\g<\1>", text))
    except (re.error, IndexError):
        return None


def _compiled(text: object) -> re.Pattern[str] | None:
    try:
        return re.compile(str(text))
    except re.error:
        return None


# ----------------------------------------------------------------------------------------------------------- inhibition


def agree(source: Labels, target: Labels, equal: Iterable[str]) -> bool | None:
    """Whether two alerts have the same values of some labels; a label that neither has agrees.

    `names` are all labels that there are: another one no series can have. None: they are not known.
    """
    answers = []
    for name in equal:
        one, other = (_value(labels, name) for labels in (source, target))
        answers.append(None if one is None or other is None else one == other)
    if False in answers:
        return False
    return None if None in answers else True


def _value(labels: Labels, name: str) -> str | None:
    if name in labels.known:
        return labels.known[name]
    return "" if not labels.others or (labels.names is not None and name not in labels.names) else None


@dataclass(frozen=True, slots=True)
class Pair:
    """An alert that silences another one; `sure` unless that depends on labels that are not known."""

    source: Sent
    target: Sent
    sure: bool


def pairs(rule: Inhibition, alerts: Iterable[Sent]) -> Iterator[Pair]:
    """Give which alerts can silence which by an inhibition.

    An alert that is on both sides is not silenced by another one that is, nor by itself.
    """
    sides = [(alert, alert.labels.take(rule.source), alert.labels.take(rule.target)) for alert in alerts]
    targets = [side for side in sides if side[2] is not False]
    # Those whose compared values are all known are found by these: there may be a thousand alerts on either side.
    by_values: dict[tuple[str | None, ...], list[tuple[Sent, bool | None, bool | None]]] = {}
    for side in targets:
        by_values.setdefault(_values(side[0].labels, rule.equal), []).append(side)
    unknown = [side for values, several in by_values.items() if None in values for side in several]
    for source, is_source, also_target in sides:
        if is_source is False:
            continue
        values = _values(source.labels, rule.equal)
        candidates = targets if None in values else [*by_values.get(values, ()), *unknown]
        for target, also_source, is_target in candidates:
            if also_target is True and also_source is True:
                continue
            agreed = agree(source.labels, target.labels, rule.equal)
            if agreed is not False:
                certain = is_source is True and is_target is True and agreed is True
                yield Pair(source, target, certain and not (also_target is None and also_source is None))


def _values(labels: Labels, equal: Iterable[str]) -> tuple[str | None, ...]:
    return tuple(_value(labels, name) for name in equal)


def missing_labels(rule: Inhibition, alerts: Iterable[Sent]) -> list[str]:
    """Give the labels of `equal` that no alert has or can have."""
    every = list(alerts)
    return [name for name in rule.equal if every and all(_value(each.labels, name) == "" for each in every)]


# ------------------------------------------------------------------------------------------------------------- grouping


def merging(route: Route, alerts: Iterable[Sent]) -> str:
    """Say why a route puts all of some alerts into one message; empty where its grouping can tell them apart."""
    if "..." in route.group_by:
        return ""
    if not route.group_by:
        return "`group_by` is empty"
    pinned = {one.label for one in route.matchers if one.operator == "="}
    every = list(alerts)
    absent = [name for name in route.group_by if all(_value(each.labels, name) == "" for each in every)]
    if set(route.group_by) - pinned - set(absent):
        return ""
    told = [f"{', '.join(absent)}, which no alert has"] if absent else []
    told += [f"{name}, which is the same for all" for name in route.group_by if name not in absent]
    return f"`group_by` has only {' and '.join(told)}"


# ------------------------------------------------------------------------------------------------------------- channels


@dataclass(frozen=True, slots=True)
class Means:
    """Through what a receiver reaches people: names of channels; `unclear` where an integration may be anything."""

    channels: frozenset[str]
    unclear: bool


def borrowed_from(receiver: Receiver, plan: Routing, channels: Mapping[str, Any], meant: Collection[str]) -> str:
    """Give the receiver of another channel whose address this one has; empty where that tells nothing.

    One server may take everything at one address, and tell by the labels what to do. Where it has an address for each,
    two that agree are a copy that nobody finished.
    """
    servers = {urlsplit(address).netloc for address in receiver.addresses}
    others = [each for each in plan.receivers.values() if {urlsplit(one).netloc for one in each.addresses} & servers]
    if all(each.addresses == receiver.addresses for each in others):
        return ""
    alike = (each for each in others if each.name != receiver.name and each.addresses == receiver.addresses)
    return next((each.name for each in alike if (found := means(each, channels).channels) and not found & {*meant}), "")


def means(receiver: Receiver, channels: Mapping[str, Any]) -> Means:
    """Tell the channels of a receiver: by the kind of an integration, else (a webhook) by the receiver's name.

    Each channel has `integrations` (kinds) and `names` (a regular expression that is searched for).
    """
    known = {kind for channel in channels.values() for kind in channel.integrations}
    found = {name for name, channel in channels.items() if set(channel.integrations) & set(receiver.integrations)}
    unclear = False
    if set(receiver.integrations) - known:
        named = {name for name, channel in channels.items() if re.search(channel.names, receiver.name, re.IGNORECASE)}
        found |= named
        unclear = not named
    return Means(frozenset(found), unclear)
