"""Runs Prometheus' own `promtool`: tests of rules, and its checks of files.

It is a program of this machine, not a server: it gets a folder of its own, a time, a bounded output and no variables of
ours, and it does not outlive the call. It yields to everything else on this machine: others measure meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.waiting import GaveUp, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import BinaryIO

    from selfcheck.clients.prometheus import Labels

_OUTPUT_BYTES_MAX: Final = 32 * 1024 * 1024
_NICENESS: Final = 10
_NEVER: Final = [{"labels": "never_there", "value": 0}]
"""What no query gives: promtool shows what a query gave only where something else was expected."""

_FILE: Final = re.compile(r"^Unit Testing: +(.+)$", re.MULTILINE)
_EXPRESSION: Final = re.compile(r"^    expr: \"[^\n]*# (\d+)\", time: [^\n]*?, *(?:err: ([^\n]*))?$", re.MULTILINE)
_ALERT: Final = re.compile(r"^    alertname: ([^\n]*), time: ", re.MULTILINE)
_GOT: Final = re.compile(r"^        got: ?(.*)$", re.MULTILINE)
_SAMPLE: Final = re.compile(r"\{((?:[^\"{}]|\"(?:\\.|[^\"\\])*\")*)\} (\S+?)(?=, \{|$)")
_LABEL: Final = re.compile(r"\"?([^\s\",={}]+)\"?=(\"(?:\\.|[^\"\\])*\")")
_RULE_ERROR: Final = re.compile(r"^ *rule: ([^\n]*), time: ([^,\n]*), err: ([^\n]*)$", re.MULTILINE)
_ANNOTATIONS: Final = re.compile(r"^ *Labels:(\{.*\})\n *Annotations:(\{.*\})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Given:
    """One value that a query gave."""

    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Shown:
    """An alert as it would be sent: its labels and annotations, templates filled in."""

    labels: Labels
    annotations: Labels


@dataclass(frozen=True, slots=True)
class Tested:
    """What promtool said of one test file.

    `values` are those of each query by its number, or why it could not be evaluated; `alerts` are the firing ones that
    were asked for. `refused` is what it said when it could not run the file, `rule_errors` names the rules (and the
    reason) at which it gave up.
    """

    values: Mapping[int, tuple[Given, ...] | str] = field(default_factory=dict)
    alerts: tuple[Shown, ...] = ()
    refused: str = ""
    rule_errors: Mapping[str, str] = field(default_factory=dict)


def expression_test(number: int, expression: str, at: str) -> dict[str, object]:
    """Ask for the values of an expression at a moment of a test; `Tested.values` has them under the number."""
    # What is asked is shown again with its comment, so an answer names its question.
    return {"expr": f"{expression.rstrip()} # {number}", "eval_time": at, "exp_samples": _NEVER}


def alert_test(name: str, at: str) -> dict[str, object]:
    """Ask for the alerts of a name that fire at a moment of a test."""
    return {"alertname": name, "eval_time": at, "exp_alerts": []}


class Promtool:
    """One promtool; when `stopping` is set, what runs of it is ended, and nothing more is begun."""

    def __init__(self, path: str, stopping: threading.Event | None = None) -> None:
        self.path = path
        self.stopping = stopping or threading.Event()

    @classmethod
    def found(cls, named: str | None, stopping: threading.Event | None = None) -> Promtool | None:
        """Give the one that a setting names, else the one of the search path; None where there is none."""
        path = shutil.which(named or "promtool")
        return None if path is None else cls(path, stopping)

    def test(self, files: Sequence[Path], *, timeout_seconds: float) -> list[Tested]:
        """Run test files, in as many processes as there are processors; raises CouldNotObserve when time is up.

        Rule files are named relative to the test file.
        """
        workers = max(1, min(len(files), os.cpu_count() or 1))
        commands = [[self.path, "test", "rules", *map(str, files[number::workers])] for number in range(workers)]
        outputs = outputs_of(commands, timeout_seconds, self.stopping)
        tested = {path: found for _, output in outputs for path, found in read_tests(output).items()}
        nothing = Tested(refused=next((output.strip() for _, output in outputs if output.strip()), "it said nothing"))
        return [tested.get(str(path), nothing) for path in files]

    def check(self, what: str, files: Sequence[Path], *, timeout_seconds: float) -> tuple[bool, str]:
        """Check files: `what` is `rules` or `config`. Gives whether they are right, and what it said."""
        [(code, output)] = outputs_of([[self.path, "check", what, *map(str, files)]], timeout_seconds, self.stopping)
        return code == 0, output.strip()


def outputs_of(
    commands: Sequence[Sequence[str]], timeout_seconds: float, stopping: threading.Event | None = None
) -> list[tuple[int, str]]:
    """Run programs at the same time; gives exit code and output of each. Raises CouldNotObserve.

    None of them is left running, also when this is interrupted, or stopped by another thread.
    """
    stopping = stopping or threading.Event()
    ends_at = time.monotonic() + timeout_seconds
    running: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory(prefix="self-check-") as folder, contextlib.ExitStack() as stack:
        stack.callback(_end, running)
        files = []
        for number, command in enumerate(commands):
            file = stack.enter_context((Path(folder) / f"{number}.output").open("w+b"))
            files.append(file)
            running.append(_started(command, file, folder))
        return [_ended(process, file, ends_at, stopping) for process, file in zip(running, files, strict=True)]


def _started(command: Sequence[str], file: BinaryIO, folder: str) -> subprocess.Popen[bytes]:
    try:
        # Both streams into one file: which file a complaint is about is told by the order alone.
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={"PATH": os.defpath, "TMPDIR": folder, "HOME": folder, "GOGC": "400"},
        )
    except OSError as error:
        raise CouldNotObserve(
            Trouble.UNEXPECTED_ANSWER,
            asked=command[0],
            came_back=f"it cannot be run: {error.strerror or error}",
            hint="name the program with SELF_CHECK_PROMTOOL",
        ) from error
    with contextlib.suppress(OSError):  # it has ended already
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
    return process


def _ended(
    process: subprocess.Popen[bytes], file: BinaryIO, ends_at: float, stopping: threading.Event
) -> tuple[int, str]:
    try:
        wait_until(
            lambda: process.poll() is not None or stopping.is_set(),
            timeout_seconds=max(0.0, ends_at - time.monotonic()),
            what="promtool",
            interval_seconds=0.02,
        )
    except GaveUp:
        raise CouldNotObserve(
            Trouble.TIMED_OUT,
            asked="promtool",
            came_back="it did not end in the time that the run has left",
            hint="give the run more time with SELF_CHECK_DEADLINE",
        ) from None
    code = process.poll()
    if code is None:
        raise CouldNotObserve(Trouble.DEADLINE, asked="promtool", came_back="the run was ended before it", hint="")
    file.seek(0)
    return code, file.read(_OUTPUT_BYTES_MAX).decode("utf-8", "replace")


def _end(running: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait()


def read_tests(output: str) -> dict[str, Tested]:
    """Read what `promtool test rules` said, by test file."""
    parts = _FILE.split(output)
    return {path.strip(): _tested(text) for path, text in zip(parts[1::2], parts[2::2], strict=True)}


def _tested(text: str) -> Tested:
    errors = {name: reason for name, _, reason in _RULE_ERROR.findall(text)}
    values: dict[int, tuple[Given, ...] | str] = {}
    for found, part in _parts(_EXPRESSION, text):
        got = _GOT.search(part)
        values[int(found[1])] = found[2] or (tuple(_samples(got[1])) if got else "promtool did not show what it gave")
    alerts = tuple(
        Shown(_labels(labels), _labels(annotations))
        for _, part in _parts(_ALERT, text)
        for labels, annotations in _ANNOTATIONS.findall(part)
    )
    refused = "" if values or errors else text.replace("FAILED:", "").strip()
    return Tested(values, alerts, refused, errors)


def _parts(pattern: re.Pattern[str], text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Give each match with the text up to the next test, whatever that asks for."""
    starts = sorted({found.start() for each in (_EXPRESSION, _ALERT) for found in each.finditer(text)})
    ends = dict(pairwise([*starts, len(text)]))
    for found in pattern.finditer(text):
        yield found, text[found.end() : ends[found.start()]]


def _samples(text: str) -> Iterator[Given]:
    for found in _SAMPLE.finditer(text):
        try:
            yield Given(_labels(found[1]), float(found[2]))
        except ValueError:  # a native histogram
            continue


def _labels(text: str) -> Labels:
    return {name: _unquoted(value) for name, value in _LABEL.findall(text)}


def _unquoted(quoted: str) -> str:
    try:
        # Go escapes a few characters in a way that JSON does not know.
        return str(json.loads(quoted, strict=False))
    except ValueError:
        return quoted[1:-1]
