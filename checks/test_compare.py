"""Comparison of vectors: what holds for every cosine, on generated cases; what is refused, and what is removed."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from checks.test_prometheus import traffic_of
from checks.test_slo import Objective, judge_objective
from selfcheck.answering import breach
from selfcheck.checking import check
from selfcheck.clients.http import Answer
from selfcheck.clients.platform import Sending
from selfcheck.contract import ActName, Component, Model, Promise, Right, RouteName
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.values import Domain, Missing, dig, same, shown, some
from selfcheck.vectors import Case, Shape, Vector, cosine, generate, saved
from selfcheck.verdict import Outcome, Verdict, combine, failed, inconclusive, not_covered, passed
from selfcheck.waiting import pause

if TYPE_CHECKING:
    from selfcheck.target import Target

_HTTP_OK = 200
_NOT_FOUND = 404
_NO_SUCH_METHOD = 405
_RATE_LIMITED = 429
_SERVER_ERROR = 500
_BAD_REQUEST = 400
_SHOWN_NUMBERS_MAX = 12
_COMMAND_NUMBERS_MAX = 100
_BY_HAND = "selfcheck-by-hand"


class Plan(Model):
    """Which cases are compared, and on which routes."""

    act: ActName
    other_route: RouteName
    shape: Shape
    examples: str = Field(description="File of saved cases, inside of the contract's folder.")
    settle_seconds: float = Field(ge=0, description="How long what was registered or removed may take to show.")
    code: str = Field(description="Path of the error code in a refusal.")
    score: str = Field(description="Path of the score in an answer.")
    page: RouteName = Field(description="The page that says how many vectors are registered.")
    total: str = Field(description="Path to that number on the page.")


class Compared(Promise):
    """Base of the promises about comparing."""

    right: Right = Right.SYNTHETIC
    requires: tuple[Component, ...] = (Component.APP, Component.API_KEY)
    plan: Plan


class How(StrEnum):
    """In which way the two vectors of a case were compared."""

    FIRST = "compared"
    SWAPPED = "compared the other way round"
    ITSELF = "compared with itself"
    SCALED = "compared after scaling"
    OTHER_ROUTE = "compared on the other route"
    TWIN = "compared with a copy that was registered later"
    REPLACED = "compared after another vector was registered under the same id"
    AGAIN = "compared again"
    REPLICA = "compared by one replica"


@dataclass(frozen=True, slots=True)
class Question:
    """One comparison to ask for, of the load balancer or of one replica; `id` is the candidate's."""

    case: Case
    how: How
    query: Vector
    candidate: Vector
    id: str
    replica: str = ""
    base: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A comparison that was asked for, and what came back."""

    question: Question
    answer: Answer | CouldNotObserve
    reproduce: str = ""

    @property
    def where(self) -> str:
        """Whom it was asked of."""
        return self.answer.asked + (f" (replica {self.question.replica})" if self.question.replica else "")


@dataclass(frozen=True, slots=True)
class Totals:
    """What one replica says of how many vectors there are: before `count` were registered, then, and after removal.

    Each is the last of several readings where the first did not show the change. `again` is the last one once more,
    after a while in which this run changed nothing.
    """

    count: int
    before: Answer | CouldNotObserve
    registered: Answer | CouldNotObserve
    removed: Answer | CouldNotObserve
    again: Answer | CouldNotObserve | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """All comparisons of a run, what could not be registered or removed, and the answers after the removal.

    `replacing` is the answer to the registration of another vector under an id that was taken. `patterned` is a
    comparison with a vector after an id was to be removed that would be a pattern of its own.
    """

    asked: tuple[Asked, ...]
    about: str = ""
    unregistered: tuple[CouldNotObserve, ...] = ()
    left_behind: tuple[str, ...] = ()
    gone: tuple[Asked, ...] = ()
    replacing: Answer | CouldNotObserve | None = None
    totals: Totals | None = None
    removed_again: Answer | CouldNotObserve | None = None
    patterned: Asked | None = None

    def of(self, *hows: How) -> list[Asked]:
        """Give what was asked in one of these ways; without any, everything."""
        return [asked for asked in self.asked if not hows or asked.question.how in hows]


def observe(target: Target, plan: Plan, cases: Sequence[Case]) -> Seen:
    """Register the vectors of cases, compare them in every way, remove them, look again; raises CouldNotObserve.

    Copies are registered in reverse order, and what is asked a second time is asked in reverse order. A long vector has
    no copy and is asked for once: neither the order nor the replica has anything to do with the length.
    """
    bases = target.trusted_bases()
    replicas: Sequence[tuple[str, str | None]] = [*bases.items()] if len(bases) > 1 else []
    page = _page_reader(target, plan, next(iter(bases.values()), None))
    before = page()
    vectors = [vector for case in cases for vector in (case.left, case.right)]
    copied = [number for number, case in enumerate(cases) if len(case.left) <= plan.shape.dimension_max][::-1]
    vectors += [cases[number].left for number in copied]
    known = len(target.left_behind)
    with target.registered(vectors) as ids:
        troubles = tuple(
            id_
            for id_, vector in zip(ids, vectors, strict=True)
            if isinstance(id_, CouldNotObserve) and not _may_be_too_long(id_, vector, plan.shape)
        )
        first: list[Question] = []
        second: list[Question] = []
        twins = dict(zip(copied, ids[2 * len(cases) :], strict=True))
        for number, case in enumerate(cases):
            left, right, twin = ids[2 * number], ids[2 * number + 1], twins.get(number)
            if isinstance(left, str):
                compared = Question(case, How.FIRST, case.right, case.left, left)
                first += [
                    compared,
                    Question(case, How.ITSELF, case.left, case.left, left),
                    Question(case, How.SCALED, case.scaled, case.left, left),
                    replace(compared, how=How.OTHER_ROUTE),
                ]
                if number in twins:
                    second.append(replace(compared, how=How.AGAIN))
                    second += [
                        replace(compared, how=How.REPLICA, replica=name, base=base)
                        for name, base in share(replicas, copied.index(number), len(copied))
                    ]
            if isinstance(right, str):
                first.append(Question(case, How.SWAPPED, case.left, case.right, right))
            if isinstance(twin, str):
                second.append(Question(case, How.TWIN, case.right, case.left, twin))
        if not first:
            raise next(id_ for id_ in ids if isinstance(id_, CouldNotObserve))
        asked = _ask(target, plan, first, _NOT_FOUND) + _ask(target, plan, second[::-1], _NOT_FOUND)
        registered = sum(isinstance(id_, str) for id_ in ids)
        there = _reading(plan, page, before, registered)
        replacing, replaced = _replace(target, plan, first)
        asked += replaced
        remove = target.contract.act(target.contract.platform.candidate_remove)
        beginning = first[0].id[:-1]
        target.platform.send_each([Sending(remove, {"candidate": f"{beginning}{_WILDCARD}"})])
        patterned = _ask(target, plan, [first[0]], _NOT_FOUND)[0]
    left_behind = tuple(target.left_behind[known:])
    remaining = _reading(plan, page, there, -registered)
    totals = Totals(registered, before, there, remaining)
    if judge_totals(plan, totals, where="", reproduce="").outcome is not Outcome.PASS:
        pause(plan.settle_seconds)
        totals = replace(totals, again=page())
    places: Sequence[tuple[str, str | None]] = [("", None), *replicas]
    looks = [replace(first[0], how=How.REPLICA, replica=name, base=base) for name, base in places]
    gone = [] if left_behind else _ask(target, plan, looks, _HTTP_OK)
    repeated = None if left_behind else target.platform.send_each([Sending(remove, {"candidate": first[0].id})])[0]
    return Seen(tuple(asked), "", troubles, left_behind, tuple(gone), replacing, totals, repeated, patterned)


_WILDCARD = "*"
"""What stands for any text in Redis, and in most that people write themselves."""
_REPLICAS_FOR_EACH_MAX = 3


def share(replicas: Sequence[tuple[str, str | None]], number: int, count: int) -> list[tuple[str, str | None]]:
    """Give the replicas that are asked for one of `count` cases: each replica for some, and for few if there are many.

    A platform of many replicas is not asked more often for each: a replica that compares otherwise does so always.
    """
    each = max(min(len(replicas), _REPLICAS_FOR_EACH_MAX), math.ceil(len(replicas) / max(count, 1)))
    return [replicas[(number * each + step) % len(replicas)] for step in range(each)] if replicas else []


def _page_reader(target: Target, plan: Plan, base: str | None) -> Callable[[], Answer | CouldNotObserve]:
    return lambda: target.platform.get_all([(plan.page, base)])[0]


def _reading(
    plan: Plan,
    page: Callable[[], Answer | CouldNotObserve],
    before: Answer | CouldNotObserve,
    change: int,
) -> Answer | CouldNotObserve:
    """Read the page; once more after a while where the number has not changed as it should."""
    read = page()
    old, new = total_of(plan, before), total_of(plan, read)
    if old is None or new is None or new - old == change:
        return read
    pause(plan.settle_seconds)
    return page()


def total_of(plan: Plan, page: Answer | CouldNotObserve | None) -> int | None:
    """Give the number of vectors that a page names; None where it names none."""
    if page is None or isinstance(page, CouldNotObserve) or page.status != _HTTP_OK:
        return None
    try:
        found = dig(page.json(), plan.total)
    except CouldNotObserve:
        return None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _replace(
    target: Target, plan: Plan, first: Sequence[Question]
) -> tuple[Answer | CouldNotObserve | None, list[Asked]]:
    """Register another vector under an id that is taken, and compare with it: it is the last that this id is used for.

    The other vector stands at right angles to the first one or close to it, so that the scores differ.
    """
    taken = next((question for question in first if question.how is How.ITSELF and len(question.query) > 1), None)
    if taken is None:
        return None, []
    other = turned(taken.candidate)
    register = target.contract.act(target.contract.platform.candidate_register)
    answer = target.platform.send_each([Sending(register, {"candidate": taken.id, "vector": list(other)})])[0]
    if isinstance(answer, CouldNotObserve) or breach(register, answer):
        return answer, []
    question = replace(taken, how=How.REPLACED, query=other, candidate=other)
    asked = _ask(target, plan, [question], _NOT_FOUND)
    try:
        shows = abs(_number(asked[0], plan.score) - 1) <= _SETTLED
    except CouldNotObserve:
        shows = False
    if not shows:
        pause(plan.settle_seconds)
        asked = _ask(target, plan, [question], _NOT_FOUND)
    return answer, asked


_SETTLED = 0.01


def turned(vector: Vector) -> Vector:
    """Give a vector of the same length that is at right angles to another one in its two largest components."""
    largest = sorted(range(len(vector)), key=lambda place: abs(vector[place]))[-2:]
    low, high = largest
    other = [0.0] * len(vector)
    other[low], other[high] = vector[high], -vector[low]
    return tuple(other)


def _may_be_too_long(trouble: CouldNotObserve, vector: Vector, shape: Shape) -> bool:
    """Tell whether a vector was refused that a platform may have no room for: how long one may be is not promised."""
    return len(vector) > shape.dimension_max and trouble.trouble is Trouble.UNEXPECTED_ANSWER


def _ask(target: Target, plan: Plan, questions: Sequence[Question], unsettled: int) -> list[Asked]:
    """Ask at once; what is answered with the status `unsettled` is asked once more after a while."""
    sendings = [_sending(target, plan, question, question.id) for question in questions]
    answers = target.platform.send_each(sendings)
    late = [n for n, answer in enumerate(answers) if isinstance(answer, Answer) and answer.status == unsettled]
    if late:
        pause(plan.settle_seconds)
        for number, again in zip(late, target.platform.send_each([sendings[n] for n in late]), strict=True):
            answers[number] = again
    return [
        Asked(question, answer, _by_hand(target, _sending(target, plan, question, _BY_HAND), question.candidate))
        for question, answer in zip(questions, answers, strict=True)
    ]


def _sending(target: Target, plan: Plan, question: Question, id_: str) -> Sending:
    path = target.contract.route(plan.other_route).path if question.how is How.OTHER_ROUTE else None
    values = {"vector": list(question.query), "candidate": id_}
    return Sending(target.contract.act(plan.act), values, base=question.base, path=path)


def _by_hand(target: Target, sending: Sending, candidate: Vector) -> str:
    """Give commands that register a candidate, send a request that names it, and remove it.

    Nobody reads or copies a thousand numbers: the suite sends those again.
    """
    if len(candidate) > _COMMAND_NUMBERS_MAX:
        return "python -m pytest checks -m compare  # the same vectors each time, from a seed"
    core = target.contract.platform
    register, remove = target.contract.act(core.candidate_register), target.contract.act(core.candidate_remove)
    values = {"vector": list(candidate), "candidate": _BY_HAND}
    commands = (Sending(register, values), sending, Sending(remove, values))
    return "; ".join(target.platform.curl(each.act, each) for each in commands)


def seen(target: Target, plan: Plan) -> Seen:
    """Observe the generated and the saved cases, once a run; raises CouldNotObserve."""

    def look() -> Seen:
        known = saved(target.contract.folder / plan.examples)
        found = observe(target, plan, (*generate(plan.shape), *known))
        shape = plan.shape
        about = (
            f"{shape.count} generated cases (seed {shape.seed}, up to {shape.dimension_long or shape.dimension_max} "
            f"numbers of {shape.magnitude_min:g} to {shape.magnitude_max:g}) and {len(known)} saved ones"
        )
        return replace(found, about=about)

    return target.once(("compared", plan), look)


def _unusable(asked: Asked, came_back: str) -> CouldNotObserve:
    return CouldNotObserve(
        Trouble.UNEXPECTED_ANSWER, asked=asked.where, came_back=came_back, hint="see what the platform answers"
    )


def _body(asked: Asked) -> object:
    """Read the answer to a comparison; raises CouldNotObserve unless it is HTTP 200 with JSON."""
    if isinstance(asked.answer, CouldNotObserve):
        raise asked.answer
    if asked.answer.status != _HTTP_OK:
        start = asked.answer.body[:80].decode("utf-8", errors="replace")
        raise _unusable(asked, f"HTTP {asked.answer.status} {shown(start, 100)}")
    return asked.answer.json()


def _number(asked: Asked, path: str) -> float:
    """Read a number of an answer; raises CouldNotObserve."""
    value = dig(_body(asked), path)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unusable(asked, f"{path} is {shown(value)}, not a number")
    return float(value)


def _is_lost(asked: Asked) -> bool:
    """Tell whether an answer says nothing about the platform's arithmetic: none, or a rate limit's."""
    return isinstance(asked.answer, CouldNotObserve) or asked.answer.status == _RATE_LIMITED


def _unread(found: Seen, problem: CouldNotObserve) -> CouldNotObserve:
    """Say that something could not be judged, in the words of the first comparison that was not answered.

    The promise that comparisons are answered reports that one, too: so there is one red line for one cause.
    """
    for asked in found.of(*_ANSWERED):
        try:
            _body(asked)
        except CouldNotObserve as error:
            return CouldNotObserve(error.trouble, asked=asked.where, came_back=error.came_back, hint=error.hint)
    return problem


def _vector(numbers: Vector) -> str:
    if len(numbers) <= _SHOWN_NUMBERS_MAX:
        return str(list(numbers))
    return f"[{', '.join(map(str, numbers[:3]))}, ... {len(numbers)} numbers]"


def _about(asked: Asked) -> str:
    question = asked.question
    return f"query {_vector(question.query)}, candidate {_vector(question.candidate)}, {question.how}"


# -------------------------------------------------------------------------------------------------------------- answers

# What the other route answers, and what a replaced vector scores, are promises of their own.
_ANSWERED = tuple(how for how in How if how not in (How.OTHER_ROUTE, How.REPLACED))


class Answered(Compared):
    """Vectors that could be registered are compared."""


def judge_answered(promise: Answered, found: Seen) -> Verdict:
    """Each comparison is answered with HTTP 200 and JSON; raises CouldNotObserve where there is no such route."""

    def one(asked: Asked) -> Verdict:
        expected = "HTTP 200 for each comparison of vectors of the same length"
        place = {"where": asked.where, "reproduce": asked.reproduce}
        try:
            _body(asked)
        except CouldNotObserve as error:
            if _is_lost(asked):
                return inconclusive(expected, error.came_back, **place)
            return failed(expected, f"{error.came_back}: {_about(asked)}", **place)
        return passed(f"{len(found.asked)} comparisons of {found.about}", where=asked.where)

    compared = found.of(*_ANSWERED)
    if all(_is_without_route(asked.answer, promise.plan.code) for asked in compared):
        raise _no_such_route(compared[0].answer)
    return combine(map(one, compared))


def _is_without_route(answer: Answer | CouldNotObserve, code: str) -> bool:
    """Tell whether an answer looks as if the path were unknown: no error code of the platform comes with it."""
    if isinstance(answer, CouldNotObserve) or answer.status not in (_NOT_FOUND, _NO_SUCH_METHOD):
        return False
    try:
        return isinstance(dig(answer.json(), code), Missing)
    except CouldNotObserve:
        return True


def _no_such_route(answer: Answer | CouldNotObserve) -> CouldNotObserve:
    return CouldNotObserve(
        Trouble.NO_SUCH_ROUTE,
        asked=answer.asked,
        came_back=f"this deployment does not serve {answer.asked}",
        hint="put the deployment's own path of the route into the contract's api.toml",
    )


@check("compare.answered", Answered)
def test_answered(promise: Answered, target: Target) -> Verdict:
    """Comparisons of what can be compared succeed."""
    return judge_answered(promise, seen(target, promise.plan))


# ----------------------------------------------------------------------------------------------------------------- laws


class Law(Compared):
    """What a score must be: a number that follows from the vectors, or that of the first comparison of the case."""

    law: Literal[
        "cosine", "itself", "swapped", "scaled", "other_route", "registered_later", "again", "replicas", "replaced"
    ]
    score: str
    tolerance: float = Field(gt=0)


_HOWS: Mapping[str, tuple[How, ...]] = {
    "cosine": _ANSWERED,
    "itself": (How.ITSELF,),
    "swapped": (How.SWAPPED,),
    "scaled": (How.SCALED,),
    "other_route": (How.OTHER_ROUTE,),
    "registered_later": (How.TWIN,),
    # The second time may be on another replica; what that one says is the same request all the same.
    "again": (How.AGAIN, How.REPLICA),
    "replicas": (How.REPLICA,),
    "replaced": (How.REPLACED,),
}


def judge_law(promise: Law, found: Seen) -> Verdict:
    """Each score is what it must be, within the tolerance; raises CouldNotObserve where one cannot be judged."""
    chosen = found.of(*_HOWS[promise.law])
    if promise.law == "replaced" and not chosen:
        return _unreplaced(found.replacing)
    if not chosen:
        return not_covered(
            "the replicas cannot be asked one by one",
            "set SELF_CHECK_PROMETHEUS_URL, or put `replica_urls` into the environment of the contract",
        )
    if promise.law == "other_route" and all(_is_without_route(each.answer, promise.plan.code) for each in chosen):
        raise _no_such_route(chosen[0].answer)
    first = {asked.question.case: asked for asked in found.of(How.FIRST)}
    breaches: list[tuple[Asked, str]] = []
    troubles: list[CouldNotObserve] = []
    largest = 0.0
    for asked in chosen:
        question = asked.question
        try:
            wanted, why = _wanted(promise, question, first)
            value, said = _answered_number(asked, promise)
        except CouldNotObserve as error:
            troubles.append(error)
            continue
        # Asked in this way round, NaN is a breach.
        if not abs(value - wanted) <= promise.tolerance * (1 + 1e-9):
            breaches.append((asked, f"{said}, not {wanted:.6g} ({why})"))
        else:
            largest = max(largest, abs(value - wanted))
    if breaches:
        worst, said = min(breaches, key=lambda breach: len(breach[0].question.query))
        return failed(
            f"{promise.score} within {promise.tolerance:g}",
            f"{said}: {_about(worst)}; in {len(breaches)} of {len(chosen)} comparisons",
            where=worst.where,
            reproduce=worst.reproduce,
            notes=[found.about],
        )
    if troubles:
        raise _unread(found, troubles[0])
    return passed(f"{len(chosen)} comparisons of {found.about}; off by at most {largest:.1g}", where=chosen[0].where)


def _wanted(promise: Law, question: Question, first: Mapping[Case, Asked]) -> tuple[float, str]:
    """Give the score that a law demands, and why; raises CouldNotObserve."""
    if promise.law == "cosine":
        return cosine(question.query, question.candidate), "the cosine"
    if promise.law in ("itself", "replaced"):
        return 1.0, "that of any vector with itself"
    return _number(first[question.case], promise.score), f"as when {How.FIRST}"


def _unreplaced(replacing: Answer | CouldNotObserve | None) -> Verdict:
    """Judge a second registration under an id that was not taken over: a platform may refuse it, and not fail at it."""
    expected = "an id that is registered again has the new vector, or the registration is refused"
    if replacing is None:
        return not_covered("no vector was registered under an id that is taken", "see the other promises of this area")
    if isinstance(replacing, CouldNotObserve):
        return inconclusive(expected, replacing.came_back, where=replacing.asked)
    if _is_failure(replacing):
        return failed(expected, f"HTTP {replacing.status}", where=replacing.asked)
    return not_covered(
        f"an id is registered once: HTTP {replacing.status}", "nothing to do where that is how it is meant"
    )


def _is_failure(answer: Answer | CouldNotObserve) -> bool:
    """Tell whether an answer is an error of the platform."""
    return isinstance(answer, Answer) and answer.status >= _SERVER_ERROR


def _answered_number(asked: Asked, promise: Law) -> tuple[float, str]:
    """Give the score and how to show it; raises CouldNotObserve.

    Where the same is asked in another way, an answer without a score is another answer than the first: NaN.
    """
    try:
        value = _number(asked, promise.score)
    except CouldNotObserve as error:
        if _is_lost(asked) or promise.law in ("cosine", "itself"):
            raise
        if promise.law == "replaced" and not _is_failure(asked.answer):
            raise
        return math.nan, error.came_back
    return value, f"{promise.score} is {value:.6g}"


@check("compare.law", Law)
def test_law(promise: Law, target: Target) -> Verdict:
    """The scores obey a law."""
    return judge_law(promise, seen(target, promise.plan))


# --------------------------------------------------------------------------------------------------------------- values


class Value(Compared):
    """What stands in one field of each answer to a comparison."""

    field: str
    domain: Domain = Domain()
    is_the: Literal["", "candidate", "dimension"] = ""
    same_as: str | None = Field(None, description="Another field with the same number.")
    one_minus: str | None = Field(None, description="Another field, which it and 1 add up to.")
    tolerance: float = Field(gt=0)


def judge_value(promise: Value, found: Seen) -> Verdict:
    """The field is there in each answer, inside of its domain, and what it must be; raises CouldNotObserve."""
    breaches: list[tuple[Asked, str]] = []
    troubles: list[CouldNotObserve] = []
    for asked in found.asked:
        try:
            body = _body(asked)
        except CouldNotObserve as error:
            if asked.question.how in _ANSWERED:
                troubles.append(error)
            continue
        if wrong := _wrong_value(promise, asked.question, body):
            breaches.append((asked, wrong))
    expected = f"{promise.field}: {_describe(promise)}"
    if breaches:
        worst, said = min(breaches, key=lambda breach: len(breach[0].question.query))
        observed = f"{promise.field} {said}: {_about(worst)}; in {len(breaches)} of {len(found.asked)} answers"
        return failed(expected, observed, where=worst.where, reproduce=worst.reproduce)
    if troubles:
        raise _unread(found, troubles[0])
    return passed(f"{expected}, in {len(found.asked)} answers", where=found.asked[0].where)


def _wrong_value(promise: Value, question: Question, body: object) -> str:
    value = dig(body, promise.field)
    if isinstance(value, Missing):
        return "is missing"
    if wrong := promise.domain.breaks(value):
        return wrong
    due = {"candidate": question.id, "dimension": len(question.query)}.get(promise.is_the, value)
    if not same(value, due):
        return f"is {shown(value)}, not {shown(due)}"
    for path, sign in ((promise.same_as, 1), (promise.one_minus, -1)):
        other = value if path is None else dig(body, path)
        if path is not None and not _add_up(value, other, sign, promise.tolerance):
            return f"is {shown(value)}, and {path} is {shown(other)}"
    return ""


def _add_up(value: object, other: object, sign: int, tolerance: float) -> bool:
    """Tell whether two numbers are the same (`sign` 1), or add up to 1 (`sign` -1); NaN is neither."""
    if isinstance(value, bool) or isinstance(other, bool):
        return False
    if not isinstance(value, int | float) or not isinstance(other, int | float):
        return False
    wanted = other if sign > 0 else 1 - other
    return abs(value - wanted) <= tolerance * (1 + 1e-9)


def _describe(promise: Value) -> str:
    parts = [promise.domain.describe()]
    parts += [f"the {promise.is_the}"] * bool(promise.is_the)
    parts += [f"the same as {promise.same_as}"] * bool(promise.same_as)
    parts += [f"1 - {promise.one_minus}"] * bool(promise.one_minus)
    return ", ".join(part for part in parts if part != "anything")


@check("compare.value", Value)
def test_value(promise: Value, target: Target) -> Verdict:
    """A field of the answers has the promised values."""
    return judge_value(promise, seen(target, promise.plan))


# -------------------------------------------------------------------------------------------------------------- removal


class Removal(Compared):
    """What was registered can be removed, and is unknown afterwards, everywhere."""

    gone: str = Field(description="The error code that says so.")


def judge_removal(promise: Removal, found: Seen) -> Verdict:
    """Nothing is left behind, and a removed vector is answered with 404 and the promised code."""
    expected = f"each vector registered, removed, and then HTTP 404 with {promise.plan.code} = {promise.gone}"
    if found.patterned is not None and getattr(found.patterned.answer, "status", 0) == _NOT_FOUND:
        observed = f"{found.patterned.question.id} was gone after the removal of its beginning with {_WILDCARD}"
        return failed("a removal takes one vector", observed, where=found.patterned.where)
    if found.left_behind:
        observed = f"could not be removed: {some(found.left_behind)}"
        note = "remove by hand what is named; a path of the deployment's own belongs into the contract's api.toml"
        return failed(expected, observed, where=found.asked[0].where, reproduce=found.asked[0].reproduce, notes=[note])
    verdicts = []
    for asked in found.gone:
        place = {"where": asked.where, "reproduce": asked.reproduce}
        if isinstance(asked.answer, CouldNotObserve) or _is_lost(asked):
            verdicts.append(inconclusive(expected, "no answer that tells, after the removal", **place))
            continue
        wrong = _wrong_refusal({_NOT_FOUND: (promise.gone,)}, promise.plan.code, asked.answer)
        if wrong:
            observed = f"{asked.question.id} was removed, and then: {wrong}"
            verdicts.append(failed(expected, observed, **place))
        else:
            verdicts.append(passed(f"removed; {len(found.gone)} answers say so", where=asked.where))
    if found.removed_again is not None and _is_failure(found.removed_again):
        again = "no error of the platform when what is gone is removed once more, as clients do that got no answer"
        where = found.removed_again.asked
        verdicts.append(failed(again, f"HTTP {getattr(found.removed_again, 'status', 0)}", where=where))
    if found.unregistered:
        observed = f"{len(found.unregistered)} could not be registered: {found.unregistered[0].came_back}"
        remedy = "let `shape` in the contract's compare.toml be what this platform takes"
        verdicts.append(inconclusive(expected, observed, where=found.unregistered[0].asked, remedy=remedy))
    return combine(verdicts)


@check("compare.removal", Removal)
def test_removal(promise: Removal, target: Target) -> Verdict:
    """What this run registers does not stay."""
    return judge_removal(promise, seen(target, promise.plan))


# --------------------------------------------------------------------------------------------------------------- totals


class Total(Compared):
    """The number of vectors on a page is that of the registered ones: it goes up and down with them."""


def judge_totals(plan: Plan, totals: Totals, *, where: str, reproduce: str) -> Verdict:
    """It grows by what was registered and falls by what was removed.

    Others may register and remove at the same time. So it is wrong only where it stands still, or falls by nothing, or
    moves by a multiple, and would not move by itself.
    """
    count = totals.count
    expected = f"{plan.total} grows by {count} with as many registrations, and falls by {count} with their removal"
    pages = (totals.before, totals.registered, totals.removed)
    for page in pages:
        if isinstance(page, CouldNotObserve):
            return inconclusive(expected, page.came_back, where=page.asked)
    before, there, left = (total_of(plan, page) for page in pages)
    if before is None or there is None or left is None:
        return not_covered(f"the page has no number {plan.total}", "name its path in the contract's compare.toml")
    up, down = there - before, there - left
    observed = f"it was {before}, then {there} with {count} more, then {left} without them"
    if up == down == count:
        return passed(observed, where=where)
    quiet = total_of(plan, totals.again) == left
    wrong = up == down == 0 or (up == count and down == 0) or (up == down and up > count and up % count == 0)
    if wrong and quiet and count > 1:
        return failed(expected, observed, where=where, reproduce=reproduce)
    return not_covered(
        f"{observed}: others register and remove vectors, too", "repeat in a quieter moment, or against staging"
    )


@check("compare.total", Total)
def test_total(promise: Total, target: Target) -> Verdict:
    """The number of vectors that is shown is of now."""
    found = seen(target, promise.plan)
    if found.totals is None or found.left_behind:
        return not_covered("vectors could not be removed", "see the promise about removal")
    asked = found.totals.before.asked
    return judge_totals(promise.plan, found.totals, where=asked, reproduce=f"curl -sS {asked.partition(' ')[2]}")


# --------------------------------------------------------------------------------------------------------- registration


class Registration(Compared):
    """A registration of what is no vector does no harm, whether it is refused or not."""

    act: ActName
    query: Vector = Field(min_length=1, description="What is compared with it where it is accepted.")
    tolerance: float = Field(gt=0)


@dataclass(frozen=True, slots=True)
class Registered:
    """The answer to a registration, and to a comparison with what it registered; None where it registered nothing."""

    answer: Answer | CouldNotObserve
    compared: Answer | CouldNotObserve | None = None
    reproduce: str = ""


def judge_registration(promise: Registration, found: Registered) -> Verdict:
    """It is no error of the platform, and a comparison with what it left is none either, and gives no nonsense."""
    expected = "a refusal, or a vector that comparisons are no worse for"
    place = {"where": found.answer.asked, "reproduce": found.reproduce}
    for answer in (found.answer, found.compared):
        if isinstance(answer, CouldNotObserve):
            return inconclusive(expected, answer.came_back, **place)
        if answer is not None and answer.status == _RATE_LIMITED:
            return inconclusive(expected, "HTTP 429: too many requests of late", **place)
        if answer is not None and _is_failure(answer):
            when = "" if answer is found.answer else "accepted, and a comparison with it: "
            return failed(expected, f"{when}{_wrong_refusal({}, promise.plan.code, answer)}", **place)
    if isinstance(found.answer, Answer) and found.compared is None and _is_without_route(found.answer, ""):
        raise _no_such_route(found.answer)
    if not isinstance(found.compared, Answer) or found.compared.status != _HTTP_OK:
        return passed("refused, or of no consequence", where=place["where"])
    try:
        score = dig(found.compared.json(), promise.plan.score)
        said = f"accepted, and a comparison with it has {promise.plan.score} = {shown(score)}"
    except CouldNotObserve as error:
        score, said = None, f"accepted, and a comparison with it: {error.came_back}"
    sane = isinstance(score, int | float) and not isinstance(score, bool) and abs(score) <= 1 + promise.tolerance
    return passed(said, where=place["where"]) if sane else failed(expected, said, **place)


def _register_badly(target: Target, plan: Plan) -> Mapping[str, Registered]:
    """Register what is no vector, compare with what was accepted, and remove that; raises CouldNotObserve."""
    promises = target.contract.promises("compare.registration", Registration)
    remove = target.contract.act(target.contract.platform.candidate_remove)
    compare = target.contract.act(plan.act)
    ids = {promise.id: f"{target.platform.mark}-{promise.id}" for promise in promises}
    sendings = {each.id: Sending(target.contract.act(each.act), {"candidate": ids[each.id]}) for each in promises}
    answers = dict(zip(sendings, target.platform.send_each(list(sendings.values())), strict=True))
    taken = [each for each in promises if not _is_refused(answers[each.id])]
    compared: dict[str, Answer | CouldNotObserve] = {}
    try:
        asked = [Sending(compare, {"vector": list(each.query), "candidate": ids[each.id]}) for each in taken]
        got = target.platform.send_each(asked) if asked else []
        compared = dict(zip((each.id for each in taken), got, strict=True))
    finally:
        if taken:
            target.platform.send_each([Sending(remove, {"candidate": ids[each.id]}) for each in taken], tidying=True)
    return {
        name: Registered(answer, compared.get(name), target.platform.curl(sendings[name].act, sendings[name]))
        for name, answer in answers.items()
    }


def _is_refused(answer: Answer | CouldNotObserve) -> bool:
    """Tell whether a registration was refused for sure; one that failed may have left something all the same."""
    return isinstance(answer, Answer) and _BAD_REQUEST <= answer.status < _SERVER_ERROR


@check("compare.registration", Registration)
def test_registration(promise: Registration, target: Target) -> Verdict:
    """What cannot be compared with is refused, or does no harm."""
    found = target.once("bad registrations", lambda: _register_badly(target, promise.plan))
    return judge_registration(promise, found[promise.id])


# ------------------------------------------------------------------------------------------------------------- refusals


class Refusal(Compared):
    """A comparison that must not succeed, or only with a number that makes sense."""

    act: ActName
    candidate: Vector
    query: tuple[float, ...] = ()
    times: int = Field(1, ge=1, description="How often `query` is repeated to make the query's vector.")
    both_routes: bool = False
    refused: Mapping[int, tuple[str, ...]] = Field(description="Statuses of a refusal: the codes, none means any body.")
    unless: Literal["", "right", "finite"] = Field("", description="A score that is accepted instead.")
    score: str
    tolerance: float = Field(gt=0)

    @property
    def vector(self) -> list[float]:
        """The query's vector."""
        return [*self.query] * self.times


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer to a request that must be refused; `absent` says that its route answers nothing of the kind."""

    answer: Answer | CouldNotObserve
    reproduce: str = ""
    absent: bool = False


def judge_refusal(promise: Refusal, found: Sequence[Refused]) -> Verdict:
    """Each answer is one of the promised refusals, or a number that makes sense where that is allowed."""
    allowed = f"a {promise.unless} {promise.score}" if promise.unless else ""
    expected = ", or ".join(filter(None, (_refusals(promise.refused, promise.plan.code), allowed)))
    if all(refused.absent for refused in found):
        raise _no_such_route(found[0].answer)
    verdicts = []
    for refused in found:
        answer = refused.answer
        place = {"where": answer.asked, "reproduce": refused.reproduce}
        if refused.absent:
            continue
        if isinstance(answer, CouldNotObserve):
            verdicts.append(inconclusive(expected, answer.came_back, **place))
        elif answer.status == _RATE_LIMITED and _RATE_LIMITED not in promise.refused:
            remedy = "repeat when this client's allowance is free again"
            verdicts.append(inconclusive(expected, "HTTP 429: too many requests of late", remedy=remedy, **place))
        elif wrong := _wrong_outcome(promise, answer):
            many = f" (a vector of {len(promise.vector):,} numbers)" if len(promise.vector) > _SHOWN_NUMBERS_MAX else ""
            verdicts.append(failed(expected, wrong + many, **place))
        else:
            verdicts.append(passed(f"HTTP {answer.status}", where=answer.asked))
    return combine(verdicts)


def _refusals(refused: Mapping[int, tuple[str, ...]], code: str) -> str:
    with_code = {status: f" with {code} = {' or '.join(codes)}" if codes else "" for status, codes in refused.items()}
    return ", or ".join(f"HTTP {status}{words}" for status, words in with_code.items())


def _wrong_refusal(refused: Mapping[int, tuple[str, ...]], code: str, answer: Answer) -> str:
    """Say in which way an answer is none of the refusals; empty when it is one."""
    start = f"HTTP {answer.status} {shown(answer.body[:80].decode('utf-8', errors='replace'), 100)}"
    if answer.status not in refused:
        return start
    try:
        given = dig(answer.json(), code) if refused[answer.status] else None
    except CouldNotObserve as error:
        return error.came_back
    codes = refused[answer.status]
    return "" if not codes or given in codes else f"HTTP {answer.status}, {code} is {shown(given)}"


def _wrong_outcome(promise: Refusal, answer: Answer) -> str:
    """Say why an answer is neither a promised refusal nor a score that may be; empty when it is one of them."""
    wrong = _wrong_refusal(promise.refused, promise.plan.code, answer)
    if not wrong or not promise.unless or answer.status != _HTTP_OK:
        return wrong
    try:
        score = dig(answer.json(), promise.score)
    except CouldNotObserve as error:
        return error.came_back
    if isinstance(score, bool) or not isinstance(score, int | float) or not abs(score) <= 1 + promise.tolerance:
        return wrong
    if promise.unless == "right":
        wanted = cosine(promise.vector, promise.candidate)
        if abs(score - wanted) > promise.tolerance:
            return f"{promise.score} is {score:.6g}, the cosine is {wanted:.6g}"
    return ""


def refusals(target: Target, promise: Compared) -> Mapping[str, Sequence[Refused]]:
    """Send everything that must be refused at once, once a run; the answers by promise; raises CouldNotObserve."""
    return target.once("refusals of comparisons", lambda: _refuse(target, promise.plan))


def _refuse(target: Target, plan: Plan) -> Mapping[str, Sequence[Refused]]:
    promises = target.contract.promises("compare.refusal", Refusal)
    other = target.contract.route(plan.other_route).path
    candidates = list(dict.fromkeys(promise.candidate for promise in promises))
    with target.registered(candidates) as ids:
        asked: list[tuple[Refusal, Sending, str]] = []
        for promise in promises:
            id_ = ids[candidates.index(promise.candidate)]
            act = target.contract.act(promise.act)
            if isinstance(id_, CouldNotObserve):
                if act.needs_candidate:
                    raise id_
                id_ = ""
            shortened = promise.vector[:_COMMAND_NUMBERS_MAX]
            for path in (None, other)[: 1 + promise.both_routes]:
                sending = Sending(act, {"vector": promise.vector, "candidate": id_}, path=path)
                shown_ = replace(sending, values={"vector": shortened, "candidate": _BY_HAND})
                asked.append((promise, sending, _by_hand(target, shown_, promise.candidate)))
        answers = target.platform.send_each([sending for _, sending, _ in asked])
    found: dict[str, list[Refused]] = {promise.id: [] for promise in promises}
    for path in (None, other):
        on_path = [
            (promise, answer, command)
            for (promise, sending, command), answer in zip(asked, answers, strict=True)
            if sending.path == path
        ]
        absent = bool(on_path) and all(_is_without_route(answer, plan.code) for _, answer, _ in on_path)
        for promise, answer, command in on_path:
            found[promise.id].append(Refused(answer, command, absent))
    return found


@check("compare.refusal", Refusal)
def test_refusal(promise: Refusal, target: Target) -> Verdict:
    """What cannot be compared is refused, in the promised way."""
    return judge_refusal(promise, refusals(target, promise)[promise.id])


class Envelope(Compared):
    """What a refusal says, besides its code."""

    statuses: tuple[int, ...]
    fields: Mapping[str, Domain]


def judge_envelope(promise: Envelope, found: Sequence[Refused]) -> Verdict:
    """Each refusal with one of the statuses has all fields."""
    expected = f"{', '.join(promise.fields)} in each refusal with HTTP {' or '.join(map(str, promise.statuses))}"
    verdicts = []
    for refused in found:
        answer = refused.answer
        if isinstance(answer, CouldNotObserve) or refused.absent or answer.status not in promise.statuses:
            continue
        try:
            values = {path: dig(answer.json(), path) for path in promise.fields}
            wrong = [
                f"{path} {'is missing' if isinstance(value, Missing) else problem}"
                for path, value in values.items()
                if (problem := promise.fields[path].breaks(value)) or isinstance(value, Missing)
            ]
        except CouldNotObserve as error:
            wrong = [error.came_back]
        if wrong:
            observed = f"HTTP {answer.status}: {some(wrong)}"
            verdicts.append(failed(expected, observed, where=answer.asked, reproduce=refused.reproduce))
        else:
            verdicts.append(passed(expected, where=answer.asked))
    return combine(verdicts)


@check("compare.envelope", Envelope)
def test_envelope(promise: Envelope, target: Target) -> Verdict:
    """Refusals say what a client needs to know."""
    return judge_envelope(promise, [one for several in refusals(target, promise).values() for one in several])


# --------------------------------------------------------------------------------------------------------------- triage


class Triage(Compared, Objective):
    """The manual's triage of comparisons: no bad way to end dominates."""


