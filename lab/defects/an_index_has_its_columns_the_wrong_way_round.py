"""The index by provider and status has the status first."""

from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._servers import in_postgres

if TYPE_CHECKING:
    import psycopg


def _break(connection: "psycopg.Connection") -> None:
    connection.execute("DROP INDEX IF EXISTS idx_ocr_requests_provider")
    connection.execute("CREATE INDEX idx_ocr_requests_provider ON ocr_requests (status, provider)")


def _mend(connection: "psycopg.Connection") -> None:
    connection.execute("DROP INDEX IF EXISTS idx_ocr_requests_provider")
    connection.execute("CREATE INDEX idx_ocr_requests_provider ON ocr_requests (provider, status)")


DEFECT = Defect(
    breaks="the history has an index by provider and status",
    caught_by=("dependencies.index_by_provider",),
    how=in_postgres(_break, _mend),
)
