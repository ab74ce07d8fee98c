"""What faults are made with: Toxiproxy, Redis and the commands of the deployment, reached through the settings.

Hands have a time of their own: a fault is taken back also when the time of the run is over.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import re
import socket
import threading
from typing import TYPE_CHECKING, Final, Self

from chaos import commands
from selfcheck import VERSION
from selfcheck.clients._bounded import address
from selfcheck.clients.http import Http
from selfcheck.clients.redis import Redis
from selfcheck.clients.toxiproxy import Toxiproxy
from selfcheck.contract import Component
from selfcheck.secrets import Secrets
from selfcheck.settings import Scope, as_environment
from selfcheck.waiting import Deadline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from selfcheck.contract import Contract
    from selfcheck.settings import Settings
    from selfcheck.target import Target

OURS: Final = "selfcheck-"
"""The name of everything that faults of ours leave where others see it begins with this."""

_TIMEOUT_SECONDS: Final = 4.0
_numbers = itertools.count(1)


def new_mark(run_id: str) -> str:
    """Give a name for one fault of a run, fit for a toxic, a file and a variable; no two are the same in a process."""
    return f"{marks_of(run_id)}{next(_numbers)}"


def marks_of(run_id: str) -> str:
    """Give what all marks of a run begin with."""
    return f"{OURS}{re.sub(r'[^A-Za-z0-9_]', '_', run_id.removeprefix(OURS))[:40]}-"


class Hands:
    """The clients that faults are made and taken back with. Close it, or use it as a context manager."""

    def __init__(self, scope: Scope, *, secrets: Secrets | None = None) -> None:
        self.scope = scope
        self.secrets = secrets or Secrets()
        for secret in (scope.api_key, scope.other_api_key, scope.admin_token, scope.grafana_token):
            self.secrets.add(secret)
        for url in (scope.environment.redis_url, scope.environment.database_url, scope.environment.toxiproxy_url):
            self.secrets.add_url(url)
        self.doubtful: set[str] = set()
        """Marks of faults whose making broke off: the request may still arrive after it was taken back."""
        self._deadline = Deadline(math.inf)
        self._http = Http(
            deadline=self._deadline,
            secrets=self.secrets,
            user_agent=f"cad-ml-selfcheck/{VERSION}",
            timeout_seconds=_TIMEOUT_SECONDS,
            ca_file=scope.settings.ca_file,
            client_certificate=scope.client_certificate,
        )
        self._nonsense: dict[str, Nonsense] = {}

    @classmethod
    def of(cls, target: Target) -> Self:
        """Make them for the target of a run."""
        return cls(target.scope, secrets=target.secrets)

    @classmethod
    def from_settings(cls, settings: Settings, contract: Contract) -> Self:
        """Make them from settings, where there is no run; raises SettingsError."""
        return cls(Scope(settings, contract))

    def __enter__(self) -> Self:
        """Nothing to begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close connections, and the servers that answer nonsense."""
        for server in list(self._nonsense):
            self.stop_nonsense(server)
        self._http.close()

    # ------------------------------------------------------------------------------------------------------- servers

    def toxiproxy(self, shown: str = "") -> Toxiproxy | None:
        """The Toxiproxy of the settings, None when there is none; or the one of an inverse, by its URL as shown."""
        url = self.scope.url(Component.TOXIPROXY)
        if shown and (url is None or address(url) != shown):
            url = shown  # of another environment, or before the settings were changed: then without credentials
        return Toxiproxy(self._http, url) if url else None

    def redis(self, shown: str = "") -> Redis | None:
        """The Redis of the settings, None when there is none; or the one of an inverse, likewise."""
        url = self.scope.url(Component.REDIS)
        if shown and (url is None or address(url) != shown):
            url = shown
        if not url:
            return None
        return Redis(url, timeout_seconds=_TIMEOUT_SECONDS, deadline=self._deadline, secrets=self.secrets)

    # ------------------------------------------------------------------------------------------------------ commands

    def run(self, command: Sequence[str], *, mark: str, timeout_seconds: float) -> commands.Ran:
        """Run a command of the deployment, with the settings in its environment; raises OSError."""
        ran = commands.run(command, mark=mark, environment=self._environment(), timeout_seconds=timeout_seconds)
        return commands.Ran(ran.words, ran.code, self.secrets.mask(ran.output))

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, **as_environment(self.scope.settings)}

    # ------------------------------------------------------------------------------------------------------ nonsense

    def start_nonsense(self) -> str:
        """Start a server on loopback whose answers make no sense; gives its address. It ends with this process."""
        server = Nonsense()
        self._nonsense[server.address] = server
        return server.address

    def stop_nonsense(self, server: str) -> None:
        """Stop such a server, if it is one of ours."""
        found = self._nonsense.pop(server, None)
        if found is not None:
            found.close()

    def is_nonsense(self, server: str) -> bool:
        """Tell whether an address is that of such a server of ours."""
        return server in self._nonsense


_NONSENSE: Final = b"\x00\xff\x13\x37 this is no answer \xfe\r\n" * 8
_CONNECTIONS_MAX: Final = 64
_CONNECTION_SECONDS: Final = 2.0
_READ_BYTES_MAX: Final = 8 * 1024 * 1024


class Nonsense:
    """A server on a free port of loopback that answers all with bytes that make no sense, and closes."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._places = threading.Semaphore(_CONNECTIONS_MAX)
        self._closed = threading.Event()
        host, port = self._listener.getsockname()[:2]
        self.address = f"{host}:{port}"
        self._thread = threading.Thread(target=self._accept, name="nonsense", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; connections end by themselves."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(_CONNECTION_SECONDS)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._closed.is_set():
                connection, _ = self._listener.accept()
                if not self._places.acquire(blocking=False):
                    connection.close()
                    continue
                threading.Thread(target=self._answer, args=(connection,), name="nonsense", daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError):
                connection.settimeout(_CONNECTION_SECONDS)
                received = len(connection.recv(65_536))
                connection.sendall(_NONSENSE)
                connection.shutdown(socket.SHUT_WR)
                # What is not read would turn the end into a reset, which might overtake the nonsense.
                while received < _READ_BYTES_MAX and (more := connection.recv(65_536)):
                    received += len(more)
        finally:
            self._places.release()
