"""Contracts for tests: copies of the real one, changed or cut down."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from selfcheck.contract import DEFAULT_CONTRACT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CORE = ("platform", "api", "health", "metrics", "prometheus", "slo")
"""The areas that `fake_platform` serves: it has no engines to read with, no breakers, no limits."""


def core_contract(folder: Path) -> Path:
    """Copy the areas that the fake platform serves."""
    folder.mkdir(parents=True, exist_ok=True)
    for area in CORE:
        shutil.copy(DEFAULT_CONTRACT / f"{area}.toml", folder)
    return folder


def core_contract_with(folder: Path, edits: Mapping[str, tuple[str, str]]) -> Path:
    """Change a copy of the areas that the fake platform serves, as `contract_with` does."""
    return _edited(folder if folder.exists() else core_contract(folder), edits)


def contract_with(folder: Path, edits: Mapping[str, tuple[str, str]]) -> Path:
    """Copy the default contract and replace a text in some of its files; an empty text to replace means: append."""
    if not folder.exists():
        shutil.copytree(DEFAULT_CONTRACT, folder, ignore=shutil.ignore_patterns("schema"))
    return _edited(folder, edits)


def _edited(folder: Path, edits: Mapping[str, tuple[str, str]]) -> Path:
    for name, (old, new) in edits.items():
        path = folder / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        assert old in text
        path.write_text(text.replace(old, new, 1) if old else text + new, encoding="utf-8")
    return folder
