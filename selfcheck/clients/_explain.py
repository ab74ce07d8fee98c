"""Turns what went wrong on the wire into one sentence: what happened instead of an answer, and what to do."""

from __future__ import annotations

import math
import re
import socket
import ssl
from typing import NamedTuple

import httpcore

from selfcheck.clients._wire import Exchange, NotHttp, OutOfTime, Phase
from selfcheck.observation import Trouble

_ADDRESS_HINT = "Start the service, or correct its URL"
_SERVICE_HINT = "Look at the log and the load of the service, or of the proxy before it"
_WRONG_PORT_HINT = "Most likely the URL names the port of another service: correct it"

# OpenSSL's numbers of X509_V_ERR_..., which Python does not name.
_CERTIFICATE_PROBLEMS = {
    9: ("its certificate is not valid yet", "Check the clocks of both machines"),
    10: ("its certificate has expired", "Renew the certificate"),
    18: ("its certificate is self-signed", "Name its certificate as the CA file, if it is to be trusted"),
    19: (
        "its certificate chain ends in a self-signed one",
        "Name that authority as the CA file, if it is to be trusted",
    ),
    20: (
        "its certificate comes from an unknown authority",
        "Name the authority as the CA file, if it is to be trusted",
    ),
    21: ("its certificate chain is incomplete", "Let the service send the intermediate certificates too"),
    62: (
        "its certificate is for another host",
        "Use a host name of the certificate in the URL, or correct the certificate",
    ),
    64: (
        "its certificate is for another address",
        "Use a name of the certificate in the URL, or correct the certificate",
    ),
}


class Failure(NamedTuple):
    """The parts of a `CouldNotObserve` that do not depend on what was asked."""

    trouble: Trouble
    came_back: str
    hint: str


class Failed(Exception):  # noqa: N818 - carries a `Failure` to the place that knows what was asked
    """No usable answer, for a reason that the client itself found."""

    def __init__(self, trouble: Trouble, came_back: str, hint: str) -> None:
        super().__init__(trouble, came_back, hint)
        self.failure = Failure(trouble, came_back, hint)


NO_ANSWER: tuple[type[Exception], ...] = (
    Failed,
    OutOfTime,
    NotHttp,
    OSError,
    UnicodeError,  # a host name that cannot be encoded
    httpcore.ProtocolError,
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)
"""Everything that means "no answer"; any other exception is a defect of ours and passes through."""


def explain(  # noqa: PLR0911 - one line for each kind of error
    error: Exception, exchange: Exchange, *, limit_seconds: float, is_deadline: bool
) -> Failure:
    """The failure behind an error of `NO_ANSWER`.

    `limit_seconds` is what the exchange had; `is_deadline` says whether the end of the whole run set it.
    """
    if isinstance(error, Failed):
        return error.failure
    if isinstance(error, OutOfTime | TimeoutError | httpcore.TimeoutException):
        return _out_of_time(exchange, limit_seconds, is_deadline=is_deadline)
    if isinstance(error, NotHttp):
        return _not_http(exchange, f"what answers does not speak HTTP; it begins with {preview(exchange.first_bytes)}")
    if isinstance(error, socket.gaierror | UnicodeError):
        return _no_name(error)
    if isinstance(error, ssl.SSLError):
        return _no_tls(error)
    if isinstance(error, OSError | httpcore.NetworkError):
        return _no_network(error, exchange)
    if isinstance(error, httpcore.RemoteProtocolError):
        return _bad_protocol(str(error), exchange)
    if isinstance(error, httpcore.ProxyError):
        return Failure(
            Trouble.UNREACHABLE,
            f"the proxy of the environment refused: {printable(str(error))}",
            "Correct the proxy variables of the environment (NO_PROXY leaves a host out)",
        )
    # The text of a local protocol error may quote the value of a header, which may be a secret.
    return Failure(Trouble.BAD_URL, "it cannot be sent like this", "Correct the URL, or the header that goes with it")


def preview(data: bytes | str, characters_max: int = 80) -> str:
    """The beginning of an answer, quoted, fit for one line of a report."""
    text = data if isinstance(data, str) else data[: 4 * characters_max].decode("utf-8", "replace")
    cut = text[:characters_max]
    return f"“{printable(cut)}{'…' if len(text) > len(cut) else ''}”"


