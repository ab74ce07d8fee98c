"""Cases for comparing vectors: two of them and a positive factor, generated from a seed or saved; and their cosine."""

from __future__ import annotations

import json
import math
from random import Random
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from selfcheck.contract import Model
from selfcheck.observation import CouldNotObserve, Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hypothesis.strategies import DrawFn, SearchStrategy

Kind = Literal["independent", "opposed", "parallel", "orthogonal"]
KINDS: tuple[Kind, ...] = ("independent", "opposed", "parallel", "orthogonal")

Finite = Annotated[float, Field(allow_inf_nan=False)]
Vector = tuple[Finite, ...]

_MANTISSA_MAX = 999
_BACKEND = "seed-alone"
_DRAWS = 3  # the first one that a strategy gives is its simplest


class Case(Model):
    """Two vectors of the same length, neither of them zero, and a factor that does not change a direction."""

    kind: str = "saved"
    left: Vector = Field(min_length=1)
    right: Vector = Field(min_length=1)
    factor: Finite = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _comparable(self) -> Case:
        if len(self.left) != len(self.right) or not any(self.left) or not any(self.right):
            message = "two vectors of the same length are needed, neither of them zero"
            raise ValueError(message)
        return self

    @property
    def scaled(self) -> Vector:
        """The right vector, longer or shorter."""
        return tuple(value * self.factor for value in self.right)


class Shape(Model):
    """Which cases are generated: their dimensions, and between which powers of ten the numbers of a vector lie."""

    seed: int
    count: int = Field(ge=1, le=50)
    dimension_min: int = Field(1, ge=1)
    dimension_max: int = Field(ge=2)
    dimension_long: int | None = Field(
        None, ge=2, description="The last case is made so long: what is wrong for long vectors alone shows in it."
    )
    magnitude_min: float = Field(gt=0)
    magnitude_max: float = Field(gt=0)

    @model_validator(mode="after")
    def _not_empty(self) -> Shape:
        low, high = self.exponents
        if low > high or self.dimension_min > self.dimension_max:
            message = "magnitude_max must be at least 1000 times magnitude_min, dimension_max at least dimension_min"
            raise ValueError(message)
        return self

    @property
    def exponents(self) -> tuple[int, int]:
        """The powers of ten by which whole numbers of up to three digits are multiplied."""
        return math.ceil(math.log10(self.magnitude_min)), math.floor(math.log10(self.magnitude_max)) - 3


def cosine(left: Sequence[float], right: Sequence[float]) -> float:
    """Give the cosine of the angle between two vectors that are not zero, whatever the size of their numbers."""
    # Scaled to a largest number of about 1: nothing overflows or vanishes when it is squared.
    left, right = _scaled(left), _scaled(right)
    product = math.fsum(a * b for a, b in zip(left, right, strict=True))
    return max(-1.0, min(1.0, product / (math.hypot(*left) * math.hypot(*right))))


def _scaled(vector: Sequence[float]) -> list[float]:
    exponent = math.frexp(max(map(abs, vector)))[1]
    return [math.ldexp(value, -exponent) for value in vector]


def generate(shape: Shape) -> tuple[Case, ...]:
    """Draw the cases of a shape, of all kinds in turn, the first as long as any may be.

    Where that one is made longer, it comes last: short ones are easier to read, and are told first.

    The same shape gives the same cases.
    """
    from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: PLC0415 - costs the start of every run
    from hypothesis import strategies as st  # noqa: PLC0415 - likewise

    kinds = [KINDS[number % len(KINDS)] for number in range(shape.count)]
    longest = shape.model_copy(update={"dimension_min": shape.dimension_max})
    drawn: list[tuple[Case, ...]] = []

    @seed(shape.seed)
    @settings(
        max_examples=_DRAWS,
        backend=from_the_seed_alone(),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(cases(longest, kinds[0]), *(cases(shape, kind) for kind in kinds[1:])))
    def keep(found: tuple[Case, ...]) -> None:
        drawn.append(found)

    keep()
    first, *others = drawn[-1]
    if shape.dimension_long is None:
        return first, *others
    return *others, _lengthened(first, shape.dimension_long, shape.seed)


