"""The report of a chaos run as one HTML file: is anything still broken, what to fix, then each experiment in full.

Whoever reads it asks, in this order: is the target clean again? did the platform take the faults as promised? what do I
fix? what did each fault cost, and how soon was it seen? and then, of one experiment: what happened when?
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.report import charts, lanes
from load import wording
from load.report import verdicts
from load.report.markup import Markup, element, joined
from load.report.page import cell, document, facts, headings, paragraph, section, table
from selfcheck.verdict import Outcome, roll_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chaos.record import Look
    from chaos.report.story import Figures, Story
    from selfcheck.run import Result

RECOVER = "make chaos-recover"
"""What a person runs to undo what is left over."""

_STYLE = """
.alarm { --tone: var(--fail); border: 2px solid var(--tone); border-radius: 6px; padding: 10px 18px; margin: 0 0 14px;
  background: var(--card); }
.alarm strong { color: var(--tone); font-size: 16px; }
h2 .word, h3 .word, tbody .word { color: var(--tone); font-weight: 700; white-space: nowrap; }
td.fault { min-width: 12ch; overflow-wrap: normal; } td.fault .word { white-space: normal; }
h3.part { font-size: 14px; margin: 20px 0 4px; }
""".strip()


def render(
    stories: Sequence[Story],
    results: Sequence[Result],
    *,
    exit_code: int | None = None,
    troubles: Sequence[str] = (),
) -> str:
    """Give the page; texts in it are escaped, but masking secrets is `writing.cleaned`'s."""
    outcome = whole(stories, results)
    first = next((told.record for told in stories if told.record is not None), None)
    target = first.base_url if first is not None else "an unknown target"
    return document(
        f"{outcome}: chaos run on {target}",
        element("h1", "Chaos run"),
        _alarm(stories),
        _banner(stories, results, exit_code),
        _facts(stories),
        *(paragraph(trouble) for trouble in troubles),
        verdicts.red(results, "What to fix"),
        _table(stories),
        *(_experiment(told) for told in stories),
        element("footer", _footer(stories)),
        style=f"{_STYLE}\n{lanes.STYLE}",
    )


def whole(stories: Sequence[Story], results: Sequence[Result]) -> Outcome:
    """Give the outcome of the run: a fault that is still there fails it whatever the verdicts say."""
    if any(told.not_undone for told in stories):
        return Outcome.FAIL
    return roll_up(result.counts_as for result in results)


def meaning(stories: Sequence[Story], results: Sequence[Result]) -> str:
    """Say what came of a run in a sentence without the word for its outcome."""
    counted = [result for result in results if result.outcome is not Outcome.NOT_COVERED]
    broken = sum(result.counts_as is Outcome.FAIL for result in counted)
    unclear = sum(result.counts_as is Outcome.INCONCLUSIVE for result in counted)
    done = sum(not told.refused for told in stories)
    refused = len(stories) - done
    about = f"{_number(done, 'experiment')} done" + (f", {refused} refused" if refused else "")
    if not counted:
        return f"{about}. Nothing was judged."
    parts = [f"{broken} {'is' if broken == 1 else 'are'} broken"] if broken else []
    parts += [f"{unclear} could not be told"] if unclear else []
    judged = _number(len(counted), "promise")
    return f"{about}; of {judged}, {' and '.join(parts)}." if parts else f"{about}; all of {judged} are kept."


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _alarm(stories: Sequence[Story]) -> Markup | None:
    left = [(told.name, what) for told in stories for what in told.not_undone]
    if not left:
        return None
    items = (element("li", element("a", name, href=f"#experiment-{name}"), f": {what}") for name, what in left)
    return element(
        "div",
        element("strong", "The target is not clean: a fault could not be undone"),
        element("ul", *items),
        paragraph("Undo it by hand: ", element("code", RECOVER)),
        class_="alarm",
        role="alert",
    )


