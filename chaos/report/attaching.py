"""Record and timeline of an experiment as attachments of its Allure result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import allure

from chaos.record import RECORD_FILE, TIMELINE_FILE

if TYPE_CHECKING:
    from chaos.evidence import Evidence

_BYTES_MAX: Final = 20_000_000
"""A file that is larger stays in the output folder alone."""


def attach(evidence: Evidence) -> None:
    """Attach the files of an experiment to the test that runs; nothing where Allure is not listening."""
    for name, kind in ((RECORD_FILE, allure.attachment_type.JSON), (TIMELINE_FILE, allure.attachment_type.TEXT)):
        file = Path(evidence.folder) / name
        if evidence.folder and file.is_file() and file.stat().st_size <= _BYTES_MAX:
            title = f"{evidence.record.experiment}: {name}"
            allure.attach.file(str(file), name=title, attachment_type=kind)  # type: ignore[no-untyped-call] # has no types
