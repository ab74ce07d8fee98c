"""When an experiment is over: callers are served as before, breakers are closed, alerts are resolved and told so. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chaos import plan, timeline
from chaos.timeline import Alerts, Figures, Notification, Probed, Replica

if TYPE_CHECKING:
    from chaos.plan import Experiment
    from chaos.timeline import Timeline
    from selfcheck.target import Target

_WELL_SECONDS: Final = 2.0
"""So long all must be well without interruption."""


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

    def is_over(self, seen: Timeline) -> bool:
        """Whether nothing is left of the fault, as far as samples tell."""
        undone = seen.mark(timeline.UNDONE)
        now = seen.seen[-1].since if seen.seen else 0.0
        if undone is None or now - undone < _WELL_SECONDS:
            return False
        since = now - _WELL_SECONDS
        return (
            self._is_served(seen, since)
            and self._is_closed(seen, since)
            and self._is_quiet(seen, since)
            and self._has_budget(seen, since)
        )

    def _is_served(self, seen: Timeline, since: float) -> bool:
        for name in (self._experiment.probe, *self._experiment.controls):
            # Those under way have no sample yet, so the window reaches further back than the shortest interval.
            answered = [each for each in seen.of(Probed) if each.probe == name and each.since + each.seconds >= since]
            if not answered or any(each.outcome != "ok" for each in answered):
                return False
        return True

    def _is_closed(self, seen: Timeline, since: float) -> bool:
        for name in self._replicas:
            readings = [each for each in seen.of(Replica) if each.replica == name and each.since >= since]
            if not readings or not all(
                each.up and all(state == self._closed for state in each.breakers.values()) for each in readings
            ):
                return False
        return True

    def _is_quiet(self, seen: Timeline, since: float) -> bool:
        """Whether no alert is pending or firing, and the end of each that was told was told, too."""
        ends = [each for each in seen.of(Alerts) if each.source == "prometheus" and each.since >= since]
        if not ends or any(
            alert.labels.get("severity") not in self._ignored for each in ends[-2:] for alert in each.alerts
        ):
            return False
        if not self._told:
            return True
        last: dict[tuple[str, str], str] = {}
        for told in seen.of(Notification):
            last[told.name, str(sorted(told.labels.items()))] = told.status
        return all(status == "resolved" for status in last.values())

    def _has_budget(self, seen: Timeline, since: float) -> bool:
        found = [each.values.get(plan.BUDGET) for each in seen.of(Figures) if each.since >= since]
        known = [value for value in found if value is not None]
        return not known or known[-1] >= self._budget_min
