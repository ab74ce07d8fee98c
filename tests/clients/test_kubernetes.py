"""The Kubernetes client: kubeconfigs as people have them, and a server that answers with objects of the API."""

from __future__ import annotations

import base64
import json
import ssl
import sys
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from selfcheck.clients.kubernetes import Kubernetes, PodAddress, Replicas
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.secrets import Secrets
from selfcheck.waiting import Deadline, wait_until
from tests import misbehaving
from tests.clusters import TOKEN, KubeConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

VERSION = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.4",
    "gitTreeState": "clean",
    "goVersion": "go1.24.9",
    "platform": "linux/amd64",
}

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "cad-ml-platform", "namespace": "cad-ml-platform", "generation": 3},
    "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "cad-ml-platform"}}},
    "status": {
        "observedGeneration": 3,
        "replicas": 3,
        "updatedReplicas": 3,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "unavailableReplicas": 1,
    },
}


def pod(name: str, ip: str = "", *, phase: str = "Running", ready: bool = True, **metadata: str) -> dict[str, Any]:
    status: dict[str, Any] = {"phase": phase}
    if ip:
        status |= {"podIP": ip, "podIPs": [{"ip": ip}]}
        status["conditions"] = [
            {"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": "True" if ready else "False"},
        ]
    return {"metadata": {"name": name, **metadata}, "spec": {"nodeName": "node"}, "status": status}


def refusal(code: int, reason: str, message: str) -> bytes:
    content = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    return as_json(content, code)


def as_json(content: Any, status: int = 200) -> bytes:
    return misbehaving.answer(status, json.dumps(content).encode(), content_type="application/json")


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KubeConfig:
    return KubeConfig(tmp_path, monkeypatch)


def client(*, context: str = "staging", timeout_seconds: float = 5.0, deadline_seconds: float = 30.0) -> Kubernetes:
    return Kubernetes(context, timeout_seconds=timeout_seconds, deadline=Deadline(deadline_seconds), secrets=Secrets())


def trouble_of(kubernetes: Kubernetes) -> CouldNotObserve:
    with pytest.raises(CouldNotObserve) as caught:
        kubernetes.version()
    assert caught.value.hint
    assert TOKEN not in str(caught.value)
    return caught.value


def test_its_version(kubeconfig: KubeConfig) -> None:
    with misbehaving.routes({"/base/version": as_json(VERSION)}) as server:
        kubeconfig.write(f"{server.url}/base/")
        kubernetes = client()
        assert kubernetes.version() == kubernetes.version() == "v1.34.4"
    for request in server.requests:
        assert f"authorization: Bearer {TOKEN}".lower().encode() in request.lower()


def test_a_config_map(kubeconfig: KubeConfig) -> None:
    path = "/api/v1/namespaces/chaos/configmaps/"
    there = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "switch"}, "data": {"stop": "true"}}
    replies = {
        f"{path}switch": as_json(there),
        f"{path}empty": as_json({**there, "data": None}),
        f"{path}absent": refusal(404, "NotFound", 'configmaps "absent" not found'),
        f"{path}secret": refusal(403, "Forbidden", "configmaps is forbidden"),
        f"{path}other": as_json(VERSION),
    }
    with misbehaving.routes(replies) as server:
        kubeconfig.write(server.url)
        kubernetes = client()
        assert kubernetes.config_map("chaos", "switch") == {"stop": "true"}
        assert kubernetes.config_map("chaos", "empty") == {}
        assert kubernetes.config_map("chaos", "absent") is None
        for name, words in (("secret", "forbidden"), ("other", "form")):
            with pytest.raises(CouldNotObserve, match=words):
                kubernetes.config_map("chaos", name)


@pytest.mark.parametrize(
    ("change", "replicas"),
    [
        ({}, Replicas(wanted=3, ready=2, updated=3, observed=True)),
        ({"observedGeneration": 2}, Replicas(wanted=3, ready=2, updated=3, observed=False)),
        (None, Replicas(wanted=3, ready=0, updated=0, observed=False)),
    ],
)
def test_ready_replicas(change: dict[str, Any] | None, replicas: Replicas, kubeconfig: KubeConfig) -> None:
    status = {} if change is None else {**DEPLOYMENT["status"], **change}  # type: ignore[dict-item]
    path = "/apis/apps/v1/namespaces/cad-ml-platform/deployments/cad-ml-platform"
    with misbehaving.routes({path: as_json({**DEPLOYMENT, "status": status})}) as server:
        kubeconfig.write(server.url)
        assert client().ready_replicas("cad-ml-platform", "cad-ml-platform") == replicas


