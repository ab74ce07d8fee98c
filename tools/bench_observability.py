"""What judging the rules, alerts and dashboards of a large stack costs: `make bench` prints the table.

Runs a lab of its own, loads more and more synthetic rules into its Prometheus, and runs the areas of observability
against it.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lab.configuration import GRAFANA, dumped
from lab.ports import free_offset
from lab.supervisor import Lab
from selfcheck.waiting import NotYet, wait_until
from tools.bench import Measured, measure

AREAS = "prometheus or queries or alerts or rehearsal or routing or scraping or dashboards"
SIZES = (
    (0, 0, "the lab's own (60 rules, 55 panel queries)", "10 s"),
    (120, 145, "120 rules and 145 panel queries more", "10 s"),
    (1000, 145, "1,000 rules and 145 panel queries more", "60 s"),
)
_FILE = "rules/zz_bench.yml"
_BOARD = f"{GRAFANA}/dashboards/zz_bench.json"
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


def board(count: int) -> dict[str, Any]:
    """Give a dashboard with so many queries, each in a panel of its own."""
    panels = [
        {
            "id": number,
            "type": "timeseries",
            "title": f"Requests {number}",
            "gridPos": {"x": 0, "y": number, "w": 24, "h": 1},
            "datasource": {"type": "prometheus", "uid": "prometheus"},
            "targets": [
                {
                    "refId": "A",
                    "expr": f"sum by (provider) (rate(ocr_requests_total[{60 + number}s]))",
                    "datasource": {"type": "prometheus", "uid": "prometheus"},
                }
            ],
        }
        for number in range(1, count + 1)
    ]
    return {"uid": "bench", "title": "Bench", "panels": panels, "schemaVersion": 39, "templating": {"list": []}}


def load(lab: Lab, rules: int, queries: int) -> None:
    """Have the lab load so many rules and panel queries more, and wait until each rule was evaluated."""
    lab.write_configuration(_FILE, dumped(synthetic(rules)))
    lab.write_configuration(_BOARD, json.dumps(board(queries)))
    lab.reload_prometheus()
    lab.reload_grafana()

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
            for rules, queries, what, limit in SIZES:
                load(lab, rules, queries)
                measured = [measure(["-m", AREAS], lab.environment()) for _ in range(runs)]
                table.add_row(*_row(what, measured, limit))
                for run in measured:
                    console.print(*_red(run), sep="")
        finally:
            lab.down()
    console.print(table)


def _red(run: Measured) -> list[str]:
    """Say what a run found: on a healthy lab, nothing."""
    return [
        f"{found['id']} is {found['outcome']}: {found['observed']}\n"
        for found in run.verdict.get("results", ())
        if found["outcome"] in ("FAIL", "INCONCLUSIVE")
    ]


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
