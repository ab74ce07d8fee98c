"""The lab as an object: `up`, `down`, its parts, and what tests and seeded defects do with them."""

from __future__ import annotations

import csv
import json
import os
import secrets
import shutil
import signal
import threading
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import httpx
import psutil
from filelock import FileLock, Timeout

from lab import configuration, processes, programs, servers
from lab.configuration import GRAFANA, HAPROXY, PROMETHEUS, REPLICAS
from lab.ports import HOST, Ports, is_free
from lab.processes import Record, StateFile
from lab.scaling import Scale
from selfcheck.waiting import GaveUp, NotYet, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

DEFAULT_DIRECTORY: Final = ".lab"
READY_TIMEOUT_SECONDS: Final = 60.0
SETTLED_TIMEOUT_SECONDS: Final = 90.0
RATES_FILL_SECONDS: Final = 600.0
"""In production timings: rates over five minutes show the traffic only after as long."""
RELOAD_TIMEOUT_SECONDS: Final = 15.0
STOP_TIMEOUT_SECONDS: Final = 3.0
REQUESTS_PER_SECOND_MIN: Final = 0.5
"""Traffic below which a lab is not settled: rates and shares would rest on nothing."""

MANUAL_RULES: Final = (
    "platform_error_ratio",
    "provider_health_score",
    "ocr_p95_latency_seconds",
    "slo_availability",
    "error_budget_remaining",
    "circuit_breaker_open_ratio",
)
_EXTRA_ENVIRONMENT: Final = "extra.json"
_KEPT_AT_DOWN: Final = frozenset({"logs", "receiver.jsonl"})


class LabError(Exception):
    """The lab cannot do what was asked; the text says why and what to do."""


class PortTakenError(LabError):
    """Ports of the lab are in use; the text names each with the part that wants it and the process that has it."""


class RefusedError(LabError):
    """A server refused its new configuration; the text has its message. The old configuration stays in force."""


@dataclass(frozen=True, slots=True)
class PartStatus:
    """What `status` shows of one part.

    `state` is "ready", "up" (runs, not ready), "paused" or "down"; `since` is in Unix seconds.
    """

    name: str
    state: str
    detail: str
    pid: int | None
    ports: tuple[int, ...]
    since: float | None
    memory_bytes: int | None


