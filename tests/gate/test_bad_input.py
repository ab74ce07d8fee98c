"""What bad input gets: the whole gate, as its callers run it, against targets that really misbehave.

Each case says the exit code and the one sentence a person must find on the terminal. What every run owes besides is
looked at for all of them: an end within its time, bounded memory, whole reports, no secret, no control character.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import shlex
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from selfcheck.waiting import wait_until
from tests import misbehaving
from tests.gate import fake_platform, running
from tests.gate.contracts import core_contract_with
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

    `target` yields what has a `url`; it gets a folder for its files. `says` must stand on the terminal so many `times`.
    """

    name: str
    target: Callable[[Path], AbstractContextManager[Place]]
    code: int
    says: str
    settings: Mapping[str, str] = field(default_factory=dict)
    contract: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    cpu_seconds_max: float = 8.0
    seconds_max: float = 60.0
    times: int = 1

    def look(self, folder: Path) -> Looked:
        """Run the gate against the target."""
        settings = {**CREDENTIALS, **{name: value.format(folder=folder) for name, value in self.settings.items()}}
        if self.contract:
            settings["contract"] = str(core_contract_with(folder / "contract", self.contract))
        with self.target(folder) as target:
            settings |= getattr(target, "settings", {})
            settings.setdefault("base_url", target.url)
            ran = running.start(folder, *self.arguments, settings=settings).wait(self.seconds_max)
            return Looked(ran, target)


SLACK_SECONDS = 3.0
"""What a busy machine may add to the time that a process takes to end."""

QUICK = {"platform.toml": ("request_timeout_seconds = 10 ", "request_timeout_seconds = 1 ")}
"""A contract that gives up sooner, for targets that keep it waiting."""


class Ahead:
    """Runs cases two at a time, ahead of the tests that look at them: each is a process that mostly waits."""

    def __init__(self, folder: Callable[[str], Path], cases: list[Case | Mistake]) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(2)
        self._looks: dict[str, Future[Looked]] = {}
        for case in cases:
            self._submit(case)

    def look(self, case: Case | Mistake) -> Looked:
        """What came of a case."""
        return self._submit(case).result()

    def _submit(self, case: Case | Mistake) -> Future[Looked]:
        if case.name not in self._looks:
            self._looks[case.name] = self._pool.submit(case.look, self._folder(case.name))
        return self._looks[case.name]

    def close(self) -> None:
        """Start nothing more, and wait for what runs."""
        self._pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def ahead(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ahead]:
    """Starts with all the cases of this test run, unless other processes look at some of them."""
    cases: list[Case | Mistake] = []
    if not hasattr(request.config, "workerinput"):
        for item in request.session.items:
            params = item.callspec.params if hasattr(item, "callspec") else {}
            cases += [value for value in params.values() if isinstance(value, Case | Mistake)]
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
    assert ran.text.count(case.says) == case.times, (
        f"{case.says!r} is said {ran.text.count(case.says)} times:\n{ran.stdout}"
    )
    assert ran.cpu_seconds < case.cpu_seconds_max


# ------------------------------------------------------------ not the platform at all


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
    Case(
        "nothing listens", on(misbehaving.refuses), 1, "nothing listens there (connection refused). Start the service"
    ),
    Case(
        "another service", always(404, b'{"detail":"Not Found"}', "application/json"), 11, "check SELF_CHECK_BASE_URL"
    ),
    Case("a web page", always(200, HTML, "text/html"), 11, "what answers is not the CAD ML Platform"),
    Case("a login page", on(misbehaving.login_page), 11, "it looks like a login page"),
    Case("a redirect to a login page", login_after_redirect, 11, "it looks like a login page"),
    Case("401 everywhere", always(401, b"", "text/html"), 11, "it looks like a login page"),
    Case("502 of a proxy", always(502, b"<h1>502 Bad Gateway</h1>", "text/html"), 1, "a gateway answers in its place"),
    Case("503 of a proxy", always(503, b"<h1>503</h1>", "text/html"), 1, "a gateway answers in its place"),
    Case("a self-signed certificate", tls, 1, "its certificate is self-signed"),
    Case(
        "an expired certificate",
        partial(tls, expired=True),
        1,
        "its certificate has expired",
        settings={"ca_file": "{folder}/certificate.pem"},
    ),
    Case(
        "a certificate of another host",
        partial(tls, names="DNS:other.example.com"),
        1,
        "its certificate is for another address",
        settings={"ca_file": "{folder}/certificate.pem"},
    ),
    Case("no such host", nowhere, 1, "the host name does not resolve"),
    Case("never answers", on(misbehaving.silent), 1, "no complete answer within 1 s", contract=QUICK),
    Case("trickles headers", on(misbehaving.trickles_headers), 1, "no complete answer within 1 s", contract=QUICK),
    Case("trickles its body", on(misbehaving.trickles_body), 1, "no complete answer within 1 s", contract=QUICK),
    Case("200 MB", on(partial(misbehaving.large_body, 200_000_000)), 1, "the answer announces 200,000,000 bytes"),
    Case("endless", on(misbehaving.endless_body), 1, "the answer does not end"),
    Case("not UTF-8", on(misbehaving.not_utf8), 11, "what answers is not the CAD ML Platform"),
    Case("a gzip bomb", on(misbehaving.gzip_bomb), 1, "the answer does not end; at most 33,554,432 are read"),
    Case("a redirect loop", on(misbehaving.redirects_forever), 1, "it redirects on and on"),
    Case("a redirect to another host", sends_elsewhere, 11, "which is another server"),
    Case("SSH", on(misbehaving.speaks_ssh), 11, "what answers does not speak HTTP"),
    Case("breaks off", on(misbehaving.breaks_off), 1, "the answer broke off"),
    Case("huge headers", on(misbehaving.huge_headers), 1, "the headers of the answer are larger than 100 KiB"),
    Case(
        "escapes in everything",
        always(200, ESCAPES.encode(), "text/x\x1b[31m-odd"),
        11,
        "what answers is not the CAD ML Platform",
    ),
]


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


