"""Game days: the story is told in order, people are scored by the manual, nothing goes on over a fault that is left."""

from __future__ import annotations

import io
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from chaos import plan, timeline
from chaos import record as records
from chaos.gameday import GameDay, Person, Played, Response, Scenario, Step, play, read, render, score
from chaos.plan import SeverityLevel
from chaos.record import Done
from chaos.report.story import Story
from chaos.timeline import Mark, Timeline, Writer
from selfcheck import contract as contracts
from selfcheck.contract import ContractError
from selfcheck.observation import CouldNotObserve, RefusedError, Trouble
from selfcheck.settings import SettingsError
from selfcheck.waiting import wait_until
from tests.unit import chaos_demo
from tests.unit.chaos_demo import outage_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from selfcheck.contract import Contract

LEVELS = {
    "critical": SeverityLevel(name="critical", response_seconds=300, examples="platform down"),
    "warning": SeverityLevel(name="warning", response_seconds=1800, examples="provider degraded"),
}
SCENARIO = Scenario(
    title="A first game day",
    narrative="You are on call.\n\nGood luck.",
    step=(
        Step(experiment="outage_paddle", narrative="An ordinary morning.", question="Who is away?", severity="warning"),
        Step(experiment="replica_killed", narrative="Late in the afternoon.", severity="critical"),
    ),
)


class Stage:
    """Does experiments as the engine would, for as long as a test says, and leaves what it would leave."""

    def __init__(self, folder: Path, during: Callable[[str], None] = lambda _name: None) -> None:
        self._folder = folder
        self._during = during
        self.done: list[str] = []
        self.leaves: dict[str, Done] = {}
        self.raises: dict[str, Exception] = {}

    def run(self, name: str) -> Path:
        if name in self.raises:
            raise self.raises[name]
        folder = self._folder / name
        writer = Writer(folder / records.TIMELINE_FILE)
        writer.add(Mark, name=timeline.INJECTING)
        writer.add(Mark, name=timeline.INJECTED)
        self._during(name)
        for mark in (timeline.UNDOING, timeline.UNDONE, timeline.RECOVERED):
            writer.add(Mark, name=mark)
        writer.close()
        done = self.leaves.get(name) or Done(fault=f"{name}!", target="x", undo="y", injected=0.0, undone=1.0)
        records.write(outage_record(experiment=name, faults=(done,)), folder / records.RECORD_FILE)
        self.done.append(name)
        return folder


class Typist:
    """A person's keyboard: a pipe into which a test types."""

    def __init__(self) -> None:
        read_end, write_end = os.pipe()
        self.stream = os.fdopen(read_end, encoding="utf-8")
        self._keys = os.fdopen(write_end, "w", encoding="utf-8")

    def types(self, text: str) -> None:
        self._keys.write(text)
        self._keys.flush()

    def leaves(self) -> None:
        if not self._keys.closed:
            self._keys.close()


@pytest.fixture
def typist() -> Iterator[Typist]:
    found = Typist()
    yield found
    found.leaves()
    readers = [thread for thread in threading.enumerate() if thread.name == "person"]
    wait_until(lambda: not any(each.is_alive() for each in readers), timeout_seconds=10, what="the reader's end")
    found.stream.close()


@pytest.fixture(scope="module")
def contract() -> Contract:
    return contracts.load()


# ---------------------------------------------------------------------------------------------------------------------
# The scenario file


def test_the_example_names_only_what_the_contract_has(contract: Contract) -> None:
    place = contracts.DEFAULT_CONTRACT.parent / "docs" / "game_days" / "first.toml"
    scenario = read(place, contract)
    assert len(scenario.step) >= 3
    assert all(step.severity and step.question for step in scenario.step)


