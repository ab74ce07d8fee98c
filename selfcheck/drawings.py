"""What OCR and vision make of the suite's own drawings, and of files that are none: promises and judges of both areas.

What stands in the drawings, and where an answer is to show it, is said in the contract. Judges take `Seen`, one answer
and where it came from; what tells nothing about a drawing (no answer, no credential, a rate limit) is told apart first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from selfcheck import corpus
from selfcheck.clients.platform import Sending
from selfcheck.contract import Act, ActName, PayloadName, Promise, Right, RouteName
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.values import Domain, Missing, dig, json_type, leaves, shown, some
from selfcheck.verdict import Verdict, combine, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from selfcheck.clients.http import Answer
    from selfcheck.exposition import Sample
    from selfcheck.replicas import Snapshot
    from selfcheck.target import Target

_OK = 200
_NOT_HERE = (404, 405)
_NOT_ALLOWED = (401, 403)
_RATE_LIMITED = 429
_SERVER_ERROR = 500
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_LIKE = 1e-3
_CLEARLY_SMALLER = 64  # by one of so many parts
_BLIND = "the engine finds nothing of what stands in any of the suite's drawings"
_OTHER_DRAWINGS = "put drawings that this deployment reads into the contract, or its environment into `reads_in`"


# --------------------------------------------------------------------------------------------------------- observations


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that a promise needs: an act, what fills it, and which of several equal ones it is.

    One that is to go `everywhere` is sent to each replica that can be addressed.
    """

    act: str
    values: tuple[tuple[str, str], ...] = ()
    number: int = 0
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What came back to one request, and how a person sees the same. `keyed`: the run has the route's credential."""

    act: Act
    answer: Answer | CouldNotObserve
    where: str
    reproduce: str
    keyed: bool = True

    @property
    def place(self) -> dict[str, str]:
        """What a verdict says of where it comes from."""
        return {"where": f"{self.act.name}: {self.where}", "reproduce": self.reproduce}


class OfDrawings(Promise):
    """What the promises of both areas share: where an answer says whether it succeeded, and why not."""

    right: Right = Right.SYNTHETIC
    success: str = Field(description="Path to the flag in the answer that says whether it succeeded.")
    error: str = Field(description="Path to the sentence that says why it did not.")
    code: str = Field(description="Path to the error code.")
    input_code: str = Field(description="The code of what the client did wrong.")
    busy_codes: tuple[str, ...] = Field((), description="Codes of a platform that has too much to do just now.")
    refusals: tuple[int, ...] = Field(description="HTTP statuses with which bad input may be refused as well.")

    @property
    def asks(self) -> tuple[Ask, ...]:
        """The requests whose answers are judged."""
        return ()


@dataclass(frozen=True, slots=True)
class Sent:
    """What came back to the requests of a promise's area."""

    answers: Mapping[Ask, tuple[Seen, ...]]

    def to(self, promise: OfDrawings) -> list[Seen]:
        """Give the answers to the requests of a promise, in their order."""
        return [one for ask in promise.asks for one in self.answers.get(ask) or self.answers[_everywhere(ask)]]


def look(target: Target, promise: OfDrawings, every: Sequence[OfDrawings]) -> Sent:
    """Send once a run, all at once, what the promises of an area with the same right need; raises CouldNotObserve."""
    asks = dict.fromkeys(ask for one in every if one.right is promise.right for ask in one.asks)
    area = promise.id.partition(".")[0]
    return target.once(("drawings", area, promise.right), lambda: _send(target, asks))


def _everywhere(ask: Ask) -> Ask:
    return replace(ask, everywhere=True)


def _send(target: Target, asks: Collection[Ask]) -> Sent:
    needed = [ask for ask in asks if ask.everywhere or _everywhere(ask) not in asks]
    bases = list(target.trusted_bases().values()) if any(ask.everywhere for ask in needed) else []
    places: Mapping[bool, Sequence[str | None]] = {True: bases or [None], False: [None]}
    found: dict[Ask, tuple[Seen, ...]] = {}
    # What is asked again waits until the first answer is there, so that whatever is kept of it has been kept.
    for number in sorted({ask.number for ask in needed}):
        batch = [(ask, base) for ask in needed if ask.number == number for base in places[ask.everywhere]]
        answers = target.platform.send_each(
            [Sending(target.contract.act(ask.act), dict(ask.values), base=base) for ask, base in batch]
        )
        for (ask, base), answer in zip(batch, answers, strict=True):
            found[ask] = (*found.get(ask, ()), seen(target, ask.act, answer, dict(ask.values), base))
    return Sent(found)


