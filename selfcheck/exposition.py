r"""Read the Prometheus text exposition (format 0.0.4), strictly and fast; compare two scrapes. No I/O.

Why there is a reader of our own, where `prometheus_client.parser` exists:

- Strictness. That parser is lax on purpose: it lets duplicate series, a TYPE after its samples, scattered
  families, bad escapes and unknown types pass, and it raises at the first line that it cannot read. Here
  nothing is let pass and nothing is raised: every deviation becomes a `Problem` with its line, and the lines
  around it are still read.
- Speed. A gate that has to judge 100,000 series within seconds cannot spend most of them on reading. Measured
  with `python -m tools.bench_exposition` on one core of a small machine: 100,000 series (9 MB) in 0.5 s here,
  in 3.3 to 5.2 s there, which is 6 to 10 times as long.

What the format allows is read without complaint: blanks and tabs between tokens, empty lines, comments, `{}`,
a trailing comma, timestamps, any UTF-8 in label values. As in Prometheus, a label with an empty value is the
same as no label.

How it is fast: the text between the braces is split at its quotes, which leaves the label values and, between
them, a skeleton like `le=",provider="`. A skeleton is checked once per sample name; every further line with
the same one costs a dictionary look-up. Label values are cut out only when somebody asks for them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

PROBLEMS_KEPT: Final = 50
"""So many problems are kept in full; beyond that they are only counted."""

LINE_SHOWN_CHARACTERS: Final = 120
"""So much of an offending line is shown."""

KNOWN_TYPES: Final = frozenset({"counter", "gauge", "histogram", "summary", "untyped"})
"""The types that format 0.0.4 knows."""

_HOPELESS_AFTER: Final = 1000
"""So many bad lines without a single good one, and the rest is not looked at."""

_VALUES_REMEMBERED: Final = 4096
"""Scrapes are full of the same few values; a bounded memory of them saves a quarter of the time."""

_BLANKS: Final = " \t"
_NUMBER_PATTERN: Final = (
    r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN]"
)
_NUMBER: Final = re.compile(_NUMBER_PATTERN)
_TIMESTAMP: Final = re.compile(r"-?[0-9]{1,19}")
_TAIL: Final = re.compile(rf"[ \t]*({_NUMBER_PATTERN})(?:[ \t]+(-?[0-9]{{1,19}}))?[ \t]*")
_METRIC_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_SKELETON_PART: Final = re.compile(r"(?:(,)[ \t]*)?([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=")
_ESCAPE: Final = re.compile(r'\\[\\n"]')
_HELP_ESCAPE: Final = re.compile(r"\\[\\n]")
_ESCAPED: Final = {"\\\\": "\\", "\\n": "\n", '\\"': '"'}
_COMMENT: Final = re.compile(r"#[ \t]*(HELP|TYPE)(?:[ \t]+(.*))?", re.DOTALL)
_FIRST_TOKEN: Final = re.compile(r"([^ \t]+)[ \t]*(.*)", re.DOTALL)
_LABEL_IN_LINE: Final = re.compile(r'([^=,"{}]*)=[ \t]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t]*', re.DOTALL)
_TIMESTAMP_MAX: Final = 2**63 - 1
_TIMESTAMP_MIN: Final = -(2**63)

LabelSet = tuple[tuple[str, str], ...]
"""Labels as sorted pairs, without those whose value is empty: usable as a dictionary key."""


PROCESS_STARTED = "process_start_time_seconds"
"""The gauge by which every official client library says when its process was started, in Unix seconds."""


class ProblemKind(StrEnum):
    """In which way a text deviates from the format; the values stand in reports and do not change."""

    NOT_AN_EXPOSITION = "not_an_exposition"
    """Not one line of it can be read: a web page, JSON, an error message."""
    MALFORMED_LINE = "malformed_line"
    BAD_METRIC_NAME = "bad_metric_name"
    BAD_LABEL_NAME = "bad_label_name"
    BAD_ESCAPE = "bad_escape"
    BAD_VALUE = "bad_value"
    BAD_TIMESTAMP = "bad_timestamp"
    DUPLICATE_LABEL = "duplicate_label"
    DUPLICATE_SERIES = "duplicate_series"
    DUPLICATE_TYPE = "duplicate_type"
    DUPLICATE_HELP = "duplicate_help"
    METADATA_AFTER_SAMPLES = "metadata_after_samples"
    """A TYPE or HELP line below samples that it is about."""
    UNKNOWN_TYPE = "unknown_type"
    NOT_TOGETHER = "not_together"
    """The lines of one family do not stand in one block."""
    SAMPLE_WITHOUT_TYPE = "sample_without_type"
    NAME_DOES_NOT_FIT = "name_does_not_fit"
    """A sample name that its family's type does not have, like a plain sample of a histogram."""
    COUNTER_VALUE = "counter_value"
    """Something that counts (a counter, a bucket, a count) is negative or NaN."""
    BOUND_MISSING = "bound_missing"
    """A bucket without `le`, or a quantile without `quantile`."""
    BOUND_NOT_A_NUMBER = "bound_not_a_number"
    BOUND_DUPLICATE = "bound_duplicate"
    """Two bounds of one series that are the same number, like `1` and `1.0`."""
    NO_FINAL_NEWLINE = "no_final_newline"
    CARRIAGE_RETURN = "carriage_return"


