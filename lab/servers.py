"""The parts of a lab: which program each one is, how it is started, and when it is ready.

A part says what it needs in data; `lab.supervisor` starts, watches and ends them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import struct
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from lab import processes
from lab.configuration import (
    ALERTMANAGER,
    GRAFANA,
    HAPROXY,
    PROMETHEUS,
    PROXIES,
    REPLICAS,
    TOXIPROXY,
    fingerprint,
)
from lab.ports import HOST, Ports
from selfcheck.waiting import NotYet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.programs import Programs
    from lab.scaling import Scale

PROVIDERS: Final = ("paddle", "deepseek_hf", "vision")
DATABASE: Final = "cad_ml_platform"
DATABASE_USER: Final = "app"
DATABASE_ADMIN: Final = "lab_admin"
TRAFFIC_PER_SECOND: Final = 2.0

_REPOSITORY: Final = Path(__file__).resolve().parent.parent
_REFERENCE: Final = "lab.reference"
_ASK_TIMEOUT_SECONDS: Final = 2.0
_INITDB_TIMEOUT_SECONDS: Final = 60.0

# The platform's own time limits in production, and the floors to which the scale may bring them: what a real exchange
# takes on a busy small machine.
_REQUEST_TIMEOUT: Final = (30.0, 6.0)
_PROVIDER_TIMEOUT: Final = (10.0, 3.0)
_BREAKER_TIMEOUT: Final = (60.0, 2.0)
_CACHE_TTL: Final = (3600.0, 30.0)
# As the contract says of `local`.
_RATE_LIMIT_WINDOW: Final = (60.0, 3.0)
# So few that a check can use them up within the window.
_CLASSIFIER_RATE_LIMIT: Final = (22, 4)
# So few that a check can fill the cache and see what goes.
_CLASSIFIER_CACHE_MAX_SIZE: Final = 6
# Prometheus' own defaults, and the lab's floors for them.
_LOOKBACK: Final = (300.0, 10.0)
_RESEND_DELAY: Final = (60.0, 2.0)


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials of one lab, random and its own."""

    api_key: str
    other_api_key: str
    traffic_key: str
    admin_token: str
    database_password: str
    database_admin_password: str
    grafana_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the parts of one lab are made from."""

    directory: Path
    ports: Ports
    scale: Scale
    keys: Keys
    programs: Programs
    overrides: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        """The folder of the rendered configuration."""
        return self.directory / "config"

    def data(self, name: str) -> Path:
        """Give the folder for the data of a part."""
        return self.directory / "data" / name

    def database_url(self, user: str, password: str, database: str = DATABASE, *, proxied: bool = False) -> str:
        """Give the URL of a database, directly or through Toxiproxy."""
        port = self.ports.postgres_proxied if proxied else self.ports.postgres
        return f"postgresql://{user}:{password}@{HOST}:{port}/{database}"


def _nothing() -> None:
    """Stand in for a step that a part does not need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a lab.

    `ports` are what it listens on. `after` names the parts that must be ready before it starts. `prepare` runs before
    the start, `finish` once it answers (the part is ready after it). `ready` raises while the part is not ready.
    `configuration` are the files (or folders, with a slash) that it loads again on a reload.
    """

    name: str
    ports: tuple[int, ...]
    command: tuple[str, ...]
    ready: Callable[[httpx.Client], object]
    environment: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    prepare: Callable[[], None] = _nothing
    finish: Callable[[], None] = _nothing
    configuration: tuple[str, ...] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    user: processes.User | None = None
    working_folder: Path = _REPOSITORY

    @property
    def fingerprint(self) -> str:
        """What the part was started with, in short: when it differs, a restart is due."""
        return fingerprint(repr((self.command, sorted(self.environment.items()))))


def parts(setting: Setting) -> dict[str, Part]:
    """Give all parts of a lab by name, in the order in which they are shown."""
    listed = [
        _haproxy(setting),
        *(_replica(setting, name) for name in REPLICAS),
        *(_provider(setting, kind) for kind in PROVIDERS),
        _toxiproxy(setting),
        _redis(setting),
        _postgres(setting),
        _prometheus(setting),
        _alertmanager(setting),
        _receiver(setting),
        _grafana(setting),
        _redis_exporter(setting),
        _postgres_exporter(setting),
        _traffic(setting),
    ]
    return {part.name: part for part in listed}


def ask(client: httpx.Client, url: str) -> httpx.Response:
    """Ask a server of the lab; raises NotYet unless it answers 200."""
    try:
        answer = client.get(url, timeout=_ASK_TIMEOUT_SECONDS)
    except httpx.HTTPError as error:
        message = f"{url}: {type(error).__name__}"
        raise NotYet(message) from None
    if answer.status_code != httpx.codes.OK:
        message = f"{url} answered {answer.status_code}: {answer.text[:200]}"
        raise NotYet(message)
    return answer


def database_user() -> processes.User | None:
    """Give the user that Postgres runs as: it refuses to run as root. None: whoever we are."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return processes.User(entry.pw_uid, entry.pw_gid)
    message = "Postgres does not run as root, and this machine has neither a user postgres nor nobody"
    raise RuntimeError(message)