def _banner(stories: Sequence[Story], results: Sequence[Result], exit_code: int | None) -> Markup:
    outcome = whole(stories, results)
    red = [r for r in verdicts.reds(results) if not r.verdict.blocked_by and not r.waived]
    named = [element("li", element("a", r.id, href=f"#{r.id}"), f": {r.verdict.observed}") for r in red[:3]]
    if len(red) > 3:
        named.append(element("li", f"and {len(red) - 3} more"))
    return element(
        "div",
        element("p", str(outcome), class_="word"),
        element("p", f"{meaning(stories, results)} {verdicts.exit_meaning(outcome, exit_code)}", class_="meaning"),
        element("ul", *named) if named else None,
        class_=f"banner {verdicts.tone(outcome)}",
    )


def _facts(stories: Sequence[Story]) -> Markup | None:
    record = next((told.record for told in stories if told.record is not None), None)
    if record is None:
        return None
    return facts(
        ("Target", record.base_url),
        ("Environment", record.environment),
        ("Began (UTC)", record.started_at.replace("T", " ").removesuffix("+00:00").removesuffix("Z")),
        (
            "Time scale",
            f"{record.time_scale:g}: production timings are divided by it" if record.time_scale != 1 else "1",
        ),
        ("Replicas", f"{len(record.replicas)} seen" + _wanted(record.replicas_wanted)),
    )


def _wanted(count: int | None) -> str:
    return "" if count is None else f", {count} wanted"


# ---------------------------------------------------------------------------------------------------------------------
# All experiments


COLUMNS = (
    "Experiment",
    "Fault",
    "Outcome",
    "To detect",
    "To mitigate",
    "To recover",
    "Failed requests",
    "Budget spent",
    "Longest outage",
)


def figure_texts(told: Story, found: Figures) -> tuple[str, ...]:
    """Give the figures of the last six columns of the table."""
    if told.injecting is None:
        return (wording.NOTHING,) * 6
    budget = wording.NOTHING if found.budget is None else _part(found.budget)
    return (
        _seconds(found.detect),
        _seconds(found.mitigate),
        _seconds(found.recover),
        f"{wording.count(found.failed)} of {wording.count(found.requests)}",
        budget,
        wording.duration(found.outage_seconds) if found.outage_seconds else "none",
    )


def _part(share: float) -> str:
    return wording.share(share) if share <= 1 else f"all, {wording.number(share)} times"


def _seconds(value: float | None) -> str:
    return wording.NOTHING if value is None else wording.duration(value)


def outcome_text(told: Story) -> str:
    """Give the word for what came of an experiment."""
    if told.not_undone:
        return "NOT UNDONE"
    return "REFUSED" if told.refused else str(told.outcome)


def _word(told: Story) -> Markup:
    tone = verdicts.tone(Outcome.INCONCLUSIVE if told.refused and not told.not_undone else told.outcome)
    return element("span", outcome_text(told), class_=f"word {tone}")


def _table(stories: Sequence[Story]) -> Markup:
    rows = [
        element(
            "tr",
            element("th", element("a", told.name, href=f"#experiment-{told.name}"), scope="row"),
            cell(told.fault or wording.NOTHING, "text fault"),
            cell(_word(told), "text fault"),
            *(cell(_two_lines(text), _style(text)) for text in figure_texts(told, told.figures)),
        )
        for told in stories
    ]
    caption = (
        "To detect: from the first failed request (or the fault, where callers saw nothing) to a delivered alert."
        " To mitigate: from the same moment to the first open breaker. To recover: from the verified undo until callers"
        f" were served as before. {wording.NOTHING}: was not seen, or does not apply. Budget: the part of"
        " the error budget that Prometheus saw go."
    )
    if not rows:
        return section("Experiments", paragraph("No experiment left a record."))
    return section("Experiments", table([headings(*COLUMNS, text=COLUMNS[1:3])], rows, caption))


def _two_lines(text: str) -> Markup:
    first, of, rest = text.partition(" of ")
    return joined(first, element("div", f"of {rest}", class_="remark") if of else None)


def _style(text: str) -> str:
    return "none figure" if text in {wording.NOTHING, "none"} else "figure"


# ---------------------------------------------------------------------------------------------------------------------
# One experiment