@dataclass(frozen=True, slots=True)
class Problem:
    """One deviation: its kind, where it is, and a message that says what is wrong.

    `line` is the offending line, cut to 120 characters, with control characters escaped; it is safe to print.
    `line_number` counts from 1.
    """

    kind: ProblemKind
    line_number: int
    line: str
    message: str

    def __str__(self) -> str:
        """Give one line for a report."""
        return f"line {self.line_number}: {self.message}: {self.line}"


class SampleKey(NamedTuple):
    """What tells one series from another: the sample name and its labels."""

    name: str
    labels: LabelSet

    def __str__(self) -> str:
        """Spell it as Prometheus does."""
        if not self.labels:
            return self.name
        pairs = ",".join(f'{name}="{_escape(value)}"' for name, value in self.labels)
        return f"{self.name}{{{pairs}}}"


class Sample(NamedTuple):
    """One line with a value. A named tuple, because there may be a hundred thousand of them.

    `raw_labels` is the text between the braces and `label_names` the names in it, in its order; `labels` and
    `key` are worked out from the two at every access, so keep what you use twice. `timestamp_ms` is in
    milliseconds since 1970, None when the line has none, as is usual.
    """

    name: str
    raw_labels: str
    label_names: tuple[str, ...]
    value: float
    timestamp_ms: int | None
    line_number: int

    @property
    def labels(self) -> dict[str, str]:
        """The labels with their values unescaped, in the order of the line."""
        return dict(zip(self.label_names, _values(self.raw_labels), strict=True))

    @property
    def label_set(self) -> LabelSet:
        """The labels as a key: sorted, and without those whose value is empty."""
        return label_set(self.labels)

    @property
    def key(self) -> SampleKey:
        """What tells this series from every other one of the same scrape."""
        return SampleKey(self.name, self.label_set)


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family: what one TYPE line is about.

    `name` is the exposed one (`compare_requests_total`, not `compare_requests`). `type` is as the TYPE line
    says, also when it says something unknown, and `untyped` without a TYPE line. `help` is unescaped.
    `samples` are in the order of the text.
    """

    name: str
    type: str
    help: str
    samples: Sequence[Sample] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Exposition:
    """A scrape that was read.

    `families` by exposed name, in the order of the text. `problems` are at most `PROBLEMS_KEPT`, sorted by
    line; `problems_count` counts them all. A line with a problem that leaves its meaning in doubt (malformed,
    bad label) gives no sample; of duplicate series the look-ups see the first.
    """

    families: Mapping[str, Family]
    problems: tuple[Problem, ...]
    problems_count: int
    samples_count: int
    _names: Mapping[str, _Name] = field(repr=False)

    def series(self, name: str) -> Sequence[Sample]:
        """All samples of exactly this name (`foo_bucket`, not `foo`), in the order of the text."""
        found = self._names.get(name)
        return found.samples() if found else ()

    def value(self, name: str, labels: Mapping[str, str] | None = None) -> float | None:
        """Value of the series with this sample name and exactly these labels; None when there is none."""
        found = self.sample(name, labels)
        return None if found is None else found.value

    def sample(self, name: str, labels: Mapping[str, str] | None = None) -> Sample | None:
        """Sample of the series with this sample name and exactly these labels; None when there is none."""
        found = self._names.get(name)
        return found.by_label_set().get(label_set(labels or {})) if found else None

    def family_of(self, sample_name: str) -> Family | None:
        """Family that samples of this name belong to (`foo` for `foo_bucket`); None when there is none."""
        found = self._names.get(sample_name)
        return self.families.get(found.family.name) if found else None


def label_set(labels: Mapping[str, str]) -> LabelSet:
    """Make a key of labels: sorted pairs, without those whose value is empty."""
    return tuple(sorted(pair for pair in labels.items() if pair[1]))


def parse_number(text: str) -> float | None:
    """Read a number as the format spells it (`1`, `2.5e-3`, `+Inf`, `NaN`); None when it is not one.

    Stricter than `float()`: no underscores, no blanks, no digits of other scripts, and nothing too large for
    a float.
    """
    if _NUMBER.fullmatch(text) is None:
        return None
    number = float(text)
    return None if _overflowed(number, text) else number


def parse(text: str) -> Exposition:
    """Read an exposition. Never raises, whatever the text: what is wrong with it stands in `problems`."""
    return _Reader(text).read()


def _overflowed(number: float, text: str) -> bool:
    return math.isinf(number) and "n" not in text.lower()


def _values(raw: str) -> list[str]:
    """Cut the label values out of a label text that is known to be well-formed."""
    if "\\" not in raw:
        return raw.split('"')[1::2]
    values = []
    position = 0
    for index, part in enumerate(_split_with_escapes(raw)):
        if index % 2:
            values.append(_unescape(raw[position : position + len(part)]))
        position += len(part) + 1
    return values


def _split_with_escapes(raw: str) -> list[str]:
    """Split a label text at the quotes that are not escaped.

    Escapes are masked by as many dots, so lengths are those of the text. Of a text with a bad escape only a
    backslash is left, which no well-formed text splits into.
    """
    masked = _ESCAPE.sub("..", raw)
    return ["\\"] if "\\" in masked else masked.split('"')


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED[found[0]], text)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _shown(line: str) -> str:
    """Cut a line for display and make it safe to print."""
    cut = line[:LINE_SHOWN_CHARACTERS]
    safe = "".join(letter if letter.isprintable() else _spelled(letter) for letter in cut)
    return safe if len(line) <= LINE_SHOWN_CHARACTERS else f"{safe}..."


def _spelled(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def _quoted(text: str) -> str:
    """Quote a token in a message, cut short."""
    limit = 40
    cut = text if len(text) <= limit else f"{text[:limit]}..."
    return "`" + "".join(letter if letter.isprintable() else _spelled(letter) for letter in cut) + "`"


@dataclass(frozen=True, slots=True)
class _Shape:
    """What all lines with the same skeleton have in common."""

    label_names: tuple[str, ...]
    parts_count: int
    """Pieces that the label text falls into at its quotes: names and values in turn, then the rest."""
    bound_index: int
    """Which piece is the bound (`le` or `quantile`); 0 when the series has none."""


class _FamilyBuilder:
    """A family while it is being read."""

    __slots__ = ("closed", "first_line_number", "help", "members", "name", "samples", "scattered", "type")

    def __init__(self, name: str, line_number: int) -> None:
        self.name = name
        self.first_line_number = line_number
        self.type: str | None = None
        self.help: str | None = None
        self.samples: list[Sample] = []
        self.members: list[_Name] = []
        """The sample names that belong to it, or once did."""
        self.closed = False
        self.scattered = False

    @property
    def declared(self) -> bool:
        return self.type is not None or self.help is not None


class _Name:
    """Everything known of one sample name."""

    __slots__ = (
        "_by_label_set",
        "bound_label",
        "bounds",
        "by_raw",
        "counts",
        "family",
        "mixed",
        "name",
        "repeated",
        "shapes",
    )

    def __init__(self, name: str, family: _FamilyBuilder) -> None:
        self.name = name
        self.by_raw: dict[str, Sample] = {}
        self.repeated: list[Sample] = []
        self.shapes: dict[str, _Shape | None] = {}
        self.bounds: dict[str, float | None] = {}
        self.mixed = False
        self._by_label_set: dict[LabelSet, Sample] | None = None
        self.family = family
        family.members.append(self)
        self.join(family)

    def join(self, family: _FamilyBuilder) -> None:
        """Belong to a family: what its type says of this name holds from here on."""
        if self.family is not family:
            self.family = family
            family.members.append(self)
        suffix = self.name[len(family.name) :]
        self.counts = (family.type, suffix) in _COUNTING
        self.bound_label = {("histogram", "_bucket"): "le", ("summary", ""): "quantile"}.get(
            (family.type or "", suffix)
        )
        # What was learnt of the shapes holds no more; whether there were several is still to be known at the
        # end.
        self.mixed = self.mixed or bool(self.shapes)
        self.shapes.clear()

    def samples(self) -> Sequence[Sample]:
        if not self.repeated:
            return tuple(self.by_raw.values())
        return tuple(sorted((*self.by_raw.values(), *self.repeated), key=lambda sample: sample.line_number))

    def by_label_set(self) -> Mapping[LabelSet, Sample]:
        """Look-up by labels, made when first needed."""
        if self._by_label_set is None:
            index: dict[LabelSet, Sample] = {}
            for sample in self.by_raw.values():
                index.setdefault(sample.label_set, sample)
            self._by_label_set = index
        return self._by_label_set


_COUNTING: Final = frozenset(
    {("counter", ""), ("histogram", "_bucket"), ("histogram", "_count"), ("summary", "_count")}
)
"""Family type and suffix of the sample name for everything that counts: never negative, never falling."""

_SUFFIXES: Final = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}


class _Reader:
    """The state of one pass over a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families: dict[str, _FamilyBuilder] = {}
        self.names: dict[str, _Name] = {}
        self.heads: dict[str, _Name] = {}
        """By the text before the brace or blank as it stands in the line, so usually by name."""
        self.current: _FamilyBuilder | None = None
        self.samples_count = 0
        self.declared_any = False
        self.problems: list[Problem] = []
        self.problems_count = 0

    def read(self) -> Exposition:
        start = self.text.lstrip()[:1]
        if start == "<":
            # Nothing in the format begins like this; looking at each line of a large page would only cost
            # time.
            return self._nothing_readable("it looks like a web page (HTML or XML)", 1, self.text.lstrip())
        lines = self._lines()
        self._read_lines(lines)
        if not self.samples_count and not self.declared_any and self.problems:
            first = min(self.problems, key=lambda problem: problem.line_number)
            guess = "it looks like JSON" if start in ("{", "[") else "not one line of it can be read"
            return self._nothing_readable(guess, first.line_number, lines[first.line_number - 1])
        self._finish_families()
        return Exposition(
            families={
                family.name: Family(family.name, family.type or "untyped", family.help or "", tuple(family.samples))
                for family in self.families.values()
            },
            problems=tuple(sorted(self.problems, key=lambda problem: problem.line_number)),
            problems_count=self.problems_count,
            samples_count=self.samples_count,
            _names={name: known for name, known in self.names.items() if known.by_raw},
        )

    def _nothing_readable(self, guess: str, line_number: int, line: str) -> Exposition:
        message = f"this is no Prometheus text exposition: {guess}"
        problem = Problem(ProblemKind.NOT_AN_EXPOSITION, line_number, _shown(line.split("\n", 1)[0]), message)
        return Exposition({}, (problem,), 1, 0, {})

    def _lines(self) -> list[str]:
        # Not splitlines(): label values may hold other line separators than the one of the format.
        lines = self.text.split("\n")
        if "\r\n" in self.text or self.text.endswith("\r"):
            bad = [number for number, line in enumerate(lines, 1) if line.endswith("\r")]
            message = f"carriage return at the end of the line (in {len(bad)} of {len(lines)} lines)"
            self._report(ProblemKind.CARRIAGE_RETURN, bad[0], lines[bad[0] - 1], message)
            lines = [line.removesuffix("\r") for line in lines]
        if lines[-1]:
            self._report(
                ProblemKind.NO_FINAL_NEWLINE,
                len(lines),
                lines[-1],
                "the last line does not end with a newline",
            )
        return lines

    def _read_lines(self, lines: list[str]) -> None:  # noqa: C901, PLR0912, PLR0915 - see its docstring
        """Go through all lines, in one loop: a call for each would cost a third more time."""
        heads = self.heads
        isfinite = math.isfinite
        values: dict[str, float] = {}
        for number, line in enumerate(lines, 1):
            head, found, rest = line.partition("{")
            if found:
                # No value or timestamp holds a brace, so the last one ends the labels, whatever is in their
                # values.
                raw, found, tail = rest.rpartition("}")
                parts = _split_with_escapes(raw) if "\\" in raw else raw.split('"')
                skeleton = '"'.join(parts[::2])
            else:
                head, found, tail = line.partition(" ")
                raw = skeleton = ""
                parts = [""]
            name = heads.get(head)
            if name is None:
                unusual = self._unusual(number, line, head)
                if unusual is None:
                    if self.problems_count >= _HOPELESS_AFTER and not self.samples_count and not self.declared_any:
                        return
                    continue
                name, plain_tail = unusual
                if plain_tail is not None:
                    found, tail = " ", plain_tail
            shape = name.shapes.get(skeleton)
            if shape is None:
                shape = self._new_shape(number, line, name, skeleton)
            if shape is None or not found or len(parts) != shape.parts_count:
                self._diagnose(number, line)
                continue
            timestamp = None
            value = values.get(tail)
            if value is None:
                match = _TAIL.fullmatch(tail)
                if match is None:
                    self._diagnose(number, line)
                    continue
                value = float(match[1])
                if match[2] is not None:
                    timestamp = int(match[2])
                    if not _TIMESTAMP_MIN <= timestamp <= _TIMESTAMP_MAX:
                        self._diagnose(number, line)
                        continue
                elif len(values) < _VALUES_REMEMBERED:
                    values[tail] = value
                if not isfinite(value) and _overflowed(value, match[1]):
                    values.pop(tail, None)
                    self._diagnose(number, line)
                    continue
            if name.family is not self.current:
                self._enter(name.family, number, line)
            if name.counts and not value >= 0:
                self._report(ProblemKind.COUNTER_VALUE, number, line, f"{name.name} counts something, but is {value}")
            if shape.bound_index and name.bounds.get(parts[shape.bound_index]) is None:
                self._note_bound(number, line, name, parts[shape.bound_index])
            sample = Sample(name.name, raw, shape.label_names, value, timestamp, number)
            name.family.samples.append(sample)
            self.samples_count += 1
            if raw in name.by_raw:
                self._repeat(sample, name.by_raw[raw], line)
            else:
                name.by_raw[raw] = sample

    def _unusual(self, number: int, line: str, head: str) -> tuple[_Name, str | None] | None:
        """Look at a line that does not begin with a known name: a comment, a new name, or odd blanks.

        Returns the name, and what follows it when the line has no labels; None when the line is dealt with.
        """
        stripped = line.strip(_BLANKS)
        if not stripped:
            return None
        if stripped[0] == "#":
            self._comment(number, line, stripped)
            return None
        found = _METRIC_NAME.match(stripped)
        after = stripped[found.end() :].lstrip(_BLANKS) if found else ""
        labelled = after.startswith("{")
        if found is None or (not labelled and stripped[found.end() : found.end() + 1] not in (" ", "\t", "")):
            self._diagnose(number, line)
            return None
        name = self._name(number, line, found[0])
        if labelled or head == found[0]:
            # Blanks around the name may be the custom of this exporter: the next such line takes the short
            # way.
            self.heads[head] = name
        return name, None if labelled else after

    def _name(self, number: int, line: str, text: str) -> _Name:
        """Find or make the record of a sample name, and the family it belongs to."""
        known = self.names.get(text)
        if known is not None:
            return known
        family = self._owner(text)
        if family is None:
            family = self.families.setdefault(text, _FamilyBuilder(text, number))
        name = self.names[text] = _Name(text, family)
        self._check_fit(number, line, name)
        return name

    def _owner(self, sample_name: str) -> _FamilyBuilder | None:
        exact = self.families.get(sample_name)
        if exact is not None:
            return exact
        for suffix in _SUFFIXES["histogram"]:
            base = self.families.get(sample_name.removesuffix(suffix)) if sample_name.endswith(suffix) else None
            if base is not None and base.type in _SUFFIXES:
                return base
        return None

    def _check_fit(self, number: int, line: str, name: _Name) -> None:
        family = name.family
        suffix = name.name[len(family.name) :]
        if family.type == "histogram" and not suffix:
            message = f"{family.name} is a histogram, which has only _bucket, _sum and _count"
        elif family.type == "summary" and suffix == "_bucket":
            message = f"{family.name} is a summary, which has no buckets"
        else:
            return
        self._report(ProblemKind.NAME_DOES_NOT_FIT, number, line, message)

    def _new_shape(self, number: int, line: str, name: _Name, skeleton: str) -> _Shape | None:
        """Check a skeleton for the first time; None, also remembered, when lines with it are malformed."""
        if skeleton in name.shapes:
            return None
        label_names = _label_names(skeleton)
        if label_names is None:
            name.shapes[skeleton] = None
            return None
        bound_index = 0
        if name.bound_label in label_names:
            bound_index = 2 * label_names.index(name.bound_label) + 1
        elif name.bound_label:
            self._report(ProblemKind.BOUND_MISSING, number, line, f"{name.name} without the label {name.bound_label}")
        shape = name.shapes[skeleton] = _Shape(label_names, 2 * len(label_names) + 1, bound_index)
        return shape

    def _note_bound(self, number: int, line: str, name: _Name, text: str) -> None:
        if text not in name.bounds:
            bound = parse_number(text)
            name.bounds[text] = None if bound is None or math.isnan(bound) else bound
        if name.bounds[text] is None:
            message = f"{name.bound_label} is {_quoted(text)}, which is not a number"
            self._report(ProblemKind.BOUND_NOT_A_NUMBER, number, line, message)

    def _enter(self, family: _FamilyBuilder, number: int, line: str) -> None:
        """Notice that the lines of another family begin here."""
        if self.current is not None:
            self.current.closed = True
        self.current = family
        if family.closed and not family.scattered:
            family.scattered = True
            message = f"lines of {family.name} began at line {family.first_line_number}, with others in between"
            self._report(ProblemKind.NOT_TOGETHER, number, line, message)

    def _repeat(self, sample: Sample, first: Sample, line: str) -> None:
        sample_name = first.name
        self.names[sample_name].repeated.append(sample)
        message = f"the series stands at line {first.line_number} already"
        self._report(ProblemKind.DUPLICATE_SERIES, sample.line_number, line, message)

    def _comment(self, number: int, line: str, stripped: str) -> None:
        found = _COMMENT.fullmatch(stripped)
        if found is None:
            return
        keyword, body = found[1], found[2] or ""
        tokens = _FIRST_TOKEN.match(body)
        if tokens is None:
            self._report(ProblemKind.MALFORMED_LINE, number, line, f"{keyword} without a metric name")
            return
        name, rest = tokens[1], tokens[2]
        if not _METRIC_NAME.fullmatch(name):
            self._report(ProblemKind.BAD_METRIC_NAME, number, line, _bad_metric_name(name))
            return
        if keyword == "TYPE" and not rest:
            self._report(ProblemKind.MALFORMED_LINE, number, line, f"TYPE of {name} without a type")
            return
        family = self.families.get(name)
        if family is None:
            family = self.families[name] = _FamilyBuilder(name, number)
        self.declared_any = True
        self._check_order(number, line, keyword, family)
        if family is not self.current:
            self._enter(family, number, line)
        if keyword == "TYPE":
            self._declare_type(number, line, family, rest)
        else:
            self._declare_help(number, line, family, rest)

    def _check_order(self, number: int, line: str, keyword: str, family: _FamilyBuilder) -> None:
        taken = self.names.get(family.name)
        if family.samples:
            message = f"{keyword} of {family.name} below samples of it (line {family.samples[0].line_number})"
        elif taken is not None and taken.family is not family and taken.by_raw:
            other = taken.family.name
            message = f"{keyword} of {family.name}, a name that has samples in the family {other} already"
        else:
            return
        self._report(ProblemKind.METADATA_AFTER_SAMPLES, number, line, message)

    def _declare_type(self, number: int, line: str, family: _FamilyBuilder, text: str) -> None:
        if text not in KNOWN_TYPES:
            message = f"{_quoted(text)} is not a type; the format knows {', '.join(sorted(KNOWN_TYPES))}"
            self._report(ProblemKind.UNKNOWN_TYPE, number, line, message)
        if family.type is not None:
            message = f"second TYPE of {family.name}; the first says {_quoted(family.type)}"
            self._report(ProblemKind.DUPLICATE_TYPE, number, line, message)
            return
        family.type = text
        for name in family.members:
            if name.family is family:
                name.join(family)
        for suffix in _SUFFIXES.get(text, ()):
            self._adopt(number, line, family, family.name + suffix)

    def _adopt(self, number: int, line: str, family: _FamilyBuilder, sample_name: str) -> None:
        """Take over samples that came before the TYPE line that explains them."""
        stray = self.families.get(sample_name)
        name = self.names.get(sample_name)
        if stray is None or name is None or stray.declared:
            return
        del self.families[sample_name]
        name.join(family)
        if stray.samples:
            first = stray.samples[0].line_number
            message = f"TYPE of {family.name} below its sample {sample_name} (line {first})"
            self._report(ProblemKind.METADATA_AFTER_SAMPLES, number, line, message)
            family.samples = sorted((*family.samples, *stray.samples), key=lambda sample: sample.line_number)
            family.first_line_number = min(family.first_line_number, first)

    def _declare_help(self, number: int, line: str, family: _FamilyBuilder, text: str) -> None:
        if "\\" in _HELP_ESCAPE.sub("", text):
            message = f"HELP of {family.name} with another escape than \\\\ and \\n"
            self._report(ProblemKind.BAD_ESCAPE, number, line, message)
        if family.help is not None:
            self._report(ProblemKind.DUPLICATE_HELP, number, line, f"second HELP of {family.name}")
            return
        family.help = _HELP_ESCAPE.sub(lambda found: _ESCAPED[found[0]], text)

    def _finish_families(self) -> None:
        """Judge what can be judged only when everything was read."""
        for family in list(self.families.values()):
            if not family.samples and not family.declared:
                # Only malformed lines had this name.
                del self.families[family.name]
            elif family.samples and family.type is None:
                self._report_untyped(family)
        for name in self.names.values():
            self._find_hidden_duplicates(name)

    def _report_untyped(self, family: _FamilyBuilder) -> None:
        base = self.families.get(family.name.removesuffix("_total"))
        hint = ""
        if base is not None and base is not family and base.type == "counter":
            hint = f"; the counter {base.name} is declared as OpenMetrics does, not as format 0.0.4 does"
        first = family.samples[0]
        line = (
            f"{first.name}{{{first.raw_labels}}} {first.value}" if first.raw_labels else f"{first.name} {first.value}"
        )
        message = f"no TYPE for {family.name}{hint}"
        self._report(ProblemKind.SAMPLE_WITHOUT_TYPE, first.line_number, line, message)

    def _find_hidden_duplicates(self, name: _Name) -> None:
        """Find series that are the same though their label texts differ by order, blanks, `1` and `1.0`.

        Series with one skeleton whose bounds are all different numbers cannot be the same unless their texts
        are.
        """
        numbers = [bound for bound in name.bounds.values() if bound is not None]
        ambiguous_bounds = len(set(numbers)) < len(numbers)
        shapes = [shape for shape in name.shapes.values() if shape is not None]
        if len(shapes) <= 1 and not ambiguous_bounds and not name.mixed:
            return
        seen: dict[LabelSet, Sample] = {}
        seen_by_number: dict[tuple[LabelSet, float], Sample] = {}
        for sample in list(name.by_raw.values()):
            labels = sample.label_set
            first = seen.setdefault(labels, sample)
            if first is not sample:
                del name.by_raw[sample.raw_labels]
                self._repeat(sample, first, _respelled(sample))
            elif name.bound_label:
                bound = name.bounds.get(dict(labels).get(name.bound_label, ""))
                if bound is None:
                    continue
                others = tuple(pair for pair in labels if pair[0] != name.bound_label)
                first = seen_by_number.setdefault((others, bound), sample)
                if first is not sample:
                    message = f"{name.bound_label} is the same number as at line {first.line_number}"
                    self._report(ProblemKind.BOUND_DUPLICATE, sample.line_number, _respelled(sample), message)

    def _diagnose(self, number: int, line: str) -> None:
        """Say what is wrong with a sample line that could not be read."""
        if self.problems_count < PROBLEMS_KEPT:
            kind, message = _fault(line)
            self._report(kind, number, line, message)
        else:
            self.problems_count += 1

    def _report(self, kind: ProblemKind, number: int, line: str, message: str) -> None:
        self.problems_count += 1
        if self.problems_count <= PROBLEMS_KEPT:
            self.problems.append(Problem(kind, number, _shown(line), message))


