"""The reader of the text exposition: every deviation is seen, everything legal is read, nothing raises."""

from __future__ import annotations

import json
import math
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from selfcheck.exposition import (
    PROBLEMS_KEPT,
    ProblemKind,
    SampleKey,
    decreases,
    delta,
    identity,
    label_set,
    parse,
    parse_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from selfcheck.exposition import Exposition

# Derandomized and without a database of examples: a run does not depend on earlier ones. No deadline: other
# work on the machine must not fail a test.
thorough = settings(
    max_examples=100,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)

GAUGE = "# TYPE g gauge\n"
COUNTER = "# TYPE c_total counter\n"
HISTOGRAM = "# TYPE h histogram\n"
SUMMARY = "# TYPE s summary\n"


def read(text: str) -> Exposition:
    """Parse a text that must be without problem."""
    exposition = parse(text)
    assert [str(problem) for problem in exposition.problems] == []
    assert exposition.problems_count == 0
    return exposition


LEGAL = [
    ("plain", GAUGE + "g 1\n"),
    ("empty text", ""),
    ("nothing but blanks", "\n \n\t\n"),
    ("comments", "# hello\n#\n#TYPO x\n" + GAUGE + "# EOF\ng 1\n"),
    ("no blank after the hash", "#HELP g x\n#TYPE g gauge\ng 1\n"),
    ("blanks and tabs", "  #\tTYPE \t g  gauge \n\t g \t 1 \t 5\t\n"),
    ("blanks around labels", GAUGE + 'g { a = "b" ,\tb\t=\t"c" , } 1\n'),
    ("no blank before the value", GAUGE + 'g{a="b"}1\n'),
    ("empty label set", GAUGE + "g{} 1\n"),
    ("trailing comma", GAUGE + 'g{a="b",} 1\n'),
    ("timestamps", GAUGE + 'g 1 1700000000000\ng{a="b"} 1 -5\n'),
    ("all escapes", GAUGE + r'g{a="\\\n\"",b="}{,=#"} 1' + "\n"),
    ("other scripts, odd separators", GAUGE + 'g{a="é\u2028\x85\r中"} 1\n'),
    (
        "spellings of numbers",
        GAUGE + "".join(f'g{{n="{n}"}} {n}\n' for n in ("+1", ".5", "5.", "1e-9", "nan")),
    ),
    ("infinities", GAUGE + "".join(f'g{{n="{n}"}} {n}\n' for n in ("Inf", "+inf", "-Infinity"))),
    ("HELP without a text", "# HELP g\n" + GAUGE + "g 1\n"),
    ("HELP below TYPE", GAUGE + "# HELP g text\ng 1\n"),
    ("type without samples", COUNTER),
    ("colons in names", "# TYPE a:b:c gauge\na:b:c 1\n"),
    ("created samples of 0.0.4", COUNTER + "c_total 1\n# TYPE c_created gauge\nc_created 1.7e+09\n"),
    ("histogram", HISTOGRAM + 'h_bucket{le="1.0"} 1\nh_bucket{le="+Inf"} 1\nh_count 1\nh_sum 0.5\n'),
    ("summary", SUMMARY + 's{quantile="0.5"} 1\ns_count 1\ns_sum 1\n'),
    ("untyped, said so", "# TYPE u untyped\nu 1\n"),
    ("gauge with a suffix", "# TYPE queue gauge\nqueue 1\n# TYPE queue_count gauge\nqueue_count 1\n"),
    ("negative gauge, falling sum", GAUGE + "g -1\n" + SUMMARY + "s_count 1\ns_sum -1\n"),
]


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in LEGAL])
def test_what_the_format_allows_is_no_problem(text: str) -> None:
    read(text)


