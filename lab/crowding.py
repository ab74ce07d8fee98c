"""Leaves the platform without connections to Postgres, as when something else has taken all of them.

By the limit of the platform's role and not by taking real connections: nothing has to go on running for it, so that
whoever undoes it needs no more than one statement, and the database's owner and the exporter can always get in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lab.servers import DATABASE_USER

if TYPE_CHECKING:
    from psycopg import Connection

    from lab.supervisor import Lab

_TIMEOUT_SECONDS: Final = 5
_UNLIMITED: Final = -1


def fill(lab: Lab) -> None:
    """Refuse new connections of the platform ("too many connections"), and end those that it has."""
    with _connection(lab) as connection:
        _limit(connection, 0)
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (DATABASE_USER,)
        )


def free(lab: Lab) -> None:
    """Let the platform connect again."""
    with _connection(lab) as connection:
        _limit(connection, _UNLIMITED)


def is_full(lab: Lab) -> bool:
    """Tell whether the platform has no connection and gets none."""
    with _connection(lab) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
        return _limit_of(connection) == 0 and _number(connection, query) == 0


def is_free(lab: Lab) -> bool:
    """Tell whether the platform may connect."""
    with _connection(lab) as connection:
        return _limit_of(connection) == _UNLIMITED


def _connection(lab: Lab) -> Connection:
    import psycopg  # noqa: PLC0415 - a slow import that the other commands of the lab need not pay for

    return psycopg.connect(lab.database_admin_url(), autocommit=True, connect_timeout=_TIMEOUT_SECONDS)


def _limit(connection: Connection, most: int) -> None:
    from psycopg import sql  # noqa: PLC0415 - as above

    connection.execute(
        sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(sql.Identifier(DATABASE_USER), sql.Literal(most))
    )


def _limit_of(connection: Connection) -> int:
    return _number(connection, "SELECT rolconnlimit FROM pg_roles WHERE rolname = %s")


def _number(connection: Connection, query: str) -> int:
    row = connection.execute(query.encode(), (DATABASE_USER,)).fetchone()
    assert row is not None
    number: int = row[0]
    return number
