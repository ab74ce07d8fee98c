"""The set-up: what it says on a machine that lacks things, and that it does nothing twice and leaves nothing behind."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import psutil
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lab import programs
from selfcheck.waiting import wait_until
from tools import setup

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"


# --- a checkout of its own, with a lock file of two small packages that need no network -------------------------------


def make_wheel(folder: Path, name: str) -> str:
    """Write a wheel with one empty module; gives its line for a lock file."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},{len(text)}\n"
        for path, text in files.items()
    )
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in (files | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}).items():
            archive.writestr(path, text)
    return f"{name}==1.0 \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


class Checkout:
    """A copy of what the set-up needs, with a cache folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        self.wheels = folder / "wheels"
        self.wheels.mkdir()
        (self.folder / "tools").mkdir(parents=True)
        shutil.copy(ROOT / "tools" / "setup.py", self.folder / "tools")
        shutil.copytree(ROOT / "servers", self.folder / "servers")
        self.alpha, self.beta = make_wheel(self.wheels, "alpha"), make_wheel(self.wheels, "beta")
        self.lock = self.folder / "requirements.lock"
        self.lock.write_text(self.alpha + self.beta, encoding="utf-8")
        self.environment = {
            **os.environ,
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_NO_INDEX": "1",
        }

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start the set-up of this checkout."""
        return subprocess.Popen(
            [sys.executable, "tools/setup.py", *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the set-up of this checkout to its end."""
        process = self.start(*arguments, **environment)
        output, errors = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def has(self, module: str) -> bool:
        """Tell whether the checkout's own Python has a module."""
        python = self.folder / ".venv" / "bin" / "python"
        return subprocess.run([python, "-c", f"import {module}"], check=False, capture_output=True).returncode == 0


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


# --- what is missing --------------------------------------------------------------------------------------------------


def test_a_machine_without_anything_gets_one_list_of_all_that_is_missing(checkout: Checkout, tmp_path: Path) -> None:
    """Nothing on PATH: no apt, no Go, no server. Postgres alone is found outside PATH, where Debian keeps it."""
    (tmp_path / "empty").mkdir()
    done = checkout.run("--only", "debian", "--only", "toxiproxy", PATH=str(tmp_path / "empty"))
    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout.count("Missing on this machine") == 1
    listed, commands = done.stdout.split("Install with")
    for program, package in setup.DEBIAN_PROGRAMS.items():
        if package != "postgresql":
            assert re.search(rf"^  {program} +{package}$", listed, re.MULTILINE), program
            assert package in commands
    assert "go 1.21 or later" in listed
    assert "golang-go" in commands


def test_check_reports_and_changes_nothing(checkout: Checkout, tmp_path: Path) -> None:
    done = checkout.run("--check", PATH=os.devnull)
    assert done.returncode == 1
    assert re.search(r"^Python packages .* missing$", done.stdout, re.MULTILINE)
    assert sorted(path.name for path in checkout.folder.iterdir()) == [
        "requirements.lock",
        "servers",
        "tools",
    ]
    assert not (tmp_path / "cache").exists()


def test_the_set_up_installs_what_the_lab_looks_for() -> None:
    needed = set(programs.DEBIAN_PACKAGES.items())
    assert needed <= set(setup.DEBIAN_PROGRAMS.items())


def test_the_lab_and_the_set_up_use_the_same_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert programs.cache_folder() == setup.cache_folder()


# --- Python -----------------------------------------------------------------------------------------------------------


def test_a_stand_in_that_does_not_run_is_no_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Version managers put such stand-ins on PATH for versions that are installed and not chosen."""
    stand_in = tmp_path / "python3.13"
    stand_in.write_text("#!/bin/sh\necho not chosen >&2\nexit 127\n", encoding="utf-8")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "")
    assert setup.find_interpreter() is None


def test_no_python_is_one_more_line_of_the_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "")
    monkeypatch.setattr(setup, "python_is_ready", lambda: False)
    (missing,) = setup.make_plan(["python"]).missing
    assert missing.program == "Python 3.11 or later"
    assert "apt-get install" in missing.install


def test_the_python_that_runs_the_set_up_is_taken_also_from_inside_an_environment() -> None:
    interpreter = setup.find_interpreter()
    assert interpreter is not None
    assert interpreter.version == sys.version_info[:3]
    assert ".venv" not in Path(interpreter.path).parts


@pytest.mark.slow
def test_a_second_run_does_nothing_and_a_file_that_is_not_the_locked_one_is_refused(checkout: Checkout) -> None:
    """One story, because each chapter costs a virtual environment."""
    first = checkout.run("--only", "python")
    assert (first.returncode, first.stderr) == (0, "")
    assert "[1/1] Python packages (2, Python 3." in first.stdout
    assert checkout.has("alpha")
    assert checkout.has("beta")

    made = (checkout.folder / ".venv" / "pyvenv.cfg").stat()
    second = checkout.run("--only", "python", PIP_FIND_LINKS="/nowhere")
    assert second.returncode == 0
    assert re.fullmatch(r"Set up \(0\.\d s\)\n", second.stdout)
    assert (checkout.folder / ".venv" / "pyvenv.cfg").stat() == made

    forged = re.sub(r"[0-9a-f]{64}", "0" * 64, checkout.beta)
    checkout.lock.write_text(checkout.alpha + forged, encoding="utf-8")
    third = checkout.run("--only", "python")
    assert third.returncode == 1
    assert "FAILED" in third.stdout
    assert "DO NOT MATCH THE HASHES" in third.stderr
    assert "full log: .setup/python.log" in third.stderr
    assert "Traceback" not in third.stderr
    assert not checkout.has("beta"), "the environment is made afresh when the lock file changes"
    assert not (checkout.folder / ".venv" / ".ready").exists(), "the next run tries again"


# --- the lock file ----------------------------------------------------------------------------------------------------


def locked() -> dict[str, list[str]]:
    """Give the locked packages, each with its lines (one for each set of conditions)."""
    entries: dict[str, list[str]] = {}
    for entry in re.split(r"\n(?=\S)", LOCK.read_text(encoding="utf-8").strip()):
        if not entry.startswith("#"):
            name = re.split(r"[ =]", entry, maxsplit=1)[0]
            entries.setdefault(name, []).append(entry)
    return entries


def test_every_locked_package_has_one_version_and_hashes() -> None:
    for entries in locked().values():
        for entry in entries:
            requirement, *hashes = (line.strip().rstrip(" \\") for line in entry.splitlines())
            assert re.fullmatch(r"[a-z0-9._-]+==[\w.+!]+( ; .+)?", requirement), requirement
            assert hashes, requirement
            assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes), requirement


def test_the_lock_file_names_no_host_and_no_path() -> None:
    text = LOCK.read_text(encoding="utf-8")
    for forbidden in ("http:", "https:", "--index", "--extra-index", "--find-links", "--trusted-host", "/"):
        assert forbidden not in text, forbidden


def test_the_lock_file_has_all_that_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    entries = locked()
    for line in asked:
        requirement = Requirement(line)
        versions = [re.match(r"[^=]+==(\S+)", entry) for entry in entries.get(canonicalize_name(requirement.name), [])]
        assert versions, f"{line}: run `make lock`"
        assert all(version and requirement.specifier.contains(version[1]) for version in versions), line


# --- Debian packages --------------------------------------------------------------------------------------------------


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Put the machine's policy-rc.d elsewhere."""
    path = tmp_path / "policy-rc.d"
    monkeypatch.setattr(setup, "_POLICY", path)
    monkeypatch.setattr(setup, "_POLICY_SAVED", tmp_path / "saved")
    return path


def test_services_are_held_and_the_machines_own_policy_comes_back(policy: Path) -> None:
    policy.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    policy.chmod(0o700)
    with setup.services_held():
        assert subprocess.run([policy, "prometheus", "start"], check=False).returncode == 101
    assert policy.read_text(encoding="utf-8") == "#!/bin/sh\nexit 0\n"
    assert policy.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in policy.parent.iterdir()] == ["policy-rc.d"]


def install_in_vain() -> None:
    with setup.services_held():
        raise setup.SetupError("apt failed")


def test_a_machine_without_a_policy_has_none_after_a_failure(policy: Path) -> None:
    with pytest.raises(setup.SetupError):
        install_in_vain()
    assert list(policy.parent.iterdir()) == []


@pytest.mark.parametrize("own", ["#!/bin/sh\nexit 0\n", None], ids=["with a policy", "without one"])
def test_what_a_killed_run_left_is_put_right(policy: Path, own: str | None) -> None:
    if own:
        policy.write_text(own, encoding="utf-8")
    held = setup.services_held()
    held.__enter__()  # and never left
    assert setup.policy_left_behind()
    setup.restore_policy()
    assert not setup.policy_left_behind()
    assert (policy.read_text(encoding="utf-8") if policy.exists() else None) == own


def test_a_listener_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert port in setup.listening_ports()
    assert port not in setup.listening_ports()


# --- Toxiproxy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", [setup.TOXIPROXY, setup.KUBERNETES], ids=lambda program: program.part)
def test_what_is_built_is_pinned_with_its_checksums(program: setup.GoProgram) -> None:
    sums = (ROOT / "servers" / program.part / "go.sum").read_text(encoding="utf-8")
    assert f"{program.requires} v{program.version} h1:" in sums


def test_what_takes_long_is_built_only_when_asked_for(checkout: Checkout, tmp_path: Path) -> None:
    put_go(tmp_path / "bin", version="1.24.1", build=f'{_TO_OUTPUT}; echo built > "$2"; chmod 755 "$2"')
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    checkout.run("--only", "toxiproxy", PATH=path)
    assert checkout.run("--only", "kubernetes", "--check", PATH=path).returncode == 1
    (program,) = (tmp_path / "cache" / "cad-ml-selfcheck" / "bin").iterdir()
    assert program.name.startswith("toxiproxy-server-")


# In a line of shell: leaves the file to write in `$2`.
_TO_OUTPUT = 'while [ "$1" != -o ]; do shift; done'


def put_go(folder: Path, *, version: str, build: str) -> None:
    """Put a Go on PATH that says a version, and builds as told by a line of shell."""
    folder.mkdir()
    go = folder / "go"
    go.write_text(
        f'#!/bin/sh\nif [ "$1" = version ]; then echo "go version go{version} linux/amd64"; exit; fi\n{build}\n',
        encoding="utf-8",
    )
    go.chmod(0o755)


def test_a_failed_build_leaves_no_program(checkout: Checkout, tmp_path: Path) -> None:
    put_go(tmp_path / "bin", version="1.24.1", build=f'{_TO_OUTPUT}; echo half > "$2"; echo no room >&2; exit 1')
    done = checkout.run("--only", "toxiproxy", PATH=f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert done.returncode == 1
    assert "no room" in done.stderr
    assert "full log: .setup/toxiproxy.log" in done.stderr
    assert list((tmp_path / "cache" / "cad-ml-selfcheck" / "bin").iterdir()) == []


def test_a_built_program_is_not_built_again(checkout: Checkout, tmp_path: Path) -> None:
    count = tmp_path / "count"
    write = f'{_TO_OUTPUT}; echo built > "$2"; chmod 755 "$2"; echo once >> {count}'
    put_go(tmp_path / "bin", version="1.24.1", build=write)
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    for _ in range(2):
        assert checkout.run("--only", "toxiproxy", PATH=path).returncode == 0
    assert count.read_text(encoding="utf-8") == "once\n"
    (program,) = (tmp_path / "cache" / "cad-ml-selfcheck" / "bin").iterdir()
    assert program.name == f"toxiproxy-server-{setup.TOXIPROXY.version}"


def test_a_go_that_is_too_old_counts_as_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put_go(tmp_path / "bin", version="1.19.8", build="exit 1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert setup.find_go() is None


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_ends_what_was_started(
    checkout: Checkout, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """A build that would never end, with a child of its own."""
    began = tmp_path / "began"
    put_go(tmp_path / "bin", version="1.24.1", build=f"sleep 600 & echo $! > {began}; wait")
    with checkout.start("--only", "toxiproxy", PATH=f"{tmp_path / 'bin'}:/usr/bin:/bin") as process:
        try:
            wait_until(
                lambda: began.exists() and began.read_text().endswith("\n"),
                timeout_seconds=30,
                what="the build to begin",
            )
            started = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(number)
            output, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert len(started) == 2
    assert process.returncode == code
    assert "interrupted" in errors
    assert "Traceback" not in output + errors
    _, alive = psutil.wait_procs(started, timeout=10)
    assert not alive
