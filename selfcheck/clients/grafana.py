"""Asks Grafana, over its HTTP API: its health, dashboards, data sources."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from selfcheck.clients._reading import text, understood
from selfcheck.clients.http import Answer, Request
from selfcheck.observation import CouldNotObserve, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    from selfcheck.clients.http import Http, Params

    T = TypeVar("T")

_SERVICE = "Grafana"
_PAGE_LENGTH = 1000
_PAGES_MAX = 20
_REFUSALS = (401, 403)


@dataclass(frozen=True, slots=True)
class Health:
    """What Grafana says of itself: `database` is "ok" or "failing"; `version` is empty where it is kept hidden."""

    database: str
    version: str

    @property
    def well(self) -> bool:
        """Whether it can read and write what it keeps."""
        return self.database == "ok"


@dataclass(frozen=True, slots=True)
class Found:
    """A dashboard as a search gives it; `path` is relative to the host, `folder` empty for the topmost one."""

    uid: str
    title: str
    path: str
    folder: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A whole dashboard.

    `model` is its JSON model (panels, templating, ...). `provisioned` tells whether it comes from a file, so that
    changes made by hand do not last.
    """

    uid: str
    title: str
    version: int
    folder: str
    provisioned: bool
    model: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DataSource:
    """Where panels get their data from: `kind` is the plugin ("prometheus"), `url` as Grafana itself reaches it.

    `interval` is how often it is said to be scraped ("15s"); empty where that is left open.
    """

    uid: str
    name: str
    kind: str
    url: str
    default: bool
    interval: str = ""


