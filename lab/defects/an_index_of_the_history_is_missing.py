"""The history has lost its index by time."""

from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._servers import in_postgres

if TYPE_CHECKING:
    import psycopg


def _break(connection: "psycopg.Connection") -> None:
    connection.execute("DROP INDEX IF EXISTS idx_ocr_requests_created")


def _mend(connection: "psycopg.Connection") -> None:
    connection.execute("DROP INDEX IF EXISTS idx_ocr_requests_created")
    connection.execute("CREATE INDEX idx_ocr_requests_created ON ocr_requests (created_at)")


DEFECT = Defect(
    breaks="the history has an index by time",
    caught_by=("dependencies.index_by_time",),
    how=in_postgres(_break, _mend),
)
