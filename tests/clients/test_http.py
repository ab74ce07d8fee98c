"""The HTTP client against servers that really misbehave: the right trouble, in time, in little memory."""

from __future__ import annotations

import contextlib
import functools
import gzip
import json
import logging
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from selfcheck.clients.http import Answer, Http, Request
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.secrets import Secrets
from selfcheck.waiting import Deadline, wait_until
from tests import misbehaving

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.clients.conftest import MakeHttp

KEY = "key-that-nobody-may-see"
MIB = 1 << 20


def trouble_with(http: Http, url: str, method: str = "GET", **fields: Any) -> CouldNotObserve:
    with pytest.raises(CouldNotObserve) as caught:
        http.ask(method, url, **fields)
    trouble = caught.value
    assert trouble.sentence == str(trouble)
    assert trouble.sentence.startswith(f"{method} http")
    assert trouble.hint in trouble.sentence
    assert "\n" not in trouble.sentence
    return trouble


# ------------------------------------------------------------------------------------------------- what
# servers do


@pytest.mark.parametrize(
    ("server", "trouble", "words"),
    [
        (misbehaving.refuses, Trouble.REFUSED, "nothing listens"),
        (misbehaving.resets, Trouble.BROKEN_OFF, "without an answer"),
        (misbehaving.hangs_up, Trouble.BROKEN_OFF, "without an answer"),
        (misbehaving.breaks_off, Trouble.BROKEN_OFF, "received 1 bytes, expected 1000"),
        (misbehaving.bad_chunks, Trouble.NOT_HTTP, "“this is no chunk"),
        (misbehaving.speaks_ssh, Trouble.NOT_HTTP, "“SSH-2.0-OpenSSH_9.2p1"),
        (lambda: misbehaving.speaks_ssh(holds=True), Trouble.NOT_HTTP, "“SSH-2.0-OpenSSH_9.2p1"),
        (misbehaving.redirects_forever, Trouble.REDIRECT_LOOP, "/page/6"),
        (lambda: misbehaving.redirects_to("/"), Trouble.REDIRECT_LOOP, "in a circle"),
        (lambda: misbehaving.redirects_to("javascript:x"), Trouble.BAD_URL, "no URL: “javascript:x”"),
        (
            lambda: misbehaving.redirects_to("gopher://127.0.0.1/"),
            Trouble.FOREIGN_REDIRECT,
            "gopher://127.0.0.1",
        ),
        (misbehaving.huge_headers, Trouble.TOO_LARGE, "headers"),
        (misbehaving.large_body, Trouble.TOO_LARGE, "200,000,000"),
        (lambda: misbehaving.large_body(announced=False), Trouble.TOO_LARGE, "at most 8,388,608"),
        (misbehaving.endless_body, Trouble.TOO_LARGE, "does not end"),
        (misbehaving.gzip_bomb, Trouble.TOO_LARGE, "does not end"),
        (misbehaving.silent, Trouble.TIMED_OUT, "waiting for the first byte"),
        (misbehaving.trickles_headers, Trouble.TIMED_OUT, "receiving the headers"),
        (misbehaving.trickles_body, Trouble.TIMED_OUT, "receiving the body"),
    ],
)
def test_no_answer(
    server: Callable[[], AbstractContextManager[misbehaving.Server]],
    trouble: Trouble,
    words: str,
    make_http: MakeHttp,
) -> None:
    http = make_http(timeout_seconds=0.6, body_bytes_max=8 * MIB)
    started = time.monotonic()
    with server() as running:
        found = trouble_with(http, f"{running.url}/")
    assert found.trouble is trouble
    assert found.asked == f"GET {running.url}/"
    assert words in found.came_back
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("server", "trouble", "words"),
    [
        (misbehaving.login_page, Trouble.NOT_JSON, "“<!DOCTYPE html>\\n<html>"),
        (misbehaving.empty, Trouble.NOT_JSON, "it is empty"),
        (misbehaving.not_utf8, Trouble.NOT_TEXT, "0xfc"),
    ],
)
def test_an_answer_that_is_not_json(
    server: Callable[[], AbstractContextManager[misbehaving.Server]], trouble: Trouble, words: str, http: Http
) -> None:
    with server() as running:
        answer = http.ask("GET", running.url)
    with pytest.raises(CouldNotObserve) as caught:
        answer.json()
    assert caught.value.trouble is trouble
    assert words in caught.value.sentence
    assert caught.value.asked == f"GET {running.url}"


