"""JSON Schema of the contract files, for editors: `python -m selfcheck.schema` writes `contract/schema/<area>.json`.

Editors that know TOML (Taplo, for one) find them through the `#:schema` comment in the first line of each file.
"""

import json
import sys
from pathlib import Path
from typing import Any

from selfcheck.contract import (
    DEFAULT_CONTRACT,
    FOR_EACH,
    Act,
    Model,
    Part,
    Platform,
    Promise,
    Route,
    Waiver,
    kinds,
    parts,
)


def schemas() -> dict[str, dict[str, Any]]:
    """Give the schema of each contract file by its area; all kinds must have been registered."""
    tables: dict[str, dict[str, type[Model]]] = {"waivers": {"waiver": Waiver}, "api": {"route": Route, "act": Act}}
    for name, model in (*kinds().items(), *parts().items()):
        area, _, table = name.partition(".")
        tables.setdefault(area, {})[table] = model
    platform = Platform.model_json_schema()
    _let_defaults_give(platform["$defs"]["ComponentPromise"])
    found = {"platform": _with_defaults(platform)}
    for area, models in tables.items():
        definitions: dict[str, Any] = {}
        properties: dict[str, Any] = {}
        for table, model in sorted(models.items()):
            schema = model.model_json_schema(ref_template=f"#/$defs/{table}/$defs/{{model}}")
            if issubclass(model, Promise | Part):
                _let_defaults_give(schema)
                names = {"type": "array", "items": {"type": "string"}, "minItems": 1}
                _let_names_stand_for_each(schema)
                schema["properties"][FOR_EACH] = {"anyOf": [names, {"type": "string"}]}
            definitions[table] = schema
            properties[table] = {"type": "array", "items": {"$ref": f"#/$defs/{table}"}}
        found[area] = _with_defaults(
            {"type": "object", "additionalProperties": False, "properties": properties, "$defs": definitions}
        )
    return found


def _let_defaults_give(promise: dict[str, Any]) -> None:
    """Require only what [defaults] cannot give: everything else may stand there instead of in each table."""
    promise["required"] = [name for name in promise.get("required", []) if name in {"id", "name", "says"}]


def _let_names_stand_for_each(schema: Any) -> None:
    """Let `{each}` stand in names, as it may in tables that stand for several."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            schema["pattern"] = schema["pattern"].replace("[a-z0-9_]", "[a-z0-9_{}]")
        for inner in schema.values():
            _let_names_stand_for_each(inner)
    elif isinstance(schema, list):
        for inner in schema:
            _let_names_stand_for_each(inner)


def _with_defaults(schema: dict[str, Any]) -> dict[str, Any]:
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema.setdefault("properties", {})["defaults"] = {"type": "object"}
    return schema


def render() -> dict[Path, str]:
    """Give the text of each schema file by its path below the contract folder."""
    return {
        Path("schema") / f"{area}.json": json.dumps(schema, indent=1, sort_keys=True) + "\n"
        for area, schema in sorted(schemas().items())
    }


def main() -> None:
    """Write all schema files."""
    from selfcheck.plugin import import_checks  # noqa: PLC0415 - imports pytest

    import_checks()
    for path, text in render().items():
        (DEFAULT_CONTRACT / path).parent.mkdir(exist_ok=True)
        (DEFAULT_CONTRACT / path).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{DEFAULT_CONTRACT.name}/{path}\n")


if __name__ == "__main__":
    main()
