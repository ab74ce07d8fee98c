"""The classifier: what it answers, what it remembers and says of its memory, and how often a client may ask."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from selfcheck.checking import check
from selfcheck.classifying import NO_ROUTE, OK, Wire, ask, body_of, fill, look, numbers, spots_of
from selfcheck.clients.http import Answer
from selfcheck.clients.platform import Caller, Sending
from selfcheck.contract import ActName, Component, Promise, Right
from selfcheck.limiting import TOO_MANY, Limit, exhaust, recover, status_of, told_seconds
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.values import Domain, Missing, dig, json_type, same, shown, some
from selfcheck.verdict import Outcome, Verdict, combine, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from selfcheck.classifying import Asked, Batch, Cache, Filled, Repeated
    from selfcheck.limiting import Burst, Exhausted, Recovery
    from selfcheck.target import Page, Target

_UNPROCESSABLE = 422
_CLIENT_ERROR = 400
_SERVER_ERROR = 500

Place = Mapping[str, str]


class OfClassifier(Promise):
    """Base of this area's promises, which share what they look at."""

    requires: tuple[Component, ...] = (Component.APP, Component.CLASSIFIER)
    right: Right = Right.SYNTHETIC
    wire: Wire


def _judge_bodies(
    every: Iterable[Asked], expected: str, reproduce: str, judge: Callable[[Mapping[str, Any], Place], Verdict]
) -> Verdict:
    """Judge each successful answer; the others are judged by a promise of their own."""
    verdicts = [
        judge(body, {"where": asked.where, "reproduce": reproduce})
        for asked in every
        if (body := body_of(asked)) is not None
    ]
    return combine(verdicts) if verdicts else inconclusive(expected, "no answer with a JSON object to look at")


def _curl(target: Target, name: str) -> str:
    return target.platform.curl(target.contract.act(name))


# -------------------------------------------------------------------------------------------------------------- answers


class Answers(OfClassifier):
    """A sound drawing is classified, every time and on every replica."""


def judge_answers(every: Sequence[Asked], reproduce: str) -> Verdict:
    """Each answer is HTTP 200 with a JSON object; a rate limit, or no answer at all, tells nothing."""
    expected = "HTTP 200 with a JSON object"
    verdicts = []
    for asked in every:
        place = {"where": asked.where, "reproduce": reproduce}
        if isinstance(asked.answer, CouldNotObserve):
            verdicts.append(inconclusive(expected, asked.answer.came_back, **place))
        elif body_of(asked) is not None:
            verdicts.append(passed(f"{len(every)} drawings classified", where=asked.where))
        elif asked.answer.status == TOO_MANY:
            remedy = "repeat when this client's allowance is free again"
            verdicts.append(inconclusive(expected, "HTTP 429: too many requests of late", remedy=remedy, **place))
        else:
            verdicts.append(failed(expected, _start(asked.answer), **place))
    return combine(verdicts)


def _start(answer: Answer) -> str:
    return f"HTTP {answer.status} {shown(answer.body[:80].decode('utf-8', errors='replace'), 90)}"


@check("classifier.answers", Answers)
def test_answers(promise: Answers, target: Target) -> Verdict:
    """Drawings are classified."""
    return judge_answers(look(target, promise.wire).every, _curl(target, promise.wire.parts[0]))


class FieldOf(OfClassifier, Domain):
    """One entry of a classification, and what it must be."""

    path: str


def judge_field(promise: FieldOf, every: Sequence[Asked], reproduce: str) -> Verdict:
    """The entry is there and inside its domain, in every classification."""
    expected = f"{promise.path}: {promise.describe()}"

    def one(body: Mapping[str, Any], place: Place) -> Verdict:
        value = dig(body, promise.path)
        breach = "is missing" if isinstance(value, Missing) else promise.breaks(value)
        if breach:
            return failed(expected, f"{promise.path} {breach}", **place)
        return passed(f"{promise.path} = {shown(value)}", where=place["where"])

    return _judge_bodies(every, expected, reproduce, one)


@check("classifier.field", FieldOf)
def test_field(promise: FieldOf, target: Target) -> Verdict:
    """An entry of the classification has the promised type and value."""
    return judge_field(promise, look(target, promise.wire).every, _curl(target, promise.wire.parts[0]))


# -------------------------------------------------------------------------------------------------------- probabilities


class Distribution(OfClassifier):
    """The probabilities are probabilities."""

    tolerance: float = Field(gt=0)


def judge_distribution(promise: Distribution, every: Sequence[Asked], reproduce: str) -> Verdict:
    """Each lies between 0 and 1, and together they are 1, within the tolerance."""
    expected = f"{promise.wire.probabilities} between 0 and 1 that sum to 1 (within {promise.tolerance:g})"

    def one(body: Mapping[str, Any], place: Place) -> Verdict:
        found = dig(body, promise.wire.probabilities)
        if not isinstance(found, Mapping) or not found:
            return failed(expected, f"{promise.wire.probabilities} is {json_type(found)} {shown(found)}", **place)
        share = Domain(type="number", minimum=0, maximum=1)
        wrong = [f"{name} {breach}" for name, value in found.items() if (breach := share.breaks(value))]
        if wrong:
            return failed(expected, some(wrong), **place)
        total = math.fsum(found.values())
        if abs(total - 1) > promise.tolerance:
            return failed(expected, f"the {len(found)} probabilities sum to {total:.4g}", **place)
        return passed(f"{len(found)} probabilities sum to {total:.4g}", where=place["where"])

    return _judge_bodies(every, expected, reproduce, one)


@check("classifier.distribution", Distribution)
def test_distribution(promise: Distribution, target: Target) -> Verdict:
    """The probabilities sum to 1."""
    return judge_distribution(promise, look(target, promise.wire).every, _curl(target, promise.wire.parts[0]))


class Winner(OfClassifier):
    """The category is the most probable one."""

    tolerance: float = Field(ge=0)


def judge_winner(promise: Winner, every: Sequence[Asked], reproduce: str) -> Verdict:
    """No other category is more probable than the one that was chosen."""
    expected = _likeliest(promise.wire)
    return _judge_bodies(every, expected, reproduce, lambda body, place: _judge_category(promise, body, place))


def _likeliest(wire: Wire) -> str:
    return f"{wire.category} is the one with the highest of {wire.probabilities}"