K = ProblemKind
BAD = [
    (K.MALFORMED_LINE, 2, "no value", GAUGE + "g\n"),
    (K.MALFORMED_LINE, 2, "no value", GAUGE + 'g{a="b"}\n'),
    (K.MALFORMED_LINE, 2, "not closed with a brace", GAUGE + 'g{a="b",\n'),
    (K.MALFORMED_LINE, 2, "expected a comma or a brace after a, found `1`", GAUGE + 'g{a="b" 1\n'),
    (K.MALFORMED_LINE, 2, 'found `c="d"} 1`', GAUGE + 'g{a="b" c="d"} 1\n'),
    (K.MALFORMED_LINE, 2, "`a` is not in quotes", GAUGE + "g{a=b} 1\n"),
    (K.MALFORMED_LINE, 2, "`a` has no closing quote", GAUGE + 'g{a="b} 1\n'),
    (K.MALFORMED_LINE, 2, "`a` has no closing quote", GAUGE + 'g{a="b\\"} 1\n'),
    (K.MALFORMED_LINE, 2, "`b` has no closing quote", GAUGE + 'g{a="x",b="y} 1\n'),
    (K.MALFORMED_LINE, 2, "expected a label", GAUGE + "g{,} 1\n"),
    (K.MALFORMED_LINE, 2, "expected a label", GAUGE + 'g{a="x",,} 1\n'),
    (K.MALFORMED_LINE, 2, "expected a label", GAUGE + 'g{a="x","} 1\n'),
    (K.MALFORMED_LINE, 2, "not a sample", GAUGE + "g 1 2 3\n"),
    (K.MALFORMED_LINE, 2, "exemplar", GAUGE + 'g{a="b"} 1 # {id="7"} 0.5\n'),
    (K.MALFORMED_LINE, 2, "format 1.0.0", GAUGE + '{"g.x",a="b"} 1\ng 1\n'),
    (K.MALFORMED_LINE, 1, "TYPE without a metric name", "# TYPE\n" + GAUGE + "g 1\n"),
    (K.MALFORMED_LINE, 1, "TYPE of g without a type", "# TYPE g\n" + GAUGE + "g 1\n"),
    (K.MALFORMED_LINE, 1, "HELP without a metric name", "# HELP\n" + GAUGE + "g 1\n"),
    (K.BAD_METRIC_NAME, 2, "`g-x`", GAUGE + "g-x 1\n"),
    (K.BAD_METRIC_NAME, 2, "`1g`", GAUGE + '1g{a="b"} 1\n'),
    (K.BAD_METRIC_NAME, 2, "`gé`", GAUGE + "gé 1\n"),
    (K.BAD_METRIC_NAME, 1, "`\\ufeff#`", "\ufeff# HELP g x\n" + GAUGE + "g 1\n"),
    (K.BAD_METRIC_NAME, 1, "`g.x`", "# TYPE g.x gauge\n" + GAUGE + "g 1\n"),
    (K.BAD_LABEL_NAME, 2, "`a-b`", GAUGE + 'g{a-b="c"} 1\n'),
    (K.BAD_LABEL_NAME, 2, "`1a`", GAUGE + 'g{1a="c"} 1\n'),
    (K.BAD_LABEL_NAME, 2, "`a:b`", GAUGE + 'g{a:b="c"} 1\n'),
    (K.BAD_LABEL_NAME, 2, "``", GAUGE + 'g{="c"} 1\n'),
    (K.BAD_LABEL_NAME, 2, "reserved", GAUGE + 'g{__name__="c"} 1\n'),
    (K.BAD_ESCAPE, 2, "the value of b", GAUGE + r'g{a="\\",b="\x"} 1' + "\n"),
    (K.BAD_ESCAPE, 2, "the value of a", GAUGE + r'g{a="C:\temp"} 1' + "\n"),
    (K.BAD_ESCAPE, 1, "HELP of g", "# HELP g a\\tb\n" + GAUGE + "g 1\n"),
    (K.BAD_ESCAPE, 1, "HELP of g", '# HELP g a \\"b\n' + GAUGE + "g 1\n"),
    (K.BAD_VALUE, 2, "`one` is not a number", GAUGE + "g one\n"),
    (K.BAD_VALUE, 2, "`1_000`", GAUGE + "g 1_000\n"),
    (K.BAD_VALUE, 2, "`0x10`", GAUGE + "g 0x10\n"),
    (K.BAD_VALUE, 2, "`+NaN`", GAUGE + "g +NaN\n"),
    (K.BAD_VALUE, 2, "`\u0661`", GAUGE + "g \u0661\n"),
    (K.BAD_VALUE, 2, "`1\\xa0`", GAUGE + "g 1\xa0\n"),
    (K.BAD_VALUE, 2, "`1\\x0b`", GAUGE + "g 1\x0b\n"),
    (K.BAD_VALUE, 2, "`1,5`", GAUGE + 'g{a="b"} 1,5\n'),
    (K.BAD_VALUE, 2, "`1e999` is too large", GAUGE + "g 1e999\n"),
    (K.BAD_TIMESTAMP, 2, "`1.5`", GAUGE + "g 1 1.5\n"),
    (K.BAD_TIMESTAMP, 2, "`soon`", GAUGE + "g 1 soon\n"),
    (K.BAD_TIMESTAMP, 2, "`9223372036854775808`", GAUGE + "g 1 9223372036854775808\n"),
    (K.BAD_TIMESTAMP, 2, "whole number of milliseconds", GAUGE + f"g 1 {'9' * 30}\n"),
    (K.DUPLICATE_LABEL, 2, "the label a", GAUGE + 'g{a="b",b="c",a="b"} 1\n'),
    (K.DUPLICATE_SERIES, 3, "at line 2", GAUGE + "g 1\ng 1\n"),
    (K.DUPLICATE_SERIES, 3, "at line 2", GAUGE + 'g{a="b"} 1\ng{a="b"} 2\n'),
    (K.DUPLICATE_SERIES, 3, "at line 2", GAUGE + 'g{a="b",b="c"} 1\ng{b="c",a="b"} 2\n'),
    (K.DUPLICATE_SERIES, 3, "at line 2", GAUGE + 'g{a="b"} 1\ng{ a="b", } 2\n'),
    (K.DUPLICATE_SERIES, 3, "at line 2", GAUGE + 'g 1\ng{a=""} 2\n'),
    (K.DUPLICATE_SERIES, 3, "at line 2", GAUGE + "g 1 5\ng 1 6\n"),
    (K.DUPLICATE_SERIES, 3, "at line 2", GAUGE + 'g{a="\\\\n"} 1\ng{a="\\\\n"} 1\n'),
    (K.DUPLICATE_TYPE, 2, "first says `gauge`", GAUGE + "# TYPE g counter\ng 1\n"),
    (K.DUPLICATE_HELP, 2, "second HELP of g", "# HELP g one\n# HELP g two\n" + GAUGE + "g 1\n"),
    (K.METADATA_AFTER_SAMPLES, 2, "below samples of it (line 1)", "g 1\n" + GAUGE),
    (K.METADATA_AFTER_SAMPLES, 3, "HELP of g below samples", GAUGE + "g 1\n# HELP g late\n"),
    (
        K.METADATA_AFTER_SAMPLES,
        2,
        "h_bucket (line 1)",
        'h_bucket{le="+Inf"} 1\n' + HISTOGRAM + "h_count 1\nh_sum 1\n",
    ),
    (K.METADATA_AFTER_SAMPLES, 3, "in the family h already", HISTOGRAM + "h_count 1\n# TYPE h_count gauge\n"),
    (K.UNKNOWN_TYPE, 1, "`banana`", "# TYPE g banana\ng 1\n"),
    (K.UNKNOWN_TYPE, 1, "`Gauge`", "# TYPE g Gauge\ng 1\n"),
    (K.UNKNOWN_TYPE, 1, "`gauge x`", "# TYPE g gauge x\ng 1\n"),
    (K.NOT_TOGETHER, 5, "g began at line 1", GAUGE + 'g 1\n# TYPE c_total counter\nc_total 1\ng{a="b"} 1\n'),
    (K.NOT_TOGETHER, 3, "g began at line 1", GAUGE + COUNTER + "g 1\n"),
    (K.SAMPLE_WITHOUT_TYPE, 2, "no TYPE for u", GAUGE + "u 1\n"),
    (K.SAMPLE_WITHOUT_TYPE, 1, "no TYPE for h_bucket", 'h_bucket{le="1"} 1\n'),
    (K.SAMPLE_WITHOUT_TYPE, 2, "no TYPE for g", "# HELP g text\ng 1\n"),
    (K.SAMPLE_WITHOUT_TYPE, 2, "as OpenMetrics does", "# TYPE c counter\nc_total 1\n"),
    (K.NAME_DOES_NOT_FIT, 2, "h is a histogram", HISTOGRAM + "h 1\n"),
    (K.NAME_DOES_NOT_FIT, 2, "s is a summary", SUMMARY + 's_bucket{le="1"} 1\n'),
    (K.COUNTER_VALUE, 2, "is -1.0", COUNTER + "c_total -1\n"),
    (K.COUNTER_VALUE, 2, "is nan", COUNTER + 'c_total{a="b"} NaN\n'),
    (K.COUNTER_VALUE, 2, "h_bucket", HISTOGRAM + 'h_bucket{le="+Inf"} -1\n'),
    (K.COUNTER_VALUE, 2, "h_count", HISTOGRAM + "h_count NaN\n"),
    (K.COUNTER_VALUE, 2, "s_count", SUMMARY + "s_count -2\n"),
    (K.BOUND_MISSING, 2, "h_bucket without the label le", HISTOGRAM + "h_bucket 1\n"),
    (K.BOUND_MISSING, 3, "without the label le", HISTOGRAM + 'h_bucket{le="+Inf"} 1\nh_bucket{a="b"} 1\n'),
    (K.BOUND_MISSING, 2, "s without the label quantile", SUMMARY + "s 1\n"),
    (K.BOUND_NOT_A_NUMBER, 2, "le is `fast`", HISTOGRAM + 'h_bucket{le="fast"} 1\n'),
    (K.BOUND_NOT_A_NUMBER, 2, "le is `NaN`", HISTOGRAM + 'h_bucket{a="b",le="NaN"} 1\n'),
    (K.BOUND_NOT_A_NUMBER, 2, "le is ``", HISTOGRAM + 'h_bucket{le=""} 1\n'),
    (K.BOUND_NOT_A_NUMBER, 2, "quantile is `p99`", SUMMARY + 's{quantile="p99"} 1\n'),
    (
        K.BOUND_DUPLICATE,
        3,
        "same number as at line 2",
        HISTOGRAM + 'h_bucket{le="1"} 1\nh_bucket{le="1.0"} 1\n',
    ),
    (K.BOUND_DUPLICATE, 3, "line 2", HISTOGRAM + 'h_bucket{a="b",le="10"} 1\nh_bucket{le="1e1",a="b"} 1\n'),
    (K.NO_FINAL_NEWLINE, 2, "last line", GAUGE + "g 1"),
    (K.CARRIAGE_RETURN, 1, "in 2 of 3 lines", "# TYPE g gauge\r\ng 1\r\n"),
]


