"""What the contract says of metrics: the families on the pages, and the quantities that rules make of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import Field

from selfcheck.contract import Component, Model, Promise
from selfcheck.values import Domain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selfcheck.contract import Contract

P = TypeVar("P", bound=Promise)

SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("", "_count", "_sum"),
}
OWN_LABEL: Mapping[str, str] = {"histogram": "le", "summary": "quantile"}


class Use(Model):
    """What shows that a family was in use: series of another sample, with these labels among theirs, above 0."""

    sample: str
    labels: Mapping[str, str] = Field(default_factory=dict)
    everywhere: bool = Field(False, description="On each process: a value on others does not do.")


class FamilyOf(Promise):
    """One metric family: its type, its labels and their values, the domain of its values, its size.

    `labels` maps each label to its allowed values: a list is closed, a text is a regular expression for the whole
    value.
    """

    name: str
    type: Literal["counter", "gauge", "histogram", "summary"]
    labels: Mapping[str, tuple[str, ...] | str] = Field(default_factory=dict)
    minimum: float | None = None
    maximum: float | None = None
    one_of: tuple[float, ...] = ()
    series_max: int = Field(200, ge=1, description="How many label sets one process may have.")
    mean_max: float | None = Field(None, description="A histogram's mean, in its unit.")
    always: bool = Field(False, description="The family has a value from the start, without any use.")
    events: bool = Field(True, description="A counter counts events, so it has no fractions.")
    used_with: Use | None = Field(None, description="Where a process has this, the family is to have a value, too.")
    component: Component = Component.APP

    @property
    def domain(self) -> Domain:
        """What a gauge's value must be."""
        return Domain(one_of=self.one_of, minimum=self.minimum, maximum=self.maximum)

    @property
    def sample_names(self) -> tuple[str, ...]:
        """The names that its samples have."""
        return tuple(self.name + suffix for suffix in SUFFIXES.get(self.type, ("",)))

    def allows(self, label: str, value: str) -> bool:
        """Tell whether a label may have a value; a label of the type (`le`) may have any."""
        allowed = self.labels.get(label)
        if allowed is None:
            return label == OWN_LABEL.get(self.type)
        return re.fullmatch(allowed, value) is not None if isinstance(allowed, str) else value in allowed


class Quantity(Promise):
    """A promise of what an expression may give; where that is the name of a metric, it says what the metric means."""

    query: str
    unit: str = Field("", description="ratio, percent, score, seconds, per second, ...; empty where it goes unsaid.")
    minimum: float | None = None
    maximum: float | None = None


def families(contract: Contract) -> dict[str, FamilyOf]:
    """Give the promised family of each sample name."""
    return {name: found for found in _promises(contract, FamilyOf) for name in found.sample_names}


def quantities(contract: Contract) -> dict[str, tuple[Quantity, ...]]:
    """Give what is promised of each metric that rules make; several areas may promise something of one."""
    found: dict[str, tuple[Quantity, ...]] = {}
    for promise in _promises(contract, Quantity):
        if re.fullmatch("[a-zA-Z_:][a-zA-Z0-9_:]*", promise.query):
            found[promise.query] = (*found.get(promise.query, ()), promise)
    return found


def _promises(contract: Contract, model: type[P]) -> Iterator[P]:
    yield from (promise for _, promise in contract.all_promises() if isinstance(promise, model))
