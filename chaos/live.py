"""The live view of experiments: a few lines that follow them on a terminal, and a plain line now and then elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final, Protocol

from rich.console import Group
from rich.text import Text

from chaos.timeline import Alerts, Load, Notification, Probed, Replica
from load import wording
from load.drawing import LABEL, Screen, can_draw, heading, spark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TextIO

    from chaos.timeline import Timeline

PLAIN_SECONDS: Final = 5.0
"""How often a line is printed where the output is not a terminal, beside one at each step."""
_REDRAW_SECONDS: Final = 0.25
_SPARK_COUNT: Final = 40
_RECENT_SECONDS: Final = 2.0
_STATES: Final[Mapping[float, tuple[str, str]]] = {
    0.0: ("closed", "green"),
    1.0: ("half-open", "yellow"),
    2.0: ("open", "bold red"),
}
_NO_FAILURES: Final = frozenset({"ok", "limited", "unsent"})


class View(Protocol):
    """What follows experiments."""

    def step(self, name: str, detail: str = "") -> None:
        """Say which step begins: guard, steady, injecting, fault, undoing, recovering, steady again."""

    def update(self, timeline: Timeline) -> None:
        """Show what was seen until now; called several times a second."""


@contextlib.contextmanager
def live_view(stream: TextIO, title: str) -> Iterator[View]:
    """Follow an experiment on a stream until the block ends, however it ends; a terminal is then as it was before.

    A stream that can no longer be written to (`| head`) ends the view and not the run.
    """
    view: _Drawn | _Plain = _Drawn(stream, title) if can_draw(stream) else _Plain(stream, title)
    try:
        yield view
    finally:
        view.close()


class Silent:
    """Shows nothing: what is broken is for a person to find out."""

    def step(self, name: str, detail: str = "") -> None:
        """Say nothing."""

    def update(self, timeline: Timeline) -> None:
        """Show nothing."""


class _Plain:
    """Prints a line at each step, and one every few seconds."""

    def __init__(self, stream: TextIO, title: str) -> None:
        self._stream = stream
        self._title = title
        self._step = ""
        self._said_at = time.monotonic()
        self._before = "\n"  # pytest's line of progress has not ended

    def step(self, name: str, detail: str = "") -> None:
        self._step = name
        self._say(f"{name}{f': {detail}' if detail else ''}")

    def update(self, timeline: Timeline) -> None:
        if time.monotonic() - self._said_at >= PLAIN_SECONDS:
            now = _Now(timeline)
            texts = [now.elapsed, now.probes, now.breakers, now.alerts, now.load]
            self._say(", ".join(filter(None, [self._step, *texts])))

    def close(self) -> None:
        """Every step was said."""

    def _say(self, text: str) -> None:
        self._said_at = time.monotonic()
        # A closed stream is a ValueError, a closed pipe an OSError.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{self._before}{self._title}: {_one_line(text)}\n")
            self._stream.flush()
        self._before = ""


class _Drawn:
    """Draws a few lines that are drawn over."""

    def __init__(self, stream: TextIO, title: str) -> None:
        self._screen = Screen(stream)
        self._title = title
        self._step = ""
        self._detail = ""
        self._began = self._step_began = time.monotonic()
        self._drawn_at = float("-inf")
        self._now: _Now | None = None

    def step(self, name: str, detail: str = "") -> None:
        self._step, self._detail = name, detail
        self._step_began = time.monotonic()
        self._draw()

    def update(self, timeline: Timeline) -> None:
        if time.monotonic() - self._drawn_at < _REDRAW_SECONDS:
            return
        self._now = _Now(timeline)
        self._draw()

    def close(self) -> None:
        self._screen.close()

    def _draw(self) -> None:
        self._drawn_at = time.monotonic()
        self._screen.draw(self._lines)

    def _lines(self) -> Group:
        width = self._screen.width
        head = heading(_one_line(self._title), _clock(self._began), width)
        lines = [_labelled("step", Text(f"{self._step} ", "bold"), Text(f"{_clock(self._step_began)}  ", "dim"))]
        lines[0].append(_one_line(self._detail))
        if self._now is not None:
            lines += self._now.lines()
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        return Group(head, *lines)


class _Now:
    """What a timeline says of this moment, each thing as one short line."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._end = timeline.seen[-1].since if timeline.seen else 0.0

    @property
    def elapsed(self) -> str:
        return f"{self._end:.0f} s"

    @property
    def probes(self) -> str:
        shares = [f"{name} {wording.share(share)} ok" for name, share in self._recent().items()]
        return ", ".join(shares)

    @property
    def breakers(self) -> str:
        return ", ".join(f"breaker {name} {text}" for name, text, _ in self._breakers() if text != "closed")

    @property
    def alerts(self) -> str:
        return ", ".join(f"{name} {state}" for name, state in self._alerts().items())

    @property
    def load(self) -> str:
        rate = self._rate()
        return "" if rate is None else f"load {wording.rate(rate)}"

    def lines(self) -> Iterator[Text]:
        recent = self._recent()
        for name, points in self._shares().items():
            share = recent.get(name)
            style = "dim" if share is None else "green" if share == 1 else "bold red" if share < 0.5 else "yellow"
            said = "none yet" if share is None else f"{wording.share(share)} ok"
            # Names are as long as their contract likes; the spark says more than the end of one.
            yield _labelled(
                "probe", Text(f"{_cut(name, 18):<18} "), Text(_sparks(points), "cyan"), Text(f" {said}", style)
            )
        line = _labelled("breakers")
        for number, (name, text, style) in enumerate(self._breakers()):
            line.append("   " if number else "").append(f"{_cut(name, 24)} ").append(text, style)
        yield line
        line = _labelled("alerts")
        for number, (name, state) in enumerate(self._alerts().items()):
            style = "yellow" if state == "pending" else "bold red"
            line.append("   " if number else "").append(f"{_cut(name, 30)} ").append(state, style)
        yield line if len(line) > LABEL else line.append("none", "dim")
        rate = self._rate()
        yield _labelled("load", Text("none" if rate is None else f"{wording.rate(rate)} answered"))

    def _shares(self) -> Mapping[str, Sequence[float | None]]:
        """Give the share of good answers of each probe, second by second, at most as many as are drawn."""
        counts: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
        begin = max(0, int(self._end) - _SPARK_COUNT + 1)
        for probe in self._timeline.of(Probed):
            if probe.since >= begin and probe.outcome != "unsent":
                count = counts[probe.probe][int(probe.since)]
                count[0] += 1
                count[1] += probe.outcome in _NO_FAILURES
        return {
            name: [
                found[second][1] / found[second][0] if second in found else None
                for second in range(min(found), int(self._end) + 1)
            ]
            for name, found in sorted(counts.items())[:4]
        }

    def _recent(self) -> Mapping[str, float]:
        last: dict[str, list[bool]] = defaultdict(list)
        for probe in self._timeline.of(Probed):
            if probe.since >= self._end - _RECENT_SECONDS and probe.outcome != "unsent":
                last[probe.probe].append(probe.outcome in _NO_FAILURES)
        return {name: sum(good) / len(good) for name, good in sorted(last.items())}

    def _breakers(self) -> Sequence[tuple[str, str, str]]:
        """Give the replica (and the breaker, where not all are closed), the state in words, and its style."""
        latest: dict[str, Replica] = {}
        for reading in self._timeline.of(Replica):
            latest[reading.replica] = reading
        found: list[tuple[str, str, str]] = []
        for name, reading in sorted(latest.items()):
            if not reading.up:
                found.append((name, "no answer", "bold red"))
                continue
            notable = {key: state for key, state in reading.breakers.items() if state}
            found += [(f"{name}/{key}", *_STATES.get(state, ("?", "yellow"))) for key, state in sorted(notable.items())]
            if not notable:
                found.append((name, *_STATES[0.0]))
        return found[:8]

    def _alerts(self) -> Mapping[str, str]:
        """Give the alerts that were not there at the beginning, with their state and whether they were told."""
        looks = [look for look in self._timeline.of(Alerts) if look.source == "prometheus"]
        if not looks:
            return {}
        known = {alert.key for alert in looks[0].alerts}
        told = {found.name for found in self._timeline.of(Notification) if found.status == "firing"}
        states: dict[str, str] = {}
        for alert in looks[-1].alerts:
            if alert.key not in known:
                state = "firing, notified" if alert.state == "firing" and alert.name in told else alert.state
                states[alert.name] = max(states.get(alert.name, ""), state, key=len) if alert.name in states else state
        return states

    def _rate(self) -> float | None:
        seen = self._timeline.of(Load)[-2:]
        if len(seen) < 2 or seen[1].since <= seen[0].since:
            return None
        before, after = (sample.progress.get("finished") for sample in seen)
        if not isinstance(before, int | float) or not isinstance(after, int | float):
            return None
        return max(0.0, (after - before) / (seen[1].since - seen[0].since))


def _labelled(label: str, *texts: Text) -> Text:
    line = Text().append(f"{label:<{LABEL}}", "dim")
    for text in texts:
        line.append_text(text)
    return line


def _sparks(shares: Sequence[float | None]) -> str:
    return "".join(" " if s is None else spark(s) for s in shares)


def _clock(began: float) -> str:
    return wording.clock(float(int(time.monotonic() - began)))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _one_line(text: str) -> str:
    """Keep what a target said from acting on a terminal, or taking several lines."""
    return "".join(each if each.isprintable() else " " for each in text)
