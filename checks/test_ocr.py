"""OCR: what stands in a drawing is found, nothing else is, and what is no drawing is refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from selfcheck import corpus, drawings, replicas
from selfcheck.checking import check
from selfcheck.clients.http import Answer
from selfcheck.clients.platform import Sending
from selfcheck.drawings import (
    Again,
    Chosen,
    FieldOfAnswer,
    Known,
    NoLabel,
    Nothing,
    OfDrawings,
    Refused,
    Seen,
    Size,
    Took,
)
from selfcheck.verdict import combine

if TYPE_CHECKING:
    from selfcheck.target import Target
    from selfcheck.verdict import Verdict

_KINDS: dict[str, type[OfDrawings]] = {
    "ocr.known": Known,
    "ocr.nothing": Nothing,
    "ocr.refused": Refused,
    "ocr.field": FieldOfAnswer,
    "ocr.took": Took,
    "ocr.again": Again,
    "ocr.chosen": Chosen,
}


def _every(target: Target) -> list[OfDrawings]:
    """Give all promises of this area whose requests are sent together."""
    return list(chain.from_iterable(target.contract.promises(name, model) for name, model in _KINDS.items()))


def _look(promise: OfDrawings, target: Target) -> list[Seen]:
    return drawings.look(target, promise, _every(target)).to(promise)


@check("ocr.known", Known)
def test_known(promise: Known, target: Target) -> Verdict:
    """The text of a known drawing is found."""
    known = target.contract.promises("ocr.known", Known)
    return drawings.look_at_known(promise, target, known, _every(target))


@check("ocr.nothing", Nothing)
def test_nothing(promise: Nothing, target: Target) -> Verdict:
    """Nothing is found where there is nothing."""
    known = target.contract.promises("ocr.known", Known)
    return drawings.look_at_nothing(promise, target, known, _every(target))


@check("ocr.refused", Refused)
def test_refused(promise: Refused, target: Target) -> Verdict:
    """What is no drawing is refused."""
    return drawings.judge_refused_in(target.scope.name, promise, _look(promise, target)[0])


@check("ocr.size", Size)
def test_size(promise: Size, target: Target) -> Verdict:
    """A limit is kept."""
    return drawings.look_at_size(promise, target)


@check("ocr.field", FieldOfAnswer)
def test_field(promise: FieldOfAnswer, target: Target) -> Verdict:
    """An entry of the answers is what it must be."""
    return drawings.judge_field(promise, _look(promise, target))


@check("ocr.took", Took)
def test_took(promise: Took, target: Target) -> Verdict:
    """The time that an answer claims is possible."""
    return drawings.judge_took(promise, _look(promise, target))


@check("ocr.again", Again)
def test_again(promise: Again, target: Target) -> Verdict:
    """The same file gives the same answer."""
    return drawings.judge_again(promise, *_look(promise, target), firm=drawings.is_firm(promise, target))


@check("ocr.chosen", Chosen)
def test_chosen(promise: Chosen, target: Target) -> Verdict:
    """The provider that was asked for answers."""
    said = target.once("standing of providers", lambda: _standing(promise, target))
    return combine(drawings.judge_chosen(promise, seen, said) for seen in _look(promise, target))


def _standing(promise: Chosen, target: Target) -> drawings.Standing:
    pages = target.platform.get_all([(promise.health_page, None), (promise.providers_page, None)])
    return drawings.standing(promise, *(page if isinstance(page, Answer) else None for page in pages))


@check("ocr.no_label", NoLabel, last=True)
def test_no_label(promise: NoLabel, target: Target) -> Verdict:
    """The metrics pages are read after everything that this run has sent."""
    _look(promise, target)
    act = target.contract.act(promise.act)
    mark = target.platform.run_id
    drawing = corpus.payload(act.file or "", f"{mark}-{promise.id}")
    target.platform.send_each([Sending(act, payload=replace(drawing, filename=f"{mark}-{drawing.filename}"))])
    read = replicas.snapshot(target.platform, target.contract, target.replicas())
    urls = sorted({scrape.answer.url for scrape in read.scrapes.values()})
    reproduce = f"{target.platform.curl(act)}; curl -sSL {' '.join(urls)}"
    # Some write names in another way than clients do: the part that is drawn by lot stays the same.
    return drawings.judge_no_label([mark.rpartition("-")[2]], read, reproduce=reproduce, values=promise.values)