class Grafana:
    """A client of one Grafana; `headers` (such as `Authorization: Bearer ...` of a service account) go to it alone.

    Every method raises `CouldNotObserve` when there is no answer, or another one than Grafana would give. Only `health`
    is answered without credentials, unless Grafana lets anybody look.
    """

    def __init__(self, http: Http, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.url = url.rstrip("/")
        self._http = http
        self._headers = dict(headers or {})

    @property
    def has_credentials(self) -> bool:
        """Whether it was given any."""
        return bool(self._headers) or "@" in self.url

    def health(self) -> Health:
        """Whether it and its database work; a failing database is an answer, not an error."""
        answer = self._ask("health")
        if answer.status not in {200, 503}:
            raise _refused(answer)
        content = answer.json()
        with understood(answer, _SERVICE):
            return Health(database=text(content["database"]), version=text(content.get("version", "")))

    def lets_in(self) -> bool:
        """Whether the credentials, or none, are good for looking at dashboards."""
        answer = self._ask("search", {"type": "dash-db", "limit": 1})
        if answer.status in _REFUSALS:
            return False
        if answer.status != 200:
            raise _refused(answer)
        return True

    def dashboards(self, query: str = "") -> tuple[Found, ...]:
        """All dashboards that the credentials may see, or those whose title has the words of `query`."""
        found: list[Found] = []
        for page in range(1, _PAGES_MAX + 1):
            more = self._read(
                "search",
                lambda content: [_found(each) for each in content],
                {"type": "dash-db", "query": query, "limit": _PAGE_LENGTH, "page": page},
            )
            found += more
            if len(more) < _PAGE_LENGTH:
                break
        return tuple(found)

    def dashboard(self, uid: str) -> Dashboard | None:
        """The dashboard with this uid; None when Grafana says that there is none that the credentials may see."""
        return _dashboard(self._ask(_path_of(uid)))

    def each_dashboard(self, uids: Sequence[str]) -> list[Dashboard | CouldNotObserve | None]:
        """Many dashboards at once, in their order; see `dashboard`."""
        return [_unless_unseen(answer, _dashboard) for answer in self._ask_all([_path_of(uid) for uid in uids])]

    def library_panels(self, uids: Sequence[str]) -> list[dict[str, Any] | CouldNotObserve | None]:
        """The models of library panels, in their order; None for one that there is not."""
        paths = [f"library-elements/{quote(uid, safe='')}" for uid in uids]
        return [_unless_unseen(answer, _library_panel) for answer in self._ask_all(paths)]

    def reaches(self, uids: Sequence[str]) -> list[str | CouldNotObserve | None]:
        """What Grafana says when it tries data sources: empty when all is well, None where it cannot try."""
        paths = [f"datasources/uid/{quote(uid, safe='')}/health" for uid in uids]
        return [_unless_unseen(answer, _reached) for answer in self._ask_all(paths)]

    def ask_prometheus(self, uids: Sequence[str], query: str) -> list[tuple[dict[str, str], ...] | None]:
        """What data sources that are a Prometheus answer to a query through Grafana: the labels of the samples.

        None for one that cannot be asked this way, or does not answer so.
        """
        paths = [
            f"datasources/proxy/uid/{quote(uid, safe='')}/api/v1/query?query={quote(query, safe='')}" for uid in uids
        ]
        return [_labels_answered(answer) for answer in self._ask_all(paths)]

    def data_sources(self) -> tuple[DataSource, ...] | None:
        """All data sources; None when they may not be read with these credentials."""
        answer = self._ask("datasources")
        if answer.status == 403:
            return None
        if answer.status != 200:
            raise _refused(answer)
        content = answer.json()
        with understood(answer, _SERVICE):
            return tuple(_data_source(each) for each in content)

    def _ask(self, path: str, params: Params | None = None) -> Answer:
        return self._http.ask("GET", f"{self.url}/api/{path}", headers=self._headers, params=params)

    def _ask_all(self, paths: Sequence[str]) -> list[Answer | CouldNotObserve]:
        return self._http.ask_all([Request("GET", f"{self.url}/api/{path}", headers=self._headers) for path in paths])

    def _read(self, path: str, make: Callable[[Any], T], params: Params | None = None) -> T:
        answer = self._ask(path, params)
        if answer.status != 200:
            raise _refused(answer)
        content = answer.json()
        with understood(answer, _SERVICE):
            return make(content)


def _path_of(uid: str) -> str:
    return f"dashboards/uid/{quote(uid, safe='')}"


def _unless_unseen(answer: Answer | CouldNotObserve, read: Callable[[Answer], T]) -> T | CouldNotObserve:
    if isinstance(answer, CouldNotObserve):
        return answer
    try:
        return read(answer)
    except CouldNotObserve as error:
        return error


def _dashboard(answer: Answer) -> Dashboard | None:
    content = answer.json()
    # Anything may answer 404; Grafana says in its own form what was not found.
    if answer.status == 404 and isinstance(content, dict) and "dashboard" in str(content.get("message")).lower():
        return None
    if answer.status != 200:
        raise _refused(answer)
    with understood(answer, _SERVICE):
        model, meta = dict(content["dashboard"]), content["meta"]
        return Dashboard(
            uid=text(model["uid"]),
            title=text(model["title"]),
            version=int(meta.get("version", model.get("version", 0))),
            folder=text(meta.get("folderTitle", "")),
            provisioned=bool(meta.get("provisioned", False)),
            model=model,
        )


def _library_panel(answer: Answer) -> dict[str, Any] | None:
    content = answer.json()
    if answer.status == 404 and isinstance(content, dict) and "library element" in str(content.get("message")).lower():
        return None
    if answer.status != 200:
        raise _refused(answer)
    with understood(answer, _SERVICE):
        return dict(content["result"]["model"])


def _reached(answer: Answer) -> str | None:
    content = answer.json()
    if not isinstance(content, dict):
        raise answer.unusable(Trouble.UNEXPECTED_ANSWER, f"its content has not the form of the API of {_SERVICE}")
    if content.get("status") in {"OK", "ERROR"}:
        return "" if content["status"] == "OK" else f"{content.get('message') or 'an error without a message'}"
    # Not allowed to try, an older Grafana, or a plugin that has no such test.
    return None


def _labels_answered(answer: Answer | CouldNotObserve) -> tuple[dict[str, str], ...] | None:
    if isinstance(answer, CouldNotObserve) or answer.status != 200:
        return None
    try:
        content = answer.json()
        with understood(answer, _SERVICE):
            if content["status"] != "success" or content.get("warnings"):
                return None
            return tuple(dict(each["metric"]) for each in content["data"]["result"])
    except CouldNotObserve:
        return None


def _refused(answer: Answer) -> CouldNotObserve:
    content = answer.json()
    message = content.get("message") if isinstance(content, dict) else None
    if not isinstance(message, str):
        return answer.unusable(Trouble.UNEXPECTED_ANSWER, f"its content has not the form of the API of {_SERVICE}")
    hint = "Check that the URL names Grafana, and look at its log"
    if answer.status in _REFUSALS:
        hint = "Check the credentials for Grafana, and what its service account may read"
    return CouldNotObserve(
        Trouble.ERROR_ANSWER,
        asked=answer.asked,
        came_back=answer.secrets.mask(f"Grafana answered HTTP {answer.status}: {message[:200]}"),
        hint=hint,
    )


def _found(found: Any) -> Found:
    return Found(
        uid=text(found["uid"]),
        title=text(found["title"]),
        path=text(found["url"]),
        folder=text(found.get("folderTitle", "")),
        tags=tuple(map(text, found.get("tags") or ())),
    )


def _data_source(found: Any) -> DataSource:
    return DataSource(
        uid=text(found["uid"]),
        name=text(found["name"]),
        kind=text(found["type"]),
        url=text(found.get("url", "")),
        default=bool(found.get("isDefault", False)),
        interval=str((found.get("jsonData") or {}).get("timeInterval") or ""),
    )
