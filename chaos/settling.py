"""Whether all is well in a timeline: callers are served, breakers closed, alerts over and told to be. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import plan, timeline
from chaos.promises import Recovers
from chaos.timeline import Alerts, Figures, Notification, Probed, Replica

if TYPE_CHECKING:
    from chaos.plan import Experiment
    from chaos.timeline import Timeline
    from selfcheck.target import Target


class Settling:
    """Tells from a timeline whether all is as it was before the fault."""

    def __init__(self, target: Target, experiment: Experiment, replicas: tuple[str, ...]) -> None:
        names = plan.metrics(target.contract)
        self._closed = names.breaker_closed
        self._ignored = names.severities_ignored
        self._experiment = experiment
        self._replicas = replicas
        self._budget_min = target.scope.environment.error_budget_min
        self._told = target.scope.environment.receiver_url is not None
        self._quiet_seconds = experiment.quiet_seconds
        # As long as whoever judges the recovery wants it to last, or the end would come too early for that.
        windows = [
            promise.window_seconds
            for promise in target.contract.promises("chaos.recovers", Recovers)
            if promise.experiment == experiment.name
        ]
        self._well_seconds = max([self._quiet_seconds, *windows])

    def is_over(self, seen: Timeline) -> bool:
        """Whether nothing is left of the fault, as far as samples tell."""
        undone = seen.mark(timeline.UNDONE)
        return undone is not None and not self._trouble(seen, undone, self._well_seconds) and self._has_budget(seen)

    def trouble(self, seen: Timeline, since: float) -> str:
        """Say what is not well in the last seconds of a timeline, none of them before `since`; empty when all is."""
        return self._trouble(seen, since, self._quiet_seconds)

    def _trouble(self, seen: Timeline, since: float, seconds: float) -> str:
        now = seen.seen[-1].since if seen.seen else 0.0
        start = now - seconds
        if start < since:
            return "it was not watched for long enough"
        return self._callers(seen, start) or self._breakers(seen, start) or self._alerts(seen, start)

    def _callers(self, seen: Timeline, start: float) -> str:
        for name in (self._experiment.probe, *self._experiment.controls):
            # Those under way have no sample yet: what was answered in the window counts, whenever it was due.
            answered = [each for each in seen.of(Probed) if each.probe == name and each.since + each.seconds >= start]
            if not answered:
                return f"no request of the probe {name} was answered"
            for each in answered:
                if each.outcome != "ok":
                    return " ".join(filter(None, (f"the probe {name}:", each.outcome, each.code, each.detail)))
        return ""

    def _breakers(self, seen: Timeline, start: float) -> str:
        for name in self._replicas:
            readings = [each for each in seen.of(Replica) if each.replica == name and each.since >= start]
            if not readings or not all(each.up for each in readings):
                return f"the replica {name} does not answer"
            for each in readings:
                for key, state in each.breakers.items():
                    if state != self._closed:
                        return f"the circuit breaker of {key} is not closed on {name}"
        return ""

    def _alerts(self, seen: Timeline, start: float) -> str:
        """Say which alert is pending or firing, or that the end of one was not told to whom it had been told."""
        ends = [each for each in seen.of(Alerts) if each.source == "prometheus" and each.since >= start]
        if not ends:
            return "Prometheus does not say which alerts there are"
        for each in ends[-2:]:
            for alert in each.alerts:
                if alert.labels.get("severity") not in self._ignored:
                    return f"the alert {alert.name} is {alert.state}"
        last: dict[tuple[str, str], str] = {}
        for told in seen.of(Notification) if self._told else ():
            last[told.name, str(sorted(told.labels.items()))] = told.status
        for (name, _), status in last.items():
            if status != "resolved":
                return f"nobody was told that the alert {name} is over"
        return ""

    def _has_budget(self, seen: Timeline) -> bool:
        found = [each.values.get(plan.BUDGET) for each in seen.of(Figures)[-5:]]
        known = [value for value in found if value is not None]
        return not known or known[-1] >= self._budget_min
