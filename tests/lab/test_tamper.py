"""Seeded defects inside a replica: in force with the next request, gone after their undo, and never quietly absent."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from lab.reference.settings import Settings
from lab.tamper import FOLDER, TamperError, active, answers, replaced
from selfcheck.waiting import wait_until
from tests.lab.running import API_KEY, Replica, asking, free_port, replica

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.lab

HEAD = "from types import SimpleNamespace\nfrom lab.tamper import answers, inside, replaced\n"


@dataclass
class FakeLab:
    """All that the kinds need of a lab."""

    directory: Path


class Workshop:
    """Writes defect modules where they can be imported, and switches them."""

    def __init__(self, folder: Path) -> None:
        self.package = f"defects_{os.getpid()}_{id(self)}"
        self._folder = folder / self.package
        self._folder.mkdir()
        (self._folder / "__init__.py").touch()
        self.lab = FakeLab(folder / "lab")

    def write(self, name: str, text: str) -> None:
        (self._folder / f"{name}.py").write_text(HEAD + text, encoding="utf-8")

    def how(self, name: str) -> Any:
        importlib.invalidate_caches()
        return importlib.import_module(f"{self.package}.{name}").DEFECT.how

    @contextmanager
    def broken(self, name: str, text: str) -> Iterator[None]:
        self.write(name, text)
        kind = self.how(name)
        kind.apply(self.lab)
        try:
            yield
        finally:
            kind.undo(self.lab)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("tamper")
    sys.path.insert(0, str(folder))
    try:
        yield Workshop(folder)
    finally:
        sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def platform(workshop: Workshop) -> Iterator[Replica]:
    with replica(replica="replica-1", lab_directory=workshop.lab.directory) as running:
        yield running


ANSWER = "DEFECT = SimpleNamespace(how=answers({paths}, change=change))\n"


def test_an_answer_is_changed_from_the_next_request_until_the_undo(workshop: Workshop, platform: Replica) -> None:
    text = "def change(answer):\n    answer.json['status'] = 'fine'\n" + ANSWER.format(paths="'/health'")
    with workshop.broken("status", text):
        tampered = platform.get("/health")
        assert tampered.json()["status"] == "fine"
        assert len(tampered.content) == int(tampered.headers["content-length"])
        assert platform.get("/api/v1/health").json()["status"] == "degraded"  # another path
    assert platform.get("/health").json()["status"] == "degraded"
    assert not (workshop.lab.directory / FOLDER / "replica-1").exists()


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ("answer.status = 503", lambda answer: answer.status_code == 503),
        ("answer.headers['Content-Type'] = 'text/html'", lambda answer: answer.headers["content-type"] == "text/html"),
        ("del answer.headers['x-frame-options']", lambda answer: "x-frame-options" not in answer.headers),
        ("answer.body = b'\\xff'", lambda answer: answer.content == b"\xff"),
        ("answer.text = answer.text.replace('degraded', 'x')", lambda answer: answer.json()["status"] == "x"),
        ("answer.json = [1]", lambda answer: answer.json() == [1]),
        ("answer.json['a'] = 1; answer.text += ' '", lambda answer: answer.json()["a"] == 1),
        ("answer.delay_seconds = 0.3", lambda answer: answer.elapsed.total_seconds() >= 0.3),
        (
            "answer.json = [answer.method, answer.path, answer.request_headers['x-probe']]",
            lambda answer: answer.json() == ["GET", "/health", "1"],
        ),
    ],
)
def test_every_part_of_an_answer_can_be_changed(
    workshop: Workshop, platform: Replica, change: str, seen: Any, request: pytest.FixtureRequest
) -> None:
    name = f"part_{abs(hash(request.node.name))}"
    text = f"def change(answer):\n    {change}\n" + ANSWER.format(paths="'/health'")
    with workshop.broken(name, text):
        assert seen(platform.get("/health", **{"X-Probe": "1"}))


def test_a_prefix_matches_all_that_begins_with_it_also_the_compressed_metrics(
    workshop: Workshop, platform: Replica
) -> None:
    text = "def change(answer):\n    answer.text = answer.text.replace('ocr_rate_limited', 'x')\n"
    with workshop.broken("prefix", text + ANSWER.format(paths="'/metrics*'")):
        page = platform.get("/metrics/", **{"Accept-Encoding": "gzip"})
        assert "x_total 0.0" in page.text
        assert "ocr_rate_limited" not in page.text
    assert "ocr_rate_limited_total 0.0" in platform.get("/metrics/").text


INSIDE = """
def change(platform):
    return replaced(platform.settings, classifier_rate_limit_burst=999)
DEFECT = SimpleNamespace(how=inside(change=change))
"""


def test_the_inside_is_changed_and_put_back(workshop: Workshop, platform: Replica) -> None:
    def burst() -> int:
        return int(platform.get("/health").json()["config"]["monitoring"]["classifier_rate_limit_burst"])

    with workshop.broken("burst", INSIDE):
        assert burst() == 999
    assert burst() == 20


def test_a_method_of_a_part_is_replaced_and_put_back(workshop: Workshop, platform: Replica) -> None:
    text = """
def change(platform):
    return replaced(platform.classifier, classify=lambda content, tenant: 1 / 0)
