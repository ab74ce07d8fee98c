"""Reports and views of chaos runs: figures are right, what is not undone is loud, no text acts, whoever wrote it."""

from __future__ import annotations

import contextlib
import io
import os
import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from chaos import judging, live
from chaos import record as records
from chaos import timeline as timelines
from chaos.detectors import incident
from chaos.evidence import Evidence
from chaos.live import live_view
from chaos.plan import BUDGET
from chaos.record import Done, Traffic
from chaos.report import charts, html, story, writing
from chaos.report.story import Story
from chaos.timeline import Alert, Alerts, Figures, Mark, Notification, Probed, Replica, Seen, Timeline, Trouble
from load.wording import duration
from selfcheck import report
from selfcheck.secrets import Secrets
from selfcheck.values import harmless
from selfcheck.verdict import Outcome, failed, passed
from tests.unit import chaos_demo
from tests.unit.chaos_demo import BEGAN, OUTAGE, RESULTS, outage_record, outage_samples, outcome
from tests.unit.test_load_reports import HOSTILE, SECRET, Page, Terminal, broken_pipe

if TYPE_CHECKING:
    from pathlib import Path


def sample(kind: type[Seen], since: float, **fields: Any) -> Seen:
    return kind(at=BEGAN + since, since=since, **fields)


def the_outage(until: float = float("inf")) -> Story:
    seen = Timeline([sample(kind, since, **fields) for kind, since, fields in outage_samples() if since < until])
    return Story(OUTAGE, outage_record(), seen, RESULTS, chaos_demo.EXPERIMENTS[OUTAGE])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    chaos_demo.write(tmp_path)
    return tmp_path


def written(folder: Path, results: tuple[Any, ...] = RESULTS, **more: Any) -> Page:
    trouble = writing.write_all(folder, results, clean=harmless, experiments=chaos_demo.EXPERIMENTS, **more)
    assert not trouble
    return Page((folder / writing.HTML_FILE).read_text(encoding="utf-8"))


