"""The observation of a load test: the plan, the run, and what the server's side says of it, in one record.

It is made once a run, by the first check that asks; every other check judges the same record. It is left in the output
folder (`load/record.json`), from where it can be judged again (SELF_CHECK_LOAD_RECORD) or compared with
(SELF_CHECK_LOAD_BASELINE).
"""

from __future__ import annotations

import contextlib
import math
import sys
import time
from typing import TYPE_CHECKING

from load import plan as plans
from load import record as records
from load.live import live_view
from load.plan import CLIENT_OTHER, CLIENT_OWN, Plan, Profile
from load.promises import SERIES, WINDOW_SECONDS, Loaded, RateLimit
from load.record import Course, Measured, Record
from load.shapes import Points, Replay
from selfcheck.contract import Component, ContractError
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.settings import PREFIX, SettingsError, as_environment
from selfcheck.values import dig
from selfcheck.waiting import GaveUp, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from load.promises import Asks
    from selfcheck.clients.prometheus import Prometheus, QueryResult
    from selfcheck.contract import Contract
    from selfcheck.settings import Settings
    from selfcheck.target import Target

FOLDER = "load"
"""The folder below the output folder."""
RECORD_FILE = "record.json"
_SAMPLES_MAX = 240
_SCRAPES_SLACK_SECONDS = 5.0
_START_SECONDS = 30.0
_SCRAPES_IN_A_RATE = 4
"""As Grafana's `$__rate_interval`: a rate needs two scrapes, also when one is late."""
_VECTOR = (3.0, 4.0, 0.0, 12.0)
_BLOCK_SECONDS_MIN = 0.5


# ------------------------------------------------------------------------------------------------------------- the plan


def chosen(settings: Settings, contract: Contract) -> Profile:
    """Give the profile that the settings name, with its times as far stretched as they say.

    Raises SettingsError for a profile that there is not, ContractError for one that names what there is not.
    """
    known = plans.profiles(contract)
    if settings.load_profile not in known:
        message = (
            f"{PREFIX}LOAD_PROFILE: the contract has no profile {settings.load_profile!r}"
            f" (known: {', '.join(known) or 'none; write [[profile]] into load.toml'})"
        )
        raise SettingsError(message)
    profile = known[settings.load_profile]
    unknown = set(profile.operations) - set(plans.operations(contract))
    if unknown:
        message = (
            f"{contract.folder / 'load.toml'}: [[profile]] {profile.name} names operations that there are not:"
            f" {', '.join(sorted(unknown))} (known: {', '.join(plans.operations(contract))})"
        )
        raise ContractError(message)
    if settings.load_seconds is None:
        return profile
    stretch = settings.load_seconds / _planned_seconds(profile)
    return profile.model_copy(
        update={
            "warm_up_seconds": profile.warm_up_seconds * stretch,
            "block_seconds": max(_BLOCK_SECONDS_MIN, profile.block_seconds * min(1.0, stretch)),
        }
    )


def _planned_seconds(profile: Profile) -> float:
    shape = profile.shape
    return shape.window_seconds / shape.speed if isinstance(shape, Replay) else shape.seconds


def seconds_needed(settings: Settings, contract: Contract) -> float:
    """Say how much longer than the gate a run takes; raises SettingsError or ContractError."""
    if settings.load_record is not None:
        return 0.0
    profile = chosen(settings, contract)
    seconds = settings.load_seconds or _planned_seconds(profile)
    return seconds + profile.drain_seconds + _START_SECONDS


def planned(target: Target) -> Plan:
    """Give the plan of this run; raises Refused without consent, and CouldNotObserve for a replay of nothing."""
    settings = target.scope.settings
    return target.once(
        "load plan",
        lambda: plan_of(
            target,
            chosen(settings, target.contract),
            seconds=settings.load_seconds,
            rate_factor=settings.load_rate_factor,
        ),
    )