def _judge_category(promise: Winner, body: Mapping[str, Any], place: Place) -> Verdict:
    wire, expected = promise.wire, _likeliest(promise.wire)
    found, chosen = numbers(dig(body, wire.probabilities)), dig(body, wire.category)
    if not found:
        return inconclusive(expected, f"{wire.probabilities} has no numbers", **place)
    best = max(found, key=lambda name: found[name])
    if not isinstance(chosen, str) or chosen not in found:
        observed = f"{wire.category} is {shown(chosen)}, which is not among {', '.join(sorted(found))}"
        return failed(expected, observed, **place)
    if found[chosen] < found[best] - promise.tolerance:
        observed = f"{wire.category} is {chosen} with {found[chosen]:.4g}, but {best} has {found[best]:.4g}"
        return failed(expected, observed, **place)
    return passed(f"{chosen} with {found[chosen]:.4g}", where=place["where"])


def judge_close_races(promise: CloseRaces, asked: Asked, reproduce: str) -> Verdict:
    """The same of files of which two kinds are nearly as likely: there rounding and shortcuts show."""
    expected = _likeliest(promise.wire)
    body = _read_batch(asked, expected, reproduce)
    if isinstance(body, Verdict):
        return body
    place: Place = {"where": asked.where, "reproduce": reproduce}
    verdicts = [_judge_category(promise, each, place) for _, each in _classifications(promise.wire, body, ())]
    if not verdicts:
        remedy = "name the fields of a classification in the contract's classifier.toml"
        return not_covered("no classification in the answer to a batch", remedy)
    return combine(verdicts)


@check("classifier.winner", Winner)
def test_winner(promise: Winner, target: Target) -> Verdict:
    """The most probable category is the answer."""
    return judge_winner(promise, look(target, promise.wire).every, _curl(target, promise.wire.parts[0]))


class CloseRaces(Winner):
    """So is it where two categories are nearly as probable."""


@check("classifier.close_races", CloseRaces)
def test_close_races(promise: CloseRaces, target: Target) -> Verdict:
    """The most probable category is the answer, by however little."""
    plates = look(target, promise.wire).batch.plates
    return judge_close_races(promise, plates, _curl(target, promise.wire.batch))


class LineEnds(OfClassifier):
    """How a file ends its lines does not matter."""

    tolerance: float = Field(ge=0)


def judge_line_ends(promise: LineEnds, batch: Batch, reproduce: str) -> Verdict:
    """The last plate, which is the first one with other line ends, is classified like it."""
    wire, asked = promise.wire, batch.plates
    expected = "the same classification with line ends of Unix and of Windows"
    body = _read_batch(asked, expected, reproduce)
    if isinstance(body, Verdict):
        return body
    found = _classifications(wire, body, batch.plate_names)
    named = {name: each for name, each in found if name}
    if len(found) != len(batch.plate_names) and len(named) != len(batch.plate_names):
        return not_covered(
            f"{len(found)} classifications of {len(batch.plate_names)} files", "see the batch's own promise"
        )
    first, last = (named.get(batch.plate_names[at], found[at][1]) for at in (0, -1))
    differing = _differing(wire, first, last, promise.tolerance)
    if differing:
        return failed(expected, some(differing), where=asked.where, reproduce=reproduce)
    return passed(f"both are {shown(first.get(wire.category))}", where=asked.where)


@check("classifier.line_ends", LineEnds)
def test_line_ends(promise: LineEnds, target: Target) -> Verdict:
    """Files of Windows are read like those of Unix."""
    return judge_line_ends(promise, look(target, promise.wire).batch, _curl(target, promise.wire.batch))


class Confidence(OfClassifier):
    """The confidence is that of the category."""

    tolerance: float = Field(gt=0)


def judge_confidence(promise: Confidence, every: Sequence[Asked], reproduce: str) -> Verdict:
    """It is the probability of the category.

    A platform may say how sure it is in a way of its own. But that is then no other category's probability, not the
    same whatever the probabilities are, and the way of every answer.
    """
    wire = promise.wire
    expected = f"{wire.confidence} tells how probable {wire.category} is"
    own_way: list[tuple[float, float, Place]] = []

    def one(body: Mapping[str, Any], place: Place) -> Verdict:
        found, chosen = numbers(dig(body, wire.probabilities)), dig(body, wire.category)
        given = numbers({"": dig(body, wire.confidence)}).get("")
        own = found.get(chosen) if isinstance(chosen, str) else None
        if given is None or own is None:
            return inconclusive(expected, f"{wire.confidence} or the probability of the category is missing", **place)
        if abs(given - own) <= promise.tolerance:
            return passed(f"{given:.4g}, the probability of {chosen}", where=place["where"])
        for name, value in found.items():
            if math.isclose(given, value, abs_tol=1e-9):
                observed = f"{wire.confidence} {given:.4g} is that of {name}; {chosen} has {own:.4g}"
                return failed(expected, observed, **place)
        own_way.append((given, own, place))
        return not_covered(
            f"{wire.confidence} is {given:.4g} and the probability of {chosen} {own:.4g}: it is worked out otherwise",
            "nothing to do where the platform says how sure it is in a way of its own",
        )

    verdict = _judge_bodies(every, expected, reproduce, one)
    if not own_way or verdict.outcome is Outcome.FAIL:
        return verdict
    given, own, place = own_way[-1]
    if verdict.outcome is not Outcome.NOT_COVERED:
        observed = f"{wire.confidence} is {given:.4g} and the probability {own:.4g} here, while they agree elsewhere"
        return failed(expected, observed, **place)
    for other_given, other, _ in own_way:
        if math.isclose(given, other_given) and abs(own - other) > promise.tolerance:
            observed = (
                f"{wire.confidence} is {given:.4g} where the probability is {own:.4g} and where it is {other:.4g}"
            )
            return failed(expected, observed, **place)
    return verdict


@check("classifier.confidence", Confidence)
def test_confidence(promise: Confidence, target: Target) -> Verdict:
    """The confidence fits the probabilities."""
    return judge_confidence(promise, look(target, promise.wire).every, _curl(target, promise.wire.parts[0]))


# ------------------------------------------------------------------------------------------------------- the same again


class Remembered(OfClassifier):
    """Whether an answer came from the cache stands in it: not for a new file, but for one that was sent before."""

    cached: bool


def judge_remembered(promise: Remembered, repeated: Sequence[Repeated], reproduce: str) -> Verdict:
    """The first answer says that it is new; every further one of the same process that it is not.

    Where several processes answer, each has to meet the file first: there one answer from a cache is enough.
    """
    name = promise.wire.cached
    if not promise.cached:
        expected = f"{name} = False for a file that nobody has sent before"

        def fresh(body: Mapping[str, Any], place: Place) -> Verdict:
            value = dig(body, name)
            if value is not False:
                return failed(expected, f"{name} is {shown(value)} for a new file", **place)
            return passed(f"{name} = False", where=place["where"])

        return _judge_bodies([one.first for one in repeated], expected, reproduce, fresh)
    return combine(_judge_known(name, one, promise.wire.tries_max, reproduce) for one in repeated)


