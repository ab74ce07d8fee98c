"""One run of the gate: what it was asked to look at, what came out, and the exit code that follows; without pytest."""

import contextlib
import datetime as dt
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from selfcheck import VERSION
from selfcheck.clients.alertmanager import Alertmanager
from selfcheck.clients.http import Http
from selfcheck.clients.platform import Platform
from selfcheck.clients.prometheus import Prometheus
from selfcheck.contract import Component, Contract, Promise, Route, Waiver, matches
from selfcheck.preflight import Finding
from selfcheck.secrets import Secrets
from selfcheck.settings import HEADERS, SETTING_OF, Scope, Settings
from selfcheck.target import Target
from selfcheck.values import harmless
from selfcheck.verdict import Outcome, Verdict, failed, inconclusive, not_covered, roll_up
from selfcheck.waiting import Deadline

EXIT_PASS = 0
EXIT_FAILED = 1
EXIT_INTERNAL = 3
EXIT_INCONCLUSIVE = 10
EXIT_REFUSED = 11
EXIT_NOT_UNDONE = 12


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict on one promise, with what a reader needs to act on it."""

    id: str
    kind: str
    says: str
    severity: str
    owner: str
    runbook: str
    verdict: Verdict
    seconds: float = 0.0
    waived: str = ""
    trace: str = ""

    @property
    def outcome(self) -> Outcome:
        """The outcome of the verdict."""
        return self.verdict.outcome

    @property
    def counts_as(self) -> Outcome:
        """The outcome that the roll-up uses: a waived breach is not held against the platform."""
        return Outcome.PASS if self.waived and self.outcome is Outcome.FAIL else self.outcome

    def as_json(self) -> dict[str, Any]:
        """Give plain data for reports and for other processes."""
        data = asdict(self)
        verdict = data.pop("verdict")
        return {**data, **verdict, "outcome": str(self.outcome), "notes": list(self.verdict.notes)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Result":
        """Undo `as_json`."""
        fields = dict(data)
        verdict = Verdict(
            Outcome(fields.pop("outcome")),
            notes=tuple(fields.pop("notes")),
            **{
                name: fields.pop(name)
                for name in ("expected", "observed", "where", "reproduce", "blocked_by", "remedy")
            },
        )
        return cls(verdict=verdict, **fields)


def result(promise: Promise, kind: str, verdict: Verdict, seconds: float = 0.0, trace: str = "") -> Result:
    """Make the result of a promise."""
    return Result(
        promise.id,
        kind,
        promise.says,
        str(promise.severity),
        promise.owner,
        promise.runbook,
        verdict,
        seconds,
        trace=trace,
    )


@dataclass(slots=True)
class Run:
    """State of one run; the plugin fills it, the reports read it."""

    settings: Settings
    contract: Contract
    scope: Scope
    target: Target
    started_at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    started: float = field(default_factory=time.monotonic)
    preflight: list[Finding] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    traffic: dict[str, dict[str, float]] = field(default_factory=dict)
    requests_to_platform: int = 0
    refusal: str = ""
    not_undone: str = ""
    """What an experiment has changed on the target and could not undo."""
    incomplete: bool = False
    """Whether the run ended before everything was looked at."""
    unwritten: bool = False
    """Whether a report could not be written."""
    reported: dict[str, str] = field(default_factory=dict)
    """What was asked without a good answer, and the promise that reports it: the next one is blocked by that."""

    def clean(self, text: str) -> str:
        """Make a text fit to be shown: no secret, nothing that acts on a terminal, no giant."""
        return harmless(self.target.secrets.mask(text))

    def cleaned(self, verdict: Verdict) -> Verdict:
        """Clean all texts of a verdict: a target has a hand in most of them."""
        return replace(
            verdict,
            expected=self.clean(verdict.expected),
            observed=self.clean(verdict.observed),
            where=self.clean(verdict.where),
            reproduce=self.clean(verdict.reproduce),
            notes=tuple(map(self.clean, verdict.notes)),
            remedy=self.clean(verdict.remedy),
        )

    @property
    def every_result(self) -> list[Result]:
        """The results of the preflight and of the checks."""
        first = [result(finding.promise, "platform.component", finding.verdict) for finding in self.preflight]
        return first + self.results

    @property
    def outcome(self) -> Outcome:
        """The roll-up of the checks and of what the preflight found broken."""
        found = [item.counts_as for item in self.results]
        found += [
            f.verdict.outcome for f in self.preflight if f.verdict.outcome not in (Outcome.PASS, Outcome.NOT_COVERED)
        ]
        return roll_up([*found, Outcome.INCONCLUSIVE] if self.incomplete else found)

    @property
    def word(self) -> str:
        """The outcome of the run in a word or two."""
        if self.not_undone:
            return "NOT UNDONE"
        return "REFUSED" if self.refusal else str(self.outcome)

    def exit_code(self, pytest_code: int) -> int:
        """Give the exit code: pytest's own codes 2 to 5 stand, else it follows from the results."""
        if self.not_undone:
            return EXIT_NOT_UNDONE
        if self.refusal:
            return EXIT_REFUSED
        if pytest_code not in (EXIT_PASS, EXIT_FAILED):
            return pytest_code
        outcome = self.outcome
        if outcome is Outcome.FAIL:
            return EXIT_FAILED
        if outcome is Outcome.INCONCLUSIVE and self.settings.strict:
            return EXIT_INCONCLUSIVE
        # pytest has seen something fail that left no result (a fixture, a lost worker): that is not green.
        return pytest_code

    def as_json(self, exit_code: int, *, interrupted: bool) -> dict[str, Any]:
        """Give the whole run as plain data: the content of `verdict.json`."""
        every = self.every_result
        return {
            "schema_version": 1,
            "tool": {"name": "cad-ml-selfcheck", "version": VERSION},
            "run_id": self.target.platform.run_id,
            "started_at": self.started_at.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - self.started, 3),
            "environment": self.scope.name,
            "base_url": self.scope.base_url,
            "contract": self.contract.folder.name,
            "strict": self.settings.strict,
            "outcome": self.word,
            "exit_code": exit_code,
            "interrupted": interrupted,
            "refusal": self.refusal,
            "not_undone": self.not_undone,
            "counts": {str(outcome): sum(item.outcome is outcome for item in every) for outcome in Outcome},
            "requests_to_platform": self.requests_to_platform,
            "traffic": self.traffic,
            "left_behind": list(self.target.left_behind),
            "remarks": list(self.remarks),
            "results": [item.as_json() for item in every],
        }