def plan_of(target: Target, profile: Profile, *, seconds: float | None = None, rate_factor: float = 1.0) -> Plan:
    """Work out how a profile loads this target; raises as `planned` does."""
    settings, contract = target.scope.settings, target.contract
    line = plans.line_of(
        profile,
        recorded=_recorded(target, profile.shape) if isinstance(profile.shape, Replay) else None,
        seconds=seconds,
        rate_factor=rate_factor,
    )
    plans.refuse_without_consent(target.scope, line)
    every = plans.operations(contract)
    names = profile.operations or tuple(every)
    left_out = {name: why for name in names if (why := _why_not_served(target, every[name].act))}
    served = tuple(every[name] for name in names if name not in left_out)
    if not served:
        raise _nothing_left(left_out)
    other = target.scope.covers(Component.OTHER_API_KEY) and Component.OTHER_API_KEY not in target.blocked
    return Plan(
        profile=profile,
        line=line,
        seed=settings.load_seed,
        workers=settings.load_workers,
        operations=served,
        clients=(CLIENT_OWN, CLIENT_OTHER) if other else (CLIENT_OWN,),
        base_url=target.scope.base_url,
        run_id=target.platform.run_id,
        vector=_VECTOR,
        left_out=left_out,
    )


def _why_not_served(target: Target, act: str) -> str:
    """Say why the platform has not what an operation asks for; empty when it has."""
    route = target.contract.route(target.contract.act(act).route)
    if route.component in target.absent:
        return target.absent[route.component].observed
    return target.platform.elsewhere(route)[0] if route.name in target.platform.moved else ""


def _nothing_left(left_out: Mapping[str, str]) -> CouldNotObserve:
    return CouldNotObserve(
        Trouble.NO_SUCH_ROUTE,
        asked=f"the operations {', '.join(left_out)}",
        came_back=f"none can be asked for here: {next(iter(left_out.values()))}",
        hint="put the deployment's own paths into the contract's api.toml",
    )


def _recorded(target: Target, replay: Replay) -> Points:
    if target.prometheus is None:
        message = f"a replay plays what Prometheus recorded: set {PREFIX}PROMETHEUS_URL or choose another profile"
        raise plans.Refused(message)
    now = time.time()
    found = target.prometheus.query_range(
        replay.query, start=now - replay.window_seconds, end=now, step_seconds=replay.step_seconds
    )
    samples = tuple((at, value) for at, value in found.series[0].points if math.isfinite(value)) if found.series else ()
    try:
        return replay.recorded(samples)
    except ValueError as error:
        hint = "choose another profile, or replay a time in which there was traffic"
        raise CouldNotObserve(Trouble.UNEXPECTED_ANSWER, asked=found.asked, came_back=str(error), hint=hint) from error


# -------------------------------------------------------------------------------------------------------------- the run


def observed(target: Target) -> Record:
    """Give the record of this run's load test, which is done when the first asks; raises CouldNotObserve.

    An interruption passes through when the record of what was done until then is kept; whoever asks again gets it.
    """
    return target.once("load record", lambda: _observe(target))


def done(target: Target) -> Record | None:
    """Give the record if the load test was done, also where it was interrupted."""
    with contextlib.suppress(CouldNotObserve, LookupError):
        return target.once("load record", _nothing)
    return None


def _nothing() -> Record:
    raise LookupError


def baseline(target: Target) -> Record | None:
    """Give the stored run to compare with, None without one; raises CouldNotObserve for one that cannot be read."""
    path = target.scope.settings.load_baseline
    return None if path is None else target.once(("record", path), lambda: _saved(path, f"{PREFIX}LOAD_BASELINE"))


def _saved(path: Path, setting: str) -> Record:
    try:
        return records.read(path)
    except (OSError, ValueError) as error:
        raise CouldNotObserve(
            Trouble.UNEXPECTED_ANSWER,
            asked=f"the record {path}",
            came_back=f"cannot be read as one: {str(error).splitlines()[0]}",
            hint=f"name a record.json of a load test in {setting}",
        ) from error


def _observe(target: Target) -> Record:
    saved = target.scope.settings.load_record
    if saved is None:
        return observe(target, planned(target))
    found, known = _saved(saved, f"{PREFIX}LOAD_RECORD"), plans.profiles(target.contract)
    if found.profile not in known:
        raise CouldNotObserve(
            Trouble.UNEXPECTED_ANSWER,
            asked=f"the record {saved}",
            came_back=f"is of the profile {found.profile!r}, which the contract has not (known: {', '.join(known)})",
            hint="judge it by the contract that it was recorded with: SELF_CHECK_CONTRACT",
        )
    return found


