"""Handshakes with real servers: good certificates and bad ones, new versions and old ones."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import time
import warnings
from typing import TYPE_CHECKING

import pytest
import trustme

from checks import test_security as security
from selfcheck.clients import tls
from selfcheck.contract import load
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.verdict import Outcome
from tests import misbehaving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.misbehaving import Connection

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


def context(authority: trustme.CA, *, name: str = "127.0.0.1", days: float = 90, old: bool = False) -> ssl.SSLContext:
    """For a server with a certificate of the authority, and with TLS 1.1 alone if `old`."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    started = NOW - dt.timedelta(days=365)
    authority.issue_cert(name, not_before=started, not_after=NOW + dt.timedelta(days=days)).configure_cert(made)
    if old:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            made.minimum_version = ssl.TLSVersion.TLSv1_1
        made.set_ciphers("ALL:@SECLEVEL=0")
    return made


def says_nothing(connection: Connection) -> None:
    connection.sock.recv(1)


def test_a_good_server(authority: trustme.CA, ca_file: Path) -> None:
    with misbehaving.serving(says_nothing, tls=context(authority)) as server:
        found = tls.verified(server.url, timeout_seconds=5, ca_file=ca_file)
        old = tls.offering(server.url, ssl.TLSVersion.TLSv1_1, timeout_seconds=5)
    assert (found.version, found.problem) == ("TLSv1.3", "")
    assert found.expires_at is not None
    assert (found.expires_at - time.time()) / 86_400 == pytest.approx(90, abs=0.1)
    assert (old.version, old.untried) == ("", False)
    assert old.problem


def test_an_old_version_is_noticed(authority: trustme.CA) -> None:
    with misbehaving.serving(says_nothing, tls=context(authority, old=True)) as server:
        found = tls.offering(server.url, ssl.TLSVersion.TLSv1_1, timeout_seconds=5)
    if found.untried:
        pytest.skip("the OpenSSL of this machine does not speak TLS 1.1")
    assert found.version == "TLSv1.1"


@pytest.mark.parametrize(
    ("name", "days", "problem"),
    [("127.0.0.1", -1, "expired"), ("other.example.com", 90, "mismatch")],
)
def test_a_bad_certificate(authority: trustme.CA, ca_file: Path, name: str, days: float, problem: str) -> None:
    with misbehaving.serving(says_nothing, tls=context(authority, name=name, days=days)) as server:
        found = tls.verified(server.url, timeout_seconds=5, ca_file=ca_file)
    assert found.expires_at is None
    assert problem in found.problem


def test_an_unknown_authority(authority: trustme.CA) -> None:
    with misbehaving.serving(says_nothing, tls=context(authority)) as server:
        assert "unable to get local issuer" in tls.verified(server.url, timeout_seconds=5).problem


def test_a_server_without_tls() -> None:
    with misbehaving.speaks_ssh() as server:
        assert tls.verified(server.url.replace("http:", "https:"), timeout_seconds=5).problem


def test_nobody_and_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(CouldNotObserve) as silent:
            tls.verified(f"https://127.0.0.1:{port}", timeout_seconds=0.2)
    assert silent.value.trouble is Trouble.TIMED_OUT
    with pytest.raises(CouldNotObserve) as nobody:
        tls.verified(f"https://127.0.0.1:{port}", timeout_seconds=5)
    assert nobody.value.trouble is Trouble.UNREACHABLE


@pytest.mark.parametrize(
    ("days", "old", "outcome", "said"),
    [
        (90, False, Outcome.PASS, "TLSv1.3"),
        (10, False, Outcome.PASS, "TLSv1.3"),
        (5, False, Outcome.FAIL, "the certificate ends in 5.0 days"),
        (-1, False, Outcome.FAIL, "expired"),
        (90, True, Outcome.FAIL, "TLSv1_1 is spoken"),
    ],
)
def test_what_the_check_says_of_a_server(
    authority: trustme.CA, ca_file: Path, days: float, outcome: Outcome, said: str, *, old: bool
) -> None:
    made = load().promises("security.tls", security.Tls)[0]
    with misbehaving.serving(says_nothing, tls=context(authority, days=days, old=old)) as server:
        verdict = security.look_at_tls(made, server.url, timeout_seconds=5, ca_file=ca_file)
    if any("cannot be tried" in note for note in verdict.notes):
        pytest.skip("the OpenSSL of this machine does not speak old versions")
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict
    assert bool(verdict.notes) is (days == 10)
