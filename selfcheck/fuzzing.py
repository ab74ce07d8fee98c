"""Requests that nobody thought of, made from a platform's own OpenAPI document; and answers held against it.

Schemathesis makes the requests, deterministically: the same document and seed give the same ones. Nothing is sent here.
It takes about a second of processor time to load, so it is imported where it is used.
"""

from __future__ import annotations

import random
import re
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import requests
    from schemathesis import APIOperation, BaseSchema, Case, GenerationMode

    from selfcheck.clients.http import Answer

    _Operation = APIOperation[Any, Any, Any, Any]

_BASE = "http://platform"
_BODY_BYTES_MAX = 16 * 1024
_SENDABLE = re.compile(r"[\t\x20-\x7e]*")
_PLAIN_BOUNDARY = "selfcheck-boundary"
_BOUNDARY = re.compile(rb"--([0-9a-f]{32})")
# The client that sends the request decides about these.
_NOT_GENERATED = frozenset(
    {"user-agent", "accept", "accept-encoding", "connection", "content-length", "host", "cookie", "authorization"}
)
# A method that a route does not have may lead anywhere, and is looked at by others.
_OTHER_METHODS = "unspecified_http_method"


@dataclass(frozen=True, slots=True)
class Made:
    """A generated request to a route; `valid` says whether it is, by the document, and `what` is wrong with it."""

    valid: bool
    what: str
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Values:
    """What is put into the bodies of generated requests.

    `filled` maps a field to the text that takes the place of a generated one in requests that are invalid for another
    reason: so they are refused for that reason alone. A generated text longer than `kept_from` characters stays: it is
    the very thing that is tried. `emptied` are fields whose text is taken away, since the platform would act on it.
    """

    filled: Mapping[str, str] = field(default_factory=dict)
    emptied: tuple[str, ...] = ()
    kept_from: int = 64