def test_pod_addresses(kubeconfig: KubeConfig) -> None:
    pods = [
        pod("d", "10.0.0.4", deletionTimestamp="2025-01-01T00:00:00Z"),
        pod("a", "10.0.0.1"),
        pod("b", "10.0.0.2", ready=False),
        pod("waiting", phase="Pending"),
        pod("evicted", "10.0.0.9", phase="Failed"),
        pod("done", "10.0.0.8", phase="Succeeded"),
        pod("c", "fd00::3"),
    ]

    def reply(head: bytes) -> bytes:
        query = parse_qs(urlsplit(head.split()[1].decode()).query)
        assert query["labelSelector"] == ["app=cad-ml-platform,tier!=canary"]
        first = int(query.get("continue", ["0"])[0])
        more = {"continue": str(first + 3)} if first + 3 < len(pods) else {}
        return as_json({"kind": "PodList", "metadata": more, "items": pods[first : first + 3]})

    with misbehaving.answering(reply) as server:
        kubeconfig.write(server.url)
        found = client().pod_addresses("cad-ml-platform", "app=cad-ml-platform,tier!=canary")
    assert found == (
        PodAddress("a", "10.0.0.1", ready=True, terminating=False),
        PodAddress("b", "10.0.0.2", ready=False, terminating=False),
        PodAddress("c", "fd00::3", ready=True, terminating=False),
        PodAddress("d", "10.0.0.4", ready=False, terminating=True),
    )
    assert len(server.requests) == 3


def test_names_from_a_contract_stay_names(kubeconfig: KubeConfig) -> None:
    with misbehaving.answering(lambda _: refusal(404, "NotFound", "no")) as server:
        kubeconfig.write(server.url)
        with pytest.raises(CouldNotObserve):
            client().ready_replicas("a/../b", "c?d")
    assert server.requests[0].startswith(b"GET /apis/apps/v1/namespaces/a%2F..%2Fb/deployments/c%3Fd ")


@pytest.mark.parametrize(
    ("reply", "trouble", "says", "hint"),
    [
        (refusal(401, "Unauthorized", "Unauthorized"), Trouble.ERROR_ANSWER, "HTTP 401: Unauthorized", "Log in"),
        (refusal(403, "Forbidden", 'User "x" cannot get pods'), Trouble.ERROR_ANSWER, "cannot get", "the right"),
        (refusal(404, "NotFound", 'deployments.apps "x" not found'), Trouble.ERROR_ANSWER, "not found", "namespace"),
        (refusal(500, "InternalError", "etcd timed out"), Trouble.ERROR_ANSWER, "etcd timed out", "API server"),
        (as_json({"detail": "no"}, 404), Trouble.UNEXPECTED_ANSWER, "Kubernetes", ""),
        (as_json({"status": "healthy"}), Trouble.UNEXPECTED_ANSWER, "gitVersion", ""),
        (as_json([]), Trouble.UNEXPECTED_ANSWER, "Kubernetes", ""),
        (misbehaving.answer(200, misbehaving.LOGIN_PAGE, content_type="text/html"), Trouble.NOT_JSON, "html", "login"),
    ],
)
def test_what_else_may_answer(reply: bytes, trouble: Trouble, says: str, hint: str, kubeconfig: KubeConfig) -> None:
    with misbehaving.answering(lambda _: reply) as server:
        kubeconfig.write(server.url)
        error = trouble_of(client())
    assert error.trouble is trouble
    assert says in error.came_back
    assert hint in error.hint
    assert len(server.requests) == 1, "it was asked again"


@pytest.mark.parametrize(
    ("server", "trouble"),
    [
        (misbehaving.refuses, Trouble.REFUSED),
        (misbehaving.silent, Trouble.TIMED_OUT),
        (misbehaving.trickles_body, Trouble.TIMED_OUT),
        (misbehaving.speaks_ssh, Trouble.NOT_HTTP),
        (misbehaving.resets, Trouble.BROKEN_OFF),
    ],
)
def test_no_answer(
    server: Callable[[], AbstractContextManager[misbehaving.Server]], trouble: Trouble, kubeconfig: KubeConfig
) -> None:
    kubernetes = client(timeout_seconds=0.5)
    with server() as running:
        kubeconfig.write(running.url)
        assert trouble_of(kubernetes).trouble is trouble


