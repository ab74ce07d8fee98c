"""`python -m chaos game-day FILE`: experiments in the order of a story, and how people take them.

A scenario is a TOML file with a title, a narrative and `[[step]]`s. With `--manual` a person goes from step to step,
and it is not said what will be broken. During a fault the person presses Enter when they know what it is and says how
severe it is; the time that it took is held against the manual's severity table (`[[severity_level]]` of chaos.toml).
"""

from __future__ import annotations

import contextlib
import math
import queue
import sys
import textwrap
import threading
import time
import tomllib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, ValidationError

from chaos import plan, timeline
from chaos.record import FOLDER
from chaos.report import story
from chaos.report.writing import told
from load import wording
from load.report.markdown import code, plain
from selfcheck import contract as contracts
from selfcheck import settings as all_settings
from selfcheck.contract import Model, Name
from selfcheck.observation import CouldNotObserve, RefusedError
from selfcheck.report import replace_file
from selfcheck.run import EXIT_INCONCLUSIVE, EXIT_NOT_UNDONE, EXIT_REFUSED, close, open_run
from selfcheck.settings import SettingsError
from selfcheck.waiting import pause

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TextIO

    from chaos.plan import SeverityLevel
    from chaos.report.story import Story
    from selfcheck.contract import Contract

GAME_DAY_FILE: Final = "gameday.md"
_WIDTH: Final = 80
_TICK_SECONDS: Final = 0.1
_PERSON_SECONDS: Final = 4 * 3600.0
"""How long a person is waited for between steps."""
_ANSWER_SECONDS: Final = 180.0
"""How long the answers of a person are waited for once the experiment is over."""
_ANSWER_CHARACTERS_MAX: Final = 1000


class Step(Model):
    """One experiment of the story."""

    experiment: Name
    narrative: str = Field("", description="Told before it, without saying what will break.")
    pause_seconds: Annotated[float, Field(ge=0, le=3600)] = Field(0, description="Real time, before it.")
    question: str = Field("", description="Asked once the person knows what is broken; the answer is written down.")
    severity: str = Field("", description="What it is by the manual's severity table; not scored when left out.")


class Scenario(Model):
    """A game day as its file says it."""

    title: str = Field(min_length=3)
    narrative: str = ""
    step: tuple[Step, ...] = Field(min_length=1)


def read(path: Path, contract: Contract) -> Scenario:
    """Read a scenario; raises SettingsError with a sentence that says what is wrong with it."""
    try:
        scenario = Scenario.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"
        raise SettingsError(message) from error
    except tomllib.TOMLDecodeError as error:
        message = f"{path}: is not TOML: {error}"
        raise SettingsError(message) from error
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        message = f"{path}: {where}: {problem['msg'].lower()}"
        raise SettingsError(message) from error
    known = {"experiment": plan.experiments(contract), "severity": plan.severities(contract)}
    for step in scenario.step:
        for what, names in known.items():
            name = getattr(step, what)
            if name and name not in names:
                message = f"{path}: there is no {what} {name!r} (known: {', '.join(names) or 'none'})"
                raise SettingsError(message)
    return scenario


# ---------------------------------------------------------------------------------------------------------------------
# People


class NobodyThereError(Exception):
    """The person's input has ended, or nothing came for very long."""