def outside_code(text: str) -> str:
    return re.sub(r"(?<!\\)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)


# ---------------------------------------------------------------------------------------------------------------------
# Figures


def test_the_figures_of_an_incident_are_those_of_its_timeline_and_of_its_verdict() -> None:
    outage = the_outage()
    found = outage.figures
    assert found.detect == pytest.approx(10.6, abs=0.3)  # the first failure came at 7 s, the pager at 17.5 s
    assert found.mitigate == pytest.approx(1.2, abs=0.3)
    assert found.recover == pytest.approx(8.4, abs=0.3)  # the last breaker closes at 45 s
    assert found.failed == 206
    assert found.outage_seconds == pytest.approx(35, abs=1)
    assert found.budget == pytest.approx(0.08, abs=0.001)
    assert outage.record is not None
    evidence = Evidence(outage.record, outage.timeline, chaos_demo.EXPERIMENTS[OUTAGE])
    said = judging.told(evidence, incident(evidence))
    assert f"detected {duration(found.detect or 0)} later" in said
    assert f"mitigated {duration(found.mitigate or 0)} later" in said
    assert f"recovered {duration(found.recover or 0)} after the undo" in said


def test_what_was_not_seen_is_none_and_never_nought() -> None:
    for told in (Story("x", None, Timeline([])), Story("x", outage_record(), Timeline([]))):
        found = told.figures
        assert (found.detect, found.mitigate, found.recover, found.budget) == (None, None, None, None)
    only_fault = Timeline([sample(Mark, 1.0, name=timelines.INJECTING), sample(Mark, 2.0, name=timelines.UNDONE)])
    found = Story("x", outage_record(traffic=Traffic()), only_fault).figures
    assert (found.detect, found.mitigate, found.requests) == (None, None, 0)


def test_an_overspent_budget_is_told_in_words_and_drawn_below_nought() -> None:
    left = [sample(Figures, at, values={BUDGET: value}) for at, value in ((0.0, 1.0), (2.0, -37.0))]
    told = Story("x", outage_record(), Timeline([sample(Mark, 1.0, name=timelines.INJECTING), *left]))
    assert html.figure_texts(told, told.figures)[4] == "all, 38 times"
    assert charts.watched(told)[0].up.place(-37.0) < charts.watched(told)[0].up.place(0.0)


@pytest.mark.parametrize(("ago", "since"), [(0.2, 9.8), (-30.0, 10.0), (60.0, 10.0)])
def test_a_receiver_whose_clock_is_off_is_not_believed(ago: float, since: float) -> None:
    fields = {"number": 1, "receiver": "x", "status": "firing", "name": "A", "labels": {}}
    found = Notification(at=BEGAN + 10, since=10.0, received=BEGAN + 10 - ago, **fields)  # type: ignore[arg-type]
    assert story.arrived(found) == pytest.approx(since)


def test_lanes_have_the_states_of_breakers_and_leave_out_those_that_are_always_closed() -> None:
    lanes = {lane.name: [part.state for part in lane.stretches] for lane in story.breakers(the_outage())}
    assert lanes.keys() == set(chaos_demo.REPLICAS)
    assert lanes["replica-1"][:3] == ["closed", "open", "half-open"]
    assert "unknown" in lanes["replica-2"]
    assert lanes["replica-3"][-1] == "closed"


def test_alerts_that_fire_all_the_time_are_left_out_and_the_others_go_their_way() -> None:
    lanes = {lane.name: lane for lane in story.alerts(the_outage())}
    assert "Watchdog" not in lanes
    assert [part.state for part in lanes["ProviderDown"].stretches] == ["pending", "firing"]
    assert [kind for kind, _ in lanes["ProviderDown"].moments] == ["notified", "resolved"]


def test_a_restarted_replica_is_marked() -> None:
    seen = [sample(Replica, at, replica="r", up=at != 2.0, began=1.0 if at < 2 else 2.0) for at in (0.0, 1.0, 2.0, 3.0)]
    lane = story.replicas(Story("x", None, Timeline(seen)))[0]
    assert [part.state for part in lane.stretches] == ["up", "down", "up"]
    assert [kind for kind, _ in lane.moments] == ["restarted"]


# ---------------------------------------------------------------------------------------------------------------------
# The page


def test_the_page_says_first_that_the_target_is_not_clean_then_what_to_fix(folder: Path) -> None:
    text = written(folder, exit_code=12).text
    said = [
        "The target is not clean",
        "replica_killed : replica: kill (process 4711)",
        "make chaos-recover",
        "FAIL 2 experiments done, 1 refused; of 8 promises, 2 are broken and 3 could not be told. Exit code 12.",
        "What to fix",
        "replica-3 was still open 8.6 s after the undo",
        "docs/runbooks/circuit_breaker.md",
        "Experiments",
        "NOT UNDONE",
        "Done and undone",
        "Latency of the probes",
        "Circuit breakers",
        "Promises of the gate",
        "Refused: the alert ProviderDown is firing",
    ]
    place = 0
    for words in said:
        place = text.index(words, place)


def test_a_fault_that_is_still_there_fails_a_run_whose_verdicts_are_green(folder: Path) -> None:
    green = (outcome("undone", passed("nothing is left"), experiment="replica_killed"),)
    assert "FAIL" in written(folder, green, only={"replica_killed"}).text[:400]


def test_a_runner_that_died_in_the_middle_leaves_a_report_that_says_so(folder: Path) -> None:
    (folder / OUTAGE / records.RECORD_FILE).unlink()
    lines = (folder / OUTAGE / records.TIMELINE_FILE).read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / OUTAGE / records.TIMELINE_FILE).write_text("".join(lines[:200]) + lines[200][:20], encoding="utf-8")
    page = written(folder, only={OUTAGE})
    assert "nobody saw the fault undone" in page.text
    assert "it left no record" in page.text


@pytest.mark.parametrize("content", ["", "[]", '{"run_id": 1}', "\x00\x01"])
def test_a_record_that_is_none_is_a_sentence(folder: Path, content: str) -> None:
    (folder / OUTAGE / records.RECORD_FILE).write_text(content, encoding="utf-8")
    assert "its record is none" in written(folder).text


def test_a_folder_without_experiments_has_a_report_that_claims_nothing(tmp_path: Path) -> None:
    page = written(tmp_path, ())
    assert "INCONCLUSIVE 0 experiments done. Nothing was judged." in page.text


def test_the_page_needs_no_network_and_has_words_for_every_picture(folder: Path) -> None:
    page = written(folder)
    page.assert_harmless()
    pictures = [attributes for name, attributes in page.elements if name == "svg"]
    assert len(pictures) >= 6
    assert all(attributes.get("aria-label") and attributes.get("role") == "img" for attributes in pictures)
    assert (
        "ProviderDown: pending from 9 s to 15 s, firing from 15 s to 45 s, notified at 17 s, resolved at 46 s."
        in page.text
    )