def seen(
    target: Target,
    act_name: str,
    answer: Answer | CouldNotObserve,
    values: Mapping[str, str] | None = None,
    base: str | None = None,
) -> Seen:
    """Say of an answer where it came from."""
    act = target.contract.act(act_name)
    route = target.contract.route(act.route)
    reproduce = target.platform.curl(act, Sending(act, values or {}, base=base))
    where = f"{route.method} {base or target.platform.base(route.component)}{route.path}"
    return Seen(act, answer, where, reproduce, keyed=route.key == "none" or target.scope.api_key is not None)


# -------------------------------------------------------------------------------------------------------- common ground


def _says_nothing(promise: OfDrawings, one: Seen, expected: str) -> Verdict | None:
    """Give the verdict on what tells nothing of the platform's work; raises CouldNotObserve."""
    answer = one.answer
    if isinstance(answer, CouldNotObserve):
        raise answer
    if answer.status in _NOT_HERE and answer.status not in promise.refusals:
        raise CouldNotObserve(
            Trouble.NO_SUCH_ROUTE,
            asked=answer.asked,
            came_back=f"this deployment has no such route (HTTP {answer.status})",
            hint=f"put the deployment's own path of the route {one.act.route!r} into the contract's api.toml",
        )
    if answer.status in _NOT_ALLOWED and not one.keyed:
        return not_covered(f"HTTP {answer.status}: the platform wants a credential", "set SELF_CHECK_API_KEY")
    code = dig(_body(answer), promise.code)
    if answer.status in {_RATE_LIMITED, *_NOT_ALLOWED} or (answer.status == _OK and code in promise.busy_codes):
        remedy = "repeat when this client's allowance is free again, and with a credential that the platform takes"
        return inconclusive(expected, _described(promise, answer), remedy=remedy, **one.place)
    return None


def _body(answer: Answer) -> Mapping[str, Any]:
    """Give the JSON object that came back; an empty one when it is none."""
    try:
        body = answer.json()
    except CouldNotObserve:
        return {}
    return body if isinstance(body, Mapping) else {}


def _described(promise: OfDrawings, answer: Answer) -> str:
    """Say what came back: the status, and of a handled answer whether it succeeded and why not."""
    body = _body(answer)
    if answer.status == _OK and not isinstance(dig(body, promise.success), Missing):
        parts = [f"{path} = {shown(dig(body, path))}" for path in (promise.success, promise.code, promise.error)]
        return "HTTP 200, " + ", ".join(parts)
    return f"HTTP {answer.status} {shown(answer.body[:80].decode('utf-8', errors='replace'), 90)}"


def _succeeded(promise: OfDrawings, answer: Answer) -> bool:
    return answer.status == _OK and dig(_body(answer), promise.success) is True


def _content(body: Mapping[str, Any], paths: Sequence[str]) -> list[tuple[str, object]]:
    """Give the scalars under these paths that are not empty."""
    found = []
    for path in paths:
        value = dig(body, path)
        if not isinstance(value, Missing):
            found += [(at, leaf) for at, leaf in leaves(value, path) if leaf not in (None, "", [], {})]
    return found


def _said(body: Mapping[str, Any], paths: Sequence[str], placeholders: Sequence[str] = ()) -> list[str]:
    """Give what is really said under these paths: texts that are not empty, and entries of lists.

    Flags and figures of an object that is otherwise empty say nothing of a sheet.
    """
    words = {_plain(word) for word in placeholders} | {""}
    return [
        f"{path} = {shown(leaf)}"
        for path, leaf in _content(body, paths)
        if (isinstance(leaf, str) and _plain(leaf) not in words) or re.search(r"\.\d+(\.|$)", path)
    ]


def _holds_text(wanted: str, leaf: object) -> bool:
    """Tell whether a text is in a value: engines differ in case, spaces and dashes, and not in letters and digits."""
    return isinstance(leaf, str) and _plain(wanted) in _plain(leaf)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _holds_number(wanted: float, leaf: object) -> bool:
    if isinstance(leaf, bool):
        return False
    if isinstance(leaf, int | float):
        return math.isclose(leaf, wanted, abs_tol=1e-9)
    numbers = _NUMBER.findall(leaf) if isinstance(leaf, str) else []
    return any(math.isclose(float(number.replace(",", ".")), wanted, abs_tol=1e-9) for number in numbers)