def test_a_server_error_is_an_answer(http: Http) -> None:
    with misbehaving.server_error() as server:
        answer = http.ask("GET", server.url)
    assert answer.status == 500
    assert answer.json() == {"detail": "out of order"}


def test_what_is_slow_but_in_time_is_received(http: Http) -> None:
    body = b"x" * 20

    def slowly(connection: misbehaving.Connection) -> None:
        connection.request()
        connection.trickle(misbehaving.answer(200, body), interval_seconds=0.002)

    with misbehaving.serving(slowly) as server:
        answer = http.ask("GET", server.url)
    assert answer.body == body
    assert 0.1 < answer.elapsed_seconds < 5
    assert abs(answer.asked_at + answer.elapsed_seconds - time.time()) < 5


# -------------------------------------------------------------------------------------------------- time and
# memory


def test_the_deadline_of_the_run_ends_an_exchange(make_http: MakeHttp) -> None:
    with misbehaving.silent() as server:
        found = trouble_with(make_http(deadline=Deadline(0.3)), server.url)
    assert found.trouble is Trouble.DEADLINE


def test_after_the_deadline_nothing_is_asked(make_http: MakeHttp) -> None:
    with misbehaving.empty() as server:
        found = trouble_with(make_http(deadline=Deadline(0)), server.url)
    assert found.trouble is Trouble.DEADLINE
    assert server.connections == 0


def test_without_a_deadline_the_timeout_holds(make_http: MakeHttp) -> None:
    with misbehaving.silent() as server:
        found = trouble_with(make_http(deadline=Deadline(math.inf)), server.url, timeout_seconds=0.2)
    assert found.trouble is Trouble.TIMED_OUT
    assert "within 0.2 s" in found.sentence


IN_A_PROCESS = """
import sys, threading
from selfcheck.clients.http import CouldNotObserve, Http, Request
from selfcheck.secrets import Secrets
from selfcheck.waiting import Deadline

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

limits = dict(deadline=Deadline(60), timeout_seconds=20, body_bytes_max=8 << 20)
http = Http(secrets=Secrets(), user_agent="test/1", **limits)
url = sys.argv[1]
"""


