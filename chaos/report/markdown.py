"""The report of a chaos run in short, as Markdown: for a ticket, a chat, the summary of a CI run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.report.html import COLUMNS, RECOVER, figure_texts, meaning, outcome_text, whole
from load import wording
from load.report.markdown import code, plain, red
from load.report.verdicts import exit_meaning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chaos.report.story import Story
    from selfcheck.run import Result


def render(
    stories: Sequence[Story],
    results: Sequence[Result],
    *,
    exit_code: int | None = None,
    troubles: Sequence[str] = (),
) -> str:
    """Give the text: verdict, what is left over, what to fix, a line for each experiment; nothing in it acts."""
    outcome = whole(stories, results)
    record = next((told.record for told in stories if told.record is not None), None)
    about = (
        f"{code(record.base_url)} ({plain(record.environment)}), began {plain(record.started_at)}, run"
        f" {code(record.run_id)}"
        if record is not None
        else "No experiment left a record."
    )
    parts = [
        f"# {outcome}: chaos run",
        f"{meaning(stories, results)} {exit_meaning(outcome, exit_code)}",
        *_left(stories),
        about,
        *map(plain, troubles),
        *red(results),
        "\n".join(_table(stories)),
        *(_done(told) for told in stories if told.record is not None and told.record.faults),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _left(stories: Sequence[Story]) -> Iterator[str]:
    left = [f"{plain(told.name)}: {plain(what)}" for told in stories for what in told.not_undone]
    if left:
        lines = "\n".join(f"- {line}" for line in left)
        yield f"**The target is not clean: a fault could not be undone.** Undo it by hand: {code(RECOVER)}\n\n{lines}"


def _table(stories: Sequence[Story]) -> Iterator[str]:
    yield f"| {' | '.join(name.lower() for name in COLUMNS)} |"
    yield f"|---|---|---|{'---:|' * (len(COLUMNS) - 3)}"
    for told in stories:
        word = outcome_text(told)
        cells = [
            plain(told.name),
            plain(told.fault) or wording.NOTHING,
            word if word == "PASS" else f"**{word}**",
            *figure_texts(told, told.figures),
        ]
        yield f"| {' | '.join(cells)} |"


def _done(told: Story) -> str:
    assert told.record is not None  # see `render`
    lines = [f"**{plain(told.name)}**: what was done"]
    for done in told.record.faults:
        made = "not made" if done.injected is None else f"made at {wording.clock(done.injected)}"
        undone = "**not undone**" if done.undone is None else f"undone at {wording.clock(done.undone)}"
        trouble = f" ({plain(done.trouble)})" if done.trouble else ""
        lines.append(
            f"- {plain(done.fault)} of {plain(done.target)}: {made}"
            + ("" if done.injected is None else f", {undone}: {plain(done.undo)}")
            + trouble
        )
    return "\n".join(lines)
