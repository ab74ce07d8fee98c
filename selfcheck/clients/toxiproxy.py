"""Asks Toxiproxy, over its HTTP API: which one it is, its proxies, the toxics on them; and changes them.

What is changed is read back, because an answer says little: attributes that Toxiproxy does not know are ignored, and a
proxy that cannot listen is "enabled" for a moment. There is no `/reset` here: it touches every proxy, also those of
others.

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
from urllib.parse import quote

from selfcheck.clients._reading import text, understood
from selfcheck.observation import CouldNotObserve, Trouble

if TYPE_CHECKING:
    from selfcheck.clients.http import Answer, Http

_SERVICE = "Toxiproxy"
_BARE_VERSION = re.compile(r"v?\d+\.\d+[\w.+-]*")
_HINT = "Check that the URL names the control address of Toxiproxy, and look at its log"
# Toxiproxy keeps a toxicity in 32 bits.
_SHARE_TOLERANCE = 1e-3
# A change goes out on a connection of its own: on a kept one that is just being closed nobody could tell whether it
# was made, and it is not sent twice.
_ALONE = {"Connection": "close"}


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

    def is_as(self, wanted: Toxic) -> bool:
        """Tell whether it does what another one says; attributes that the other one leaves out do not count."""
        return (
            (self.name, self.kind, self.stream) == (wanted.name, wanted.kind, wanted.stream)
            and abs(self.toxicity - wanted.toxicity) < _SHARE_TOLERANCE
            and wanted.attributes.items() <= self.attributes.items()
        )


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

    def proxy(self, name: str) -> Proxy | None:
        """One proxy with its toxics, None when there is none of that name."""
        answer = self._ask(_path("proxies", name), also=(404,))
        if answer.status == 404:
            _message_of(answer)  # raises when it is not Toxiproxy that does not know it
            return None
        content = answer.json()
        with understood(answer, _SERVICE):
            return _proxy(content)

    def add_toxic(self, proxy: str, toxic: Toxic) -> Proxy:
        """Put a toxic on a proxy and give the proxy as it then is; raises when it is not read back as it was asked."""
        wanted = {
            "name": toxic.name,
            "type": toxic.kind,
            "stream": toxic.stream,
            "toxicity": toxic.toxicity,
            "attributes": toxic.attributes,
        }
        answer = self._ask(_path("proxies", proxy, "toxics"), method="POST", content=wanted)
        seen = self._there(answer, proxy)
        found = next((each for each in seen.toxics if each.name == toxic.name), None)
        if found is None or not found.is_as(toxic):
            raise _not_so(answer, f"the toxic that is read back is {found}, not {toxic}")
        return seen

    def remove_toxic(self, proxy: str, name: str) -> bool:
        """Take a toxic off a proxy; False when there was none. Raises when it is still there."""
        answer = self._ask(_path("proxies", proxy, "toxics", name), method="DELETE", also=(404,))
        seen = self.proxy(proxy)
        if seen is not None and any(each.name == name for each in seen.toxics):
            raise _not_so(answer, f"the toxic {name} is still there when it is read back")
        return answer.status != 404

    def change(self, proxy: str, *, enabled: bool | None = None, upstream: str | None = None) -> Proxy:
        """Enable or disable a proxy, or let it lead elsewhere; that cuts its connections. Gives it as read back."""
        wanted = {key: value for key, value in (("enabled", enabled), ("upstream", upstream)) if value is not None}
        # PATCH, which newer versions have for it, is not known to older ones.
        answer = self._ask(_path("proxies", proxy), method="POST", content=wanted)
        seen = self._there(answer, proxy)
        if (enabled is not None and seen.enabled is not enabled) or (
            upstream is not None and seen.upstream != upstream
        ):
            raise _not_so(answer, f"it is read back as {_words(seen)}")
        return seen

    def create(self, proxy: Proxy) -> Proxy:
        """Make a proxy, without toxics, and give it as read back."""
        wanted = {"name": proxy.name, "listen": proxy.listen, "upstream": proxy.upstream, "enabled": proxy.enabled}
        answer = self._ask("proxies", method="POST", content=wanted, also=(201,))
        seen = self._there(answer, proxy.name)
        if (seen.upstream, seen.enabled) != (proxy.upstream, proxy.enabled):
            raise _not_so(answer, f"it is read back as {_words(seen)}")
        return seen

    def delete(self, name: str) -> bool:
        """Remove a proxy, which cuts its connections; False when there was none. Raises when it is still there."""
        answer = self._ask(_path("proxies", name), method="DELETE", also=(404,))
        if self.proxy(name) is not None:
            raise _not_so(answer, "it is still there when it is read back")
        return answer.status != 404

    def _there(self, answer: Answer, name: str) -> Proxy:
        seen = self.proxy(name)
        if seen is None:
            raise _not_so(answer, f"there is no proxy {name!r} when it is read back")
        return seen

    def _ask(self, path: str, *, method: str = "GET", content: Any = None, also: tuple[int, ...] = ()) -> Answer:
        headers = {} if method == "GET" else _ALONE
        answer = self._http.ask(method, f"{self.url}/{path}", headers=headers, json=content)
        if answer.status == 200 or answer.status in also or (method == "DELETE" and answer.status == 204):
            return answer
        raise CouldNotObserve(
            Trouble.ERROR_ANSWER,
            asked=answer.asked,
            came_back=answer.secrets.mask(f"Toxiproxy answered HTTP {answer.status}: {_message_of(answer)}"),
            hint=_HINT,
        )


def _path(*parts: str) -> str:
    return "/".join(quote(part, safe="") for part in parts)


def _message_of(answer: Answer) -> str:
    """What Toxiproxy says of an error; raises when the answer is none of Toxiproxy's."""
    content = answer.json()
    message = content.get("error") or content.get("title") if isinstance(content, dict) else None
    if not isinstance(message, str):
        raise answer.unusable(Trouble.UNEXPECTED_ANSWER, "its content has not the form of the API of Toxiproxy")
    return message[:200]


def _not_so(answer: Answer, problem: str) -> CouldNotObserve:
    came_back = answer.secrets.mask(f"Toxiproxy answered HTTP {answer.status}, but {problem}")
    return CouldNotObserve(Trouble.UNEXPECTED_ANSWER, asked=answer.asked, came_back=came_back, hint=_HINT)


def _words(proxy: Proxy) -> str:
    return f"{'enabled' if proxy.enabled else 'disabled'}, from {proxy.listen} to {proxy.upstream}"


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
