"""Runs one experiment on a lab as its callers do, and looks whether anything is left of it."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from selfcheck.waiting import NotYet, wait_until
from tests.gate import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.supervisor import Lab

EXPERIMENT = "provider_down_deepseek_hf"
EXIT_REFUSED = 11
CLEAN_SECONDS = 10.0
FAULT_SECONDS = 150.0
"""Guard, steady state, the start of the load and the quiet time before the fault, on a busy machine."""


def settings_of(lab: Lab, folder: Path, **also: str) -> dict[str, str]:
    own = {"CHAOS_CONSENT": "local", "SELF_CHECK_CHAOS_LEDGER": str(folder / "ledger")}
    return {name: value for name, value in {**lab.environment(), **own, **also}.items() if value}


def run(lab: Lab, folder: Path, *arguments: str, **also: str) -> running.Ran:
    """Do the experiment, with some settings changed; an empty one is left out."""
    return running.run(
        folder / "run",
        f"--promise=chaos.{EXPERIMENT}.*",
        *arguments,
        timeout_seconds=240.0,
        settings=settings_of(lab, folder, **also),
        whole=True,
        checks="chaos",
    )


def toxiproxy(lab: Lab, method: str, path: str, body: object = None) -> object:
    answer = httpx.request(method, f"{lab.ports.url('toxiproxy')}{path}", json=body, timeout=5.0, trust_env=False)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


def changed_proxies(lab: Lab) -> list[str]:
    """What is not as in a healthy lab."""
    proxies = toxiproxy(lab, "GET", "/proxies")
    assert isinstance(proxies, dict)
    return [name for name, proxy in proxies.items() if not proxy["enabled"] or proxy["toxics"]]


def reapers(folder: Path) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if "chaos.reaper" in process.cmdline() and str(folder / "ledger") in process.cmdline():
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def await_clean(lab: Lab, folder: Path) -> None:
    """Wait until no fault, no record and no reaper is left."""

    def clean() -> bool:
        left = [*changed_proxies(lab), *(path.name for path in (folder / "ledger").glob("*.json"))]
        if left or reapers(folder):
            message = f"left: {left}, reapers: {reapers(folder)}"
            raise NotYet(message)
        return True

    wait_until(clean, timeout_seconds=CLEAN_SECONDS, what="nothing to be left of the fault")


@contextmanager
def faulted(lab: Lab, folder: Path, **also: str) -> Iterator[running.Gate]:
    """Give a run whose fault is there; it is over when the block ends."""
    gate = running.start(
        folder / "first",
        f"--promise=chaos.{EXPERIMENT}.*",
        settings=settings_of(lab, folder, **also),
        whole=True,
        checks="chaos",
    )
    try:
        wait_until(
            lambda: changed_proxies(lab) == ["deepseek_hf"] or gate.process.poll() is not None,
            timeout_seconds=FAULT_SECONDS,
            what="the fault to be made",
        )
        if gate.process.poll() is not None:
            pytest.fail(f"it ended before the fault was made:\n{gate.wait(1.0).stdout}")
        yield gate
    finally:
        if gate.process.poll() is None:
            gate.process.send_signal(signal.SIGINT)
        gate.wait(120.0)
