"""The closed users of Locust's own web page: the same consent, the same target, bounded, and nothing left behind."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.gate import fake_platform
from tests.load.engines import ROOT, Bench

if TYPE_CHECKING:
    from tests.gate.fake_platform import FakePlatform

pytestmark = pytest.mark.slow

LOCUST = Path(sys.executable).parent / "locust"
BATCHES = {"/classify/batch": fake_platform.sends(b"{}")}
"""What the fake platform does not have of itself."""


def bench(folder: Path, platform: FakePlatform, *, rate_max: float = 1000) -> Bench:
    """Allow load on a platform."""
    settings = {"SELF_CHECK_API_KEY": fake_platform.API_KEY, "SELF_CHECK_ADMIN_TOKEN": fake_platform.ADMIN_TOKEN}
    return Bench(folder, platform.url, answer_bytes_max=1_000_000, settings=settings, rate_max=rate_max)


def run(of: Bench, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Locust without its page, on the locustfile."""
    return subprocess.run(
        [str(LOCUST), "-f", "load/locustfile.py", "--headless", *arguments],
        cwd=ROOT,
        env=of.environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def asked(platform: FakePlatform) -> Counter[str]:
    """How often each path was asked for, by users and by who looks before them."""
    return Counter(seen.path for seen in platform.seen)


def test_users_are_tagged_keep_below_the_ceiling_and_remove_what_they_registered(tmp_path: Path) -> None:
    with fake_platform.serving(BATCHES) as platform:
        done = run(bench(tmp_path, platform, rate_max=15), "-u", "200", "-r", "200", "-t", "8s")
        assert done.returncode == 0, done.stderr
        paths = asked(platform)
        assert {"/api/v1/ocr/extract", "/api/compare", "/api/v1/vision/analyze"} <= set(paths)
        assert paths["/api/v1/vectors/register"] == paths["/api/v1/vectors/delete"] == 1
        # Locust counts its time from before the users are there, so it may be less.
        assert 20 < paths.total() <= 8 * 15 + 40
        assert all("x-synthetic-check" in seen.headers for seen in platform.seen)
        assert platform.vectors == {}
    assert "0(0.00%)" in done.stderr + done.stdout
    assert fake_platform.API_KEY not in done.stderr + done.stdout


def test_users_can_be_chosen_by_the_name_of_an_operation(tmp_path: Path) -> None:
    with fake_platform.serving() as platform:
        done = run(bench(tmp_path, platform), "-u", "5", "-r", "5", "-t", "8s", "--tags", "compare")
        assert done.returncode == 0, done.stderr
        paths = asked(platform)
    assert paths["/api/compare"] > 5
    assert paths["/api/v1/ocr/extract"] == 0


def test_a_profile_says_how_many_users_there_are_and_for_how_long(tmp_path: Path) -> None:
    with fake_platform.serving(BATCHES) as platform:
        chosen = bench(tmp_path, platform)
        chosen.settings |= {"SELF_CHECK_LOAD_PROFILE": "smoke", "SELF_CHECK_LOAD_SECONDS": "4"}
        done = run(chosen)
        assert done.returncode == 0, done.stderr
        assert platform.vectors == {}
        assert asked(platform).total() > 12
    assert "Shape test stopping" in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"synthetic", "load"]\nload_rate_max = 1000', '"synthetic"]', "does not allow load"),
        ('"synthetic", "load"]\nload_rate_max = 1000', '"synthetic", "load"]', "no ceiling for load"),
    ],
)
def test_without_consent_nothing_is_sent(tmp_path: Path, old: str, new: str, words: str) -> None:
    with fake_platform.serving() as platform:
        refused = bench(tmp_path, platform)
        path = tmp_path / "contract" / "platform.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        done = run(refused, "-u", "1", "-t", "2s")
        assert platform.seen == []
    assert done.returncode != 0
    assert words in done.stderr


def test_several_processes_are_refused(tmp_path: Path) -> None:
    with fake_platform.serving() as platform:
        done = run(bench(tmp_path, platform), "--master", "--expect-workers", "1", "-u", "1")
        assert platform.seen == []
    assert done.returncode != 0
    assert "one process" in done.stderr


def test_what_is_not_the_platform_is_not_loaded(tmp_path: Path) -> None:
    with fake_platform.serving({"*": fake_platform.sends(b"hello", content_type="text/plain")}) as platform:
        run(bench(tmp_path, platform), "-u", "5", "-r", "5", "-t", "4s")
        assert platform.posts() == []
