"""Before any check: each component in scope answers, is what it claims to be, and takes the credentials.

One root cause is reported once: what fails here blocks the checks that need the component. A target that answers but is
not the platform is refused (`WrongTargetError`), so that no synthetic request is ever sent to a stranger.
"""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from selfcheck import components
from selfcheck.answering import breach
from selfcheck.clients.http import Answer
from selfcheck.clients.platform import Caller, Sending, only
from selfcheck.clients.prometheus import Prometheus
from selfcheck.contract import Component, ComponentPromise, Right
from selfcheck.exposition import PROCESS_STARTED
from selfcheck.observation import CouldNotObserve, RefusedError, Trouble
from selfcheck.openapi import elsewhere
from selfcheck.settings import SETTING_OF
from selfcheck.target import Target
from selfcheck.values import curl, shown
from selfcheck.verdict import Outcome, Verdict, failed, inconclusive, not_covered, passed
from selfcheck.waiting import GaveUp, wait_until

_GATEWAY_ERRORS = (502, 503, 504)
_REFUSALS = (401, 403)
_OK, _MULTIPLE_CHOICES = 200, 300
_SERVER_ERROR = 500
_NOT_FOUND, _NO_SUCH_METHOD = 404, 405
_CREDENTIALS = (Component.API_KEY, Component.OTHER_API_KEY, Component.ADMIN_TOKEN)


class WrongTargetError(RefusedError):
    """What answers at the address is not the platform; nothing more is sent to it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The preflight's verdict on one component."""

    promise: ComponentPromise
    verdict: Verdict


def run(target: Target) -> list[Finding]:
    """Look at every component of the contract; raises WrongTargetError.

    Fills `target.blocked`, and `moved` of the platform's client. A component that is out of scope is NOT COVERED, or
    FAIL where SELF_CHECK_REQUIRE names it.
    """
    findings: list[Finding] = []
    for promise in target.contract.platform.component:
        component = promise.component
        if not target.scope.covers(component):
            verdict = _out_of_scope(target, component)
        elif Component.APP in target.blocked:
            verdict = inconclusive(
                promise.says,
                "not looked at: the platform does not answer",
                blocked_by=target.blocked[Component.APP],
            )
        else:
            verdict = _LOOKS.get(component, _nothing_to_see)(target)
        if component is Component.APP and verdict.outcome is Outcome.PASS:
            target.platform.moved.update(_moved(target))
        # A credential that could not be tried is sent all the same: it is there, and nobody has refused it.
        untried = component in _CREDENTIALS and target.scope.covers(component) and bool(verdict.remedy)
        if verdict.outcome is Outcome.NOT_COVERED and not untried:
            target.absent[component] = verdict
        if not untried and verdict.outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE):
            target.blocked[component] = verdict.blocked_by or promise.id
        findings.append(Finding(promise, verdict))
    return findings


def _out_of_scope(target: Target, component: Component) -> Verdict:
    setting = SETTING_OF[component]
    if component in target.scope.settings.require:
        return failed(f"{component} in scope, as SELF_CHECK_REQUIRE demands", f"{setting} is not set")
    return not_covered(f"{component} is out of scope", f"set {setting}")


def _nothing_to_see(target: Target) -> Verdict:  # noqa: ARG001 - one of several looks with the same form
    return passed("in scope")


# ------------------------------------------------------------------------------------------------------------- the app


def _app(target: Target) -> Verdict:
    identity = target.contract.platform.identity
    signals: list[tuple[str, Callable[[Answer], bool]]] = [
        (identity.health_route, lambda answer: _has_keys(answer, identity.health_keys)),
        (identity.openapi_route, lambda answer: _has_paths(answer, identity.openapi_paths)),
        (identity.metrics_route, lambda answer: _has_families(answer, identity.metric_families)),
    ]
    seen: list[Answer | CouldNotObserve] = []
    # Where the first does not tell, the others are asked at once: a target that keeps us waiting does so only twice.
    for together in (signals[:1], signals[1:]):
        answers = target.platform.get_all([(route, None) for route, _ in together])
        seen += answers
        for answer, (_, proves) in zip(answers, together, strict=True):
            if isinstance(answer, Answer) and proves(answer):
                return passed(f"is {target.contract.platform.name}", where=answer.asked)
        if any(isinstance(answer, CouldNotObserve) and answer.trouble in _HOPELESS for answer in answers):
            break
    return judge_stranger(seen, target.contract.platform.name)