def _lengthened(case: Case, length: int, seed: int) -> Case:
    """Make the vectors of a case longer, so that each part of them counts, and the last number most of all.

    The further numbers do not come from Hypothesis, which draws no lists of such a size.
    """
    source = Random(seed)  # noqa: S311 - no secret

    def longer(vector: Vector) -> Vector:
        # The text of a number of three digits: a person can read it, and no digit is lost on the way.
        unit = max(map(abs, vector))
        further = [float(f"{unit * source.randint(-99, 99) / 999:.3g}") for _ in range(length - len(vector) - 1)]
        return (*vector, *further, unit)

    return Case(kind=case.kind, left=longer(case.left), right=longer(case.right), factor=case.factor)


def from_the_seed_alone() -> str:
    """Give the name of a source for Hypothesis that draws the same from a seed in each program.

    The usual one also tries numbers that it finds in the modules which happen to be loaded.
    """
    from hypothesis.internal.conjecture import providers  # noqa: PLC0415 - costs the start of every run

    class SeedAlone(providers.HypothesisProvider):
        def _maybe_draw_constant(self, *_: object, **__: object) -> None:
            return None

    providers.AVAILABLE_PROVIDERS[_BACKEND] = SeedAlone
    return _BACKEND


def cases(shape: Shape, kind: Kind | None = None) -> SearchStrategy[Case]:
    """Give the Hypothesis strategy for cases of a shape, of one kind or of any.

    Numbers are decimal ones of up to three digits, so that a person can read a case.
    """
    from hypothesis import strategies as st  # noqa: PLC0415 - costs the start of every run

    digits = st.integers(-_MANTISSA_MAX, _MANTISSA_MAX)
    low, high = shape.exponents

    @st.composite
    def one(draw: DrawFn) -> Case:
        chosen = draw(st.sampled_from(KINDS)) if kind is None else kind
        # There is no right angle in one dimension.
        least = max(2 if chosen == "orthogonal" else 1, shape.dimension_min)
        length = draw(st.integers(least, shape.dimension_max))

        def numbers(strategy: SearchStrategy[int]) -> list[int]:
            return draw(st.lists(strategy, min_size=length, max_size=length).filter(any))

        left = numbers(digits)
        if chosen == "independent":
            right = numbers(digits)
        elif chosen == "orthogonal":
            left, right = _at_right_angles(left, along_axes=draw(st.booleans()))
        else:
            near = draw(st.lists(st.integers(-3, 3), min_size=length, max_size=length))
            sign = -1 if chosen == "opposed" else 1
            right = [sign * value + little for value, little in zip(left, near, strict=True)]
        left_power, right_power, scaled_power = draw(st.tuples(*[st.integers(low, high)] * 3))
        return Case(
            kind=chosen,
            left=_decimals(left, left_power),
            # What is near to a short vector may be zero.
            right=_decimals(right if any(right) else left, right_power),
            factor=float(f"{draw(st.sampled_from((1, 2, 5)))}e{scaled_power - right_power}"),
        )

    return one()


def _at_right_angles(digits: Sequence[int], *, along_axes: bool) -> tuple[list[int], list[int]]:
    """Make two vectors of one: (a, ..., b) and (-b, ..., a) for each pair of numbers, or one number of each on an axis.

    The two of a pair are far apart, so that a part of the vectors is not at right angles.
    """
    last = len(digits) - 1
    turned = [digits[last - n] * ((n > last / 2) - (n < last / 2)) for n in range(len(digits))]
    if any(turned) and not along_axes:
        return [*digits], turned
    place = next(place for place, digit in enumerate(digits) if digit)
    axis = [digit if number == place else 0 for number, digit in enumerate(digits)]
    return axis, axis[1:] + axis[:1]


def _decimals(digits: Sequence[int], exponent: int) -> Vector:
    # Written and read: multiplied, 3 * 0.1 would not be 0.3.
    return tuple(float(f"{value}e{exponent}") for value in digits)


_SAVED = TypeAdapter(tuple[Case, ...])


def saved(path: Path) -> tuple[Case, ...]:
    """Read saved cases, none where there is no such file; raises CouldNotObserve for one that cannot be read."""
    try:
        return _SAVED.validate_json(path.read_bytes())
    except FileNotFoundError:
        return ()
    except (OSError, ValidationError) as error:
        raise CouldNotObserve(
            Trouble.NOT_JSON,
            asked=str(path),
            came_back=f"the saved cases cannot be read: {str(error)[:200]}",
            hint="mend the file, or remove it: `make explore` writes it anew",
        ) from error


def save(path: Path, case: Case) -> None:
    """Add a case to a file of saved cases, unless it is there; raises OSError or CouldNotObserve."""
    known = saved(path)
    if case in known:
        return
    path.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(each.model_dump()) for each in (*known, case))
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
