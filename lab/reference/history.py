"""The history of OCR requests in Postgres, written behind the answers: a slow or absent database slows nobody."""

import asyncio
import contextlib
import logging
import time
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from lab.reference.settings import Settings

if TYPE_CHECKING:
    import psycopg

_log = logging.getLogger(__name__)

_QUEUE_MAX: Final = 5000
_BATCH_MAX: Final = 200
_CONNECT_TIMEOUT_SECONDS: Final = 2
_BACKOFF_FIRST_SECONDS: Final = 0.25
_BACKOFF_MAX_SECONDS: Final = 5.0

# All replicas start at once, and IF NOT EXISTS does not keep two of them from creating the same table: one at a time.
_SCHEMA: Final = (
    "SELECT pg_advisory_xact_lock(4201179)",
    """
    CREATE TABLE IF NOT EXISTS ocr_requests (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        created_at timestamptz NOT NULL,
        replica text NOT NULL,
        provider text NOT NULL,
        status text NOT NULL,
        code text,
        duration_ms double precision NOT NULL,
        cached boolean NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS idx_ocr_requests_created ON ocr_requests (created_at)",
    "CREATE INDEX IF NOT EXISTS idx_ocr_requests_provider ON ocr_requests (provider, status)",
)
_INSERT: Final = (
    "INSERT INTO ocr_requests (created_at, replica, provider, status, code, duration_ms, cached)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s)"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One OCR request as history keeps it; the fields are the table's columns in order."""

    created_at: datetime
    replica: str
    provider: str
    status: str
    code: str | None
    duration_ms: float
    cached: bool


class HistoryDownError(Exception):
    """Postgres is not configured or does not answer."""


class History:
    """Keeps entries in a bounded queue and writes them in batches over one connection."""

    def __init__(self, settings: Settings) -> None:
        """Connect to nothing yet."""
        self._settings = settings
        self._queue: asyncio.Queue[Entry] = asyncio.Queue(_QUEUE_MAX)
        self._writer: asyncio.Task[None] | None = None
        self._asker: psycopg.AsyncConnection | None = None
        self._asker_lock = asyncio.Lock()
        self.dropped = 0

    async def start(self) -> None:
        """Begin to write in the background; the schema is created as soon as the database can be reached."""
        if self._settings.database_url is not None:
            # The driver takes a while to load: done aside, the event loop keeps answering.
            await asyncio.to_thread(__import__, "psycopg")
            self._writer = asyncio.create_task(self._write_for_ever(self._settings.database_url), name="history")

    def record(self, *, provider: str, status: str, code: str | None, duration_ms: float, cached: bool) -> None:
        """Note a request. Never waits: when the queue is full the entry is dropped and counted."""
        if self._writer is None:
            return
        replica = self._settings.replica
        try:
            self._queue.put_nowait(Entry(datetime.now(UTC), replica, provider, status, code, duration_ms, cached))
        except asyncio.QueueFull:
            self.dropped += 1

    async def ping(self) -> None:
        """Ask the database for a sign of life; raises HistoryDownError."""
        url = self._settings.database_url
        if url is None:
            message = "no DATABASE_URL is configured"
            raise HistoryDownError(message)
        import psycopg  # noqa: PLC0415 - the driver is heavy and not needed without a database

        try:
            async with asyncio.timeout(self._settings.dependency_timeout_seconds), self._asker_lock:
                if self._asker is not None:
                    # A connection from before a restart of the database says nothing about the database of now.
                    with contextlib.suppress(psycopg.Error):
                        await self._asker.execute("SELECT 1")
                        return
                    await _close(self._asker)
                self._asker = await _connect(url)
                await self._asker.execute("SELECT 1")
        except (psycopg.Error, OSError, TimeoutError) as error:
            asker, self._asker = self._asker, None
            await _close(asker)
            first_line = str(error).strip().splitlines()[:1]
            raise HistoryDownError(first_line[0] if first_line else type(error).__name__) from error

    async def close(self) -> None:
        """Write what is left, as far as that takes no more than a second, and disconnect."""
        if self._writer is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._queue.join(), timeout=1.0)
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        await _close(self._asker)

    async def _write_for_ever(self, url: str) -> None:
        import psycopg  # noqa: PLC0415 - the driver is heavy and not needed without a database

        backoff_seconds = _BACKOFF_FIRST_SECONDS
        quiet_until = 0.0
        batch: list[Entry] = []
        while True:
            connection: psycopg.AsyncConnection | None = None
            try:
                connection = await _connect(url)
                async with connection.transaction():
                    for statement in _SCHEMA:
                        await connection.execute(statement)
                backoff_seconds = _BACKOFF_FIRST_SECONDS
                while True:
                    if not batch:
                        batch = await self._next_batch()
                    async with connection.transaction():
                        await connection.cursor().executemany(_INSERT, [astuple(entry) for entry in batch])
                    self._done(batch)
                    batch = []
            except (psycopg.Error, OSError) as error:
                if time.monotonic() >= quiet_until:
                    _log.warning("history: Postgres does not answer: %s", str(error).strip())
                    quiet_until = time.monotonic() + 30
                if isinstance(error, psycopg.DataError):
                    # This batch will never be accepted; holding on to it would stop all that follow.
                    self.dropped += len(batch)
                    self._done(batch)
                    batch = []
                await asyncio.sleep(backoff_seconds)
                backoff_seconds = min(_BACKOFF_MAX_SECONDS, backoff_seconds * 2)
            finally:
                await _close(connection)

    async def _next_batch(self) -> list[Entry]:
        batch = [await self._queue.get()]
        while len(batch) < _BATCH_MAX and not self._queue.empty():
            batch.append(self._queue.get_nowait())
        return batch

    def _done(self, batch: list[Entry]) -> None:
        for _ in batch:
            self._queue.task_done()


async def _connect(url: str) -> "psycopg.AsyncConnection":
    import psycopg  # noqa: PLC0415 - the driver is heavy and not needed without a database

    return await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_SECONDS)


async def _close(connection: "psycopg.AsyncConnection | None") -> None:
    if connection is not None:
        with contextlib.suppress(Exception):
            await connection.close()