class Lab:
    """One lab: a directory, a block of ports and a time scale.

    Making the object starts nothing. The same directory always means the same lab, also in another process: what runs
    is read from its state file.
    """

    def __init__(
        self,
        directory: Path | str = DEFAULT_DIRECTORY,
        port_offset: int = 0,
        time_scale: float = 60.0,
        window_max_seconds: float = 60.0,
    ) -> None:
        self.directory = Path(directory).resolve()
        self.port_offset = port_offset
        self.scale = Scale.capped(time_scale, window_max_seconds)
        self.ports = Ports.at(port_offset)
        self.say: Callable[[str], None] = lambda _: None
        self._state = StateFile(self.directory / "state.json")
        # No connection is kept: servers come and go, and nobody need close the lab object.
        self._http = httpx.Client(trust_env=False, timeout=5.0, limits=httpx.Limits(max_keepalive_connections=0))
        self._cancelled = threading.Event()
        self._started_now: set[str] = set()
        self._kept_from_prometheus: str | None = None

    @classmethod
    def attach(cls, directory: Path | str = DEFAULT_DIRECTORY) -> Self:
        """Give the lab that runs in a directory; raises LabError when there is none."""
        state = StateFile(Path(directory).resolve() / "state.json").read()
        if not state.options:
            message = f"no lab runs in {Path(directory).resolve()}; start it with `python -m lab up`"
            raise LabError(message)
        return cls(directory, **state.options)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Give the lab that LAB_DIRECTORY, LAB_PORT_OFFSET, LAB_TIME_SCALE and LAB_WINDOW_MAX_SECONDS describe.

        For a lab that runs, what is not set is as it was started. Raises LabError for a value that is no number.
        """
        directory = environ.get("LAB_DIRECTORY") or DEFAULT_DIRECTORY
        options: dict[str, Any] = dict(StateFile(Path(directory).resolve() / "state.json").read().options)
        kinds = {"LAB_PORT_OFFSET": int, "LAB_TIME_SCALE": float, "LAB_WINDOW_MAX_SECONDS": float}
        for name, kind in kinds.items():
            if text := environ.get(name, "").strip():
                try:
                    options[name.removeprefix("LAB_").lower()] = kind(text)
                except ValueError:
                    message = f"{name} must be a number, not {text!r}"
                    raise LabError(message) from None
        try:
            return cls(directory, **options)
        except ValueError as error:
            raise LabError(str(error)) from error

    # -- up and down -------------------------------------------------------------------------------------------------

    def up(self) -> None:
        """Start what does not run, restart or reload what was configured otherwise, and wait until all is ready.

        Seeded defects that are active are undone first. Raises PortTakenError, MissingProgramsError or LabError; what
        this call started is ended then, and also on Ctrl-C.
        """
        found = programs.find()
        self._make_directory()
        with self._alone():
            self._started_now = set()
            self._cancelled.clear()
            try:
                self._up(found)
            except BaseException:
                self._cancelled.set()
                self._take_back()
                raise

    def down(self) -> None:
        """End every process of the lab, also those that no file knows of, and remove its data. Logs are kept.

        Fine when nothing runs. Raises LabError when another command is at work on this lab.
        """
        if not self.directory.exists():
            self._end_everything()
            servers.remove_private_folder(self.directory)
            return
        with self._alone():
            self._end_everything()
            self._remove_data()

    def _up(self, found: programs.Programs) -> None:
        if self._state.read().options not in ({}, self._options()):
            self.say("the lab ran with other options: taking it down first")
            self._end_everything()
            self._remove_data()
        self._end_unrecorded()
        self._check_ports()
        self._mend()
        with self._state.change() as state:
            state.options = self._options()
        keys = self._keys(create=True)
        changed = self._write_configuration()
        parts = self.parts(found=found, keys=keys)
        self._start_all(parts, changed)
        self._write_environment()
        self._adopt_rules()
        self.settled()

    def _start_all(self, parts: Mapping[str, servers.Part], changed: set[str]) -> None:
        ready = {name: threading.Event() for name in parts}

        def bring(part: servers.Part) -> None:
            for name in part.after:
                ready[name].wait()
            self._check_cancelled()
            self._bring(part, changed)
            ready[part.name].set()

        with ThreadPoolExecutor(max_workers=len(parts), thread_name_prefix="lab") as pool:
            futures: list[Future[None]] = [pool.submit(bring, part) for part in parts.values()]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                # One failed, or Ctrl-C: the others see it at their next step. Nobody may wait for what will not come.
                if not all(future.done() and future.exception() is None for future in futures):
                    self._cancelled.set()
                for event in ready.values():
                    event.set()
        for future in futures:
            if (error := future.exception()) and not isinstance(error, _CancelledError):
                raise error

    def _bring(self, part: servers.Part, changed: set[str]) -> None:
        record = self._state.read().processes.get(part.name)
        process = record.process() if record else None
        if process and record and record.fingerprint != part.fingerprint:
            self.say(f"{part.name}: restarting with changed settings")
            self._stop(part)
            process = None
        if process is None:
            self._started_now.add(part.name)
            self._start(part)
            return
        if process.status() == psutil.STATUS_STOPPED:
            self.say(f"{part.name}: resuming, it was paused")
            self.process(part.name).resume()
        if part.configuration and any(name.startswith(part.configuration) for name in changed):
            self.say(f"{part.name}: loading its changed configuration")
            self._reload(part.name)
        self._await_ready(part, process)

    def _start(self, part: servers.Part) -> None:
        """Start a part and wait until it is ready."""
        self._check_cancelled()
        part.prepare()
        if part.name == "prometheus":
            self._quieten_prometheus()
        self._check_cancelled()
        process = processes.start(
            part.command,
            directory=self.directory,
            environment=part.environment,
            log=self.log(part.name),
            working_folder=part.working_folder,
            user=part.user,
        )
        with self._state.change() as state:
            state.processes[part.name] = processes.record_of(process, part.fingerprint)
        self._await_ready(part, process)
        part.finish()

    def _await_ready(self, part: servers.Part, process: psutil.Process) -> None:
        def look() -> str | None:
            # A part that has ended will not get ready: no use to wait for the rest of the time.
            if self._cancelled.is_set() or not processes.is_alive(process):
                return "over"
            part.ready(self._http)
            return "ready"

        try:
            outcome = wait_until(
                look,
                timeout_seconds=READY_TIMEOUT_SECONDS,
                what=f"{part.name} to be ready",
                interval_seconds=0.05,
            )
        except GaveUp as error:
            message = f"{error}\nthe end of {self.log(part.name)}:\n{processes.tail(self.log(part.name))}"
            raise LabError(message) from error
        if outcome == "over":
            self._check_cancelled()
            log = self.log(part.name)
            message = f"{part.name} {processes.exit_status(process)}; the end of {log}:\n{processes.tail(log)}"
            raise LabError(message)

    def _take_back(self) -> None:
        """After a failed or interrupted `up`: end what it started; when nothing else runs, that is a `down`."""
        state = self._state.read()
        others = [
            name for name, record in state.processes.items() if name not in self._started_now and record.process()
        ]
        if others:
            parts = self.parts()
            for name in self._started_now & set(state.processes):
                self._stop(parts[name])
        else:
            self._end_everything()
            self._remove_data()

    def _end_everything(self) -> None:
        state = self._state.read()
        recorded = {name: found for name, record in state.processes.items() if (found := record.process())}
        signals = {found.pid: signal.SIGINT for name, found in recorded.items() if name == "postgres"}
        everyone = {found.pid: found for found in recorded.values()}
        everyone |= {found.pid: found for found in processes.marked(self.directory)}
        # Workers end with their masters; asked by themselves they would be replaced or reported as crashed.
        heads = [found for found in everyone.values() if _parent(found) not in everyone]
        processes.end(heads, signals=signals, timeout_seconds=STOP_TIMEOUT_SECONDS)
        # What was born while the others were ending.
        processes.end(processes.marked(self.directory), signals={}, timeout_seconds=STOP_TIMEOUT_SECONDS)

    def _end_unrecorded(self) -> None:
        known = {found.pid for record in self._state.read().processes.values() if (found := record.process())}
        family = {member.pid for pid in known for member in processes.family(psutil.Process(pid))}
        orphans = [process for process in processes.marked(self.directory) if process.pid not in family]
        if orphans:
            self.say(f"ending {len(orphans)} processes that an earlier `up` left behind")
            processes.end(orphans, signals={}, timeout_seconds=STOP_TIMEOUT_SECONDS)

    def _remove_data(self) -> None:
        servers.remove_private_folder(self.directory)
        for entry in self.directory.iterdir():
            if entry.name in _KEPT_AT_DOWN or entry == self._lock_path:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)

    def _check_ports(self) -> None:
        """Raise PortTakenError when a port that a part is about to listen on is in use."""
        state = self._state.read()
        idle = [part for part in self.parts().values() if not _runs(state.processes.get(part.name))]
        taken = [(port, part.name) for part in idle for port in part.ports if not is_free(port)]
        if not taken:
            return
        owners = _listeners()
        lines: list[str] = []
        of_lab: dict[str, list[str]] = {}
        for port, name in taken:
            pid = owners.get(port)
            if pid is not None and (directory := processes.marked_directory(pid)):
                of_lab.setdefault(directory, []).append(f"{port} ({name}, process {pid})")
            else:
                lines.append(f"  port {port}, wanted by {name}, is taken by {_described(pid)}")
        lines += [f"  the lab in {directory} has {', '.join(ports)}" for directory, ports in of_lab.items()]
        advice = (
            "end what uses them (a lab: `LAB_DIRECTORY=<its directory> python -m lab down`), or move this lab:"
            f" LAB_PORT_OFFSET={self.port_offset + 4000} python -m lab up"
        )
        message = "\n".join(["ports of the lab are in use:", *lines, advice])
        raise PortTakenError(message)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lab's lock: no two commands start and end its processes at the same time."""
        lock = FileLock(self._lock_path, timeout=2)
        try:
            lock.acquire()
        except Timeout:
            message = (
                f"another `python -m lab` command is at work on {self.directory}; wait for it or end it with Ctrl-C"
            )
            raise LabError(message) from None
        try:
            yield
        finally:
            lock.release()

    @property
    def _lock_path(self) -> Path:
        return self.directory / "lock"

    def _make_directory(self) -> None:
        for folder in (self.directory, self.directory / "logs", self.directory / "tamper"):
            folder.mkdir(parents=True, exist_ok=True)

    def _check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise _CancelledError

    def _options(self) -> dict[str, Any]:
        return {
            "port_offset": self.port_offset,
            "time_scale": self.scale.factor,
            "window_max_seconds": self.scale.window_seconds_max,
        }

    # -- parts -------------------------------------------------------------------------------------------------------

    def parts(
        self, *, found: programs.Programs | None = None, keys: servers.Keys | None = None
    ) -> dict[str, servers.Part]:
        """Give all parts by name, as they are to run now (with what defects override)."""
        return servers.parts(self._setting(found, keys))

    def _setting(self, found: programs.Programs | None = None, keys: servers.Keys | None = None) -> servers.Setting:
        return servers.Setting(
            directory=self.directory,
            ports=self.ports,
            scale=self.scale,
            keys=keys or self._keys(),
            programs=found or programs.find(),
            overrides=self._state.read().overrides,
        )

    def database_admin_url(self) -> str:
        """Give where Postgres is, with its owner's credentials."""
        setting = self._setting()
        return setting.database_url(servers.DATABASE_ADMIN, setting.keys.database_admin_password, "postgres")

    def process(self, name: str) -> PartProcess:
        """Give the handle of a part by name; raises LabError for a name that no part has."""
        parts = self.parts()
        if name not in parts:
            message = f"the lab has no part {name!r}; it has {', '.join(parts)}"
            raise LabError(message)
        return PartProcess(self, name)

    def log(self, name: str) -> Path:
        """Give the log file of a part."""
        return self.directory / "logs" / f"{name}.log"

    def status(self, names: Collection[str] = ()) -> list[PartStatus]:
        """Look at every part now, or at those that are named."""
        state = self._state.read()
        parts = [part for part in self.parts().values() if not names or part.name in names]
        # At the same time: one that is paused answers nothing and costs a timeout.
        with ThreadPoolExecutor(max_workers=len(parts)) as pool:
            return list(pool.map(lambda part: self._status_of(part, state.processes.get(part.name)), parts))

    def _status_of(self, part: servers.Part, record: Record | None) -> PartStatus:
        process = record.process() if record else None
        if process is None or record is None:
            return PartStatus(part.name, "down", "", None, part.ports, None, None)
        own_bytes, shared_bytes = 0, 0
        for member in processes.family(process):
            with suppress(psutil.Error):
                memory = member.memory_info()
                own_bytes += memory.rss - memory.shared
                # The workers of one server share the same pages; what the largest one maps is counted once.
                shared_bytes = max(shared_bytes, memory.shared)
        if process.status() == psutil.STATUS_STOPPED:
            state, detail = "paused", ""
        else:
            try:
                part.ready(self._http)
            except Exception as error:  # noqa: BLE001 - whatever the reason, it is shown
                state, detail = "up", str(error) or type(error).__name__
            else:
                state, detail = "ready", ""
        return PartStatus(part.name, state, detail, record.pid, part.ports, record.started_at, own_bytes + shared_bytes)

    def start_part(self, name: str) -> None:
        """Start one part unless it runs, and wait until it is ready (see `PartProcess.start`)."""
        if _runs(self._state.read().processes.get(name)):
            return
        self._cancelled.clear()
        self._start(self.parts()[name])
        if name == "prometheus":
            self._adopt_rules()
        if name in REPLICAS and _runs(self._state.read().processes.get("haproxy")):
            self.await_rotation(name)

    def stop_part(self, name: str) -> None:
        """End one part (see `PartProcess.stop`)."""
        self._stop(self.parts()[name])

    def _stop(self, part: servers.Part) -> None:
        record = self._state.read().processes.get(part.name)
        process = record.process() if record else None
        if process:
            processes.end([process], signals={process.pid: part.stop_signal}, timeout_seconds=STOP_TIMEOUT_SECONDS)
        with self._state.change() as state:
            state.processes.pop(part.name, None)

    def override(self, name: str, variables: Mapping[str, str | None]) -> None:
        """Restart a part with other environment variables (None: as it was) and wait until it is back in service."""
        with self._state.change() as state:
            merged = {**state.overrides.get(name, {}), **variables}
            state.overrides[name] = {key: value for key, value in merged.items() if value is not None}
        self.process(name).stop()
        self.process(name).start()

    def await_rotation(self, name: str) -> None:
        """Wait until the load balancer sends requests to a replica."""

        def look() -> bool:
            lines = servers.ask(self._http, f"{self.ports.url('haproxy_stats')}/stats;csv").text.splitlines()
            rows = csv.DictReader(lines)
            state = next((row["status"] for row in rows if row["svname"] == name), "not there")
            if not state.startswith("UP"):
                message = f"the load balancer has {name} as {state}"
                raise NotYet(message)
            return True

        wait_until(look, timeout_seconds=RELOAD_TIMEOUT_SECONDS, what=f"{name} to be in rotation")

    def state(self) -> processes.State:
        """Give what is recorded of the lab now."""
        return self._state.read()

    def change_state(self) -> AbstractContextManager[processes.State]:
        """Change what is recorded of the lab, within a `with` block."""
        return self._state.change()

    # -- configuration -----------------------------------------------------------------------------------------------

    @property
    def config(self) -> Path:
        """The folder with the configuration that the servers read."""
        return self.directory / "config"

    def healthy_configuration(self) -> dict[str, str]:
        """Give every configuration file as it is in a healthy lab, by name relative to `config`."""
        return dict(self._healthy)

    @cached_property
    def _healthy(self) -> dict[str, str]:
        return configuration.rendered(self.ports, self.scale)

    @cached_property
    def _healthy_targets(self) -> dict[str, set[str]]:
        return _static_targets(configuration.parsed(self._healthy[PROMETHEUS]))

    def write_configuration(self, name: str, text: str) -> None:
        """Write one configuration file; nothing is reloaded."""
        path = self.config / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)

    def _write_configuration(self) -> set[str]:
        """Write what differs from the healthy configuration, remove what does not belong; give the names."""
        healthy = self._healthy | {HAPROXY: self.haproxy_text(self._healthy[HAPROXY])}
        there = {str(path.relative_to(self.config)): path for path in self.config.rglob("*") if path.is_file()}
        changed = {
            name
            for name, text in healthy.items()
            if name not in there or there[name].read_text(encoding="utf-8") != text
        }
        for name in changed:
            self.write_configuration(name, healthy[name])
        for name in set(there) - set(healthy):
            there[name].unlink()
            changed.add(name)
        return changed

    @staticmethod
    def haproxy_text(text: str) -> str:
        """Fill in the fingerprint by which a running HAProxy tells which configuration it has."""
        return configuration.with_fingerprint(text)

    def reload_prometheus(self, *, checked: bool = True) -> None:
        """Load the configuration and rules on disk; returns once they are in force and the targets follow them.

        Raises RefusedError with the message of the checker (unless `checked` is false) or of the server, which then
        reports that its last reload failed.
        """
        if checked:
            self._checked("promtool", "check", "config", str(self.config / PROMETHEUS))
        self._post_reload("prometheus")
        wanted = _static_targets(configuration.parsed((self.config / PROMETHEUS).read_text(encoding="utf-8")))

        def follows() -> bool:
            # Prometheus hands new targets to its scrapers only every 5 s, long after it said that the reload is done.
            data = self.prometheus("/api/v1/targets")["data"]
            there: dict[str, set[str]] = {}
            for target in (*data["activeTargets"], *data["droppedTargets"]):
                labels = target["discoveredLabels"]
                pool = target.get("scrapePool") or labels["job"]
                there.setdefault(pool, set()).add(labels["__address__"])
            if there != wanted:
                message = f"Prometheus has the targets {there}, its configuration {wanted}"
                raise NotYet(message)
            return True

        wait_until(
            follows,
            timeout_seconds=RELOAD_TIMEOUT_SECONDS,
            what="Prometheus' targets to follow its configuration",
        )

    def reload_alertmanager(self) -> None:
        """Load the configuration on disk; returns once it is in force.

        Raises RefusedError with the server's message.
        """
        self._post_reload("alertmanager")

    def reload_grafana(self) -> None:
        """Load the dashboards and data sources on disk; returns once they are in force."""
        headers = {"Authorization": f"Bearer {self._keys().grafana_token}"}
        for what in ("datasources", "dashboards"):
            url = f"{self.ports.url('grafana')}/api/admin/provisioning/{what}/reload"
            try:
                self._http.post(url, headers=headers).raise_for_status()
            except httpx.HTTPError as error:
                message = f"POST {url} failed: {type(error).__name__}: {error}"
                raise LabError(message) from error

    def reload_haproxy(self) -> None:
        """Load the configuration on disk; returns once it is in force and the old worker is gone.

        Raises RefusedError with the message of HAProxy's own check.
        """
        self._checked("haproxy", "-c", "-f", str(self.config / HAPROXY))
        process = self.process("haproxy").found()
        old_workers = {worker.pid for worker in process.children()}
        process.send_signal(signal.SIGUSR2)
        part = self.parts()["haproxy"]

        def follows() -> bool:
            workers = {worker.pid for worker in process.children() if processes.is_alive(worker)}
            if workers & old_workers or not workers:
                message = "the old worker of HAProxy still serves"
                raise NotYet(message)
            part.ready(self._http)
            return True

        wait_until(follows, timeout_seconds=RELOAD_TIMEOUT_SECONDS, what="HAProxy to take over its configuration")

    def _reload(self, name: str) -> None:
        {
            "prometheus": self.reload_prometheus,
            "alertmanager": self.reload_alertmanager,
            "haproxy": self.reload_haproxy,
            "grafana": self.reload_grafana,
        }[name]()

    def _checked(self, program: str, *arguments: str) -> None:
        """Let a checker look at a configuration first: it says what is wrong, where a server often only says that."""
        found = programs.optional(program)
        if found is None:
            return
        log = self.directory / "logs" / f"{program}.log"
        try:
            processes.run(
                (str(found), *arguments),
                directory=self.directory,
                log=log,
                working_folder=self.config,
                timeout_seconds=RELOAD_TIMEOUT_SECONDS,
            )
        except processes.ProgramFailedError as error:
            raise RefusedError(str(error)) from error

    def _post_reload(self, name: str) -> None:
        url = f"{self.ports.url(name)}/-/reload"
        try:
            answer = self._http.post(url, timeout=RELOAD_TIMEOUT_SECONDS)
        except httpx.HTTPError as error:
            message = f"POST {url} failed: {type(error).__name__}: {error}"
            raise LabError(message) from error
        if answer.status_code != httpx.codes.OK:
            message = f"{name} refused its configuration ({answer.status_code}): {answer.text.strip()}"
            raise RefusedError(message)

    # -- looking at the whole ----------------------------------------------------------------------------------------

    def prometheus(self, path: str, **params: str) -> Any:
        """Ask the lab's Prometheus; raises NotYet unless it answers 200 with JSON."""
        url = f"{self.ports.url('prometheus')}{path}"
        try:
            answer = self._http.get(url, params=params, timeout=5.0)
        except httpx.HTTPError as error:
            message = f"GET {url}: {type(error).__name__}"
            raise NotYet(message) from None
        if answer.status_code != httpx.codes.OK:
            message = f"GET {url} answered {answer.status_code}: {answer.text[:200]}"
            raise NotYet(message)
        return answer.json()

    def query(self, promql: str) -> list[dict[str, Any]]:
        """Give the result of an instant query (raises NotYet as above)."""
        result: list[dict[str, Any]] = self.prometheus("/api/v1/query", query=promql)["data"]["result"]
        return result

    def settled(self, timeout_seconds: float | None = None) -> None:
        """Wait until the lab is healthy as a whole.

        That is: every target up, every replica in the load balancer's rotation, every recording rule of the manual with
        data, traffic flowing, and no alert firing or pending.

        Raises LabError that says what was missing at the end.
        """
        if timeout_seconds is None:
            timeout_seconds = SETTLED_TIMEOUT_SECONDS + RATES_FILL_SECONDS / self.scale.factor

        def look() -> bool:
            self._check_settled()
            return True

        try:
            # Long enough between two looks that they do not slow down what they wait for.
            wait_until(look, timeout_seconds=timeout_seconds, what="the lab to settle", interval_seconds=0.25)
        except GaveUp as error:
            raise LabError(str(error)) from error

    def _check_settled(self) -> None:
        """Raise NotYet with the first thing that is not as in a healthy lab."""
        targets = self.prometheus("/api/v1/targets", state="active")["data"]["activeTargets"]
        wanted = self._healthy_targets
        missing = [target["scrapeUrl"] for target in targets if target["health"] != "up"]
        if missing or len(targets) != sum(map(len, wanted.values())):
            message = f"{len(targets)} targets, not up: {', '.join(missing) or 'none'}"
            raise NotYet(message)
        # Prometheus forgets its Alertmanagers at each reload and finds them again up to 5 s later.
        if not self.prometheus("/api/v1/alertmanagers")["data"]["activeAlertmanagers"]:
            message = "Prometheus has not found Alertmanager yet"
            raise NotYet(message)
        groups = self.prometheus("/api/v1/rules")["data"]["groups"]
        for rule in (rule for group in groups for rule in group["rules"]):
            if rule["health"] != "ok" or rule.get("alerts"):
                message = f"rule {rule['name']}: {rule.get('state', rule['health'])} {rule.get('lastError', '')}"
                raise NotYet(message)
        with_data = {found["metric"]["__name__"] for found in self.query(f'{{__name__=~"{"|".join(MANUAL_RULES)}"}}')}
        if without := set(MANUAL_RULES) - with_data:
            message = f"no data yet for {', '.join(sorted(without))}"
            raise NotYet(message)
        scored = {found["metric"].get("provider") for found in self.query("provider_health_score")}
        if silent := set(servers.PROVIDERS) - scored:
            message = f"no traffic yet to {', '.join(sorted(silent))}"
            raise NotYet(message)
        if not self.query(f"platform:requests:rate5m > {REQUESTS_PER_SECOND_MIN}"):
            message = "too little traffic yet"
            raise NotYet(message)
        rotation = self.query('haproxy_server_status{proxy="cad_ml_platform", state="UP"} == 1')
        if len(rotation) != len(REPLICAS):
            message = f"{len(rotation)} replicas in rotation"
            raise NotYet(message)

    # Prometheus evaluates its rules from the start, but knows no targets for the first 5 s: with the lab's short `for`
    # times, every alert on something missing would fire at each start. So it starts without rules and gets them once it
    # has looked.

    def _quieten_prometheus(self) -> None:
        text = (self.config / PROMETHEUS).read_text(encoding="utf-8")
        document = configuration.parsed(text)
        document.pop("rule_files", None)
        self.write_configuration(PROMETHEUS, configuration.dumped(document))
        self._kept_from_prometheus = text

    def _adopt_rules(self) -> None:
        """Give Prometheus the rules that its quiet start kept from it."""
        if self._kept_from_prometheus is None:
            return

        def looked() -> bool:
            targets = self.prometheus("/api/v1/targets", state="active")["data"]["activeTargets"]
            if not targets or any(target["health"] != "up" for target in targets):
                message = "not every target is up"
                raise NotYet(message)
            return True

        # A target may be down for good (a defect): then the rules shall see it.
        with suppress(GaveUp):
            wait_until(looked, timeout_seconds=RELOAD_TIMEOUT_SECONDS, what="Prometheus to scrape its targets")
        self.write_configuration(PROMETHEUS, self._kept_from_prometheus)
        self._kept_from_prometheus = None
        self.reload_prometheus()

    # -- credentials and environment -----------------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """Give the variables that point the gate at this lab, and commands of the lab, too."""
        keys = self._keys()
        ports = self.ports
        return {
            # Which lab the commands of experiments mean.
            "LAB_DIRECTORY": str(self.directory),
            "SELF_CHECK_ENVIRONMENT": "local",
            "SELF_CHECK_BASE_URL": ports.url("front"),
            "SELF_CHECK_PROMETHEUS_URL": ports.url("prometheus"),
            "SELF_CHECK_ALERTMANAGER_URL": ports.url("alertmanager"),
            "SELF_CHECK_RECEIVER_URL": f"{ports.url('receiver')}/notifications",
            "SELF_CHECK_GRAFANA_URL": ports.url("grafana"),
            "SELF_CHECK_GRAFANA_TOKEN": keys.grafana_token,
            "SELF_CHECK_DASHBOARDS": str(self.config / GRAFANA),
            "SELF_CHECK_REDIS_URL": f"redis://{HOST}:{ports.redis}/0",
            "SELF_CHECK_DATABASE_URL": (
                f"postgresql://{servers.DATABASE_USER}:{keys.database_password}@{HOST}:{ports.postgres}/{servers.DATABASE}"
            ),
            "SELF_CHECK_TOXIPROXY_URL": ports.url("toxiproxy"),
            "SELF_CHECK_API_KEY": keys.api_key,
            "SELF_CHECK_OTHER_API_KEY": keys.other_api_key,
            "SELF_CHECK_ADMIN_TOKEN": keys.admin_token,
            **self._extra_environment(),
        }

    def write_extra_environment(self, variables: Mapping[str, str]) -> None:
        """Give whoever looks at this lab further variables, instead of those given before."""
        processes.write_private(self.directory / _EXTRA_ENVIRONMENT, json.dumps(dict(variables)))
        self._write_environment()

    def _extra_environment(self) -> dict[str, str]:
        with suppress(FileNotFoundError):
            found: dict[str, str] = json.loads((self.directory / _EXTRA_ENVIRONMENT).read_text(encoding="utf-8"))
            return found
        return {}

    def _write_environment(self) -> None:
        lines = [f"{name}={value}\n" for name, value in self.environment().items()]
        processes.write_private(self.directory / "lab.env", "".join(lines))

    def _keys(self, *, create: bool = False) -> servers.Keys:
        """Give the lab's credentials; ones that nobody knows while there is no lab and none is to be made."""
        path = self.directory / "keys.json"
        keys = servers.Keys(*(secrets.token_urlsafe(24) for _ in fields(servers.Keys)))
        with suppress(FileNotFoundError):
            # A lab that an earlier version started has fewer.
            keys = replace(keys, **json.loads(path.read_text(encoding="utf-8")))
        if create:
            processes.write_private(path, json.dumps(asdict(keys)))
        return keys

    def _mend(self) -> None:
        """Undo the seeded defects that are active; what fails because a part is gone comes right by its restart."""
        from lab import breaking  # noqa: PLC0415 - it builds on this module

        for name in reversed(self._state.read().broken):
            self.say(f"undoing the defect {name}")
            with suppress(Exception):
                breaking.mend(self, name)
        for name in REPLICAS:
            (self.directory / "tamper" / name).unlink(missing_ok=True)
        with self._state.change() as state:
            state.broken.clear()
            state.overrides.clear()


