"""Asks Toxiproxy, over its HTTP API: which one it is, its proxies, and the toxics on them.

Through `Http` and not through toxiproxy-python (0.1.1), whose transport cannot be made sound from outside: it calls the
functions of `requests` without a timeout and without a session that could be replaced; it takes every status but 400,
404 and 409 for success, so a server that answers 500 has "done" what was asked; its address is an attribute of a class,
which all its instances share, and a path or https cannot be said; and its proxies leave out their toxics, so the state
of several is never seen as one. The tests let the library and this client look at the same server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from selfcheck.clients._reading import text, understood
from selfcheck.observation import CouldNotObserve, Trouble

if TYPE_CHECKING:
    from selfcheck.clients.http import Answer, Http

_SERVICE = "Toxiproxy"
_BARE_VERSION = re.compile(r"v?\d+\.\d+[\w.+-]*")


@dataclass(frozen=True, slots=True)
class Toxic:
    """One thing that goes wrong on purpose.

    `kind` is latency, timeout, bandwidth and so on; `stream` upstream or downstream; `toxicity` the share of
    connections (0..1) that it is applied to. `attributes` are in the units of Toxiproxy, which depend on the kind
    (milliseconds, KB/s, bytes).
    """

    name: str
    kind: str
    stream: str
    toxicity: float
    attributes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy from `listen` ("127.0.0.1:26379") to `upstream`; one that is not enabled refuses connections."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: tuple[Toxic, ...]


class Toxiproxy:
    """A client of one Toxiproxy server, by the URL of its control address.

    Every method raises `CouldNotObserve` when there is no answer, or another one than Toxiproxy would give.
    """

    def __init__(self, http: Http, url: str) -> None:
        self.url = url.rstrip("/")
        self._http = http

    def version(self) -> str:
        """Its version, such as "2.12.0"."""
        answer = self._ask("version")
        bare = answer.text().strip()
        if _BARE_VERSION.fullmatch(bare):  # old ones do not wrap it into JSON
            return bare
        content = answer.json()
        with understood(answer, _SERVICE):
            return text(content["version"])

    def proxies(self) -> tuple[Proxy, ...]:
        """All proxies by name, with their toxics, as they are at one moment."""
        answer = self._ask("proxies")
        content = answer.json()
        with understood(answer, _SERVICE):
            return tuple(_proxy(content[name]) for name in sorted(content.keys()))

    def _ask(self, path: str) -> Answer:
        answer = self._http.ask("GET", f"{self.url}/{path}")
        if answer.status == 200:
            return answer
        content = answer.json()
        message = content.get("error") or content.get("title") if isinstance(content, dict) else None
        if not isinstance(message, str):
            raise answer.unusable(Trouble.UNEXPECTED_ANSWER, "its content has not the form of the API of Toxiproxy")
        raise CouldNotObserve(
            Trouble.ERROR_ANSWER,
            asked=answer.asked,
            came_back=answer.secrets.mask(f"Toxiproxy answered HTTP {answer.status}: {message[:200]}"),
            hint="Check that the URL names the control address of Toxiproxy, and look at its log",
        )


def _proxy(found: Any) -> Proxy:
    return Proxy(
        name=text(found["name"]),
        listen=text(found["listen"]),
        upstream=text(found["upstream"]),
        enabled=found["enabled"] is True,
        toxics=tuple(_toxic(each) for each in found["toxics"] or ()),
    )


def _toxic(found: Any) -> Toxic:
    return Toxic(
        name=text(found["name"]),
        kind=text(found["type"]),
        stream=text(found["stream"]),
        toxicity=float(found["toxicity"]),
        attributes=dict(found["attributes"]),
    )