def printable(text: str) -> str:
    """The text on one line, with everything escaped that would act on a terminal or hide."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _out_of_time(exchange: Exchange, limit_seconds: float, *, is_deadline: bool) -> Failure:
    where = f"it was still {exchange.phase} ({exchange.received_bytes:,} bytes had come)"
    if is_deadline:
        return Failure(
            Trouble.DEADLINE,
            f"the time of the whole run was over; {where}",
            "Give the run a longer deadline, or find out what is slow",
        )
    hint = _SERVICE_HINT
    if exchange.phase is Phase.LOOKING_UP:
        hint = "Check the name server and the host name"
    elif exchange.phase is Phase.CONNECTING:
        hint = "The host is down or a firewall drops the packets: check both, or correct the URL"
    elif exchange.phase is Phase.SECURING:
        hint = "If it speaks no TLS at all, write http:// in the URL; otherwise look at its log and load"
    return Failure(Trouble.TIMED_OUT, f"no complete answer within {_seconds(limit_seconds)}; {where}", hint)


def _seconds(seconds: float) -> str:
    return "any time" if math.isinf(seconds) else f"{seconds:.3g} s"


def _not_http(exchange: Exchange, came_back: str) -> Failure:
    # 0x15 0x03 begins a TLS alert, which is how a TLS server answers plain text.
    if exchange.first_bytes.startswith(b"\x15\x03"):
        return Failure(Trouble.NOT_HTTP, "what answers speaks TLS", "Write https:// in the URL")
    return Failure(Trouble.NOT_HTTP, came_back, _WRONG_PORT_HINT)


def _no_name(error: socket.gaierror | UnicodeError) -> Failure:
    reason = error.strerror if isinstance(error, socket.gaierror) else "no host name can look like this"
    return Failure(
        Trouble.NAME_NOT_FOUND,
        f"the host name does not resolve ({reason})",
        "Correct the host name in the URL, or the name server of this machine",
    )


def _no_tls(error: ssl.SSLError) -> Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        known = _CERTIFICATE_PROBLEMS.get(error.verify_code)
        problem, hint = known or (
            "its certificate does not verify",
            "Correct the certificate, or name the right CA file",
        )
        return Failure(Trouble.TLS, f"{problem} ({printable(error.verify_message)})", hint)
    reason = (error.reason or str(error)).replace("_", " ").lower()
    if "wrong version number" in reason or "record layer" in reason:
        return Failure(Trouble.TLS, f"what answers does not speak TLS ({reason})", "Write http:// in the URL")
    return Failure(
        Trouble.TLS,
        f"no agreement on TLS ({reason})",
        "Check the TLS settings of the service and the client certificate",
    )


def _no_network(error: OSError | httpcore.NetworkError, exchange: Exchange) -> Failure:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    if isinstance(error, ConnectionRefusedError):
        return Failure(Trouble.REFUSED, "nothing listens there (connection refused)", _ADDRESS_HINT)
    if exchange.phase is Phase.CONNECTING:
        return Failure(Trouble.UNREACHABLE, f"no way to get there ({reason})", "Check the network, or correct the URL")
    if exchange.phase is Phase.SECURING:
        return Failure(Trouble.TLS, f"the connection ended during TLS ({reason})", _WRONG_PORT_HINT)
    return _broken_off(exchange, reason)


def _broken_off(exchange: Exchange, reason: str) -> Failure:
    if exchange.phase in {Phase.HEADERS, Phase.BODY}:
        so_far = f"{exchange.received_bytes:,} bytes had come"
        came_back = f"the answer broke off while {exchange.phase} ({so_far}): {reason}"
    else:
        came_back = f"the connection was accepted and closed again without an answer: {reason}"
    return Failure(Trouble.BROKEN_OFF, came_back, f"{_SERVICE_HINT}; if it expects TLS, write https:// in the URL")


def _bad_protocol(reason: str, exchange: Exchange) -> Failure:
    """Sort h11's complaints; only their text tells them apart (the tests hold each of them)."""
    if "without sending a response" in reason:
        return _broken_off(exchange, "end of connection")
    if "without sending complete message body" in reason:
        counted = re.search(r"received \d+ bytes, expected \d+", reason)
        return _broken_off(exchange, counted.group() if counted else "end of connection")
    if "Receive buffer too long" in reason and exchange.phase is not Phase.BODY:
        return Failure(Trouble.TOO_LARGE, "the headers of the answer are larger than 100 KiB", _SERVICE_HINT)
    quoted = re.sub(r"bytearray\(b(['\"])(.*)\1\)", r"“\2”", reason)
    return _not_http(exchange, f"what answers speaks HTTP wrongly: {printable(quoted)[:160]}")