def _respelled(sample: Sample) -> str:
    return f"{sample.name}{{{sample.raw_labels}}} {sample.value}"


def _label_names(skeleton: str) -> tuple[str, ...] | None:
    """Names in a skeleton, in its order; None unless it is well-formed and the names are distinct."""
    *parts, last = skeleton.split('"')
    names = []
    for index, part in enumerate(parts):
        found = _SKELETON_PART.fullmatch(part.strip(_BLANKS))
        if found is None or bool(found[1]) != (index > 0) or found[2] == "__name__":
            return None
        names.append(found[2])
    if last.strip(_BLANKS) not in (("", ",") if names else ("",)) or len(set(names)) < len(names):
        return None
    return tuple(names)


def _bad_metric_name(name: str) -> str:
    hint = "; quoted names came with format 1.0.0" if name.startswith('"') else ""
    return f"{_quoted(name)} is not a metric name{hint}"


def _fault(line: str) -> tuple[ProblemKind, str]:
    """Find the first thing that is wrong with a sample line."""
    head, brace, rest = line.strip(_BLANKS).partition("{")
    if not brace:
        tokens = _FIRST_TOKEN.match(head)
        name, tail = (tokens[1], tokens[2]) if tokens else (head, "")
        if not _METRIC_NAME.fullmatch(name):
            return ProblemKind.BAD_METRIC_NAME, _bad_metric_name(name)
        return _fault_in_tail(tail)
    name = head.rstrip(_BLANKS)
    if not name:
        hint = "; quoted names came with format 1.0.0" if rest.lstrip(_BLANKS).startswith('"') else ""
        return ProblemKind.MALFORMED_LINE, f"no metric name before the brace{hint}"
    if not _METRIC_NAME.fullmatch(name):
        return ProblemKind.BAD_METRIC_NAME, _bad_metric_name(name)
    fault, tail = _fault_in_labels(rest)
    return fault or _fault_in_tail(tail)


