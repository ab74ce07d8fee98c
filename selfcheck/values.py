"""Looking into JSON values, and describing what is promised of one value. Pure."""

import fnmatch
import math
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from selfcheck.contract import Model

JsonType = Literal["string", "number", "integer", "boolean", "object", "array", "null", "any"]


@dataclass(frozen=True, slots=True)
class Missing:
    """Stands for a value that is not there; `at` is the part of the path where it ends."""

    at: str


def dig(value: object, path: str) -> object:
    """Follow a dotted path through objects (and arrays, by index); gives `Missing` where it ends too early.

    The empty path is the value itself.
    """
    here = value
    walked: list[str] = []
    for part in path.split(".") if path else []:
        walked.append(part)
        if isinstance(here, Mapping) and part in here:
            here = here[part]
        elif isinstance(here, list) and part.isdigit() and int(part) < len(here):
            here = here[int(part)]
        else:
            return Missing(".".join(walked))
    return here


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Give (dotted path, value) for everything in a JSON value that has nothing in it: scalars, `{}` and `[]`."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}.{index}" if path else str(index))
    else:
        yield path, value


def find(value: object, pattern: str) -> list[tuple[str, object]]:
    """Give the scalars whose dotted path matches a pattern with `*`, without regard to case."""
    return [
        (path, leaf)
        for path, leaf in leaves(value)
        if not isinstance(leaf, Mapping | list) and fnmatch.fnmatchcase(path.lower(), pattern.lower())
    ]


# In this order: a bool is an int, too.
_JSON_TYPES: tuple[tuple[type, str], ...] = (
    (type(None), "null"),
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (Mapping, "object"),
)


def json_type(value: object) -> str:
    """Name the JSON type of a value; a number that is written without a fraction is an "integer"."""
    return next((name for kind, name in _JSON_TYPES if isinstance(value, kind)), "array")


class Domain(Model):
    """What one value must be; every rule that is given must hold."""

    type: JsonType = "any"
    equals: str | bool | int | float | None = None
    one_of: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = Field(None, description="The value must be greater than this.")
    pattern: str | None = Field(None, description="Regular expression that a string must match as a whole.")

    def breaks(self, value: object) -> str:
        """Say in which way the value is outside the domain; empty when it is inside."""
        if self.type != "any" and not _is(value, self.type):
            return f"is {json_type(value)} {shown(value)}, not {self.type}"
        return self._breaks_choice(value) or self._breaks_range(value)

    def _breaks_choice(self, value: object) -> str:
        if self.equals is not None and not same(value, self.equals):
            return f"is {shown(value)}, not {shown(self.equals)}"
        if self.one_of and not any(same(value, allowed) for allowed in self.one_of):
            return f"is {shown(value)}, not one of {', '.join(map(shown, self.one_of))}"
        if self.pattern is not None and not (isinstance(value, str) and re.fullmatch(self.pattern, value)):
            return f"is {shown(value)}, which does not match {self.pattern}"
        return ""

    def _breaks_range(self, value: object) -> str:
        bounded = any(bound is not None for bound in (self.minimum, self.maximum, self.above))
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"is {json_type(value)} {shown(value)}, not a number" if bounded else ""
        if not math.isfinite(value):
            return f"is {value}, not a finite number"
        if self.minimum is not None and value < self.minimum:
            return f"is {value:g}, below {self.minimum:g}"
        if self.maximum is not None and value > self.maximum:
            return f"is {value:g}, above {self.maximum:g}"
        if self.above is not None and value <= self.above:
            return f"is {value:g}, not above {self.above:g}"
        return ""

    def describe(self) -> str:
        """Say what is promised, as a phrase."""
        parts: list[str] = [] if self.type == "any" else [self.type]
        if self.equals is not None:
            parts.append(f"= {shown(self.equals)}")
        if self.one_of:
            parts.append("one of " + ", ".join(map(shown, self.one_of)))
        if self.minimum is not None:
            parts.append(f">= {self.minimum:g}")
        if self.above is not None:
            parts.append(f"> {self.above:g}")
        if self.maximum is not None:
            parts.append(f"<= {self.maximum:g}")
        if self.pattern is not None:
            parts.append(f"matching {self.pattern}")
        return " ".join(parts) or "anything"


def _is_filled(path: str, value: object, elsewhere: Mapping[str, object]) -> bool:
    """Tell whether an object or array that is empty here has something in it there."""
    start = f"{path}." if path else ""
    return isinstance(value, Mapping | list) and path not in elsewhere and any(p.startswith(start) for p in elsewhere)


def same(left: object, right: object) -> bool:
    """Tell whether two JSON values are equal: 1 is 1.0 and NaN is NaN, but neither 1 nor 1.0 is true."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    return left == right


def _is(value: object, type_: str) -> bool:
    found = json_type(value)
    return found == type_ or (type_ == "number" and found == "integer")


_TEXT_CHARACTERS_MAX = 2000


def harmless(text: str) -> str:
    """Make a text that a target had a hand in fit for a terminal and a report.

    What would act on a terminal or hide in it is escaped (line breaks stay), and a giant is cut.
    """
    cut = text if len(text) <= _TEXT_CHARACTERS_MAX else f"{text[:_TEXT_CHARACTERS_MAX]}... ({len(text):,} characters)"
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii") for c in cut)


def some(texts: Sequence[str], shown_max: int = 3) -> str:
    """Join the first few texts into a phrase, and say how many more there are."""
    more = f"; and {len(texts) - shown_max} more" if len(texts) > shown_max else ""
    return "; ".join(texts[:shown_max]) + more


def curl(url: str, options: str = "-sS") -> str:
    """Give a command that asks for a URL; safe to paste, though a target may have made up the URL by a redirect."""
    return f"curl {options} {shlex.quote(url)}"


def shown(value: object, width: int = 60) -> str:
    """Show a value in a sentence: strings in quotes, cut to a width, control characters escaped."""
    if isinstance(value, Missing):
        return "missing"
    text = repr(value) if not isinstance(value, str) else '"' + value.encode("unicode_escape").decode("ascii") + '"'
    return text if len(text) <= width else text[: width - 3] + "..."


def differences(left: object, right: object, ignore: Sequence[str] = (), *, only_of_left: bool = False) -> list[str]:
    """Say where two JSON values differ, path by path; paths matching a pattern in `ignore` are passed over.

    With `only_of_left`, what just the right one has is passed over, too.
    """
    ours, theirs = dict(leaves(left)), dict(leaves(right))
    found = []
    for path in sorted(ours.keys() if only_of_left else ours.keys() | theirs.keys()):
        if any(fnmatch.fnmatchcase(path, pattern) for pattern in ignore):
            continue
        mine, other = ours.get(path, Missing(path)), theirs.get(path, Missing(path))
        if _is_filled(path, mine, theirs) or _is_filled(path, other, ours):
            continue  # what it is filled with has paths of its own
        if not same(mine, other):
            found.append(f"{path}: {shown(mine)} and {shown(other)}")
    return found