# -------------------------------------------------------------------------------------------------------- known drawing


class Known(OfDrawings):
    """What stands in a drawing is found, and what stands in another one is not."""

    act: ActName
    values: Mapping[str, str] = Field(default_factory=dict, description="What fills the act.")
    paths: tuple[str, ...] = Field(min_length=1, description="Where in the answer it is to be found.")
    texts: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    strange: tuple[str, ...] = Field((), description="Texts of another drawing.")
    reads_in: tuple[str, ...] = Field((), description="Environments whose engines are known to read these drawings.")
    where_it_works: bool = Field(False, description="Whether the provider works at all is another promise.")
    everywhere: bool = Field(False, description="Ask each replica that can be addressed.")

    @property
    def asks(self) -> tuple[Ask, ...]:
        """The one act."""
        return (Ask(self.act, tuple(self.values.items()), everywhere=self.everywhere),)


def judge_known(promise: Known, one: Seen, *, blind: bool, reads: bool) -> Verdict:
    """The answer is a success with every known text and number under the promised paths, and none of another drawing.

    `blind`: the platform finds nothing of what stands in any of the drawings. `reads`: it is known to read them. One
    that need not read them and finds nothing of them, or refuses the file, is another engine than they are made for,
    also where it says something else of each.
    """
    wanted = [*promise.texts, *(f"{number:g}" for number in promise.numbers)]
    expected = f"{', '.join(wanted)} under {' or '.join(promise.paths)}"
    if nothing := _says_nothing(promise, one, expected):
        return nothing
    if not _succeeded(promise, _answer(one)):
        return _judge_unread(promise, one, expected, reads=reads)
    if blind and not reads:
        return not_covered(_BLIND, _OTHER_DRAWINGS)
    content = _content(_body(_answer(one)), promise.paths)
    values = [leaf for _, leaf in content]
    texts, numbers = _found(promise, values)
    missing = [text for text in promise.texts if text not in texts]
    missing += [f"{number:g}" for number in promise.numbers if number not in numbers]
    strange = [text for text in promise.strange if any(_holds_text(text, leaf) for leaf in values)]
    if not missing and not strange:
        return passed(f"{', '.join(wanted)} found", where=one.place["where"])
    observed = [f"of another drawing: {', '.join(strange)}"] if strange else []
    observed += [f"missing: {', '.join(missing)}"] if missing else []
    observed.append(f"there is {some([f'{path} = {shown(leaf)}' for path, leaf in content], 6) or 'nothing'}")
    return failed(expected, "; ".join(observed), **one.place)


def _found(promise: Known, values: Sequence[object]) -> tuple[list[str], list[float]]:
    """Give the texts and the numbers of a drawing that are among these values."""
    texts = [text for text in promise.texts if any(_holds_text(text, leaf) for leaf in values)]
    return texts, [number for number in promise.numbers if any(_holds_number(number, leaf) for leaf in values)]


def reads_any(answered: Sequence[tuple[Known, Mapping[str, Any]]]) -> bool:
    """Tell whether an engine reads any of the drawings: a text of one, or two of its numbers; one may be chance.

    `answered` has the bodies of the answers, each with what stands in the drawing.
    """
    for promise, body in answered:
        texts, numbers = _found(promise, [leaf for _, leaf in _content(body, promise.paths)])
        if texts or len(numbers) > 1:
            return True
    return False


def _judge_unread(promise: Known, one: Seen, expected: str, *, reads: bool) -> Verdict:
    answer, described = _answer(one), _described(promise, _answer(one))
    code = dig(_body(answer), promise.code)
    refused = answer.status in promise.refusals or code == promise.input_code
    if refused and not reads:
        return not_covered(f"the file is refused: {described}", _OTHER_DRAWINGS)
    if promise.where_it_works and (refused or isinstance(code, str)):
        return not_covered(f"the provider does not work: {described}", "see the other promises on this provider")
    return failed(expected, described, **one.place)


def look_at_known(promise: Known, target: Target, known: Sequence[Known], every: Sequence[OfDrawings]) -> Verdict:
    """Observe a known drawing and judge it."""
    sent = look(target, promise, every)
    blind, reads = _is_blind(sent, promise, known), target.scope.name in promise.reads_in
    return combine(judge_known(promise, one, blind=blind, reads=reads) for one in sent.to(promise))


