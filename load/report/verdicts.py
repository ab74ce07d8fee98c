"""How HTML reports show verdicts: a card for what is to be acted on, a table of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from load.report.markup import Markup, element, joined
from load.report.page import cell, headings, paragraph, section, table
from selfcheck.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from selfcheck.run import Result


def exit_meaning(outcome: Outcome, exit_code: int | None) -> str:
    """Say which exit code goes with an outcome, or which one the run had."""
    if exit_code is not None:
        return f"Exit code {exit_code}."
    return {
        Outcome.PASS: "Exit code 0.",
        Outcome.FAIL: "Exit code 1.",
    }.get(outcome, "Exit code 10 where INCONCLUSIVE fails a run (strict), else 0.")


def tone(outcome: Outcome) -> str:
    """Give the class of the style sheet for an outcome."""
    return str(outcome).replace(" ", "-")


def word(outcome: Outcome) -> Markup:
    """Give the word for an outcome in its colour."""
    return element("span", str(outcome), class_=f"word {tone(outcome)}")


def reds(results: Sequence[Result]) -> list[Result]:
    """Give what is not green and was looked for, the worst first."""
    return [
        result for outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE) for result in results if result.outcome is outcome
    ]


def red(results: Sequence[Result], title: str = "What does not hold, or could not be told") -> Markup | None:
    """Give a card for each promise that is not kept or could not be told, FAILs first; None where there is none."""
    found = reds(results)
    shown = [result for result in found if not result.verdict.blocked_by]
    blocked: dict[str, list[str]] = {}
    for result in found:
        if result.verdict.blocked_by:
            blocked.setdefault(result.verdict.blocked_by, []).append(result.id)
    if not found:
        return None
    return section(
        title,
        *map(card, shown),
        *(
            paragraph("Blocked by ", element("strong", cause), f": {', '.join(ids)} could not be judged.")
            for cause, ids in blocked.items()
        ),
    )


def card(result: Result) -> Markup:
    """Give all that a person needs to act on one verdict."""
    verdict = result.verdict
    word = f"{result.outcome} (waived)" if result.waived else str(result.outcome)
    fields = (
        ("promise", result.says, None),
        ("expected", verdict.expected if verdict.expected != result.says else "", None),
        ("observed", verdict.observed, "observed"),
        ("asked", verdict.where, None),
        ("reproduce", element("code", verdict.reproduce) if verdict.reproduce else "", None),
        ("do", verdict.remedy, None),
        ("waived", result.waived, None),
        ("runbook", _link(result.runbook), None),
        *(("note", note, None) for note in verdict.notes),
    )
    return element(
        "article",
        element(
            "h3",
            element("span", word, class_="word"),
            f" {result.id} ",
            element("span", f"{result.severity}, {result.owner}", class_="remark"),
        ),
        element(
            "dl",
            *(joined(element("dt", name), element("dd", text, class_=style)) for name, text, style in fields if text),
            class_="fields",
        ),
        id=result.id,
        class_=f"card {tone(result.outcome)}",
    )


def _link(place: str) -> Markup:
    """Make a link of a web address; a path is of the repository, which this file may be far away from."""
    return element("a", place, href=place) if place.startswith(("https://", "http://")) else element("code", place)


def judged(results: Sequence[Result]) -> Markup:
    """Give a table of all verdicts."""
    rows = [
        element(
            "tr",
            element(
                "th", result.id, element("div", result.says, class_="remark", style="font-weight:400"), scope="row"
            ),
            cell(word(result.outcome), "text"),
            cell(
                joined(
                    f"blocked by {result.verdict.blocked_by}" if result.verdict.blocked_by else result.verdict.observed,
                    *(element("div", note, class_="remark") for note in result.verdict.notes),
                ),
                "text",
            ),
        )
        for result in results
    ]
    names = ("Promise", "Verdict", "Observed")
    return table([headings(*names, text=names)], rows)
