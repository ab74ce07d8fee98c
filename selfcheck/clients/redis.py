"""Asks Redis, through the `redis` package: does it answer, what does it say of itself, how is it set up.

The package is imported with the first question (0.1 s on an idle machine). It is given no retries, and sockets that end
in time and hold a bounded answer: what it would read from a server that is none has no limit of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from selfcheck.clients._bounded import (
    SERVICE_HINT,
    Bounded,
    Call,
    address,
    keep_secret,
    network_failure,
    shut_down,
    too_slow,
)
from selfcheck.clients._explain import Failed, Failure
from selfcheck.observation import CouldNotObserve, Trouble

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    import redis as package

    from selfcheck.secrets import Secrets
    from selfcheck.waiting import Deadline

_ANSWER_BYTES_MAX = 4 * 1024 * 1024
_CREDENTIALS_HINT = "Check the user and the password in the URL of Redis"
_WRONG_PORT_HINT = "Most likely the URL names the port of another service: correct it"


class Redis:
    """A client of one Redis server, by a URL that redis-py understands (redis://, rediss://, unix://).

    Every question opens a connection of its own, which ends with the answer. Each takes at most `timeout_seconds`, and
    less when `deadline` is nearer. Every method raises `CouldNotObserve`; the password is in none of its texts.
    """

    def __init__(self, url: str, *, timeout_seconds: float, deadline: Deadline, secrets: Secrets) -> None:
        self.url = address(url)
        self._with_credentials = url
        self._bounded = Bounded(timeout_seconds=timeout_seconds, deadline=deadline, secrets=secrets)
        self._timeout_seconds = timeout_seconds
        keep_secret(url, secrets)

    def ping(self) -> None:
        """Make sure that it answers a PING; raises `CouldNotObserve` when it does not."""
        answer = self._ask("PING", lambda client: client.ping())
        if answer is not True:
            raise self._unexpected("PING", "it answers, but not as Redis answers a PING")

    def info(self, section: str) -> dict[str, Any]:
        """What it says of itself in one section of INFO ("server", "memory", "stats", ...); numbers are numbers.

        The names are those of Redis; a section that it does not know is empty.
        """
        answer = self._ask(f"INFO {section}", lambda client: client.info(section))
        if not isinstance(answer, dict):
            raise self._unexpected(f"INFO {section}", "it answers, but not as Redis answers INFO")
        return answer

    def setting(self, name: str) -> str | None:
        """One of its settings, as CONFIG GET gives it; None when it has none of that name."""
        question = f"CONFIG GET {name}"
        answer = self._ask(question, lambda client: client.config_get(name))
        if not isinstance(answer, dict):
            raise self._unexpected(question, "it answers, but not as Redis answers CONFIG GET")
        # A package that is told to decode gives text, else bytes.
        plain = {_text(key): _text(value) for key, value in answer.items()}
        return plain.get(name)

    def change_setting(self, name: str, value: str) -> str:
        """Change one of its settings with CONFIG SET, until it is restarted; gives it as read back."""
        question = f"CONFIG SET {name}"
        if self._ask(question, lambda client: client.config_set(name, value)) is not True:
            raise self._unexpected(question, "it answers, but not as Redis answers CONFIG SET")
        seen = self.setting(name)
        if seen is None:
            raise self._unexpected(question, "it took the setting, but does not have it")
        return seen

    def _ask(self, question: str, ask: Callable[[package.Redis], Any]) -> Any:
        def call(under_way: Call) -> Any:
            with self._connected(under_way) as client:
                return ask(client)

        import redis  # noqa: F401, PLC0415 - a slow import; it must not eat up the time of the question

        return self._bounded.run(f"{question} {self.url}", call, self._why)

    def _unexpected(self, question: str, problem: str) -> CouldNotObserve:
        failure = Failure(Trouble.UNEXPECTED_ANSWER, problem, _WRONG_PORT_HINT)
        return self._bounded.could_not(f"{question} {self.url}", failure)

    def _connected(self, under_way: Call) -> package.Redis:
        import redis  # noqa: PLC0415 - a slow import that only runs with a Redis in scope pay for
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        try:
            client = redis.Redis.from_url(
                self._with_credentials,
                connection_class=_watched(self._with_credentials, under_way),
                socket_timeout=under_way.limit_seconds,
                socket_connect_timeout=under_way.limit_seconds,
                # Older versions retry only when told to; newer ones three times unless told otherwise.
                retry=Retry(NoBackoff(), 0),
                # No HELLO: the older protocol says all that is asked here, and every server has it.
                protocol=2,
            )
            client.connection_pool.make_connection()  # opens nothing yet, but looks at the options of the URL
        except (ValueError, TypeError):
            # What the package says of it may quote a part of the password.
            hint = "Write it as redis://:password@host:6379/0, with special characters in %xx form"
            raise Failed(Trouble.BAD_URL, "that is no URL of a Redis server", hint) from None
        return client

    def _why(self, error: Exception) -> Failure | None:  # noqa: PLR0911 - one line for each kind of error
        import redis  # noqa: PLC0415 - as above

        text = str(error)
        if isinstance(error, redis.TimeoutError):
            return too_slow(self._timeout_seconds)
        if isinstance(error, redis.AuthenticationError | redis.exceptions.NoPermissionError):
            return Failure(Trouble.ERROR_ANSWER, f"Redis refused: {text}", _CREDENTIALS_HINT)
        if isinstance(error, redis.BusyLoadingError):
            return Failure(Trouble.ERROR_ANSWER, f"Redis is not ready: {text}", "Wait until it has loaded its data")
        if isinstance(error, redis.InvalidResponse):
            return Failure(
                Trouble.UNEXPECTED_ANSWER, f"what answers does not speak as Redis does ({text})", _WRONG_PORT_HINT
            )
        if isinstance(error, redis.ResponseError):
            return Failure(Trouble.ERROR_ANSWER, f"Redis refused: {text}", SERVICE_HINT)
        if isinstance(error, redis.ConnectionError | OSError):
            if text == "Connection not ready":  # the package's word for bytes that nobody asked for
                return Failure(Trouble.UNEXPECTED_ANSWER, "what answers says more than it was asked", _WRONG_PORT_HINT)
            failure = network_failure(error)
            if failure is not None and failure.trouble is not Trouble.BROKEN_OFF:
                return failure
            hint = f"{SERVICE_HINT}; if it expects TLS, write rediss:// in the URL"
            return Failure(Trouble.BROKEN_OFF, f"the connection ended without an answer ({text})", hint)
        if isinstance(error, redis.RedisError | AttributeError | LookupError | TypeError | ValueError):
            # The package takes an answer apart as if it were the one of Redis.
            came_back = f"it answers, but not as Redis does ({type(error).__name__}: {text})"
            return Failure(Trouble.UNEXPECTED_ANSWER, came_back, _WRONG_PORT_HINT)
        return None


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _watched(url: str, under_way: Call) -> type[package.Connection]:
    """The class of connections for a URL, with a socket that can be cut off and that counts what comes."""
    from redis import connection  # noqa: PLC0415 - as above

    classes: dict[str, type[Any]] = {
        "rediss": connection.SSLConnection,
        "unix": connection.UnixDomainSocketConnection,
    }
    base: Any = classes.get(urlsplit(url).scheme, connection.Connection)

    class Watched(base):  # type: ignore[misc] # the base is chosen by the scheme
        """One connection of one question."""

        def _connect(self) -> _CountedSocket:
            sock = super()._connect()
            under_way.cut_off = lambda: shut_down(sock)
            return _CountedSocket(sock)

    return Watched


class _CountedSocket:
    """A socket that gives no more than an answer of Redis may have: the package buffers all that comes."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._received_bytes = 0

    def recv(self, size: int) -> bytes:
        """Receive; raises `Failed` (TOO_LARGE)."""
        data = self._sock.recv(size)
        self._received_bytes += len(data)
        if self._received_bytes > _ANSWER_BYTES_MAX:
            came_back = f"its answer is larger than {_ANSWER_BYTES_MAX:,} bytes"
            raise Failed(Trouble.TOO_LARGE, came_back, _WRONG_PORT_HINT)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)
