"""The answer to a synthetic request against what the contract expects of it: the model and judge of all areas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfcheck.contract import Act, ActName, Promise, Right
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.values import dig, same, shown
from selfcheck.verdict import Verdict, combine, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from selfcheck.clients.http import Answer

_RATE_LIMITED = 429


class Answers(Promise):
    """A synthetic request is answered as the contract says of the act."""

    right: Right = Right.SYNTHETIC
    act: ActName


def breach(act: Act, answer: Answer) -> str:
    """Say in which way an answer is not what the act expects; empty when it is."""
    if answer.status not in act.expect.statuses:
        start = answer.body[:80].decode("utf-8", errors="replace")
        return f"HTTP {answer.status} {shown(start, 100)}"
    fixed = {path: (wanted,) for path, wanted in act.expect.body.items()}
    for path, allowed in {**fixed, **act.expect.one_of}.items():
        try:
            found = dig(answer.json(), path)
        except CouldNotObserve as error:
            return error.came_back
        if not any(same(found, wanted) for wanted in allowed):
            return f"{path} = {shown(found)}"
    return ""


def describe_answer(act: Act) -> str:
    """Say what an act expects, as a phrase."""
    body = "".join(f", {path} = {shown(value)}" for path, value in act.expect.body.items())
    choice = "".join(f", {path} = {' or '.join(map(shown, values))}" for path, values in act.expect.one_of.items())
    return f"HTTP {' or '.join(map(str, act.expect.statuses))}{body}{choice}"


def judge_unseen(expected: str, error: CouldNotObserve) -> Verdict:
    """Say of an answer that did not come what that means: it could not, the route is elsewhere, or a cause is known."""
    if error.trouble is Trouble.NO_SUCH_ROUTE:
        return not_covered(error.came_back, error.hint)
    blocked_by = error.blocked_by or ("deadline" if error.trouble is Trouble.DEADLINE else "")
    return inconclusive(expected, error.came_back, where=error.asked, remedy=error.hint, blocked_by=blocked_by)


def judge_answers(act: Act, answers: Sequence[Answer | CouldNotObserve], *, where: str, reproduce: str) -> Verdict:
    """Each answer is as the act expects; one that did not come, or that a rate limit refused, tells nothing."""
    expected = f"{act.name} answers {describe_answer(act)}"
    place = {"where": where, "reproduce": reproduce}
    verdicts = []
    for answer in answers:
        if isinstance(answer, CouldNotObserve):
            verdicts.append(judge_unseen(expected, answer))
        elif not (wrong := breach(act, answer)):
            verdicts.append(passed(f"HTTP {answer.status}", where=where))
        elif answer.status == _RATE_LIMITED:
            remedy = "repeat when this client's allowance is free again"
            verdicts.append(inconclusive(expected, f"{wrong}: too many requests of late", remedy=remedy, **place))
        else:
            verdicts.append(failed(expected, wrong, **place))
    return combine(verdicts)
