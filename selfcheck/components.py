"""The clients of the components in scope, each made when it is first needed and then kept for the run.

Making one asks nothing, and imports no library of a database or of Kubernetes: that comes with the first question.
Every function raises `LookupError` when the component is out of scope: a check that needs it has to require it in the
contract.
"""

from selfcheck.clients.alertmanager import Alertmanager
from selfcheck.clients.grafana import Grafana
from selfcheck.clients.kubernetes import Kubernetes
from selfcheck.clients.postgres import Postgres
from selfcheck.clients.redis import Redis
from selfcheck.clients.toxiproxy import Toxiproxy
from selfcheck.contract import Component
from selfcheck.target import Target


def alertmanager(target: Target) -> Alertmanager:
    """Give the client of Alertmanager."""
    return target.alertmanager or Alertmanager(
        target.http, _url(target, Component.ALERTMANAGER), target.scope.headers(Component.ALERTMANAGER)
    )


def grafana(target: Target) -> Grafana:
    """Give the client of Grafana; its credentials are a token of the settings, or stand in its URL."""
    url, token = _url(target, Component.GRAFANA), target.scope.grafana_token
    headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **target.scope.headers(Component.GRAFANA)}
    return target.once((Grafana, url), lambda: Grafana(target.http, url, headers))


def redis(target: Target) -> Redis:
    """Give the client of Redis."""
    url = _url(target, Component.REDIS)
    return target.once(
        (Redis, url),
        lambda: Redis(url, timeout_seconds=_timeout_seconds(target), deadline=target.deadline, secrets=target.secrets),
    )


def postgres(target: Target) -> Postgres:
    """Give the client of Postgres."""
    url = _url(target, Component.POSTGRES)
    return target.once(
        (Postgres, url),
        lambda: Postgres(
            url, timeout_seconds=_timeout_seconds(target), deadline=target.deadline, secrets=target.secrets
        ),
    )


def toxiproxy(target: Target) -> Toxiproxy:
    """Give the client of Toxiproxy."""
    url = _url(target, Component.TOXIPROXY)
    return target.once((Toxiproxy, url), lambda: Toxiproxy(target.http, url))


def kubernetes(target: Target) -> Kubernetes:
    """Give the client of the cluster whose context is named."""
    return target.once((Kubernetes, _url(target, Component.KUBERNETES)), lambda: own_kubernetes(target))


def own_kubernetes(target: Target) -> Kubernetes:
    """Make a client of the cluster that is not shared: for who asks from a thread of his own."""
    return Kubernetes(
        _url(target, Component.KUBERNETES),
        timeout_seconds=_timeout_seconds(target),
        deadline=target.deadline,
        secrets=target.secrets,
    )


def _url(target: Target, component: Component) -> str:
    url = target.scope.url(component)
    if url is None:
        message = f"a check uses {component} without requiring it in the contract"
        raise LookupError(message)
    return url


def _timeout_seconds(target: Target) -> float:
    return target.contract.platform.limits.request_timeout_seconds