def open_run(settings: Settings, loaded: Contract, *, run_id: str | None = None, more_seconds: float = 0.0) -> Run:
    """Make the clients for a run; nothing is asked yet.

    `more_seconds` is what its checks need beyond the time of the gate, where the settings say nothing.
    """
    scope = Scope(settings, loaded)
    limits = loaded.platform.limits
    secrets = Secrets()
    for value in (scope.api_key, scope.other_api_key, scope.admin_token, scope.grafana_token):
        secrets.add(value)
    for component in HEADERS:
        for value in scope.headers(component).values():
            secrets.add(value)
            secrets.add(value.rpartition(" ")[2])
    for url in (scope.environment.redis_url, scope.environment.database_url):
        secrets.add_url(url)
    deadline = Deadline(settings.deadline or limits.run_deadline_seconds + more_seconds)
    http = Http(
        deadline=deadline,
        timeout_seconds=limits.request_timeout_seconds,
        body_bytes_max=limits.answer_bytes_max,
        user_agent=f"cad-ml-selfcheck/{VERSION}",
        secrets=secrets,
        ca_file=settings.ca_file,
        client_certificate=scope.client_certificate,
    )
    prometheus_url = scope.url(Component.PROMETHEUS)
    alertmanager_url = scope.url(Component.ALERTMANAGER)
    blocked: dict[Component, str] = {}
    target = Target(
        contract=loaded,
        scope=scope,
        http=http,
        secrets=secrets,
        deadline=deadline,
        platform=Platform(http, loaded, scope, blocked, run_id=run_id),
        prometheus=Prometheus(http, prometheus_url, scope.headers(Component.PROMETHEUS)) if prometheus_url else None,
        alertmanager=(
            Alertmanager(http, alertmanager_url, scope.headers(Component.ALERTMANAGER)) if alertmanager_url else None
        ),
        blocked=blocked,
    )
    return Run(settings, loaded, scope, target)


def keeps_from_looking(promise: Promise, target: Target) -> Verdict | None:
    """Say why a promise is not looked at in this run: out of scope, not allowed, blocked, or no time left."""
    absent = _absent(promise, target)
    if absent is not None:
        return absent
    if promise.right not in target.scope.environment.allow:
        return not_covered(
            f"environment {target.scope.name} does not allow {promise.right} checks",
            f'add "{promise.right}" to `allow` of the environment in the contract',
        )
    route = _route_of(promise, target.contract)
    credential = Component.APP if route is None or route.key == "none" else Component(route.key)
    for component in (*promise.requires, *([credential] if target.scope.covers(credential) else ())):
        if component in target.blocked:
            return inconclusive(promise.says, "not looked at", blocked_by=target.blocked[component])
    if target.deadline.expired:
        return inconclusive(
            promise.says,
            f"not looked at: the {target.deadline.seconds:g} s of this run are over",
            remedy="set SELF_CHECK_DEADLINE to more seconds, or find out what is so slow",
            blocked_by="deadline",
        )
    return None


def _absent(promise: Promise, target: Target) -> Verdict | None:
    """Say what that a promise needs is out of scope, or not there: a component, or the route of its request."""
    for component in promise.requires:
        if not target.scope.covers(component):
            return not_covered(f"{component} is out of scope", f"set {SETTING_OF[component]}")
        if component in target.absent:
            return target.absent[component]
    route = _route_of(promise, target.contract)
    if route is not None and route.name in target.platform.moved:
        return not_covered(*target.platform.elsewhere(route))
    return None


def _route_of(promise: Promise, contract: Contract) -> Route | None:
    """Give the route of the one request that a promise names; None where it names none."""
    act = getattr(promise, "act", None)
    return contract.route(contract.act(act).route) if isinstance(act, str) and act in contract.acts else None


def waiver_for(waivers: Iterable[Waiver], promise_id: str) -> Waiver | None:
    """Give the waiver that covers a promise, also an expired one."""
    return next((waiver for waiver in waivers if matches(waiver.check, promise_id)), None)


def judge_waivers(waivers: Iterable[Waiver], results: Iterable[Result], today: dt.date) -> list[tuple[Waiver, Verdict]]:
    """Find waivers that must go: expired, or covering nothing that is broken; those of checks that did not run stay."""
    found = []
    results = list(results)
    for waiver in waivers:
        covered = [item for item in results if matches(waiver.check, item.id)]
        where = f"waivers.toml: {waiver.check} ({waiver.owner}, {waiver.link})"
        if waiver.expires < today:
            verdict = failed(f"no waiver has expired by {today}", f"expired on {waiver.expires}", where=where)
            found.append((waiver, verdict))
        elif covered and all(item.outcome is Outcome.PASS for item in covered):
            verdict = failed("every waiver covers a broken promise", "the check passes without it", where=where)
            found.append((waiver, verdict))
    return found


def close(run: Run) -> None:
    """End what a run has begun, and close its connections; never raises."""
    with contextlib.suppress(Exception):  # nothing depends on a clean end of a connection
        run.target.close()