def _judge_known(name: str, one: Repeated, tries_max: int, reproduce: str) -> Verdict:
    expected = f"{name} = True for a file that was classified before"
    bodies = [(asked, body) for asked in one.again if (body := body_of(asked)) is not None]
    if body_of(one.first) is None or not bodies:
        return inconclusive(expected, "the file was not classified twice", where=one.first.where, reproduce=reproduce)
    place = {"where": bodies[-1][0].where, "reproduce": reproduce}
    values = [dig(body, name) for _, body in bodies]
    if not one.exact:
        if any(value is True for value in values):
            return passed(f"{name} = True after {len(values)} repetitions", where=place["where"])
        observed = f"{name} is {shown(values[-1])} after {len(values)} repetitions"
        if len(values) < tries_max:
            return inconclusive(expected, observed, **place)
        return failed(expected, observed, **place)
    wrong = next(((asked, value) for (asked, _), value in zip(bodies, values, strict=True) if value is not True), None)
    if wrong is not None:
        return failed(expected, f"{name} is {shown(wrong[1])}", where=wrong[0].where, reproduce=reproduce)
    return passed(f"{name} = True", where=place["where"])


@check("classifier.remembered", Remembered)
def test_remembered(promise: Remembered, target: Target) -> Verdict:
    """The answer says whether it came from the cache."""
    return judge_remembered(promise, look(target, promise.wire).repeated, _curl(target, promise.wire.parts[0]))


class Same(OfClassifier):
    """The same file gets the same classification, from the cache and from every replica."""

    among: Literal["repetitions", "replicas"]
    tolerance: float = Field(ge=0)


def judge_same(promise: Same, repeated: Sequence[Repeated], reproduce: str) -> Verdict:
    """All answers to the same file say what the first one said, apart from whether it came from the cache."""
    expected = f"the same classification of the same file, each time (numbers within {promise.tolerance:g})"
    verdicts = []
    for one in repeated:
        others = one.again if promise.among == "repetitions" else one.elsewhere
        first = body_of(one.first)
        for asked in others:
            body = body_of(asked)
            if first is None or body is None:
                continue
            place = {"where": f"{one.first.where} and {asked.where}", "reproduce": reproduce}
            differing = _differing(promise.wire, first, body, promise.tolerance)
            if differing:
                verdicts.append(failed(expected, some(differing), **place))
            else:
                verdicts.append(passed(f"{len(others) + 1} answers agree", where=place["where"]))
    return combine(verdicts) if verdicts else inconclusive(expected, "no two answers to compare")


def _differing(wire: Wire, one: Mapping[str, Any], other: Mapping[str, Any], tolerance: float) -> list[str]:
    """Say where two classifications differ, in what is promised of them."""
    found = []
    if not same(dig(one, wire.category), dig(other, wire.category)):
        found.append(f"{wire.category} {shown(dig(one, wire.category))} and {shown(dig(other, wire.category))}")
    left, right = (
        {wire.confidence: dig(body, wire.confidence), **_shares(dig(body, wire.probabilities))} for body in (one, other)
    )
    for name in sorted(left.keys() | right.keys()):
        mine, theirs = left.get(name, Missing(name)), right.get(name, Missing(name))
        close = len(numbers({"a": mine, "b": theirs})) == 2 and abs(float(mine) - float(theirs)) <= tolerance
        if not close and not same(mine, theirs):
            found.append(f"{name} {shown(mine)} and {shown(theirs)}")
    return found


def _shares(value: object) -> dict[str, Any]:
    return {f"probability of {name}": share for name, share in value.items()} if isinstance(value, Mapping) else {}


@check("classifier.same", Same)
def test_same(promise: Same, target: Target) -> Verdict:
    """The same file is classified alike."""
    return judge_same(promise, look(target, promise.wire).repeated, _curl(target, promise.wire.parts[0]))


# ---------------------------------------------------------------------------------------------------------------- batch


class Together(OfClassifier):
    """Several files at once get what each gets for itself."""

    tolerance: float = Field(ge=0)


def judge_together(promise: Together, batch: Batch, reproduce: str) -> Verdict:
    """The answer has a classification for each file, and each is that of the file alone.

    Of its shape nothing is promised: classifications are looked for anywhere in it. They belong to the file whose name
    stands beside them, else to files in the order in which they were sent.
    """
    wire, asked = promise.wire, batch.together
    expected = f"{len(batch.names)} classifications, each as for the file alone"
    place = {"where": asked.where, "reproduce": reproduce}
    body = _read_batch(asked, expected, reproduce)
    if isinstance(body, Verdict):
        return body
    found = _classifications(wire, body, batch.names)
    if not found:
        observed = f"no list of objects with {wire.category} and {wire.probabilities} in the answer"
        return not_covered(observed, "name the fields of a classification in the contract's classifier.toml")
    if len(found) != len(batch.names):
        return failed(expected, f"{len(found)} classifications of {len(batch.names)} files", **place)
    named = [name for name, _ in found]
    if all(named) and (forgotten := [name for name in batch.names if name not in named]):
        return failed(expected, f"{named[0]} is classified twice, and {', '.join(forgotten)} is not", **place)
    verdicts = []
    for number, (name, together) in enumerate(found):
        place_of = batch.names.index(name) if name else number
        alone = body_of(batch.singly[place_of])
        if alone is None:
            verdicts.append(inconclusive(expected, f"{batch.names[place_of]} alone was not classified", **place))
        elif differing := _differing(wire, alone, together, promise.tolerance):
            observed = f"file {place_of + 1} ({batch.names[place_of]}), alone and in the batch: {some(differing)}"
            verdicts.append(failed(expected, observed, **place))
        else:
            verdicts.append(passed(f"{len(found)} files as each alone", where=asked.where))
    return combine(verdicts)


def _read_batch(asked: Asked, expected: str, reproduce: str) -> Any:
    """Read the answer to a batch; gives the verdict where something keeps it from being compared."""
    answer, place = asked.answer, {"where": asked.where, "reproduce": reproduce}
    if isinstance(answer, CouldNotObserve):
        return inconclusive(expected, answer.came_back, **place)
    if answer.status in (*NO_ROUTE, _UNPROCESSABLE):
        remedy = "put the deployment's own path and form field of the batch into the contract's api.toml"
        return not_covered(f"{answer.asked} takes no such batch ({_start(answer)})", remedy)
    if answer.status == TOO_MANY:
        return inconclusive(expected, "HTTP 429: too many requests of late", **place)
    if answer.status != OK:
        return failed(expected, _start(answer), **place)
    try:
        return answer.json()
    except CouldNotObserve as error:
        return failed(expected, error.came_back, **place)