def private_folder(directory: Path) -> Path:
    """Give the folder under the system's temporary directory that belongs to the lab in `directory`.

    Only needed as root: the user that Postgres runs as can seldom reach a folder below root's. The name follows from
    the lab's, so that `down` finds the folder also when nothing else is left of the lab.
    """
    return Path(tempfile.gettempdir()) / f"cad-lab-{fingerprint(str(directory))}"


def remove_private_folder(directory: Path) -> None:
    """Remove the lab's folder under the system's temporary directory; there may be none."""
    folder = private_folder(directory)
    user = database_user()
    # Never anything that somebody else put there under this name.
    if user and folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == user.uid:
        shutil.rmtree(folder)


def _scaled(setting: Setting, seconds: tuple[float, float]) -> float:
    production_seconds, floor_seconds = seconds
    return min(production_seconds, max(production_seconds / setting.scale.factor, floor_seconds))


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


def _replica(setting: Setting, name: str) -> Part:
    ports, keys = setting.ports, setting.keys
    port = ports.replica(name)
    environment = {
        "LAB_DIRECTORY": str(setting.directory),
        "REQUEST_TIMEOUT": f"{_scaled(setting, _REQUEST_TIMEOUT):g}",
        "PROVIDER_TIMEOUT": f"{_scaled(setting, _PROVIDER_TIMEOUT):g}",
        "CIRCUIT_BREAKER_TIMEOUT": f"{_scaled(setting, _BREAKER_TIMEOUT):g}",
        "CACHE_TTL": f"{_scaled(setting, _CACHE_TTL):g}",
        "RATE_LIMIT_WINDOW_SECONDS": f"{_scaled(setting, _RATE_LIMIT_WINDOW):g}",
        "CLASSIFIER_RATE_LIMIT_PER_MIN": str(_CLASSIFIER_RATE_LIMIT[0]),
        "CLASSIFIER_RATE_LIMIT_BURST": str(_CLASSIFIER_RATE_LIMIT[1]),
        "CLASSIFIER_CACHE_MAX_SIZE": str(_CLASSIFIER_CACHE_MAX_SIZE),
        "REDIS_URL": f"redis://{HOST}:{ports.redis_proxied}/0",
        "DATABASE_URL": setting.database_url(DATABASE_USER, keys.database_password, proxied=True),
        "PADDLE_URL": ports.url("paddle_proxied"),
        "DEEPSEEK_HF_URL": ports.url("deepseek_hf_proxied"),
        "VISION_URL": ports.url("vision_proxied"),
        "API_KEYS": f"{keys.api_key},{keys.other_api_key},{keys.traffic_key}",
        "ADMIN_TOKEN": keys.admin_token,
    }

    def ready(client: httpx.Client) -> None:
        answer = ask(client, f"http://{HOST}:{port}/ready").json()
        if answer.get("ready") is not True:
            message = f"{name} is not ready: {answer}"
            raise NotYet(message)

    return Part(
        name=name,
        ports=(port,),
        command=_python(f"{_REFERENCE}.app", "--port", str(port), "--replica", name),
        environment=environment | dict(setting.overrides.get(name, {})),
        after=("redis", "postgres", "toxiproxy"),
        ready=ready,
    )


