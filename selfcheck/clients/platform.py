"""Asking the platform: its routes by their name in the contract, tagged, counted and within the run's budget."""

import base64
import json
import shlex
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from selfcheck import corpus
from selfcheck.clients.http import Answer, Http, Request
from selfcheck.contract import Act, Component, Contract, Route
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.settings import Scope


class Platform:
    """A client for one deployment of the platform.

    Every request carries the contract's tag header with the run's id. Credentials are added only on routes that need
    them, and only towards the deployment's own base URLs. No more requests are sent than the contract allows a run; the
    next one raises CouldNotObserve.
    """

    def __init__(self, http: Http, contract: Contract, scope: Scope, *, run_id: str | None = None) -> None:
        self._http = http
        self._contract = contract
        self._scope = scope
        self.run_id = run_id or f"selfcheck-{uuid.uuid4().hex[:12]}"
        self.requests_sent = 0
        self._serial = 0
        self._landed: dict[str, str] = {}

    def base(self, component: Component = Component.APP) -> str:
        """Give the base URL of the component: the classifier is served by the app unless it has a URL of its own."""
        return self._scope.url(component) or self._scope.base_url

    def get(self, route: str, *, base: str | None = None, fresh: bool = False) -> Answer:
        """Ask a promised route that takes no body; raises CouldNotObserve.

        `base` addresses one replica instead of the load balancer; `fresh` uses a connection of its own, so that a
        balancer that works by connection may choose anew.
        """
        return _only(self.get_all([(route, base)], fresh=fresh))

    def get_all(
        self, asked: Sequence[tuple[str, str | None]], *, fresh: bool = False, landed: bool = False
    ) -> list[Answer | CouldNotObserve]:
        """Ask several routes at once, each of the load balancer or of one replica; the answers keep the order.

        With `landed`, a route that is known to redirect is asked where the redirect led, to save a request each time.
        """
        requests = []
        for name, base in asked:
            route = self._contract.route(name)
            headers = self._headers(route) | ({"Connection": "close"} if fresh else {})
            url = (base or self.base(route.component)).rstrip("/") + self._landed.get(name, route.path)
            url = url if landed else self._url(route, base)
            requests.append(Request(method=route.method, url=url, headers=headers))
        answers = self._send(requests)
        for (name, _), answer in zip(asked, answers, strict=True):
            if isinstance(answer, Answer) and answer.redirects and answer.status == 200:
                self._landed[name] = urlsplit(answer.url).path
        return answers

    def scrape_all(self, urls: Sequence[str], *, fresh: bool = False) -> list[Answer | CouldNotObserve]:
        """Ask whole URLs of the platform's own metrics pages (as Prometheus names them), without credentials."""
        headers = self._tags() | ({"Connection": "close"} if fresh else {})
        return self._send([Request(method="GET", url=url, headers=headers) for url in urls])

    def send(self, act: Act, values: Mapping[str, Any] | None = None) -> Answer:
        """Send one synthetic request of the contract; `values` fill `{...}` in it; raises CouldNotObserve."""
        return _only(self._send([self.request(act, values)]))

    def send_all(self, acts: Sequence[Act], values: Mapping[str, Any] | None = None) -> list[Answer | CouldNotObserve]:
        """Send several synthetic requests at once; the answers keep the order."""
        return self._send([self.request(act, values) for act in acts]) if acts else []

    def request(self, act: Act, values: Mapping[str, Any] | None = None) -> Request:
        """Build the request of an act: `{unique}` and payload marks are new with each call."""
        self._serial += 1
        mark = self.run_id if act.repeat else f"{self.run_id}-{self._serial}"
        known: dict[str, Any] = {"unique": mark, **(values or {})}
        if act.base64 is not None:
            known["base64"] = base64.b64encode(corpus.payload(act.base64, mark).content).decode("ascii")
        route = self._contract.route(act.route)
        body = {} if act.json_body is None else {"json": _fill(act.json_body, known)}
        if act.file is not None:
            payload = corpus.payload(act.file, mark)
            body = {"files": {act.file_field: (payload.filename, payload.content, payload.media_type)}}
        return Request(
            method=route.method,
            url=self._url(route, None),
            headers=self._headers(route),
            params={key: str(_fill(value, known)) for key, value in act.query.items()},
            **body,
        )

    def curl(self, act: Act) -> str:
        """Give a command with which a person can send the same request; secrets stand in it as variables."""
        route = self._contract.route(act.route)
        request = self.request(act, {"vector": [1.0, 0.0], "candidate": "REGISTERED-ID"})
        parts = ["curl", "-sS", "-X", route.method]
        for header in self._credentials(route):
            variable = "$API_KEY" if header == self._contract.platform.api_key_header else "$ADMIN_TOKEN"
            parts += ["-H", f'"{header}: {variable}"']
        if act.file is not None:
            parts += ["-F", shlex.quote(f"{act.file_field}=@{corpus.location(act.file)}")]
        if act.json_body is not None:
            shown = json.dumps(_shortened(act, request.json))
            parts += ["-H", "'Content-Type: application/json'", "-d", shlex.quote(shown)]
        query = "&".join(f"{key}={value}" for key, value in request.params.items()) if request.params else ""
        return " ".join([*parts, shlex.quote(request.url + (f"?{query}" if query else ""))])

    def _send(self, requests: Sequence[Request]) -> list[Answer | CouldNotObserve]:
        budget = self._contract.platform.limits.requests_max
        if self.requests_sent + len(requests) > budget:
            raise CouldNotObserve(
                Trouble.BUDGET,
                asked=f"{requests[0].method} {requests[0].url}",
                came_back=f"not sent: this run has used up its {budget} requests to the platform",
                hint="raise limits.requests_max in the contract's platform.toml if the platform bears more",
            )
        answers = self._http.ask_all(requests)
        redirects = sum(len(answer.redirects) for answer in answers if isinstance(answer, Answer))
        self.requests_sent += len(requests) + redirects
        return answers

    def _url(self, route: Route, base: str | None) -> str:
        return (base or self.base(route.component)).rstrip("/") + route.path

    def _tags(self) -> dict[str, str]:
        return {self._contract.platform.tag_header: self.run_id}

    def _headers(self, route: Route) -> dict[str, str]:
        return self._tags() | self._credentials(route)

    def _credentials(self, route: Route) -> dict[str, str]:
        if route.key == "api_key" and self._scope.api_key is not None:
            return {self._contract.platform.api_key_header: self._scope.api_key}
        if route.key == "admin_token" and self._scope.admin_token is not None:
            return {self._contract.platform.admin_token_header: self._scope.admin_token}
        return {}


def _only(answers: list[Answer | CouldNotObserve]) -> Answer:
    if isinstance(answers[0], CouldNotObserve):
        raise answers[0]
    return answers[0]


def _shortened(act: Act, body: Any) -> Any:
    """Keep a command that a person reads short: an inlined file is named instead of spelled out."""
    return _fill(act.json_body, {"base64": f"BASE64-OF-{act.base64}"}) if act.base64 is not None else body


def _fill(value: Any, known: Mapping[str, Any]) -> Any:
    """Replace `{name}` in a JSON value; a string that is just one placeholder becomes the value itself."""
    if isinstance(value, str):
        for name, replacement in known.items():
            if value == f"{{{name}}}":
                return replacement
            value = value.replace(f"{{{name}}}", str(replacement))
        return value
    if isinstance(value, Mapping):
        return {key: _fill(inner, known) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_fill(inner, known) for inner in value]
    return value
