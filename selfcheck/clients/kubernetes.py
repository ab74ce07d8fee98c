"""Asks a Kubernetes cluster: its version, how many replicas are ready, where its pods are; and holds a Lease in it.

The `kubernetes` package reads the kubeconfig (contexts of several files, certificates, tokens, commands that give
credentials); what is asked goes through `Http`. The package's own transport has a limit for each read only, retries
three times without a word, and takes an answer of any size. It is imported with the first question: that alone takes
more than a second.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from urllib.request import getproxies

from selfcheck import VERSION
from selfcheck.clients._bounded import Bounded, Call
from selfcheck.clients._explain import Failed, Failure
from selfcheck.clients._reading import text, understood
from selfcheck.clients.http import Http
from selfcheck.observation import CouldNotObserve, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeVar

    from selfcheck.clients.http import Answer, Params
    from selfcheck.secrets import Secrets
    from selfcheck.waiting import Deadline

    T = TypeVar("T")

_SERVICE = "Kubernetes"
_KUBECONFIG_HINT = "Correct SELF_CHECK_KUBE_CONTEXT, or the kubeconfig that KUBECONFIG names"
_ANSWER_BYTES_MAX = 32 * 1024 * 1024
_PAGE_LENGTH = 500
_PAGES_MAX = 20


@dataclass(frozen=True, slots=True)
class Replicas:
    """The pods of a deployment: how many are wanted, ready (old ones too while it rolls), and of the newest kind.

    `observed` tells whether the figures are about the deployment as it is now: after a change they are about the one
    before, until the controller has seen it.
    """

    wanted: int
    ready: int
    updated: int
    observed: bool


@dataclass(frozen=True, slots=True)
class PodAddress:
    """A pod that has an address in the cluster.

    `ready` is false for one that is about to end, whatever its conditions still say.
    """

    name: str
    address: str
    ready: bool
    terminating: bool


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a Lease (empty: nobody), for how long after the last renewal; `version` tells its states apart."""

    holder: str
    seconds: int
    acquired: str
    renewed: str
    version: str


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Where the API server is, and how to show the credentials of the context (they may expire: asked each time)."""

    url: str
    http: Http
    credentials: Callable[[], dict[str, str]]


class Kubernetes:
    """A client of the cluster of one context of the kubeconfig (`KUBECONFIG`, else `~/.kube/config`).

    Each question takes at most `timeout_seconds`, and less when `deadline` is nearer; reading the kubeconfig, which may
    run a command for the credentials, as long again. Every method raises `CouldNotObserve`; tokens are in none of its
    texts.
    """

    def __init__(self, context: str, *, timeout_seconds: float, deadline: Deadline, secrets: Secrets) -> None:
        self.context = context
        self._timeout_seconds = timeout_seconds
        self._deadline = deadline
        self._secrets = secrets
        self._bounded = Bounded(timeout_seconds=timeout_seconds, deadline=deadline, secrets=secrets)
        self._cluster: _Cluster | None = None

    def version(self) -> str:
        """The version of the API server, such as "v1.34.4"."""
        return self._read("/version", lambda found: text(found["gitVersion"]))

    def ready_replicas(self, namespace: str, deployment: str) -> Replicas:
        """How many pods of a deployment are ready; raises `CouldNotObserve` when there is no such deployment."""
        return self._read(
            f"/apis/apps/v1/namespaces/{quote(namespace, safe='')}/deployments/{quote(deployment, safe='')}", _replicas
        )

    def pod_addresses(self, namespace: str, selector: str) -> tuple[PodAddress, ...]:
        """The pods that a label selector ("app=cad-ml-platform") finds and that have an address, by name.

        Pods that have ended, and keep their address only on paper, are left out.
        """
        found: list[PodAddress] = []
        more = ""
        for _ in range(_PAGES_MAX):
            params: Params = {"labelSelector": selector, "limit": _PAGE_LENGTH}
            items, more = self._read(
                f"/api/v1/namespaces/{quote(namespace, safe='')}/pods",
                lambda page: (
                    [pod for each in page["items"] if (pod := _pod(each)) is not None],
                    text(page["metadata"].get("continue", "")),
                ),
                {**params, "continue": more} if more else params,
            )
            found += items
            if not more:
                break
        return tuple(sorted(found, key=lambda pod: pod.name))

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """The data of a ConfigMap; None when there is no such ConfigMap."""
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/configmaps/{quote(name, safe='')}"
        return _made_unless(
            404, self._ask(path), lambda found: {text(key): text(value) for key, value in _data(found).items()}
        )

    def lease(self, namespace: str, name: str) -> Lease | None:
        """A Lease; None when there is none of that name."""
        return _made_unless(404, self._ask(f"{_leases(namespace)}/{quote(name, safe='')}"), _lease)

    def hold_lease(
        self, namespace: str, name: str, holder: str, seconds: int, *, before: Lease | None = None
    ) -> Lease | None:
        """Take or renew a Lease as it was `before` (None: there was none); gives it, None when somebody was faster.

        An empty holder gives it back.
        """
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        acquired = before.acquired if before is not None and before.holder == holder else now
        metadata = {"name": name, "namespace": namespace}
        content = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata if before is None else {**metadata, "resourceVersion": before.version},
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": seconds,
                "acquireTime": acquired or now,
                "renewTime": now,
            },
        }
        path = _leases(namespace)
        if before is None:
            answer = self._ask(path, method="POST", content=content)
        else:
            answer = self._ask(f"{path}/{quote(name, safe='')}", method="PUT", content=content)
        return _made_unless(409, answer, _lease)

    def _read(self, path: str, make: Callable[[Any], T], params: Params | None = None) -> T:
        return _made(self._ask(path, params), make)

    def _ask(self, path: str, params: Params | None = None, *, method: str = "GET", content: Any = None) -> Answer:
        asked = f"context {self.context} of the kubeconfig {_kubeconfig()}"
        if self._cluster is None:
            import kubernetes  # noqa: F401, PLC0415 - a slow import; it must not eat up the time of the question

            self._cluster = self._bounded.run(asked, self._load, self._why)
        cluster = self._cluster
        credentials = self._bounded.run(asked, lambda _: cluster.credentials(), self._why)
        # No connection is kept, so that there is none to close.
        headers = {"Accept": "application/json", "Connection": "close", **credentials}
        return cluster.http.ask(method, f"{cluster.url}{path}", headers=headers, params=params, json=content)

    def _load(self, _: Call) -> _Cluster:
        from kubernetes import client, config  # noqa: PLC0415 - see above: a slow import

        configuration = client.Configuration()
        with _complaints() as said:
            config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=_kubeconfig(), context=self.context, client_configuration=configuration
            )
        if said:
            came_back = f"the kubeconfig gives no credentials: {'; '.join(said)}"
            raise Failed(Trouble.ERROR_ANSWER, came_back, "Log in to the cluster again, or correct the kubeconfig")
        if configuration.tls_server_name or configuration.proxy not in {None, *getproxies().values()}:
            came_back = "the kubeconfig asks for tls-server-name or proxy-url, which is not supported here"
            raise Failed(Trouble.BAD_URL, came_back, "Use a context without them; HTTPS_PROXY names a proxy for all")
        certificate, key = configuration.cert_file, configuration.key_file
        http = Http(
            deadline=self._deadline,
            secrets=self._secrets,
            user_agent=f"cad-ml-selfcheck/{VERSION}",
            timeout_seconds=self._timeout_seconds,
            body_bytes_max=_ANSWER_BYTES_MAX,
            verify=bool(configuration.verify_ssl),
            ca_file=configuration.ssl_ca_cert,
            client_certificate=(certificate, key) if certificate and key else certificate,
        )
        return _Cluster(configuration.host.rstrip("/"), http, lambda: self._credentials(configuration))

    def _credentials(self, configuration: Any) -> dict[str, str]:
        with _complaints():
            found = configuration.auth_settings()
        headers = {each["key"]: each["value"] for each in found.values() if each["in"] == "header" and each["value"]}
        for value in headers.values():
            self._secrets.add(value.rpartition(" ")[2])
        return headers

    def _why(self, error: Exception) -> Failure | None:
        import yaml  # noqa: PLC0415 - only for its errors
        from kubernetes import config  # noqa: PLC0415 - as above

        if isinstance(error, config.ConfigException | yaml.YAMLError | OSError | UnicodeError):
            known = _known_contexts()
            if known and self.context not in known:
                return Failure(Trouble.BAD_URL, f"it has only {', '.join(known)}", _KUBECONFIG_HINT)
            return Failure(Trouble.BAD_URL, f"it cannot be used: {error}", _KUBECONFIG_HINT)
        if isinstance(error, AttributeError | KeyError | TypeError | ValueError):
            came_back = f"it has not the form of a kubeconfig ({type(error).__name__}: {error})"
            return Failure(Trouble.BAD_URL, came_back, _KUBECONFIG_HINT)
        return None


def _kubeconfig() -> str:
    return os.environ.get("KUBECONFIG") or "~/.kube/config"


def _known_contexts() -> list[str]:
    """The contexts of the kubeconfig; read here, as the package lists them only where there is a current one."""
    import yaml  # noqa: PLC0415 - only for a hint

    known: list[str] = []
    for name in _kubeconfig().split(os.pathsep):
        with suppress(Exception):  # without a list the message is shorter
            content = yaml.safe_load(Path(name).expanduser().read_text(encoding="utf-8"))
            known += [str(each["name"]) for each in content["contexts"]]
    return known


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """What the package only logs: that the command for the credentials failed, after which it goes on without any.

    A handler at the root also keeps the package from setting up logging for the whole process, as `logging.error` does.
    """
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.module == "kube_config" and record.levelno >= logging.ERROR:
                said.append(record.getMessage())

    listener = Listener()
    logging.getLogger().addHandler(listener)
    try:
        yield said
    finally:
        logging.getLogger().removeHandler(listener)


def _made(answer: Answer, make: Callable[[Any], T]) -> T:
    content = answer.json()
    if answer.status not in {200, 201}:
        raise _refused(answer, content)
    with understood(answer, _SERVICE):
        return make(content)


def _made_unless(status: int, answer: Answer, make: Callable[[Any], T]) -> T | None:
    """Make something of an answer; None where the API says so with this status of its own."""
    if answer.status == status and _is_status(answer.json()):
        return None
    return _made(answer, make)


def _refused(answer: Answer, content: Any) -> CouldNotObserve:
    if not _is_status(content):
        return answer.unusable(Trouble.UNEXPECTED_ANSWER, f"its content has not the form of the API of {_SERVICE}")
    hint = "Look at the log and the load of the API server"
    if answer.status == 401:
        hint = "Log in to the cluster again: it does not accept the credentials of the context"
    elif answer.status == 403:
        hint = "Give the user of the context the right to do this"
    elif answer.status == 404:
        hint = "Correct the namespace or the name in the contract, or the context"
    message = str(content.get("message", "no message"))[:200]
    return CouldNotObserve(
        Trouble.ERROR_ANSWER,
        asked=answer.asked,
        came_back=answer.secrets.mask(f"Kubernetes answered HTTP {answer.status}: {message}"),
        hint=hint,
    )


def _is_status(content: Any) -> bool:
    return isinstance(content, dict) and content.get("kind") == "Status"


def _leases(namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace, safe='')}/leases"


def _lease(found: Any) -> Lease:
    if found["kind"] != "Lease":
        raise KeyError("kind")
    # What was never set is left out.
    spec = found.get("spec") or {}
    return Lease(
        holder=text(spec.get("holderIdentity") or ""),
        seconds=int(spec.get("leaseDurationSeconds") or 0),
        acquired=text(spec.get("acquireTime") or ""),
        renewed=text(spec.get("renewTime") or ""),
        version=text(found["metadata"]["resourceVersion"]),
    )


def _data(found: Any) -> dict[str, Any]:
    if found["kind"] != "ConfigMap":
        raise KeyError("kind")
    data: dict[str, Any] = found.get("data") or {}
    return data


def _replicas(found: Any) -> Replicas:
    # What is 0 is left out of a status.
    status = found["status"]
    return Replicas(
        wanted=int(found["spec"]["replicas"]),
        ready=int(status.get("readyReplicas", 0)),
        updated=int(status.get("updatedReplicas", 0)),
        observed=int(status.get("observedGeneration", 0)) >= int(found["metadata"]["generation"]),
    )


def _pod(found: Any) -> PodAddress | None:
    status = found["status"]
    address = text(status.get("podIP", ""))
    if not address or status["phase"] in {"Succeeded", "Failed"}:
        return None
    # A pod that is being deleted is still Running, and Ready for a while.
    terminating = "deletionTimestamp" in found["metadata"]
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or ())
    return PodAddress(
        text(found["metadata"]["name"]), address, ready=ready and not terminating, terminating=terminating
    )