def run_python(code: str, *arguments: str, timeout_seconds: float = 30) -> str:
    command = [sys.executable, "-c", IN_A_PROCESS + code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_seconds, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
@pytest.mark.parametrize(
    "server",
    [misbehaving.gzip_bomb, lambda: misbehaving.large_body(announced=False), misbehaving.endless_body],
    ids=["gzip bomb", "200 MB", "endless"],
)
def test_memory_stays_within_the_limit_for_a_body(
    server: Callable[[], AbstractContextManager[misbehaving.Server]],
) -> None:
    code = """
before = peak()
try:
    http.ask("GET", url)
except CouldNotObserve as trouble:
    print(trouble.trouble, peak() - before)
"""
    with server() as running:
        trouble, grown_kib = run_python(code, running.url).split()
    assert trouble == "too_large"
    assert int(grown_kib) < (8 + 8) * 1024


def test_the_greatest_body_that_is_allowed_is_held_once() -> None:
    code = """
before = peak()
assert len(http.ask("GET", url).body) == 8 << 20
print(peak() - before)
"""
    with misbehaving.large_body(8 * MIB) as running:
        assert int(run_python(code, running.url)) < (8 + 6) * 1024


# ----------------------------------------------------------------------------------------------------------
# Ctrl-C


@pytest.mark.parametrize(
    "asking", ['http.ask("GET", url)', 'http.ask_all([Request("GET", url)] * 3)'], ids=["ask", "ask_all"]
)
def test_ctrl_c_ends_at_once(asking: str) -> None:
    with misbehaving.silent() as server:
        command = [sys.executable, "-c", IN_A_PROCESS + asking, server.url]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                wait_until(lambda: server.connections or None, timeout_seconds=20, what="the process to ask")
                process.send_signal(signal.SIGINT)
                interrupted = time.monotonic()
                _, errors = process.communicate(timeout=10)
            finally:
                process.kill()
    assert time.monotonic() - interrupted < 5
    assert "KeyboardInterrupt" in errors
    assert process.returncode != 0


# ----------------------------------------------------------------------------------------------------- how to
# get there


@pytest.mark.parametrize(
    ("url", "trouble"),
    [
        ("localhost:8000", Trouble.BAD_URL),
        ("/health", Trouble.BAD_URL),
        ("", Trouble.BAD_URL),
        ("http:///health", Trouble.BAD_URL),
        ("ftp://localhost/", Trouble.BAD_URL),
        ("http://localhost:99999/", Trouble.BAD_URL),
        ("http://localhost:port/", Trouble.BAD_URL),
        ("http://local\x00host/", Trouble.BAD_URL),
        ("http://[::1/", Trouble.BAD_URL),
        (f"http://{'a' * 64}.example/", Trouble.NAME_NOT_FOUND),
    ],
)
def test_a_url_that_leads_nowhere(url: str, trouble: Trouble, http: Http) -> None:
    with pytest.raises(CouldNotObserve) as caught:
        http.ask("GET", url)
    assert caught.value.trouble is trouble
    assert "\x00" not in caught.value.sentence
    assert caught.value.hint


def test_a_name_that_does_not_exist(http: Http) -> None:
    found = trouble_with(http, "http://selfcheck-test.invalid/")
    # A machine whose name server does not answer at all is told so, by the time limit.
    assert found.trouble in {Trouble.NAME_NOT_FOUND, Trouble.TIMED_OUT}
    assert "name" in found.came_back


def test_a_resolver_that_hangs_holds_nobody_up() -> None:
    code = """
import socket, time
socket.getaddrinfo = lambda *_, **__: threading.Event().wait(60)
try:
    http.ask("GET", "http://slow.example/", timeout_seconds=0.3)
except CouldNotObserve as trouble:
    print(trouble)
"""
    started = time.monotonic()
    assert "looking up the host name" in run_python(code, "unused")
    assert time.monotonic() - started < 10


def test_an_address_without_a_way_to_it(http: Http) -> None:
    # The broadcast address takes no TCP connection anywhere.
    assert trouble_with(http, "http://255.255.255.255:9/").trouble is Trouble.UNREACHABLE


def test_every_address_of_a_name_is_tried(http: Http) -> None:
    with misbehaving.empty() as server:  # on 127.0.0.1 alone, while localhost may be ::1 as well
        assert http.ask("GET", f"http://localhost:{server.port}/").status == 200
    with misbehaving.refuses() as closed:
        assert trouble_with(http, f"http://localhost:{closed.port}/").trouble is Trouble.REFUSED


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_ipv6(http: Http) -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with listener:
        url = f"http://[::1]:{listener.getsockname()[1]}/"
        found = trouble_with(http, url, timeout_seconds=0.2)
    assert found.trouble is Trouble.TIMED_OUT
    assert list(http.tally.by_origin) == [url.rstrip("/")]


def test_proxies_of_the_environment_are_for_other_hosts(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    with misbehaving.empty() as server, misbehaving.empty() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert http.ask("GET", f"{server.url}/here").status == 200
        assert not proxy.requests
        assert http.ask("GET", "http://elsewhere.invalid/there").status == 200
        assert proxy.requests[0].startswith(b"GET http://elsewhere.invalid/there ")
        monkeypatch.setenv("no_proxy", ".invalid")
        with pytest.raises(CouldNotObserve):
            http.ask("GET", "http://elsewhere.invalid/there", timeout_seconds=2)
        assert len(proxy.requests) == 1


def test_a_socks_proxy_is_refused_with_a_sentence(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert "socks5 proxy" in trouble_with(http, "http://elsewhere.invalid/").came_back


# ------------------------------------------------------------------------------------------------------------
# - TLS


@pytest.mark.parametrize(
    ("options", "trusted", "words"),
    [
        ({}, False, "self-signed"),
        ({"expired": True}, True, "expired"),
        ({"names": "DNS:other.example"}, True, "for another address"),
    ],
)
def test_a_certificate_that_does_not_verify(
    options: dict[str, Any],
    trusted: bool,  # noqa: FBT001 - a column of the table
    words: str,
    tmp_path: Path,
    make_http: MakeHttp,
) -> None:
    made = misbehaving.certificate(tmp_path, **options)
    http = make_http(ca_file=made.certificate if trusted else None)
    with misbehaving.answering(lambda _: misbehaving.answer(200), tls=made.context()) as server:
        found = trouble_with(http, server.url)
        assert make_http(verify=False).ask("GET", server.url).status == 200
    assert found.trouble is Trouble.TLS
    assert words in found.came_back


def test_a_certificate_for_another_name(tmp_path: Path, make_http: MakeHttp) -> None:
    made = misbehaving.certificate(tmp_path, names="DNS:other.example")
    with misbehaving.answering(lambda _: misbehaving.answer(200), tls=made.context()) as server:
        found = trouble_with(make_http(ca_file=made.certificate), f"https://localhost:{server.port}")
    assert found.trouble is Trouble.TLS
    assert "for another host" in found.came_back


def test_a_certificate_that_verifies(tmp_path: Path, make_http: MakeHttp) -> None:
    made = misbehaving.certificate(tmp_path)
    http = make_http(ca_file=made.certificate, client_certificate=(made.certificate, made.key))
    with misbehaving.answering(lambda _: misbehaving.answer(200, b"hi"), tls=made.context()) as server:
        assert [http.ask("GET", server.url).body for _ in range(3)] == [b"hi"] * 3
        assert server.connections == 1


def test_tls_where_there_is_none(make_http: MakeHttp) -> None:
    with misbehaving.speaks_ssh() as server:
        found = trouble_with(make_http(), f"https://127.0.0.1:{server.port}")
    assert found.trouble is Trouble.TLS
    with misbehaving.silent() as server:
        found = trouble_with(make_http(timeout_seconds=0.3), f"https://127.0.0.1:{server.port}")
    assert found.trouble is Trouble.TIMED_OUT
    assert "http://" in found.hint


def test_plain_http_where_there_is_tls(http: Http) -> None:
    def alert(connection: misbehaving.Connection) -> None:
        connection.request()
        connection.send(b"\x15\x03\x01\x00\x02\x02\x16")

    with misbehaving.serving(alert) as server:
        found = trouble_with(http, server.url)
    assert found.trouble is Trouble.NOT_HTTP
    assert "https://" in found.hint


def test_a_ca_file_that_is_not_there(tmp_path: Path, make_http: MakeHttp) -> None:
    found = trouble_with(make_http(ca_file=tmp_path / "missing.pem"), "https://127.0.0.1:1/")
    assert found.trouble is Trouble.TLS
    assert "CA file" in found.came_back


# ---------------------------------------------------------------------------------------------------------
# redirects


def test_a_redirect_on_the_same_server_is_followed(http: Http) -> None:
    replies = {
        "/metrics": misbehaving.answer(307, location="/metrics/"),
        "/metrics/": misbehaving.answer(200, b"up 1\n", content_type="text/plain; version=0.0.4"),
    }
    with misbehaving.routes(replies) as server:
        answer = http.ask("GET", f"{server.url}/metrics", headers={"X-API-Key": KEY})
    assert answer.body == b"up 1\n"
    assert answer.asked == f"GET {server.url}/metrics"
    assert answer.url == f"{server.url}/metrics/"
    assert answer.redirects == (f"{server.url}/metrics",)
    assert answer.content_type == "text/plain"
    assert all(KEY.encode() in head for head in server.requests)
    assert server.connections == 1
    assert http.tally.requests == 2


def test_a_redirect_is_shown_and_not_followed_when_asked_so(http: Http) -> None:
    with misbehaving.redirects_to("http://elsewhere.example/") as server:
        answer = http.ask("GET", server.url, follow_redirects=False)
    assert (answer.status, answer.headers["location"]) == (302, "http://elsewhere.example/")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_credentials_reach_no_other_server(status: int, http: Http) -> None:
    with misbehaving.empty() as other, misbehaving.redirects_to(f"{other.url}/login", status) as server:
        found = trouble_with(http, server.url, headers={"Authorization": f"Bearer {KEY}"})
        also = trouble_with(http, f"http://localhost:{server.port}/", headers={"X-API-Key": KEY})
        assert other.connections == 0
    assert found.trouble is also.trouble is Trouble.FOREIGN_REDIRECT
    assert f"{other.url}/login" in found.came_back


def test_from_http_to_https_on_the_same_host_and_never_back(tmp_path: Path, make_http: MakeHttp) -> None:
    made = misbehaving.certificate(tmp_path)
    http = make_http(ca_file=made.certificate)
    with contextlib.ExitStack() as stack:
        secure = stack.enter_context(misbehaving.answering(lambda _: misbehaving.answer(200), tls=made.context()))
        plain = stack.enter_context(misbehaving.redirects_to(f"{secure.url}/"))
        assert http.ask("GET", plain.url).url == f"{secure.url}/"
        back = misbehaving.answer(302, location=f"{plain.url}/")
        secure_back = stack.enter_context(misbehaving.answering(lambda _: back, tls=made.context()))
        assert trouble_with(http, secure_back.url).trouble is Trouble.FOREIGN_REDIRECT


def test_a_post_is_sent_again_only_where_http_says_so(http: Http) -> None:
    replies = {
        "/moved": misbehaving.answer(301, location="/target"),
        "/see": misbehaving.answer(303, location="/target"),
        "/again": misbehaving.answer(307, location="/target"),
        "/target": misbehaving.answer(200, b"arrived"),
    }
    with misbehaving.routes(replies) as server:
        assert http.ask("POST", f"{server.url}/moved", json={"a": 1}).status == 301
        assert http.ask("POST", f"{server.url}/see", json={"a": 1}).status == 200
        assert http.ask("POST", f"{server.url}/again", json={"a": 1}).status == 200
    assert [head.split(b" ")[0] for head in server.requests] == [b"POST", b"POST", b"GET", b"POST", b"POST"]
    assert b"ontent-" not in server.requests[2]


# -------------------------------------------------------------------------------------------------------
# connections


def test_connections_are_kept_and_given_up(http: Http) -> None:
    with misbehaving.empty() as server:
        for _ in range(5):
            http.ask("GET", server.url)
        assert server.connections == 1
        http.close()
        http.ask("GET", server.url)
        assert server.connections == 2


def test_connection_close_means_a_connection_of_its_own(http: Http) -> None:
    with misbehaving.empty() as server:
        http.ask("GET", server.url)
        http.ask("GET", server.url, headers={"Connection": "close"})
        http.ask("GET", server.url, headers={"Connection": "close"})
        http.ask("GET", server.url)
        assert server.connections == 3


def test_a_kept_connection_that_the_server_closed_is_not_used(http: Http) -> None:
    with misbehaving.closes_kept_connections() as server:
        for _ in range(4):
            assert http.ask("GET", server.url).body == b"one answer\n"
    assert server.connections == 4


def test_a_get_survives_the_end_of_a_kept_connection_and_it_is_counted(http: Http) -> None:
    with misbehaving.closes_on_second_request() as server:
        for _ in range(3):
            assert http.ask("GET", server.url).body == b"one answer\n"
    assert http.tally.total.reconnections == 2
    assert http.tally.requests == 5


def test_a_post_is_never_repeated(http: Http) -> None:
    with misbehaving.closes_on_second_request() as server:
        http.ask("GET", server.url)
        found = trouble_with(http, server.url, method="POST", content=b"{}")
    assert found.trouble is Trouble.BROKEN_OFF
    assert [head.split(b" ")[0] for head in server.requests] == [b"GET", b"POST"]


def test_a_get_that_gets_no_answer_on_a_new_connection_is_not_repeated(http: Http) -> None:
    with misbehaving.hangs_up() as server:
        trouble_with(http, server.url)
    assert len(server.requests) == 1


def test_an_early_refusal_of_a_large_upload_is_an_answer(http: Http) -> None:
    def refuse(connection: misbehaving.Connection) -> None:
        connection.sock.recv(1000)
        connection.send(misbehaving.answer(413, b"too much"))
        connection.sock.shutdown(socket.SHUT_WR)
        connection.hold()

    with misbehaving.serving(refuse) as server:
        assert http.ask("POST", server.url, content=b"x" * 1000).status == 413


# ---------------------------------------------------------------------------------------------------------
# encodings


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


TEXT = b"some text that is worth packing " * 100
packed = functools.partial(gzip.compress, mtime=0)
"""Without the moment of packing, which would give each worker of pytest-xdist other names of the same tests."""


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("identity", TEXT),
        ("gzip", packed(TEXT)),
        ("GZIP", packed(TEXT)),
        ("x-gzip", packed(TEXT[:1000]) + packed(TEXT[1000:]) + b"\0" * 20),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
    ],
)
def test_a_packed_body_is_unpacked(coding: str, body: bytes, http: Http) -> None:
    with misbehaving.routes({"/": misbehaving.answer(200, body, content_encoding=coding)}) as server:
        assert http.ask("GET", f"{server.url}/").body == TEXT
    assert b"accept-encoding: identity" in server.requests[0].lower()


def test_a_packed_body_may_be_as_large_as_any(make_http: MakeHttp) -> None:
    body = os.urandom(100) + bytes(3 * MIB - 100)
    with misbehaving.routes({"/": misbehaving.answer(200, gzip.compress(body), content_encoding="gzip")}) as server:
        assert make_http(body_bytes_max=3 * MIB).ask("GET", f"{server.url}/").body == body
        found = trouble_with(make_http(body_bytes_max=3 * MIB - 1), f"{server.url}/")
    assert found.trouble is Trouble.TOO_LARGE


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("br", TEXT),
        ("gzip, gzip", packed(packed(TEXT))),
        ("gzip", TEXT),
        ("gzip", packed(TEXT)[:-10]),
        ("gzip", packed(TEXT) + b"rubbish"),
        ("deflate", b"\xff" * 100),
    ],
)
def test_a_body_that_does_not_unpack(coding: str, body: bytes, http: Http) -> None:
    with misbehaving.routes({"/": misbehaving.answer(200, body, content_encoding=coding)}) as server:
        assert trouble_with(http, f"{server.url}/").trouble is Trouble.BAD_ENCODING


