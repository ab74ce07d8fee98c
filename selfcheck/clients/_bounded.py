"""Lets a library that has no time limit for a whole call be used within one.

Libraries of databases have a limit for each step at best (a lookup, a connection, one read), so a server that trickles,
or a name server that is silent, stretches a call as long as it likes. Here the call runs in a thread of its own; when
its time is over it is cut off, and whoever asked goes on.
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qs, urlsplit

from selfcheck.clients._explain import Failed, Failure, explain, printable
from selfcheck.clients._wire import Exchange, Phase
from selfcheck.observation import CouldNotObserve, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from selfcheck.secrets import Secrets
    from selfcheck.waiting import Deadline

T = TypeVar("T")

SERVICE_HINT = "Look at the log and the load of the service, or of what stands before it"
_SENTENCE_CHARACTERS_MAX = 300
_DEADLINE_HINT = "Give the run a longer deadline, or find out what is slow"


@dataclass(slots=True)
class Call:
    """One call under way: what it may take in seconds, and how to make it fail at once from another thread."""

    limit_seconds: float
    cut_off: Callable[[], None] = field(default=lambda: None)


class Bounded:
    """Runs calls for at most `timeout_seconds`, or what `deadline` has left; masks `secrets` in every sentence."""

    def __init__(self, *, timeout_seconds: float, deadline: Deadline, secrets: Secrets) -> None:
        self._timeout_seconds = timeout_seconds
        self._deadline = deadline
        self._secrets = secrets

    def run(self, asked: str, call: Callable[[Call], T], why: Callable[[Exception], Failure | None]) -> T:
        """Make the call, and give what it gives.

        `call` sets `cut_off` as soon as there is something to cut. `why` turns what the library raises into a failure,
        or says None for what is a defect of ours, which then passes through. Raises `CouldNotObserve`.
        """
        left = self._deadline.left_seconds
        if left <= 0:
            came_back = "not asked, because the time of the whole run was over"
            raise CouldNotObserve(Trouble.DEADLINE, asked=asked, came_back=came_back, hint=_DEADLINE_HINT)
        under_way = Call(min(self._timeout_seconds, left))
        failure: Failure | None
        try:
            return _in_time(call, under_way)
        except _OutOfTime:
            failure = _too_slow(under_way.limit_seconds, is_deadline=left < self._timeout_seconds)
        except Exception as error:  # the library decides which ones; `why` sorts them
            failure = error.failure if isinstance(error, Failed) else why(error)
            if failure is None:
                raise
            # The library has its own clock for the same moment, and may be the first to see that it is over.
            if failure.trouble is Trouble.TIMED_OUT and left < self._timeout_seconds:
                failure = _too_slow(under_way.limit_seconds, is_deadline=True)
        # Outside of the handler: the library's own text might quote a secret, so it is no part of what is raised.
        raise self.could_not(asked, failure)

    def could_not(self, asked: str, failure: Failure) -> CouldNotObserve:
        """The exception for a failure; what came back is masked, on one line, and of a bearable length."""
        # Masked before it is cut: half a secret would not be recognised.
        came_back = printable(self._secrets.mask(" ".join(failure.came_back.split())))
        return CouldNotObserve(
            failure.trouble, asked=asked, came_back=came_back[:_SENTENCE_CHARACTERS_MAX], hint=failure.hint
        )


class _OutOfTime(Exception):  # noqa: N818 - a state of affairs
    """The call was cut off."""


def _in_time(call: Callable[[Call], T], under_way: Call) -> T:
    results: list[T] = []
    errors: list[Exception] = []
    done = threading.Event()

    def work() -> None:
        try:
            results.append(call(under_way))
        except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
            errors.append(error)
        finally:
            done.set()

    # A daemon: a lookup of a name cannot be cut off, and must not keep the process from ending.
    threading.Thread(target=work, daemon=True, name="bounded call").start()
    try:
        in_time = done.wait(min(under_way.limit_seconds, threading.TIMEOUT_MAX))
    except BaseException:  # Ctrl-C
        under_way.cut_off()
        raise
    if not in_time:
        under_way.cut_off()
        raise _OutOfTime
    if errors:
        raise errors[0]
    return results[0]


def _too_slow(limit_seconds: float, *, is_deadline: bool) -> Failure:
    if is_deadline:
        return Failure(Trouble.DEADLINE, "the time of the whole run was over before it answered", _DEADLINE_HINT)
    return too_slow(limit_seconds)


def too_slow(limit_seconds: float) -> Failure:
    """The failure of a call that used up its time."""
    return Failure(Trouble.TIMED_OUT, f"no complete answer within {limit_seconds:.3g} s", SERVICE_HINT)


def network_failure(error: BaseException) -> Failure | None:
    """The failure behind an error of a library, if an error of the network is what caused it."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    if cause is None or isinstance(cause, TimeoutError):
        return None
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLCertVerificationError):
        reason = (cause.reason or str(cause)).replace("_", " ").lower()
        hint = "Check whether that port speaks TLS at all, and which versions of it"
        return Failure(Trouble.TLS, f"no agreement on TLS ({reason})", hint)
    if isinstance(cause, ConnectionResetError | BrokenPipeError):
        return Failure(Trouble.BROKEN_OFF, f"the connection broke off ({cause.strerror})", SERVICE_HINT)
    phase = Phase.LOOKING_UP if isinstance(cause, socket.gaierror) else Phase.CONNECTING
    return explain(cause, Exchange(ends_at=0.0, phase=phase), limit_seconds=0.0, is_deadline=False)


def shut_down(sock: socket.socket) -> None:
    """End a connection from another thread, so that whoever reads from it stops."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def address(url: str) -> str:
    """The part of a URL that may be shown: no user, no password, no options."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a URL that cannot be read"
    if "@" in parts.path + parts.query + parts.fragment:
        # A password with a slash, a question mark or a hash in it, written as it is: what looks like the host is a part
        # of it.
        return f"{parts.scheme}://***"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def keep_secret(url: str, secrets: Secrets) -> None:
    """Register the password of a URL, wherever in it it stands."""
    secrets.add_url(url)
    with suppress(ValueError):
        for value in parse_qs(urlsplit(url).query).get("password", []):
            secrets.add(value)