def observe(target: Target, plan: Plan) -> Record:
    """Do one load test; its record is kept and written, also when it is interrupted, which passes through."""
    from load.running import generate  # noqa: PLC0415 - not for a mere list of checks

    settings = target.scope.settings
    folder = settings.output / FOLDER
    promises = [promise for _, promise in target.contract.all_promises() if isinstance(promise, Loaded)]
    limits = _limits(target, promises)
    with with_candidates(target, plan) as ready, live_view(sys.__stderr__ or sys.stderr, _title(ready)) as view:
        before = _Before(target, promises)
        found, ended_by = generate(ready, folder, as_environment(settings), target.deadline, view.update)
    measured, courses = before.after(found) if ended_by is None else ({}, {})
    complete = found.model_copy(
        update={
            "environment": target.scope.name,
            "measured": measured,
            "courses": courses,
            "limits": limits,
            "left_out": ready.left_out,
        }
    )
    records.write(complete, folder / RECORD_FILE)
    target.keep("load record", complete)
    if ended_by is not None:
        raise ended_by
    return complete


def _title(plan: Plan) -> str:
    return f"{plan.profile.name}: up to {plan.line.rate_max:g}/s for {plan.line.seconds:g} s at {plan.base_url}"


@contextlib.contextmanager
def with_candidates(target: Target, plan: Plan) -> Iterator[Plan]:
    """Register what comparisons are made with, and remove it when the load is over; gives the plan with the ids.

    Each client has its own: platforms may keep the vectors of one from another. Where nothing can be registered, the
    operations that need it are left out; raises CouldNotObserve when there are no others.
    """
    needy = [operation for operation in plan.operations if target.contract.act(operation.act).needs_candidate]
    if not needy:
        yield plan
        return
    from selfcheck.clients.platform import Caller  # noqa: PLC0415 - as above

    candidates: dict[str, str] = {}
    with contextlib.ExitStack() as registered:
        for client in plan.clients:
            try:
                (candidate,) = registered.enter_context(target.registered([plan.vector], caller=Caller(client)))
            except CouldNotObserve as error:  # not even sent
                candidate = error
            if isinstance(candidate, CouldNotObserve):
                left_out = {**plan.left_out, **dict.fromkeys((each.name for each in needy), candidate.came_back)}
                others = tuple(each for each in plan.operations if each not in needy)
                if not others:
                    raise _nothing_left(left_out) from candidate
                yield plan.model_copy(update={"operations": others, "left_out": left_out})
                return
            candidates[client] = candidate
        yield plan.model_copy(update={"candidates": candidates})


def _limits(target: Target, promises: Iterable[Loaded]) -> dict[str, float]:
    """Read what the platform says of its own limits; what it does not say is left out."""
    found: dict[str, float] = {WINDOW_SECONDS: target.scope.environment.rate_limit_window_seconds}
    for promise in promises:
        if isinstance(promise, RateLimit):
            for path in promise.allowance:
                with contextlib.suppress(CouldNotObserve):
                    value = dig(target.pages(promise.health)[0].answer.json(), path)
                    if isinstance(value, int | float):
                        found[path] = float(value)
    return found


# ---------------------------------------------------------------------------------------------------- the server's side