def a_bomb() -> bytes:
    """A gigabyte, packed."""
    return gzip.compress(bytes(1 << 24)) * 64


# ------------------------------------------------------------ the platform, with one page that is bad


def platform(spoiled: Mapping[str, Behaviour] | None = None) -> Callable[[Path], AbstractContextManager[FakePlatform]]:
    return lambda _: fake_platform.serving(spoiled)


def metrics(behave: Behaviour) -> Callable[[Path], AbstractContextManager[FakePlatform]]:
    return platform({"/metrics": behave})


@contextmanager
def metrics_elsewhere(_: Path) -> Iterator[FakePlatform]:
    """The metrics page redirects to another server."""
    with (
        misbehaving.login_page() as other,
        fake_platform.serving(
            {"/metrics": fake_platform.sends(b"", status=307, location=f"{other.url}/metrics")}
        ) as found,
    ):
        yield found
        assert not other.connections, "the redirect to another host was followed"


def ends_with(more: bytes) -> Behaviour:
    """The right metrics page, and something more."""
    return lambda request: request.send(200, request.platform.metrics() + more, "text/plain; version=0.0.4")


_sends, _raw = fake_platform.sends, fake_platform.sends_raw
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
_LOGIN = {
    "/metrics": _sends(b"", status=302, location="/login"),
    "/login": _sends(LOGIN_PAGE, content_type="text/html"),
}

PAGES = [
    Case("metrics: 404", metrics(_sends(b'{"detail":"Not Found"}', status=404)), 1, "observed HTTP 404"),
    Case("metrics: a web page", metrics(_sends(HTML, content_type="text/html")), 1, "observed content type text/html"),
    Case("metrics: a redirect to a login page", platform(_LOGIN), 1, "observed content type text/html"),
    Case(
        "metrics: 502", metrics(_sends(b"<h1>502</h1>", status=502, content_type="text/html")), 1, "observed HTTP 502"
    ),
    Case(
        "metrics: never answers",
        metrics(fake_platform.never_answers),
        1,
        "no complete answer within 1 s",
        contract=QUICK,
    ),
    Case(
        "metrics: trickles its body",
        metrics(_raw(_HEAD + b"\r\n", b"#", interval_seconds=0.05, repeat=2000)),
        1,
        "no complete answer within 1 s",
        contract=QUICK,
    ),
    Case(
        "metrics: 200 MB",
        metrics(_raw(_HEAD + b"Content-Length: 200000000\r\n\r\n", b"#" * 100_000, repeat=2000)),
        1,
        "the answer announces 200,000,000 bytes",
    ),
    Case(
        "metrics: endless",
        metrics(_raw(_HEAD + b"\r\n", b"# nothing\n" * 10_000, repeat=100_000)),
        1,
        "the answer does not end",
    ),
    Case(
        "metrics: not UTF-8",
        metrics(ends_with(b'# HELP odd Gepr\xfcft.\n# TYPE odd gauge\nodd{of="\xff"} 1\n')),
        1,
        "it is not utf-8",
    ),
    Case(
        "metrics: a gzip bomb",
        metrics(_sends(a_bomb(), content_type="text/plain", content_encoding="gzip")),
        1,
        "the answer does not end",
    ),
    Case(
        "metrics: a redirect loop", metrics(_sends(b"", status=302, location="/metrics")), 1, "it redirects in a circle"
    ),
    Case("metrics: a redirect to another host", metrics_elsewhere, 1, "which is another server"),
    Case(
        "metrics: breaks off", metrics(_raw(_HEAD + b"Content-Length: 1000\r\n\r\n# TYPE")), 1, "the answer broke off"
    ),
    Case("metrics: empty", metrics(_sends(b"", content_type="text/plain")), 1, "0 bytes without a single sample"),
]


