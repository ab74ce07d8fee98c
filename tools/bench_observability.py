"""What judging the rules, alerts and dashboards of a large stack costs: `make bench` prints the table.

Runs a lab of its own, loads more and more synthetic rules into its Prometheus, and runs the areas of observability
against it.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lab.configuration import dumped
from lab.ports import free_offset
from lab.supervisor import Lab
from selfcheck.waiting import NotYet, wait_until
from tools.bench import Measured, measure

AREAS = "prometheus or queries or alerts or rehearsal or routing or scraping or dashboards"
SIZES = ((0, "the lab's own rules"), (120, "120 more rules"), (1000, "1,000 more rules"))
_FILE = "rules/zz_bench.yml"
_STATUSES = ("success", "error", "timeout", "input_error")
_GROUP_SIZE = 20


def synthetic(count: int) -> dict[str, Any]:
    """Give rule groups: half of the rules record something, the other half alert on it. None of them can be shared."""
    rules: list[dict[str, Any]] = []
    for number in range(count // 2):
        name = f"bench:requests_{number}:rate"
        status = _STATUSES[number % len(_STATUSES)]
        rules.append(
            {
                "record": name,
                "expr": f'(sum by (provider) (rate(ocr_requests_total{{status!="{status}"}}[{30 + number}s])))',
            }
        )
        rules.append(
            {
                "alert": f"BenchRequests{number}",
                "expr": f"sum by (provider) ({name}) > {1000 + number}",
                "for": "20s",
                "labels": {"severity": "warning", "owner": "platform", "subject": f"bench-{number}"},
                "annotations": {
                    "summary": "More requests at {{ $labels.provider }} than any machine serves",
                    "description": "{{ $value | humanize }} requests a second.",
                    "runbook_url": "docs/runbooks/high_error_rate.md",
                },
            }
        )
    groups = [rules[start : start + _GROUP_SIZE] for start in range(0, len(rules), _GROUP_SIZE)]
    return {
        "groups": [
            {"name": f"bench-{number}", "interval": "5s", "rules": members} for number, members in enumerate(groups)
        ]
    }


def load(lab: Lab, count: int) -> None:
    """Have the lab's Prometheus load so many rules more, and wait until each was evaluated."""
    lab.write_configuration(_FILE, dumped(synthetic(count)))
    lab.reload_prometheus()

    def evaluated() -> bool:
        groups = lab.prometheus("/api/v1/rules")["data"]["groups"]
        waiting = [rule["name"] for group in groups for rule in group["rules"] if rule["health"] == "unknown"]
        if waiting:
            raise NotYet(f"{len(waiting)} rules were not evaluated yet")
        return True

    wait_until(evaluated, timeout_seconds=120, what="every rule to be evaluated", interval_seconds=0.5)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="repetitions of each measurement")
    runs = parser.parse_args().runs
    console = Console()
    table = Table(title=f"The areas of observability ({runs} runs each: median, slowest)")
    for column in ("stack", "exit code", "measured", "at most", "peak memory"):
        table.add_column(column)
    with tempfile.TemporaryDirectory(prefix="bench-lab-") as folder:
        lab = Lab(Path(folder) / "lab", port_offset=free_offset())
        console.print("starting a lab ...")
        try:
            lab.up()
            for count, what in SIZES:
                load(lab, count)
                measured = [measure(["-m", AREAS], lab.environment()) for _ in range(runs)]
                table.add_row(*_row(what, measured, "10 s" if count < 1000 else "60 s"))
        finally:
            lab.down()
    console.print(table)


def _row(what: str, runs: list[Measured], limit: str) -> tuple[str, ...]:
    return (
        what,
        ", ".join(sorted({str(run.code) for run in runs})),
        f"{statistics.median(run.seconds for run in runs):.2f} s, {max(run.seconds for run in runs):.2f} s",
        limit,
        f"{max(run.peak_bytes for run in runs) / 1e6:.0f} MB",
    )


if __name__ == "__main__":
    main()