@pytest.mark.parametrize(("kind", "line_number", "words", "text"), BAD)
def test_each_deviation_is_seen_where_it_is(kind: ProblemKind, line_number: int, words: str, text: str) -> None:
    found = [problem for problem in parse(text).problems if problem.kind is kind]
    assert [(problem.line_number, words in problem.message) for problem in found] == [(line_number, True)], parse(
        text
    ).problems


def test_every_kind_of_problem_has_a_case() -> None:
    assert {kind for kind, *_ in BAD} | {ProblemKind.NOT_AN_EXPOSITION} == set(ProblemKind)


@pytest.mark.parametrize("text", [text for *_, text in BAD])
def test_lines_around_a_deviation_are_still_read(text: str) -> None:
    newline = "" if text.endswith("\n") else "\n"
    exposition = parse(f"# TYPE before gauge\nbefore 1\n{text}{newline}# TYPE after gauge\nafter 2\n")
    assert (exposition.value("before"), exposition.value("after")) == (1, 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<!DOCTYPE html>\n<html><body>\n<pre>g 1</pre>\ng 1\n</body></html>\n", "HTML"),
        ("\n\n<html>" + "<p>x</p>\n" * 1000, "HTML"),
        (json.dumps({"status": "healthy", "services": {"api": "up"}}), "JSON"),
        (json.dumps({"status": "healthy", "list": list(range(5000))}, indent=1), "JSON"),
        (json.dumps([1, 2, 3]), "JSON"),
        ("Not Found", "not one line"),
        ("upstream connect error\nor disconnect\n" * 5000, "not one line"),
        ("\x00\x01\x02\x1b[31m", "not one line"),
    ],
)
def test_something_else_than_metrics_is_one_problem(text: str, words: str) -> None:
    exposition = parse(text)
    assert [problem.kind for problem in exposition.problems] == [ProblemKind.NOT_AN_EXPOSITION]
    assert exposition.problems_count == 1
    assert words in exposition.problems[0].message
    assert exposition.problems[0].line
    assert exposition.samples_count == 0
    assert not exposition.families