def _is_blind(sent: Sent, promise: OfDrawings, known: Sequence[Known]) -> bool:
    """Tell whether nothing of what stands in any of the drawings was found."""
    return not reads_any(
        [
            (each, _body(one.answer))
            for each in known
            if each.right is promise.right
            for one in sent.to(each)
            if not isinstance(one.answer, CouldNotObserve)
        ]
    )


def _answer(one: Seen) -> Answer:
    if isinstance(one.answer, CouldNotObserve):
        raise one.answer
    return one.answer


# -------------------------------------------------------------------------------------------------------------- nothing


class Nothing(OfDrawings):
    """Nothing is said where nothing is to be said: an empty sheet, a part of the answer that was not asked for."""

    act: ActName
    paths: tuple[str, ...] = Field(min_length=1)
    placeholders: tuple[str, ...] = Field((), description="Texts that say that there is none.")
    of_readers: bool = Field(
        False,
        description="Promised of engines that read the suite's drawings; what another one says is its own affair.",
    )
    later: bool = Field(False, description="It is asked for when other options of the same file have been answered.")

    @property
    def asks(self) -> tuple[Ask, ...]:
        """The one act."""
        return (Ask(self.act, number=int(self.later)),)


def judge_nothing(promise: Nothing, one: Seen, *, foreign: bool = False) -> Verdict:
    """The answer has no text and no list entry under the promised paths, or is a handled failure.

    `foreign`: the engine reads none of the suite's drawings, and need not.
    """
    expected = f"nothing under {', '.join(promise.paths)}, or a handled failure"
    if nothing := _says_nothing(promise, one, expected):
        return nothing
    answer = _answer(one)
    if not _succeeded(promise, answer):
        return _handled(promise, one, expected)
    if found := _said(_body(answer), promise.paths, promise.placeholders):
        if promise.of_readers and foreign:
            return not_covered(_BLIND, _OTHER_DRAWINGS)
        return failed(expected, some(found, 6), **one.place)
    return passed("nothing", where=one.place["where"])


def look_at_nothing(promise: Nothing, target: Target, known: Sequence[Known], every: Sequence[OfDrawings]) -> Verdict:
    """Observe where there is nothing to be said, and judge it."""
    sent = look(target, promise, every)
    need = any(target.scope.name in each.reads_in for each in known)
    (one,) = sent.to(promise)
    return judge_nothing(promise, one, foreign=not need and _is_blind(sent, promise, known))


# ------------------------------------------------------------------------------------------------------------- refusals


class Refused(OfDrawings):
    """Bad input is refused: as a handled failure that the client is to blame for, and in so many words."""

    act: ActName
    only_in: tuple[str, ...] | None = Field(
        None,
        description=(
            "Environments that see by themselves what is wrong with such input; another one may take it, or fail at it."
        ),
    )

    @property
    def asks(self) -> tuple[Ask, ...]:
        """The one act."""
        return (Ask(self.act),)


def judge_refused_in(environment: str, promise: Refused, one: Seen) -> Verdict:
    """Bad input is refused, or taken where that is nobody's promise; it is never an error of the platform.

    Where it need not be seen at once that input is bad, a provider may be what fails at it.
    """
    optional = promise.only_in is not None and environment not in promise.only_in
    if optional and not isinstance(one.answer, CouldNotObserve):
        remedy = f"add {environment} to `only_in` of {promise.id} in the contract where such input is to be refused"
        if _succeeded(promise, one.answer):
            return not_covered("it is taken", remedy)
        if _fails_otherwise(promise, one.answer):
            return not_covered(f"it is no client's mistake here: {_described(promise, one.answer)}", remedy)
    return judge_refused(promise, one)


def _fails_otherwise(promise: OfDrawings, answer: Answer) -> bool:
    """Tell whether an answer is a handled failure with another code than that of the client's mistakes."""
    body = _body(answer)
    code = dig(body, promise.code)
    handled = answer.status == _OK and dig(body, promise.success) is False and isinstance(code, str)
    return handled and code not in (promise.input_code, *promise.busy_codes)


def judge_refused(promise: OfDrawings, one: Seen) -> Verdict:
    """Never a success and never an error of the platform."""
    answers = " or ".join(map(str, promise.refusals))
    expected = (
        f'HTTP 200 with {promise.success} = False, {promise.code} = "{promise.input_code}" and a sentence in '
        f"{promise.error}"
    ) + (f", or HTTP {answers}" if answers else "")
    if nothing := _says_nothing(promise, one, expected):
        return nothing
    verdict = _handled(promise, one, expected)
    answer = _answer(one)
    code = dig(_body(answer), promise.code)
    if answer.status == _OK and code != promise.input_code:
        return failed(expected, _described(promise, answer), **one.place)
    return verdict


