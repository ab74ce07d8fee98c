"""Set up a checkout: `python3 tools/setup.py` (or `make setup`). A second run does nothing, in a tenth of a second.

Three parts, side by side, each only where something is missing:

- `python`: the virtual environment `.venv` from `requirements.lock`, every file verified by its hash;
- `debian`: the servers that the lab runs, as Debian packages (as root, with apt; no service is started or enabled);
- `toxiproxy`: the Toxiproxy server, built from `servers/toxiproxy/go.mod` into the user's cache folder.

A fourth one only where it is asked for by name, because it takes seven minutes:

- `kubernetes`: an API server, built from `servers/kubernetes/go.mod` likewise, and etcd, for tests against a cluster.

`--only PART` (may be repeated) looks at these parts alone; `--check` changes nothing and says what is there.

What this program may not or cannot install is listed at the end, all of it at once. Exit code 0 when everything is
there, 1 when something is missing or failed, 130 or 143 after an interruption. Each part's full log is in `.setup/`.

Only the standard library is used, in a dialect that an old Python still reads, so that it can look for a newer one.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import functools
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK: Final = ROOT / "requirements.lock"
VENV: Final = ROOT / ".venv"
STAMP: Final = VENV / ".ready"
LOGS: Final = ROOT / ".setup"
PARTS: Final = ("python", "debian", "toxiproxy")
MORE_PARTS: Final = ("kubernetes",)
"""Those that have to be asked for."""

OLDEST_PYTHON: Final = (3, 11)
# Newer ones may work; the lock file is tried with these.
TRIED_PYTHONS: Final = ((3, 13), (3, 12), (3, 11))
OLDEST_GO: Final = (1, 21)  # the first that fetches the toolchain that a go.mod asks for

DEBIAN_PROGRAMS: Final = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "prometheus-redis-exporter": "prometheus-redis-exporter",
    "prometheus-postgres-exporter": "prometheus-postgres-exporter",
    "redis-server": "redis-server",
    "haproxy": "haproxy",
    "postgres": "postgresql",
    "initdb": "postgresql",
}
"""Program of the lab: the Debian package that brings it."""
CLUSTER_PROGRAMS: Final = {"etcd": "etcd-server"}
"""Likewise, of the tests against a cluster."""
_SERVER_PACKAGES: Final = frozenset({*DEBIAN_PROGRAMS.values(), *CLUSTER_PROGRAMS.values()})

# Other distributions and the projects' own archives name these programs without Debian's prefix.
_ALSO_NAMED: Final = {
    "prometheus-alertmanager": ("alertmanager",),
    "prometheus-redis-exporter": ("redis_exporter",),
    "prometheus-postgres-exporter": ("postgres_exporter",),
}
_POSTGRES_FOLDERS: Final = Path("/usr/lib/postgresql")

# Ports on which Debian's packages start their services, unless they are kept from it.
_SERVICE_PORTS: Final = {
    9090: "prometheus",
    9093: "prometheus-alertmanager",
    9121: "prometheus-redis-exporter",
    9187: "prometheus-postgres-exporter",
    6379: "redis-server",
    5432: "postgresql",
    2379: "etcd",
}
# Where it is not called as the package is.
_SERVICE_OF: Final = {"etcd-server": "etcd"}
_TCP_LISTEN: Final = "0A"

_POLICY: Final = Path("/usr/sbin/policy-rc.d")
_POLICY_SAVED: Final = _POLICY.with_name("policy-rc.d.before-cad-ml-selfcheck")
_POLICY_TEXT: Final = "#!/bin/sh\n# cad-ml-selfcheck: no service starts while the set-up installs packages\nexit 101\n"

# apt and dpkg finish what they have begun, so that the package database stays sound; the others may be cut short.
_GRACE_SECONDS: Final = 10.0
_APT_GRACE_SECONDS: Final = 180.0
_APT_LOCK_SECONDS: Final = 300


# pip, apt and go, in this order; what they end with is seldom that.
_NETWORK_TROUBLE: Final = re.compile(
    r"connection broken|NewConnectionError|Could not (connect|resolve)|Unable to connect|Temporary failure|dial tcp"
)


@dataclass(frozen=True)
class Missing:
    """Something that is not installed: what, the Debian package that has it, the command that installs it."""

    program: str
    package: str
    install: str


class SetupError(Exception):
    """A part failed; the text is one sentence that says what failed and where to read more."""


class Interrupted(Exception):  # noqa: N818 - not an error: somebody asked for it
    """The run was asked to end; holds the signal's number."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(number)