def _fault_in_labels(text: str) -> tuple[tuple[ProblemKind, str] | None, str]:
    """Find the first fault in the labels that `text` begins with; if none, give what follows their brace."""
    seen: set[str] = set()
    place = _after_blanks(text, 0)
    while not text.startswith("}", place):
        found = _LABEL_IN_LINE.match(text, place)
        if found is None:
            return (ProblemKind.MALFORMED_LINE, _unreadable_label(text[place:])), ""
        name = found[1].strip(_BLANKS)
        fault = _fault_in_label(name, found[2], seen)
        if fault is not None:
            return fault, ""
        seen.add(name)
        place = found.end()
        if text.startswith(",", place):
            place = _after_blanks(text, place + 1)
        elif not text.startswith("}", place):
            what = _quoted(text[place:]) if text[place:] else "the end"
            return (ProblemKind.MALFORMED_LINE, f"expected a comma or a brace after {name}, found {what}"), ""
    return None, text[place + 1 :]


def _fault_in_label(name: str, value: str, seen: set[str]) -> tuple[ProblemKind, str] | None:
    if not _LABEL_NAME.fullmatch(name):
        return ProblemKind.BAD_LABEL_NAME, f"{_quoted(name)} is not a label name"
    if name == "__name__":
        return ProblemKind.BAD_LABEL_NAME, "the label name __name__ is reserved"
    if name in seen:
        return ProblemKind.DUPLICATE_LABEL, f"the label {name} stands there twice"
    if "\\" in _ESCAPE.sub("", value):
        return ProblemKind.BAD_ESCAPE, f'the value of {name} has another escape than \\\\, \\n and \\"'
    return None