class PartProcess:
    """The process of one part, for tests and defects that stop, start, pause and resume it."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab = lab
        self.name = name

    @property
    def pid(self) -> int | None:
        """The process id, None when the part does not run."""
        process = self._process()
        return process.pid if process else None

    def state(self) -> str:
        """Give "ready", "up" (runs, not ready), "paused" or "down"."""
        return next(part.state for part in self.lab.status((self.name,)))

    @property
    def running(self) -> bool:
        """Whether the process exists and is not paused."""
        process = self._process()
        return process is not None and process.status() != psutil.STATUS_STOPPED

    def stop(self) -> None:
        """End the process and wait until it is gone; fine when it does not run."""
        self.lab.stop_part(self.name)

    def start(self) -> None:
        """Start the process unless it runs and wait until it is ready; raises LabError when it does not get so."""
        self.lab.start_part(self.name)

    def kill(self) -> None:
        """End the process at once (SIGKILL), as a machine that fails would; fine when it does not run."""
        process = self._process()
        if process is not None:
            members = processes.family(process)
            for member in members:
                processes.send(member, signal.SIGKILL)
            wait_until(
                lambda: not any(processes.is_alive(member) for member in members),
                timeout_seconds=STOP_TIMEOUT_SECONDS,
                what=f"{self.name} to be gone",
                interval_seconds=0.02,
            )
        self.stop()

    def pause(self) -> None:
        """Stop the process and its children from running (SIGSTOP): connections stay open and nothing answers."""
        self._send(signal.SIGSTOP)

        def stopped() -> bool:
            return all(member.status() == psutil.STATUS_STOPPED for member in processes.family(self.found()))

        wait_until(
            stopped,
            timeout_seconds=STOP_TIMEOUT_SECONDS,
            what=f"{self.name} to be paused",
            interval_seconds=0.02,
        )

    def resume(self) -> None:
        """Let a paused process go on."""
        self._send(signal.SIGCONT)

    def stick(self) -> None:
        """Let a replica run on and do nothing, until it is unstuck; raises LabError for another part."""
        if self.name not in REPLICAS:
            message = f"{self.name} cannot be stuck: only replicas know how; `pause` stops any part"
            raise LabError(message)
        self._send(signal.SIGUSR1)
        wait_until(
            lambda: self.state() == "up",
            timeout_seconds=STOP_TIMEOUT_SECONDS,
            what=f"{self.name} to be stuck",
            interval_seconds=0.02,
        )

    def unstick(self) -> None:
        """Let a stuck replica go on, and wait until it is ready; one that is gone is started."""
        if self.name in REPLICAS and self._process() is not None:
            self._send(signal.SIGUSR2)
        self.start()

    def found(self) -> psutil.Process:
        """Give the process; raises LabError when the part does not run."""
        process = self._process()
        if process is None:
            message = f"{self.name} does not run"
            raise LabError(message)
        return process

    def _process(self) -> psutil.Process | None:
        record = self.lab.state().processes.get(self.name)
        return record.process() if record else None

    def _send(self, number: signal.Signals) -> None:
        for member in processes.family(self.found()):
            processes.send(member, number)


class _CancelledError(Exception):
    """Another part failed or the user interrupted; this one need not be told."""


def _runs(record: Record | None) -> bool:
    return record is not None and record.process() is not None


def _parent(process: psutil.Process) -> int | None:
    with suppress(psutil.Error):
        return process.ppid()
    return None


def _listeners() -> dict[int, int | None]:
    """Give the process id that listens on each TCP port; None where the system does not tell us."""
    listening = (entry for entry in psutil.net_connections(kind="tcp") if entry.status == psutil.CONN_LISTEN)
    return {entry.laddr.port: entry.pid for entry in listening if entry.laddr}


def _described(pid: int | None) -> str:
    if pid is None:
        return "a process that the system does not name (another user's, perhaps)"
    try:
        command = " ".join(psutil.Process(pid).cmdline()) or psutil.Process(pid).name()
    except psutil.Error:
        command = "unknown command"
    return f"process {pid} ({command[:120]})"


def _static_targets(prometheus: Mapping[str, Any]) -> dict[str, set[str]]:
    """Give the addresses of each scrape job of a configuration, without jobs that have none."""
    found = {
        job["job_name"]: {
            address for group in job.get("static_configs") or () for address in group.get("targets") or ()
        }
        for job in prometheus.get("scrape_configs") or ()
    }
    return {name: addresses for name, addresses in found.items() if addresses}