def test_many_problems_are_counted_but_not_all_kept() -> None:
    exposition = parse(GAUGE + "g 1\n" + "g-x 1\n" * 3000)
    assert len(exposition.problems) == PROBLEMS_KEPT
    assert exposition.problems_count == 3000
    assert exposition.value("g") == 1


def test_an_offending_line_is_shown_cut_and_harmless() -> None:
    (problem,) = parse(GAUGE + "g \x1b[31m" + "x" * 500 + "\n").problems
    assert problem.line.startswith("g \\x1b[31mxxx")
    assert problem.line.endswith("...")
    assert len(problem.line) < 130
    assert "\x1b" not in str(problem)
    assert str(problem).startswith("line 2: the value `\\x1b[31m")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        pytest.param("g " + "9" * 300_000, ProblemKind.BAD_VALUE, id="digits"),
        pytest.param("g 1" + " " * 300_000 + "x", ProblemKind.BAD_TIMESTAMP, id="blanks before a timestamp"),
        pytest.param("g{" + " " * 300_000 + "x} 1", ProblemKind.MALFORMED_LINE, id="blanks before a label"),
        pytest.param("g{" + 'a="b",' * 100_000 + "} 1", ProblemKind.DUPLICATE_LABEL, id="many equal labels"),
        pytest.param(
            "g{" + "".join(f'a{n}="b",' for n in range(50_000)) + "!} 1",
            ProblemKind.MALFORMED_LINE,
            id="many labels",
        ),
        pytest.param('g{a="' + "\\\\" * 300_000 + "} 1", ProblemKind.MALFORMED_LINE, id="escapes without an end"),
        pytest.param('g{a="' + '"' * 300_000 + '"} 1', ProblemKind.MALFORMED_LINE, id="quotes"),
        pytest.param("{" * 300_000, ProblemKind.MALFORMED_LINE, id="braces"),
    ],
)
def test_a_hostile_line_costs_time_in_proportion_to_its_length(line: str, kind: ProblemKind) -> None:
    # With a square in the cost these would take minutes to hours.
    assert [problem.kind for problem in parse(f"{GAUGE}{line}\n").problems] == [kind]


