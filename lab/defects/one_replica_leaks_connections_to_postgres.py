"""One replica never gives a connection to Postgres back."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


_LEAKED = 83  # of 100, next to those of healthy replicas


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    import psycopg  # noqa: PLC0415 - a slow import that the rest of the catalogue need not pay for

    with ExitStack() as leaked:
        for _ in range(_LEAKED):
            leaked.enter_context(psycopg.connect(platform.settings.database_url or "", autocommit=True))
        yield


DEFECT = Defect(
    breaks="Postgres has room for more connections",
    caught_by=("dependencies.postgres_connections",),
    how=inside(change=_change, replicas=("replica-1",)),
)