def _provider(setting: Setting, kind: str) -> Part:
    port: int = getattr(setting.ports, kind)
    return Part(
        name=kind,
        ports=(port,),
        command=_python(f"{_REFERENCE}.providers", "--kind", kind, "--port", str(port)),
        environment=setting.overrides.get(kind, {}),
        ready=lambda client: ask(client, f"http://{HOST}:{port}/healthz"),
    )


def _traffic(setting: Setting) -> Part:
    return Part(
        name="traffic",
        ports=(),
        command=_python(
            f"{_REFERENCE}.traffic",
            "--base-url",
            setting.ports.url("front"),
            "--rate",
            str(TRAFFIC_PER_SECOND),
        ),
        environment={"API_KEY": setting.keys.traffic_key} | dict(setting.overrides.get("traffic", {})),
        after=("haproxy", *REPLICAS, *PROVIDERS),
        # It has no port; that its requests arrive is seen in Prometheus.
        ready=lambda _: None,
    )


def _receiver(setting: Setting) -> Part:
    file = setting.directory / "receiver.jsonl"
    return Part(
        name="receiver",
        ports=(setting.ports.receiver,),
        command=_python("lab.receiver", "--port", str(setting.ports.receiver), "--file", str(file)),
        ready=lambda client: ask(client, f"{setting.ports.url('receiver')}/ready"),
    )


def _grafana(setting: Setting) -> Part:
    ports = setting.ports
    return Part(
        name="grafana",
        ports=(ports.grafana,),
        command=_python("lab.boards", "--port", str(ports.grafana), "--folder", str(setting.config / GRAFANA)),
        environment={
            "GRAFANA_TOKEN": setting.keys.grafana_token,
            "PROMETHEUS_URL": ports.url("prometheus"),
            "RECEIVER_URL": ports.url("receiver"),
        }
        | dict(setting.overrides.get("grafana", {})),
        configuration=(f"{GRAFANA}/",),
        ready=lambda client: ask(client, f"{ports.url('grafana')}/api/health"),
    )


def _haproxy(setting: Setting) -> Part:
    config = setting.config / HAPROXY

    def ready(client: httpx.Client) -> None:
        in_force = ask(client, f"{setting.ports.url('haproxy_stats')}/configuration").text
        if in_force not in config.read_text(encoding="utf-8"):
            message = "HAProxy still runs on an older configuration"
            raise NotYet(message)

    return Part(
        name="haproxy",
        ports=(setting.ports.front, setting.ports.haproxy_stats),
        command=(setting.programs["haproxy"], "-W", "-db", "-f", str(config)),
        configuration=(HAPROXY,),
        ready=ready,
    )


def _toxiproxy(setting: Setting) -> Part:
    ports = setting.ports
    config = setting.config / TOXIPROXY

    def ready(client: httpx.Client) -> None:
        there = set(ask(client, f"{ports.url('toxiproxy')}/proxies").json())
        if missing := set(PROXIES) - there:
            message = f"Toxiproxy has no proxy {', '.join(sorted(missing))}"
            raise NotYet(message)

    return Part(
        name="toxiproxy",
        ports=(ports.toxiproxy, *(getattr(ports, f"{name}_proxied") for name in PROXIES)),
        command=(
            setting.programs["toxiproxy-server"],
            *("-host", HOST, "-port", str(ports.toxiproxy), "-config", str(config), "-proxy-metrics"),
        ),
        environment={"LOG_LEVEL": "warn"},  # otherwise every scrape is logged
        ready=ready,
    )


