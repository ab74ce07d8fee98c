"""What the gate prints: each failure as a block a person can act on, then what was not looked at, then the verdict."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from selfcheck.contract import CREDENTIALS
from selfcheck.observation import Trouble
from selfcheck.report import VERDICT_FILE
from selfcheck.verdict import Outcome

if TYPE_CHECKING:
    from selfcheck.run import Result, Run

_LABEL_WIDTH = 13
_COMMAND = re.compile(r"(^\s*(?=::)|#(?=#(?:\[|vso)))")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text and how it is emphasised (names of pytest's terminal markup)."""

    text: str
    markup: dict[str, bool] = field(default_factory=dict)


def render(run: "Run", exit_code: int, *, width: int = 80) -> list[Line]:
    """Give the summary of a run as lines of at most `width` columns (an unbreakable word may be longer)."""
    lines = [Line("")]
    if run.not_undone:
        lines += [Line("NOT UNDONE: a fault of this run is still there", {"red": True, "bold": True})]
        lines += [*_field("observed", run.not_undone, width)]
        lines += [
            *_field("to do", "undo it by hand or wait for what it needs, then `make chaos-recover`", width),
            Line(""),
        ]
    if run.refusal:
        lines += [Line("REFUSED to check this target", {"red": True, "bold": True})]
        lines += [*_field("observed", run.refusal, width), Line("")]
    every = run.every_result
    # Where a selection has left out the one that says why, each says it itself.
    told = {item.id for item in every} | {Trouble.DEADLINE.value}
    shown = [item for item in every if item.verdict.blocked_by not in told]
    for outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE):
        for item in shown:
            if item.outcome is outcome:
                lines += _block(item, width)
    lines += _blocked(run, (item for item in every if item.verdict.blocked_by in told), width)
    lines += _waived(every, width)
    lines += _not_covered(every, width)
    lines += _notes(every, width)
    for thing in run.target.left_behind:
        lines += _remark("left behind", f"{thing}; remove it by hand", width, yellow=True)
    for remark in run.remarks:
        lines += _remark("note", remark, width, yellow=True)
    lines += _closing(run, every, exit_code, width)
    return [Line(_inert(line.text), line.markup) for line in lines]


def _inert(text: str) -> str:
    """Keep a line of text from being a command to a CI system that reads the output (`::...::`, `##[...]`)."""
    return _COMMAND.sub(r"\1\\", text)


def _block(item: "Result", width: int) -> Iterator[Line]:
    verdict = item.verdict
    failed = item.outcome is Outcome.FAIL
    colour = {"red": True, "bold": True} if failed and not item.waived else {"yellow": True, "bold": True}
    word = f"{item.outcome} (waived)" if item.waived else str(item.outcome)
    yield Line(f"{word} {item.id}  [{item.severity}, {item.owner}]", colour)
    for label, text in (
        ("promise", item.says),
        ("expected", verdict.expected if verdict.expected != item.says else ""),
        ("observed", verdict.observed),
        ("asked", verdict.where),
        ("reproduce", verdict.reproduce),
        ("do", verdict.remedy),
        ("runbook", item.runbook),
    ):
        if text:
            yield from _field(label, text, width)
    for note in verdict.notes:
        yield from _field("note", note, width)
    yield Line("")


def _field(label: str, text: str, width: int) -> Iterator[Line]:
    first, rest = f"  {label}".ljust(_LABEL_WIDTH), " " * _LABEL_WIDTH
    if label == "reproduce":
        # A command is copied from the terminal: it stays on one line.
        yield Line(f"{first}{text}")
        return
    for part in text.splitlines() or [""]:
        for line in textwrap.wrap(part, width - _LABEL_WIDTH, break_on_hyphens=False) or [""]:
            yield Line(f"{first}{line}".rstrip())
            first = rest


def _remark(label: str, text: str, width: int, **markup: bool) -> Iterator[Line]:
    indent = " " * (len(label) + 2)
    wrapped = textwrap.wrap(f"{label}: {text}", width, subsequent_indent=indent, break_on_hyphens=False)
    yield from (Line(line, markup) for line in wrapped)


def _blocked(run: "Run", every: Iterable["Result"], width: int) -> Iterator[Line]:
    blocked = Counter(item.verdict.blocked_by for item in every if item.verdict.blocked_by)
    credentials = {promise.id for promise in run.contract.platform.component if promise.component in CREDENTIALS}
    for cause, count in blocked.items():
        named = f"credentials ({cause})" if cause in credentials else cause
        yield from _remark("blocked", f"{count} checks could not look, blocked by: {named}", width, yellow=True)


def _waived(every: Iterable["Result"], width: int) -> Iterator[Line]:
    for item in every:
        if item.waived:
            yield from _remark("waived", f"{item.id} {item.waived}", width, yellow=True)


def _not_covered(every: Iterable["Result"], width: int) -> Iterator[Line]:
    found = sorted(
        (item.verdict.observed, item.verdict.remedy, item.id) for item in every if item.outcome is Outcome.NOT_COVERED
    )
    for (observed, remedy), group in groupby(found, key=lambda item: item[:2]):
        ids = [item[2] for item in group]
        what = ids[0] if len(ids) == 1 else f"{len(ids)} promises"
        yield from _remark("not covered", f"{observed} ({what}); {remedy}", width, cyan=True)


def _notes(every: Iterable["Result"], width: int) -> Iterator[Line]:
    for item in every:
        if item.outcome is Outcome.PASS:
            for note in item.verdict.notes:
                yield from _remark("warning", f"{item.id}: {note}", width, yellow=True)


def _closing(run: "Run", every: list["Result"], exit_code: int, width: int) -> Iterator[Line]:
    counts = Counter(item.outcome for item in every if not item.waived)
    waived = sum(bool(item.waived) for item in every)
    received = sum(figures["bytes"] for figures in run.traffic.values())
    yield from _remark(
        "asked",
        f"{run.scope.base_url} ({run.scope.name}), {run.requests_to_platform} requests to the platform, "
        f"{received / 1000:.0f} kB received in all",
        width,
    )
    if not run.unwritten:
        yield from _remark("report", str(run.settings.output / VERDICT_FILE), width)
    outcome = run.word
    mode = "strict" if run.settings.strict else "not strict: INCONCLUSIVE only warns"
    parts = [f"{counts[one]} {word}" for one, word in _WORDS.items() if counts[one]]
    parts += [f"{waived} waived"] if waived else []
    colour = {"PASS": "green", "INCONCLUSIVE": "yellow"}.get(outcome, "red")
    text = f"{outcome}: {', '.join(parts) or 'nothing was looked at'} ({mode}; exit code {exit_code})"
    for line in textwrap.wrap(text, width):
        yield Line(line, {colour: True, "bold": True})


_WORDS = {
    Outcome.FAIL: "failed",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.PASS: "passed",
    Outcome.NOT_COVERED: "not covered",
}
