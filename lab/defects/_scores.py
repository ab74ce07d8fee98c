"""Comparisons that score wrongly, or fail, for the defects of comparing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.tamper import Answer, replaced

if TYPE_CHECKING:
    from lab.reference.schemas import CompareResult
    from lab.reference.service import Platform

COMPARE = ("/api/compare", "/api/v1/compare")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison that succeeded: the two vectors, the candidate's id, and the right score."""

    query: Sequence[float]
    candidate: Sequence[float]
    id: str
    score: float


@contextmanager
def rescored(platform: "Platform", score: Callable[[Comparison], float]) -> Iterator[None]:
    """Let each comparison that succeeds give another score, and a distance that goes with it."""
    compare = platform.compare.compare

    async def wrong(tenant: str, query: Sequence[float], candidate: str) -> "CompareResult":
        result = await compare(tenant, query, candidate)
        found = await platform.vectors.find(tenant, candidate) or []
        value = max(-1.0, min(1.0, score(Comparison(query, found, candidate, result.score))))
        return result.model_copy(update={"score": value, "similarity": value, "feature_distance": 1.0 - value})

    with replaced(platform.compare, compare=wrong):
        yield


@contextmanager
def failing(platform: "Platform", when: Callable[[Sequence[float], str], bool]) -> Iterator[None]:
    """Let comparisons fail, before anything is looked at, for some queries or ids of candidates."""
    compare = platform.compare.compare

    async def fail(tenant: str, query: Sequence[float], candidate: str) -> "CompareResult":
        if when(query, candidate):
            message = "a comparison failed, as it was told to"
            raise RuntimeError(message)
        return await compare(tenant, query, candidate)

    with replaced(platform.compare, compare=fail):
        yield


def field_changed(change: Callable[[dict[str, object]], None]) -> Callable[[Answer], None]:
    """Make a change of answers that changes the body of those that succeeded."""

    def changed(answer: Answer) -> None:
        if answer.status == 200:
            change(answer.json)

    return changed