def test_families_are_as_the_type_lines_say() -> None:
    exposition = read(
        "# HELP h What\\nit \\\\ is.\n"
        + HISTOGRAM
        + 'h_bucket{le="+Inf",a="b"} 3\nh_count{a="b"} 3\nh_sum{a="b"} 1.5\n'
        + COUNTER
        + "c_total 7 1700000000123\n"
        + "# TYPE idle summary\n"
    )
    assert list(exposition.families) == ["h", "c_total", "idle"]
    family = exposition.families["h"]
    assert (family.name, family.type, family.help) == ("h", "histogram", "What\nit \\ is.")
    assert [sample.name for sample in family.samples] == ["h_bucket", "h_count", "h_sum"]
    assert exposition.families["c_total"].samples[0].timestamp_ms == 1700000000123
    assert exposition.families["c_total"].samples[0].line_number == 7
    assert not exposition.families["idle"].samples
    assert exposition.samples_count == 4
    assert exposition.family_of("h_sum") is family
    assert exposition.family_of("nobody") is None


def test_a_type_is_kept_as_spelled_and_missing_ones_are_untyped() -> None:
    exposition = parse("# TYPE g banana\ng 1\nu 1\n")
    assert {name: family.type for name, family in exposition.families.items()} == {
        "g": "banana",
        "u": "untyped",
    }


def test_samples_before_their_type_end_up_in_its_family() -> None:
    exposition = parse('h_bucket{le="+Inf"} 1\nh_count 1\n' + HISTOGRAM + "h_sum 1\n")
    assert list(exposition.families) == ["h"]
    assert [sample.name for sample in exposition.families["h"].samples] == ["h_bucket", "h_count", "h_sum"]


def test_a_name_with_only_bad_lines_is_no_family() -> None:
    assert list(parse(GAUGE + "g 1\nx{ 1\n").families) == ["g"]


