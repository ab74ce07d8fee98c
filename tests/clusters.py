"""Clusters for tests: a kubeconfig that leads to a server of the test's own, and the API server of Kubernetes itself.

The API server runs on etcd and without controllers: it keeps what it is told, with its rights, its validation and its
conflicts; nothing is ever scheduled.
"""

from __future__ import annotations

import json
import ssl
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import trustme

from chaos import lease as leases
from chaos.lease import Place
from selfcheck.clients.kubernetes import Kubernetes
from selfcheck.secrets import Secrets
from selfcheck.waiting import Deadline, NotYet, wait_until
from tests.clients.servers import free_port, program, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

CONTEXT = "staging"
NAMESPACE = "cad-ml-platform"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.e30.c2VjcmV0"


def hurry_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a Lease last as always, in seconds instead of minutes."""
    monkeypatch.setattr(leases, "SECONDS", 2)
    monkeypatch.setattr(leases, "_RENEW_SECONDS", 0.2)
    monkeypatch.setattr(leases, "_LOOK_SECONDS", 0.2)


def place(name: str, holder: str) -> Place:
    """Give a Lease in the cluster of the kubeconfig that is in force, and who wants it."""
    client = Kubernetes(CONTEXT, timeout_seconds=5, deadline=Deadline(120), secrets=Secrets())
    return Place(client, NAMESPACE, name, holder)


class KubeConfig:
    """A kubeconfig in a folder, in force for one test."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "kubeconfig"
        monkeypatch.setenv("KUBECONFIG", str(self.path))

    def write(self, server: str, user: Any = None, **cluster: Any) -> None:
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
            "users": [{"name": "u", "user": {"token": TOKEN} if user is None else user}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": "c", "user": "u"}}],
        }
        self.path.write_text(json.dumps(content), encoding="utf-8")


# ------------------------------------------------------------------------------------------------------ the API server

ADMIN, RUNNER, NOBODY = "admin", "runner", "nobody"
"""Users of the API server: who may do everything, who has the rights of `RIGHTS`, and who has none."""
RIGHTS = (
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
)
"""What the clients ask for in its namespace, and no more; those of experiments are in docs/runbooks/chaos.md."""


@dataclass(frozen=True, slots=True)
class ApiServer:
    """An API server, by its URL."""

    url: str
    authority: Path
    tokens: dict[str, str]

    def ask(self, method: str, path: str, content: Any = None) -> Any:
        """Ask as `ADMIN`; gives the content of the answer, None where there is no such thing."""
        answer = httpx.request(
            method,
            f"{self.url}{path}",
            content=json.dumps(content) if content is not None else None,
            headers={
                "Authorization": f"Bearer {self.tokens[ADMIN]}",
                "Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json",
            },
            verify=ssl.create_default_context(cafile=str(self.authority)),
            timeout=10,
            trust_env=False,
        )
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        assert answer.is_success, answer.text
        return answer.json() if answer.headers["content-type"].startswith("application/json") else answer.text

    def kubeconfig(self, folder: Path, monkeypatch: pytest.MonkeyPatch, user: str) -> KubeConfig:
        """Put a kubeconfig in force whose context is this server, as that user."""
        made = KubeConfig(folder, monkeypatch)
        made.write(self.url, {"token": self.tokens[user]}, **{"certificate-authority": str(self.authority)})
        return made

    def prepare(self) -> None:
        """Make the namespace, in which `RUNNER` has the rights of `RIGHTS`."""
        rights = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
        self.ask("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        self.ask("POST", f"{rights}/roles", {"metadata": {"name": RUNNER}, "rules": list(RIGHTS)})
        binding = {
            "metadata": {"name": RUNNER},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": RUNNER},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": RUNNER}],
        }
        self.ask("POST", f"{rights}/rolebindings", binding)


@contextmanager
def made(server: ApiServer, folder: str, *objects: dict[str, Any]) -> Iterator[None]:
    """Objects of one kind below the path `folder`, as long as the `with` block lasts."""
    try:
        for content in objects:
            server.ask("POST", folder, content)
        yield
    finally:
        for content in objects:
            path = f"{folder}/{content['metadata']['name']}"
            server.ask("PATCH", path, {"metadata": {"finalizers": None}})
            server.ask("DELETE", path, {"gracePeriodSeconds": 0})


LABELS = {"app": "cad-ml-platform"}
CONTAINERS = [{"name": "app", "image": "platform"}]
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
DEPLOYMENT = {
    "metadata": {"name": "cad-ml-platform"},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": {"containers": CONTAINERS}},
    },
}
"""The platform's; what a controller would say of it is for tests to say (`say_ready`)."""


def say_ready(server: ApiServer, ready: int) -> None:
    """Be the controller that has looked at the Deployment, and found so many pods ready."""
    status = {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": ready}
    server.ask("PATCH", f"{DEPLOYMENTS}/cad-ml-platform/status", {"status": status})


@contextmanager
def api_server(folder: Path) -> Iterator[ApiServer]:
    """The API server of Kubernetes on loopback, with an etcd of its own, as long as the `with` block lasts."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(str(folder / "certificate.pem"), append=True)
    tokens = {user: f"{user}-of-the-tests" for user in (ADMIN, RUNNER, NOBODY)}
    lines = [f'{token},{user},{user},"{"system:masters" if user == ADMIN else ""}"' for user, token in tokens.items()]
    (folder / "tokens.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name in ("etcd", "api"):
        (folder / name).mkdir()
    clients, peers, port = (f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}", free_port())
    etcd = (
        *(program("etcd"), "--unsafe-no-fsync", "--data-dir", str(folder / "etcd" / "data"), "--name", "tests"),
        *("--listen-client-urls", clients, "--advertise-client-urls", clients, "--listen-peer-urls", peers),
        *("--initial-advertise-peer-urls", peers, "--initial-cluster", f"tests={peers}"),
    )
    api = (
        *(program("kube-apiserver"), f"--etcd-servers={clients}"),
        *("--bind-address=127.0.0.1", f"--secure-port={port}", "--advertise-address=127.0.0.1"),
        *(f"--tls-cert-file={folder / 'certificate.pem'}", f"--tls-private-key-file={folder / 'key.pem'}"),
        *(f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=RBAC"),
        *("--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.96.0.0/24"),
        *(
            f"--service-account-key-file={folder / 'key.pem'}",
            f"--service-account-signing-key-file={folder / 'key.pem'}",
        ),
        # Who would make the account that each pod runs as is not there.
        "--disable-admission-plugins=ServiceAccount",
        *("--endpoint-reconciler-type=none", f"--cert-dir={folder / 'api'}"),
    )
    found = ApiServer(f"https://127.0.0.1:{port}", folder / "ca.pem", tokens)

    def ready() -> bool:
        said = found.ask("GET", "/readyz")
        if said != "ok":
            raise NotYet(str(said))
        return True

    with running(*etcd, folder=folder / "etcd"), running(*api, folder=folder / "api"):
        wait_until(ready, timeout_seconds=120, what="the API server to be ready", interval_seconds=0.25)
        found.prepare()
        yield found
