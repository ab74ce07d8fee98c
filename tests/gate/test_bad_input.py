"""What bad input gets: the whole gate, as its callers run it, against targets that really misbehave.

Each case says the exit code and the one sentence a person must find on the terminal. What every run owes besides (an end
within its time, bounded memory, whole reports, no secret, no control character, nothing but harmless questions to a
stranger) is looked at for all of them.
"""

from __future__ import annotations

import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests import misbehaving
from tests.gate import fake_platform, running
from tests.gate.fake_platform import ADMIN_TOKEN, API_KEY, FakePlatform
from tests.misbehaving import LOGIN_PAGE, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.gate.fake_platform import Behaviour
    from tests.gate.running import Ran

CREDENTIALS = {"api_key": API_KEY, "admin_token": ADMIN_TOKEN}
HTML = b"<!DOCTYPE html><html><title>Welcome to nginx!</title></html>"


class Place(Protocol):
    """Something with a URL."""

    @property
    def url(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Looked:
    """A run of the gate, and the target as it was left."""

    ran: Ran
    target: Any


@dataclass(frozen=True)
class Case:
    """A target, and what the gate must make of it.

    `target` yields what has a `url`; it gets a folder for its files. `says` must stand on the terminal, once. `blocks` is
    the only thing that other checks may be blocked by.
    """

    name: str
    target: Callable[[Path], AbstractContextManager[Place]]
    code: int
    says: str
    settings: Mapping[str, str] = field(default_factory=dict)
    contract: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    seconds_max: float = 12.0
    times: int = 1

    def look(self, folder: Path) -> Looked:
        """Run the gate against the target."""
        settings = {**CREDENTIALS, **self.settings}
        if self.contract:
            settings["contract"] = str(contract_with(folder / "contract", self.contract))
        with self.target(folder) as target:
            settings.setdefault("base_url", target.url)
            ran = running.start(folder, *self.arguments, **settings).wait(self.seconds_max + 20)
            return Looked(ran, target)


def contract_with(folder: Path, edits: Mapping[str, tuple[str, str]]) -> Path:
    """Copy the default contract and replace a text in some of its files; an empty text to replace means: append."""
    if not folder.exists():
        shutil.copytree(running.ROOT / "contract", folder, ignore=shutil.ignore_patterns("schema"))
    for name, (old, new) in edits.items():
        path = folder / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        assert old in text
        path.write_text(text.replace(old, new, 1) if old else text + new, encoding="utf-8")
    return folder


QUICK = {"platform.toml": ("request_timeout_seconds = 10 ", "request_timeout_seconds = 1 ")}
"""A contract that gives up sooner, for targets that keep it waiting."""


class Ahead:
    """Runs cases two at a time, ahead of the tests that look at them: each is a process that mostly waits."""

    def __init__(self, folder: Callable[[str], Path], cases: list[Case]) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(2)
        self._looks: dict[str, Future[Looked]] = {}
        for case in cases:
            self._submit(case)

    def look(self, case: Case) -> Looked:
        """What came of a case."""
        return self._submit(case).result()

    def _submit(self, case: Case) -> Future[Looked]:
        if case.name not in self._looks:
            self._looks[case.name] = self._pool.submit(case.look, self._folder(case.name))
        return self._looks[case.name]

    def close(self) -> None:
        """Start nothing more, and wait for what runs."""
        self._pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def ahead(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ahead]:
    """Starts with all the cases that this session will look at, unless other processes look at some of them."""
    cases: list[Case] = []
    if not hasattr(request.config, "workerinput"):
        for item in request.session.items:
            params = item.callspec.params if hasattr(item, "callspec") else {}
            cases += [value for value in params.values() if isinstance(value, Case)]
    runs = Ahead(tmp_path_factory.mktemp, cases)
    yield runs
    runs.close()


def by_name(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


def keeps_the_rules(case: Case, ran: Ran) -> None:
    """What is owed in every case."""
    running.owes_nothing(ran)
    running.reports_agree(ran)
    assert ran.code == case.code, ran.stdout
    assert ran.text.count(case.says) == case.times, f"{case.says!r} is said {ran.text.count(case.says)} times:\n{ran.stdout}"
    assert ran.seconds < case.seconds_max


# ------------------------------------------------------------------------------------------------ not the platform at all


def on(server: Callable[[], AbstractContextManager[Place]]) -> Callable[[Path], AbstractContextManager[Place]]:
    """A target that needs no folder."""
    return lambda _: server()


def always(status: int, body: bytes, content_type: str) -> Callable[[Path], AbstractContextManager[Place]]:
    return on(partial(misbehaving.answering, lambda _: answer(status, body, content_type=content_type)))


@contextmanager
def login_after_redirect(_: Path) -> Iterator[misbehaving.Server]:
    """Sends everybody to the login page of the same host."""

    def reply(head: bytes) -> bytes:
        if head.split(b" ")[1].startswith(b"/login"):
            return answer(200, LOGIN_PAGE, content_type="text/html")
        return answer(302, b"", location="/login?next=/")

    with misbehaving.answering(reply) as server:
        yield server


@contextmanager
def sends_elsewhere(_: Path) -> Iterator[misbehaving.Server]:
    """Redirects everything to a second server, whose requests it counts as its own."""
    with (
        misbehaving.login_page() as other,
        misbehaving.redirects_to(f"{other.url}/health", 307) as server,
    ):
        yield server
        assert not other.connections, "the redirect to another host was followed"


@contextmanager
def tls(folder: Path, **options: Any) -> Iterator[misbehaving.Server]:
    context = misbehaving.certificate(folder, **options).context()
    with misbehaving.answering(lambda _: answer(200, b"{}"), tls=context) as server:
        yield server


@contextmanager
def nowhere(_: Path) -> Iterator[misbehaving.Server]:
    yield misbehaving.Server("http://no-such-host.invalid:8000")


ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\u202eevil"

STRANGERS = [
    Case("nothing listens", on(misbehaving.refuses), 1, "nothing listens there (connection refused). Start the service"),
    Case("another service", always(404, b'{"detail":"Not Found"}', "application/json"), 11, "check SELF_CHECK_BASE_URL"),
    Case("a web page", always(200, HTML, "text/html"), 11, "what answers is not the CAD ML Platform"),
    Case("a login page", on(misbehaving.login_page), 11, "it looks like a login page"),
    Case("a redirect to a login page", login_after_redirect, 11, "it looks like a login page"),
    Case("401 everywhere", always(401, b"", "text/html"), 11, "it looks like a login page"),
    Case("502 of a proxy", always(502, b"<h1>502 Bad Gateway</h1>", "text/html"), 1, "a gateway answers in its place"),
    Case("503 of a proxy", always(503, b"<h1>503</h1>", "text/html"), 1, "a gateway answers in its place"),
    Case("500 everywhere", on(misbehaving.server_error), 1, "it fails"),
    Case("an empty page", on(misbehaving.empty), 11, "what answers is not the CAD ML Platform"),
    Case("a self-signed certificate", tls, 1, "its certificate is self-signed"),
    Case("an expired certificate", partial(tls, expired=True), 1, "its certificate has expired",
         settings={"ca_file": "certificate.pem"}),
    Case("a certificate of another host", partial(tls, names="DNS:other.example.com"), 1, "its certificate is for another address",
         settings={"ca_file": "certificate.pem"}),
    Case("no such host", nowhere, 1, "the host name does not resolve"),
    Case("never answers", on(misbehaving.silent), 1, "no complete answer within 1 s", contract=QUICK),
    Case("trickles headers", on(misbehaving.trickles_headers), 1, "no complete answer within 1 s", contract=QUICK),
    Case("trickles its body", on(misbehaving.trickles_body), 1, "no complete answer within 1 s", contract=QUICK),
    Case("200 MB", on(partial(misbehaving.large_body, 200_000_000)), 1, "the answer announces 200,000,000 bytes"),
    Case("200 MB unannounced", on(partial(misbehaving.large_body, 200_000_000, announced=False)), 1, "the answer does not end"),
    Case("endless", on(misbehaving.endless_body), 1, "the answer does not end"),
    Case("not UTF-8", on(misbehaving.not_utf8), 11, "what answers is not the CAD ML Platform"),
    Case("a gzip bomb", on(misbehaving.gzip_bomb), 1, "the answer does not end; at most 33,554,432 are read"),
    Case("a redirect loop", on(misbehaving.redirects_forever), 1, "it redirects on and on"),
    Case("a redirect to another host", sends_elsewhere, 11, "which is another server"),
    Case("SSH", on(misbehaving.speaks_ssh), 11, "what answers does not speak HTTP"),
    Case("breaks off", on(misbehaving.breaks_off), 1, "the answer broke off"),
    Case("resets", on(misbehaving.resets), 1, "closed again without an answer"),
    Case("bad chunks", on(misbehaving.bad_chunks), 11, "speaks HTTP wrongly"),
    Case("huge headers", on(misbehaving.huge_headers), 1, "the headers of the answer are larger than 100 KiB"),
    Case("escapes in everything", always(200, ESCAPES.encode(), "text/x\x1b[31m-odd"), 11, "what answers is not the CAD ML Platform"),
]  # fmt: skip


@by_name(STRANGERS)
def test_a_stranger_is_named_and_sent_nothing(case: Case, ahead: Ahead) -> None:
    looked = ahead.look(case)
    keeps_the_rules(case, looked.ran)
    for head in looked.target.requests:
        assert head.startswith(b"GET "), "a stranger was sent more than questions"
        assert API_KEY.encode() not in head
        assert ADMIN_TOKEN.encode() not in head
    verdict = looked.ran.verdict
    if case.code == 11:
        assert verdict["outcome"] == "REFUSED"
        assert verdict["refusal"]
        assert not verdict["results"]
    else:
        assert looked.ran.ids("FAIL") == ["platform.app"]
        assert looked.ran.blocked_by() == {"platform.app"}
        assert not looked.ran.ids("PASS")