@by_name(PAGES)
def test_a_bad_metrics_page_is_one_finding_of_a_platform_that_is_looked_at(case: Case, ahead: Ahead) -> None:
    looked = ahead.look(case)
    keeps_the_rules(case, looked.ran)
    assert len(looked.ran.ids("PASS")) > 40, "the rest of the platform was looked at"
    assert "metrics.endpoint" in looked.ran.ids("FAIL")
    assert len(looked.ran.ids("FAIL")) <= 3
    assert len(looked.ran.ids("INCONCLUSIVE")) <= 3


# ------------------------------------------------------------ credentials


CREDENTIAL_CASES = [
    Case("a wrong API key", platform(), 1, "the credential is refused", settings={"api_key": "wrong-key-0123456789"}),
    Case(
        "a wrong admin token",
        platform(),
        1,
        "the credential is refused",
        settings={"admin_token": "wrong-token-0123456789"},
    ),
    Case("a short API key", platform(), 1, "the credential is refused", settings={"api_key": "strict"}),
    Case(
        "a required component without URL",
        platform(),
        1,
        "SELF_CHECK_PROMETHEUS_URL is not set",
        settings={"require": "prometheus"},
    ),
]


@by_name(CREDENTIAL_CASES)
def test_what_is_missing_or_refused_is_one_finding(case: Case, ahead: Ahead) -> None:
    looked = ahead.look(case)
    keeps_the_rules(case, looked.ran)
    red = looked.ran.ids("FAIL") + looked.ran.ids("INCONCLUSIVE")
    assert len(red) == 1
    assert red[0].startswith("platform.")
    assert looked.ran.blocked_by() <= {red[0]}


# ------------------------------------------------------------ Prometheus


def _json(data: object, status: int = 200, **more: object) -> bytes:
    body = json.dumps({"status": "success", "data": data, **more}).encode()
    return answer(status, body, content_type="application/json")


def prometheus_answers(found: FakePlatform) -> dict[str, bytes]:
    """What a Prometheus says that scrapes this platform and knows nothing else of it."""
    port = found.url.rpartition(":")[2]
    labels = {"job": "cad-ml-platform", "instance": f"127.0.0.1:{port}"}
    now = dt.datetime.now(dt.UTC).isoformat()
    target = {
        "labels": labels,
        "scrapeUrl": f"{found.url}/metrics",
        "scrapePool": "cad-ml-platform",
        "health": "up",
        "lastError": "",
        "lastScrape": now,
        "lastScrapeDuration": 0.01,
        "scrapeInterval": "15s",
        "scrapeTimeout": "10s",
    }
    rule = {
        "name": "slo_availability",
        "type": "recording",
        "query": "vector(1)",
        "health": "ok",
        "lastEvaluation": now,
        "evaluationTime": 0.001,
    }
    group = {
        "name": "slo",
        "file": "slo.yml",
        "interval": 15,
        "lastEvaluation": now,
        "evaluationTime": 0.001,
        "rules": [rule],
    }
    build = {"version": "2.42.0", "revision": "x", "branch": "HEAD", "goVersion": "go1.19"}
    runtime = {"startTime": now, "reloadConfigSuccess": True, "lastConfigTime": now, "storageRetention": "15d"}
    return {
        "/-/ready": answer(200, b"Prometheus Server is Ready.\n", content_type="text/plain"),
        "/api/v1/status/buildinfo": _json(build),
        "/api/v1/status/runtimeinfo": _json(runtime),
        "/api/v1/targets": _json({"activeTargets": [target], "droppedTargets": []}),
        "/api/v1/targets/metadata": _json([{"target": labels, "type": "counter", "help": "", "unit": ""}]),
        "/api/v1/rules": _json({"groups": [group]}),
        "/api/v1/query": _json({"resultType": "vector", "result": []}),
    }


def with_prometheus(
    monitor: Callable[[FakePlatform, Path], AbstractContextManager[Place]],
) -> Callable[[Path], AbstractContextManager[FakePlatform]]:
    """The platform as it should be, and what is to be taken for its Prometheus."""

    @contextmanager
    def both(folder: Path) -> Iterator[FakePlatform]:
        with fake_platform.serving() as found, monitor(found, folder) as monitoring:
            found.settings["prometheus_url"] = monitoring.url
            yield found
            heads = getattr(monitoring, "requests", [])
            assert not any(API_KEY.encode() in head or ADMIN_TOKEN.encode() in head for head in heads)

    return both


