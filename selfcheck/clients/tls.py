"""TLS of a server: its certificate, and the versions that it speaks. Handshakes only, nothing is asked."""

from __future__ import annotations

import socket
import ssl
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from selfcheck.clients.http import trusts_any
from selfcheck.observation import CouldNotObserve, Trouble

if TYPE_CHECKING:
    from pathlib import Path

_HTTPS_PORT = 443
# What our own OpenSSL says when it is built or configured without an old version: the server was not asked.
_OURS = frozenset({"NO_PROTOCOLS_AVAILABLE", "NO_CIPHERS_AVAILABLE", "UNSUPPORTED_PROTOCOL_VERSION"})


@dataclass(frozen=True, slots=True)
class Handshake:
    """What came of one handshake.

    `version` as OpenSSL names it ("TLSv1.3"), empty when none was agreed upon; `expires_at` is the certificate's end
    as Unix time; `problem` says why it failed; `untried` that this machine cannot speak what was to be tried.
    """

    version: str = ""
    expires_at: float | None = None
    problem: str = ""
    untried: bool = False


def verified(url: str, *, timeout_seconds: float, ca_file: Path | None = None) -> Handshake:
    """Shake hands as a careful client does; raises CouldNotObserve when there is nobody to shake hands with."""
    context = ssl.create_default_context(cafile=ca_file)
    if ca_file is None and not trusts_any():
        import certifi  # noqa: PLC0415 - only for machines without authorities of their own

        context.load_verify_locations(certifi.where())
    return _shake(url, context, timeout_seconds)


def offering(url: str, version: ssl.TLSVersion, *, timeout_seconds: float) -> Handshake:
    """Offer this version alone, whatever the certificate; raises CouldNotObserve as `verified` does."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # no secret is sent, and the certificate is judged elsewhere
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that it is an old version is why it is tried
        context.minimum_version = context.maximum_version = version
    # Otherwise our own OpenSSL would refuse what the server might accept.
    context.set_ciphers("ALL:@SECLEVEL=0")
    return _shake(url, context, timeout_seconds)


def _shake(url: str, context: ssl.SSLContext, timeout_seconds: float) -> Handshake:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _HTTPS_PORT
    try:
        raw = socket.create_connection((host, port), timeout_seconds)
    except OSError as error:
        raise CouldNotObserve(
            Trouble.UNREACHABLE,
            asked=f"TLS of {host}:{port}",
            came_back=f"no connection ({error.strerror or type(error).__name__})",
            hint="Look whether it listens there",
        ) from None
    with raw:
        try:
            with context.wrap_socket(raw, server_hostname=host) as secured:
                certificate = secured.getpeercert() or {}
                ends = certificate.get("notAfter")
                expires_at = float(ssl.cert_time_to_seconds(str(ends))) if ends else None
                return Handshake(secured.version() or "", expires_at)
        except ssl.SSLCertVerificationError as error:
            return Handshake(problem=error.verify_message)
        except ssl.SSLError as error:
            return Handshake(problem=error.reason or "no TLS", untried=error.reason in _OURS)
        except TimeoutError:
            raise CouldNotObserve(
                Trouble.TIMED_OUT,
                asked=f"TLS of {host}:{port}",
                came_back=f"no handshake within {timeout_seconds:g} s",
                hint="Look at the server, or the proxy before it",
            ) from None
        except OSError as error:
            return Handshake(problem=error.strerror or type(error).__name__)