def _after_blanks(text: str, place: int) -> int:
    while text.startswith((" ", "\t"), place):
        place += 1
    return place


def _unreadable_label(text: str) -> str:
    name, equals, value = text.partition("=")
    if not text:
        return "the labels are not closed with a brace"
    if not equals:
        return f"expected a label, found {_quoted(text)}"
    if not value.lstrip(_BLANKS).startswith('"'):
        return f"the value of the label {_quoted(name.strip(_BLANKS))} is not in quotes"
    return f"the value of the label {_quoted(name.strip(_BLANKS))} has no closing quote"


def _fault_in_tail(tail: str) -> tuple[ProblemKind, str]:
    tokens = tail.replace("\t", " ").split(" ")
    tokens = [token for token in tokens if token]
    if not tokens:
        return ProblemKind.MALFORMED_LINE, "no value"
    if parse_number(tokens[0]) is None:
        too_large = _NUMBER.fullmatch(tokens[0]) is not None
        reason = "is too large for a number" if too_large else "is not a number"
        return ProblemKind.BAD_VALUE, f"the value {_quoted(tokens[0])} {reason}"
    if "#" in tokens[1:]:
        return ProblemKind.MALFORMED_LINE, "an exemplar, which only OpenMetrics has"
    if len(tokens) > 1 and not (_TIMESTAMP.fullmatch(tokens[1]) and _TIMESTAMP_MIN <= int(tokens[1]) <= _TIMESTAMP_MAX):
        message = f"the timestamp {_quoted(tokens[1])} is not a whole number of milliseconds"
        return ProblemKind.BAD_TIMESTAMP, message
    return ProblemKind.MALFORMED_LINE, "the line is not a sample: name, labels in braces, value, timestamp"