def instead(
    server: Callable[[], AbstractContextManager[Place]],
) -> Callable[[Path], AbstractContextManager[FakePlatform]]:
    return with_prometheus(lambda _, __: server())


def half_broken(**spoiled: bytes) -> Callable[[Path], AbstractContextManager[FakePlatform]]:
    """A Prometheus of which some routes (by the last part of their path) give other answers."""

    def monitor(found: FakePlatform, _: Path) -> AbstractContextManager[Place]:
        answers = prometheus_answers(found)
        changed = {path: spoiled.get(path.rpartition("/")[2], reply) for path, reply in answers.items()}
        return misbehaving.routes(changed)

    return with_prometheus(monitor)


_ERROR = json.dumps({"status": "error", "errorType": "internal", "error": "disk quota exceeded"}).encode()

MONITORS = [
    Case("Prometheus: refused", instead(misbehaving.refuses), 1, "nothing listens there"),
    Case("Prometheus: another service", instead(partial(misbehaving.routes, {})), 1, "it is not JSON"),
    Case("Prometheus: a web page", instead(misbehaving.login_page), 1, "it is not JSON"),
    Case("Prometheus: never answers", instead(misbehaving.silent), 1, "no complete answer within 1 s", contract=QUICK),
    Case("Prometheus: not ready", half_broken(ready=answer(503, b"Service Unavailable")), 1, "not that it is ready"),
    Case(
        "Prometheus: no targets",
        half_broken(targets=_json({"activeTargets": [], "droppedTargets": []}), metadata=_json([])),
        1,
        "no target exposes ocr_requests_total; its jobs: none",
    ),
]


@by_name(MONITORS)
def test_a_prometheus_that_cannot_be_used_is_one_finding(case: Case, ahead: Ahead) -> None:
    looked = ahead.look(case)
    keeps_the_rules(case, looked.ran)
    assert looked.ran.ids("FAIL") + looked.ran.ids("INCONCLUSIVE") == ["platform.prometheus"]
    assert looked.ran.blocked_by() == {"platform.prometheus"}
    assert len(looked.ran.ids("PASS")) > 80, "the platform itself was looked at"


QUERIES = [
    Case(
        "Prometheus: queries fail",
        half_broken(query=answer(500, _ERROR, content_type="application/json")),
        10,
        "disk quota exceeded",
    ),
    Case(
        "Prometheus: queries warn",
        half_broken(query=_json({"resultType": "vector", "result": []}, warnings=["remote read failed"])),
        10,
        "Prometheus warns: remote read failed",
        times=13,
    ),
    Case("Prometheus: knows nothing", half_broken(), 10, "no data"),
]


@by_name(QUERIES)
def test_a_half_broken_prometheus_is_never_green(case: Case, ahead: Ahead) -> None:
    looked = ahead.look(case)
    running.owes_nothing(looked.ran)
    running.reports_agree(looked.ran)
    assert case.says in looked.ran.text
    assert looked.ran.code == case.code, looked.ran.stdout
    results = looked.ran.results
    assert results["platform.prometheus"]["outcome"] == "PASS"
    assert not [id_ for id_ in looked.ran.ids("PASS") if id_.startswith("slo.")]


@pytest.fixture(scope="module")
def real_prometheus() -> str:
    found = shutil.which("prometheus")
    if found is None:
        pytest.skip("needs the prometheus program")
    return found


