"""Where dashboards come from: Grafana's API, or the folder of files that Grafana is provisioned with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from selfcheck import components, dashboards
from selfcheck.clients.grafana import Dashboard, DataSource
from selfcheck.contract import Component
from selfcheck.dashboards import Board, UnreadableBoardError
from selfcheck.observation import CouldNotObserve
from selfcheck.verdict import Verdict, inconclusive, not_covered

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from selfcheck.clients.grafana import Grafana
    from selfcheck.target import Target

_NOWHERE = "set SELF_CHECK_GRAFANA_URL, or SELF_CHECK_DASHBOARDS to the folder of the dashboards in JSON"
_CLOSED = "set SELF_CHECK_GRAFANA_TOKEN to the token of a service account that may read dashboards and data sources"


@dataclass(frozen=True, slots=True)
class File:
    """A file of a dashboard; `trouble` says why it cannot be read."""

    name: str
    model: Mapping[str, Any] = field(default_factory=dict, repr=False)
    trouble: str = ""

    @property
    def uid(self) -> str:
        """The uid that the file gives; may be empty."""
        return str(self.model.get("uid") or "")


@dataclass(frozen=True, slots=True)
class Boards:
    """The platform's dashboards, as far as they could be read.

    `unread` says of each other why not. `listed` is the title of every dashboard there is, by uid. `sources` is None
    where it is not known which there are. `where` says what was looked at. Files have no library: what is in it, only
    Grafana knows.
    """

    boards: Mapping[str, Board]
    unread: Mapping[str, str]
    listed: Mapping[str, str]
    sources: tuple[DataSource, ...] | None
    where: str

    @property
    def of_files(self) -> bool:
        """Whether they were read from a folder."""
        return not self.where.startswith("GET ")


def gather(target: Target, uids: Collection[str], tags: Collection[str]) -> Boards | Verdict:
    """Read the dashboards that are the platform's: those with one of the uids or tags; in a folder, all.

    Gives a verdict where none can be looked at; raises CouldNotObserve.
    """
    return target.once(("boards", *sorted(uids), *sorted(tags)), lambda: _gather(target, uids, tags))


def _gather(target: Target, uids: Collection[str], tags: Collection[str]) -> Boards | Verdict:
    folder = target.scope.environment.dashboards
    if target.scope.covers(Component.GRAFANA):
        if Component.GRAFANA in target.blocked:
            return inconclusive("dashboards to look at", "not looked at", blocked_by=target.blocked[Component.GRAFANA])
        client = components.grafana(target)
        if client.lets_in():
            return _from_grafana(client, uids, tags)
        if folder is None:
            return not_covered("Grafana lets nobody look without credentials", _CLOSED)
    if folder is None:
        return not_covered("no dashboards are known", _NOWHERE)
    return in_folder(folder)


def _from_grafana(client: Grafana, uids: Collection[str], tags: Collection[str]) -> Boards:
    listed = client.dashboards()
    wanted = [found.uid for found in listed if found.uid in uids or not set(tags).isdisjoint(found.tags)]
    given = client.each_dashboard(wanted)
    models: dict[str, Mapping[str, Any]] = {}
    unread: dict[str, str] = {}
    for uid, found in zip(wanted, given, strict=True):
        if isinstance(found, Dashboard):
            models[uid] = found.model
        else:
            unread[uid] = found.came_back if isinstance(found, CouldNotObserve) else "Grafana lists it and has it not"
    library_uids = sorted(set[str]().union(*map(dashboards.library_uids, models.values())))
    panels = zip(library_uids, client.library_panels(library_uids), strict=True)
    library = {uid: model for uid, model in panels if isinstance(model, dict)}
    boards, broken = _read(models.items(), library)
    return Boards(
        boards,
        unread | broken,
        {found.uid: found.title for found in listed},
        client.data_sources(),
        f"GET {client.url}/api/dashboards",
    )


def _read(
    models: Iterable[tuple[str, Mapping[str, Any]]], library: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Board], dict[str, str]]:
    boards: dict[str, Board] = {}
    unread: dict[str, str] = {}
    for uid, model in models:
        try:
            boards[uid] = dashboards.read(model, library)
        except UnreadableBoardError as error:
            unread[uid] = str(error)
    return boards, unread


# ----------------------------------------------------------------------------------------------------------- the folder


def files(folder: Path) -> tuple[File, ...]:
    """Read every file of a dashboard in a folder and the folders below; other JSON is passed over."""
    found = []
    for path in sorted(folder.rglob("*.json")):
        name = str(path.relative_to(folder))
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            found.append(File(name, trouble=f"{type(error).__name__}: {error}"))
            continue
        if isinstance(content, dict) and isinstance(content.get("dashboard"), dict):
            content = content["dashboard"]  # as the API gives and takes it
        if dashboards.is_board(content):
            found.append(File(name, content))
    return tuple(found)


def in_folder(folder: Path) -> Boards:
    """Give the dashboards and data sources of a folder."""
    every = [found for found in files(folder) if not found.trouble]
    library = {uid: model for found in every for uid, model in dashboards.enclosed(found.model).items()}
    boards, unread = _read(((found.uid or found.name, found.model) for found in every), library)
    listed = {found.uid: str(found.model.get("title") or "") for found in every if found.uid}
    return Boards(boards, unread, listed, sources(folder), str(folder))


def sources(folder: Path) -> tuple[DataSource, ...] | None:
    """Read the provisioning files of data sources in a folder; None where it has none."""
    import yaml  # noqa: PLC0415 - only a run that looks at a folder pays for it

    found: list[DataSource] = []
    for path in sorted([*folder.rglob("*.yml"), *folder.rglob("*.yaml")]):
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError):
            continue  # templates of something else; without any data source, nothing is said of them
        listed = content.get("datasources") if isinstance(content, dict) else None
        found += [_source(each) for each in _dicts(listed) if "name" in each]
    return tuple(found) or None


def _dicts(found: object) -> Sequence[Mapping[str, Any]]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _source(given: Mapping[str, Any]) -> DataSource:
    details = given.get("jsonData")
    return DataSource(
        uid=str(given.get("uid") or ""),
        name=str(given["name"]),
        kind=str(given.get("type") or ""),
        url=str(given.get("url") or ""),
        default=bool(given.get("isDefault")),
        interval=str(details.get("timeInterval") or "") if isinstance(details, dict) else "",
    )