class Described:
    """An OpenAPI document as schemathesis reads it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Read it; raises ValueError with a sentence for one that cannot be used."""
        self._document = document
        self._schema = _read(document)

    def _operation(self, method: str, path: str) -> _Operation:
        """Raise ValueError where the document does not describe the route, or not so that it can be used."""
        from schemathesis.errors import SchemathesisError  # noqa: PLC0415

        try:
            return self._schema[path][method]
        except (LookupError, SchemathesisError) as error:
            raise ValueError(_first_line(error)) from None

    def problems(self) -> tuple[str, str]:
        """Say where the document is not what OpenAPI says, and where just a schema in it is not; empty where it is.

        Several dialects of JSON Schema are in use, so the latter need not be wrong.
        """
        wrong = _invalid(self._schema)
        if not wrong:
            return "", ""
        beyond_schemas = _invalid(_read(_without_schemas(self._document)))
        return (beyond_schemas, "") if beyond_schemas else ("", wrong)

    def violation(self, method: str, path: str, answer: Answer) -> str:
        """Say where an answer is not what the document says of its status; empty where it is, or says nothing.

        Raises ValueError where the document's own schema cannot be used.
        """
        import requests  # noqa: PLC0415 - comes with schemathesis
        from schemathesis import Response  # noqa: PLC0415 - heavy
        from schemathesis.core.failures import Failure, FailureGroup  # noqa: PLC0415
        from schemathesis.errors import SchemathesisError  # noqa: PLC0415

        with _quiet():
            operation = self._operation(method, path)
            checks = self._schema.config.checks_config_for(operation=operation)
            # A time without an offset is no `date-time`, and yet what many write.
            checks.response_schema_conformance.validate_formats = False
            response = Response(
                status_code=answer.status,
                headers={name: [value] for name, value in answer.headers.items()},
                content=answer.body,
                request=requests.Request(method, _BASE + path).prepare(),
                elapsed=answer.elapsed_seconds,
                verify=True,
            )
            try:
                operation.validate_response(response)
            except FailureGroup as group:
                return _told(next(iter(group.exceptions)))
            except Failure as failure:
                return _told(failure)
            except SchemathesisError as error:
                raise ValueError(_first_line(error)) from None
        return ""

    def statuses(self, method: str, path: str) -> frozenset[str]:
        """Give the statuses that the document names for a route, as it spells them: "200", "4XX", "default"."""
        with _quiet():
            return frozenset(str(status) for status in self._operation(method, path).definition.raw["responses"])

    def requests(
        self,
        method: str,
        path: str,
        *,
        seed: int,
        valid: int,
        invalid: int,
        values: Values,
        taken: Iterable[str] = (),
    ) -> list[Made]:
        """Make that many valid and invalid requests to a route, or as many as there are.

        `taken` are the names of headers that are not generated, since the run sends its own. Raises ValueError where
        the document says nothing from which requests could be made.
        """
        from schemathesis import GenerationMode  # noqa: PLC0415 - heavy
        from schemathesis.errors import SchemathesisError  # noqa: PLC0415

        left_out = _NOT_GENERATED | {name.lower() for name in taken}
        found: dict[tuple[object, ...], Made] = {}
        with _quiet(), _reproducible():
            operation = self._operation(method, path)
            try:
                for mode, count in ((GenerationMode.NEGATIVE, invalid), (GenerationMode.POSITIVE, valid)):
                    wanted = len(found) + count
                    for case in self._cases(operation, mode, seed=seed, count=count):
                        if len(found) >= wanted:
                            break
                        made = _made(case, values, left_out)
                        if made is not None:
                            found.setdefault((made.query, made.headers, made.content), made)
            except SchemathesisError as error:
                raise ValueError(_first_line(error)) from None
        return list(found.values())

    def _cases(self, operation: _Operation, mode: GenerationMode, *, seed: int, count: int) -> Iterator[Case[Any]]:
        """Give one of each kind that schemathesis knows systematically, random ones, and then the rest of the first.

        What is invalid systematically is wrong in one place, and says more than random text; valid ones come in turn.
        """
        chooser = random.Random(seed)  # noqa: S311 - to choose the same each time, not to keep a secret
        kinds: dict[str, list[Case[Any]]] = {}
        for case in self._schema.iter_coverage_cases(
            operation, generation_modes=[mode], generation_config=self._schema.config.generation
        ):
            kinds.setdefault(_kind(case), []).append(case)
        kinds.pop(_OTHER_METHODS, None)
        for cases in kinds.values():
            chooser.shuffle(cases)
        first = [cases.pop() for cases in kinds.values()]
        at_random = _random_cases(operation, mode, seed=seed, count=count)
        if mode.is_negative:
            yield from first
            yield from at_random
        else:
            for pair in zip_longest(first, at_random):
                yield from (case for case in pair if case is not None)
        for cases in kinds.values():
            yield from cases


def _read(document: Mapping[str, Any]) -> BaseSchema:
    with _quiet():
        import schemathesis  # noqa: PLC0415 - heavy
        from schemathesis.errors import LoaderError  # noqa: PLC0415

        try:
            schema = schemathesis.openapi.from_dict(dict(document))
        except LoaderError as error:
            raise ValueError(_first_line(error)) from None
        schema.config.update(base_url=_BASE)
        return schema


def _invalid(schema: BaseSchema) -> str:
    """Say where a document is not what OpenAPI says; empty where it is."""
    import jsonschema_rs  # noqa: PLC0415 - comes with schemathesis

    with _quiet():
        try:
            schema.validate()
        except jsonschema_rs.ValidationError as error:
            place = ".".join(str(part) for part in error.instance_path)
            return f"{place or 'the document'}: {_first_line(error)}"
    return ""


def _without_schemas(node: Any, key: str = "") -> Any:
    """Give a document with every schema in it left open."""
    if key == "schema":
        return {}
    if isinstance(node, dict):
        return {name: {} if key == "schemas" else _without_schemas(inner, name) for name, inner in node.items()}
    return [_without_schemas(inner) for inner in node] if isinstance(node, list) else node


