"""The JSON Schemas for editors: valid, up to date, and neither stricter nor laxer than the contract's own reader."""

from __future__ import annotations

import datetime as dt
import json
import math
import tomllib
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from selfcheck import schema
from selfcheck.contract import DEFAULT_CONTRACT
from selfcheck.plugin import import_checks

if TYPE_CHECKING:
    from pathlib import Path

import_checks()
SCHEMAS = schema.schemas()
FILES = sorted(path.stem for path in DEFAULT_CONTRACT.glob("*.toml"))


def document(area: str) -> Any:
    """Read a contract file as an editor's validator sees it: dates are text."""
    text = (DEFAULT_CONTRACT / f"{area}.toml").read_text(encoding="utf-8")
    return json.loads(json.dumps(tomllib.loads(text), default=dt.date.isoformat))


@pytest.mark.parametrize("area", sorted(SCHEMAS))
def test_each_schema_is_one(area: str) -> None:
    assert jsonschema_rs.meta.is_valid(SCHEMAS[area])


def test_each_file_of_the_contract_has_a_schema_and_names_it() -> None:
    assert set(FILES) <= set(SCHEMAS)
    for area in FILES:
        first = (DEFAULT_CONTRACT / f"{area}.toml").read_text(encoding="utf-8").splitlines()[0]
        assert first == f"#:schema ./schema/{area}.json"


def finite(value: Any) -> Any:
    """Replace the numbers that TOML knows and JSON does not: a validator of JSON cannot be asked about them."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [finite(inner) for inner in value]
    return 0.0 if isinstance(value, float) and not math.isfinite(value) else value


@pytest.mark.parametrize("area", FILES)
def test_the_contract_is_accepted(area: str) -> None:
    validator = jsonschema_rs.validator_for(SCHEMAS[area])
    assert [str(error) for error in validator.iter_errors(finite(document(area)))] == []


@pytest.mark.parametrize(
    ("area", "change"),
    [
        ("health", {"nothing": []}),
        ("health", {"field": [{"id": "health.x", "says": "it says something", "pgae": "health"}]}),
        ("health", {"field": [{"says": "it says something", "page": "health"}]}),
        ("health", {"field": {"id": "health.x", "says": "it says something"}}),
        ("health", {"field": [{"id": "health x", "says": "it says something"}]}),
        ("health", {"field": [{"id": "health.x", "says": "it says something", "severity": "urgent"}]}),
        ("api", {"route": [{"name": "x", "path": "/x"}]}),
        ("api", {"route": [{"name": "x", "path": "x", "method": "GET"}]}),
        ("metrics", {"counting": [{"id": "metrics.x", "says": "it says something", "moves": [{"sampel": "x"}]}]}),
        ("platform", {"limits": {}}),
        ("platform", {"surprise": 1}),
        ("waivers", {"waiver": [{"check": "health.x"}]}),
    ],
    ids=str,
)
def test_mistakes_are_refused(area: str, change: dict[str, Any]) -> None:
    valid = document(area) if area in FILES else {}
    validator = jsonschema_rs.validator_for(SCHEMAS[area])
    assert validator.is_valid(valid)
    assert not validator.is_valid({**valid, **change})


def test_the_files_for_editors_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "DEFAULT_CONTRACT", tmp_path)
    schema.main()
    assert {path.stem for path in (tmp_path / "schema").iterdir()} == set(SCHEMAS)
