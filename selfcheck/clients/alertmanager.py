"""Asks Alertmanager (its API v2): status and configuration, alerts, silences, receivers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from selfcheck.clients._reading import moment, understood
from selfcheck.exposition import parse
from selfcheck.observation import CouldNotObserve, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    from selfcheck.clients.http import Answer, Http, Params
    from selfcheck.exposition import Exposition

    T = TypeVar("T")

Labels = dict[str, str]

_SERVICE = "Alertmanager"
_LACKING = frozenset({404, 405, 501})


@dataclass(frozen=True, slots=True)
class Status:
    """Which Alertmanager answers, since when (Unix seconds), and with which configuration.

    `config` is YAML in which Alertmanager itself replaces the secrets; `cluster` is its word for the state of
    the cluster ("ready", "settling", "disabled"), `peers` how many are in it (0 where there is no cluster).
    """

    version: str
    started_at: float
    config: str
    cluster: str
    peers: int = 0


@dataclass(frozen=True, slots=True)
class ReceivedAlert:
    """An alert as Alertmanager has it; all times are Unix seconds.

    `state` is active, suppressed (by the silences or alerts that are named) or unprocessed.
    """

    labels: Labels
    annotations: Labels
    state: str
    receivers: tuple[str, ...]
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]
    starts_at: float
    ends_at: float
    updated_at: float
    fingerprint: str

    @property
    def name(self) -> str:
        """The label `alertname`."""
        return self.labels.get("alertname", "")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition of a silence: `operator` is =, !=, =~ or !~."""

    name: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence; `state` is active, pending or expired, times are Unix seconds."""

    id: str
    state: str
    matchers: tuple[Matcher, ...]
    starts_at: float
    ends_at: float
    created_by: str
    comment: str


@dataclass(frozen=True, slots=True)
class Posted:
    """An alert to be sent; times are Unix seconds. One whose end has passed is resolved."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: float
    ends_at: float


class Alertmanager:
    """A client of one Alertmanager; `headers` (credentials) go to it alone.

    Every method raises `CouldNotObserve` when there is no answer, or another one than Alertmanager would
    give.
    """

    def __init__(self, http: Http, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.url = url.rstrip("/")
        self._http = http
        self._headers = dict(headers or {})

    def ready(self) -> bool:
        """Whether it says that it is ready."""
        answer = self._http.ask("GET", f"{self.url}/-/ready", headers=self._headers)
        if answer.status == 503:
            return False
        if answer.status != 200 or answer.body.strip() != b"OK":
            problem = "it does not say whether it is ready, as Alertmanager does"
            raise answer.unusable(Trouble.UNEXPECTED_ANSWER, problem)
        return True

    def status(self) -> Status:
        """Version, configuration, state of the cluster."""
        return self._read(
            "status",
            lambda found: Status(
                version=found["versionInfo"]["version"],
                started_at=moment(found["uptime"]),
                config=found["config"]["original"],
                cluster=found["cluster"]["status"],
                peers=len(found["cluster"].get("peers") or ()),
            ),
        )

    def alerts(self, *filters: str) -> tuple[ReceivedAlert, ...]:
        """All alerts that it has, silenced and inhibited ones too, or those that match (`alertname="X"`)."""
        return self._read("alerts", lambda found: tuple(map(_alert, found)), {"filter": filters})

    def silences(self) -> tuple[Silence, ...]:
        """All silences, expired ones too as long as it keeps them."""
        return self._read("silences", lambda found: tuple(map(_silence, found)))

    def receivers(self) -> tuple[str, ...]:
        """The names of the receivers of its configuration."""
        return self._read("receivers", lambda found: tuple(str(each["name"]) for each in found))

    def post(self, alerts: Sequence[Posted]) -> None:
        """Send alerts as Prometheus does: new ones, or known ones with another end."""
        content = [
            {
                "labels": dict(alert.labels),
                "annotations": dict(alert.annotations),
                "startsAt": _rfc3339(alert.starts_at),
                "endsAt": _rfc3339(alert.ends_at),
            }
            for alert in alerts
        ]
        answer = self._http.ask("POST", f"{self.url}/api/v2/alerts", headers=self._headers, json=content)
        if answer.status != 200:
            raise _refused(answer, answer.body[:200].decode("utf-8", "replace"))

    def counters(self) -> Exposition:
        """Its own metrics page."""
        answer = self._http.ask("GET", f"{self.url}/metrics", headers=self._headers)
        if answer.status != 200:
            raise _lacking(answer) if answer.status in _LACKING else _refused(answer, "no metrics page")
        return parse(answer.text())

    def _read(self, path: str, make: Callable[[Any], T], params: Params | None = None) -> T:
        url = f"{self.url}/api/v2/{path}"
        answer = self._http.ask("GET", url, headers=self._headers, params=params or {})
        if answer.status in _LACKING:
            raise _lacking(answer)
        content = answer.json()
        if answer.status != 200:
            raise _refused(answer, content)
        with understood(answer, _SERVICE):
            return make(content)


def _lacking(answer: Answer) -> CouldNotObserve:
    return CouldNotObserve(
        Trouble.NO_SUCH_ROUTE,
        asked=answer.asked,
        came_back=f"what answers as Alertmanager has no such page (HTTP {answer.status})",
        hint="ask an Alertmanager of version 0.22 or later itself, by SELF_CHECK_ALERTMANAGER_URL",
    )


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _refused(answer: Answer, content: Any) -> CouldNotObserve:
    message = content.get("message", "no message") if isinstance(content, dict) else content
    return CouldNotObserve(
        Trouble.ERROR_ANSWER,
        asked=answer.asked,
        came_back=answer.secrets.mask(f"Alertmanager answered HTTP {answer.status}: {message}"),
        hint="Check that the URL names Alertmanager, and look at its log",
    )


def _labels(found: Any) -> Labels:
    return {str(name): str(value) for name, value in found.items()}


def _alert(found: Any) -> ReceivedAlert:
    return ReceivedAlert(
        labels=_labels(found["labels"]),
        annotations=_labels(found["annotations"]),
        state=found["status"]["state"],
        receivers=tuple(each["name"] for each in found["receivers"]),
        silenced_by=tuple(found["status"]["silencedBy"]),
        inhibited_by=tuple(found["status"]["inhibitedBy"]),
        starts_at=moment(found["startsAt"]),
        ends_at=moment(found["endsAt"]),
        updated_at=moment(found["updatedAt"]),
        fingerprint=found["fingerprint"],
    )


def _silence(found: Any) -> Silence:
    return Silence(
        id=found["id"],
        state=found["status"]["state"],
        matchers=tuple(map(_matcher, found["matchers"])),
        starts_at=moment(found["startsAt"]),
        ends_at=moment(found["endsAt"]),
        created_by=found["createdBy"],
        comment=found["comment"],
    )


def _matcher(found: Any) -> Matcher:
    operator = (
        ("=~" if found["isRegex"] else "=") if found.get("isEqual", True) else ("!~" if found["isRegex"] else "!=")
    )
    return Matcher(found["name"], operator, found["value"])
