"""What holds for every request: a time limit, a size limit, and headers that keep browsers careful."""

import asyncio
import contextlib

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lab.reference.errors import ApiError, Code
from lab.reference.settings import Settings

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}
_READ_AWAY_MAX_BYTES = 64 * 1024 * 1024
_READ_AWAY_SECONDS = 2.0
# Answers about the moment, which no cache on the way may keep.
_NEVER_KEPT = ("/health", "/ready", "/metrics", "/admin", "/api/v1/health", "/api/v1/providers")


class SecurityHeaders:
    """Adds the security headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY_HEADERS.items():
                    headers[name] = value
                if scope["path"].startswith(_NEVER_KEPT):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, with_headers)


class Bounds:
    """Ends requests that take too long (408 while the body is on its way, else 504) or are too large (413)."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Wrap the app."""
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, within the bounds."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send, self._settings.request_max_bytes)
        if exchange.declares_too_much(scope):
            await exchange.read_away()
            await self._refuse(_too_large(exchange.max_bytes), scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._settings.request_timeout_seconds):
                await self._app(scope, exchange.receive, exchange.send)
        except TimeoutError:
            if exchange.answered:
                raise
            error = (
                ApiError(504, Code.REQUEST_TIMEOUT, "the request took too long", source="system")
                if exchange.body_complete
                else ApiError(408, Code.REQUEST_TIMEOUT, "the request's body did not arrive in time")
            )
            await self._refuse(error, scope, receive, send)

    async def _refuse(self, error: ApiError, scope: Scope, receive: Receive, send: Send) -> None:
        response = error.response()
        # What is left of the body would be taken for the next request.
        response.headers["Connection"] = "close"
        await response(scope, receive, send)


class _Exchange:
    def __init__(self, receive: Receive, send: Send, max_bytes: int) -> None:
        self._receive = receive
        self._send = send
        self.max_bytes = max_bytes
        self._received_bytes = 0
        self.body_complete = False
        self.answered = False

    def declares_too_much(self, scope: Scope) -> bool:
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit():
                return int(value) > self.max_bytes
        return False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._received_bytes += len(message.get("body", b""))
            self.body_complete = not message.get("more_body", False)
            if self._received_bytes > self.max_bytes:
                await self.read_away()
                raise _too_large(self.max_bytes)
        return message

    async def read_away(self) -> None:
        """Read what is left of the body, within limits.

        A connection that is closed with unread bytes is reset, and the client may never see the answer.
        """
        left_bytes = _READ_AWAY_MAX_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_READ_AWAY_SECONDS):
                while not self.body_complete and left_bytes > 0:
                    message = await self._receive()
                    if message["type"] != "http.request":
                        return
                    left_bytes -= len(message.get("body", b""))
                    self.body_complete = not message.get("more_body", False)

    async def send(self, message: Message) -> None:
        self.answered = True
        await self._send(message)


def _too_large(max_bytes: int) -> ApiError:
    return ApiError(413, Code.INPUT_ERROR, f"a request may have {max_bytes} bytes")
