"""What the client makes of a real API server: its defaults, pages, statuses and refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from selfcheck.clients import kubernetes as clients
from selfcheck.clients.kubernetes import Kubernetes, PodAddress, Replicas
from selfcheck.observation import CouldNotObserve
from selfcheck.secrets import Secrets
from selfcheck.waiting import Deadline
from tests.clusters import (
    CONTAINERS,
    CONTEXT,
    DEPLOYMENT,
    DEPLOYMENTS,
    LABELS,
    NAMESPACE,
    NOBODY,
    RUNNER,
    made,
    say_ready,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.clusters import ApiServer

pytestmark = pytest.mark.slow

NAME = "cad-ml-platform"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"


@pytest.fixture
def client(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubernetes:
    """As a user that has no more than the rights that the suite asks for."""
    server.kubeconfig(tmp_path, monkeypatch, RUNNER)
    return client_of()


def client_of() -> Kubernetes:
    return Kubernetes(CONTEXT, timeout_seconds=5, deadline=Deadline(60), secrets=Secrets())


def test_its_version(client: Kubernetes) -> None:
    assert client.version().startswith("v1.")


def test_a_deployment_on_its_way(client: Kubernetes, server: ApiServer) -> None:
    """Nobody has looked at it yet; two of three are ready; it is changed, and what was said is about the one before."""
    with made(server, DEPLOYMENTS, DEPLOYMENT):
        assert client.ready_replicas(NAMESPACE, NAME) == Replicas(wanted=3, ready=0, updated=0, observed=False)
        say_ready(server, 2)
        assert client.ready_replicas(NAMESPACE, NAME) == Replicas(wanted=3, ready=2, updated=3, observed=True)
        server.ask("PATCH", f"{DEPLOYMENTS}/{NAME}", {"spec": {"replicas": 4}})
        assert client.ready_replicas(NAMESPACE, NAME) == Replicas(wanted=4, ready=2, updated=3, observed=False)
    with pytest.raises(CouldNotObserve, match='"cad-ml-platform" not found') as missing:
        client.ready_replicas(NAMESPACE, NAME)
    assert "Correct the namespace or the name" in missing.value.hint


def test_pods_on_several_pages(client: Kubernetes, server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "_PAGE_LENGTH", 2)
    names = [f"platform-{number}" for number in range(1, 6)]
    labels = {**dict.fromkeys(names, LABELS), "other": {"app": "other"}}
    pods: list[dict[str, Any]] = [
        {"metadata": {"name": name, "labels": labels[name]}, "spec": {"containers": CONTAINERS, "nodeName": "node"}}
        for name in labels
    ]
    # One that is about to end stays, because somebody wants to be asked before it goes.
    pods[3]["metadata"]["finalizers"] = ["tests.invalid/stay"]
    with made(server, PODS, *pods):
        for number, name in enumerate([*names[1:], "other"], start=2):  # the first has no address yet
            ready = [{"type": "Ready", "status": "False" if number == 3 else "True"}]
            address = {"podIP": f"10.0.0.{number}", "podIPs": [{"ip": f"10.0.0.{number}"}]}
            phase = "Failed" if number == 5 else "Running"
            server.ask("PATCH", f"{PODS}/{name}/status", {"status": {"phase": phase, "conditions": ready, **address}})
        server.ask("DELETE", f"{PODS}/{names[3]}")
        assert client.pod_addresses(NAMESPACE, f"app={NAME}") == (
            PodAddress("platform-2", "10.0.0.2", ready=True, terminating=False),
            PodAddress("platform-3", "10.0.0.3", ready=False, terminating=False),
            PodAddress("platform-4", "10.0.0.4", ready=False, terminating=True),
        )
    assert client.pod_addresses(NAMESPACE, f"app={NAME}") == ()


def test_a_config_map(client: Kubernetes, server: ApiServer) -> None:
    assert client.config_map(NAMESPACE, "switch") is None
    with made(server, MAPS, {"metadata": {"name": "switch"}}):
        assert client.config_map(NAMESPACE, "switch") == {}
        server.ask("PATCH", f"{MAPS}/switch", {"data": {"stop": "true"}})
        assert client.config_map(NAMESPACE, "switch") == {"stop": "true"}


def test_who_is_nobody_is_told_what_to_do(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubeconfig = server.kubeconfig(tmp_path, monkeypatch, NOBODY)
    with pytest.raises(CouldNotObserve, match='User "nobody" cannot get resource "deployments"') as forbidden:
        client_of().ready_replicas(NAMESPACE, NAME)
    assert "right to do this" in forbidden.value.hint
    kubeconfig.write(server.url, {"token": "of-yesterday"}, **{"certificate-authority": str(server.authority)})
    with pytest.raises(CouldNotObserve, match="HTTP 401") as unknown:
        client_of().version()
    assert "Log in to the cluster again" in unknown.value.hint
    kubeconfig.write(server.url, {"token": server.tokens[RUNNER]})
    with pytest.raises(CouldNotObserve, match="certificate"):
        client_of().version()