def test_no_body_needs_no_unpacking(http: Http) -> None:
    replies = {"/": misbehaving.answer(200, content_encoding="gzip")}
    with misbehaving.routes(replies) as server:
        assert http.ask("GET", f"{server.url}/").body == b""
        assert http.ask("HEAD", f"{server.url}/").body == b""


# ----------------------------------------------------------------------------------------------------- what
# is asked


def test_what_is_sent(make_http: MakeHttp) -> None:
    http = make_http(headers={"X-Synthetic-Check": "run-1"})
    with misbehaving.empty() as server:
        http.ask(
            "GET",
            f"{server.url}/a?x=1",
            params={"match[]": ["up", "a b"], "n": 2},
            headers={"X-API-Key": KEY},
        )
        http.ask("post", server.url, json={"a": [1.5, None]})
        http.ask("POST", server.url, files={"file": ("d.png", b"PNG", "image/png")}, data={"page": "1"})
        http.ask("POST", server.url, files=[("files", ("a.dxf", b"0")), ("files", ("b.dxf", b"1"))])
    first, second, third, fourth = server.requests
    assert first.startswith(b"GET /a?x=1&match%5B%5D=up&match%5B%5D=a+b&n=2 HTTP/1.1")
    for line in (b"User-Agent: test/1", b"X-Synthetic-Check: run-1", f"X-API-Key: {KEY}".encode()):
        assert line.lower() in first.lower()
    assert second.startswith(b"POST / ")
    assert b"application/json" in second
    assert b"multipart/form-data" in third
    assert b"multipart/form-data" in fourth