def test_series_are_found_by_name_and_labels() -> None:
    exposition = read(GAUGE + 'g{a="1",b="x\\"y"} 5\ng{b="z",a="2"} NaN\ng{a=""} 7\n')
    assert [sample.value for sample in exposition.series("g")][::2] == [5, 7]
    assert exposition.series("nobody") == ()
    assert exposition.value("g", {"b": 'x"y', "a": "1"}) == 5
    assert math.isnan(exposition.value("g", {"a": "2", "b": "z"}) or 0)
    assert exposition.value("g", {"a": "1"}) is None
    assert exposition.value("nobody") is None
    # No label and an empty one are the same, as in Prometheus.
    assert exposition.value("g") == exposition.value("g", {"c": ""}) == 7
    first = exposition.series("g")[0]
    assert first.labels == {"a": "1", "b": 'x"y'}
    assert first.key == SampleKey("g", (("a", "1"), ("b", 'x"y')))
    assert str(first.key) == 'g{a="1",b="x\\"y"}'
    assert str(SampleKey("g", ())) == "g"
    assert first.label_set == label_set({"b": 'x"y', "a": "1", "c": ""})


def test_of_duplicate_series_the_first_counts_and_all_are_listed() -> None:
    exposition = parse(GAUGE + 'g{a="1",b="2"} 1\ng{b="2",a="1"} 2\ng{a="1",b="2"} 3\n')
    assert exposition.value("g", {"a": "1", "b": "2"}) == 1
    assert [sample.value for sample in exposition.series("g")] == [1, 2, 3]
    assert exposition.samples_count == 3


def test_an_exposition_survives_pickling() -> None:
    exposition = pickle.loads(pickle.dumps(read(GAUGE + 'g{a="b"} 1\n')))  # noqa: S301 - just made
    assert exposition.value("g", {"a": "b"}) == 1


# --- two scrapes ---


def test_a_delta_tells_what_changed_was_born_and_vanished() -> None:
    before = read(COUNTER + 'c_total{a="1"} 5\nc_total{a="2"} 1\nc_total{a="gone"} 9\n' + GAUGE + "g NaN\n")
    after = read(COUNTER + 'c_total{a="1"} 8\nc_total{a="2"} 1\nc_total{a="new"} 2\n' + GAUGE + "g NaN\n")
    difference = delta(before, after)
    assert [(str(change.key), change.difference) for change in difference.changed] == [('c_total{a="1"}', 3)]
    assert [str(sample.key) for sample in difference.born] == ['c_total{a="new"}']
    assert [str(sample.key) for sample in difference.vanished] == ['c_total{a="gone"}']
    assert difference.unchanged_count == 2
    assert difference.moved("c_total") == {(("a", "1"),): 3, (("a", "new"),): 2}
    assert difference.difference("c_total", {"a": "1"}) == 3
    assert difference.difference("c_total", {"a": "2"}) == 0
    assert difference.difference("c_total", {"a": "new"}) == 2
    assert difference.difference("c_total", {"a": "gone"}) is None


def test_a_delta_does_not_care_how_labels_are_spelled() -> None:
    before = read(GAUGE + 'g{a="1",b="2"} 1\ng{a="3",b="4"} 1\n')
    after = read(GAUGE + 'g{ b="2", a="1" } 2\ng{a="3",b="4"} 1\n')
    difference = delta(before, after)
    assert [change.difference for change in difference.changed] == [1]
    assert not difference.born
    assert not difference.vanished
    assert difference.unchanged_count == 1


def test_a_delta_sees_whole_names_come_and_go() -> None:
    difference = delta(read(GAUGE + "g 1\n"), read(COUNTER + "c_total 1\n"))
    assert [sample.name for sample in difference.born] == ["c_total"]
    assert [sample.name for sample in difference.vanished] == ["g"]


FALLING = (
    COUNTER
    + 'c_total {0}\nc_total{{a="b"}} 1\n'
    + HISTOGRAM
    + 'h_bucket{{le="+Inf"}} {0}\nh_count {0}\nh_sum {0}\n'
    + SUMMARY
    + 's{{quantile="0.5"}} {0}\ns_count {0}\ns_sum {0}\n'
    + GAUGE
    + "g {0}\n"
)


def test_everything_that_counts_must_not_fall() -> None:
    found = decreases(read(FALLING.format(5)), read(FALLING.format(4)))
    assert [change.after.name for change in found] == [
        "c_total",
        "h_bucket",
        "h_count",
        "h_sum",
        "s_count",
        "s_sum",
    ]
    assert {change.difference for change in found} == {-1}
    assert decreases(read(FALLING.format(4)), read(FALLING.format(5))) == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("h_sum 5\n", "h_sum -1\n", id="sum now negative"),
        pytest.param("h_sum -1\n", "h_sum -2\n", id="sum always negative"),
        pytest.param('h_bucket{le="-1"} 1\nh_sum 5\n', 'h_bucket{le="-1"} 2\nh_sum 4\n', id="negative bound"),
    ],
)
def test_a_sum_of_negative_observations_may_fall(before: str, after: str) -> None:
    assert decreases(read(HISTOGRAM + before), read(HISTOGRAM + after)) == ()


