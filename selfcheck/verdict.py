"""What a check says: one verdict a promise, and how verdicts add up.

A verdict is plain data. It is made by pure functions ("judges") from what was observed and what was promised, so a
saved observation can be judged again and every judge can be tested with a table of cases.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Outcome(StrEnum):
    """The four things a check can say.

    INCONCLUSIVE is a verdict of its own: the check looked and could not tell, or could not look at all. It is never
    counted as green. NOT_COVERED means that the component is outside the scope of this run.
    """

    PASS = "PASS"  # noqa: S105 - the outcome, not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_COVERED = "NOT COVERED"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judgement, with the evidence that lets a person act on it.

    `expected` and `observed` are phrases with values and units in them; `where` says what was asked of whom;
    `reproduce` is a shell command that shows the same thing; `notes` are remarks that change nothing about the outcome
    (a missed target, a tolerated oddity); `blocked_by` names the preflight promise that kept the check from looking;
    `remedy` says what to do when nothing is broken but something was not looked at.
    """

    outcome: Outcome
    expected: str = ""
    observed: str = ""
    where: str = ""
    reproduce: str = ""
    notes: tuple[str, ...] = ()
    blocked_by: str = ""
    remedy: str = ""

    def with_notes(self, *notes: str) -> "Verdict":
        """Give the same verdict with further remarks."""
        return replace(self, notes=(*self.notes, *notes))


def passed(observed: str, *, where: str = "", notes: Iterable[str] = ()) -> Verdict:
    """Say that the promise is kept."""
    return Verdict(Outcome.PASS, observed=observed, where=where, notes=tuple(notes))


def failed(expected: str, observed: str, *, where: str = "", reproduce: str = "", notes: Iterable[str] = ()) -> Verdict:
    """Say that the promise is broken."""
    return Verdict(Outcome.FAIL, expected, observed, where, reproduce, tuple(notes))


def inconclusive(
    expected: str,
    observed: str,
    *,
    where: str = "",
    reproduce: str = "",
    remedy: str = "",
    blocked_by: str = "",
) -> Verdict:
    """Say that the check could not tell, and why."""
    return Verdict(Outcome.INCONCLUSIVE, expected, observed, where, reproduce, remedy=remedy, blocked_by=blocked_by)


def not_covered(observed: str, remedy: str) -> Verdict:
    """Say that this run does not look at the promise, and what would make it look."""
    return Verdict(Outcome.NOT_COVERED, observed=observed, remedy=remedy)


def roll_up(outcomes: Iterable[Outcome]) -> Outcome:
    """Add outcomes up: FAIL outweighs INCONCLUSIVE, which outweighs PASS; nothing looked at is INCONCLUSIVE.

    NOT_COVERED adds nothing, so a run in which everything was out of scope is INCONCLUSIVE.
    """
    seen = set(outcomes)
    for outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS):
        if outcome in seen:
            return outcome
    return Outcome.INCONCLUSIVE


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """Make one verdict of several that judge the same promise in several places (replicas, pages, acts).

    The worst outcome wins; the evidence shown is that of the first verdict with this outcome, and what others with the
    same outcome saw is added as a note where it is not the same. The notes of all are kept, each once.
    """
    every = list(verdicts)
    if not every:
        return inconclusive("something to judge", "nothing was looked at")
    if all(verdict.outcome is Outcome.NOT_COVERED for verdict in every):
        return every[0]
    worst = roll_up(verdict.outcome for verdict in every)
    same = [verdict for verdict in every if verdict.outcome is worst]
    notes = list(dict.fromkeys(note for verdict in every for note in verdict.notes))
    if worst is not Outcome.PASS and len(same) > 1:
        others = dict.fromkeys((verdict.observed, verdict.where) for verdict in same)
        del others[same[0].observed, same[0].where]
        notes.extend(f"also: {observed} ({where})" for observed, where in list(others)[:3])
        if len(others) > 3:
            notes.append(f"and {len(others) - 3} more of the same kind")
    return replace(same[0], notes=tuple(notes))