def _classifications(
    wire: Wire, value: object, names: Sequence[str], beside: str = ""
) -> list[tuple[str, Mapping[str, Any]]]:
    """Find all classifications in a JSON value, in its order, each with the file name that stands beside it."""
    if isinstance(value, list):
        return [found for each in value for found in _classifications(wire, each, names)]
    if not isinstance(value, Mapping):
        return []
    own = next((each for each in value.values() if isinstance(each, str) and each in names), beside)
    if wire.category in value and wire.probabilities in value:
        return [(own, value)]
    return [
        found
        for key, each in value.items()
        for found in _classifications(wire, each, names, str(key) if key in names else own)
    ]


@check("classifier.together", Together)
def test_together(promise: Together, target: Target) -> Verdict:
    """A batch gives what its files give alone."""
    return judge_together(promise, look(target, promise.wire).batch, _curl(target, promise.wire.batch))


class Namesakes(Together):
    """Files of one name, as of two folders, are two files."""


def judge_namesakes(promise: Namesakes, batch: Batch, reproduce: str) -> Verdict:
    """Each file's own classification is in the answer, wherever: their names do not tell which is whose.

    An answer that has classifications by file name cannot have both; then nothing is promised.
    """
    wire, asked = promise.wire, batch.namesakes
    expected = f"a classification for each of {len(batch.names)} files of one name"
    place = {"where": asked.where, "reproduce": reproduce}
    body = _read_batch(asked, expected, reproduce)
    if isinstance(body, Verdict):
        return body
    found = [each for _, each in _classifications(wire, body, ())]
    alone = [body_of(one) for one in batch.singly]
    known = [each for each in alone if each is not None]
    if not found or (len(found) < len(batch.names) and _by_name(body, batch.names[0])):
        return not_covered("its answer has no list of classifications", "nothing to do: none is promised")
    if len(known) < len(alone):
        return inconclusive(expected, "one of them alone was not classified", **place)
    lost = [each for each in known if all(_differing(wire, each, one, promise.tolerance) for one in found)]
    if lost or len(found) != len(alone):
        got = some([shown(each.get(wire.category)) for each in found])
        return failed(
            expected, f"{got}; alone they are {some([shown(each.get(wire.category)) for each in known])}", **place
        )
    return passed(f"{len(found)} files of one name, as each alone", where=asked.where)


def _by_name(value: object, name: str) -> bool:
    if isinstance(value, list):
        return any(_by_name(each, name) for each in value)
    return isinstance(value, Mapping) and (name in value or any(_by_name(each, name) for each in value.values()))


@check("classifier.namesakes", Namesakes)
def test_namesakes(promise: Namesakes, target: Target) -> Verdict:
    """A batch does not take files for one another that have the same name."""
    return judge_namesakes(promise, look(target, promise.wire).batch, _curl(target, promise.wire.batch))


# -------------------------------------------------------------------------------------------------------------- refusal


class Refusal(OfClassifier):
    """A file that is no DXF drawing is refused, and gets no category."""

    act: ActName
    success: str = Field(description="Path to what says that a request succeeded, in answers with HTTP 200.")


def judge_refusal(promise: Refusal, asked: Asked, reproduce: str) -> Verdict:
    """HTTP 4xx, or 200 that says it failed; never 5xx, and never a category."""
    expected = f"HTTP 4xx, or HTTP 200 with {promise.success} = False, and no {promise.wire.category}"
    place = {"where": asked.where, "reproduce": reproduce}
    answer = asked.answer
    if isinstance(answer, CouldNotObserve):
        return inconclusive(expected, answer.came_back, **place)
    if answer.status == TOO_MANY:
        return inconclusive(expected, "HTTP 429: too many requests of late", **place)
    body = body_of(asked)
    category = dig(body, promise.wire.category)
    if isinstance(category, str) and category.strip():
        return failed(expected, f"HTTP {answer.status}, {promise.wire.category} = {shown(category)}", **place)
    if _CLIENT_ERROR <= answer.status < _SERVER_ERROR:
        return passed(f"HTTP {answer.status}", where=asked.where)
    if body is not None and dig(body, promise.success) is False:
        return passed(f"HTTP {answer.status}, {promise.success} = False", where=asked.where)
    return failed(expected, _start(answer), **place)


@check("classifier.refusal", Refusal)
def test_refusal(promise: Refusal, target: Target) -> Verdict:
    """What is no drawing is refused."""
    look(target, promise.wire)  # raises where this run cannot have anything classified
    asked = ask(target, [("", Sending(target.contract.act(promise.act)))])[0]
    return judge_refusal(promise, asked, _curl(target, promise.act))


# ----------------------------------------------------------------------------------------------------------- statistics


class OfStatistics(OfClassifier):
    """Base of what is promised of the cache's statistics."""

    requires: tuple[Component, ...] = (Component.APP, Component.CLASSIFIER, Component.ADMIN_TOKEN)


def _read(caches: Sequence[Cache]) -> list[Asked]:
    """Give all readings of statistics; raises CouldNotObserve where the route is another one."""
    readings = [asked for cache in caches for asked in (cache.before, cache.after)]
    answers = [asked.answer for asked in readings if isinstance(asked.answer, Answer)]
    if answers and all(answer.status in NO_ROUTE for answer in answers):
        hint = "put the deployment's own path of the cache statistics into the contract's api.toml"
        came_back = f"{answers[0].asked} answers HTTP {answers[0].status}"
        raise CouldNotObserve(Trouble.NO_SUCH_ROUTE, asked=answers[0].asked, came_back=came_back, hint=hint)
    return readings


class Figure(OfStatistics, Domain):
    """One entry of the statistics, and what it must be."""

    path: str
    nullable: bool = False


def judge_figure(promise: Figure, readings: Sequence[Asked], reproduce: str) -> Verdict:
    """The entry is there and inside its domain (or null, where that is allowed), on every replica."""
    expected = f"{promise.path}: {promise.describe()}{' or null' if promise.nullable else ''}"

    def one(body: Mapping[str, Any], place: Place) -> Verdict:
        value = dig(body, promise.path)
        if value is None and promise.nullable:
            return passed(f"{promise.path} is null", where=place["where"])
        breach = "is missing" if isinstance(value, Missing) else promise.breaks(value)
        if breach:
            return failed(expected, f"{promise.path} {breach}", **place)
        return passed(f"{promise.path} = {shown(value)}", where=place["where"])

    return _judge_bodies(readings, expected, reproduce, one)


@check("classifier.figure", Figure)
def test_figure(promise: Figure, target: Target) -> Verdict:
    """An entry of the statistics has the promised type and value."""
    caches = look(target, promise.wire).caches
    return judge_figure(promise, _read(caches), _curl(target, promise.wire.statistics))