_HOPELESS = (
    Trouble.REFUSED,
    Trouble.UNREACHABLE,
    Trouble.NAME_NOT_FOUND,
    Trouble.TLS,
    Trouble.NOT_HTTP,
    Trouble.BAD_URL,
    Trouble.DEADLINE,
)
"""Troubles that the next request would meet as well."""


def _moved(target: Target) -> dict[str, str]:
    """Find routes that this platform has elsewhere: the document says so, and nothing is where the contract has them.

    Gives where they are, by name.
    """
    routes = target.contract.routes
    promised = {route.path for route in routes.values()}
    try:
        document = target.openapi().json()
    except CouldNotObserve:
        return {}
    found = {
        name: places
        for name, route in routes.items()
        if (places := elsewhere(document, route.method, route.path, promised))
    }
    answers = target.platform.bare([target.contract.route(name).path for name in found])
    return {
        name: ", ".join(places)
        for (name, places), answer in zip(found.items(), answers, strict=True)
        if isinstance(answer, Answer) and answer.status == _NOT_FOUND
    }


def judge_stranger(seen: list[Answer | CouldNotObserve], name: str) -> Verdict:
    """Say what it means that no answer proves the target to be the platform; raises WrongTargetError.

    A platform that is down, or hidden behind a gateway's error page, has failed. Anything else that answers is a
    stranger.
    """
    troubles = [item for item in seen if isinstance(item, CouldNotObserve)]
    answers = [item for item in seen if isinstance(item, Answer)]
    strange = [trouble for trouble in troubles if trouble.trouble in (Trouble.NOT_HTTP, Trouble.FOREIGN_REDIRECT)]
    if strange and not answers:
        raise WrongTargetError(strange[0].sentence)
    expected = f"{name} answers"
    if not answers:
        trouble = troubles[0]
        reproduce = curl(trouble.asked.partition(" ")[2], "-sSi")
        observed = f"{trouble.came_back.rstrip('.')}. {trouble.hint}"
        return failed(expected, observed, where=trouble.asked, reproduce=reproduce)
    first = answers[0]
    start = shown(first.body[:100].decode("utf-8", errors="replace"))
    if all(answer.status >= _SERVER_ERROR for answer in answers):
        who = "a gateway answers in its place: no replica is ready" if first.status in _GATEWAY_ERRORS else "it fails"
        return failed(expected, f"HTTP {first.status} {start}; {who}", where=first.asked)
    needs_login = first.status in _REFUSALS or "login" in first.url.lower() or b"<form" in first.body[:65536].lower()
    hint = "it looks like a login page; the gate cannot log in there" if needs_login else "check SELF_CHECK_BASE_URL"
    message = (
        f"what answers is not {name}: {first.asked} gave HTTP {first.status} "
        f"{first.headers.get('content-type', 'without content type')} {start}; {hint}"
    )
    raise WrongTargetError(message)


def _has_keys(answer: Answer, keys: tuple[str, ...]) -> bool:
    body = _json(answer)
    return isinstance(body, dict) and all(key in body for key in keys)


def _has_paths(answer: Answer, paths: tuple[str, ...]) -> bool:
    body = _json(answer)
    found = body.get("paths") if isinstance(body, dict) else None
    return isinstance(found, dict) and any(path in found for path in paths)


def _has_families(answer: Answer, families: tuple[str, ...]) -> bool:
    text = answer.body.decode("utf-8", errors="replace")
    return any(f"# TYPE {family} " in text for family in families)


def _json(answer: Answer) -> object:
    try:
        return answer.json()
    except CouldNotObserve:
        return None