def _handled(promise: OfDrawings, one: Seen, expected: str) -> Verdict:
    """A failure that the platform foresaw: success false with code and sentence, or a status that refuses input."""
    answer = _answer(one)
    body = _body(answer)
    if answer.status in promise.refusals and answer.body.strip():
        return passed(_described(promise, answer), where=one.place["where"])
    sentence = dig(body, promise.error)
    told = isinstance(sentence, str) and sentence.strip() and isinstance(dig(body, promise.code), str)
    if answer.status == _OK and dig(body, promise.success) is False and told:
        return passed(_described(promise, answer), where=one.place["where"])
    return failed(expected, _described(promise, answer), **one.place)


class Size(OfDrawings):
    """What is larger than a limit is refused, and what is just as large as the limit is not an error of the platform.

    The limit is a number of the contract, or stands on a page. What is clearly smaller is no more refused for its size
    than the same in small.
    """

    act: ActName
    measure: Literal["bytes", "pages"]
    over: int = Field(1, ge=0, description="How much more than the limit is sent.")
    part: float = Field(1, gt=0, le=1, description="With `over` 0: which part of the limit is sent.")
    payload: PayloadName | None = Field(None, description="The PNG that is made so large; for bytes.")
    limit: int | None = Field(None, ge=1)
    limit_page: RouteName | None = None
    limit_path: str = ""
    sent_max: int = Field(ge=1, description="More is not sent; the promise is not covered then.")
    everywhere: bool = Field(False, description="Send it to each replica that can be addressed.")


def limit_of(promise: Size, page: Answer | None) -> int:
    """Give the limit; raises CouldNotObserve (NO_SUCH_ROUTE: not covered) where none is named."""
    if promise.limit is not None:
        return promise.limit
    found = Missing("") if page is None else dig(_body(page), promise.limit_path)
    if isinstance(found, int) and not isinstance(found, bool) and 0 < found <= promise.sent_max:
        return found
    said = "is not named" if isinstance(found, Missing) else f"is {shown(found)}, and {promise.sent_max:,} are sent"
    raise CouldNotObserve(
        Trouble.NO_SUCH_ROUTE,
        asked="the health page" if page is None else page.asked,
        came_back=f"the limit {promise.limit_path} {said}",
        hint="put the limit into the contract as `limit`, or the path at which the page names it as `limit_path`",
    )


def judge_size(promise: Size, one: Seen) -> Verdict:
    """Beyond the limit the file is refused; at the limit it is taken, or refused as another file might be."""
    cut_off = isinstance(one.answer, CouldNotObserve) and one.answer.trouble is Trouble.BROKEN_OFF
    if promise.over and cut_off:
        return not_covered(
            "the connection was closed while the file was on its way: refused, without a word", "nothing to do"
        )
    if promise.over:
        return judge_refused(promise, one)
    expected = "a success, or a handled failure"
    if nothing := _says_nothing(promise, one, expected):
        return nothing
    if _succeeded(promise, _answer(one)):
        return passed("accepted", where=one.place["where"])
    verdict = _handled(promise, one, expected)
    size = "exactly as large as the limit" if promise.part == 1 else "clearly smaller than the limit"
    return verdict.with_notes(f"what is {size} is refused: {_described(promise, _answer(one))}")


def judge_below(promise: Size, limit: int, below: Seen, small: Seen) -> Verdict | None:
    """What is clearly smaller than the limit is taken, if the same picture without padding is; None: it cannot be told.

    A platform may mean "up to" or "less than" by its limit, but not a part of it.
    """
    answers = [one.answer for one in (below, small)]
    if any(isinstance(answer, CouldNotObserve) for answer in answers) or not _succeeded(promise, _answer(small)):
        return None
    # A provider may fail at what is large (it may take too long); for the platform itself that is a limit of its own.
    if not _blames_the_client(promise, _answer(below)):
        return None
    expected = f"what has less than {limit:,} {promise.measure} is taken, as the same in small is"
    return failed(expected, _described(promise, _answer(below)), **below.place)


def _blames_the_client(promise: OfDrawings, answer: Answer) -> bool:
    return answer.status in promise.refusals or (
        answer.status == _OK and dig(_body(answer), promise.code) == promise.input_code
    )