class Person:
    """Reads what a person types, with the moment at which each line came."""

    def __init__(self, stream: TextIO) -> None:
        self._lines: queue.Queue[tuple[float, str] | None] = queue.Queue()
        self._stream = stream
        self._ended = False
        # A read of a terminal cannot be called off: the thread ends with the input, or with the process.
        threading.Thread(target=self._read, name="person", daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # the terminal is gone
            for line in self._stream:
                self._lines.put((time.time(), line.strip()[:_ANSWER_CHARACTERS_MAX]))
        self._lines.put(None)

    def answer(self, timeout_seconds: float, over: threading.Event | None = None) -> tuple[float, str] | None:
        """Give the next line with its moment (Unix seconds); None when `over` is set or the time is up first.

        Raises NobodyThereError when the input has ended.
        """
        until = time.monotonic() + timeout_seconds
        while not self._ended and time.monotonic() < until:
            with contextlib.suppress(queue.Empty):
                found = self._lines.get(timeout=_TICK_SECONDS)
                if found is not None:
                    return found
                self._ended = True
            if over is not None and over.is_set() and self._lines.empty():
                return None
        if self._ended:
            message = "nobody is there any more: the input has ended"
            raise NobodyThereError(message)
        return None

    def wait(self) -> None:
        """Wait for a line; raises NobodyThereError when none comes."""
        if self.answer(_PERSON_SECONDS) is None:
            message = f"nobody is there any more: nothing came within {wording.clock(_PERSON_SECONDS)}"
            raise NobodyThereError(message)


@dataclass(slots=True)
class Response:
    """How a person took one fault."""

    noticed_at: float | None = None
    """Unix seconds."""
    severity: str = ""
    answer: str = ""


def respond(
    person: Person,
    say: Callable[[str], None],
    step: Step,
    levels: Mapping[str, SeverityLevel],
    over: threading.Event,
    response: Response,
) -> None:
    """Note when a person knows what is broken, and what they say of it; until `over`, and no longer.

    Answers that have begun are waited for a while longer. Meant for a thread of its own.
    """
    since = time.time()
    with contextlib.suppress(NobodyThereError):
        noticed = person.answer(_PERSON_SECONDS, over)
        while noticed is not None and noticed[0] < since:  # Enter was pressed once too often before
            noticed = person.answer(_PERSON_SECONDS, over)
        if noticed is None:
            return
        response.noticed_at = noticed[0]
        if levels:
            names = list(levels)
            for number, name in enumerate(names, start=1):
                say(f"  {number}  {name}: {levels[name].examples}".rstrip(": "))
            say(f"How severe is it? Type a number from 1 to {len(names)}, or a name.")
            response.severity = _choice(person, names, say)
        if step.question:
            say(step.question)
            said = person.answer(_ANSWER_SECONDS)
            response.answer = said[1] if said is not None else ""


def _choice(person: Person, names: Sequence[str], say: Callable[[str], None]) -> str:
    for _ in range(3):
        said = person.answer(_ANSWER_SECONDS)
        if said is None:
            return ""
        text = said[1].lower()
        if text.isdecimal() and 0 < int(text) <= len(names):
            return names[int(text) - 1]
        if text in names:
            return text
        say(f"{said[1]!r} is none of {', '.join(names)}.")
    return ""


# ---------------------------------------------------------------------------------------------------------------------
# The play


@dataclass(frozen=True, slots=True)
class Played:
    """One step that was played; `response` is None where no person was asked."""

    step: Step
    story: Story
    response: Response | None = None

    @property
    def injected_at(self) -> float | None:
        """When the fault was there, Unix seconds."""
        marks = {mark.name: mark.at for mark in reversed(self.story.timeline.of(timeline.Mark))}
        return marks.get(timeline.INJECTED, marks.get(timeline.INJECTING))

    @property
    def noticed_seconds(self) -> float | None:
        """From the fault until a person knew; negative when they were sure before there was one."""
        if self.response is None or self.response.noticed_at is None or self.injected_at is None:
            return None
        return self.response.noticed_at - self.injected_at


@dataclass(frozen=True, slots=True)
class Score:
    """What a person gets for a step: a point for being in time, one for the right severity."""

    points: int
    most: int
    in_time: bool | None
    """None where there is no limit to hold it against."""
    right: bool | None


def score(played: Played, levels: Mapping[str, SeverityLevel]) -> Score:
    """Hold a response against the severity table. Pure."""
    level = levels.get(played.step.severity)
    if played.response is None or level is None or played.injected_at is None:
        return Score(0, 0, None, None)
    seconds = played.noticed_seconds
    in_time = seconds is not None and 0 <= seconds <= level.response_seconds
    right = played.response.severity == level.name
    return Score(int(in_time) + int(right), 2, in_time, right)


@dataclass(slots=True)
class GameDay:
    """A game day until now; `ended_by` says why it ended before its last step."""

    scenario: Scenario
    played: list[Played] = field(default_factory=list)
    ended_by: str = ""
    refused: bool = False


def play(
    scenario: Scenario,
    run_experiment: Callable[[str], Path],
    *,
    stream: TextIO,
    levels: Mapping[str, SeverityLevel],
    person: Person | None = None,
    experiments: Mapping[str, plan.Experiment] | None = None,
    clean: Callable[[str], str] = str,
    day: GameDay | None = None,
) -> GameDay:
    """Play a scenario; gives what came of it. With a person, the play goes on when they say so.

    `run_experiment` does one experiment and gives its folder; it is called in this thread, and its interruptions pass
    through. `clean` is for texts of the target; `day` is filled as it goes, so that an interrupted one can be
    reported. The play ends when a fault could not be undone, when an experiment is not done at all, or when nobody is
    there any more.
    """
    say = partial(_say, stream)
    day = day if day is not None else GameDay(scenario)
    say(f"{scenario.title}\n")
    _tell(say, scenario.narrative)
    for number, step in enumerate(scenario.step, start=1):
        say(f"\nStep {number} of {len(scenario.step)}")
        _tell(say, step.narrative)
        try:
            if person is not None:
                say("Press Enter to begin.")
                person.wait()
            pause(step.pause_seconds)
            found = _one(step, run_experiment, say, levels, person)
            seen = _story(found.folder, step, experiments or {}, clean)
            played = Played(step, seen, found.response)
        except NobodyThereError as error:
            day.ended_by = str(error)
        except RefusedError as error:
            day.ended_by, day.refused = clean(f"refused: {error}"), True
        except CouldNotObserve as error:
            day.ended_by = clean(error.sentence)
        else:
            day.played.append(played)
            _told(say, played, levels)
            if seen.not_undone:
                day.ended_by = f"a fault could not be undone: {'; '.join(seen.not_undone)}"
        if day.ended_by:
            say(f"\nThe game day ends here: {day.ended_by}.")
            break
    return day


@dataclass(frozen=True, slots=True)
class _Done:
    """An experiment that was done, and how the person took it, if there is one."""

    folder: Path
    response: Response | None = None


def _one(
    step: Step,
    run_experiment: Callable[[str], Path],
    say: Callable[[str], None],
    levels: Mapping[str, SeverityLevel],
    person: Person | None,
) -> _Done:
    if person is None:
        return _Done(run_experiment(step.experiment))
    say("From now on something may break. Press Enter when you know what it is.")
    response, over = Response(), threading.Event()
    asking = threading.Thread(
        target=respond, args=(person, say, step, levels, over, response), name="responding", daemon=True
    )
    asking.start()
    try:
        folder = run_experiment(step.experiment)
    finally:
        over.set()
    asking.join(timeout=5 * _ANSWER_SECONDS)
    return _Done(folder, response)


def _story(folder: Path, step: Step, experiments: Mapping[str, plan.Experiment], clean: Callable[[str], str]) -> Story:
    stories, _ = told(folder.parent, (), clean, experiments=experiments, only={folder.name})
    if stories:
        return stories[0]
    return story.Story(step.experiment, None, timeline.Timeline([]), trouble="it left nothing")


def _told(say: Callable[[str], None], found: Played, levels: Mapping[str, SeverityLevel]) -> None:
    """Say what it was."""
    name = found.step.experiment
    if found.story.refused:
        say(f"{name}: refused, nothing was injected: {found.story.refused}")
        return
    figures = found.story.figures
    says = found.story.experiment.says if found.story.experiment is not None else found.story.fault
    say(f"It was {name}: {says}.")
    say(
        f"The alert was delivered after {_seconds(figures.detect)}, callers were served again"
        f" {_seconds(figures.recover)} after the undo;"
        f" {wording.count(figures.failed)} of {wording.count(figures.requests)} requests failed."
    )
    given = score(found, levels)
    if given.most:
        say(f"You: {_response(found)}; {given.points} of {given.most} points.")


def _response(found: Played) -> str:
    seconds = found.noticed_seconds
    if seconds is None:
        return "did not notice"
    if seconds < 0:
        return "were sure before there was a fault"
    said = found.response.severity if found.response is not None else ""
    return f"knew after {wording.duration(seconds)}" + (f", and said {said}" if said else "")


def _seconds(value: float | None) -> str:
    return "no time that is known" if value is None else wording.duration(value)


def _tell(say: Callable[[str], None], text: str) -> None:
    for paragraph in text.strip().split("\n\n"):
        if paragraph.strip():
            say(textwrap.fill(" ".join(paragraph.split()), _WIDTH))


def _say(stream: TextIO, text: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody reads any more; what goes on must be undone all the same
        stream.write(f"{text}\n")
        stream.flush()


# ---------------------------------------------------------------------------------------------------------------------
# The report


def render(day: GameDay, levels: Mapping[str, SeverityLevel]) -> str:
    """Give the report of a game day as Markdown; nothing in its texts acts."""
    scores = [score(played, levels) for played in day.played]
    parts = [f"# Game day: {plain(day.scenario.title)}"]
    most = sum(each.most for each in scores)
    if most:
        parts.append(f"**{sum(each.points for each in scores)} of {most} points.**")
    if day.ended_by:
        done = f"{len(day.played)} of {len(day.scenario.step)} steps"
        parts.append(f"**Ended early** after {done}: {plain(day.ended_by)}")
    parts.append("\n".join(_table(day, scores, levels)))
    if any(played.response is not None for played in day.played):
        parts.append(
            "Noticed: from the fault until a person knew what was broken. A point for each fault that was known within"
            " the time of the manual's severity table, and one for the right severity."
        )
        parts += list(_answers(day))
    return "\n\n".join(parts) + "\n"


def _table(day: GameDay, scores: Sequence[Score], levels: Mapping[str, SeverityLevel]) -> Iterator[str]:
    yield "| step | experiment | fault | alert after | noticed after | allowed | severity | points |"
    yield "|---:|---|---|---:|---:|---:|---|---:|"
    for number, (played, given) in enumerate(zip(day.played, scores, strict=True), start=1):
        level = levels.get(played.step.severity)
        allowed = wording.NOTHING if level is None else wording.clock(level.response_seconds)
        refused = f"refused: {plain(played.story.refused)}" if played.story.refused else ""
        detect = played.story.figures.detect
        cells = [
            str(number),
            code(played.step.experiment),
            refused or plain(played.story.fault) or wording.NOTHING,
            wording.NOTHING if detect is None else wording.duration(detect),
            _noticed(played, given),
            allowed,
            _severities(played, given),
            f"{given.points} of {given.most}" if given.most else wording.NOTHING,
        ]
        yield f"| {' | '.join(cells)} |"


def _noticed(played: Played, given: Score) -> str:
    if played.response is None:
        return wording.NOTHING
    seconds = played.noticed_seconds
    if seconds is None:
        return "not noticed"
    if seconds < 0:
        return "before the fault"
    return wording.duration(seconds) + ("" if given.in_time is not False else " (too late)")


def _severities(played: Played, given: Score) -> str:
    if played.response is None or not played.response.severity:
        return plain(played.step.severity) or wording.NOTHING
    said = plain(played.response.severity)
    return said if given.right is not False else f"{said} (is {plain(played.step.severity)})"


def _answers(day: GameDay) -> Iterator[str]:
    for number, played in enumerate(day.played, start=1):
        if played.step.question and played.response is not None:
            said = plain(played.response.answer) or "no answer"
            yield f"Step {number}: {plain(played.step.question)}\n> {said}"


# ---------------------------------------------------------------------------------------------------------------------
# The command


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command `game-day`."""
    command = commands.add_parser("game-day", help="play a scenario of experiments, for people or by itself")
    command.add_argument("file", type=Path, help="the scenario, as docs/game_days/first.toml")
    command.add_argument("--manual", action="store_true", help="wait for a person between steps, and score them")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from chaos.showing import judge_saved, show  # noqa: PLC0415
    from selfcheck.judging import look_first  # noqa: PLC0415
    from selfcheck.plugin import import_checks  # noqa: PLC0415 - all areas, which a mere import of this needs not

    import_checks()
    from chaos import hooks, observing  # noqa: PLC0415 - the engine, which neither reading nor rendering needs

    settings = all_settings.read()
    contract = contracts.load(settings.contract)
    contract.validate()
    scenario, levels = read(options.file, contract), plan.severities(contract)
    experiments = plan.experiments(contract)
    waiting = math.fsum(step.pause_seconds + _PERSON_SECONDS * options.manual for step in scenario.step)
    run = open_run(settings, contract, more_seconds=waiting + hooks.seconds_needed(settings, contract))
    day = GameDay(scenario)
    folder = settings.output / FOLDER
    try:
        look_first(run)
        hooks.guard(run)
        play(
            scenario,
            partial(observing.run_one, run.target, silent=options.manual),
            stream=sys.stdout,
            levels=levels,
            person=Person(sys.stdin) if options.manual else None,
            experiments=experiments,
            clean=run.clean,
            day=day,
        )
    finally:
        left = run.clean(observing.end(run.target))
        close(run)
        if day.played or day.ended_by:
            _write(folder / GAME_DAY_FILE, run.target.secrets.mask(render(day, levels)))
    names = [played.step.experiment for played in day.played]
    if not names:
        _say(sys.stdout, f"not undone: {left}" if left else "no experiment was done")
        return EXIT_NOT_UNDONE if left else EXIT_REFUSED if day.refused else EXIT_INCONCLUSIVE
    judged = judge_saved(settings, contract, folder, names)
    judged.not_undone = left
    judged.incomplete = bool(day.ended_by)
    return show(judged, contract, folder, names, sys.stdout)


def _write(path: Path, text: str) -> None:
    try:
        replace_file(path, text)
    except OSError as error:
        _say(sys.stdout, f"{path.name} could not be written to {path.parent} ({error.strerror or error})")
    else:
        _say(sys.stdout, f"\nreport of the game day: {path}")