def _classifier(target: Target) -> Verdict:
    """There is a trace of it: in the document, in the metrics, or where its routes are."""
    identity = target.contract.platform.identity
    paths = tuple(route.path for route in target.contract.routes.values() if route.component is Component.CLASSIFIER)
    base = target.platform.base(Component.CLASSIFIER)

    def metrics() -> Answer:
        return target.platform.get(identity.metrics_route, base=base)

    def bare() -> Answer:
        return only(target.platform.bare(paths[:1], Component.CLASSIFIER))

    looks: list[tuple[Callable[[], Answer], Callable[[Answer], bool]]] = [
        (lambda: target.openapi(Component.CLASSIFIER), lambda answer: _has_paths(answer, paths)),
        (metrics, lambda answer: _has_families(answer, identity.classifier_families)),
        # A page for whatever is asked would be shown; a route that takes files says that this is no way to ask.
        (bare, lambda answer: answer.status == _NO_SUCH_METHOD),
    ]
    seen: list[Answer | CouldNotObserve] = []
    for look, proves in looks:
        try:
            seen.append(answer := look())
        except CouldNotObserve as error:
            seen.append(error)
            if error.trouble in _HOPELESS:
                break
        else:
            if proves(answer):
                return passed("served", where=answer.asked)
    return judge_classifier(seen, base, has_own_url=target.scope.url(Component.CLASSIFIER) is not None)


def judge_classifier(seen: Sequence[Answer | CouldNotObserve], base: str, *, has_own_url: bool) -> Verdict:
    """Say what it means that nothing shows a classifier: none is served, it is down, or a stranger answers.

    Files and credentials are sent to nobody who was not recognised.
    """
    expected = f"the classifier answers at {base}"
    setting = SETTING_OF[Component.CLASSIFIER]
    troubles = [each for each in seen if isinstance(each, CouldNotObserve)]
    answers = [each for each in seen if isinstance(each, Answer)]
    if has_own_url and not answers:
        return failed(expected, troubles[0].came_back, where=troubles[0].asked)
    if has_own_url:
        first = answers[0]
        start = shown(first.body[:100].decode("utf-8", errors="replace"))
        fails = all(answer.status >= _SERVER_ERROR for answer in answers)
        what = "it fails" if fails else f"nothing there shows a classifier, and no file is sent to it; check {setting}"
        return failed(expected, f"HTTP {first.status} {start}; {what}", where=first.asked)
    if troubles:
        return inconclusive(expected, troubles[0].sentence, where=troubles[0].asked)
    return not_covered("this platform serves no classifier", f"set {setting} where it has a URL of its own")


# --------------------------------------------------------------------------------------------------------- credentials


def _api_key(target: Target) -> Verdict:
    if Right.SYNTHETIC not in target.scope.environment.allow:
        return passed("given; not tried, since this environment allows no synthetic requests")
    act = target.contract.act(target.contract.platform.credentials_probe)
    return _credential(
        "SELF_CHECK_API_KEY",
        target.platform.curl(act),
        lambda: target.platform.send(act, {"vector": [1.0, 0.0]}),
        lambda answer: breach(act, answer),
    )


def _other_api_key(target: Target) -> Verdict:
    if Right.SYNTHETIC not in target.scope.environment.allow:
        return passed("given; not tried, since this environment allows no synthetic requests")
    act = target.contract.act(target.contract.platform.credentials_probe)
    sending = Sending(act, {"vector": [1.0, 0.0]}, caller=Caller.OTHER)
    return _credential(
        "SELF_CHECK_OTHER_API_KEY",
        "",
        lambda: only(target.platform.send_each([sending])),
        lambda answer: breach(act, answer),
    )


def _admin_token(target: Target) -> Verdict:
    route = target.contract.platform.admin_probe
    return _credential("SELF_CHECK_ADMIN_TOKEN", "", lambda: target.platform.get(route))


def _credential(
    setting: str, reproduce: str, ask: Callable[[], Answer], wrong: Callable[[Answer], str] = lambda _: "a page"
) -> Verdict:
    try:
        answer = ask()
    except CouldNotObserve as error:
        if error.trouble is Trouble.NO_SUCH_ROUTE:
            return not_covered(f"{setting} is given, and was not tried: {error.came_back}", error.hint)
        return inconclusive(f"{setting} is accepted", error.sentence, where=error.asked)
    return judge_credential(setting, answer, reproduce=reproduce, as_promised=not wrong(answer))


