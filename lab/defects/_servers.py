"""Defects in the lab's Redis and Postgres, made from outside of the platform."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.ports import HOST
from lab.supervisor import Lab

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg
    import redis

_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _InRedis:
    break_: "Callable[[Lab, redis.Redis], object]"
    mend: "Callable[[Lab, redis.Redis], object]"

    def apply(self, lab: Lab) -> None:
        self.break_(lab, _redis(lab))

    def undo(self, lab: Lab) -> None:
        self.mend(lab, _redis(lab))


def in_redis(break_: "Callable[[Lab, redis.Redis], object]", mend: "Callable[[Lab, redis.Redis], object]") -> _InRedis:
    """Do something to Redis; both functions get the lab and a client, and may be called twice."""
    return _InRedis(break_, mend)


def _redis(lab: Lab) -> "redis.Redis":
    import redis  # noqa: PLC0415 - a slow import that the rest of the catalogue need not pay for

    return redis.Redis(host=HOST, port=lab.ports.redis, socket_timeout=_TIMEOUT_SECONDS)


@dataclass(frozen=True, slots=True)
class _InPostgres:
    break_: "Callable[[psycopg.Connection], object]"
    mend: "Callable[[psycopg.Connection], object]"

    def apply(self, lab: Lab) -> None:
        with _postgres(lab) as connection:
            self.break_(connection)

    def undo(self, lab: Lab) -> None:
        with _postgres(lab) as connection:
            self.mend(connection)


def in_postgres(
    break_: "Callable[[psycopg.Connection], object]", mend: "Callable[[psycopg.Connection], object]"
) -> _InPostgres:
    """Do something to the platform's database as its owner, statement by statement; both may be called twice."""
    return _InPostgres(break_, mend)


def _postgres(lab: Lab) -> "psycopg.Connection":
    import psycopg  # noqa: PLC0415 - as above

    url = lab.environment()["SELF_CHECK_DATABASE_URL"]
    return psycopg.connect(url, autocommit=True, connect_timeout=int(_TIMEOUT_SECONDS))