@contextmanager
def scraping(targets: Mapping[str, str], folder: Path, program: str) -> Iterator[misbehaving.Server]:
    """A real Prometheus that scrapes one target for each job, once it has done so."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    jobs = [
        {"job_name": job, "static_configs": [{"targets": [url.rpartition("/")[2] if url else address]}]}
        for job, url in targets.items()
    ]
    config = folder / "prometheus.yml"  # JSON is YAML
    config.write_text(json.dumps({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}))
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)

    def scraped() -> bool | None:
        with suppress(OSError), urllib.request.urlopen(f"http://{address}/api/v1/targets", timeout=2) as reply:
            found = json.load(reply)["data"]["activeTargets"]
            return (len(found) == len(targets) and all(each["health"] == "up" for each in found)) or None
        return None

    try:
        wait_until(scraped, timeout_seconds=20, what="Prometheus to scrape", interval_seconds=0.1)
        yield misbehaving.Server(f"http://{address}")
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("watches", "outcome", "says"),
    [
        ("itself", "FAIL", "no target exposes ocr_requests_total; its jobs: prometheus; is it another Prometheus?"),
        (
            "another platform",
            "FAIL",
            "none of the processes that it has is one that answers here",
        ),
        ("this platform", "PASS", ""),
    ],
)
def test_a_real_prometheus_counts_only_if_it_watches_this_platform(
    watches: str, outcome: str, says: str, real_prometheus: str, tmp_path: Path
) -> None:
    with fake_platform.serving() as here, fake_platform.serving() as there:
        targets = {
            "itself": {"prometheus": ""},
            "another platform": {"cad-ml-platform": there.url},
            "this platform": {"cad-ml-platform": here.url},
        }[watches]
        with scraping(targets, tmp_path, real_prometheus) as prometheus:
            ran = running.run(
                tmp_path / "gate",
                "--promise=platform.*",
                "--promise=health.answers",
                settings={"base_url": here.url, "prometheus_url": prometheus.url, **CREDENTIALS},
            )
    assert ran.results["platform.prometheus"]["outcome"] == outcome, ran.stdout
    assert says in ran.text
    assert ran.code == (0 if outcome == "PASS" else 1)


# ------------------------------------------------------------ contract, settings


WAIVER = """
[[waiver]]
check = "{check}"
reason = "known, being worked on"
owner = "team"
link = "https://tracker/1"
expires = {expires}
"""


@dataclass(frozen=True)
class Mistake:
    """A mistake of the caller, and the sentence that names it."""

    name: str
    says: str
    settings: Mapping[str, str] = field(default_factory=dict)
    contract: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def look(self, folder: Path) -> Looked:
        """Run the gate with the mistake."""
        settings = {name: value.format(folder=folder) for name, value in self.settings.items()}
        if self.contract:
            settings["contract"] = str(core_contract_with(folder / "contract", self.contract))
        with misbehaving.login_page() as target:
            settings.setdefault("base_url", target.url)
            return Looked(running.start(folder / "gate", settings=settings).wait(60), target)


MISTAKES = [
    Mistake(
        "unknown key",
        "has the unknown key 'servity'; did you mean 'severity'?",
        contract={"slo.toml": ('severity = "critical"', 'servity = "critical"')},
    ),
    Mistake(
        "duplicate id",
        "the id 'health.service_api' is used twice, in [[field]] and in [[field]]",
        contract={"health.toml": ('id = "health.service_ml"', 'id = "health.service_api"')},
    ),
    Mistake(
        "wrong type",
        "input should be a valid number",
        contract={"health.toml": ("seconds_max = 1.0", 'seconds_max = "soon"')},
    ),
    Mistake("not TOML", "health.toml: is not TOML: ", contract={"health.toml": ("[[field]]", "[[field]")}),
    Mistake(
        "a waiver of nothing",
        "there is no check 'health.sttus'; did you mean 'health.status'?",
        contract={"waivers.toml": ("", WAIVER.format(check="health.sttus", expires="2099-01-01"))},
    ),
    Mistake(
        "no contract",
        "there is no such contract folder; set SELF_CHECK_CONTRACT to a folder",
        {"contract": "no-such-folder"},
    ),
    Mistake(
        "no scheme",
        "SELF_CHECK_BASE_URL: 'localhost:8000' is not a URL; expected http://host or https://host",
        {"base_url": "localhost:8000"},
    ),
    Mistake(
        "a password in a bad URL",
        "SELF_CHECK_REDIS_URL: the value is not a URL",
        {"redis_url": "redis//:hunter2hunter2@h"},
    ),
    Mistake(
        "unknown environment",
        "the contract has no environment 'stagging'; did you mean 'staging'?",
        {"environment": "stagging"},
    ),
    Mistake(
        "unknown requirement",
        "SELF_CHECK_REQUIRE names the unknown component 'promtheus'; did you mean 'prometheus'?",
        {"require": "app,promtheus"},
    ),
    Mistake("a deadline that is no number", "SELF_CHECK_DEADLINE: ", {"deadline": "soon"}),
    Mistake(
        "a key with a line break",
        "SELF_CHECK_API_KEY holds a character that no header can carry",
        {"api_key": "two\nlines-of-key"},
    ),
    Mistake("no certificate file", "SELF_CHECK_CA_FILE: there is no file 'missing.pem'", {"ca_file": "missing.pem"}),
]


@pytest.mark.parametrize("case", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_a_mistake_of_the_caller_is_named_and_nothing_is_asked(case: Mistake, ahead: Ahead) -> None:
    looked = ahead.look(case)
    ran = looked.ran
    running.owes_nothing(ran)
    assert not looked.target.connections, "the target was asked although nothing could be judged"
    assert ran.code == 4
    assert ran.text.count(case.says) == 1, ran.stdout + ran.stderr
    verdict = ran.verdict
    assert verdict["outcome"] == "REFUSED"
    assert case.says in " ".join(verdict["refusal"].split())
    assert "hunter2" not in ran.text + json.dumps(verdict)
    assert len(ran.text) < 1500


def ready_long_ago(request: fake_platform.Request) -> None:
    """A readiness page that was made in another year."""
    request.send(200, json.dumps({**request.platform.ready(), "timestamp": "2020-01-01T00:00:00Z"}).encode())


SICK = {"/ready": ready_long_ago}


def waived(*lines: tuple[str, str]) -> dict[str, tuple[str, str]]:
    return {"waivers.toml": ("", "".join(WAIVER.format(check=check, expires=expires) for check, expires in lines))}


WAIVERS = [
    Case("no waiver", platform(SICK), 1, "FAIL health.ready_timestamp"),
    Case(
        "valid waivers",
        platform(SICK),
        0,
        "FAIL (waived) health.ready_timestamp",
        contract=waived(("health.ready_timestamp", "2099-12-31")),
    ),
    Case(
        "a waiver for a group",
        platform(SICK),
        0,
        "FAIL (waived) health.ready_timestamp",
        contract=waived(("health.*", "2099-12-31")),
    ),
    Case("an expired waiver", platform(SICK), 1, "expired on 2020-01-01", contract=waived(("health.*", "2020-01-01"))),
    Case(
        "an unneeded waiver",
        platform(),
        1,
        "the check passes without it",
        contract=waived(("health.status", "2099-12-31")),
    ),
]


@by_name(WAIVERS)
def test_a_waiver_holds_until_its_day_and_only_where_it_is_needed(case: Case, ahead: Ahead) -> None:
    looked = ahead.look(case)
    keeps_the_rules(case, looked.ran)
    waivers = [item["waived"] for item in looked.ran.verdict["results"] if item["waived"]]
    assert bool(waivers) == (case.code == 0)
    if waivers:
        assert "until 2099-12-31 by team: known, being worked on (https://tracker/1)" in waivers[0]


def test_outside_strict_mode_a_waiver_that_must_go_is_a_note(tmp_path: Path) -> None:
    contract = core_contract_with(tmp_path / "contract", waived(("health.status", "2020-01-01")))
    with fake_platform.serving() as target:
        ran = running.run(
            tmp_path / "gate", strict=False, settings={"base_url": target.url, "contract": str(contract), **CREDENTIALS}
        )
    assert ran.code == 0, ran.stdout
    assert "note: waivers.toml: health.status (team, https://tracker/1): expired on 2020-01-01" in ran.text


def test_a_misspelt_variable_is_a_note_with_the_nearest_name(tmp_path: Path) -> None:
    with fake_platform.serving() as target:
        ran = running.run(
            tmp_path, settings={"base_url": target.url, "prometeus_url": "http://127.0.0.1:9", **CREDENTIALS}
        )
    assert ran.code == 0
    assert "SELF_CHECK_PROMETEUS_URL is not a setting; did you mean SELF_CHECK_PROMETHEUS_URL?" in ran.text


def test_settings_are_read_from_a_file_and_the_environment_wins(tmp_path: Path) -> None:
    with fake_platform.serving() as target:
        lines = [
            f"SELF_CHECK_BASE_URL={target.url}",
            f"API_KEY={API_KEY}",
            "SELF_CHECK_ADMIN_TOKEN=from-file-0123456789",
        ]
        (tmp_path / ".env").write_text("\n".join(lines))
        ran = running.run(tmp_path / "gate", cwd=tmp_path, settings={"admin_token": ADMIN_TOKEN})
    assert ran.code == 0, ran.stdout
    assert ran.results["platform.api_key"]["outcome"] == "PASS"
    assert ran.results["platform.admin_token"]["outcome"] == "PASS"
    assert not any(API_KEY in path.read_text() for path in ran.output.rglob("*") if path.is_file())


def test_a_settings_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"SELF_CHECK_BASE_URL=\xff\xfe\n")
    ran = running.run(tmp_path / "gate", cwd=tmp_path)
    assert ran.code == 4
    assert ".env cannot be read" in ran.text


# ------------------------------------------------------------ what is looked at


def test_nothing_selected_is_not_green(tmp_path: Path) -> None:
    with fake_platform.serving() as target:
        ran = running.run(tmp_path, "-k", "nothing_of_this_name", settings={"base_url": target.url, **CREDENTIALS})
        assert not target.posts()
    assert ran.code == 5
    assert ran.verdict["outcome"] == "INCONCLUSIVE"
    running.reports_agree(ran)


def test_everything_out_of_scope_is_not_green(tmp_path: Path) -> None:
    with fake_platform.serving() as target:
        ran = running.run(tmp_path, "--promise=slo.*", settings={"base_url": target.url, **CREDENTIALS})
        loose = running.run(
            tmp_path / "loose", "--promise=slo.*", strict=False, settings={"base_url": target.url, **CREDENTIALS}
        )
    assert (ran.code, ran.verdict["outcome"]) == (10, "INCONCLUSIVE")
    assert (loose.code, loose.verdict["outcome"]) == (0, "INCONCLUSIVE")
    assert "set SELF_CHECK_PROMETHEUS_URL" in ran.text
    running.reports_agree(ran)


def test_parallel_workers_come_to_the_same_verdict(tmp_path: Path) -> None:
    def outcomes(ran: Ran) -> dict[str, str]:
        return {id_: item["outcome"] for id_, item in ran.results.items()}

    with fake_platform.serving(SICK) as target:
        alone = running.run(tmp_path / "alone", settings={"base_url": target.url, **CREDENTIALS})
        both = running.run(
            tmp_path / "both", "-n", "2", timeout_seconds=60, settings={"base_url": target.url, **CREDENTIALS}
        )
        assert not target.vectors, "the registered vector was left behind"
    assert alone.code == both.code == 1
    assert outcomes(alone) == outcomes(both)
    running.reports_agree(both)


def test_parallel_workers_do_not_start_against_a_stranger(tmp_path: Path) -> None:
    with misbehaving.login_page() as target:
        ran = running.run(tmp_path, "-n", "2", timeout_seconds=60, settings={"base_url": target.url, **CREDENTIALS})
        assert all(head.startswith(b"GET ") and API_KEY.encode() not in head for head in target.requests)
    assert ran.code == 11
    assert ran.text.count("it looks like a login page") == 1
    running.reports_agree(ran)


def test_annotations_for_github_are_printed_there(tmp_path: Path) -> None:
    with fake_platform.serving(SICK) as target:
        ran = running.run(tmp_path, settings={"base_url": target.url, "GITHUB_ACTIONS": "true", **CREDENTIALS})
    commands = [line for line in ran.stdout.splitlines() if line.startswith("::")]
    assert len(commands) == len(ran.ids("FAIL"))
    assert all(line.startswith("::error title=FAIL health.ready_timestamp::") for line in commands)


def test_the_time_of_the_whole_run_is_kept_and_what_was_not_looked_at_says_so(tmp_path: Path) -> None:
    slow = {path: fake_platform.slowly(0.7) for path in ("/health", "/ready", "/metrics", "/openapi.json")}
    with fake_platform.serving(slow) as target:
        ran = running.run(tmp_path, settings={"base_url": target.url, "deadline": "2", **CREDENTIALS})
    assert ran.verdict["seconds"] < 2 + 1
    assert ran.code in {1, 10}
    assert "deadline" in ran.blocked_by()
    assert "checks could not look, blocked by: deadline" in ran.text
    running.reports_agree(ran)


# ------------------------------------------------------------ an end from outside


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("held", ["/health", "/api/v1/ocr/extract"])
def test_an_interrupted_run_ends_at_once_and_says_what_it_had_seen(
    sent: signal.Signals, held: str, tmp_path: Path
) -> None:
    with fake_platform.serving({held: fake_platform.never_answers}) as target:
        gate = running.start(tmp_path, settings={"base_url": target.url, **CREDENTIALS})

        def reached() -> bool | None:
            return any(seen.path == held for seen in target.seen) or None

        wait_until(reached, timeout_seconds=20, what="the gate to ask what is never answered", interval_seconds=0.02)
        gate.process.send_signal(sent)
        sent_at = time.monotonic()
        ran = gate.wait(10)
        assert time.monotonic() - sent_at < 2 + SLACK_SECONDS
        assert not target.vectors, "the registered vector was left behind"
    running.owes_nothing(ran)
    assert ran.code == 2, ran.stdout
    assert ran.verdict["interrupted"] is True
    assert ran.verdict["outcome"] != "PASS"
    assert ".py:" not in ran.stdout, "a trace was shown"
    running.reports_agree(ran)


# ------------------------------------------------------------ reports without a place


@contextmanager
def full_disk(folder: Path) -> Iterator[Path]:
    """A file system of a few kB."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_on_a_full_disk_the_verdict_is_still_printed(tmp_path: Path) -> None:
    with full_disk(tmp_path / "disk") as disk, fake_platform.serving() as target:
        ran = running.run(tmp_path, output=disk / "output", settings={"base_url": target.url, **CREDENTIALS})
        assert not (disk / "output" / "verdict.json").exists()
    _says_that_reports_are_missing(ran, "No space left on device")


