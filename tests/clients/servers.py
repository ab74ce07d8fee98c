"""Real servers for the tests of clients, each on a free port of loopback for as long as a `with` block lasts."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import programs
from lab.servers import database_user
from selfcheck.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "o/p:e@n?#§esame%"
"""A password with everything in it that has a meaning in a URL."""


def program(name: str) -> str:
    """Where a server is installed; the test is skipped where it is not."""
    found = programs.optional(name)
    if found is None:
        pytest.skip(f"{name} is not installed; `make setup` says how to get it")
    return str(found)


@contextmanager
def running(*command: str, folder: Path, user: int | None = None, group: int | None = None) -> Iterator[int]:
    """A server process, by its id; what it prints goes to a file in `folder`."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, user=user, group=group)
        try:
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def redis(folder: Path) -> Iterator[int]:
    """Redis, by its port: the default user has `PASSWORD`, the user `narrow` (password `narrow-pw`) may only ping."""
    port = free_port()
    users = folder / "users.acl"
    users.write_text(f"user default on ~* &* +@all >{PASSWORD}\nuser narrow on +ping >narrow-pw\n")
    options = ("--bind", "127.0.0.1", "--port", str(port), "--save", "", "--aclfile", str(users))
    with running(program("redis-server"), *options, folder=folder):
        wait_until(lambda: _listens(port), timeout_seconds=10, what="Redis to listen")
        yield port


@contextmanager
def postgres() -> Iterator[tuple[int, int]]:
    """Postgres, by its port and process id, with the superuser `boss` whose password is `PASSWORD`."""
    user = database_user()
    home = Path(tempfile.mkdtemp(prefix="selfcheck-postgres-"))  # pytest's own folders are closed to other users
    user_id, group_id = (user.uid, user.gid) if user else (None, None)
    try:
        (home / "password").write_text(PASSWORD, encoding="utf-8")
        if user:
            for path in (home, home / "password"):
                os.chown(path, user.uid, user.gid)
        access = ("-U", "boss", "--pwfile=password", "--auth=scram-sha-256")
        command = (program("initdb"), "-D", "data", *access, "--encoding=UTF8", "--locale=C", "--no-sync")
        subprocess.run(command, cwd=home, check=True, capture_output=True, timeout=60, user=user_id, group=group_id)
        port = free_port()
        options = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "fsync": "off",
            "dynamic_shared_memory_type": "mmap",
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with running(
            program("postgres"), "-D", "data", *words, folder=home, user=user_id, group=group_id
        ) as process_id:
            wait_until(lambda: _listens(port), timeout_seconds=20, what="Postgres to listen")
            yield port, process_id
    finally:
        shutil.rmtree(home)


@contextmanager
def toxiproxy(folder: Path) -> Iterator[int]:
    """Toxiproxy without a proxy, by the port of its control address."""
    port = free_port()
    with running(program("toxiproxy-server"), "-host", "127.0.0.1", "-port", str(port), folder=folder):
        wait_until(lambda: _listens(port), timeout_seconds=10, what="Toxiproxy to listen")
        yield port


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
