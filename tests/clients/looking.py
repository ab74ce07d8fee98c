"""Makes the preflight look at one component."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from selfcheck import preflight
from selfcheck.contract import Component, load
from selfcheck.run import close, open_run
from selfcheck.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selfcheck.target import Target
    from selfcheck.verdict import Verdict

SETTING_OF = {
    Component.ALERTMANAGER: "alertmanager_url",
    Component.GRAFANA: "grafana_url",
    Component.REDIS: "redis_url",
    Component.POSTGRES: "database_url",
    Component.TOXIPROXY: "toxiproxy_url",
    Component.KUBERNETES: "kube_context",
}


@contextmanager
def opened(settings: dict[str, str], *, deadline_seconds: float = 60.0) -> Iterator[Target]:
    """The target of a run that looks at an environment of its own, where nothing but `settings` is in scope."""
    values: dict[str, Any] = {"base_url": "http://127.0.0.1:1", "deadline": deadline_seconds, **settings}
    run = open_run(Settings(_env_file=None, **values), load())
    try:
        yield run.target
    finally:
        close(run)


def look(component: Component, url: str, *, deadline_seconds: float = 60.0) -> Verdict:
    """What the preflight says of a component at a URL (or in a context)."""
    with opened({SETTING_OF[component]: url}, deadline_seconds=deadline_seconds) as target:
        return preflight._LOOKS[component](target)