def test_an_output_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("something else")
    with fake_platform.serving() as target:
        ran = running.run(
            tmp_path / "gate", output=tmp_path / "taken", settings={"base_url": target.url, **CREDENTIALS}
        )
    assert (tmp_path / "taken").read_text() == "something else"
    _says_that_reports_are_missing(ran, "File exists")


def test_a_report_that_cannot_be_replaced_does_not_keep_its_old_verdict(tmp_path: Path) -> None:
    with full_disk(tmp_path / "disk") as disk, fake_platform.serving() as target:
        (disk / "verdict.json").write_text('{"outcome": "PASS"}')
        ran = running.run(tmp_path / "gate", output=disk, settings={"base_url": target.url, **CREDENTIALS})
        assert not (disk / "verdict.json").exists()
    _says_that_reports_are_missing(ran, "No space left on device")


def _says_that_reports_are_missing(ran: Ran, reason: str) -> None:
    assert ran.code == 3
    assert ran.text.count("verdict.json and junit.xml could not be written to") == 1
    assert f"({reason}): free some space, or name another folder in SELF_CHECK_OUTPUT" in ran.text
    assert "PASS: " in ran.text
    assert "report:" not in ran.stdout


# ------------------------------------------------------------ a target that means harm


def health_with(**more: Any) -> Behaviour:
    """The right health page, and something more."""
    return lambda request: request.send(200, json.dumps({**request.platform.health(), **more}).encode())