def test_texts_of_a_hostile_target_stay_texts(tmp_path: Path) -> None:
    done = Done(fault=HOSTILE, target=HOSTILE, undo=HOSTILE, injected=1.0, proof=HOSTILE, trouble=HOSTILE)
    record = outage_record(faults=(done,), stopped_by=HOSTILE, base_url=HOSTILE, leftovers=(HOSTILE,))
    labels = {HOSTILE: HOSTILE}
    told = {"number": 1, "receiver": HOSTILE, "status": "firing", "name": HOSTILE, "labels": labels, "received": 0.0}
    samples: list[tuple[type[Seen], float, dict[str, Any]]] = [
        (Mark, 0.5, {"name": timelines.INJECTING, "detail": HOSTILE}),
        (Probed, 1.0, {"probe": HOSTILE, "outcome": HOSTILE, "seconds": 0.1, "code": HOSTILE, "detail": HOSTILE}),
        (Replica, 1.0, {"replica": HOSTILE, "up": True, "breakers": {HOSTILE: 2.0}}),
        (Alerts, 1.0, {"source": "prometheus", "alerts": (Alert(HOSTILE, HOSTILE, labels),)}),
        (Notification, 1.5, told),
        (Trouble, 2.0, {"source": HOSTILE, "text": HOSTILE}),
    ]
    chaos_demo._write(tmp_path / OUTAGE, record, iter(samples))
    bad = outcome("x", failed(HOSTILE, HOSTILE, where=HOSTILE, reproduce=HOSTILE), runbook=f"javascript:{HOSTILE}")
    page = written(tmp_path, (bad,))
    page.assert_harmless()
    assert "<script>alert(1)</script>" in page.text
    words = (tmp_path / writing.MARKDOWN_FILE).read_text(encoding="utf-8")
    assert not re.search(r"(?m)^# @|(?<!\\)<(script|img)|[\x00\x1b]|@team|www\.evil", outside_code(words))


def test_no_secret_reaches_a_report_and_no_word_of_ours_is_masked(folder: Path) -> None:
    masks = Secrets([SECRET, "firing", "ok", "FAIL"])
    leaky = outage_record(stopped_by=f"because of {SECRET}")
    records.write(leaky, folder / OUTAGE / records.RECORD_FILE)
    bad = (outcome("x", failed("a", f"saw {SECRET}")),)
    assert not writing.write_all(folder, bad, clean=lambda text: harmless(masks.mask(text)))
    for name in (writing.HTML_FILE, writing.MARKDOWN_FILE):
        text = (folder / name).read_text(encoding="utf-8")
        assert SECRET not in text
        assert "FAIL" in text
    assert "firing from 15 s" in (folder / writing.HTML_FILE).read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_to_is_a_sentence(tmp_path: Path) -> None:
    in_the_way = tmp_path / "chaos"
    in_the_way.write_text("a file where the folder should be", encoding="utf-8")
    trouble = writing.write_all(in_the_way, RESULTS, clean=str)
    assert "report.html could not be written" in trouble
    assert "report.md could not be written" in trouble


def test_a_report_that_cannot_be_written_leaves_none_of_an_earlier_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(folder)

    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "replace_file", full)
    assert "No space left" in writing.write_all(folder, RESULTS, clean=str)
    assert not (folder / writing.HTML_FILE).exists()


def test_the_markdown_is_short_and_says_the_same(folder: Path) -> None:
    written(folder, exit_code=12)
    text = (folder / writing.MARKDOWN_FILE).read_text(encoding="utf-8")
    assert text.startswith("# FAIL: chaos run\n\n2 experiments done, 1 refused;")
    assert (
        "| outage\\_paddle | paddle: down | **FAIL** | 10.6 s | 1.19 s | 8.40 s | 206 of 1,379 | 8.0 % | 34.8 s |"
        in text
    )
    assert "made at 2 s, **not undone**" in text
    assert len(text) < 4000


def test_verdicts_go_to_their_experiment_by_the_contract_or_by_the_longest_name(folder: Path) -> None:
    (folder / "outage").mkdir()
    records.write(outage_record(experiment="outage"), folder / "outage" / records.RECORD_FILE)
    stories, troubles = writing.told(folder, RESULTS)
    found = {told.name: len(told.results) for told in stories}
    assert found == {"outage": 0, OUTAGE: 7, "redis_slow": 1, "replica_killed": 1}
    assert troubles == ["outage: its timeline cannot be read (No such file or directory)"]


