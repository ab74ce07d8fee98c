"""Asks Postgres, through psycopg: version, indexes, connections, and queries that give one value.

The package is imported with the first question (0.1 s on an idle machine). Each question is one read-only transaction
on a connection of its own. That it is read-only, and how long a statement may take, is said inside of the transaction
and not when connecting: a pooler in between (PgBouncer) refuses options at the start of a connection, and would keep
settings of a session for the next client.
"""

from __future__ import annotations

import os
import re
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

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
    from collections.abc import Iterator, Sequence

    import psycopg

    from selfcheck.secrets import Secrets
    from selfcheck.waiting import Deadline

Scalar = str | int | float | bool | None

_CREDENTIALS_HINT = "Check the user, the password and the database in the URL of Postgres"
_QUERY_HINT = "Correct the query, or what the user may read"
_WRONG_PORT_HINT = "Most likely the URL names the port of another service: correct it"

# Without what libpq says of it, which may quote a part of the password.
_BAD_URL = Failure(
    Trouble.BAD_URL,
    "that is no URL of a Postgres database",
    "Write it as postgresql://user:password@host:5432/database, with special characters in %xx form",
)

# What libpq puts before its reason: the address stands in what was asked already.
_FORERUNNERS = re.compile(r"^connection (failed|is bad):\s*|connection to server (at|on socket) .*? failed:\s*")

# libpq has no codes for what happens before the server accepts the user; only its text tells these apart. Whatever the
# server itself says, in whichever language, begins with its word for "fatal" and matches nothing here.
_BEFORE_ACCEPTED: tuple[tuple[str, Trouble, str], ...] = (
    ("connection refused", Trouble.REFUSED, "Start the service, or correct its URL"),
    (
        "could not translate host name|failed to resolve host|name or service not known",
        Trouble.NAME_NOT_FOUND,
        "Correct the host name in the URL, or the name server of this machine",
    ),
    ("timeout expired", Trouble.TIMED_OUT, SERVICE_HINT),
    (
        "certificate|ssl error|does not support ssl|ssl was required",
        Trouble.TLS,
        "Check sslmode and sslrootcert in the URL, and the certificate of the server",
    ),
    (
        "expected authentication request|invalid response to ssl negotiation|unexpected response|lost synchronization",
        Trouble.UNEXPECTED_ANSWER,
        _WRONG_PORT_HINT,
    ),
    (
        "network is unreachable|no route to host|no such file or directory|permission denied",
        Trouble.UNREACHABLE,
        "Check the network, or correct the URL",
    ),
    ("server closed the connection|connection reset|broken pipe|eof detected", Trouble.BROKEN_OFF, SERVICE_HINT),
)


@dataclass(frozen=True, slots=True)
class Index:
    """An index of a table. `definition` is the statement that would make it again.

    `valid` is false for one that queries do not use, as a broken CREATE INDEX CONCURRENTLY leaves behind.
    """

    name: str
    definition: str
    columns: tuple[str, ...]
    unique: bool
    valid: bool


@dataclass(frozen=True, slots=True)
class Connections:
    """How many clients are connected (this one too), and how many may be, reserved places included."""

    used: int
    max: int


