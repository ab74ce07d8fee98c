"""Vision: a drawing is described and read as far as that was asked for, and what is no image is refused."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from selfcheck import drawings
from selfcheck.checking import check
from selfcheck.drawings import Again, FieldOfAnswer, Known, Nothing, OfDrawings, Refused, Seen, Size, Took

if TYPE_CHECKING:
    from selfcheck.target import Target
    from selfcheck.verdict import Verdict

_KINDS: dict[str, type[OfDrawings]] = {
    "vision.known": Known,
    "vision.nothing": Nothing,
    "vision.refused": Refused,
    "vision.field": FieldOfAnswer,
    "vision.took": Took,
    "vision.again": Again,
}


def _every(target: Target) -> list[OfDrawings]:
    """Give all promises of this area whose requests are sent together."""
    return list(chain.from_iterable(target.contract.promises(name, model) for name, model in _KINDS.items()))


def _look(promise: OfDrawings, target: Target) -> list[Seen]:
    return drawings.look(target, promise, _every(target)).to(promise)


@check("vision.known", Known)
def test_known(promise: Known, target: Target) -> Verdict:
    """The text of a known drawing is found."""
    known = target.contract.promises("vision.known", Known)
    return drawings.look_at_known(promise, target, known, _every(target))


@check("vision.nothing", Nothing)
def test_nothing(promise: Nothing, target: Target) -> Verdict:
    """What was not asked for is not there."""
    known = target.contract.promises("vision.known", Known)
    return drawings.look_at_nothing(promise, target, known, _every(target))


@check("vision.refused", Refused)
def test_refused(promise: Refused, target: Target) -> Verdict:
    """What is no image is refused."""
    return drawings.judge_refused_in(target.scope.name, promise, _look(promise, target)[0])


@check("vision.size", Size)
def test_size(promise: Size, target: Target) -> Verdict:
    """A limit is kept."""
    return drawings.look_at_size(promise, target)


@check("vision.field", FieldOfAnswer)
def test_field(promise: FieldOfAnswer, target: Target) -> Verdict:
    """An entry of the answers is what it must be."""
    return drawings.judge_field(promise, _look(promise, target))


@check("vision.took", Took)
def test_took(promise: Took, target: Target) -> Verdict:
    """The time that an answer claims is possible."""
    return drawings.judge_took(promise, _look(promise, target))


@check("vision.again", Again)
def test_again(promise: Again, target: Target) -> Verdict:
    """The same image gives the same answer."""
    return drawings.judge_again(promise, *_look(promise, target), firm=drawings.is_firm(promise, target))