def judge_credential(setting: str, answer: Answer, *, reproduce: str = "", as_promised: bool = False) -> Verdict:
    """A refusal is one by its status; accepted is what succeeds, or is answered as promised; the rest does not tell.

    Who was not told goes on all the same: what is answered in this way is for the checks of that route to judge.
    """
    expected = f"{setting} is accepted"
    if answer.status in _REFUSALS:
        observed = f"HTTP {answer.status}: the credential is refused"
        return failed(expected, observed, where=answer.asked, reproduce=reproduce)
    if as_promised or _OK <= answer.status < _MULTIPLE_CHOICES:
        return passed("accepted", where=answer.asked)
    if answer.status in (_NOT_FOUND, _NO_SUCH_METHOD):
        remedy = "put the deployment's own path of the route into the contract's api.toml"
        return not_covered(f"{setting} is given, and was not tried: HTTP {answer.status} {answer.asked}", remedy)
    observed = f"HTTP {answer.status}, which does not tell whether the credential is accepted"
    remedy = "see what the other promises say of this route"
    return inconclusive(expected, observed, where=answer.asked, reproduce=reproduce, remedy=remedy)


# ------------------------------------------------------------------------------------------------------- the watchers


def _prometheus(target: Target) -> Verdict:
    client = target.prometheus_client()
    where = f"{client.url}/api/v1"
    try:
        version = _version(client)
    except CouldNotObserve as error:
        return failed("Prometheus answers", f"{error.came_back.rstrip('.')}. {error.hint}", where=error.asked)
    if version is None:
        return failed("Prometheus is ready", "it answers, but not that it is ready", where=f"{client.url}/-/ready")
    try:
        return _watches(target, version, where)
    except CouldNotObserve as error:
        return inconclusive("Prometheus watches this platform", error.sentence, where=error.asked)


def _version(client: Prometheus) -> str | None:
    """Say what answers; None when it is not ready. Raises CouldNotObserve when it is no Prometheus."""
    try:
        version = client.build_info().version
    except CouldNotObserve as error:
        if error.trouble is not Trouble.NO_SUCH_ROUTE:
            raise
        # A compatible store answers queries and need not have the rest of the API.
        client.query("vector(1)")
        return "(a compatible store)"
    return version if client.ready() else None


def _watches(target: Target, version: str, where: str) -> Verdict:
    expected = f"Prometheus scrapes the processes that answer at {target.scope.base_url}"
    try:
        targets = target.app_targets()
    except CouldNotObserve as error:
        if error.trouble is not Trouble.NO_SUCH_ROUTE:
            raise
        return _has_our_processes(target, expected, f"Prometheus {version} has processes of it", where, 0.0)
    families = target.contract.platform.identity.metric_families
    if not targets:
        jobs = ", ".join(sorted({found.job for found in target.targets()})) or "none"
        return failed(
            expected,
            f"no target exposes {families[0]}; its jobs: {jobs}; is it another Prometheus?",
            where=where,
        )
    seen = f"Prometheus {version} scrapes {len(targets)} processes of it"
    if target.replicas().urls:
        return passed(seen, where=where)
    # A process that was started a moment ago is scraped one interval later.
    patience_seconds = 2 * max(item.interval_seconds for item in targets) + 5.0
    return _has_our_processes(target, expected, seen, where, min(patience_seconds, target.deadline.left_seconds / 3))


def _has_our_processes(target: Target, expected: str, seen: str, where: str, patience_seconds: float) -> Verdict:
    """Compare when the processes were started, where the targets cannot be asked from here."""
    client = target.prometheus_client()
    started = (scrape.identity for scrape in target.replicas().behind)
    ours = {identity.started_at for identity in started if identity is not None} - {None}
    if not ours:
        return inconclusive(expected, "the metrics page does not tell which process answers", where=where)
    try:
        wait_until(
            lambda: ours & {sample.value for sample in client.query(PROCESS_STARTED).samples} or None,
            timeout_seconds=patience_seconds,
            what="Prometheus to scrape a process that answers here",
            interval_seconds=0.5,
        )
    except GaveUp as error:
        if isinstance(error.last_error, CouldNotObserve):
            raise error.last_error from error
        return failed(
            expected,
            "none of the processes that it has is one that answers here; is it another Prometheus?",
            where=where,
            reproduce=f"curl -sS '{where}/query?query={PROCESS_STARTED}'",
        )
    return passed(seen, where=where)