class Change(NamedTuple):
    """One series in two scrapes."""

    before: Sample
    after: Sample

    @property
    def key(self) -> SampleKey:
        """Which series it is."""
        return self.after.key

    @property
    def difference(self) -> float:
        """Value after minus value before; NaN when one of them is."""
        return self.after.value - self.before.value


@dataclass(frozen=True, slots=True, eq=False)
class Delta:
    """What is different between two scrapes, series by series.

    `changed` are series with another value (NaN is equal to NaN here), `born` those only in the later scrape,
    `vanished` those only in the earlier one. Of duplicate series only the first counts.
    """

    before: Exposition = field(repr=False)
    after: Exposition = field(repr=False)
    changed: tuple[Change, ...]
    born: tuple[Sample, ...]
    vanished: tuple[Sample, ...]
    unchanged_count: int

    def difference(self, name: str, labels: Mapping[str, str] | None = None) -> float | None:
        """By how much one series moved.

        A series that was born counts from 0, which is what a counter did before it showed. None when the
        series is not in the later scrape.
        """
        after = self.after.value(name, labels)
        if after is None:
            return None
        return after - (self.before.value(name, labels) or 0.0)

    def moved(self, name: str) -> dict[LabelSet, float]:
        """By how much the series of one sample name moved; only those that did. Born ones count from 0."""
        moves = {change.key.labels: change.difference for change in self.changed if change.after.name == name}
        moves.update((sample.label_set, sample.value) for sample in self.born if sample.name == name and sample.value)
        return moves


