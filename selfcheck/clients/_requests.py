"""Lets a library that speaks through `requests` speak through our own client, within its bounds.

Imported only when such a library is used: `requests` alone takes about 0.2 s to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

if TYPE_CHECKING:
    from selfcheck.clients.http import Answer, Http


class ThroughHttp(BaseAdapter):
    """Carries the requests of one session; `answer` is the last one, with all that the library drops."""

    def __init__(self, http: Http) -> None:
        super().__init__()
        self.answer: Answer | None = None
        self._http = http

    def send(  # type: ignore[override] # the options of the transport are ours to choose, so they are not looked at
        self, request: requests.PreparedRequest, **_: object
    ) -> requests.Response:
        """Ask with our client; raises `CouldNotObserve`."""
        body = request.body.encode() if isinstance(request.body, str) else request.body
        if body is not None and not isinstance(body, bytes):
            raise TypeError("only bodies that are held in memory are sent")
        headers = {name: _text(value) for name, value in request.headers.items()}
        answer = self._http.ask(request.method or "GET", request.url or "", headers=headers, content=body)
        self.answer = answer
        response = requests.Response()
        response.status_code = answer.status
        response.headers = CaseInsensitiveDict(answer.headers)
        response.url = answer.url
        response.request = request
        response._content = answer.body  # noqa: SLF001 - the one way to give a response a body that was read already
        return response

    def close(self) -> None:
        """Nothing to close: the connections belong to the client."""


def session_through(adapter: ThroughHttp, url: str) -> requests.Session:
    """A session that sends everything, and what begins with `url` in any case, through the adapter.

    It adds no header of its own and reads neither proxies nor `.netrc` of the environment.
    """
    session = requests.Session()
    session.trust_env = False
    session.headers.clear()
    for prefix in ("http://", "https://", url):
        session.mount(prefix, adapter)
    return session


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