def look_at_size(promise: Size, target: Target) -> Verdict:
    """Make the file, send it, judge the answer; one that is refused at the limit is sent again somewhat smaller."""
    page = None if promise.limit_page is None else target.pages(promise.limit_page)[0].answer
    limit = limit_of(promise, page)
    bases: list[str | None] = [*target.trusted_bases().values()] if promise.everywhere else []
    return combine(_look_at_size(promise, target, limit, base) for base in bases or [None])


def _look_at_size(promise: Size, target: Target, limit: int, base: str | None) -> Verdict:
    first = _sized(promise, target, max(1, int(limit * promise.part)) + promise.over, base)
    verdict = judge_size(promise, first)
    # "Up to" and "less than" differ by one page, and of bytes a form around the file takes some.
    smaller = limit - max(1, limit // _CLEARLY_SMALLER)
    if promise.over or not verdict.notes or not smaller:
        return verdict
    act = target.contract.act(promise.act)
    if promise.measure == "pages":
        small = _sized(promise, target, 1, base)
    else:
        small = seen(target, promise.act, target.platform.send_each([Sending(act, base=base)])[0])
    below = _sized(promise, target, smaller, base) if promise.part == 1 else first
    return judge_below(promise, limit, below, small) or verdict


def _sized(promise: Size, target: Target, amount: int, base: str | None) -> Seen:
    act = target.contract.act(promise.act)
    mark = f"{target.platform.mark}-{promise.id}"
    if promise.measure == "pages":
        made, options = corpus.paged(amount, mark), f"pages --pages {amount}"
    else:
        name = promise.payload or act.file or act.base64 or ""
        made, options = corpus.sized(name, mark, amount), f"{name} --bytes {amount}"
    answer = target.platform.send_each([Sending(act, payload=made, base=base)])[0]
    one = seen(target, promise.act, answer)
    command = f"python -m selfcheck.corpus {options} > sent-file  # then send it: {one.reproduce}"
    return Seen(act, answer, one.where, command, one.keyed)


# ---------------------------------------------------------------------------------------------------- form of an answer


class FieldOfAnswer(OfDrawings, Domain):
    """One entry of the answers, and what it must be; judged in successes, in handled failures, or in both."""

    acts: tuple[ActName, ...] = Field(min_length=1)
    path: str
    of: Literal["successes", "failures", "both"] = "successes"
    nullable: bool = False
    optional: bool = Field(False, description="The entry may be left out.")

    @property
    def asks(self) -> tuple[Ask, ...]:
        """Every act once."""
        return tuple(map(Ask, self.acts))


def judge_field(promise: FieldOfAnswer, answered: Sequence[Seen]) -> Verdict:
    """The entry is inside its domain in every answer of the kind that is meant; there is one."""
    empty = " or null" * promise.nullable + " or left out" * promise.optional
    expected = f"{promise.path}: {promise.describe()}{empty}"
    verdicts = []
    for one in answered:
        if isinstance(one.answer, CouldNotObserve) or one.answer.status != _OK:
            continue
        body = _body(one.answer)
        good = dig(body, promise.success) is True
        if promise.of != "both" and good is not (promise.of == "successes"):
            continue
        value = dig(body, promise.path)
        if isinstance(value, Missing):
            wrong = "" if promise.optional else "is missing"
        else:
            wrong = "" if value is None and promise.nullable else promise.breaks(value)
        if wrong:
            verdicts.append(failed(expected, f"{promise.path} {wrong}", **one.place))
        else:
            verdicts.append(passed(f"{promise.path} = {shown(value)}", where=one.place["where"]))
    if not verdicts:
        return not_covered(f"there were no {promise.of} among the answers", "see the other promises of this area")
    return combine(verdicts)


class Took(OfDrawings):
    """The time that an answer says it took is not longer than the caller waited for it."""

    acts: tuple[ActName, ...] = Field(min_length=1)
    path: str
    tolerance_ms: float = Field(ge=0)

    @property
    def asks(self) -> tuple[Ask, ...]:
        """Every act once."""
        return tuple(map(Ask, self.acts))


def judge_took(promise: Took, answered: Sequence[Seen]) -> Verdict:
    """No success claims more milliseconds than the whole exchange took."""
    verdicts = []
    for one in answered:
        if isinstance(one.answer, CouldNotObserve) or not _succeeded(promise, one.answer):
            continue
        claimed, waited = dig(_body(one.answer), promise.path), one.answer.elapsed_seconds * 1000
        expected = f"{promise.path} of at most the {waited:.0f} ms that the exchange took"
        if isinstance(claimed, bool) or not isinstance(claimed, int | float):
            verdicts.append(failed(expected, f"{promise.path} is {shown(claimed)}", **one.place))
        elif not 0 <= claimed <= waited + promise.tolerance_ms:
            verdicts.append(failed(expected, f"{promise.path} = {claimed:g}", **one.place))
        else:
            verdicts.append(passed(f"{claimed:g} ms of {waited:.0f} ms", where=one.place["where"]))
    if not verdicts:
        return not_covered("no request succeeded", "see the other promises of this area")
    return combine(verdicts)


# ----------------------------------------------------------------------------------------------------------- same again


class Again(OfDrawings):
    """The same file is given the same answer; `provider` is the path to who answered."""

    act: ActName
    paths: tuple[str, ...] = Field(min_length=1)
    provider: str
    only_in: tuple[str, ...] | None = Field(
        None, description="Environments whose engines are known to say the same each time; elsewhere it is remarked."
    )

    @property
    def asks(self) -> tuple[Ask, ...]:
        """The act twice."""
        return (Ask(self.act), Ask(self.act, number=1))


def judge_again(promise: Again, first: Seen, second: Seen, *, firm: bool = True) -> Verdict:
    """Both answers are alike under the promised paths; two providers may differ, and so may an engine (not `firm`)."""
    expected = f"the same {', '.join(promise.paths)} for the same file"
    for one in (first, second):
        if nothing := _says_nothing(promise, one, expected):
            return nothing
        if _answer(one).status != _OK:
            return failed(expected, _described(promise, _answer(one)), **one.place)
    left, right = _body(_answer(first)), _body(_answer(second))
    by = [dig(body, promise.provider) for body in (left, right)]
    if by[0] != by[1] and _succeeded(promise, _answer(first)) and _succeeded(promise, _answer(second)):
        return not_covered(f"two providers answered: {shown(by[0])} and {shown(by[1])}", "nothing to do")
    different = [
        f"{path}: first {shown(dig(left, path), 120)}, then {shown(dig(right, path), 120)}"
        for path in promise.paths
        if not _alike(dig(left, path), dig(right, path))
    ]
    if different and not firm:
        remedy = "add the environment to `only_in` of this promise if its engine says the same each time"
        return not_covered(some(different), remedy)
    if different:
        return failed(expected, some(different), **second.place)
    return passed("the same both times", where=first.place["where"])


def is_firm(promise: Again, target: Target) -> bool:
    """Tell whether the engines of this environment are known to say the same each time."""
    return promise.only_in is None or target.scope.name in promise.only_in


def _alike(left: object, right: object) -> bool:
    """Tell whether two JSON values are the same, but for what rounding makes of a number."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_alike(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_alike, left, right))
    if json_type(left) in {"integer", "number"} and json_type(right) in {"integer", "number"}:
        return math.isclose(float(str(left)), float(str(right)), rel_tol=_LIKE, abs_tol=_LIKE)
    return type(left) is type(right) and (isinstance(left, Missing) or left == right)


# ------------------------------------------------------------------------------------------------------------ providers


class Chosen(OfDrawings):
    """The provider that the client names is the one that answers, under its own name."""

    act: ActName
    asked: str = Field(description="What the client writes.")
    answers_as: tuple[str, ...] = Field(min_length=1, description="What the answer may say.")
    provider: str = Field(description="Path to who answered.")
    health_page: RouteName
    disabled: str = Field(description="Path on the health page to the providers that operators switched off.")
    providers_page: RouteName
    entries: str
    entry_name: str
    entry_ready: str
    entry_error: str = Field(description="Path in an entry to why the provider is not ready.")
    off_words: tuple[str, ...] = Field(description="What stands there, in any case, of one that is switched off.")
    anyone: bool = Field(False, description="Whichever provider the page names may answer.")
    everywhere: bool = Field(False, description="Ask each replica that can be addressed.")

    @property
    def asks(self) -> tuple[Ask, ...]:
        """The one act, with the provider in it."""
        return (Ask(self.act, (("provider", self.asked),), everywhere=self.everywhere),)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the platform says of its providers: those that operators switched off, and whether each is ready."""

    disabled: frozenset[str] = frozenset()
    ready: Mapping[str, bool] = field(default_factory=dict)


def standing(promise: Chosen, health: Answer | None, providers: Answer | None) -> Standing:
    """Read what the two pages say; what they do not say is unknown."""
    off = dig(_body(health), promise.disabled) if health is not None else None
    listed = dig(_body(providers), promise.entries) if providers is not None else None
    ready: dict[str, bool] = {}
    disabled = set(map(str, off)) if isinstance(off, list) else set()
    for entry in listed if isinstance(listed, list) else []:
        name, flag, why = (dig(entry, path) for path in (promise.entry_name, promise.entry_ready, promise.entry_error))
        if isinstance(name, str) and isinstance(flag, bool):
            # A name may be listed in two domains: it is ready for certain when it is in both.
            ready[name] = flag and ready.get(name, True)
            if not flag and isinstance(why, str) and any(word in why.lower() for word in promise.off_words):
                disabled.add(name)
    return Standing(frozenset(disabled), ready)


def judge_chosen(promise: Chosen, one: Seen, said: Standing) -> Verdict:
    """A success carries the right name; a provider that is switched off gives none, one that is ready does.

    A provider that the platform does not list need not be there at all: other deployments have other ones.
    """
    expected = f"provider {promise.asked}: a success of {' or '.join(promise.answers_as)}"
    if nothing := _says_nothing(promise, one, expected):
        return nothing
    # Operators may have written the alias.
    off = promise.asked in said.disabled or all(name in said.disabled for name in promise.answers_as)
    if _succeeded(promise, _answer(one)):
        return _judge_name(promise, one, expected, said, off=off)
    answer, described = _answer(one), _described(promise, _answer(one))
    missing = bool(said.ready) and not any(name in said.ready for name in promise.answers_as)
    if (
        off or (missing and not promise.anyone) or not any(said.ready.get(name, True) for name in promise.answers_as)
    ) and answer.status < _SERVER_ERROR:
        return not_covered(f"{promise.asked} is switched off, not ready or not listed: {described}", "nothing to do")
    if answer.status != _OK or dig(_body(answer), promise.code) == promise.input_code:
        return failed(expected, described, **one.place)
    if any(said.ready.get(name, False) for name in promise.answers_as):
        return failed(f"{expected}, since it is called ready", described, **one.place)
    return inconclusive(expected, described, remedy="see whether this provider is in use", **one.place)


def _judge_name(promise: Chosen, one: Seen, expected: str, said_of_all: Standing, *, off: bool) -> Verdict:
    named = dig(_body(_answer(one)), promise.provider)
    said = f"{promise.provider} = {shown(named)}"
    if off:
        expected = f"no success of {promise.asked}, which operators have switched off"
        return failed(expected, f"a success, {said}", **one.place)
    listed = isinstance(named, str) and named in said_of_all.ready
    if named not in promise.answers_as and not (promise.anyone and listed):
        if listed and not any(name in said_of_all.ready for name in promise.answers_as):
            return not_covered(f"{said}: this deployment has other providers", "name them in the contract's ocr.toml")
        return failed(expected, said, **one.place)
    return passed(said, where=one.place["where"])


# --------------------------------------------------------------------------------------------------------------- labels


class NoLabel(OfDrawings):
    """What clients write (a provider, a file name, a header) never becomes the value of a label."""

    act: ActName
    values: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="What clients may write and no label may say, by label: aliases of providers."
    )


