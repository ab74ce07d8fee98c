"""Runs the gate as its callers do: a process of its own, a clean environment, a deadline, all it leaves read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from selfcheck.plugin import GATE
from tests.gate.contracts import core_contract

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent.parent
PEAK_BYTES_MAX = 250_000_000


@dataclass(frozen=True, slots=True)
class Ran:
    """One finished run of the gate: how it ended, what it printed, and the folder with its reports."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    peak_bytes: int
    cpu_seconds: float
    output: Path
    secrets: tuple[str, ...] = field(repr=False, default=())

    @property
    def text(self) -> str:
        """All that was printed, as one line, so that a sentence is found wherever it was wrapped."""
        return " ".join((self.stdout + self.stderr).split())

    @property
    def verdict(self) -> dict[str, Any]:
        """The content of `verdict.json`."""
        data: dict[str, Any] = json.loads((self.output / "verdict.json").read_text(encoding="utf-8"))
        return data

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """The results of `verdict.json` by promise."""
        return {item["id"]: item for item in self.verdict["results"]}

    def ids(self, outcome: str, *, blocked: bool = False) -> list[str]:
        """The promises with an outcome; blocked ones only when asked for."""
        return [
            id_
            for id_, item in self.results.items()
            if item["outcome"] == outcome and blocked == bool(item["blocked_by"])
        ]

    def blocked_by(self) -> set[str]:
        """What kept checks from looking."""
        return {item["blocked_by"] for item in self.results.values()} - {""}


class Gate:
    """A gate under way."""

    def __init__(
        self,
        folder: Path,
        output: Path,
        arguments: tuple[str, ...],
        settings: Mapping[str, str],
        cwd: Path,
        checks: str,
    ) -> None:
        self.output = output
        self.secrets = tuple(
            value for name, value in settings.items() if name.endswith(("API_KEY", "ADMIN_TOKEN")) and len(value) > 7
        )
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "SELF_CHECK_OUTPUT": str(output),
            "COLUMNS": "100",
            "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
            **settings,
        }
        command = [sys.executable, "-m", "pytest", str(ROOT / checks), "-p", "no:cacheprovider", *arguments]
        with (self._folder / "stdout").open("wb") as stdout, (self._folder / "stderr").open("wb") as stderr:
            self.process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=stdout, stderr=stderr)
        self._started = time.monotonic()
        self._peak_bytes = 0
        self._cpu_seconds = 0.0

    def wait(self, timeout_seconds: float) -> Ran:
        """Wait for the end; a run that takes longer is killed, and the test fails."""
        ends_at = time.monotonic() + timeout_seconds
        while True:
            # Read while the process lives: the peak that the kernel gives afterwards may be that of the process which
            # started it.
            self._look_at_its_cost()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)
                break
            if time.monotonic() > ends_at:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"still running after {timeout_seconds:g} s:\n{self._printed('stdout')}")
        return Ran(
            self.process.returncode,
            self._printed("stdout"),
            self._printed("stderr"),
            time.monotonic() - self._started,
            self._peak_bytes,
            self._cpu_seconds,
            self.output,
            self.secrets,
        )

    def _look_at_its_cost(self) -> None:
        with suppress(OSError, ValueError, IndexError):  # no /proc here, or the process has just ended
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
            self._peak_bytes = max(self._peak_bytes, int(status.partition("VmHWM:")[2].split()[0]) * 1024)
            times = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            self._cpu_seconds = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")

    def _printed(self, name: str) -> str:
        return (self._folder / name).read_bytes().decode("utf-8", errors="backslashreplace")


def run(
    folder: Path,
    *arguments: str,
    timeout_seconds: float = 30.0,
    strict: bool = True,
    cwd: Path = ROOT,
    output: Path | None = None,
    settings: Mapping[str, str] | None = None,
    whole: bool = False,
    checks: str = GATE,
) -> Ran:
    """Run the gate to its end and look at what every run owes, whatever its target does.

    Unless it is to be `whole`, or `settings` name another contract, it has the areas that the fake platform serves.
    `settings` are variables of the environment; those in lower case get the prefix. `folder` takes what is printed
    and, unless `output` says otherwise, the reports. `checks` is the folder of live checks.
    """
    ran = start(
        folder, *arguments, strict=strict, cwd=cwd, output=output, settings=settings, whole=whole, checks=checks
    ).wait(timeout_seconds)
    owes_nothing(ran)
    return ran


def start(
    folder: Path,
    *arguments: str,
    strict: bool = True,
    cwd: Path = ROOT,
    output: Path | None = None,
    settings: Mapping[str, str] | None = None,
    whole: bool = False,
    checks: str = GATE,
) -> Gate:
    """Start the gate; see `run`."""
    named = {
        name if name.isupper() else f"SELF_CHECK_{name.upper()}": value for name, value in (settings or {}).items()
    }
    if strict:
        named["SELF_CHECK_STRICT"] = "1"
    if not whole and "SELF_CHECK_CONTRACT" not in named:
        named["SELF_CHECK_CONTRACT"] = str(core_contract(folder / "core"))
    return Gate(folder, output or folder / "output", arguments, named, cwd, checks)


def owes_nothing(ran: Ran) -> None:
    """Every run stays within its memory, shows no trace and no secret, and sends no control character to a terminal."""
    assert ran.peak_bytes < PEAK_BYTES_MAX, f"took {ran.peak_bytes:,} bytes"
    assert "Traceback" not in ran.stdout + ran.stderr, ran.stdout + ran.stderr
    assert "INTERNALERROR" not in ran.stdout + ran.stderr, ran.stdout
    bad = {character for character in ran.stdout + ran.stderr if not character.isprintable()} - {"\n"}
    assert not bad, f"control characters were printed: {bad!r}"
    texts = {"what was printed": ran.stdout + ran.stderr}
    if ran.output.is_dir():
        texts |= {
            str(path): path.read_bytes().decode("utf-8", "replace") for path in ran.output.rglob("*") if path.is_file()
        }
    for place, text in texts.items():
        assert not any(secret in text for secret in ran.secrets), f"a secret stands in {place}"


def reports_agree(ran: Ran) -> None:
    """`verdict.json` and `junit.xml` are whole, and say what the exit code says."""
    verdict = ran.verdict
    assert verdict["schema_version"] == 1
    assert verdict["exit_code"] == ran.code
    root = ET.parse(ran.output / "junit.xml").getroot()  # noqa: S314 - written by ourselves
    suite = root.find("testsuite")
    assert suite is not None
    codes = {found.get("name"): found.get("value") for found in suite.iter("property")}
    assert codes["exit_code"] == str(ran.code)
    if ran.code == 1:
        assert int(suite.get("failures", "0")) > 0
    if ran.code == 0:
        assert int(suite.get("failures", "0")) == 0