def test_a_long_timeline_is_drawn_with_few_points_and_keeps_its_peaks() -> None:
    points: list[tuple[float, float | None]] = [(float(at), 9.0 if at == 4321 else 0.1) for at in range(10_000)]
    thin = charts.thinned(points)
    assert len(thin) <= 1200
    assert (4321.0, 9.0) in thin


def test_the_outcome_of_an_experiment_is_the_roll_up_of_its_verdicts() -> None:
    assert the_outage().outcome is Outcome.FAIL
    assert Story("x", outage_record(), Timeline([])).outcome is Outcome.INCONCLUSIVE


# ---------------------------------------------------------------------------------------------------------------------
# The live view


def plain(text: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text.replace("\x1b[2K", "\n")).splitlines()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setattr(live, "_REDRAW_SECONDS", 0.0)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return Terminal()


def test_a_terminal_shows_the_step_the_breakers_and_the_alerts_within_its_width(terminal: Terminal) -> None:
    with live_view(terminal, f"{OUTAGE} " + "x" * 100) as view:
        view.step("fault", "paddle: down, " + "y" * 100)
        view.update(the_outage(until=20).timeline)
    drawn = terminal.getvalue()
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l")  # the cursor is back
    lines = plain(drawn)
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert re.search(r"step +fault 0 s +paddle: down", text)
    assert re.search(r"probe +ocr_paddle +█+▁+ 0 % ok", text)
    assert re.search(r"breakers +replica-1/paddle (half-)?open", text)
    assert "ProviderDown firing, notified" in text
    assert "Watchdog" not in text  # it fired before
    assert re.search(r"load +20\.0/s answered", text)


def test_on_a_real_terminal_it_fits_and_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(live, "_REDRAW_SECONDS", 0.0)
    ours, theirs = os.openpty()
    stream = os.fdopen(theirs, "w", encoding="utf-8")
    with live_view(stream, OUTAGE) as view:
        view.step("fault", "paddle: down")
        view.update(the_outage(until=20).timeline)
        drawn = os.read(ours, 100_000).decode()
        os.close(ours)  # the terminal is closed in the middle
        view.step("undo")
        view.update(the_outage(until=40).timeline)
    with contextlib.suppress(OSError):  # what was not written is not written now either
        stream.close()
    assert max(map(len, plain(drawn))) <= 80
    assert "fault" in drawn


def test_without_a_terminal_a_line_comes_at_each_step_and_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    with live_view(stream, OUTAGE) as view:
        view.step("guard")
        view.step("fault", "paddle: down")
        view.update(the_outage(until=20).timeline)
        monkeypatch.setattr(live, "PLAIN_SECONDS", 0.0)
        view.update(the_outage(until=20).timeline)
    lines = stream.getvalue().strip().splitlines()
    assert lines[:2] == [f"{OUTAGE}: guard", f"{OUTAGE}: fault: paddle: down"]
    assert len(lines) == 3
    assert lines[2].startswith(f"{OUTAGE}: fault, 20 s, compare 100 % ok, ocr_paddle 0 % ok, breaker replica-1/paddle")
    assert "ProviderDown firing, notified, " in lines[2]
    assert lines[2].endswith("load 20.0/s")


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_stream_that_is_gone_does_not_end_the_run(kind: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(live, "_REDRAW_SECONDS", 0.0)
    stream = kind()
    steps = 0
    with live_view(stream, OUTAGE) as view:
        for name in ("guard", "steady", "fault", "undoing"):
            if name == "steady":
                monkeypatch.setattr(stream, "write", broken_pipe)
            view.step(name)
            view.update(the_outage(until=9).timeline)
            steps += 1
    assert steps == 4


def test_a_pipe_that_nobody_reads_any_more_ends_the_view_alone() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    stream = os.fdopen(write_end, "w")
    with live_view(stream, OUTAGE) as view:
        view.step("guard")
        view.update(the_outage(until=9).timeline)
    with pytest.raises(BrokenPipeError), closing(stream):
        stream.flush()


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_an_empty_or_odd_timeline_is_shown_anyway(kind: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(live, "_REDRAW_SECONDS", 0.0)
    monkeypatch.setattr(live, "PLAIN_SECONDS", 0.0)
    odd = Timeline([sample(timelines.Load, at, progress={"finished": None}) for at in (0.0, 1.0)])
    with live_view(kind(), "x") as view:
        view.update(Timeline([]))
        view.step("\x1b[31mred", "\n\n")
        view.update(odd)
        view.update(Timeline([sample(Replica, 1.0, replica="r", up=True, breakers={"k": 7.0})]))
