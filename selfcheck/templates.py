"""What is wrong with the templates of an alert: how its value is printed, and which labels it names. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from selfcheck.labels import Flow, ever, flow
from selfcheck.ladder import nearest
from selfcheck.shapes import Finding, Lint
from selfcheck.units import Unit, measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from selfcheck.knowledge import Knowledge
    from selfcheck.promql import Node

_ACTION: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_STRING: Final = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`')
_VALUE: Final = re.compile(r"\$value\b|(?<![\w$.)])\.Value\b")
_LABEL: Final = re.compile(r"(?:\$labels|(?<![\w$.)])\.Labels)\.([a-zA-Z_]\w*)")
_ALL_LABELS: Final = re.compile(r"(?:\$labels|(?<![\w$.)])\.Labels)(?![\w.])")
_CONTROL: Final = re.compile(r"(?:if|else|with|range|end|define|template|block|break|continue)\b")
_REDEFINES: Final = re.compile(r"(?:with|range|define|block)\b|\$(?:value|labels)\s*:?=")
_PERCENT_AFTER: Final = re.compile(r"\s?(?:%|percent\b|per cent\b)")
_NUMBER_FORMAT: Final = re.compile(r"%[-+ 0#]*\d*(?:\.\d+)?[feEgGdv]")
_FRACTION_FUNCTIONS: Final = "humanizePercentage"
_TIME_FUNCTIONS: Final = "humanizeDuration"


def lint_templates(
    expression: Node, labels: Mapping[str, str], annotations: Mapping[str, str], knowledge: Knowledge
) -> list[Finding]:
    """Find what is wrong in the labels and annotations of an alert."""
    found: list[Finding] = []
    there, unit = flow(expression, knowledge), measure(expression, knowledge).unit
    kept = ever(expression, knowledge)
    nameless = kept if kept and not any(_names_some(text, kept) for text in annotations.values()) else None
    for name, text in labels.items():
        if "{{" in text and not _redefined(text):
            found += [*_changing_label(name, text), *_missing_labels(name, text, there, None)]
    for name, text in annotations.items():
        if "{{" in text and not _redefined(text):
            found += [*_wrongly_printed(name, text, unit), *_missing_labels(name, text, there, nameless)]
    return list(dict.fromkeys(found))


def _actions(text: str) -> Iterator[tuple[str, str, str]]:
    """Give each action of a template, its strings taken out, with its strings and what follows it."""
    for action in _ACTION.finditer(text):
        inner = action[1]
        yield _STRING.sub('""', inner), " ".join(_STRING.findall(inner)), text[action.end() :]


def _prints_value(action: str) -> bool:
    return bool(_VALUE.search(action)) and not _CONTROL.match(action)


def _changing_label(name: str, text: str) -> Iterator[Finding]:
    for action, _, _ in _actions(text):
        if _prints_value(action):
            sentence = (
                f"the label {name} holds the value: it is another alert at each evaluation, and `for` starts anew"
            )
            yield Finding(Lint.CONSTANTS, sentence, text)
            return


def _redefined(text: str) -> bool:
    """Whether a template gives `.` or the variables another meaning somewhere, or makes text of a query."""
    return any(_REDEFINES.match(action) or "query" in action for action, _, _ in _actions(text))


def _wrongly_printed(name: str, text: str, unit: Unit) -> Iterator[Finding]:
    for action, strings, rest in _actions(text):
        if _prints_value(action):
            wrong = _wrong_print(action, strings, rest, unit)
            if wrong:
                yield Finding(Lint.TEMPLATES, f"{name} {wrong}", text)


def _wrong_print(action: str, strings: str, rest: str, unit: Unit) -> str:
    sign = bool(_PERCENT_AFTER.match(rest)) or strings.count("%%") > 0
    if _FRACTION_FUNCTIONS in action:
        if sign:
            return "prints two percent signs: humanizePercentage puts one itself"
        if unit is Unit.PERCENT:
            return f"multiplies by 100 what is {unit} already (humanizePercentage)"
        return f"prints a percentage of {unit}" if unit not in (Unit.RATIO, Unit.UNKNOWN) else ""
    if _TIME_FUNCTIONS in action:
        return f"prints a duration, and the value is {unit}" if unit not in (Unit.SECONDS, Unit.UNKNOWN) else ""
    plain = "|" not in action or bool(_NUMBER_FORMAT.search(strings)) or "humanize" in action
    if sign and plain and unit is Unit.RATIO:
        return f"prints a percent sign after what is {unit}"
    return ""


def _names_some(text: str, kept: frozenset[str]) -> bool:
    """Whether a text says which one it is about: it prints a label that there is, or may print whatever there is."""
    whole = any(_ALL_LABELS.search(action) for action, _, _ in _actions(text))
    return whole or _redefined(text) or any(label in kept for label in _LABEL.findall(text))


def _missing_labels(name: str, text: str, there: Flow, nameless: frozenset[str] | None) -> Iterator[Finding]:
    """Find labels that are printed and not there.

    A label that has no near one may come from a deployment's own series. It does not where all labels that there ever
    are were named and none of them is printed (`nameless`): then nobody learns what the alert is about.
    """
    asked_about = {
        label for action, _, _ in _actions(text) if _CONTROL.match(action) for label in _LABEL.findall(action)
    }
    printed = dict.fromkeys(
        label for action, _, _ in _actions(text) if not _CONTROL.match(action) for label in _LABEL.findall(action)
    )
    for label in printed:
        if there.may_have(label) or label in asked_about or label == "alertname":
            continue
        part = there.dropped.get(label)
        if part:
            yield Finding(Lint.LABELS, f"{name} prints the label {label}, which {part} drops", text)
        elif not there.possible:
            yield Finding(Lint.LABELS, f"{name} prints the label {label}, and the result has no labels", text)
        else:
            near, alike = nearest(label, there.possible)
            has = ", ".join(sorted(there.possible))
            sentence = f"{name} prints the label {label}, which the result never has"
            sure = alike or (nameless is not None and label not in nameless)
            yield Finding(
                Lint.LABELS, f"{sentence} ({f'nearest: {near}' if alike else f'it has {has}'})", text, sure=sure
            )