def test_no_cookie_is_kept(http: Http) -> None:
    with misbehaving.routes({"/": misbehaving.answer(200, set_cookie="session=1")}) as server:
        http.ask("GET", f"{server.url}/")
        http.ask("GET", f"{server.url}/")
    assert all(b"cookie" not in head.lower() for head in server.requests)


@pytest.mark.parametrize("value", [f"{KEY}\n", f"{KEY}€", "a\r\nX-Other: b"])
def test_a_header_that_cannot_be_sent(value: str, http: Http) -> None:
    found = trouble_with(http, "http://127.0.0.1:1/", headers={"X-API-Key": value})
    assert found.trouble is Trouble.BAD_URL
    assert "X-API-Key" in found.came_back
    assert KEY not in found.sentence


# -----------------------------------------------------------------------------------------------------------
# secrets


def test_an_answer_that_repeats_a_secret_does_not_spread_it(
    make_http: MakeHttp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    http = make_http(secrets=Secrets([KEY]))
    page = misbehaving.answer(200, f"<p>no such key: {KEY}</p>".encode(), content_type="text/html")
    with misbehaving.routes({"/": page}) as server:
        answer = http.ask("GET", f"{server.url}/", headers={"X-API-Key": KEY}, params={"token": KEY})
    with pytest.raises(CouldNotObserve) as caught:
        answer.json()
    for text in (
        caught.value.sentence,
        repr(caught.value),
        answer.asked,
        answer.url,
        repr(answer),
        caplog.text,
    ):
        assert KEY not in text
    assert "no such key: ***" in caught.value.sentence


def test_the_preview_of_an_answer_is_masked_before_it_is_cut(make_http: MakeHttp) -> None:
    with misbehaving.routes({"/": misbehaving.answer(200, b"x" * 70 + KEY.encode())}) as server:
        answer = make_http(secrets=Secrets([KEY])).ask("GET", f"{server.url}/")
    with pytest.raises(CouldNotObserve) as caught:
        answer.json()
    assert KEY[:8] not in caught.value.sentence


def test_credentials_in_a_url_go_into_a_header(http: Http) -> None:
    with misbehaving.server_error() as server:
        url = server.url.replace("http://", f"http://operator:{KEY}@")
        answer = http.ask("GET", url)
        assert b"authorization: basic b3BlcmF0b3I6" in server.requests[0].lower().replace(
            b"b3blcmf0b3i6", b"b3BlcmF0b3I6"
        )
    assert answer.url == server.url
    assert KEY not in answer.asked + repr(answer)
    with misbehaving.refuses() as closed:
        found = trouble_with(http, closed.url.replace("http://", f"http://operator:{KEY}@"))
    assert KEY not in found.sentence


def test_a_terminal_is_not_at_the_mercy_of_an_answer(http: Http) -> None:
    with misbehaving.routes({"/": misbehaving.answer(200, b"\x1b[2J\x07\xe2\x80\xae{}")}) as server:
        answer = http.ask("GET", f"{server.url}/")
    with pytest.raises(CouldNotObserve) as caught:
        answer.json()
    assert caught.value.sentence.isprintable()
    assert "\\x1b[2J" in caught.value.sentence


# ---------------------------------------------------------------------------------------------------- many at
# once


def test_all_are_asked_at_once_and_answered_in_order(make_http: MakeHttp) -> None:
    http = make_http(concurrency_max=4, timeout_seconds=0.5)
    most = threading.Semaphore(4)
    too_many = threading.Event()

    def reply(head: bytes) -> bytes:
        if not most.acquire(blocking=False):
            too_many.set()
        time.sleep(0.01)
        most.release()
        return misbehaving.answer(200, head.split(b" ")[1])

    with (
        misbehaving.answering(reply) as server,
        misbehaving.silent() as silent,
        misbehaving.refuses() as closed,
    ):
        requests = [Request("GET", f"{server.url}/{number}") for number in range(20)]
        requests[3] = Request("GET", silent.url)
        requests[7] = Request("GET", closed.url)
        started = time.monotonic()
        results = http.ask_all(requests)
    assert time.monotonic() - started < 5
    assert not too_many.is_set()
    assert server.connections <= 4
    for number, result in enumerate(results):
        if number in {3, 7}:
            assert isinstance(result, CouldNotObserve)
            assert result.trouble is {3: Trouble.TIMED_OUT, 7: Trouble.REFUSED}[number]
        else:
            assert isinstance(result, Answer)
            assert result.body == f"/{number}".encode()


def test_waiting_for_a_turn_does_not_use_up_the_time_of_an_exchange(make_http: MakeHttp) -> None:
    http = make_http(concurrency_max=1, timeout_seconds=0.4)
    with misbehaving.silent() as silent, misbehaving.empty() as server:
        results = http.ask_all([Request("GET", silent.url), Request("GET", silent.url), Request("GET", server.url)])
    assert [getattr(result, "status", None) for result in results] == [None, None, 200]


def test_nothing_to_ask(http: Http) -> None:
    assert http.ask_all([]) == []


def test_a_mistake_of_ours_is_not_taken_for_an_answer(http: Http) -> None:
    with pytest.raises(TypeError):
        http.ask_all([Request("GET", "http://127.0.0.1:1/", json=object())])


# ------------------------------------------------------------------------------------------------------------
# - costs


def test_what_asking_costs_is_counted_by_area_and_origin(http: Http) -> None:
    with (
        misbehaving.routes({"/": misbehaving.answer(200, b"x" * 1000)}) as first,
        misbehaving.empty() as second,
    ):
        with http.area("metrics"):
            http.ask("GET", f"{first.url}/")
            http.ask_all([Request("GET", f"{second.url}/")] * 3)
        http.ask("GET", f"{second.url}/")
    tally = http.tally
    assert {area: count.requests for area, count in tally.by_area.items()} == {"metrics": 4, "other": 1}
    assert {origin: count.requests for origin, count in tally.by_origin.items()} == {
        first.url: 1,
        second.url: 4,
    }
    assert tally.by_origin[first.url].received_bytes == len(misbehaving.answer(200, b"x" * 1000))
    assert tally.requests == 5
    assert 0 < tally.seconds < 5
    assert json.loads(json.dumps(tally.as_json()))["metrics"]["requests"] == 4


def test_what_failed_is_counted_too(make_http: MakeHttp) -> None:
    http = make_http(timeout_seconds=0.2)
    with misbehaving.trickles_body() as server:
        trouble_with(http, server.url)
    assert http.tally.requests == 1
    assert http.tally.received_bytes > 50
    assert http.tally.seconds >= 0.15


def test_the_import_leaves_out_what_is_not_needed() -> None:
    heavy = {
        "anyio._backends._asyncio",
        "charset_normalizer",
        "click",
        "prometheus_api_client",
        "pygments",
        "requests",
        "rich",
    }
    code = f"import selfcheck.clients.prometheus; print(*sorted({heavy!r} & set(sys.modules)))"
    assert not run_python(code, "unused").split()


# -----------------------------------------------------------------------------------------------------------
# answers


def answer(body: bytes, content_type: str = "") -> Answer:
    import httpx  # noqa: PLC0415 - after `selfcheck.clients.http`, which imports it without its command line

    headers = httpx.Headers({"content-type": content_type} if content_type else {})
    url = "http://127.0.0.1:8000/health"
    return Answer(f"GET {url}", url, 200, headers, body, elapsed_seconds=0.1, asked_at=0.0)


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        (b"", "", ""),
        ("ä".encode(), "", "ä"),
        ("ä".encode(), "text/plain; version=0.0.4; charset=utf-8", "ä"),
        (b"\xe4", 'text/html; Charset="ISO-8859-1"', "ä"),
        ("ä".encode("utf-16"), "text/plain;charset=UTF-16", "ä"),
    ],
)
def test_text(body: bytes, content_type: str, text: str) -> None:
    assert answer(body, content_type).text() == text


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\xff", ""),
        (b"\x80", "text/plain; charset=us-ascii"),
        (b"abc", "text/plain; charset=klingon"),
        (b"abc", "text/plain; charset=rot13"),
        (b"abc", "text/plain; charset=punycode"),
        (b"abc", "text/plain; charset=a\x00b"),
    ],
)
def test_not_text(body: bytes, content_type: str) -> None:
    with pytest.raises(CouldNotObserve) as caught:
        answer(body, content_type).text()
    assert caught.value.trouble is Trouble.NOT_TEXT
    assert caught.value.sentence.isprintable()


