"""Reading an OpenAPI document: references, operations, and the names and types that go in and come out. Pure.

Only what stands in the document itself is followed; a reference that leads out of it is named, not fetched.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from selfcheck.values import Missing

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_REFERENCES_MAX = 20
_NESTING_MAX = 12
# What stands below these is data, not document.
_DATA = frozenset({"example", "examples", "default", "enum", "const"})
_ALTERNATIVES = ("anyOf", "oneOf", "allOf")
_MISSING = Missing("")


def references(node: object, path: str = "", *, names: bool = False) -> Iterator[tuple[str, str]]:
    """Give (where it stands, what it names) for every `$ref` of a document.

    `names` says that the keys of the node are names that somebody chose, as those of properties are.
    """
    if isinstance(node, Mapping):
        target = node.get("$ref")
        if isinstance(target, str) and not names:
            yield path, target
        for key, inner in node.items():
            if names or key not in _DATA:
                below = f"{path}.{key}" if path else str(key)
                yield from references(inner, below, names=not names and key in {"properties", "schemas"})
    elif isinstance(node, list):
        for index, inner in enumerate(node):
            yield from references(inner, f"{path}.{index}")


def lookup(document: object, target: str) -> object:
    """Follow a reference into its own document; gives `Missing` where it leads nowhere."""
    here = document
    for part in target.removeprefix("#").split("/")[1:]:
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(here, Mapping):
            here = here.get(name, _MISSING)
        elif isinstance(here, list) and name.isdigit() and int(name) < len(here):
            here = here[int(name)]
        else:
            return _MISSING
    return here


def resolved(document: object, node: object) -> Mapping[str, Any]:
    """Give the object that a node is or, through references, stands for; an empty one where there is none."""
    for _ in range(_REFERENCES_MAX):
        if not isinstance(node, Mapping):
            return {}
        target = node.get("$ref")
        if not isinstance(target, str):
            return node
        node = lookup(document, target) if target.startswith("#") else None
    return {}


def operations(document: object) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Give (method in upper case, path, operation) for everything that the document describes."""
    paths = document.get("paths") if isinstance(document, Mapping) else None
    for path, item in paths.items() if isinstance(paths, Mapping) else ():
        for method, operation in resolved(document, item).items():
            if method in METHODS and isinstance(operation, Mapping):
                yield method.upper(), str(path), operation


def operation(document: object, method: str, path: str) -> Mapping[str, Any] | None:
    """Give what a document says of a route; None where it does not describe it."""
    return next((found for m, p, found in operations(document) if (m, p) == (method, path)), None)


def elsewhere(document: object, method: str, path: str, promised: Collection[str]) -> list[str]:
    """Find where a platform that does not describe a path may have put it.

    That is where its last two words stand with the same method, on none of the other `promised` paths; the prefix and
    the version of an API are no words. One word alone will do where it is all that either path has, or is made of
    several: `health` stands at the end of many paths that have nothing to do with each other.
    """
    if operation(document, method, path) is not None:
        return []
    words = _words(path)
    # What longer promised paths end with as well says nothing by itself.
    is_common = any(len(_words(other)) > len(words) and _words(other)[-1:] == words[-1:] for other in promised)

    def may_be(other: tuple[str, ...]) -> bool:
        if other == words:
            return True
        if min(len(words), len(other)) == 1 or re.search(r"[-_]", words[-1]):
            return other[-1:] == words[-1:] and not is_common
        return other[-2:] == words[-2:]

    return [
        other
        for by, other, _ in operations(document)
        if by == method and may_be(_words(other)) and other.rstrip("/") != path.rstrip("/") and other not in promised
    ]


def _words(path: str) -> tuple[str, ...]:
    """Give the parts of a path that tell what it is for."""
    parts = [part for part in path.lower().split("/") if part and not re.fullmatch(r"api|v\d+", part)]
    return tuple(parts or [""])


def repeated_ids(document: object) -> dict[str, list[str]]:
    """Give the operation ids that are used more than once, each with its operations."""
    ids = [(found.get("operationId"), f"{method} {path}") for method, path, found in operations(document)]
    counts = Counter(id_ for id_, _ in ids if isinstance(id_, str))
    return {id_: [name for other, name in ids if other == id_] for id_, count in counts.items() if count > 1}


def parameters(document: object, method: str, path: str) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Give the parameters of a route by (place, name in lower case), also those that stand at its path."""
    paths = document.get("paths") if isinstance(document, Mapping) else None
    item = resolved(document, paths.get(path)) if isinstance(paths, Mapping) else {}
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for holder in (item, operation(document, method, path) or {}):
        listed = holder.get("parameters")
        for node in listed if isinstance(listed, list) else ():
            parameter = resolved(document, node)
            found[str(parameter.get("in")), str(parameter.get("name")).lower()] = parameter
    return found


def body_schema(document: object, found: Mapping[str, Any], media_type: str) -> Mapping[str, Any] | None:
    """Give the schema of an operation's body in a media type; None where it has none of that type."""
    return _content_schema(document, resolved(document, found.get("requestBody")), media_type)


def answer_schema(document: object, found: Mapping[str, Any], status: int, media_type: str) -> Mapping[str, Any] | None:
    """Give the schema of an operation's answer with a status; None where nothing is said of it."""
    answers = found.get("responses")
    node = answers.get(str(status)) if isinstance(answers, Mapping) else None
    return _content_schema(document, resolved(document, node), media_type)


def _content_schema(document: object, holder: Mapping[str, Any], media_type: str) -> Mapping[str, Any] | None:
    content = holder.get("content")
    if not isinstance(content, Mapping):
        return None
    for name, described in content.items():
        if str(name).partition(";")[0].strip().lower() == media_type:
            return resolved(document, resolved(document, described).get("schema"))
    return None


def forms(document: object, schema: object, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Give a schema and everything that it is made of or may be instead, references resolved."""
    found = resolved(document, schema)
    if not found or depth > _NESTING_MAX:
        return
    yield found
    for keyword in _ALTERNATIVES:
        parts = found.get(keyword)
        for part in parts if isinstance(parts, list) else ():
            yield from forms(document, part, depth + 1)


def properties(document: object, schema: object) -> dict[str, Mapping[str, Any]]:
    """Give the schemas of the fields of an object; empty where the schema leaves them open."""
    found: dict[str, Mapping[str, Any]] = {}
    for form in forms(document, schema):
        named = form.get("properties")
        if isinstance(named, Mapping):
            found |= {str(name): resolved(document, inner) for name, inner in named.items()}
    return found


def required(document: object, schema: object) -> frozenset[str]:
    """Give the names of the fields that an object must have."""
    listed = [form.get("required") for form in forms(document, schema)]
    return frozenset(str(name) for names in listed if isinstance(names, list) for name in names)


def types(document: object, schema: object) -> frozenset[str]:
    """Give the types that a value may have, without null; empty where the schema leaves that open."""
    found: set[str] = set()
    for form in forms(document, schema):
        named = form.get("type")
        found |= {str(name) for name in (named if isinstance(named, list) else [named] if named is not None else [])}
        values = form.get("enum", [form["const"]] if "const" in form else [])
        if named is None and isinstance(values, list):
            found |= {"string" for value in values if isinstance(value, str)}
    return frozenset(found - {"null"})


def items(document: object, schema: object) -> Mapping[str, Any]:
    """Give the schema of an array's items; an empty one where it is left open."""
    return next((resolved(document, form["items"]) for form in forms(document, schema) if "items" in form), {})