def test_the_severity_table_is_the_manuals(contract: Contract) -> None:
    assert {name: level.response_seconds for name, level in plan.severities(contract).items()} == {
        "critical": 300,
        "warning": 1800,
        "info": 86400,
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff\xfe", "cannot be read"),
        (b"title = ", "is not TOML"),
        (b'title = "abc"', "step: field required"),
        (b'title = "abc"\nstep = []', "step: "),
        (b'title = "abc"\n[[step]]\nexperiment = "x"\nsurprise = 1', "step.0.surprise: extra inputs"),
        (b'title = "abc"\n[[step]]\nexperiment = "redis_slow"\npause_seconds = -1', "step.0.pause_seconds"),
        (
            b'title = "abc"\n[[step]]\nexperiment = "redis_slwo"',
            "there is no experiment 'redis_slwo' (known: provider_",
        ),
        (
            b'title = "abc"\n[[step]]\nexperiment = "redis_slow"\nseverity = "bad"',
            "there is no severity 'bad' (known: critical, warning, info)",
        ),
    ],
)
def test_a_scenario_that_cannot_be_played_is_a_sentence(
    contract: Contract, tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "day.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError) as raised:
        read(path, contract)
    assert str(raised.value).startswith(f"{path}: ")
    assert said in str(raised.value)


def test_a_contract_without_a_severity_table_is_still_read(tmp_path: Path) -> None:
    for area in ("platform", "api"):
        (tmp_path / f"{area}.toml").write_bytes((contracts.DEFAULT_CONTRACT / f"{area}.toml").read_bytes())
    assert plan.severities(contracts.load(tmp_path)) == {}
    table = '[[severity_level]]\nname = "x"\nresponse_seconds = 0'
    (tmp_path / "chaos.toml").write_text(table, encoding="utf-8")
    impossible = contracts.load(tmp_path)
    with pytest.raises(ContractError, match="response_seconds"):
        plan.severities(impossible)


# ---------------------------------------------------------------------------------------------------------------------
# By itself


def test_the_story_is_told_in_order_and_says_afterwards_what_it_was(tmp_path: Path) -> None:
    stage, stream = Stage(tmp_path), io.StringIO()
    day = play(SCENARIO, stage.run, stream=stream, levels=LEVELS, experiments=chaos_demo.EXPERIMENTS)
    assert stage.done == ["outage_paddle", "replica_killed"]
    assert not day.ended_by
    text, place = stream.getvalue(), 0
    for said in (
        "A first game day",
        "You are on call.",
        "Good luck.",
        "Step 1 of 2\nAn ordinary morning.",
        "It was outage_paddle: the provider paddle refuses all connections.",
        "Step 2 of 2\nLate in the afternoon.",
        "It was replica_killed",
    ):
        place = text.index(said, place)
    assert "Press Enter" not in text
    assert "points" not in render(day, LEVELS).partition("\n|")[0]


@pytest.mark.parametrize(
    ("error", "said", "refused"),
    [
        (RefusedError("no consent"), "refused: no consent", True),
        (
            CouldNotObserve(Trouble.ERROR_ANSWER, asked="x", came_back="a fault is left", hint="y"),
            "a fault is left",
            False,
        ),
    ],
)
def test_a_play_ends_when_an_experiment_is_not_done(
    tmp_path: Path, error: Exception, said: str, *, refused: bool
) -> None:
    stage, stream = Stage(tmp_path), io.StringIO()
    stage.raises["replica_killed"] = error
    day = play(SCENARIO, stage.run, stream=stream, levels=LEVELS)
    assert said in day.ended_by
    assert day.refused is refused
    assert len(day.played) == 1
    assert "**Ended early** after 1 of 2 steps" in render(day, LEVELS)


def test_nothing_goes_on_over_a_fault_that_could_not_be_undone(tmp_path: Path) -> None:
    stage, stream = Stage(tmp_path), io.StringIO()
    stage.leaves["outage_paddle"] = Done(fault="down", target="proxy x", undo="enable", injected=1.0)
    day = play(SCENARIO, stage.run, stream=stream, levels=LEVELS)
    assert stage.done == ["outage_paddle"]
    assert day.ended_by == "a fault could not be undone: down (proxy x)"
    assert "The game day ends here: a fault could not be undone" in stream.getvalue()


def test_an_interruption_passes_through_and_what_was_played_is_kept(tmp_path: Path) -> None:
    stage, day = Stage(tmp_path), GameDay(SCENARIO)

    def interrupted(name: str) -> Path:
        if name == "replica_killed":
            raise KeyboardInterrupt
        return stage.run(name)

    with pytest.raises(KeyboardInterrupt):
        play(SCENARIO, interrupted, stream=io.StringIO(), levels=LEVELS, day=day)
    assert [played.step.experiment for played in day.played] == ["outage_paddle"]


def test_a_stream_that_nobody_reads_does_not_end_the_play(tmp_path: Path) -> None:
    stream = io.StringIO()
    stream.close()
    assert len(play(SCENARIO, Stage(tmp_path).run, stream=stream, levels=LEVELS).played) == 2


# ---------------------------------------------------------------------------------------------------------------------
# With a person


def said_by(stream: io.StringIO, words: str, times: int = 1) -> None:
    wait_until(lambda: stream.getvalue().count(words) >= times, timeout_seconds=10, what=words, interval_seconds=0.01)


def test_a_person_is_waited_for_asked_and_scored(tmp_path: Path, typist: Typist) -> None:
    stream = io.StringIO()

    def during(name: str) -> None:
        said_by(stream, "Press Enter when you know", len(stage.done) + 1)
        if name == "outage_paddle":
            typist.types("\n")
            said_by(stream, "How severe is it?")
            typist.types("9\n2\n")
            said_by(stream, "Who is away?")
            typist.types("paddle is away <script>\n")
        # Nothing is typed while the replica is killed: nobody noticed.

    stage = Stage(tmp_path, during)
    person = Person(typist.stream)
    playing = threading.Thread(
        target=lambda: days.append(play(SCENARIO, stage.run, stream=stream, levels=LEVELS, person=person))
    )
    days: list[GameDay] = []
    playing.start()
    for step in (1, 2):
        said_by(stream, "Press Enter to begin.", step)
        assert len(stage.done) == step - 1  # nothing begins before the person says so
        typist.types("\n")
        wait_until(lambda step=step: len(stage.done) == step, timeout_seconds=10, what="the experiment")  # type: ignore[misc]
    playing.join(timeout=10)
    assert not playing.is_alive()
    text = stream.getvalue()
    assert "'9' is none of critical, warning." in text
    first, _, rest = text.partition("It was outage_paddle")
    assert "outage_paddle" not in first  # what is broken is for the person to find out
    assert "2 of 2 points" in rest
    assert "You: did not notice; 0 of 2 points." in rest
    report = render(days[0], LEVELS)
    assert "**2 of 4 points.**" in report
    assert "| not noticed | 5 min | critical | 0 of 2 |" in report
    assert "> paddle is away \\<script\\>" in report


def test_a_play_ends_when_the_person_has_left(tmp_path: Path, typist: Typist) -> None:
    stage, stream = Stage(tmp_path), io.StringIO()
    typist.leaves()
    day = play(SCENARIO, stage.run, stream=stream, levels=LEVELS, person=Person(typist.stream))
    assert day.ended_by == "nobody is there any more: the input has ended"
    assert stage.done == []


def test_a_person_who_leaves_during_a_fault_does_not_end_its_undo(tmp_path: Path, typist: Typist) -> None:
    stream = io.StringIO()
    stage = Stage(tmp_path, lambda _name: typist.leaves())
    typist.types("\n")
    day = play(SCENARIO, stage.run, stream=stream, levels=LEVELS, person=Person(typist.stream))
    assert stage.done == ["outage_paddle"]
    assert day.played[0].response == Response()
    assert "nobody is there" in day.ended_by


def test_enter_that_was_pressed_once_too_often_is_no_answer(tmp_path: Path, typist: Typist) -> None:
    stream = io.StringIO()
    day = SCENARIO.model_copy(update={"step": SCENARIO.step[1:]})
    typist.types("\n\n")
    person = Person(typist.stream)
    wait_until(lambda: person._lines.qsize() == 2, timeout_seconds=10, what="both lines")
    found = play(day, Stage(tmp_path).run, stream=stream, levels=LEVELS, person=person)
    assert found.played[0].response == Response()


def played(seconds: float | None, severity: str = "critical", *, expected: str = "critical") -> Played:
    now = time.time()
    seen = Timeline([Mark(at=now, since=1.0, name=timeline.INJECTED)])
    response = Response(None if seconds is None else now + seconds, severity)
    return Played(Step(experiment="x", severity=expected), Story("x", None, seen), response)


@pytest.mark.parametrize(
    ("found", "points", "in_time", "right"),
    [
        (played(299.0), 2, True, True),
        (played(301.0), 1, False, True),
        (played(10.0, "warning"), 1, True, False),
        (played(1700.0, "warning", expected="warning"), 2, True, True),
        (played(-5.0), 1, False, True),  # who is sure before there is a fault has guessed
        (played(None, ""), 0, False, False),
    ],
)
def test_responses_are_held_against_the_severity_table(
    found: Played, points: int, *, in_time: bool, right: bool
) -> None:
    given = score(found, LEVELS)
    assert (given.points, given.most, given.in_time, given.right) == (points, 2, in_time, right)


@pytest.mark.parametrize(
    "found",
    [
        played(10.0, expected=""),
        played(10.0, expected="unheard_of"),
        Played(Step(experiment="x", severity="critical"), Story("x", None, Timeline([])), Response(1.0, "critical")),
        Played(Step(experiment="x", severity="critical"), Story("x", None, Timeline([]))),
    ],
)
def test_what_cannot_be_held_against_anything_is_not_scored(found: Played) -> None:
    assert score(found, LEVELS).most == 0