def test_a_counter_whose_name_ends_in_sum_is_still_a_counter() -> None:
    text = "# TYPE check_sum counter\ncheck_sum {}\n"
    assert len(decreases(read(text.format(5)), read(text.format(4)))) == 1


PROCESS = """
import sys
from prometheus_client import Counter, Gauge, generate_latest
Counter("work", "Work.").inc()
by_kind = Counter("kind", "By kind.", ["kind"])
jobs = Gauge("jobs_created", "A gauge that only sounds like a time of creation.")
sys.stdout.write(generate_latest().decode() + "==\\n")
Counter("late", "Registered later.").inc()
by_kind.labels("new").inc()
jobs.set(7)
sys.stdout.write(generate_latest().decode())
"""


def two_scrapes_of_a_new_process() -> list[Exposition]:
    answer = subprocess.run([sys.executable, "-c", PROCESS], capture_output=True, text=True, check=True, timeout=60)
    return [read(text) for text in answer.stdout.split("==\n")]


def test_identity_is_the_same_for_one_process_and_different_for_another() -> None:
    first, second = two_scrapes_of_a_new_process()
    other, _ = two_scrapes_of_a_new_process()
    assert identity(first) is not None
    assert identity(first) == identity(second)
    assert identity(first) != identity(other)
    assert delta(first, second).born


def test_identity_needs_something_to_go_by() -> None:
    assert identity(read(GAUGE + "g 1\n")) is None
    assert identity(read("# TYPE jobs_created gauge\njobs_created 5\n")) is None
    assert identity(read("# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds NaN\n")) is None
    started = identity(read("# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 5\n"))
    assert started is not None
    assert (started.started_at, started.first_created_at) == (5, None)


# --- properties ---

text_values = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.text('\\"\n{}=, #\r\t', max_size=8)
numbers = st.floats() | st.integers(-(10**6), 10**6).map(float)
amounts = st.floats(0, 1e12) | st.integers(0, 1000).map(float)
label_names = st.lists(st.sampled_from(["a", "provider", "_x", "Z9"]), unique=True, max_size=3)


@st.composite
def registries(draw: st.DrawFn) -> tuple[CollectorRegistry, dict[str, str]]:
    """Make a registry of the client library with arbitrary contents, and the help text of each metric."""
    registry = CollectorRegistry()
    helps = {}
    for index in range(draw(st.integers(0, 4))):
        name, kind = f"metric{index}", draw(st.sampled_from([Counter, Gauge, Histogram, Summary]))
        # A carriage return at the end of a HELP text is one at the end of a line, which is a problem.
        text = draw(text_values).replace("\r", "")
        labels = draw(label_names)
        metric = kind(name, text, labels, registry=registry)
        helps[f"{name}_total" if kind is Counter else name] = text.strip(" \t")
        children = draw(st.lists(st.tuples(*[text_values] * len(labels)), max_size=3, unique=True))
        for values in children if labels else [()]:
            child = metric.labels(*values) if labels else metric
            if isinstance(child, Counter):
                child.inc(draw(amounts))
            elif isinstance(child, Gauge):
                child.set(draw(numbers))
            else:
                for amount in draw(st.lists(amounts, max_size=4)):
                    child.observe(amount)
    return registry, helps


def comparable(value: float) -> float | str:
    return "NaN" if math.isnan(value) else value


@thorough
@given(registries())
def test_what_the_client_library_exposes_is_read_as_its_own_parser_reads_it(
    made: tuple[CollectorRegistry, dict[str, str]],
) -> None:
    registry, helps = made
    text = generate_latest(registry).decode()
    exposition = read(text)
    ours = [
        (sample.name, sample.labels, comparable(sample.value), sample.timestamp_ms)
        for family in exposition.families.values()
        for sample in family.samples
    ]
    theirs = [
        (sample.name, sample.labels, comparable(sample.value), sample.timestamp)
        for metric in text_string_to_metric_families(text)
        for sample in metric.samples
    ]
    assert ours == theirs
    assert exposition.samples_count == len(theirs)
    assert {name: exposition.families[name].help for name in helps} == helps
    for family in exposition.families.values():
        for sample in family.samples:
            assert exposition.sample(sample.name, sample.labels) is sample
    difference = delta(exposition, parse(text))
    assert difference.unchanged_count == len(theirs)
    assert (difference.changed, difference.born, difference.vanished) == ((), (), ())