def _experiment(told: Story) -> Markup:
    found = told.figures
    says = told.experiment.says if told.experiment is not None else ""
    early = told.ended_by
    return element(
        "section",
        element("h2", told.name, " ", _word(told)),
        paragraph(says) if says else None,
        paragraph(element("strong", f"Refused: {told.refused}. Nothing was injected.")) if told.refused else None,
        paragraph(element("strong", f"Broken off: {early}.")) if early else None,
        paragraph(element("strong", told.trouble)) if told.trouble else None,
        _incident(told, found) if told.injecting is not None else None,
        _done(told),
        charts.all_of(told),
        _promises(told),
        *_judged(told),
        id=f"experiment-{told.name}",
    )


def _incident(told: Story, found: Figures) -> Markup:
    texts = dict(zip(COLUMNS[3:], figure_texts(told, found), strict=True))
    lost = wording.duration(found.lost_seconds) if found.lost_seconds else "none"
    pairs: list[tuple[str, object]] = [*texts.items(), ("As a whole outage of", lost)]
    return facts(*pairs, *_traffic(told))


def _traffic(told: Story) -> Iterator[tuple[str, object]]:
    if told.record is None:
        return
    traffic = told.record.traffic
    if traffic.trouble:
        yield "Background load", f"does not count: {traffic.trouble}"
    elif traffic.planned:
        rate = wording.rate(traffic.planned / traffic.seconds) if traffic.seconds else wording.NOTHING
        yield (
            "Background load",
            f"{rate}, {wording.count(traffic.failed)} of {wording.count(traffic.planned)} failed",
        )


def _done(told: Story) -> Markup | None:
    if told.record is None or not told.record.faults:
        return None
    rows = [
        element(
            "tr",
            element("th", done.fault, scope="row"),
            cell(done.target, "text"),
            cell(joined(_at(done.injected), element("div", done.proof, class_="remark")), "text"),
            cell(done.undo, "text"),
            cell(
                joined(_at(done.undone), *(element("div", step, class_="remark") for step in done.undo_steps)),
                "text" if done.undone is not None or done.injected is None else "text bad",
            ),
            cell(done.trouble or wording.NOTHING, "text" if done.trouble else "text none"),
        )
        for done in told.record.faults
    ]
    names = ("Fault", "Of what", "Made, and proof", "Undo in the ledger", "Undone, and how", "Trouble")
    return joined(
        element("h3", "Done and undone", class_="part"), table([headings(*names, text=names)], rows), _left(told)
    )


def _left(told: Story) -> Markup | None:
    if told.record is None or not told.record.leftovers:
        return None
    left = ", ".join(told.record.leftovers)
    return paragraph(element("strong", "Left over: "), left, ". Undo it by hand: ", element("code", RECOVER))


def _at(moment: float | None) -> str:
    return "no" if moment is None else f"at {wording.clock(moment)}"


def _promises(told: Story) -> Markup | None:
    if told.record is None or not (told.record.before or told.record.after):
        return None
    meanwhile = {"While it was there": told.record.during} if told.record.during else {}
    columns = {"Before the fault": told.record.before, **meanwhile, "After recovery": told.record.after}
    by_id = [{look.id: look for look in looks} for looks in columns.values()]
    rows = [
        element("tr", element("th", id_, scope="row"), *(_look(looks.get(id_)) for looks in by_id))
        for id_ in dict.fromkeys(id_ for looks in by_id for id_ in looks)
    ]
    return joined(
        element("h3", "Promises of the gate", class_="part"),
        table([headings("Promise", *columns, text=tuple(columns))], rows),
        None if told.record.after or told.refused else paragraph("It was not looked at again: recovery did not come."),
    )


def _look(look: Look | None) -> Markup:
    if look is None:
        return cell("not looked at", "text none")
    known = look.outcome in set(Outcome)
    word = verdicts.word(Outcome(look.outcome)) if known else look.outcome
    return cell(joined(word, " ", element("span", look.observed, class_="remark")), "text")


def _judged(told: Story) -> Iterator[Markup]:
    if told.results:
        yield element("h3", "Verdicts", class_="part")
        yield verdicts.judged(told.results)


def _footer(stories: Sequence[Story]) -> str:
    records = [told.record for told in stories if told.record is not None]
    runs = ", ".join(dict.fromkeys(record.run_id for record in records)) or "unknown"
    versions = ", ".join(dict.fromkeys(f"{record.schema_version}" for record in records)) or "?"
    return f"Run {runs}, records of schema version {versions}. This file needs no network."
