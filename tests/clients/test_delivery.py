"""A test alert and its way through a real Alertmanager to a real receiver."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from lab import programs
from selfcheck import delivery, routing
from selfcheck.clients.alertmanager import Alertmanager
from selfcheck.clients.http import Http
from selfcheck.observation import CouldNotObserve
from selfcheck.secrets import Secrets
from selfcheck.waiting import Deadline, wait_until
from tests.clients.servers import free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selfcheck.target import Target

pytestmark = pytest.mark.lab

ROUTES = """
route:
  receiver: nobody
  routes:
    - matchers: ['canary="true"', 'way="lost"']
      receiver: lost
      group_by: ["..."]
      group_wait: 0s
      group_interval: 1s
    - {{matchers: ['canary="true"'], receiver: canary, group_by: ["..."], group_wait: 0s, group_interval: 1s}}
receivers:
  - name: nobody
  - name: canary
    webhook_configs: [{{url: "http://127.0.0.1:{receiver}/canary"}}]
  - name: lost
    webhook_configs: [{{url: "http://127.0.0.1:{receiver}/elsewhere"}}]
"""
TERMS = delivery.Terms(
    "id", "alertmanager_notification_requests_total", "alertmanager_notification_requests_failed_total", 3.0, 20.0
)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """What a delivery needs of a target: an Alertmanager, and a receiver that tells what it got."""
    program = programs.optional("prometheus-alertmanager")
    if program is None:
        pytest.skip("prometheus-alertmanager is not installed; `make setup` says how to get it")
    folder: Path = tmp_path_factory.mktemp("delivery")
    port, receiver = free_port(), free_port()
    (folder / "alertmanager.yml").write_text(ROUTES.format(receiver=receiver), encoding="utf-8")
    with ExitStack() as stack:
        (folder / "receiver").mkdir()
        file = str(folder / "kept.jsonl")
        root = str(programs.__file__).rsplit("/", 2)[0]
        run = f"import sys; sys.path.insert(0, {root!r}); from lab.receiver import main; main()"
        stack.enter_context(
            running(sys.executable, "-c", run, "--port", str(receiver), "--file", file, folder=folder / "receiver")
        )
        options = ("--config.file=alertmanager.yml", "--storage.path=data", "--cluster.listen-address=")
        stack.enter_context(running(str(program), *options, f"--web.listen-address=127.0.0.1:{port}", folder=folder))
        http = stack.enter_context(Http(deadline=Deadline(120), secrets=Secrets(), user_agent="test/1"))
        client = Alertmanager(http, f"http://127.0.0.1:{port}")
        wait_until(client.ready, timeout_seconds=20, what="Alertmanager to be ready")
        page = f"http://127.0.0.1:{receiver}/notifications"
        wait_until(lambda: http.ask("GET", page).status == 200, timeout_seconds=20, what="the receiver to answer")
        yield cast("Target", made(client, http, page))


def made(client: Alertmanager, http: Http, page: str | None) -> Any:
    environment = SimpleNamespace(receiver_url=page)
    return SimpleNamespace(
        scope=SimpleNamespace(environment=environment),
        http=http,
        deadline=Deadline(60),
        alertmanager=client,
        left_behind=[],
    )


def canary(target: Target, id_: str, **labels: str) -> delivery.Canary:
    assert target.alertmanager is not None
    found = delivery.canary(
        routing.read(target.alertmanager.status().config),
        level="critical",
        id_=id_,
        labels={"alertname": "Canary", "canary": "true", "id": id_, **labels},
        receivers=("canary", "lost"),
        never=(),
    )
    assert found.refusal == ""
    return found


def still_there(target: Target, id_: str) -> list[str]:
    assert target.alertmanager is not None
    return [alert.name for alert in target.alertmanager.alerts(f'id="{id_}"') if alert.ends_at > time.time()]


def test_several_arrive_and_so_do_their_ends(target: Target) -> None:
    canaries = [canary(target, "one"), canary(target, "two", severity="warning")]
    found = delivery.deliver(target, canaries, TERMS)
    for id_ in ("one", "two"):
        assert found[id_].arrived_seconds is not None
        assert found[id_].ended_seconds is not None
        assert found[id_].witness.endswith("/notifications")
        assert still_there(target, id_) == []
    assert target.left_behind == []


def test_two_runs_at_once_do_not_take_each_others_alerts(target: Target) -> None:
    lost, fine = canary(target, "mine", way="lost"), canary(target, "theirs")
    found = delivery.deliver(target, [lost, fine], TERMS)
    assert found["theirs"].arrived_seconds is not None
    assert found["mine"].arrived_seconds is None
    assert found["mine"].why.startswith("Alertmanager has it (active) for lost; ")
    assert "tries to notify failed" in found["mine"].why
    assert still_there(target, "mine") == []


@pytest.mark.parametrize(("way", "arrives"), [("right", True), ("lost", False)])
def test_without_a_receiver_the_counters_tell(target: Target, way: str, *, arrives: bool) -> None:
    assert target.alertmanager is not None
    alone = cast("Target", made(target.alertmanager, target.http, None))
    found = delivery.deliver(alone, [canary(target, f"counted-{way}", way=way)], TERMS)[f"counted-{way}"]
    assert (found.arrived_seconds is not None) is arrives
    assert (found.ended_seconds is not None) is arrives
    assert "as Alertmanager counts" in found.notes[0]


def test_a_receiver_that_does_not_answer_is_replaced_by_the_counters(target: Target) -> None:
    assert target.alertmanager is not None
    page = f"http://127.0.0.1:{free_port()}/notifications"
    alone = cast("Target", made(target.alertmanager, target.http, page))
    found = delivery.deliver(alone, [canary(target, "unseen")], TERMS)["unseen"]
    assert found.arrived_seconds is not None
    assert "could not be read" in found.notes[0]


def test_an_interrupted_delivery_ends_its_alert(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(delivery, "wait_until", interrupt)
    with pytest.raises(KeyboardInterrupt):
        delivery.deliver(target, [canary(target, "cut")], TERMS)
    assert still_there(target, "cut") == []


def test_what_cannot_be_ended_is_named_and_ends_by_itself(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    assert target.alertmanager is not None
    post = target.alertmanager.post
    posts = iter([True, False])

    def sometimes(alerts: Any) -> None:
        if not next(posts):
            alone.http.ask("GET", f"http://127.0.0.1:{free_port()}/gone")
        post(alerts)

    alone = cast("Target", made(target.alertmanager, target.http, target.scope.environment.receiver_url))
    monkeypatch.setattr(target.alertmanager, "post", sometimes)
    found = delivery.deliver(alone, [canary(target, "left")], delivery.Terms("id", "a", "f", 0.5, 20.0))["left"]
    assert found.ended_seconds is None
    assert len(alone.left_behind) == 1
    assert alone.left_behind[0].startswith("test alerts left in Alertmanager: ")
    (alert,) = target.alertmanager.alerts('id="left"')
    assert alert.ends_at < time.time() + 120


def test_an_alertmanager_that_takes_nothing_is_said(target: Target) -> None:
    gone = Alertmanager(target.http, f"http://127.0.0.1:{free_port()}")
    alone = cast("Target", made(gone, target.http, None))
    with pytest.raises(CouldNotObserve):
        delivery.deliver(alone, [canary(target, "x")], TERMS)