class Postgres:
    """A client of one Postgres database, by a URL of libpq (postgresql://user:password@host:5432/database).

    Each question takes at most `timeout_seconds`, and less when `deadline` is nearer. Every method raises
    `CouldNotObserve`; the password is in none of its texts.
    """

    def __init__(self, url: str, *, timeout_seconds: float, deadline: Deadline, secrets: Secrets) -> None:
        self.url = address(url)
        self._with_credentials = url
        self._bounded = Bounded(timeout_seconds=timeout_seconds, deadline=deadline, secrets=secrets)
        self._timeout_seconds = timeout_seconds
        keep_secret(url, secrets)

    def version(self) -> str:
        """The version of the server, such as "15.14 (Debian 15.14-0+deb12u1)"."""
        return str(self._one("the version", "SELECT current_setting('server_version')")[0])

    def indexes(self, table: str) -> tuple[Index, ...]:
        """The indexes of a table ("ocr_requests" or "schema.table"), by name; none where there is no such table.

        `columns` has the expression where an index is over one.
        """
        rows = self._rows(
            f"the indexes of {table}",
            """
            SELECT c.relname, pg_get_indexdef(c.oid), i.indisunique, i.indisvalid AND i.indisready,
                   ARRAY(SELECT pg_get_indexdef(c.oid, n, true) FROM generate_series(1, i.indnkeyatts::int) AS n)
            FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
            WHERE i.indrelid = to_regclass(%s) ORDER BY c.relname
            """,
            (table,),
        )
        return tuple(
            Index(name, definition, tuple(columns), unique=unique, valid=valid)
            for name, definition, unique, valid, columns in rows
        )

    def table_like(self, table: str) -> str:
        """Where a table of that name is, in whichever schema ("schema.table"); empty when there is none."""
        rows = self._rows(
            f"the table {table}",
            """
            SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
            FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1
            """,
            (table.rpartition(".")[2],),
        )
        return str(rows[0][0]) if rows else ""

    def before_newest(self, table: str, time_column: str, seconds: int) -> str | None:
        """The moment so long before the newest row of a table, as Postgres writes it; None for an empty table.

        Rows that claim to be of the future move it no further than to so long before now.
        """
        from psycopg import sql  # noqa: PLC0415 - a slow import that only runs with a database in scope pay for

        query = sql.SQL(
            "SELECT (CASE WHEN count(*) > 0 THEN least(max({0}), now()) END - make_interval(secs => {1}))::text "
            "FROM {2}"
        ).format(sql.Identifier(time_column), sql.Literal(seconds), sql.Identifier(*table.split(".")))
        newest = self._one(f"the newest row of {table}", query.as_string(None))[0]
        return None if newest is None else str(newest)

    def rows_since(self, table: str, time_column: str, since: str | None) -> int:
        """How many rows of a table there are since a moment, or at all."""
        from psycopg import sql  # noqa: PLC0415 - as above

        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*table.split(".")))
        if since is not None:
            query += sql.SQL(" WHERE {} >= {}").format(sql.Identifier(time_column), sql.Literal(since))
        return int(self._one(f"the number of rows of {table}", query.as_string(None))[0])

    def texts_since(
        self, table: str, time_column: str, since: str | None, columns: Sequence[str], *, rows_max: int = 5000
    ) -> list[tuple[str | None, ...]]:
        """What the newest rows of a table since a moment have in some columns, as text.

        None where a row has nothing there, or the table no such column.
        """
        from psycopg import sql  # noqa: PLC0415 - as above

        # A row as JSON has what there is, whatever the table's columns are.
        row = sql.SQL("to_jsonb({}.*)").format(sql.Identifier("entry"))
        chosen = sql.SQL(", ").join(sql.SQL("{} ->> {}").format(row, sql.Literal(column)) for column in columns)
        query = sql.SQL("SELECT {} FROM {} AS entry").format(chosen, sql.Identifier(*table.split(".")))
        if since is not None:
            query += sql.SQL(" WHERE {} >= {}").format(sql.Identifier(time_column), sql.Literal(since))
        query += sql.SQL(" ORDER BY {} DESC").format(sql.Identifier(time_column))
        return self._rows(f"the newest rows of {table}", query.as_string(None), rows_max=rows_max)

    def connections(self) -> Connections:
        """How many connections of clients there are, and how many there may be."""
        # Who may not see the sessions of others gets rows for them without a type.
        used, allowed = self._one(
            "the connections",
            """
            SELECT (SELECT count(*) FROM pg_stat_activity
                    WHERE datid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'),
                   current_setting('max_connections')::int
            """,
        )
        return Connections(used=used, max=allowed)

    def scalar(self, query: str) -> Scalar:
        """The one value that a query gives; numbers are int or float, other types their text.

        A query (SELECT, VALUES, WITH) and nothing else: several statements, or one that writes, is refused. Raises
        `CouldNotObserve` (UNEXPECTED_ANSWER) when it gives another number of rows or columns than one.
        """
        asked = " ".join(query.split())
        row = self._one(asked, query)
        if len(row) != 1:
            raise self._unexpected(asked, f"it gave {len(row)} columns, and one was expected")
        return _scalar(row[0])

    def _one(self, asked: str, query: str) -> tuple[Any, ...]:
        rows = self._rows(asked, query, rows_max=2)
        if len(rows) != 1:
            raise self._unexpected(asked, f"it gave {'more than one row' if rows else 'no row'}, and one was expected")
        return rows[0]

    def _rows(
        self, asked: str, query: str, parameters: tuple[str, ...] | None = None, *, rows_max: int = 1000
    ) -> list[tuple[Any, ...]]:
        def call(under_way: Call) -> list[tuple[Any, ...]]:
            with self._connected(under_way) as connection, _can_be_cut(connection, under_way):
                connection.read_only = True
                limit = str(ceil(under_way.limit_seconds * 1000))
                connection.execute("SELECT set_config('statement_timeout', %s, true)", (limit,))
                # A cursor on the server takes one statement, which must be a query, and sends no more rows than are
                # fetched.
                with connection.cursor("selfcheck") as cursor:
                    # psycopg wants literal queries, as a guard against quoting by hand; these come from here and from
                    # the contract.
                    cursor.execute(query, parameters)
                    return cursor.fetchmany(rows_max)

        import psycopg  # noqa: F401, PLC0415 - a slow import; it must not eat up the time of the question

        return self._bounded.run(self._asked(asked), call, self._why)

    def _asked(self, asked: str) -> str:
        return f"{asked if len(asked) <= 120 else asked[:119] + '…'} at {self.url}"

    def _unexpected(self, asked: str, problem: str) -> CouldNotObserve:
        return self._bounded.could_not(self._asked(asked), Failure(Trouble.UNEXPECTED_ANSWER, problem, _QUERY_HINT))

    def _connected(self, under_way: Call) -> psycopg.Connection[tuple[Any, ...]]:
        import psycopg  # noqa: PLC0415 - a slow import that only runs with a database in scope pay for

        try:
            psycopg.conninfo.conninfo_to_dict(self._with_credentials)
        except psycopg.Error:
            raise Failed(*_BAD_URL) from None
        return psycopg.connect(
            self._with_credentials,
            connect_timeout=ceil(under_way.limit_seconds),  # whole seconds, 2 at least: `Bounded` is more exact
            fallback_application_name="cad-ml-selfcheck",
            prepare_threshold=None,  # a pooler would have to remember prepared statements
        )

    def _why(self, error: Exception) -> Failure | None:
        import psycopg  # noqa: PLC0415 - as above

        if isinstance(error, psycopg.errors.QueryCanceled | psycopg.errors.ConnectionTimeout):
            return too_slow(self._timeout_seconds)
        if isinstance(error, psycopg.Error) and error.sqlstate is not None:
            return Failure(Trouble.ERROR_ANSWER, f"Postgres refused: {error.diag.message_primary}", _QUERY_HINT)
        if isinstance(error, psycopg.OperationalError):
            return _before_accepted(str(error))
        if isinstance(error, psycopg.Error | UnicodeError):
            return Failure(Trouble.UNEXPECTED_ANSWER, f"its answer cannot be read ({error})", SERVICE_HINT)
        return network_failure(error) if isinstance(error, OSError) else None


@contextmanager
def _can_be_cut(connection: psycopg.Connection[Any], under_way: Call) -> Iterator[None]:
    """Let the connection be ended from another thread.

    A descriptor of our own for the same connection: its shutdown is felt by libpq, whatever libpq does to the other
    one.
    """
    with socket.socket(fileno=os.dup(connection.fileno())) as own:
        under_way.cut_off = lambda: shut_down(own)
        yield


def _before_accepted(text: str) -> Failure:
    if text.startswith("connection is bad: invalid") or "Servname not supported" in text:
        return _BAD_URL
    said = _FORERUNNERS.sub("", text).partition("\n")[0] or "no reason given"
    for pattern, trouble, hint in _BEFORE_ACCEPTED:
        if re.search(pattern, said, re.IGNORECASE):
            return Failure(trouble, said, hint)
    return Failure(Trouble.ERROR_ANSWER, f"Postgres refused: {said}", _CREDENTIALS_HINT)


def _scalar(value: Any) -> Scalar:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    try:
        return float(value)  # numeric
    except (TypeError, ValueError):
        return str(value)
