"""What the client of the platform puts into its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfcheck import settings
from selfcheck.clients.platform import Sending
from selfcheck.contract import load
from selfcheck.run import open_run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_workers_of_one_run_share_nothing_but_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One worker removes what it registered: another one's must have another name, and other files."""
    monkeypatch.chdir(tmp_path)
    contract = load()
    runs = [open_run(settings.read(), contract, run_id="selfcheck-0123456789ab") for _ in range(2)]
    try:
        platforms = [run.target.platform for run in runs]
        sending = Sending(next(act for act in contract.acts.values() if act.file and not act.repeat))
        first, second = (platform.request(sending) for platform in platforms)
        assert first.headers == second.headers  # the tag of the run
        assert first.files != second.files
        assert platforms[0].mark != platforms[1].mark
        assert all(platform.mark.startswith(platform.run_id) for platform in platforms)
    finally:
        for run in runs:
            run.target.http.close()