def delta(before: Exposition, after: Exposition) -> Delta:
    """Compare two scrapes of the same process. Whether it is the same, `identity` tells."""
    changed: list[Change] = []
    born: list[Sample] = []
    vanished: list[Sample] = []
    unchanged_count = 0
    names = before._names.keys() | after._names.keys()  # noqa: SLF001 - this module's own
    for old, new in _pairs(before, after, names):
        if old is None:
            if new is not None:
                born.append(new)
        elif new is None:
            vanished.append(old)
        elif _same(old.value, new.value):
            unchanged_count += 1
        else:
            changed.append(Change(old, new))
    return Delta(
        before=before,
        after=after,
        changed=tuple(sorted(changed, key=lambda change: change.after.line_number)),
        born=tuple(sorted(born, key=lambda sample: sample.line_number)),
        vanished=tuple(sorted(vanished, key=lambda sample: sample.line_number)),
        unchanged_count=unchanged_count,
    )


def decreases(before: Exposition, after: Exposition) -> tuple[Change, ...]:
    """Find series that only ever grow, by the type of their family, and are smaller in the later scrape.

    These are counters, the buckets and counts of histograms, the counts of summaries, and the sums of both as
    long as nothing negative was observed (no negative bucket bound, neither sum negative). A series that
    vanished is not among them; `delta` has it. After a restart everything falls: compare `identity` first.
    """
    found = [
        Change(old, new)
        for old, new in _pairs(before, after, _growing_names(after))
        if old is not None
        and new is not None
        and new.value < old.value
        # A sum that is or was negative has seen negative observations and may fall; nothing else here may.
        and (not new.name.endswith("_sum") or _is_counter(after, new.name) or new.value >= 0 <= old.value)
    ]
    return tuple(sorted(found, key=lambda change: change.after.line_number))


