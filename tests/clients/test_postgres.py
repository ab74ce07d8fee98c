"""The Postgres client against a real server, and against what a URL of Postgres should not lead to."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest

from selfcheck.clients.postgres import Index, Postgres
from selfcheck.contract import Component
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.secrets import Secrets
from selfcheck.verdict import Outcome
from selfcheck.waiting import Deadline, wait_until
from tests import misbehaving
from tests.clients import servers
from tests.clients.looking import look
from tests.clients.servers import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.misbehaving import Connection

QUOTED = quote(PASSWORD, safe="")
TABLES = """
CREATE TABLE ocr_requests (id int PRIMARY KEY, provider text, status text, created_at timestamptz);
CREATE INDEX idx_created ON ocr_requests (created_at);
CREATE UNIQUE INDEX idx_provider ON ocr_requests (provider, lower(status)) INCLUDE (id);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_created'::regclass;
CREATE SEQUENCE numbers;
CREATE TABLE "no""rows" (at timestamptz);
CREATE SCHEMA history;
CREATE TABLE history."some rows" ("at time" timestamptz);
INSERT INTO history."some rows"
    VALUES ('2024-01-01 00:05:00Z'), ('2024-01-01 00:04:30Z'), ('2024-01-01 00:00:00Z');
CREATE ROLE app LOGIN PASSWORD 'app-password';
"""


def client(url: str, *, timeout_seconds: float = 5.0, deadline_seconds: float = 30.0) -> Postgres:
    return Postgres(url, timeout_seconds=timeout_seconds, deadline=Deadline(deadline_seconds), secrets=Secrets())


def trouble_of(ask: Callable[[], object]) -> CouldNotObserve:
    with pytest.raises(CouldNotObserve) as caught:
        ask()
    assert " at postgresql://" in caught.value.asked or " at http" in caught.value.asked
    assert caught.value.hint
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


def url_of(server: misbehaving.Server) -> str:
    return f"postgresql://app:hunter22@127.0.0.1:{server.port}/cad"


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, int]]:
    """A server with a table, as (URL of the superuser, process id)."""
    with servers.postgres() as (port, process_id):
        url = f"postgresql://boss:{QUOTED}@127.0.0.1:{port}/postgres"
        wait_until(client(url).version, timeout_seconds=20, what="Postgres to accept connections")
        with psycopg.connect(url) as connection:
            connection.execute(TABLES)
        yield url, process_id


@pytest.fixture
def postgres(server: tuple[str, int]) -> Postgres:
    return client(server[0])


@pytest.mark.lab
class TestRealServer:
    def test_what_it_is(self, postgres: Postgres) -> None:
        assert int(postgres.version().partition(".")[0]) >= 10
        assert "boss" not in postgres.url
        assert PASSWORD not in postgres.url

    def test_indexes(self, postgres: Postgres) -> None:
        created, provider, primary = postgres.indexes("ocr_requests")
        definition = "CREATE INDEX idx_created ON public.ocr_requests USING btree (created_at)"
        assert created == Index("idx_created", definition, ("created_at",), unique=False, valid=False)
        assert (provider.columns, provider.unique, provider.valid) == (("provider", "lower(status)"), True, True)
        assert primary.columns == ("id",)
        assert postgres.indexes("public.ocr_requests") == (created, provider, primary)
        assert postgres.indexes("nowhere") == ()
        assert "invalid name" in trouble_of(lambda: postgres.indexes("'; DROP TABLE ocr_requests; --")).came_back

    def test_rows_are_counted_from_a_moment_before_the_newest_one(self, server: tuple[str, int]) -> None:
        postgres = client(server[0])
        assert postgres.before_newest('no"rows', "at", 60) is None
        assert postgres.rows_since('no"rows', "at", None) == 0
        since = postgres.before_newest("history.some rows", "at time", 60)
        assert since is not None
        assert since.startswith("2024-01-01 00:04:00")
        assert postgres.rows_since("history.some rows", "at time", since) == 2
        assert postgres.rows_since("history.some rows", "at time", None) == 3
        assert "does not exist" in trouble_of(lambda: postgres.rows_since("nowhere", "at", None)).came_back

    @pytest.mark.parametrize("type_", ["timestamptz", "timestamp"])
    def test_rows_of_the_future_do_not_hide_those_of_now(self, server: tuple[str, int], type_: str) -> None:
        postgres = client(server[0])
        with psycopg.connect(server[0], autocommit=True) as boss:
            boss.execute(f"CREATE TABLE ahead (at {type_})")
            try:
                boss.execute("INSERT INTO ahead VALUES (now()), (now() + interval '2 hours')")
                since = postgres.before_newest("ahead", "at", 600)
                assert postgres.rows_since("ahead", "at", since) == 2
            finally:
                boss.execute("DROP TABLE ahead")

    def test_where_a_table_is(self, postgres: Postgres) -> None:
        assert postgres.table_like("ocr_requests") == "public.ocr_requests"
        assert postgres.table_like("some rows") == 'history."some rows"'
        assert postgres.table_like("elsewhere.ocr_requests") == "public.ocr_requests"
        assert not postgres.table_like("idx_created")

    def test_connections_are_counted_by_a_user_without_rights_too(self, server: tuple[str, int]) -> None:
        narrow = server[0].replace("boss", "app").replace(QUOTED, "app-password")
        alone = client(narrow).connections()
        assert alone.max == 100
        with psycopg.connect(server[0]), psycopg.connect(server[0]):
            wait_until(
                lambda: client(narrow).connections().used == alone.used + 2,
                timeout_seconds=5,
                what="two more connections to be counted",
            )

    @pytest.mark.parametrize(
        ("query", "value"),
        [
            ("SELECT count(*) FROM ocr_requests", 0),
            ("SELECT 0.25::numeric", 0.25),
            ("SELECT 1.5::float8", 1.5),
            ("SELECT NULL", None),
            ("SELECT true", True),
            ("VALUES ('100 %')", "100 %"),
            ("SELECT '2024-01-01 00:00+00'::timestamptz = '2024-01-01 01:00+01'::timestamptz", True),
            ("WITH x AS (SELECT 5 % 3 AS y) SELECT y FROM x", 2),
            ("SELECT current_setting('transaction_read_only')", "on"),
        ],
    )
    def test_one_value(self, postgres: Postgres, query: str, value: object) -> None:
        assert postgres.scalar(query) == value

    @pytest.mark.parametrize(
        ("query", "trouble", "says"),
        [
            ("SELECT 1 WHERE false", Trouble.UNEXPECTED_ANSWER, "no row"),
            ("VALUES (1), (2)", Trouble.UNEXPECTED_ANSWER, "more than one row"),
            ("SELECT 1, 2", Trouble.UNEXPECTED_ANSWER, "2 columns"),
            ("SELEC 1", Trouble.ERROR_ANSWER, "syntax error"),
            ("SELECT * FROM nowhere", Trouble.ERROR_ANSWER, "does not exist"),
            ("INSERT INTO ocr_requests VALUES (1)", Trouble.ERROR_ANSWER, "syntax error"),
            ("SELECT 1; COMMIT; DROP TABLE ocr_requests", Trouble.ERROR_ANSWER, "multiple commands"),
            (
                "WITH x AS (INSERT INTO ocr_requests VALUES (1) RETURNING id) SELECT * FROM x",
                Trouble.ERROR_ANSWER,
                "data-modifying",
            ),
            ("SELECT nextval('numbers')", Trouble.ERROR_ANSWER, "read-only"),
            ("SELECT pg_sleep(20)", Trouble.TIMED_OUT, "0.5 s"),
            ("SELECT count(*) FROM generate_series(1, 1000000000)", Trouble.TIMED_OUT, "0.5 s"),
        ],
    )
    def test_no_value(self, server: tuple[str, int], query: str, trouble: Trouble, says: str) -> None:
        started = time.monotonic()
        error = trouble_of(lambda: client(server[0], timeout_seconds=0.5).scalar(query))
        assert error.trouble is trouble
        assert says in error.came_back
        assert error.asked.startswith(query[:50])
        assert time.monotonic() - started < 5

    def test_nothing_runs_on_in_the_server(self, postgres: Postgres) -> None:
        others = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sleep(20)%' AND pid <> pg_backend_pid()"
        wait_until(
            lambda: postgres.scalar(others) == 0,
            timeout_seconds=5,
            what="the query that was cut off to end in the server",
        )

    @pytest.mark.parametrize(
        ("change", "trouble", "says"),
        [
            ((QUOTED, "wrong-pw"), Trouble.ERROR_ANSWER, "password authentication failed"),
            (("boss", "nobody"), Trouble.ERROR_ANSWER, "password authentication failed"),
            ((f":{QUOTED}", ""), Trouble.ERROR_ANSWER, "no password supplied"),
            (("/postgres", "/nowhere"), Trouble.ERROR_ANSWER, "does not exist"),
            (("/postgres", "/postgres?sslmode=require"), Trouble.TLS, "SSL"),
        ],
    )
    def test_credentials_that_are_refused(
        self, server: tuple[str, int], change: tuple[str, str], trouble: Trouble, says: str
    ) -> None:
        error = trouble_of(client(server[0].replace(*change)).version)
        assert error.trouble is trouble
        assert says in error.came_back
        assert "URL" in error.hint
        for secret in (PASSWORD, QUOTED, "wrong-pw"):
            assert secret not in str(error)

    def test_the_look_of_the_preflight(self, server: tuple[str, int]) -> None:
        verdict = look(Component.POSTGRES, server[0])
        assert verdict.outcome is Outcome.PASS
        assert verdict.observed.startswith("Postgres 1")
        verdict = look(Component.POSTGRES, server[0].replace(QUOTED, "wrong-pw"))
        assert verdict.outcome is Outcome.FAIL
        assert "password" in verdict.observed
        assert "wrong-pw" not in str(verdict)

    def test_one_that_stops_to_answer(self, server: tuple[str, int]) -> None:
        os.kill(server[1], signal.SIGSTOP)
        try:
            started = time.monotonic()
            error = trouble_of(client(server[0], timeout_seconds=0.3).connections)
            assert time.monotonic() - started < 4
        finally:
            os.kill(server[1], signal.SIGCONT)
        assert error.trouble is Trouble.TIMED_OUT


def says(*answers: bytes) -> Callable[[Connection], None]:
    """A server that gives one answer to each thing that it is told, and then waits."""

    def behave(connection: Connection) -> None:
        for data in answers:
            connection.sock.recv(1000)
            connection.send(data)
        connection.hold()

    return behave


@pytest.mark.parametrize(
    ("behave", "trouble", "says_so"),
    [
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Trouble.UNEXPECTED_ANSWER, "SSL negotiation: H"),
        (says(b"N", b"HTTP/1.1 400 Bad Request\r\n\r\n"), Trouble.UNEXPECTED_ANSWER, "received H"),
        (says(b"-ERR wrong\r\n"), Trouble.UNEXPECTED_ANSWER, "SSL negotiation: -"),
        (lambda connection: connection.reset(), Trouble.BROKEN_OFF, "closed the connection|reset"),
        (lambda _: None, Trouble.BROKEN_OFF, "closed the connection|reset"),
    ],
)
def test_something_else_listens(behave: Callable[[Connection], None], trouble: Trouble, says_so: str) -> None:
    with misbehaving.serving(behave) as server:
        error = trouble_of(client(url_of(server)).version)
    assert error.trouble is trouble
    assert any(words in error.came_back for words in says_so.split("|")), error.came_back
    assert "hunter22" not in str(error)


def trickles(connection: Connection) -> None:
    connection.sock.recv(1000)
    connection.trickle(b"N" + b"R\0\0\0\x08\0\0\0\0" + b"S\0\0\0\x08a\0b\0" * 1000, 0.02)


@pytest.mark.parametrize("behave", [misbehaving.Connection.hold, trickles, says(b"N"), says(b"S")])
def test_one_that_does_not_come_to_an_end(behave: Callable[[Connection], None]) -> None:
    started = time.monotonic()
    with misbehaving.serving(behave) as server:
        assert trouble_of(client(url_of(server), timeout_seconds=0.3).version).trouble is Trouble.TIMED_OUT
    assert time.monotonic() - started < 4
    wait_until(
        lambda: "bounded call" not in {thread.name for thread in threading.enumerate()},
        timeout_seconds=5,
        what="the call that was cut off to end",
    )


def test_nothing_listens() -> None:
    with misbehaving.refuses() as server:
        assert trouble_of(client(url_of(server)).version).trouble is Trouble.REFUSED
    error = trouble_of(client("postgresql://app:hunter22@nowhere.invalid/cad").version)
    assert error.trouble is Trouble.NAME_NOT_FOUND
    assert trouble_of(client("postgresql:///cad?host=/nowhere").version).trouble is Trouble.UNREACHABLE


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:hun/ter22@host:5432/cad",
        "postgresql://app:hunter22@host:port/cad",
        "postgresql://app:hunter22@host:99999999/cad",
        "postgresql://app:hunter22@localhost:5432/cad?no_such_option=1",
        "http://app:hunter22@host:5432/cad",
    ],
)
def test_no_url_of_postgres(url: str) -> None:
    error = trouble_of(client(url).version)
    assert error.trouble in {Trouble.BAD_URL, Trouble.NAME_NOT_FOUND}
    assert "hun" not in str(error)
    assert "ter22" not in str(error)


def test_the_deadline_of_the_run() -> None:
    with misbehaving.silent() as server:
        assert trouble_of(client(url_of(server), deadline_seconds=0.2).version).trouble is Trouble.DEADLINE
        assert trouble_of(client(url_of(server), deadline_seconds=0).version).trouble is Trouble.DEADLINE
        assert server.connections == 1