class _Before:
    """What Prometheus says when a run begins; `after` asks again and gives what came in between."""

    def __init__(self, target: Target, promises: Iterable[Loaded]) -> None:
        self._target = target
        blocked = target.prometheus is None or Component.PROMETHEUS in target.blocked
        self._prometheus: Prometheus | None = None if blocked else target.prometheus
        self._asks = {promise.id: promise.asks() for promise in promises}
        self._began = time.time()
        self._cumulative = self._ask_cumulative(None)

    def after(self, record: Record) -> tuple[dict[str, Measured], dict[str, tuple[Course, ...]]]:
        """Give what was measured of each promise, and the courses."""
        if self._prometheus is None:
            return {}, {}
        ended = time.time()
        trouble = self._await_scrapes(self._prometheus, ended)
        seconds = max(1.0, ended - self._began)
        now = self._ask_cumulative(None)
        earlier = self._ask_cumulative(self._began - seconds)
        measured = {
            id_: self._measured(self._prometheus, asks, now, earlier, seconds, trouble)
            for id_, asks in self._asks.items()
            if asks.differences or asks.buckets or asks.instants
        }
        courses: dict[str, tuple[Course, ...]] = {}
        for id_, asks in self._asks.items():
            if asks.courses:
                try:
                    courses[id_] = tuple(self._courses(self._prometheus, asks.courses, record, ended))
                except CouldNotObserve as error:
                    measured[id_] = Measured(trouble=error.sentence, asked=error.asked)
        return measured, courses

    def _ask_cumulative(self, at: float | None) -> dict[str, QueryResult | CouldNotObserve]:
        """Ask all cumulative queries at one moment (Unix seconds), now when there is none."""
        queries = sorted(
            {query for asks in self._asks.values() for query in (*asks.differences.values(), asks.buckets)}
        )
        wanted = [query for query in queries if query]
        if self._prometheus is None or not wanted:
            return {}
        return dict(zip(wanted, self._prometheus.query_all(wanted, at=at), strict=True))

    def _await_scrapes(self, prometheus: Prometheus, ended: float) -> str:
        """Wait until every replica was scraped once more after the end of the run; says what is missing."""
        jobs = {found.job for found in self._target.app_targets()}

        def scraped() -> bool:
            return all(found.last_scrape_at > ended for found in prometheus.targets() if found.job in jobs)

        try:
            wait_until(
                scraped,
                timeout_seconds=min(
                    2 * self._interval_seconds() + _SCRAPES_SLACK_SECONDS, self._target.deadline.left_seconds
                ),
                what="Prometheus to scrape every replica once more",
                interval_seconds=0.2,
            )
        except GaveUp as error:
            return str(error)
        return ""

    def _interval_seconds(self) -> float:
        """How long Prometheus lets pass between two looks at a replica."""
        return max((found.interval_seconds for found in self._target.app_targets()), default=0.0)

    def _measured(
        self,
        prometheus: Prometheus,
        asks: Asks,
        now: Mapping[str, QueryResult | CouldNotObserve],
        earlier: Mapping[str, QueryResult | CouldNotObserve],
        seconds: float,
        trouble: str,
    ) -> Measured:
        values: dict[str, float] = {}
        buckets: tuple[tuple[float, float], ...] = ()
        asked = ", ".join(
            [*asks.differences.values(), *([asks.buckets] if asks.buckets else []), *asks.instants.values()]
        )
        try:
            for name, query in asks.differences.items():
                values[name] = _one(now[query]) - _one(self._cumulative[query])
                before = _one(self._cumulative[query]) - _one(earlier[query])
                if name in asks.before and before >= 0:  # less than nothing: a replica began to count anew
                    values[f"before_{name}"] = before
            if asks.buckets:
                first = _by_bound(self._cumulative[asks.buckets])
                last = _by_bound(now[asks.buckets])
                buckets = tuple((bound, last[bound] - first.get(bound, 0.0)) for bound in sorted(last))
            for name, query in asks.instants.items():
                found = prometheus.query(query.replace("{window}", f"{math.ceil(seconds)}s"))
                if not found.samples and name == "value":
                    trouble = trouble or f"{found.promql} gives nothing"
                values[name] = max((sample.value for sample in found.samples), default=0.0)
        except CouldNotObserve as error:
            trouble = trouble or error.sentence
        return Measured(values=values, buckets=buckets, trouble=trouble, asked=f"{prometheus.url}: {asked}")

    def _courses(
        self, prometheus: Prometheus, queries: Mapping[str, str], record: Record, ended: float
    ) -> Iterator[Course]:
        began = record.started_unix_seconds
        step = max(0.5, (ended - began) / _SAMPLES_MAX)
        window = math.ceil(max(step, _SCRAPES_IN_A_RATE * self._interval_seconds()))
        for name, query in queries.items():
            asked = query.replace("{window}", f"{window}s")
            found = prometheus.query_range(asked, start=began, end=ended, step_seconds=step)
            for series in found.series:
                labels = {**series.labels, **({SERIES: name} if name else {})}
                yield Course(labels=labels, samples=tuple((at - began, value) for at, value in series.points))


def _one(found: QueryResult | CouldNotObserve) -> float:
    """Give the value of a sum; nothing counted yet is 0."""
    if isinstance(found, CouldNotObserve):
        raise found
    return sum(sample.value for sample in found.samples)


def _by_bound(found: QueryResult | CouldNotObserve) -> dict[float, float]:
    if isinstance(found, CouldNotObserve):
        raise found
    return {float(sample.labels["le"]): sample.value for sample in found.samples if "le" in sample.labels}