def _kind(case: Case[Any]) -> str:
    assert case.meta is not None
    data: Any = case.meta.phase.data
    return str(data.scenario.value) if data.scenario.value == _OTHER_METHODS else str(data.description)


def _random_cases(operation: _Operation, mode: GenerationMode, *, seed: int, count: int) -> list[Case[Any]]:
    import hypothesis  # noqa: PLC0415 - heavy
    from schemathesis.generation.feedback import NO_FEEDBACK  # noqa: PLC0415 - heavy

    found: list[Case[Any]] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count + 1,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(operation.as_strategy(generation_mode=mode, feedback=NO_FEEDBACK))
    def keep(case: Case[Any]) -> None:
        found.append(case)

    # Where there are no parameters, nothing can be wrong with them.
    with suppress(hypothesis.errors.Unsatisfiable):
        keep()
    return found[1:]  # the first is the simplest there is, which is among the systematic ones


def _made(case: Case[Any], values: Values, left_out: frozenset[str]) -> Made | None:
    """Give a case as it goes over the wire; None for one that cannot, or is about a header that is not sent."""
    import requests  # noqa: PLC0415 - comes with schemathesis

    assert case.meta is not None
    data: Any = case.meta.phase.data
    valid = case.meta.generation.mode.is_positive
    if str(data.parameter or "").lower() in left_out:
        return None
    if isinstance(case.body, dict):
        case.body = _with_values(case.body, values, valid=valid)
    try:
        prepared = requests.Request(**case.as_transport_kwargs(base_url=_BASE)).prepare()
    except (requests.RequestException, ValueError):
        return None
    content = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    media_type = str(prepared.headers.get("Content-Type", ""))
    boundary = _BOUNDARY.match(content or b"")
    if boundary is not None and content is not None:
        # The same each time, as everything else.
        content = content.replace(boundary[1], _PLAIN_BOUNDARY.encode())
        media_type = media_type.replace(boundary[1].decode(), _PLAIN_BOUNDARY)
    named = {name: str(value) for name, value in case.headers.items() if name.lower() not in left_out}
    named |= {"Content-Type": media_type} if media_type else {}
    headers = tuple((name, value) for name, value in named.items() if _SENDABLE.fullmatch(name + value))
    if len(headers) < len(named) or (content is not None and len(content) > _BODY_BYTES_MAX):
        return None
    what = data.description or ("valid" if valid else "invalid")
    return Made(
        valid, f"{what}, at random" if not hasattr(data, "scenario") else what, _query(prepared), headers, content
    )


def _with_values(body: Mapping[str, Any], values: Values, *, valid: bool) -> dict[str, Any]:
    changed = dict(body)
    for name, text in changed.items():
        if not isinstance(text, str):
            continue
        if name in values.emptied:
            changed[name] = ""
        elif name in values.filled and not valid and len(text) <= values.kept_from:
            changed[name] = values.filled[name]
    return changed


def _query(prepared: requests.PreparedRequest) -> str:
    return urlsplit(prepared.url or "").query


def _told(failure: BaseException) -> str:
    """Say in which place an answer is not what was documented."""
    place = ".".join(str(part) for part in getattr(failure, "instance_path", ()))
    said = getattr(failure, "validation_message", "") or _first_line(failure)
    return f"{place}: {said}" if place else said


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the warnings of these libraries about documents that are not ours from ending a run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _reproducible() -> Iterator[None]:
    """Keep Hypothesis from drawing constants of the modules that happen to be imported, which takes a second, too."""
    from hypothesis.internal.conjecture import providers  # noqa: PLC0415 - heavy
    from hypothesis.internal.constants_ast import Constants  # noqa: PLC0415 - heavy

    nothing = Constants()
    with patch.object(providers, "_get_local_constants", lambda: nothing):
        yield
