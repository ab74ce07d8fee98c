"""The Lease in a cluster keeps two runs apart; by a server that keeps a Lease as the API does."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from chaos.lease import held
from chaos.ledger import HeldError
from selfcheck.observation import CouldNotObserve
from selfcheck.waiting import wait_until
from tests import clusters
from tests.chaos.stages import Relay, relaying
from tests.clusters import NAMESPACE, KubeConfig, hurry_leases

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "selfcheck-chaos"
PATH = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"


@dataclass(slots=True)
class Api:
    """What the server keeps, and what it was asked; `away` makes it answer 503, `forbidden` 403."""

    url: str = ""
    lease: dict[str, Any] | None = None
    version: int = 0
    away: bool = False
    forbidden: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def holder(self) -> str:
        return "" if self.lease is None else str(self.lease["spec"]["holderIdentity"])

    def keep(self, content: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        self.lease = {**content, "metadata": {**content["metadata"], "resourceVersion": str(self.version)}}
        return self.lease

    def answer(self, method: str, path: str, content: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.away or self.forbidden:
            return _status(503, "no endpoints") if self.away else _status(403, "leases is forbidden")
        if method == "GET":
            return _status(404, "not found") if self.lease is None else (200, self.lease)
        if method == "POST" and path == PATH:
            return _status(409, "already exists") if self.lease is not None else (201, self.keep(content))
        if self.lease is None or content["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            return _status(409, "the object has been modified")
        return 200, self.keep(content)


def _status(code: int, message: str) -> tuple[int, dict[str, Any]]:
    return code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}


@contextmanager
def serving() -> Iterator[Api]:
    api = Api()

    class Handler(Relay):
        def serve(self, content: bytes) -> None:
            api.asked.append(self.command)
            status, found = api.answer(self.command, self.path, json.loads(content) if content else {})
            self.answer(status, json.dumps(found).encode())

    with relaying(Handler) as api.url:
        yield api


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    hurry_leases(monkeypatch)
    with serving() as made:
        KubeConfig(tmp_path, monkeypatch).write(made.url)
        yield made


place = partial(clusters.place, NAME)


def left(holder: str) -> dict[str, Any]:
    """What a run that was killed leaves."""
    times = {"acquireTime": "2026-11-01T09:00:00.000000Z", "renewTime": "2026-11-01T09:10:00.000000Z"}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 2, **times},
    }


def test_it_is_taken_renewed_and_given_back(api: Api) -> None:
    with held(place("run-1")) as lock:
        assert api.holder == "run-1"
        assert api.lease is not None
        acquired = api.lease["spec"]["acquireTime"]
        wait_until(lambda: api.version > 2, timeout_seconds=10, what="a renewal")
        assert api.lease["spec"]["acquireTime"] == acquired
        assert lock.lost == ""
    assert (api.holder, api.version > 2) == ("", True)
    with held(place("run-2")):
        assert api.holder == "run-2"


def test_a_second_run_is_refused_while_it_is_renewed(api: Api) -> None:
    with (
        held(place("run-1")) as lock,
        pytest.raises(HeldError, match=rf"the Lease {NAMESPACE}/{NAME}: run-1 since 20"),
        held(place("run-2")),
    ):
        pass
    assert lock.lost == ""


def test_that_of_a_run_that_was_killed_is_taken_when_its_time_is_over(api: Api) -> None:
    api.keep(left("run-1"))
    with held(place("run-2")):
        assert api.holder == "run-2"


def test_one_that_was_taken_by_somebody_else_is_lost(api: Api) -> None:
    with held(place("run-1")) as lock:
        api.keep(left("run-2"))
        wait_until(lambda: lock.lost != "", timeout_seconds=10, what="it to be noticed")
        assert "is now held by run-2" in lock.lost
    assert api.holder == "run-2", "what is somebody else's is not given back"


def test_a_label_that_somebody_puts_on_it_takes_nothing(api: Api) -> None:
    with held(place("run-1")) as lock:
        assert api.lease is not None
        api.keep({**api.lease, "metadata": {**api.lease["metadata"], "labels": {"seen": "yes"}}})
        before = api.version
        wait_until(lambda: api.version > before + 1, timeout_seconds=10, what="renewals to go on")
        assert lock.lost == ""


def test_an_api_that_is_away_for_too_long_loses_it(api: Api) -> None:
    with held(place("run-1")) as lock:
        api.away = True
        wait_until(lambda: lock.lost != "", timeout_seconds=20, what="it to be noticed")
        assert "could not be renewed" in lock.lost


def test_one_that_may_not_be_taken_says_what_to_do(api: Api) -> None:
    api.forbidden = True
    with pytest.raises(CouldNotObserve, match="leases is forbidden") as refused, held(place("run-1")):
        pass
    assert "right to do this" in refused.value.hint