class Served(OfStatistics):
    """The statistics are there for whoever has the admin token."""


def judge_served(readings: Sequence[Asked], reproduce: str) -> Verdict:
    """Each reading is HTTP 200 with a JSON object."""
    return judge_answers(readings, reproduce)


@check("classifier.served", Served)
def test_served(promise: Served, target: Target) -> Verdict:
    """The statistics can be read on every replica."""
    return judge_served(_read(look(target, promise.wire).caches), _curl(target, promise.wire.statistics))


class Coherent(OfStatistics):
    """The figures fit each other: no more entries than allowed, and the ratio is that of hits to all."""

    tolerance: float = Field(gt=0)


def judge_coherent(promise: Coherent, readings: Sequence[Asked], reproduce: str) -> Verdict:
    """Size is at most the allowed one; the ratio is hits by hits and misses, null (or 0) where there are none."""
    wire = promise.wire
    expected = f"{wire.size} <= {wire.max_size}; {wire.hit_ratio} = {wire.hits} / ({wire.hits} + {wire.misses})"

    def one(body: Mapping[str, Any], place: Place) -> Verdict:
        found = numbers({name: dig(body, name) for name in (wire.size, wire.max_size, wire.hits, wire.misses)})
        if len(found) < 4:
            return inconclusive(expected, "a figure is missing or no number", **place)
        said = ", ".join(f"{name} {value:g}" for name, value in found.items())
        ratio = dig(body, wire.hit_ratio)
        said = f"{said}, {wire.hit_ratio} {shown(ratio)}"
        asked = found[wire.hits] + found[wire.misses]
        share = numbers({"": ratio}).get("")
        if found[wire.size] > found[wire.max_size]:
            return failed(expected, said, **place)
        if asked <= 0:
            fits = ratio is None or share == 0
        else:
            fits = share is not None and abs(share - found[wire.hits] / asked) <= promise.tolerance
        return passed(said, where=place["where"]) if fits else failed(expected, said, **place)

    return _judge_bodies(readings, expected, reproduce, one)


@check("classifier.coherent", Coherent)
def test_coherent(promise: Coherent, target: Target) -> Verdict:
    """The statistics do not contradict themselves."""
    caches = look(target, promise.wire).caches
    return judge_coherent(promise, _read(caches), _curl(target, promise.wire.statistics))


class AsConfigured(OfStatistics):
    """The size that the cache may have is the one on the health page."""


def judge_as_configured(
    promise: AsConfigured, readings: Sequence[Asked], health: Sequence[Page], reproduce: str
) -> Verdict:
    """It is what the same replica says on its health page; where replicas cannot be told apart, what any says."""
    wire = promise.wire
    expected = f"{wire.max_size} = {wire.health_max_size} of the page {wire.health}"
    verdicts = []
    for asked in readings:
        body = body_of(asked)
        if body is None:
            continue
        pages = [page for page in health if page.who == asked.who] or health
        values = [value for page in pages if not isinstance(value := _on_page(page, wire.health_max_size), Missing)]
        own = dig(body, wire.max_size)
        place = {"where": f"{asked.where} and {pages[0].answer.asked}", "reproduce": reproduce}
        if not values or isinstance(own, Missing):
            verdicts.append(inconclusive(expected, "one of the two is missing", **place))
        elif any(same(own, value) for value in values):
            verdicts.append(passed(f"{shown(own)} on both", where=place["where"]))
        else:
            verdicts.append(failed(expected, f"{shown(own)} and {shown(values[0])}", **place))
    return combine(verdicts) if verdicts else inconclusive(expected, "no statistics to look at")


def _on_page(page: Page, path: str) -> object:
    try:
        return dig(page.answer.json(), path)
    except CouldNotObserve:
        return Missing(path)


@check("classifier.as_configured", AsConfigured)
def test_as_configured(promise: AsConfigured, target: Target) -> Verdict:
    """The statistics show the configured size."""
    readings = _read(look(target, promise.wire).caches)
    pages = target.pages(promise.wire.health)
    return judge_as_configured(promise, readings, pages, _curl(target, promise.wire.statistics))


class Moving(OfStatistics):
    """Hits and misses move by what is asked, and as the counters of the metrics page do."""

    holds: Literal["requests", "metrics", "size"]


def judge_moving(promise: Moving, caches: Sequence[Cache], reproduce: str) -> Verdict:
    """Between two readings of one process the statistics grow at least by this run's requests (others only add).

    They grow at most as much as the counters on the metrics page, which are read before and after. The size agrees with
    its gauge at one of the two moments at least, or lies between.
    """
    judges = {"requests": _judge_requests, "metrics": _judge_metrics, "size": _judge_size}
    return combine(
        judges[promise.holds](promise.wire, cache, caches, {"where": cache.after.where, "reproduce": reproduce})
        for cache in caches
    )


_UNKNOWN = "it is not known which process answers"
_REMEDY = "name the replicas' addresses in the contract (`replica_urls`), or set SELF_CHECK_PROMETHEUS_URL"


def _figures(wire: Wire, cache: Cache) -> list[dict[str, float]] | None:
    """Give hits, misses and size at both readings; None where one is missing."""
    found = [
        numbers({name: dig(body_of(asked), name) for name in (wire.hits, wire.misses, wire.size)})
        for asked in (cache.before, cache.after)
    ]
    return found if all(len(figures) == 3 for figures in found) else None


def _restarted(cache: Cache) -> bool:
    """Tell whether the two readings of the metrics page came from two processes, or cannot be told apart."""
    identities = {scrape.identity for scrape in cache.meters}
    return len(cache.meters) < 2 or len(identities) > 1 or None in identities


def _judge_requests(wire: Wire, cache: Cache, _: Sequence[Cache], place: Place) -> Verdict:
    expected = f"at least {cache.new} more {wire.misses} and {cache.known} more {wire.hits}"
    if not cache.new:
        return not_covered(_UNKNOWN, _REMEDY)
    found = _figures(wire, cache)
    if found is None:
        return inconclusive(expected, "a figure is missing or no number", **place)
    misses, hits = (found[1][name] - found[0][name] for name in (wire.misses, wire.hits))
    observed = f"{misses:g} more {wire.misses} and {hits:g} more {wire.hits}"
    if misses >= cache.new and hits >= cache.known:
        return passed(observed, where=place["where"])
    if _restarted(cache):
        return inconclusive(expected, f"{observed}; {_UNKNOWN}", **place)
    return failed(expected, f"{observed} after {cache.new} new files, each sent again", **place)


