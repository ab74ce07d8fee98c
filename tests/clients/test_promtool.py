"""promtool is run for real, bounded, and what it says is read."""

from __future__ import annotations

import json
import math
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from selfcheck.clients.promtool import Promtool, alert_test, expression_test, read_tests
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

HERE = Promtool.found(None)
needs_promtool = pytest.mark.skipif(HERE is None, reason="needs promtool (Debian: apt-get install prometheus)")

RULES = {
    "groups": [
        {
            "name": "g",
            "rules": [
                {"record": "r", "expr": "sum by (a) (rate(x_total[5s]))"},
                {
                    "alert": "High",
                    "expr": "r > 0.5",
                    "for": "2s",
                    "annotations": {"good": '{{ $value }} "of" {{ $labels.a }}', "bad": '{{ query "no" | first }}'},
                },
            ],
        }
    ]
}


def written(folder: Path, name: str, rules: object, *queries: str) -> Path:
    (folder / f"{name}.rules.json").write_text(json.dumps(rules), encoding="utf-8")
    test = {
        "name": name,
        "interval": "1s",
        "input_series": [{"series": 'x_total{a="b \\"c\\""}', "values": "0+1x20"}, {"series": "odd", "values": "NaN"}],
        "promql_expr_test": [expression_test(number, query, "10s") for number, query in enumerate(queries)],
        "alert_rule_test": [alert_test("High", "10s")],
    }
    path = folder / f"{name}.json"
    path.write_text(
        json.dumps({"rule_files": [f"{name}.rules.json"], "evaluation_interval": "1s", "tests": [test]}),
        encoding="utf-8",
    )
    return path


def program(folder: Path, text: str) -> Promtool:
    path = folder / "promtool"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return Promtool(str(path))


@needs_promtool
def test_values_and_alerts_are_read(tmp_path: Path) -> None:
    """Each query's values come back, whatever they are, and the texts of alerts."""
    assert HERE is not None
    path = written(tmp_path, "one", RULES, "r", "nothing_there", "odd", "r\n  # a remark\n * 0", "1 / 0")
    other = written(tmp_path, "two", RULES, "42")
    first, second = HERE.test([path, other], timeout_seconds=30)
    values = first.values[0]
    assert isinstance(values, tuple)
    assert values[0].labels == {"__name__": "r", "a": 'b "c"'}
    assert values[0].value == pytest.approx(1)
    assert first.values[1] == ()
    odd = first.values[2]
    assert isinstance(odd, tuple)
    assert math.isnan(odd[0].value)
    infinite = first.values[4]
    assert isinstance(infinite, tuple)
    assert infinite[0].value == math.inf
    assert isinstance(first.values[3], tuple)
    assert first.alerts[0].labels["alertname"] == "High"
    assert first.alerts[0].annotations["good"] == '1 "of" b "c"'
    assert "error expanding template" in first.alerts[0].annotations["bad"]
    answer = second.values[0]
    assert isinstance(answer, tuple)
    assert answer[0].value == 42


@needs_promtool
def test_a_rule_that_is_refused_is_told(tmp_path: Path) -> None:
    """What promtool does not take is not silent, and named as it names it."""
    assert HERE is not None
    refused = {"groups": [{"name": "g", "rules": [{"record": "r", "expr": "rrate(x[5m])"}]}]}
    [tested] = HERE.test([written(tmp_path, "first", refused, "r")], timeout_seconds=30)
    assert 'group "g", rule 1, "r"' in tested.refused
    assert not tested.values


@needs_promtool
def test_a_rule_that_cannot_be_evaluated_is_told(tmp_path: Path) -> None:
    """The rule is named, with the reason."""
    assert HERE is not None
    failing = {"groups": [{"name": "g", "rules": [{"record": "r", "expr": "up / on () up"}]}]}
    path = written(tmp_path, "first", failing, "r")
    text = path.read_text(encoding="utf-8")
    twice = '[{"series": "up{a=\\"1\\"}", "values": "1"}, {"series": "up{a=\\"2\\"}", "values": "1"}, '
    path.write_text(text.replace('"input_series": [', f'"input_series": {twice}'), encoding="utf-8")
    [tested] = HERE.test([path], timeout_seconds=30)
    assert "duplicate series" in tested.rule_errors["r"]


def test_its_errors_of_rules_are_read() -> None:
    """The name of the rule and the reason are taken from what it says."""
    said = (
        "Unit Testing:  t.json\n  FAILED:\n"
        "    rule: platform:ratio, time: 0s, err: found duplicate series for the match group {}\n\n"
    )
    tested = read_tests(said)["t.json"]
    assert tested.rule_errors == {"platform:ratio": "found duplicate series for the match group {}"}
    assert tested.refused == ""


def test_it_is_ended_when_time_is_up(tmp_path: Path) -> None:
    """A promtool that hangs is ended, and that is said."""
    slow = program(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 60")
    started = time.monotonic()
    with pytest.raises(CouldNotObserve) as raised:
        slow.test([tmp_path / "t.json"], timeout_seconds=0.5)
    assert raised.value.trouble is Trouble.TIMED_OUT
    assert "SELF_CHECK_DEADLINE" in raised.value.sentence
    assert time.monotonic() - started < 20
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text(encoding="utf-8")), 0)


def test_it_is_ended_when_the_run_is_over(tmp_path: Path) -> None:
    """Another thread stops it: what runs is ended, and nothing more is begun."""
    stopping = threading.Event()
    started = tmp_path / "pid"
    slow = Promtool(program(tmp_path, f"echo $$ > {started}; exec sleep 60").path, stopping)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(slow.test, [tmp_path / "t.json"], timeout_seconds=60)
        wait_until(lambda: started.exists() and started.stat().st_size > 0, timeout_seconds=20, what="its start")
        stopping.set()
        with pytest.raises(CouldNotObserve, match="the run was ended"):
            running.result(timeout=20)
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text(encoding="utf-8")), 0)
    with pytest.raises(CouldNotObserve, match="the run was ended"):
        slow.test([tmp_path / "t.json"], timeout_seconds=60)


def test_it_gets_nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the run reaches it, and no secret in one."""
    monkeypatch.setenv("SELF_CHECK_API_KEY", "secret-key")
    [(code, said)] = [program(tmp_path, "env").check("rules", [tmp_path], timeout_seconds=10)]
    assert code
    assert "secret-key" not in said


def test_what_says_nothing_is_told(tmp_path: Path) -> None:
    """A program that is not promtool has refused the file."""
    [tested] = program(tmp_path, "echo something else").test([tmp_path / "t.json"], timeout_seconds=10)
    assert tested.refused == "something else"
    assert not tested.values


def test_a_program_that_cannot_be_run(tmp_path: Path) -> None:
    """The reason names the setting."""
    path = tmp_path / "promtool"
    path.write_text("no program", encoding="utf-8")
    with pytest.raises(CouldNotObserve, match="SELF_CHECK_PROMTOOL"):
        Promtool(str(path)).test([tmp_path / "t.json"], timeout_seconds=10)


def test_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is named comes first; without one there is none."""
    named = program(tmp_path, "true")
    assert Promtool.found(named.path) is not None
    assert Promtool.found(str(tmp_path / "nowhere")) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("promtool") == named.path
    monkeypatch.setenv("PATH", "")
    assert Promtool.found(None) is None