def a_new_key_each_time(key: str) -> Behaviour:
    """The right health page with an entry of another name in every answer."""
    numbers = count()
    return lambda request: request.send(
        200, json.dumps({**request.platform.health(), f"{key}{next(numbers)}": 1}).encode()
    )


def echo_of_credentials(request: fake_platform.Request) -> None:
    """Refuses, and quotes all that it was sent."""
    request.send(500, json.dumps(dict(request.headers)).encode(), x_echo=str(request.headers.get("x-api-key")))


ODD_FAMILIES = "".join(
    f'# TYPE odd_{n} gauge\nodd_{n}{{path="\x1b[31m{"x" * 200}{n}"}} {n}\n' for n in range(10_000)
).encode()

ATTACKS = [
    Case("escapes in a value", platform({"/health": health_with(status=ESCAPES)}), 1, "FAIL health.status"),
    Case("escapes in a key", platform({"/health": a_new_key_each_time(ESCAPES)}), 1, "FAIL health.same_under_v1"),
    Case("a giant key", platform({"/health": a_new_key_each_time("k" * 5_000_000)}), 1, "FAIL health.answers"),
    Case("a giant value", platform({"/health": health_with(status="v" * 5_000_000)}), 1, "FAIL health.answers"),
    Case(
        "deep nesting",
        platform({"/health": _sends(b'{"status":' + b"[" * 500 + b"]" * 500 + b"}")}),
        1,
        "FAIL health.answers",
    ),
    Case("deeper nesting", platform({"/health": _sends(b"[" * 1_000_000)}), 1, "FAIL health.answers"),
    Case(
        "a list of a million", platform({"/health": _sends(b"[" + b"1," * 1_000_000 + b"1]")}), 1, "FAIL health.answers"
    ),
    Case("10,000 odd families", metrics(ends_with(ODD_FAMILIES)), 0, "PASS: "),
    Case(
        "an echo of the credentials",
        platform({"/api/compare": echo_of_credentials}),
        1,
        "FAIL metrics.counts_compare_success",
    ),
    Case(
        "commands for the CI system",
        platform({"/health": health_with(status="::stop-commands::x\n::add-mask::a\n##[error]x")}),
        1,
        "FAIL health.status [",
        settings={"GITHUB_ACTIONS": "true"},
    ),
    Case(
        "a command in a redirect",
        platform(
            {
                "/health": _sends(b"", status=302, location="/x;touch$IFS/srv/owned;`id`"),
                "/x;touch$IFS/srv/owned;`id`": _sends(b"{}"),
            }
        ),
        1,
        "FAIL health.answers",
    ),
]


@by_name(ATTACKS)
def test_a_target_that_means_harm_reaches_neither_terminal_nor_shell(case: Case, ahead: Ahead) -> None:
    looked = ahead.look(case)
    keeps_the_rules(case, looked.ran)
    ran = looked.ran
    assert len(ran.stdout) < 150_000
    assert "the check itself failed" not in ran.text
    for line in ran.stdout.splitlines():
        if line.startswith(("::error title=", "::warning title=")):
            continue
        assert not line.strip().startswith("::"), "a line is a command to the CI system"
        assert "##[" not in line, "a line holds a command to the CI system"
        if ";touch" in line and line.strip().startswith("reproduce"):
            assert any(";touch" in word and "://" in word for word in shlex.split(line)), "a command would run another"
