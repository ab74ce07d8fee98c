"""Measure the exposition reader: `python -m tools.bench_exposition [SERIES]`.

Prints how long a scrape of that many series (100,000 by default) takes to read here and with
`prometheus_client`, the ratio, and what comparing and judging it costs. Each figure is the best of three.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from selfcheck.exposition import decreases, delta, identity, parse
from selfcheck.histogram import judge_histogram

if TYPE_CHECKING:
    from collections.abc import Callable

SERIES_DEFAULT = 100_000
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf")
FAMILY = "ocr_processing_duration_seconds"


def scrape(series_count: int) -> str:
    """Make a scrape of about so many series: three in four of one histogram, the rest of a counter."""
    lines = [f"# HELP {FAMILY} Time.", f"# TYPE {FAMILY} histogram"]
    histogram_count = series_count * 3 // 4 // (len(BOUNDS) + 2)
    for index in range(histogram_count):
        labels = f'provider="provider-{index}",stage="infer"'
        lines.extend(
            f'{FAMILY}_bucket{{le="{bound}",{labels}}} {float(index % 50 + position)}'
            for position, bound in enumerate(BOUNDS)
        )
        lines.append(f"{FAMILY}_count{{{labels}}} {float(index % 50 + len(BOUNDS) - 1)}")
        lines.append(f"{FAMILY}_sum{{{labels}}} {(index % 50) * 0.004 + 12.1234567}")
    lines.extend(("# HELP ocr_requests_total Requests.", "# TYPE ocr_requests_total counter"))
    lines.extend(
        f'ocr_requests_total{{provider="paddle",request="r-{index}",status="success"}} {index * 1.5}'
        for index in range(series_count - histogram_count * (len(BOUNDS) + 2))
    )
    return "\n".join(lines) + "\n"


def best_seconds(work: Callable[[], object], rounds: int = 3) -> float:
    """Seconds of the fastest of some rounds."""
    taken = []
    for _ in range(rounds):
        gc.collect()
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


def main() -> int:
    """Print the table."""
    series_count = int(sys.argv[1]) if len(sys.argv) > 1 else SERIES_DEFAULT
    text = scrape(series_count)
    read = parse(text)
    again = parse(text)
    ours = best_seconds(lambda: parse(text))
    theirs = best_seconds(lambda: list(text_string_to_metric_families(text)))
    rows = (
        ("selfcheck.exposition.parse", ours),
        ("prometheus_client.parser", theirs),
        ("delta of two scrapes", best_seconds(lambda: delta(read, again))),
        ("decreases of two scrapes", best_seconds(lambda: decreases(read, again))),
        ("identity", best_seconds(lambda: identity(read))),
        ("judge_histogram", best_seconds(lambda: judge_histogram(read.families[FAMILY]))),
        ("series of one name", best_seconds(lambda: read.series(f"{FAMILY}_bucket"))),
        (
            "labels of every sample",
            best_seconds(lambda: [s.labels for f in read.families.values() for s in f.samples]),
        ),
    )
    print(f"{read.samples_count} series, {len(text) / 1e6:.1f} MB, {read.problems_count} problems")
    for label, seconds in rows:
        print(f"{label:32} {seconds:8.3f} s")
    print(f"{'ratio':32} {theirs / ours:8.1f} x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