def _is_counter(exposition: Exposition, name: str) -> bool:
    family = exposition.family_of(name)
    return family is not None and family.type == "counter"


def _growing_names(exposition: Exposition) -> Iterator[str]:
    for name, known in exposition._names.items():  # noqa: SLF001 - this module's own
        if known.counts:
            yield name
        elif known.family.type in _SUFFIXES and name == f"{known.family.name}_sum":
            buckets = exposition._names.get(f"{known.family.name}_bucket")  # noqa: SLF001 - this module's own
            bounds = buckets.bounds.values() if buckets else ()
            if not any(bound is not None and bound < 0 for bound in bounds):
                yield name


def _pairs(
    before: Exposition, after: Exposition, names: Iterable[str]
) -> Iterator[tuple[Sample | None, Sample | None]]:
    """Give each series of these names as it is in both scrapes, None where it is missing."""
    for name in names:
        old, new = before._names.get(name), after._names.get(name)  # noqa: SLF001 - this module's own
        if old is None or new is None:
            yield from ((sample, None) for sample in (old.by_raw.values() if old else ()))
            yield from ((None, sample) for sample in (new.by_raw.values() if new else ()))
            continue
        # The same process spells its labels the same way each time, so most pairs are found by their text
        # alone.
        strays = []
        for raw, sample in new.by_raw.items():
            twin = old.by_raw.get(raw)
            if twin is None:
                strays.append(sample)
            else:
                yield twin, sample
        if not strays and len(old.by_raw) == len(new.by_raw):
            continue
        unmatched = {sample.label_set: sample for raw, sample in old.by_raw.items() if raw not in new.by_raw}
        for sample in strays:
            yield unmatched.pop(sample.label_set, None), sample
        yield from ((sample, None) for sample in unmatched.values())


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """Which process answered: equal for two scrapes of one process, different for another or after a restart.

    `started_at` is `process_start_time_seconds`, which has a resolution of 10 ms, so that replicas started
    together may share it. `first_created_at` is the earliest `_created` sample without labels, to the
    microsecond. The earliest and not all, because a process may register further metrics while it runs. Both
    in seconds since 1970; None when not exposed.
    """

    started_at: float | None
    first_created_at: float | None


def identity(exposition: Exposition) -> ProcessIdentity | None:
    """Tell which process answered; None when the scrape does not say.

    It does not in multi-process setups, and with client libraries of other languages.
    """
    started_at = exposition.value(PROCESS_STARTED)
    if started_at is not None and not math.isfinite(started_at):
        started_at = None
    created = [
        value
        for name in exposition._names  # noqa: SLF001 - this module's own
        if name.endswith("_created") and _belongs_to_a_metric(exposition, name.removesuffix("_created"))
        if (value := exposition.value(name)) is not None and math.isfinite(value)
    ]
    if started_at is None and not created:
        return None
    return ProcessIdentity(started_at, min(created, default=None))


def _belongs_to_a_metric(exposition: Exposition, base: str) -> bool:
    """Whether `<base>_created` tells when a metric was created, not a gauge that happens to be named so."""
    counter = exposition.families.get(f"{base}_total")
    family = exposition.families.get(base)
    return (counter is not None and counter.type == "counter") or (family is not None and family.type in _SUFFIXES)