def _redis(setting: Setting) -> Part:
    port = setting.ports.redis
    data = setting.data("redis")

    return Part(
        name="redis",
        ports=(port,),
        command=(
            setting.programs["redis-server"],
            *("--bind", HOST, "--port", str(port), "--dir", str(data), "--daemonize", "no"),
            *("--save", "", "--appendonly", "no", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"),
            # A title would be written over the environment, and with it over the lab's marker.
            *("--set-proc-title", "no"),
        ),
        prepare=lambda: data.mkdir(parents=True, exist_ok=True),
        ready=lambda _: _expect(port, b"PING\r\n", b"+"),
    )


def _postgres(setting: Setting) -> Part:
    user = database_user()
    home = private_folder(setting.directory) if user else setting.data("postgres")
    data = home / "data"

    def prepare() -> None:
        complete = home / "complete"
        if complete.exists():
            return
        shutil.rmtree(data, ignore_errors=True)  # what a killed initdb left
        _make_private(home, user)
        password_file = home / "password"
        processes.write_private(password_file, setting.keys.database_admin_password)
        if user:
            os.chown(password_file, user.uid, user.gid)
        processes.run(
            (
                setting.programs["initdb"],
                *(
                    "-D",
                    str(data),
                    "-U",
                    DATABASE_ADMIN,
                    "--pwfile",
                    str(password_file),
                    "--auth=scram-sha-256",
                ),
                *("--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
            ),
            directory=setting.directory,
            log=setting.directory / "logs" / "initdb.log",
            working_folder=home,
            user=user,
            timeout_seconds=_INITDB_TIMEOUT_SECONDS,
        )
        password_file.unlink()
        complete.touch()

    def finish() -> None:
        created = home / "created"
        if created.exists():
            return
        import psycopg  # noqa: PLC0415 - a slow import, needed once in a lab's life
        from psycopg import sql  # noqa: PLC0415 - as above

        url = setting.database_url(DATABASE_ADMIN, setting.keys.database_admin_password, "postgres")
        owner, name = sql.Identifier(DATABASE_USER), sql.Identifier(DATABASE)
        with psycopg.connect(url, autocommit=True, connect_timeout=2) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (DATABASE_USER,)).fetchone():
                password = sql.Literal(setting.keys.database_password)
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(owner, password))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, owner))
        created.touch()

    options = {
        "listen_addresses": HOST,
        "port": setting.ports.postgres,
        # Paths of sockets are limited to 107 characters; the lab may live deeper than that. TCP is enough.
        "unix_socket_directories": "",
        # The data ends with the lab.
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "shared_buffers": "16MB",
        # In files of the data folder instead of /dev/shm, where a killed server would leave them.
        "dynamic_shared_memory_type": "mmap",
        # The start title would be written over the environment, and with it over the lab's marker.
        "update_process_title": "off",
    }
    return Part(
        name="postgres",
        ports=(setting.ports.postgres,),
        command=(
            setting.programs["postgres"],
            *("-D", str(data)),
            *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
        ),
        prepare=prepare,
        # A server that still starts answers the greeting with an error, one that is ready asks for the password.
        ready=lambda _: _expect(setting.ports.postgres, _postgres_greeting(), b"R"),
        finish=finish,
        # SIGTERM would wait for every client to leave.
        stop_signal=signal.SIGINT,
        user=user,
        working_folder=Path("/"),
    )


def _postgres_greeting() -> bytes:
    """Write the message with which a client introduces itself (protocol 3.0)."""
    fields = b"\0".join([b"user", DATABASE_ADMIN.encode(), b"database", b"postgres", b"", b""])
    return struct.pack("!II", len(fields) + 8, 3 << 16) + fields


def _expect(port: int, request: bytes, beginning: bytes) -> None:
    """Say something to a server and look at the first byte of its answer; raises NotYet for another one."""
    try:
        with socket.create_connection((HOST, port), timeout=_ASK_TIMEOUT_SECONDS) as connection:
            connection.sendall(request)
            answer = connection.recv(200)
    except OSError as error:
        message = f"port {port}: {error}"
        raise NotYet(message) from None
    if not answer.startswith(beginning):
        message = f"port {port} answered {answer!r}"
        raise NotYet(message)


