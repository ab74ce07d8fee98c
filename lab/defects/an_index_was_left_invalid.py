"""The making of an index broke off: it is there, and no query uses it."""

import contextlib
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._servers import in_postgres

if TYPE_CHECKING:
    import psycopg


def _break(connection: "psycopg.Connection") -> None:
    connection.execute("DROP INDEX IF EXISTS idx_ocr_requests_provider")
    import psycopg  # noqa: PLC0415 - a slow import that the rest of the catalogue need not pay for

    with contextlib.suppress(psycopg.errors.UniqueViolation):
        connection.execute(
            "CREATE UNIQUE INDEX CONCURRENTLY idx_ocr_requests_provider ON ocr_requests (provider, status)"
        )


def _mend(connection: "psycopg.Connection") -> None:
    connection.execute("DROP INDEX IF EXISTS idx_ocr_requests_provider")
    connection.execute("CREATE INDEX idx_ocr_requests_provider ON ocr_requests (provider, status)")


DEFECT = Defect(
    breaks="the history has an index by provider and status that is valid",
    caught_by=("dependencies.index_by_provider",),
    how=in_postgres(_break, _mend),
)