mutations: st.SearchStrategy[Callable[[str], str]] = st.one_of(
    st.tuples(st.floats(0, 1), st.text(max_size=4) | st.sampled_from(list('{}"\\\n#=, 1'))).map(
        lambda drawn: lambda text: text[: int(drawn[0] * len(text))] + drawn[1] + text[int(drawn[0] * len(text)) :]
    ),
    st.tuples(st.floats(0, 1), st.integers(1, 30)).map(
        lambda drawn: lambda text: text[: int(drawn[0] * len(text))] + text[int(drawn[0] * len(text)) + drawn[1] :]
    ),
    st.randoms(use_true_random=False).map(lambda dice: lambda text: shuffled(text, dice.random)),
)


def shuffled(text: str, dice: Callable[[], float]) -> str:
    return "\n".join(sorted(text.split("\n"), key=lambda _line: dice()))


def examine(exposition: Exposition) -> None:
    """Use everything that an exposition offers."""
    assert exposition.problems_count >= len(exposition.problems)
    assert exposition.samples_count == sum(len(family.samples) for family in exposition.families.values())
    for family in exposition.families.values():
        for sample in family.samples:
            assert exposition.sample(sample.name, sample.labels) is not None
            assert sample in exposition.series(sample.name)
    for problem in exposition.problems:
        assert str(problem).isprintable()
        assert problem.line_number >= 1
    identity(exposition)


@thorough
@given(registries(), st.lists(mutations, min_size=1, max_size=6))
def test_a_damaged_exposition_is_read_without_raising(
    made: tuple[CollectorRegistry, dict[str, str]], damage: list[Callable[[str], str]]
) -> None:
    text = whole = generate_latest(made[0]).decode() or GAUGE
    for harm in damage:
        text = harm(text)
    exposition = parse(text)
    examine(exposition)
    delta(parse(whole), exposition)
    decreases(parse(whole), exposition)


@thorough
@given(st.text() | st.text('ab{}"\\=,# \n\t1.eNInf+-_\r', max_size=60))
def test_no_text_makes_it_raise(text: str) -> None:
    examine(parse(text))


@thorough
@given(st.dictionaries(st.sampled_from("abcd"), text_values, min_size=1), st.randoms(use_true_random=False))
def test_the_order_of_labels_does_not_hide_a_duplicate(labels: dict[str, str], dice: object) -> None:
    registry = CollectorRegistry()
    Gauge("g", "G.", sorted(labels), registry=registry).labels(**labels).set(1)
    line = generate_latest(registry).decode().split("\n", 2)[2]
    # Of the same labels in another order, with what the client library writes for each of them.
    pairs = []
    for name, value in sorted(labels.items(), reverse=True):
        single = CollectorRegistry()
        Gauge("g", "G.", [name], registry=single).labels(value).set(1)
        written = generate_latest(single).decode().split("\n", 2)[2]
        pairs.append(written[2 : written.rindex("}")])
    exposition = parse(f"{GAUGE}{line}g{{ {' , '.join(pairs)} }} 2\n")
    assert [problem.kind for problem in exposition.problems] == [ProblemKind.DUPLICATE_SERIES]


@thorough
@given(st.floats() | st.integers().map(float))
def test_numbers_are_read_to_the_last_bit(number: float) -> None:
    parsed = parse_number(repr(number))
    assert parsed is not None
    assert comparable(parsed) == comparable(number)


@thorough
@given(st.text("0123456789.eE+-naifNAIFty_x ٣", max_size=8))
def test_what_is_not_a_number_for_python_is_none_here_either(text: str) -> None:
    try:
        expected: float | None = float(text)
    except ValueError:
        expected = None
    parsed = parse_number(text)
    if parsed is not None:
        assert expected is not None
        assert comparable(parsed) == comparable(expected)
    elif expected is not None:
        # Python takes more: blanks, underscores, other scripts, a sign before NaN, and what overflows.
        assert set(text) & set("_ ٣") or math.isnan(expected) or math.isinf(expected)