class Runner:
    """Runs the programs of one part, writes what they say to the part's log, and ends them when asked to."""

    def __init__(self, name: str) -> None:
        self.log = LOGS / f"{name}.log"
        self._running: subprocess.Popen[bytes] | None = None
        self._gently = False
        self._stopped = False
        self._lock = threading.Lock()
        LOGS.mkdir(exist_ok=True)
        self.log.write_bytes(b"")
        owner = os.environ.get("SUDO_UID", "")
        if os.geteuid() == 0 and owner.isdigit():
            # The checkout is that user's, who will run this again without sudo.
            for path in (LOGS, self.log):
                os.chown(path, int(owner), -1)

    def run(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path = ROOT,
        environment: dict[str, str] | None = None,
        gently: bool = False,
    ) -> int:
        """Run a command to its end and give its exit code; `gently` lets it finish its work after an interruption.

        Raises SetupError when it cannot be started, or once the run is being ended.
        """
        words = [str(word) for word in command]
        with self.log.open("ab") as log:
            log.write(f"\n$ {' '.join(shlex.quote(word) for word in words)}\n".encode())
            log.flush()
            with self._lock:
                if self._stopped:
                    raise SetupError("interrupted")
                try:
                    # In a session of its own: Ctrl-C comes to us alone, and we pass it on as fits.
                    process = subprocess.Popen(
                        words,
                        cwd=folder,
                        env={**os.environ, "LC_ALL": "C", **(environment or {})},
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                except OSError as error:
                    raise SetupError(f"{words[0]} could not be started: {error.strerror}") from error
                self._running, self._gently = process, gently
            code = process.wait()
            with self._lock:
                self._running = None
            return code

    def must_run(
        self,
        what: str,
        command: Sequence[str | Path],
        *,
        folder: Path = ROOT,
        environment: dict[str, str] | None = None,
        gently: bool = False,
    ) -> None:
        """Run a command like `run`; raises SetupError with `what` and the end of its log when it fails."""
        code = self.run(command, folder=folder, environment=environment, gently=gently)
        if code != 0:
            raise self.failure(f"{what} failed (exit code {code})")

    def failure(self, sentence: str) -> SetupError:
        """Make the error of this part: the sentence, the log's most telling line, and where the log is."""
        lines = [line.strip() for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines()]
        said = [line for line in lines if line and not line.startswith("$ ")]
        telling = [line for line in said if re.match(r"(ERROR|E|error|fatal)\b", line)]
        reason = (telling or said or ["it said nothing"])[-1]
        if any(_NETWORK_TROUBLE.search(line) for line in said):
            sentence += ", and the network could not be reached"
        return SetupError(f"{sentence}: {reason[:300]}\n  full log: {_short(self.log)}")

    def stop(self) -> None:
        """End what runs now, and let nothing start any more."""
        with self._lock:
            self._stopped = True
            process, gently = self._running, self._gently
        if process is None:
            return
        grace_seconds = _APT_GRACE_SECONDS if gently else _GRACE_SECONDS
        with contextlib.suppress(ProcessLookupError):
            if gently:
                process.send_signal(signal.SIGINT)
            else:
                os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _short(path: Path) -> str:
    """Give a path as short as it can be read from the folder that the user is in."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


# --- finding programs -----------------------------------------------------------------------------------------------


def _search_path() -> str:
    """Give PATH with the `sbin` beside every `bin`, which Debian keeps out of an ordinary user's PATH."""
    folders = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    beside = [f"{folder[: -len('bin')]}sbin" for folder in folders if folder.endswith("/bin")]
    # Never empty: which() would then look in its own default places.
    return os.pathsep.join([*folders, *beside]) or os.devnull


def find_program(name: str) -> str | None:
    """Give the path of an installed program, or None; Postgres' servers are looked for where Debian keeps them too."""
    path = _search_path()
    for spelling in (name, *_ALSO_NAMED.get(name, ())):
        found: str | None = shutil.which(spelling, path=path)
        if found:
            return found
    if DEBIAN_PROGRAMS.get(name) == "postgresql":
        for candidate in sorted(_POSTGRES_FOLDERS.glob(f"*/bin/{name}")):
            if os.access(candidate, os.X_OK):
                return str(candidate)
    return None


def missing_servers(parts: Sequence[str] = ("debian",)) -> dict[str, str]:
    """Give the servers of these parts that are not installed, each with its Debian package."""
    needed = {**(DEBIAN_PROGRAMS if "debian" in parts else {}), **(CLUSTER_PROGRAMS if "kubernetes" in parts else {})}
    return {program: package for program, package in needed.items() if find_program(program) is None}


# --- Python ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Interpreter:
    """A Python that will do: its path, its version, and whether it can make a virtual environment by itself."""

    path: str
    version: tuple[int, int, int]
    complete: bool


def _ask_interpreter(path: str) -> Interpreter | None:
    """Run a Python and ask what it is; None when it does not run (a version manager's stand-in may not) or is old."""
    script = (
        "import sys, importlib.util as u;"
        "print(*sys.version_info[:3], int(bool(u.find_spec('ensurepip') and u.find_spec('venv'))),"
        # Behind an activated environment, which may be the very one that is to be made afresh, or a version manager.
        "getattr(sys, '_base_executable', sys.executable))"
    )
    try:
        answer = subprocess.run(
            [path, "-I", "-c", script], capture_output=True, text=True, timeout=20, check=True, stdin=subprocess.DEVNULL
        )
        *numbers, real_path = answer.stdout.rstrip("\n").split(" ", 4)
        major, minor, patch, complete = (int(number) for number in numbers)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    if (major, minor) < OLDEST_PYTHON:
        return None
    return Interpreter(real_path, (major, minor, patch), bool(complete))


def find_interpreter() -> Interpreter | None:
    """Give the Python to use: the one that runs this, if it is one that was tried; else the best on PATH; else None."""
    names = [sys.executable, *(f"python{major}.{minor}" for major, minor in TRIED_PYTHONS), "python3", "python"]
    usable: list[Interpreter] = []
    seen: set[str] = set()
    for name in names:
        path = shutil.which(name, path=_search_path()) if name else None
        if path is None or path in seen:
            continue
        seen.add(path)
        interpreter = _ask_interpreter(path)
        if interpreter is None:
            continue
        if interpreter.complete and interpreter.version[:2] in TRIED_PYTHONS:
            return interpreter
        usable.append(interpreter)
    usable.sort(key=lambda one: (one.version[:2] in TRIED_PYTHONS, one.complete), reverse=True)
    return usable[0] if usable else None


def _stamp_text() -> str:
    """Say what a finished environment was made from; the folder is in it because an environment cannot be moved."""
    return f"{hashlib.sha256(LOCK.read_bytes()).hexdigest()} {VENV}\n"


def python_is_ready() -> bool:
    """Tell whether `.venv` is what the lock file says."""
    try:
        return STAMP.read_text(encoding="utf-8") == _stamp_text() and os.access(VENV / "bin" / "python", os.X_OK)
    except OSError:
        return False


def locked_packages() -> int:
    """Count the packages of the lock file, each once."""
    names = re.findall(r"^([A-Za-z0-9._-]+)==", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    return len(set(names))


def set_up_python(runner: Runner, interpreter: Interpreter) -> None:
    """Make `.venv` afresh and install the lock file; raises SetupError."""
    # Afresh also when only the lock file changed: what is not locked any more must not linger.
    if VENV.exists():
        shutil.rmtree(VENV)
    runner.must_run("making the virtual environment", [interpreter.path, "-m", "venv", VENV])
    install: list[str | Path] = [
        VENV / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
    ]
    install += ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--progress-bar", "off"]
    # Compiling all of it takes as long as installing it, and most of it is never imported.
    runner.must_run("installing the Python packages", [*install, "--no-compile", "-r", LOCK])
    STAMP.write_text(_stamp_text(), encoding="utf-8")


# --- Debian packages ------------------------------------------------------------------------------------------------


def may_use_apt() -> bool:
    """Tell whether packages can be installed here: root, and apt is there."""
    return os.geteuid() == 0 and all(shutil.which(name, path=_search_path()) for name in ("apt-get", "dpkg"))


def listening_ports() -> set[int]:
    """Give the TCP ports that something on this machine listens on (empty where there is no /proc/net)."""
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == _TCP_LISTEN:
                    ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


def policy_left_behind() -> bool:
    """Tell whether a killed run left its policy-rc.d in place."""
    if _POLICY_SAVED.exists():
        return True
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return _POLICY.read_text(encoding="utf-8") == _POLICY_TEXT
    return False


def restore_policy() -> None:
    """Put back the policy-rc.d that was there, or none."""
    if _POLICY_SAVED.exists():
        _POLICY_SAVED.replace(_POLICY)
    elif policy_left_behind():
        _POLICY.unlink()


@contextlib.contextmanager
def services_held() -> Iterator[None]:
    """Keep packages from starting their services while the block runs, whatever policy-rc.d the machine has."""
    restore_policy()
    if _POLICY.exists():
        _POLICY.replace(_POLICY_SAVED)
    try:
        fresh = _POLICY.with_name("policy-rc.d.new-cad-ml-selfcheck")
        fresh.write_text(_POLICY_TEXT, encoding="utf-8")
        fresh.chmod(0o755)
        fresh.replace(_POLICY)
        yield
    finally:
        restore_policy()


def set_up_debian(runner: Runner, packages: Sequence[str]) -> None:
    """Install Debian packages without starting a service; raises SetupError, also when one listens afterwards."""
    before = listening_ports()
    try:
        with services_held():
            _install(runner, packages)
    finally:
        # Also after an interruption, which apt answers by finishing what it has begun.
        _disable_services(packages)
    started = {port: _SERVICE_PORTS[port] for port in sorted(listening_ports() - before) if port in _SERVICE_PORTS}
    if started:
        raise SetupError(
            f"ports {_list(started)} are taken since the packages {_list(started.values())} were installed; "
            f"if these are their services, stop them: systemctl disable --now {' '.join(started.values())}"
        )


def _install(runner: Runner, packages: Sequence[str]) -> None:
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--no-install-recommends"]
    install += ["-o", f"DPkg::Lock::Timeout={_APT_LOCK_SECONDS}", "-o", "Dpkg::Use-Pty=0"]
    install += ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold", *packages]
    # An earlier installation may have been cut short, ours or another's; apt refuses to work until it is finished.
    audit = subprocess.run(["dpkg", "--audit"], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    if audit.stdout.strip():
        runner.run(["dpkg", "--configure", "-a"], environment=quiet, gently=True)
    fresh_lists = not _all_known(packages)
    if fresh_lists:
        _update_lists(runner)
    if runner.run(install, environment=quiet, gently=True) == 0:
        return
    if fresh_lists:
        raise runner.failure("installing the Debian packages failed")
    # Lists that are too old name files that are gone.
    _update_lists(runner)
    runner.must_run("installing the Debian packages", install, environment=quiet, gently=True)


def _all_known(packages: Sequence[str]) -> bool:
    """Tell whether apt's lists have every one of these packages."""
    command = ["apt-cache", "--quiet=0", "policy", *packages]
    said = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C"},
    )
    candidates = re.findall(r"^\s+Candidate: (\S+)", said.stdout, re.MULTILINE)
    return len(candidates) == len(set(packages)) and "(none)" not in candidates


def _update_lists(runner: Runner) -> None:
    command = ["apt-get", "update", "-o", f"DPkg::Lock::Timeout={_APT_LOCK_SECONDS}"]
    runner.must_run("apt-get update", command)


def _disable_services(packages: Sequence[str]) -> None:
    """Keep the new packages' services from starting at the next boot, where they would take the lab's ports."""
    if not shutil.which("systemctl", path=_search_path()):
        return
    for package in packages:
        if package in _SERVER_PACKAGES:
            # One by one: systemctl stops at the first that it does not know.
            command = ["systemctl", "disable", "--quiet", f"{_SERVICE_OF.get(package, package)}.service"]
            subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)


def _list(words: Iterable[object]) -> str:
    return ", ".join(str(word) for word in words)


# --- Go programs ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GoProgram:
    """A program that is built from a pinned version: `part` is its part of the set-up, and its folder in `servers/`."""

    part: str
    title: str
    name: str
    requires: str
    """The module that brings it."""
    package: str
    stamp: str
    """The variable that tells its version, up to the version's digits."""

    @property
    def module(self) -> Path:
        """The go.mod that pins it."""
        return ROOT / "servers" / self.part / "go.mod"

    @property
    def version(self) -> str:
        """The version that is pinned, without its v; raises SetupError."""
        found = re.search(rf"{re.escape(self.requires)} v(\S+)", self.module.read_text(encoding="utf-8"))
        if found is None:
            raise SetupError(f"{_short(self.module)} pins no version of {self.title}")
        return found.group(1)

    @property
    def path(self) -> Path:
        """Where it is, built or not."""
        return cache_folder() / f"{self.name}-{self.version}"

    def is_ready(self, *, go: str | None) -> bool:
        """Tell whether it is there; one on PATH will do where there is no Go to build the pinned one."""
        if os.access(self.path, os.X_OK):
            return True
        return go is None and find_program(self.name) is not None

    def build(self, runner: Runner, go: str) -> None:
        """Build it; raises SetupError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Under another name until it is whole: whoever starts it takes whatever has its name there.
        unfinished = self.path.with_name(f".building-{self.name}-{os.getpid()}")
        flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", f"-s -w -X {self.stamp}{self.version}"]
        command = [go, "build", *flags, "-o", str(unfinished), self.package]
        try:
            runner.must_run(
                f"building {self.title}", command, folder=self.module.parent, environment={"CGO_ENABLED": "0"}
            )
            unfinished.replace(self.path)
        finally:
            with contextlib.suppress(OSError):
                unfinished.unlink()


TOXIPROXY: Final = GoProgram(
    "toxiproxy",
    "Toxiproxy",
    "toxiproxy-server",
    "github.com/Shopify/toxiproxy/v2",
    "github.com/Shopify/toxiproxy/v2/cmd/server",
    "github.com/Shopify/toxiproxy/v2.Version=",
)
KUBERNETES: Final = GoProgram(
    "kubernetes",
    "Kubernetes' API server",
    "kube-apiserver",
    "k8s.io/kubernetes",
    "k8s.io/kubernetes/cmd/kube-apiserver",
    "k8s.io/component-base/version.gitVersion=v",
)
_GO_PROGRAMS: Final = {program.part: program for program in (TOXIPROXY, KUBERNETES)}


def cache_folder() -> Path:
    """Give the folder of the programs that this program builds."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cad-ml-selfcheck" / "bin"


def find_go() -> str | None:
    """Give the path of a Go that is new enough, or None."""
    path = shutil.which("go", path=_search_path())
    if path is None:
        return None
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run([path, "version"], capture_output=True, text=True, timeout=20, check=False).stdout
        version = re.search(r"\bgo(\d+)\.(\d+)", said)
        if version and tuple(int(number) for number in version.groups()) >= OLDEST_GO:
            return path
    return None


# --- all of it ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """What is to be done, and what cannot be done here. `wait_for_debian`: steps that need a Debian package first."""

    interpreter: Interpreter | None
    packages: tuple[str, ...]
    builds: tuple[GoProgram, ...]
    wait_for_debian: frozenset[str]
    missing: tuple[Missing, ...]

    @property
    def titles(self) -> dict[str, str]:
        """The steps to run, by name, with the title that the user reads."""
        titles = {}
        if self.interpreter:
            version = ".".join(str(number) for number in self.interpreter.version)
            titles["python"] = f"Python packages ({locked_packages()}, Python {version})"
        if self.packages:
            titles["debian"] = f"Debian packages ({len(self.packages)})"
        return titles | {program.part: f"{program.title} {program.version}" for program in self.builds}


def _by_apt(package: str) -> str:
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install --no-install-recommends {package}"


def make_plan(parts: Sequence[str]) -> Plan:
    """Look at the machine and say what is to be done for these parts."""
    apt = may_use_apt()
    interpreter, packages, missing, waiting = None, [], [], set()
    absent = missing_servers(parts)
    if apt:
        packages = sorted(set(absent.values()))
    else:
        missing += [Missing(program, package, _by_apt(package)) for program, package in absent.items()]
    if "python" in parts and not python_is_ready():
        interpreter = find_interpreter()
        if interpreter is None:
            missing.append(Missing("Python 3.11 or later", "python3 python3-venv", _by_apt("python3 python3-venv")))
        elif not interpreter.complete:
            # Debian splits what makes environments from the interpreter.
            package = f"python{interpreter.version[0]}.{interpreter.version[1]}-venv"
            if apt:
                packages.append(package)
                waiting.add("python")
            else:
                missing.append(Missing("Python's venv module", package, _by_apt(package)))
                interpreter = None
    wanted = [program for part, program in _GO_PROGRAMS.items() if part in parts]
    unbuilt = [program for program in wanted if not os.access(program.path, os.X_OK)]
    go = find_go() if unbuilt else None
    builds = tuple(program for program in unbuilt if go is not None or not program.is_ready(go=go))
    if builds and go is None:
        if apt and _debian_go_will_do():
            packages.append("golang-go")
            waiting |= {program.part for program in builds}
        else:
            builds = ()
            oldest = ".".join(str(number) for number in OLDEST_GO)
            missing.append(
                Missing(
                    f"go {oldest} or later",
                    "golang-go (Debian 13 or later)",
                    f"{_by_apt('golang-go')}, or from go.dev/dl",
                )
            )
    return Plan(interpreter, tuple(packages), builds, frozenset(waiting), tuple(missing))


def _debian_go_will_do() -> bool:
    """Tell whether apt's Go is new enough."""
    said = subprocess.run(
        ["apt-cache", "policy", "golang-go"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    version = re.search(r"Candidate: (?:\d+:)?(\d+)\.(\d+)", said.stdout)
    return version is not None and tuple(int(number) for number in version.groups()) >= OLDEST_GO


def say(line: str) -> None:
    """Print one line of progress, at once."""
    print(line, flush=True)


class Work:
    """The steps of a plan, run side by side, each with its own log."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.titles = plan.titles
        self.failures: list[str] = []
        self._ended = 0
        self._runners = {name: Runner(name) for name in self.titles}
        self._debian_done = threading.Event()
        self._debian_failed = False

    def carry_out(self) -> None:
        """Run the steps to their end and print one line for each; `failures` then has a sentence for each that failed.

        Raises Interrupted once all that was running has ended.
        """
        say(f"Setting up: {', '.join(self.titles.values())}. Logs: {_short(LOGS)}/")
        with ThreadPoolExecutor(len(self.titles)) as threads:
            futures = {threads.submit(self._timed, name): name for name in self.titles}
            pending = set(futures)
            try:
                while pending:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for future in done:
                        self._tell(self.titles[futures[future]], future)
            except Interrupted:
                self._stop()
                raise

    def _timed(self, name: str) -> float:
        """Run one step; gives its seconds."""
        began = time.monotonic()
        builds = {program.part: functools.partial(self._build, program) for program in self.plan.builds}
        steps: dict[str, Callable[[Runner], None]] = {"python": self._python, "debian": self._debian, **builds}
        if name in self.plan.wait_for_debian:
            self._debian_done.wait()
            if self._debian_failed:
                raise SetupError("not tried: it needs the Debian packages")
        try:
            steps[name](self._runners[name])
        except OSError as error:
            raise SetupError(str(error)) from error
        return time.monotonic() - began

    def _python(self, runner: Runner) -> None:
        assert self.plan.interpreter is not None
        set_up_python(runner, self.plan.interpreter)

    def _debian(self, runner: Runner) -> None:
        self._debian_failed = True
        try:
            set_up_debian(runner, self.plan.packages)
            self._debian_failed = False
        finally:
            self._debian_done.set()

    @staticmethod
    def _build(program: GoProgram, runner: Runner) -> None:
        go = find_go()
        if go is None:
            raise SetupError("go is not there, or too old")
        program.build(runner, go)

    def _tell(self, title: str, future: Future[float]) -> None:
        """Print how a step ended; raises what is not a failure of a step but a mistake in this program."""
        self._ended += 1
        count = f"[{self._ended}/{len(self.titles)}]"
        error = future.exception()
        if error is None:
            say(f"{count} {title} ... {future.result():.0f} s")
        elif isinstance(error, SetupError):
            say(f"{count} {title} ... FAILED")
            self.failures.append(f"{title}: {error}")
        else:
            raise error

    def _stop(self) -> None:
        _ignore_signals()
        if "debian" in self._runners:
            say("Interrupted: waiting for apt to leave its packages in order ...")
        for runner in self._runners.values():
            runner.stop()


def _ignore_signals() -> None:
    """Let the clean-up run undisturbed; it takes a bounded time."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _on_signal(number: int, _frame: object) -> None:
    raise Interrupted(number)


def report_missing(missing: Sequence[Missing]) -> None:
    """Print the one list of what is missing, with the command that installs all of it."""
    rows = [("program", "Debian package"), *((one.program, one.package) for one in missing)]
    wide = max(len(program) for program, _ in rows)
    packages = sorted({one.package for one in missing if one.package in _SERVER_PACKAGES})
    say("")
    say(f"Missing on this machine ({len(missing)}):")
    for program, package in rows:
        say(f"  {program:<{wide}}  {package}")
    if may_use_apt() and all(one.package in packages for one in missing):
        say("`make setup` installs all of them")
        return
    has_apt = shutil.which("apt-get", path=_search_path()) is not None
    say("Install with:" if has_apt else "Install with (on Debian; elsewhere the projects' own packages will do):")
    if packages and has_apt and os.geteuid() != 0:
        say("  sudo python3 tools/setup.py --only debian")
        say(f"    (which is {_by_apt(' '.join(packages))}, without starting the services)")
    elif packages:
        say(f"  {_by_apt(' '.join(packages))}")
    for command in dict.fromkeys(one.install for one in missing if one.package not in packages):
        say(f"  {command}")


def check(parts: Sequence[str]) -> int:
    """Say what is there and what is not, change nothing; gives the exit code."""
    go = find_go()
    state = {
        "python": ("Python packages (.venv)", python_is_ready),
        "debian": ("servers of the lab", lambda: not missing_servers()),
        "toxiproxy": (f"Toxiproxy {TOXIPROXY.version}", lambda: TOXIPROXY.is_ready(go=go)),
        "kubernetes": (
            f"Kubernetes' API server {KUBERNETES.version}",
            lambda: KUBERNETES.is_ready(go=go) and not missing_servers(["kubernetes"]),
        ),
    }
    answers = {part: state[part][1]() for part in parts}
    for part in parts:
        say(f"{state[part][0]:<31}{'there' if answers[part] else 'missing'}")
    lacking = [Missing(program, package, _by_apt(package)) for program, package in missing_servers(parts).items()]
    lacking += [one for one in make_plan(parts).missing if one not in lacking]
    if lacking:
        report_missing(lacking)
    elif not all(answers.values()):
        say("`make setup` does the rest")
    return 0 if all(answers.values()) else 1


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait until no other set-up of this user runs: two would build the same files."""
    folder = cache_folder().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / "setup.lock").open("w", encoding="utf-8")
    except OSError as error:
        raise SetupError(
            f"{error.filename} cannot be written ({error.strerror}); set XDG_CACHE_HOME to a folder that can"
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Another set-up is running; waiting for it ...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _nothing_to_do(plan: Plan) -> bool:
    return not plan.titles and not plan.missing


def set_up(parts: Sequence[str]) -> int:
    """Set up these parts; gives the exit code. Raises SetupError and Interrupted."""
    began = time.monotonic()
    stale_policy = "debian" in parts and may_use_apt() and policy_left_behind()
    plan = make_plan(parts)
    failures: list[str] = []
    if plan.titles or stale_policy:
        with alone():
            if stale_policy:
                restore_policy()
            plan = make_plan(parts)  # another set-up may have done it meanwhile
            if plan.titles:
                work = Work(plan)
                work.carry_out()
                failures = work.failures
    if "python" in parts and python_is_ready():
        STAMP.touch()  # make compares its age with the lock file's
    if failures:
        say("")
        for failure in failures:
            print(f"setup: {failure}", file=sys.stderr, flush=True)
    if plan.missing:
        report_missing(plan.missing)
    if failures or plan.missing:
        return 1
    say(f"Set up ({time.monotonic() - began:.1f} s)")
    return 0


def main(arguments: Sequence[str]) -> int:
    """Read the command line and set up what it asks for; gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="tools/setup.py", description="Set up this checkout; see the top of the file."
    )
    parser.add_argument(
        "--only", action="append", choices=(*PARTS, *MORE_PARTS), help="look at this part alone (may be repeated)"
    )
    parser.add_argument("--check", action="store_true", help="say what is there, change nothing")
    options = parser.parse_args(arguments)
    parts = [part for part in (*PARTS, *MORE_PARTS) if part in (options.only or PARTS)]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _on_signal)
    try:
        return check(parts) if options.check else set_up(parts)
    except Interrupted as interruption:
        _ignore_signals()
        print("setup: interrupted; run it again to go on", file=sys.stderr)
        return 128 + interruption.number
    except (SetupError, OSError) as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