DEFECT = SimpleNamespace(how=inside(change=change))
"""
    part = b"0\nSECTION\n2\nENTITIES\n0\nLINE\n10\n1\n0\nENDSEC\n0\nEOF\n"
    with workshop.broken("method", text):
        answer = platform.classify(part)
        assert answer.status_code == 500
        assert answer.json()["detail"]["code"] == "INTERNAL_ERROR"
        assert "ZeroDivision" not in answer.text
    assert platform.classify(part).status_code == 200


def test_several_defects_are_active_at_once_and_undone_in_any_order(workshop: Workshop, platform: Replica) -> None:
    workshop.write("first", "def change(answer):\n    answer.json['a'] = 1\n" + ANSWER.format(paths="'/health'"))
    workshop.write("second", "def change(answer):\n    answer.json['b'] = 2\n" + ANSWER.format(paths="'/health'"))
    first, second = workshop.how("first"), workshop.how("second")
    first.apply(workshop.lab)
    second.apply(workshop.lab)
    assert {"a", "b"} <= platform.get("/health").json().keys()
    assert active(workshop.lab.directory, "replica-1") == [f"{workshop.package}.first", f"{workshop.package}.second"]
    first.undo(workshop.lab)
    assert "a" not in platform.get("/health").json()
    assert "b" in platform.get("/health").json()
    second.undo(workshop.lab)
    second.undo(workshop.lab)  # once more does no harm
    assert "b" not in platform.get("/health").json()


def test_kinds_within_a_combined_kind_are_found(workshop: Workshop, platform: Replica) -> None:
    text = """
def change(answer):
    answer.json["combined"] = True
part = answers("/health", change=change)
class Both:
    kinds = (part, object())
    apply, undo = part.apply, part.undo
DEFECT = SimpleNamespace(how=Both())
"""
    with workshop.broken("combined", text):
        assert platform.get("/health").json()["combined"] is True


def test_a_defect_of_another_replica_changes_nothing_here(workshop: Workshop, platform: Replica) -> None:
    text = """
def change(answer):
    answer.status = 500
DEFECT = SimpleNamespace(how=answers("/health", change=change, replicas=("replica-2",)))
"""
    with workshop.broken("elsewhere", text):
        assert platform.get("/health").status_code == 200
        assert active(workshop.lab.directory, "replica-2") == [f"{workshop.package}.elsewhere"]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("syntax", "this is no Python", "SyntaxError"),
        ("nothing", "", "has no attribute 'DEFECT'"),
        (
            "typo",
            "DEFECT = SimpleNamespace(how=inside(change=lambda platform: replaced(platform.settings, tpyo=1)))",
            "tpyo",
        ),
    ],
)
def test_a_defect_that_cannot_be_loaded_turns_everything_red(
    workshop: Workshop, platform: Replica, name: str, text: str, sentence: str
) -> None:
    workshop.write(name, text)
    file = workshop.lab.directory / FOLDER / "replica-1"
    file.write_text(f"{workshop.package}.{name}\n", encoding="utf-8")
    try:
        for path in ("/health", "/metrics/", "/docs"):
            answer = platform.get(path)
            assert answer.status_code == 500
            assert sentence in answer.text
            assert name in answer.text
    finally:
        file.unlink()
    assert platform.get("/health").status_code == 200


def test_a_defect_that_cannot_be_loaded_is_told_to_whoever_applies_it(workshop: Workshop, platform: Replica) -> None:
    text = "DEFECT = SimpleNamespace(how=inside(change=lambda platform: replaced(platform.settings, tpyo=1)))"
    with pytest.raises(TamperError, match=r"replica-1: .*tpyo"), workshop.broken("told", text):
        pass
    workshop.how("told").undo(workshop.lab)
    assert platform.get("/health").status_code == 200


def test_a_defect_that_fails_on_an_answer_turns_that_answer_red(workshop: Workshop, platform: Replica) -> None:
    text = "def change(answer):\n    answer.json['nowhere']['x'] = 1\n" + ANSWER.format(paths="'/health'")
    with workshop.broken("failing", text):
        answer = platform.get("/health")
        assert answer.status_code == 500
        assert "KeyError" in answer.text


def test_a_changed_module_is_read_anew(workshop: Workshop, platform: Replica) -> None:
    for number in (1, 22):  # of different length: Python compares size and whole seconds
        text = f"def change(answer):\n    answer.json['number'] = {number}\n" + ANSWER.format(paths="'/health'")
        with workshop.broken("edited", text):
            assert platform.get("/health").json()["number"] == number


def test_replaced_refuses_what_is_not_there() -> None:
    settings = Settings()
    with pytest.raises(AttributeError), replaced(settings, no_such_setting=1):
        pass
    assert "no_such_setting" not in vars(settings)


def test_paths_are_needed() -> None:
    with pytest.raises(ValueError, match="at least one path"):
        answers(change=print)


def test_a_process_loads_what_is_active_when_it_starts_and_leaves_no_state_behind(
    workshop: Workshop, tmp_path: Path
) -> None:
    workshop.write("early", "def change(answer):\n    answer.json['early'] = 1\n" + ANSWER.format(paths="'/health'"))
    lab = FakeLab(tmp_path)
    kind = workshop.how("early")
    kind.apply(lab)  # nobody runs: nobody has to confirm
    port = free_port()
    command = [sys.executable, "-m", "lab.reference.app", "--port", str(port), "--replica", "replica-2"]
    environment = os.environ | {
        "LAB_DIRECTORY": str(tmp_path),
        "API_KEYS": API_KEY,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    try:
        with asking(f"http://127.0.0.1:{port}") as client:
            answer = wait_until(lambda: client.get("/health"), timeout_seconds=15, what="the app to answer")
            assert answer.json()["early"] == 1
            kind.undo(lab)
            assert "early" not in client.get("/health").json()
        state = tmp_path / FOLDER / ".replica-2.state"
        assert json.loads(state.read_text(encoding="utf-8"))["pid"] == process.pid
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert process.returncode == -signal.SIGTERM  # passed on by the server after it has ended in good order
    assert not state.exists()