def _make_private(folder: Path, user: processes.User | None) -> None:
    """Make a folder that only `user` can enter; raises when somebody else's is in its place."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = user.uid if user else os.geteuid()
    there = folder.lstat()
    if there.st_uid == os.geteuid() and user:
        os.chown(folder, user.uid, user.gid)
    elif there.st_uid != owner:
        message = f"{folder} belongs to another user (id {there.st_uid}); remove it"
        raise processes.ProgramFailedError(message)
    folder.chmod(0o700)


def _prometheus(setting: Setting) -> Part:
    ports = setting.ports
    return Part(
        name="prometheus",
        ports=(ports.prometheus,),
        command=(
            setting.programs["prometheus"],
            f"--config.file={setting.config / PROMETHEUS}",
            f"--storage.tsdb.path={setting.data('prometheus')}",
            "--storage.tsdb.retention.time=6h",
            f"--web.listen-address={HOST}:{ports.prometheus}",
            "--web.enable-lifecycle",
            # A reload that takes a remote storage away waits this long for what was not sent yet.
            "--storage.remote.flush-deadline=1s",
            f"--query.lookback-delta={_scaled(setting, _LOOKBACK):g}s",
            f"--rules.alert.resend-delay={_scaled(setting, _RESEND_DELAY):g}s",
            "--log.level=warn",
        ),
        configuration=(PROMETHEUS, "rules/"),
        # Three minutes without a replica, which is when it alerts, are three seconds here: less than a slow start.
        after=REPLICAS,
        prepare=lambda: setting.data("prometheus").mkdir(parents=True, exist_ok=True),
        ready=lambda client: ask(client, f"{ports.url('prometheus')}/-/ready"),
    )


def _alertmanager(setting: Setting) -> Part:
    ports = setting.ports
    return Part(
        name="alertmanager",
        ports=(ports.alertmanager,),
        command=(
            setting.programs["prometheus-alertmanager"],
            f"--config.file={setting.config / ALERTMANAGER}",
            f"--storage.path={setting.data('alertmanager')}",
            "--data.retention=6h",
            f"--web.listen-address={HOST}:{ports.alertmanager}",
            "--cluster.listen-address=",  # one Alertmanager, no cluster
            "--log.level=warn",
        ),
        configuration=(ALERTMANAGER,),
        prepare=lambda: setting.data("alertmanager").mkdir(parents=True, exist_ok=True),
        ready=lambda client: ask(client, f"{ports.url('alertmanager')}/-/ready"),
    )


def _exporter_ready(url: str, sample: str) -> Callable[[httpx.Client], None]:
    def ready(client: httpx.Client) -> None:
        if sample not in ask(client, f"{url}/metrics").text.splitlines():
            message = f"{url}/metrics does not have {sample!r}"
            raise NotYet(message)

    return ready


def _redis_exporter(setting: Setting) -> Part:
    ports = setting.ports
    return Part(
        name="redis-exporter",
        ports=(ports.redis_exporter,),
        command=(
            setting.programs["prometheus-redis-exporter"],
            f"-web.listen-address={HOST}:{ports.redis_exporter}",
            f"-redis.addr=redis://{HOST}:{ports.redis}",
            "-connection-timeout=1s",
        ),
        ready=_exporter_ready(ports.url("redis_exporter"), "redis_up 1"),
    )


def _postgres_exporter(setting: Setting) -> Part:
    ports = setting.ports
    url = setting.database_url(DATABASE_ADMIN, setting.keys.database_admin_password, "postgres")
    return Part(
        name="postgres-exporter",
        ports=(ports.postgres_exporter,),
        command=(
            setting.programs["prometheus-postgres-exporter"],
            f"--web.listen-address={HOST}:{ports.postgres_exporter}",
            "--disable-settings-metrics",
            "--log.level=warn",
        ),
        environment={"DATA_SOURCE_NAME": f"{url}?sslmode=disable&connect_timeout=1"},
        after=("postgres",),
        ready=_exporter_ready(ports.url("postgres_exporter"), "pg_up 1"),
    )