# ------------------------------------------------------------------------------------------------- the other components


def _alertmanager(target: Target) -> Verdict:
    client = components.alertmanager(target)

    def look() -> Verdict:
        status = client.status()
        where = f"{client.url}/-/ready"
        if not client.ready():
            return failed("Alertmanager is ready", "it answers, but not that it is ready", where=where)
        return passed(f"Alertmanager {status.version}", where=where)

    return _answers("Alertmanager answers and is ready", look, curl(f"{client.url}/api/v2/status"))


def _grafana(target: Target) -> Verdict:
    client = components.grafana(target)
    where = f"{client.url}/api/health"

    def look() -> Verdict:
        health = client.health()
        if not health.well:
            return failed("Grafana's database is ok", f"it is {shown(health.database)}", where=where)
        # Without credentials it need not let anybody in: what it does not show is not covered.
        if client.has_credentials and not client.lets_in():
            expected = "Grafana accepts SELF_CHECK_GRAFANA_TOKEN, or the credentials in its URL"
            return failed(expected, "the credentials are refused", where=f"{client.url}/api/search")
        return passed(f"Grafana {health.version or '(it does not tell its version)'}", where=where)

    return _answers("Grafana answers", look, curl(where))


def _redis(target: Target) -> Verdict:
    client = components.redis(target)

    def look() -> Verdict:
        client.ping()
        return passed("Redis answers a ping", where=f"PING {client.url}")

    return _answers("Redis answers a ping", look, f"redis-cli -u {shlex.quote(client.url)} PING")


def _postgres(target: Target) -> Verdict:
    client = components.postgres(target)
    reproduce = f"psql {shlex.quote(client.url)} -c 'SELECT version()'"
    return _answers(
        "Postgres answers a query", lambda: passed(f"Postgres {client.version()}", where=client.url), reproduce
    )


def _toxiproxy(target: Target) -> Verdict:
    client = components.toxiproxy(target)

    def look() -> Verdict:
        version, proxies = client.version(), client.proxies()
        return passed(f"Toxiproxy {version} with {len(proxies)} proxies", where=f"{client.url}/proxies")

    return _answers("Toxiproxy answers on its control address", look, curl(f"{client.url}/proxies"))


def _kubernetes(target: Target) -> Verdict:
    client = components.kubernetes(target)
    context = shlex.quote(client.context)
    return _answers(
        f"the cluster of the context {client.context} answers",
        lambda: passed(f"Kubernetes {client.version()}", where=f"context {client.context}"),
        f"kubectl --context {context} get --raw /version",
    )


def _answers(expected: str, look: Callable[[], Verdict], reproduce: str) -> Verdict:
    """Look; whatever keeps a component from being observed breaks its promise to answer."""
    try:
        return look()
    except CouldNotObserve as error:
        if error.trouble is Trouble.DEADLINE:
            return inconclusive(expected, error.came_back, where=error.asked, remedy=error.hint, blocked_by="deadline")
        observed = f"{error.came_back.rstrip('.')}. {error.hint}"
        return failed(expected, observed, where=error.asked, reproduce=reproduce)


_LOOKS: dict[Component, Callable[[Target], Verdict]] = {
    Component.APP: _app,
    Component.CLASSIFIER: _classifier,
    Component.API_KEY: _api_key,
    Component.OTHER_API_KEY: _other_api_key,
    Component.ADMIN_TOKEN: _admin_token,
    Component.PROMETHEUS: _prometheus,
    Component.ALERTMANAGER: _alertmanager,
    Component.GRAFANA: _grafana,
    Component.REDIS: _redis,
    Component.POSTGRES: _postgres,
    Component.TOXIPROXY: _toxiproxy,
    Component.KUBERNETES: _kubernetes,
}