def _judge_metrics(wire: Wire, cache: Cache, caches: Sequence[Cache], place: Place) -> Verdict:
    expected = f"{wire.hits} and {wire.misses} grow no faster than {wire.hits_counter} and {wire.misses_counter}"
    if not cache.new:
        return not_covered(_UNKNOWN, _REMEDY)
    found = _figures(wire, cache)
    if found is None or _restarted(cache):
        return inconclusive(expected, "a figure is missing, or the process changed", **place)
    verdicts = []
    for name, counter, least in (
        (wire.hits, wire.hits_counter, sum(each.known for each in caches)),
        (wire.misses, wire.misses_counter, sum(each.new for each in caches)),
    ):
        own, total = _counted(counter, [cache]), _counted(counter, caches)
        if own is None or total is None:
            verdicts.append(inconclusive(expected, f"{counter} is not on the metrics page", **place))
            continue
        grown = found[1][name] - found[0][name]
        observed = f"{name} grew by {grown:g}, {counter} by {own:g}"
        # Replicas that share a cache may share its statistics: these then grow by what all of them were asked.
        fits = grown <= own or least <= grown <= total
        verdicts.append(passed(observed, where=place["where"]) if fits else failed(expected, observed, **place))
    return combine(verdicts)


def _counted(counter: str, caches: Sequence[Cache]) -> float | None:
    """Say how far a counter grew on some processes together; None where it cannot be read."""
    values = [[scrape.exposition.value(counter) for scrape in cache.meters] for cache in caches]
    if not all(len(both) == 2 and None not in both for both in values):
        return None
    return sum((after or 0.0) - (before or 0.0) for before, after in values)


def _judge_size(wire: Wire, cache: Cache, _: Sequence[Cache], place: Place) -> Verdict:
    expected = f"{wire.size} = {wire.size_gauge}"
    if not cache.new:
        return not_covered(_UNKNOWN, _REMEDY)
    found = _figures(wire, cache)
    gauges = [value for scrape in cache.meters if (value := scrape.exposition.value(wire.size_gauge)) is not None]
    if found is None or _restarted(cache) or len(gauges) < 2:
        return inconclusive(expected, f"{wire.size} or {wire.size_gauge} is missing, or the process changed", **place)
    sizes = [figures[wire.size] for figures in found]
    observed = f"{wire.size} {sizes[0]:g}, then {sizes[1]:g}; {wire.size_gauge} {gauges[0]:g}, then {gauges[1]:g}"
    # Other clients' files may be added between the readings. Before, the cache may have been empty: then a gauge that
    # nobody sets agrees as well.
    if min(gauges) <= sizes[1] <= max(gauges):
        return passed(observed, where=place["where"])
    return failed(expected, observed, **place)


@check("classifier.moving", Moving)
def test_moving(promise: Moving, target: Target) -> Verdict:
    """The statistics are of now, and as on the metrics page."""
    caches = look(target, promise.wire).caches
    _read(caches)
    return judge_moving(promise, caches, _curl(target, promise.wire.statistics))


class Guarded(OfStatistics):
    """Only whoever has the admin token sees the statistics."""

    caller: Caller
    status: int


def judge_guarded(promise: Guarded, asked: Sequence[Asked], reproduce: str) -> Verdict:
    """Each replica refuses, with the promised status."""
    expected = f"HTTP {promise.status} without the admin token"
    expected = expected if promise.caller is Caller.NOBODY else f"HTTP {promise.status} with a wrong admin token"
    verdicts = []
    for one in asked:
        place = {"where": one.where, "reproduce": reproduce}
        if isinstance(one.answer, CouldNotObserve):
            verdicts.append(inconclusive(expected, one.answer.came_back, **place))
        elif one.answer.status == promise.status:
            verdicts.append(passed(f"HTTP {promise.status}", where=one.where))
        elif one.answer.status == TOO_MANY:
            verdicts.append(inconclusive(expected, "HTTP 429: too many requests of late", **place))
        else:
            verdicts.append(failed(expected, f"HTTP {one.answer.status}", **place))
    return combine(verdicts)


@check("classifier.guarded", Guarded)
def test_guarded(promise: Guarded, target: Target) -> Verdict:
    """Whoever has no right to the statistics does not get them."""
    seen = look(target, promise.wire)
    _read(seen.caches)
    act = target.contract.act(promise.wire.statistics)
    asked = ask(target, [(who, Sending(act, caller=promise.caller, base=at)) for who, at in seen.statistics_at])
    header = "" if promise.caller is Caller.NOBODY else f" -H '{target.contract.platform.admin_token_header}: wrong'"
    url = (seen.statistics_at[0][1] or target.platform.base()) + target.contract.route(act.route).path
    return judge_guarded(promise, asked, f"curl -sS -o /dev/null -w '%{{http_code}}\\n'{header} {url}")


# ------------------------------------------------------------------------------------------------------------- eviction


class Eviction(OfStatistics):
    """The cache holds as much as allowed, and the entry that was not used for the longest time goes first."""

    right: Right = Right.INTRUSIVE
    fill_max: int = Field(ge=1, description="Caches that may hold more are not filled for a look.")


def judge_eviction(promise: Eviction, filled: Filled, reproduce: str) -> Verdict:
    """What was used lately is still there, what was not is gone, and the size is within its bound."""
    wire = promise.wire
    expected = (
        f"after {filled.max_size} further files a file used in the meantime is cached, one that was not is gone, "
        f"and {wire.size} <= {filled.max_size}"
    )
    place = {"where": filled.used.where, "reproduce": reproduce}
    if filled.unanswered:
        observed = f"{len(filled.unanswered)} of the files were not classified: {filled.unanswered[0].came_back}"
        return inconclusive(expected, observed, **place)
    used, idle = dig(body_of(filled.used), wire.cached), dig(body_of(filled.idle), wire.cached)
    if not isinstance(used, bool) or not isinstance(idle, bool):
        return inconclusive(expected, f"{wire.cached} is {shown(used)} and {shown(idle)}", **place)
    size = dig(body_of(filled.statistics), wire.size)
    observed = f"used in the meantime: {wire.cached} {used}; not used: {wire.cached} {idle}; {wire.size} {shown(size)}"
    if idle or numbers({"": size}).get("", 0) > filled.max_size:
        return failed(expected, observed, **place)
    if not used and not filled.others <= filled.max_size // 2 - 2:
        return inconclusive(expected, f"{observed}; other clients' files came between", **place)
    return passed(observed, where=place["where"]) if used else failed(expected, observed, **place)