def judge_triage(promise: Triage, verdict: Verdict, traffic: float) -> Verdict:
    """The verdict of the objective, where there is the sustained traffic that the triage begins with."""
    if traffic < promise.traffic.minimum:
        return not_covered(
            f"{traffic:.0f} comparisons lately, too few for a triage (at least {promise.traffic.minimum:g})",
            "look again when there is more traffic",
        )
    return verdict


@check("compare.triage", Triage, last=True)
def test_triage(promise: Triage, target: Target) -> Verdict:
    """Neither errors nor unknown candidates dominate.

    The suite asks for unknown candidates itself, in each run. It compares known ones first, and far more of them: runs
    in a row on a quiet platform do not look as if candidates were missing.
    """
    if target.scope.covers(Component.API_KEY):
        with contextlib.suppress(CouldNotObserve):  # then they are judged as they are
            seen(target, promise.plan)
    seconds = target.scope.environment.triage_window_seconds
    traffic = traffic_of(target, promise.traffic, seconds)
    query = promise.query.replace("{window}", f"{seconds:.0f}s")
    url = f"{target.prometheus_client().url}/api/v1/query"
    verdict = judge_objective(
        promise.model_copy(update={"query": query}),
        target.query(query),
        traffic,
        where=f"GET {url}?query={query}",
        reproduce=f"curl -sSG '{url}' --data-urlencode 'query={query}'",
    )
    return judge_triage(promise, verdict, traffic)
