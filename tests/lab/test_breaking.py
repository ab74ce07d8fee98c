"""Every kind of defect breaks the running lab as it says, and its undo leaves nothing behind."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab import breaking
from lab.breaking import (
    Defect,
    Kind,
    alertmanager_config,
    applied,
    both,
    catalogue,
    environment,
    haproxy_config,
    paused,
    prometheus_config,
    proxy_down,
    rule_named,
    rules,
    stopped,
    toxic,
)
from lab.configuration import PROMETHEUS, REPLICAS
from lab.supervisor import Lab, LabError, RefusedError
from selfcheck.waiting import wait_until

pytestmark = pytest.mark.lab

REPOSITORY = Path(__file__).parent.parent.parent


def _front(lab: Lab, path: str = "/health") -> httpx.Response:
    return httpx.get(f"{lab.ports.url('front')}{path}", timeout=5)


def _toxics(lab: Lab) -> dict[str, tuple[bool, list[str]]]:
    proxies = httpx.get(f"{lab.ports.url('toxiproxy')}/proxies", timeout=5).json()
    return {name: (proxy["enabled"], [toxic["name"] for toxic in proxy["toxics"]]) for name, proxy in proxies.items()}


def _healthy_files(lab: Lab) -> bool:
    healthy = lab.healthy_configuration()
    healthy["haproxy.cfg"] = lab.haproxy_text(healthy["haproxy.cfg"])
    return all((lab.config / name).read_text(encoding="utf-8") == text for name, text in healthy.items())


def _jobs(lab: Lab) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for target in lab.prometheus("/api/v1/targets", state="active")["data"]["activeTargets"]:
        found.setdefault(target["scrapePool"], set()).add(target["discoveredLabels"]["__address__"])
    return found


def test_prometheus_follows_an_edited_configuration_and_its_undo(lab: Lab) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["scrape_configs"][0]["static_configs"][0]["targets"].pop()

    before = _jobs(lab)
    kind = prometheus_config(edit)
    kind.apply(lab)
    try:
        assert len(_jobs(lab)["cad-ml-platform"]) == 2
        with pytest.raises(LabError, match="changed by another defect"):
            prometheus_config(edit).apply(lab)
    finally:
        kind.undo(lab)
    assert _jobs(lab) == before
    assert _healthy_files(lab)


def test_a_configuration_that_prometheus_refuses(lab: Lab) -> None:
    def edit(document: dict[str, Any]) -> dict[str, Any]:
        return document | {"scrape_configs": "none"}

    with pytest.raises(RefusedError):
        prometheus_config(edit).apply(lab)
    prometheus_config(edit).undo(lab)
    kind = prometheus_config(edit, refused=True)
    kind.apply(lab)
    try:
        assert "scrape_configs: none" not in lab.prometheus("/api/v1/status/config")["data"]["yaml"]
    finally:
        kind.undo(lab)
    with pytest.raises(LabError, match="and took it"):
        prometheus_config(lambda document: document | {"scrape_configs": []}, refused=True).apply(lab)
    kind.undo(lab)
    assert _healthy_files(lab)


def test_an_edit_that_changes_nothing_is_no_defect(lab: Lab) -> None:
    with pytest.raises(LabError, match="changes nothing"):
        prometheus_config(lambda _: None).apply(lab)


def test_a_rule_can_be_changed_and_a_group_added(lab: Lab) -> None:
    def edit(document: dict[str, Any]) -> None:
        rule_named(document, "platform_error_ratio")["expr"] = "vector(0.5)"
        document["groups"].append({"name": "extra", "rules": [{"record": "extra", "expr": "vector(1)"}]})

    def loaded() -> dict[str, str]:
        groups = lab.prometheus("/api/v1/rules")["data"]["groups"]
        return {rule["name"]: rule["query"] for group in groups for rule in group["rules"]}

    before = loaded()
    kind = rules(edit)
    kind.apply(lab)
    try:
        assert loaded() == before | {"platform_error_ratio": "vector(0.5)", "extra": "vector(1)"}
        wait_until(
            lambda: lab.query("platform_error_ratio == 0.5"),
            timeout_seconds=10,
            what="the changed rule to be evaluated",
        )
    finally:
        kind.undo(lab)
    assert loaded() == before
    assert _healthy_files(lab)


def test_alertmanager_follows_an_edited_configuration_and_its_undo(lab: Lab) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["route"]["receiver"] = "pager"

    def in_force() -> str:
        text: str = httpx.get(f"{lab.ports.url('alertmanager')}/api/v2/status", timeout=5).json()["config"]["original"]
        return text.split("routes:", maxsplit=1)[0]

    kind = alertmanager_config(edit)
    kind.apply(lab)
    try:
        assert "receiver: pager" in in_force()
    finally:
        kind.undo(lab)
    assert "receiver: mail" in in_force()


def test_haproxy_follows_an_edited_configuration_and_its_undo(lab: Lab) -> None:
    kind = haproxy_config(
        lambda text: text.replace("frontend front\n", "frontend front\n    http-response set-header X-Broken yes\n")
    )
    kind.apply(lab)
    try:
        # The old worker is gone: no answer comes from the old configuration.
        assert [_front(lab).headers.get("X-Broken") for _ in range(6)] == ["yes"] * 6
        lab.write_configuration("haproxy.cfg", "nonsense\n")
        with pytest.raises(RefusedError, match="unknown keyword"):
            lab.reload_haproxy()
    finally:
        kind.undo(lab)
    assert [_front(lab).headers.get("X-Broken") for _ in range(6)] == [None] * 6
    assert _healthy_files(lab)


def test_a_toxic_slows_a_connection_and_its_undo_removes_it(lab: Lab) -> None:
    url = f"{lab.ports.url('vision_proxied')}/healthz"
    kind = toxic("vision", "latency", latency=700)
    kind.apply(lab)
    try:
        begun = time.monotonic()
        assert httpx.get(url, timeout=5).status_code == 200
        assert time.monotonic() - begun >= 0.7
    finally:
        kind.undo(lab)
    kind.undo(lab)
    assert _toxics(lab) == dict.fromkeys(_toxics(lab), (True, []))


def test_what_toxiproxy_does_not_take_is_said(lab: Lab) -> None:
    for kind, said in (
        (toxic("redis", "no_such_type"), "answered 400"),
        (toxic("redis", "latency", latencyy=5), "the toxic latency on redis is"),
    ):
        with pytest.raises(LabError, match=said):
            kind.apply(lab)
        kind.undo(lab)
    assert _toxics(lab)["redis"] == (True, [])
    with pytest.raises(ValueError, match="no proxy 'haproxy'; there are"):
        toxic("haproxy", "latency", latency=5)


def test_a_proxy_that_is_down_refuses_connections(lab: Lab) -> None:
    url = f"{lab.ports.url('vision_proxied')}/healthz"
    kind = proxy_down("vision")
    kind.apply(lab)
    try:
        with pytest.raises(httpx.TransportError):
            httpx.get(url, timeout=5)
    finally:
        kind.undo(lab)
    assert httpx.get(url, timeout=5).status_code == 200


def test_stopped_parts_come_back(lab: Lab) -> None:
    kind = both(stopped("redis-exporter", "receiver"), paused("vision"))
    kind.apply(lab)
    try:
        states = {part.name: part.state for part in lab.status()}
        assert (states["redis-exporter"], states["receiver"], states["vision"]) == ("down", "down", "paused")
    finally:
        kind.undo(lab)
    assert {part.state for part in lab.status()} == {"ready"}


def test_a_replica_with_another_environment_and_back(lab: Lab) -> None:
    def disabled() -> list[str]:
        answer = httpx.get(f"{lab.ports.url('replica_2')}/health", timeout=5).json()
        names: list[str] = answer["config"]["providers"]["disabled"]
        return names

    others = {name: lab.process(name).pid for name in REPLICAS if name != "replica-2"}
    kind = environment("replica-2", DISABLED_PROVIDERS="paddle")
    kind.apply(lab)
    try:
        assert disabled() == ["paddle"]
    finally:
        kind.undo(lab)
    assert disabled() == []
    assert {name: lab.process(name).pid for name in others} == others
    pid = lab.process("replica-2").pid
    kind.undo(lab)
    assert lab.process("replica-2").pid == pid


def test_an_undo_goes_on_when_a_part_of_it_fails(lab: Lab) -> None:
    class Stubborn:
        def apply(self, lab: Lab) -> None: ...

        def undo(self, lab: Lab) -> None:
            raise LabError("it does not go")

    kind: Kind = both(proxy_down("vision"), Stubborn())
    kind.apply(lab)
    with pytest.raises(LabError, match="it does not go"):
        kind.undo(lab)
    assert _toxics(lab)["vision"] == (True, [])


def test_what_is_broken_can_be_mended_by_another_process(lab: Lab) -> None:
    name = next(name for name, defect in catalogue().items() if defect.how == proxy_down("redis"))

    def command(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "lab", *arguments],
            env=os.environ | {"LAB_DIRECTORY": str(lab.directory)},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert f"{name} is active" in command("break", name)
    assert _toxics(lab)["redis"][0] is False
    with pytest.raises(LabError, match="active already"):
        breaking.break_(lab, name)
    assert f"* {name}:" in command("defects")
    assert f"{name} is undone" in command("mend")
    assert _toxics(lab)["redis"] == (True, [])
    assert command("mend") == "nothing is broken\n"


def test_a_defect_is_undone_when_its_block_fails(lab: Lab) -> None:
    name = next(name for name, defect in catalogue().items() if defect.how == proxy_down("redis"))

    def fail() -> None:
        with applied(lab, name) as defect:
            assert isinstance(defect, Defect)
            assert lab.state().broken == [name]
            assert _toxics(lab)["redis"][0] is False
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert lab.state().broken == []
    assert _toxics(lab)["redis"][0] is True


def test_up_mends_what_is_broken(lab: Lab) -> None:
    name = next(name for name, defect in catalogue().items() if defect.how == proxy_down("redis"))
    breaking.break_(lab, name)
    kind = environment("replica-1", DISABLED_PROVIDERS="paddle")
    kind.apply(lab)
    lab.up()
    assert lab.state().broken == []
    assert lab.state().overrides == {}
    assert _toxics(lab)["redis"] == (True, [])
    assert _healthy_files(lab)
    assert {part.state for part in lab.status()} == {"ready"}


def test_the_configuration_is_the_healthy_one_after_all(lab: Lab) -> None:
    assert _healthy_files(lab)
    assert PROMETHEUS in lab.healthy_configuration()
    lab.settled()


def test_an_unknown_defect_is_refused(lab: Lab) -> None:
    with pytest.raises(LabError, match="there is no defect 'nothing'"):
        breaking.break_(lab, "nothing")


def test_the_catalogue_says_what_each_defect_breaks() -> None:
    for name, defect in catalogue().items():
        assert defect.breaks, name
        assert defect.caught_by or defect.unclear, name