@check("classifier.eviction", Eviction)
def test_eviction(promise: Eviction, target: Target) -> Verdict:
    """The least recently used entry goes first."""
    wire, seen = promise.wire, look(target, promise.wire)
    readings = _read(seen.caches)
    spots = spots_of(target, wire)
    if not all(cache.new and cache.before.who in spots for cache in seen.caches):
        return not_covered(_UNKNOWN, _REMEDY)
    max_size = next((value for asked in readings[:1] if (value := dig(body_of(asked), wire.max_size))), None)
    if not isinstance(max_size, int) or isinstance(max_size, bool):
        return inconclusive(promise.says, f"{wire.max_size} is {shown(max_size)}", where=readings[0].where)
    if not _SMALL <= max_size <= promise.fill_max:
        observed = f"the cache may hold {max_size:,} entries; it is not filled for a look"
        return not_covered(observed, f"look at a deployment with a cache of {_SMALL} to {promise.fill_max} entries")
    filled = fill(target, wire, seen.statistics_at[0], max_size)
    return judge_eviction(promise, filled, _curl(target, wire.parts[0]))


_SMALL = 6
"""Caches that may hold fewer have no room for other clients' files beside those of the check."""


# ----------------------------------------------------------------------------------------------------------- rate limit


class Limited(OfClassifier, Limit):
    """What is promised of the rate limit; all of it is looked at once."""

    right: Right = Right.INTRUSIVE
    shared_in: tuple[str, ...] = Field(description="Environments whose replicas are known to share the count.")
    batches_in: tuple[str, ...] = Field(description="Environments in which batches are known to be limited, too.")
    holds: Literal[
        "as_often_as_configured",
        "says_when",
        "counted_once",
        "for_one_client",
        "until_then",
        "for_all_replicas",
        "without_escape",
        "for_batches",
    ]

    @property
    def waits(self) -> bool:
        """The end of a limit is waited for."""
        return self.holds == "until_then"


def judge_in_force(burst: Burst, reproduce: str) -> Verdict:
    """So many requests in a window are served, and not one more.

    Fewer are a breach only of a client that had not asked before; more only when all were sent well within a window and
    counted by one process, or refused by all.
    """
    expected = f"{burst.allowed} requests served, then HTTP 429"
    observed = f"{burst.served} of {burst.sent} requests served, {len(burst.refused)} refused, in {burst.seconds:.1f} s"
    place = {"where": burst.where, "reproduce": reproduce}
    if burst.other:
        one = burst.other[0].answer
        said = one.came_back if isinstance(one, CouldNotObserve) else _start(one)
        broken = any(status_of(asked) >= _SERVER_ERROR for asked in burst.other)
        return (failed if broken else inconclusive)(expected, f"{observed}; {len(burst.other)} others: {said}", **place)
    if burst.served == burst.allowed:
        return passed(observed, where=burst.where)
    judge = _judge_more if burst.served > burst.allowed else _judge_fewer
    return judge(burst, expected, observed, place)


def _judge_more(burst: Burst, expected: str, observed: str, place: Place) -> Verdict:
    if burst.seconds > burst.window_seconds / 2:
        return inconclusive(expected, f"{observed}: too slow to tell within {burst.window_seconds:g} s", **place)
    if burst.processes != 1 and not burst.refused:
        return not_covered(f"{observed}: each process behind the load balancer may count on its own", _REMEDY)
    return failed(expected, observed, **place)


def _judge_fewer(burst: Burst, expected: str, observed: str, place: Place) -> Verdict:
    if burst.fresh:
        return failed(expected, observed, **place)
    if burst.served + burst.spent >= burst.allowed:
        return not_covered(f"{observed}; this run's earlier requests may count as the same client's", "run it alone")
    return inconclusive(expected, f"{observed}; others may ask as the same client", **place)


def judge_retry_after(promise: Limited, burst: Burst, reproduce: str) -> Verdict:
    """Each refusal has Retry-After: seconds (or a date) from 1 to 60, or to the window if that is longer."""
    longest = max(promise.retry_after_seconds_max, burst.window_seconds)
    expected = f"HTTP 429 with Retry-After: 1..{longest:g} s"
    if not burst.refused:
        return inconclusive(expected, f"none of {burst.sent} requests was refused", where=burst.where)
    for asked in burst.refused:
        header = asked.answer.headers.get("retry-after") if isinstance(asked.answer, Answer) else None
        told = told_seconds(asked.answer)
        # A date has whole seconds, and a part of one has passed.
        least = 1 if header is not None and header.strip().isdigit() else 0
        if told is None or not least <= told <= longest:
            observed = f"Retry-After is {'missing' if header is None else shown(header)}"
            return failed(expected, observed, where=asked.where, reproduce=reproduce)
    return passed(f"{len(burst.refused)} refusals, the last says {told:g} s", where=burst.where)


def judge_counted(promise: Limited, seen: Exhausted, idle: Callable[[], float | None], reproduce: str) -> Verdict:
    """The counter grows on all processes together by the number of refusals.

    A counter of another limit that grew by as many has counted them, too. Refusals of other clients are counted as
    well: what is too much is a breach where none came while this run waited, which `idle` tells.
    """
    counter, refused = promise.counter, seen.turned_away
    expected = f"{counter} grows by {refused}, on all processes together"
    observed = f"it grew by {seen.counted:g} in {refused} refusals"
    place = {"where": seen.burst.where, "reproduce": reproduce}
    if not refused:
        return inconclusive(expected, f"none of {seen.burst.sent} requests was refused", **place)
    if seen.trouble:
        return inconclusive(expected, seen.trouble, **place)
    for other, grown in seen.mistaken.items():
        # Refusals of others at another limit may be among them; all of ours are not by chance.
        if grown >= refused:
            return failed(f"{counter} grows, and no other counter", f"{other} grew by {grown:g} as well", **place)
    if refused <= seen.counted <= refused + seen.spare:
        return passed(observed, where=seen.burst.where)
    if seen.counted > refused and idle() != 0:
        return inconclusive(expected, f"{observed}; others may have been refused as well", **place)
    return failed(expected, observed, **place)


def judge_unaffected(seen: Exhausted, reproduce: str) -> Verdict:
    """Who was served before the first client used up its allowance is served afterwards.

    It is a breach only of a client that differs in credential and address, whichever of them the platform goes by.
    """
    expected = "another client is served while one is refused"
    if not seen.burst.refused:
        return inconclusive(expected, f"none of {seen.burst.sent} requests was refused", where=seen.burst.where)
    verdicts = []
    for witness in seen.witnesses:
        place = {"where": witness.after.where, "reproduce": reproduce}
        before, after = status_of(witness.before), status_of(witness.after)
        said = f"{witness.name} got HTTP {before} before and HTTP {after} after {seen.burst.sent} requests of the first"
        if before != OK:
            verdicts.append(not_covered(said, "give this run the API keys of two clients"))
        elif after == OK:
            verdicts.append(passed(said, where=witness.after.where))
        elif after != TOO_MANY:
            verdicts.append(inconclusive(expected, said, **place))
        elif not witness.apart:
            remedy = "run this check on the platform's machine, where it may come from several addresses"
            verdicts.append(not_covered(f"{said}; the platform may count by address, and both have the same", remedy))
        elif 2 * witness.spent > seen.burst.allowed:
            verdicts.append(inconclusive(expected, f"{said}; this run has asked as that client, too", **place))
        else:
            verdicts.append(failed(expected, said, **place))
    return combine(verdicts) if verdicts else not_covered("there is no other client", "set SELF_CHECK_OTHER_API_KEY")