def judge_no_label(
    marks: Sequence[str], read: Snapshot, *, reproduce: str, values: Mapping[str, Sequence[str]] | None = None
) -> Verdict:
    """No series on a metrics page has one of the texts that only this run's requests carried, or one of the values."""
    expected = "no series with a text that a client made up" + " or chose" * bool(values)
    wanted = tuple(mark.lower() for mark in marks)

    def is_clients(sample: Sample) -> bool:
        if any(mark in sample.raw_labels.lower() for mark in wanted):
            return True
        return any(sample.labels.get(label) in texts for label, texts in (values or {}).items())

    verdicts = [
        inconclusive(expected, f"the metrics of {name} could not be read", where=name, reproduce=reproduce)
        for name in read.missing
    ]
    for scrape in read.scrapes.values():
        samples = [one for family in scrape.exposition.families.values() for one in family.samples]
        place = {"where": f"{scrape.answer.asked} {scrape.replica}".rstrip(), "reproduce": reproduce}
        found = [f"{one.name}{{{one.raw_labels}}}" for one in samples if is_clients(one)]
        if found:
            verdicts.append(failed(expected, some(found, 2), **place))
        elif not samples:
            verdicts.append(inconclusive(expected, "no samples on the metrics page", **place))
        else:
            verdicts.append(passed(f"{', '.join(marks)} in none of {len(samples)} series", where=place["where"]))
    return combine(verdicts)
