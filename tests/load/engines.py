"""Runs the generator as the gate does: a process of its own, a clean environment, all it leaves read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import psutil

from load import plan as plans
from load import record as records
from load.arrivals import Spacing
from load.plan import Operation, Plan, Profile
from load.shapes import Constant
from selfcheck.waiting import wait_until
from tests.gate.contracts import contract_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from load.record import Record
    from load.shapes import Line

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = "loaded-api-key-0123456789"
ENDS_SECONDS = 40.0
"""Far more than an engine takes to start or to end, for a machine that does other things."""


@dataclass(slots=True)
class Bench:
    """A folder for runs against one address, with a contract that allows load there."""

    folder: Path
    url: str
    more_api: str = ""
    answer_bytes_max: int = 100_000
    settings: dict[str, str] = field(default_factory=dict)
    rate_max: float = 1000

    def __post_init__(self) -> None:
        environment = (
            f'[environments.loaded]\nbase_url = "{self.url}"\nallow = ["read", "synthetic", "load"]\n'
            f"load_rate_max = {self.rate_max}\n\n"
        )
        platform = self.folder / "contract" / "platform.toml"
        contract_with(
            self.folder / "contract",
            {
                "platform.toml": ("[environments.staging]", environment + "[environments.staging]"),
                "api.toml": ("", self.more_api),
            },
        )
        text = platform.read_text(encoding="utf-8")
        platform.write_text(text.replace("33554432", str(self.answer_bytes_max)), encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        """What processes of these runs find in their environment."""
        return {
            "PATH": os.environ["PATH"],
            "SELF_CHECK_BASE_URL": self.url,
            "SELF_CHECK_CONTRACT": str(self.folder / "contract"),
            "SELF_CHECK_API_KEY": KEY,
            **self.settings,
        }

    @property
    def record(self) -> Path:
        """Where the record goes."""
        return self.folder / "record.json"

    def plan(
        self,
        *acts: str,
        rate: float = 40.0,
        seconds: float = 2.0,
        line: Line | None = None,
        workers: int = 1,
        **profile: Any,
    ) -> Plan:
        """Plan a run of some acts, each as often as the others."""
        shape = line or Constant(kind="constant", rate=rate, duration_seconds=seconds)
        made = {
            "name": "test",
            "says": "a profile of the tests",
            "shape": shape,
            "quantiles": (0.5,),
            "warm_up_seconds": 0.0,
            "request_timeout_seconds": 5.0,
            "drain_seconds": 10.0,
            "in_flight_max": 100,
            "spacing": Spacing.EVEN,
            **profile,
        }
        return Plan(
            profile=Profile.model_validate(made),
            line=shape.scaled(),
            seed=7,
            workers=workers,
            operations=tuple(Operation(name=act, says=f"the act {act}", act=act, weight=1) for act in acts),
            clients=("own",),
            base_url=self.url,
            run_id="selfcheck-engine-test",
            candidates={"own": "registered"},
            vector=(3.0, 4.0),
        )

    @contextmanager
    def started(self, plan: Plan, *, prefix: Sequence[str] = ()) -> Iterator[Engine]:
        """Start an engine; nothing of it is left when the block ends."""
        path = self.folder / "plan.json"
        plans.write(plan, path)
        standard_input, ours = os.pipe()
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "load.engine", str(path), str(self.record)],
            cwd=ROOT,
            env=self.environment,
            stdin=standard_input,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(standard_input)
        with os.fdopen(ours, "wb") as pipe:
            engine = Engine(process, pipe, self.record)
            try:
                yield engine
            finally:
                for left in engine.processes():
                    left.kill()
                process.communicate()

    def run(self, plan: Plan, *, prefix: Sequence[str] = ()) -> Ran:
        """Run an engine to its end."""
        with self.started(plan, prefix=prefix) as engine:
            return engine.ended()


@dataclass(frozen=True, slots=True)
class Ran:
    """An engine that has ended, and what it left."""

    code: int
    lines: tuple[dict[str, Any], ...]
    stderr: str
    text: str
    """All that it printed and wrote."""
    whole: Record | None

    @property
    def record(self) -> Record:
        """The record."""
        assert self.whole is not None, self.stderr
        return self.whole


@dataclass(slots=True)
class Engine:
    """An engine under way."""

    process: subprocess.Popen[str]
    pipe: BinaryIO
    """The other end of its standard input; when it is closed the engine is to end."""
    path: Path
    heard: list[str] = field(default_factory=list)

    def hear(self, **least: int) -> dict[str, Any]:
        """Read lines until one has at least these figures."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.heard.append(line)
            figures: dict[str, Any] = json.loads(line)
            if all(figures[name] >= value for name, value in least.items()):
                return figures
        message = f"the engine ended before it had {least}: {self.heard}"
        raise AssertionError(message)

    def processes(self) -> list[psutil.Process]:
        """The engine and its workers, as far as they are there."""
        try:
            engine = psutil.Process(self.process.pid)
            return [engine, *engine.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def workers(self) -> list[psutil.Process]:
        """The processes that it started."""
        return self.processes()[1:]

    def ended(self) -> Ran:
        """Wait for the end."""
        stdout, stderr = self.process.communicate(timeout=ENDS_SECONDS + 20)
        stdout = "".join(self.heard) + stdout
        written = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        lines = tuple(json.loads(line) for line in stdout.splitlines())
        whole = records.read(self.path) if written else None
        return Ran(self.process.returncode, lines, stderr, stdout + stderr + written, whole)


def wait_for_end(processes: Sequence[psutil.Process]) -> None:
    """Wait until none of these processes is there."""
    wait_until(
        lambda: not any(_runs(process) for process in processes),
        timeout_seconds=ENDS_SECONDS,
        what=f"the end of {processes}",
    )


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