@pytest.mark.parametrize("body", [b"", b"{", b"{}{}", b"[" * 100_000, b"1" * 10_000, b"<html>", b"\xef\xbb\xbf{}"])
def test_not_json(body: bytes) -> None:
    with pytest.raises(CouldNotObserve) as caught:
        answer(body).json()
    assert caught.value.trouble is Trouble.NOT_JSON
    assert len(caught.value.sentence) < 500


def test_bare_nan_is_json_only_if_allowed() -> None:
    assert math.isnan(answer(b'{"a": NaN}').json()["a"])
    with pytest.raises(CouldNotObserve, match="NaN"):
        answer(b'{"a": NaN}').json(allow_nan=False)


def test_an_answer_does_not_print_its_body() -> None:
    assert len(repr(answer(b"x" * MIB))) < 400


# --------------------------------------------------------------------------------------------- clients apart, given up


def test_a_client_apart_has_places_of_its_own(make_http: MakeHttp) -> None:
    with misbehaving.silent() as silent, misbehaving.empty() as server:
        http = make_http(concurrency_max=1, timeout_seconds=20.0)
        apart = http.apart(concurrency_max=1)
        hanging = threading.Thread(target=lambda: apart.ask_all([Request("GET", silent.url)]), daemon=True)
        hanging.start()
        wait_until(lambda: silent.connections, timeout_seconds=10, what="the request that hangs")
        assert http.ask("GET", server.url).status == 200
        assert apart.tally is http.tally
        apart.abandon()
        hanging.join(5)
        assert not hanging.is_alive()
        apart.close()


def test_a_client_that_was_given_up_fails_at_once(make_http: MakeHttp) -> None:
    with misbehaving.silent() as silent:
        http = make_http(timeout_seconds=20.0)
        http.abandon()
        started = time.monotonic()
        assert trouble_with(http, silent.url).trouble is Trouble.TIMED_OUT
        assert time.monotonic() - started < 5