class TestTls:
    def test_the_authority_of_the_kubeconfig_is_trusted(self, kubeconfig: KubeConfig, tmp_path: Path) -> None:
        certificate = misbehaving.certificate(tmp_path)
        with misbehaving.routes({"/version": as_json(VERSION)}, tls=certificate.context()) as server:
            authority = base64.b64encode(certificate.certificate.read_bytes()).decode()
            kubeconfig.write(server.url, **{"certificate-authority-data": authority})
            assert client().version() == "v1.34.4"
            kubeconfig.write(server.url, **{"certificate-authority": str(certificate.certificate)})
            assert client().version() == "v1.34.4"
            kubeconfig.write(server.url, **{"insecure-skip-tls-verify": True})
            assert client().version() == "v1.34.4"
            kubeconfig.write(server.url)
            error = trouble_of(client())
        assert error.trouble is Trouble.TLS
        assert "self-signed" in error.came_back

    def test_a_client_certificate_is_shown(self, kubeconfig: KubeConfig, tmp_path: Path) -> None:
        certificate = misbehaving.certificate(tmp_path)
        context = certificate.context()
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate.certificate)
        user = {"client-certificate": str(certificate.certificate), "client-key": str(certificate.key)}
        authority = {"certificate-authority": str(certificate.certificate)}
        with misbehaving.routes({"/version": as_json(VERSION)}, tls=context) as server:
            kubeconfig.write(server.url, user=user, **authority)
            assert client().version() == "v1.34.4"
            kubeconfig.write(server.url, **authority)
            assert trouble_of(client()).trouble in {Trouble.TLS, Trouble.BROKEN_OFF}

    def test_a_server_without_tls(self, kubeconfig: KubeConfig) -> None:
        with misbehaving.speaks_ssh(holds=True) as server:
            kubeconfig.write(server.url.replace("http:", "https:"))
            assert trouble_of(client()).trouble is Trouble.TLS


class TestKubeConfig:
    def test_there_is_none(self, kubeconfig: KubeConfig) -> None:
        error = trouble_of(client())
        assert error.trouble is Trouble.BAD_URL
        assert error.asked == f"context staging of the kubeconfig {kubeconfig.path}"
        assert "KUBECONFIG" in error.hint

    def test_an_unknown_context(self, kubeconfig: KubeConfig) -> None:
        kubeconfig.write("http://127.0.0.1:1")
        error = trouble_of(client(context="stagign"))
        assert error.trouble is Trouble.BAD_URL
        assert error.came_back == "it has only staging"
        assert "SELF_CHECK_KUBE_CONTEXT" in error.hint

    @pytest.mark.parametrize("content", ["", "[]", "just text", "contexts: {", "contexts: 7\nclusters: []", "\0"])
    def test_one_that_is_none(self, content: str, kubeconfig: KubeConfig) -> None:
        kubeconfig.path.write_text(content)
        assert trouble_of(client()).trouble is Trouble.BAD_URL

    def test_a_folder_instead(self, kubeconfig: KubeConfig) -> None:
        kubeconfig.path.mkdir()
        assert trouble_of(client()).trouble is Trouble.BAD_URL

    def test_a_certificate_file_that_is_gone(self, kubeconfig: KubeConfig, tmp_path: Path) -> None:
        kubeconfig.write("https://127.0.0.1:1", **{"certificate-authority": str(tmp_path / "gone.pem")})
        error = trouble_of(client())
        assert error.trouble is Trouble.BAD_URL
        assert "gone.pem" in error.came_back

    @pytest.mark.parametrize("setting", ["tls-server-name", "proxy-url"])
    def test_settings_that_are_not_supported_are_not_ignored(self, setting: str, kubeconfig: KubeConfig) -> None:
        kubeconfig.write("https://127.0.0.1:1", **{setting: "http://other.example:3128"})
        error = trouble_of(client())
        assert error.trouble is Trouble.BAD_URL
        assert setting in error.came_back

    def test_the_deadline_of_the_run(self, kubeconfig: KubeConfig) -> None:
        assert trouble_of(client(deadline_seconds=0)).trouble is Trouble.DEADLINE


class TestCommandForCredentials:
    def command(self, code: str) -> dict[str, Any]:
        execute = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "interactiveMode": "Never",
            "command": sys.executable,
            "args": ["-c", code],
        }
        return {"exec": execute}

    def test_its_token_is_used(self, kubeconfig: KubeConfig) -> None:
        given = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": {"token": TOKEN},
        }
        with misbehaving.routes({"/version": as_json(VERSION)}) as server:
            kubeconfig.write(server.url, user=self.command(f"print({json.dumps(json.dumps(given))})"))
            assert client().version() == "v1.34.4"
        assert TOKEN.lower().encode() in server.requests[0].lower()

    def test_it_fails(self, kubeconfig: KubeConfig) -> None:
        with misbehaving.routes({"/version": as_json(VERSION)}) as server:
            kubeconfig.write(server.url, user=self.command("raise SystemExit('session expired')"))
            error = trouble_of(client())
        assert error.trouble is Trouble.ERROR_ANSWER
        assert "session expired" in error.came_back
        assert "Log in" in error.hint
        assert server.requests == [], "it was asked without credentials"

    def test_it_does_not_come_to_an_end(self, kubeconfig: KubeConfig) -> None:
        kubeconfig.write("http://127.0.0.1:1", user=self.command("import time; time.sleep(1)"))
        assert trouble_of(client(timeout_seconds=0.3)).trouble is Trouble.TIMED_OUT
        wait_until(
            lambda: "bounded call" not in {thread.name for thread in threading.enumerate()},
            timeout_seconds=5,
            what="the command to end",
        )
