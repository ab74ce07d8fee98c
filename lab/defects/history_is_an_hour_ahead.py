"""Rows of the history say an hour later than it was, as a local time that is taken for UTC."""

from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._servers import in_postgres

if TYPE_CHECKING:
    import psycopg


def _break(connection: "psycopg.Connection") -> None:
    connection.execute(
        "CREATE OR REPLACE FUNCTION an_hour_ahead() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.created_at := NEW.created_at + interval '1 hour'; RETURN NEW; END $$"
    )
    connection.execute(
        "CREATE TRIGGER an_hour_ahead BEFORE INSERT ON ocr_requests FOR EACH ROW EXECUTE FUNCTION an_hour_ahead()"
    )


def _mend(connection: "psycopg.Connection") -> None:
    connection.execute("DROP TRIGGER IF EXISTS an_hour_ahead ON ocr_requests")
    connection.execute("DROP FUNCTION IF EXISTS an_hour_ahead")
    # What is newest for an hour would hide what is written meanwhile.
    connection.execute("DELETE FROM ocr_requests WHERE created_at > now() + interval '1 minute'")


DEFECT = Defect(
    breaks="the history says when a request was made",
    caught_by=("dependencies.history_time",),
    how=in_postgres(_break, _mend),
)
