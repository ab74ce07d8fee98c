"""One replica never gives a connection to Postgres back."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform

_LEAKED = 85  # of 100, next to those of healthy replicas


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    import psycopg  # noqa: PLC0415 - a slow import that the rest of the catalogue need not pay for

    enough = threading.Event()
    leaked = ExitStack()

    def leak() -> None:
        for _ in range(_LEAKED):
            if enough.is_set():
                break
            leaked.enter_context(psycopg.connect(platform.settings.database_url or "", autocommit=True))

    # Aside: opening so many takes a while, and the replica is to go on answering.
    leaking = threading.Thread(target=leak, name="leak", daemon=True)
    leaking.start()
    try:
        yield
    finally:
        enough.set()
        leaking.join()
        leaked.close()


DEFECT = Defect(
    breaks="Postgres has room for more connections",
    caught_by=("dependencies.postgres_connections",),
    how=inside(change=_change, replicas=("replica-1",)),
)
