"""Reading a few families out of a large page does not change who is said to have answered."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, Summary, generate_latest

from selfcheck.exposition import identity, parse
from selfcheck.replicas import _only

repeatable = settings(derandomize=True, database=None, deadline=None, max_examples=50)
NAMES = ("ocr_requests_total", "ocr_seconds_sum", "ocr_seconds_count")


def exposed() -> str:
    """Make a page as the official client library does."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    Gauge("a_created", "a gauge that is only named so", registry=registry).set(1)
    for provider in ("paddle", 'odd"} 1\nname'):
        counter = Counter("ocr_requests", "requests", ["provider"], registry=None)
        counter.labels(provider).inc(2)
    requests = Counter("ocr_requests", "requests", ["provider"], registry=registry)
    for provider in ("paddle", 'odd"} 1\nname'):
        requests.labels(provider).inc(2)
    Counter("ocr_rate_limited", "limited", registry=registry)
    Histogram("ocr_seconds", "seconds", registry=registry).observe(1)
    Summary("ocr_bytes", "bytes", registry=registry).observe(1)
    return generate_latest(registry).decode()


@pytest.mark.parametrize("names", [NAMES, NAMES[:1], ("none_of_these",)])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_cut_keeps_the_identity_and_the_samples(names: tuple[str, ...], ending: str) -> None:
    text = exposed().replace("\n", ending)
    whole, cut = parse(text), parse(_only(text, names))
    assert identity(whole) is not None
    assert identity(cut) == identity(whole)
    for name in names:
        assert [(s.label_set, s.value) for s in cut.series(name)] == [
            (s.label_set, s.value) for s in whole.series(name)
        ]
    assert len(_only(text, names)) < len(text)


@pytest.mark.parametrize(
    "line",
    [
        "process_start_time_seconds 1.5e9",
        "process_start_time_seconds\t1.5e9",
        "process_start_time_seconds{} 1.5e9",
        "# TYPE c_total counter\nc_created 1.5e9",
        "# TYPE c_total counter\nc_created{} 1.5e9",
        "#  TYPE c_total counter\nc_created 1.5e9",
        "# TYPE ns:c_total counter\nns:c_created 1.5e9",
        'c_created{a="b"} 1.5e9',
        "nothing 1",
    ],
)
@pytest.mark.parametrize("ending", ["\n", ""])
def test_odd_lines_tell_the_same_identity(line: str, ending: str) -> None:
    text = f"# TYPE x counter\nx_total 1\n{line}{ending}"
    assert identity(parse(_only(text, NAMES))) == identity(parse(text))


@repeatable
@given(st.lists(st.sampled_from(exposed().splitlines()), max_size=30))
def test_any_part_of_a_page_tells_the_same_identity(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    assert identity(parse(_only(text, NAMES))) == identity(parse(text))