def judge_recovers(promise: Limited, seen: Exhausted, recovery: Recovery, reproduce: str) -> Verdict:
    """The first request after the time that Retry-After named is served; a second more is borne."""
    expected = "served again after the time that Retry-After names"
    place = {"where": seen.burst.where, "reproduce": reproduce}
    if not seen.burst.refused:
        return inconclusive(expected, f"none of {seen.burst.sent} requests was refused", **place)
    if seen.told_seconds is None:
        return inconclusive(expected, "Retry-After says nothing that can be waited for", **place)
    if not recovery.recovered:
        observed = f"Retry-After says {seen.told_seconds:g} s; not waited for"
        remedy = f"waits of up to {promise.recovery_wait_seconds_max:g} s are waited for"
        return not_covered(observed, f"{remedy}: raise `recovery_wait_seconds_max` in the contract's classifier.toml")
    last = recovery.recovered[-1]
    observed = f"HTTP {status_of(last)} after {seen.told_seconds + len(recovery.recovered) - 1:g} s"
    if isinstance(last.answer, CouldNotObserve):
        return inconclusive(expected, last.answer.came_back, **place)
    return passed(observed, where=last.where) if status_of(last) == OK else failed(expected, observed, **place)


def judge_all_replicas(seen: Exhausted, reproduce: str, *, shared: bool) -> Verdict:
    """Another process refuses the client, too, where the environment says that they share the count."""
    expected = "refused by another replica as well"
    if not seen.burst.refused:
        return inconclusive(expected, f"none of {seen.burst.sent} requests was refused", where=seen.burst.where)
    if not seen.elsewhere:
        return not_covered("the replicas cannot be asked one by one", _REMEDY)
    other, *again = seen.elsewhere
    said = f"HTTP {status_of(other)} of {other.who}, after {seen.burst.sent} requests to another replica"
    if status_of(other) == TOO_MANY:
        return passed(said, where=other.where)
    place = {"where": other.where, "reproduce": reproduce}
    if status_of(other) != OK or [status_of(one) for one in again] != [TOO_MANY]:
        return inconclusive(expected, f"{said}, which may refuse it no more", **place)
    if not shared:
        return not_covered(
            said, "add the environment to `shared_in` in classifier.toml if its replicas share the count"
        )
    return failed(expected, f"{said}, which refuses it still", **place)


def judge_batches(seen: Exhausted, reproduce: str, *, limited: bool) -> Verdict:
    """Who is refused one file is refused a batch of them, where the environment says that batches are limited."""
    expected = "a batch of files is refused as well"
    if not seen.burst.refused:
        return inconclusive(expected, f"none of {seen.burst.sent} requests was refused", where=seen.burst.where)
    batch, *again = seen.batch
    said = f"HTTP {status_of(batch)} for a batch, after {seen.burst.sent} single files"
    if status_of(batch) == TOO_MANY:
        return passed(said, where=batch.where)
    place = {"where": batch.where, "reproduce": reproduce}
    if status_of(batch) in NO_ROUTE:
        return not_covered(said, "name the deployment's own path in the contract's api.toml")
    if status_of(batch) != OK or [status_of(one) for one in again] != [TOO_MANY]:
        return inconclusive(expected, f"{said}, which may be refused no more", **place)
    if not limited:
        return not_covered(said, "add the environment to `batches_in` in classifier.toml if it limits batches, too")
    return failed(expected, f"{said}, which are refused still", **place)


_CERTAIN = 4


def judge_escape(promise: Limited, seen: Exhausted, reproduce: str) -> Verdict:
    """Who is refused at the load balancer is refused there with another address in a header, too.

    It is a breach only where, in turns, the client was always refused as it is and always served in its disguise.
    """
    expected = f"HTTP 429 whatever {promise.forwarded_header} says"
    if not seen.burst.refused or seen.disguised is None:
        return inconclusive(expected, f"none of {seen.burst.sent} requests was refused", where=seen.burst.where)
    plain, claiming = ([status_of(one) for one in ones] for ones in (seen.disguised.plain, seen.disguised.claiming))
    place = {"where": seen.disguised.plain[0].where, "reproduce": reproduce}
    if not claiming:
        observed = f"HTTP {plain[0]} at the load balancer: there it is another client, or another process counts"
        return not_covered(observed, "nothing to do")
    if TOO_MANY in claiming:
        return passed(f"HTTP 429 also with {promise.forwarded_header}", where=place["where"])
    with_, without = (", ".join(map(str, statuses)) for statuses in (claiming, plain))
    said = f"HTTP {with_} with {promise.forwarded_header}, HTTP {without} without"
    if claiming == [OK] * _CERTAIN and plain == [TOO_MANY] * (_CERTAIN + 1):
        return failed(expected, said, **place)
    return inconclusive(expected, said, **place)


@check("classifier.limit", Limited)
def test_limit(promise: Limited, target: Target) -> Verdict:
    """The rate limit is the configured one, says when it ends, is counted, and is each client's own."""
    seen = exhaust(target, promise, promise.wire)
    command = f"{_curl(target, promise.act)} -o /dev/null -w '%{{http_code}} %header{{retry-after}}\\n'"
    reproduce = f"for n in $(seq {seen.burst.sent}); do {command}; done"
    shared = target.scope.name in promise.shared_in

    def recovery() -> Recovery:
        return recover(target, promise, promise.wire)

    judges: Mapping[str, Callable[[], Verdict]] = {
        "as_often_as_configured": lambda: judge_in_force(seen.burst, reproduce),
        "says_when": lambda: judge_retry_after(promise, seen.burst, reproduce),
        "counted_once": lambda: judge_counted(promise, seen, lambda: recovery().idle, reproduce),
        "for_one_client": lambda: judge_unaffected(seen, reproduce),
        "until_then": lambda: judge_recovers(promise, seen, recovery(), reproduce),
        "for_all_replicas": lambda: judge_all_replicas(seen, reproduce, shared=shared),
        "without_escape": lambda: judge_escape(promise, seen, reproduce),
        "for_batches": lambda: judge_batches(
            seen,
            f"{reproduce}; {_curl(target, promise.wire.batch)}",
            limited=target.scope.name in promise.batches_in,
        ),
    }
    return judges[promise.holds]()
