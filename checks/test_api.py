"""The documentation: it is served, and describes every promised route."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from selfcheck.checking import check
from selfcheck.contract import Promise, Route, RouteName
from selfcheck.observation import CouldNotObserve
from selfcheck.openapi import elsewhere
from selfcheck.values import curl, dig, json_type, shown, some
from selfcheck.verdict import Verdict, failed, not_covered, passed

if TYPE_CHECKING:
    from selfcheck.clients.http import Answer
    from selfcheck.target import Target

_HTTP_OK = 200


class Documentation(Promise):
    """A page of documentation is served."""

    page: RouteName
    content_type: str
    contains: tuple[str, ...] = Field((), description="One of these texts is on the page, in upper or lower case.")


def judge_documentation(promise: Documentation, answer: Answer) -> Verdict:
    """HTTP 200, the promised content type, and a text that such a page has."""
    expected = f"HTTP 200, {promise.content_type}"
    place = {"where": answer.asked, "reproduce": curl(answer.url, "-sSi")}
    if answer.status != _HTTP_OK or answer.content_type != promise.content_type:
        return failed(expected, f"HTTP {answer.status}, {answer.content_type or 'no content type'}", **place)
    text = answer.body.decode("utf-8", errors="replace")
    if promise.contains and not any(part.lower() in text.lower() for part in promise.contains):
        return failed(f"one of {', '.join(map(shown, promise.contains))} on the page", "none of them", **place)
    return passed(f"{len(answer.body):,} bytes", where=answer.asked)


@check("api.documentation", Documentation)
def test_documentation(promise: Documentation, target: Target) -> Verdict:
    """The page is there."""
    return judge_documentation(promise, target.once(("page", promise.page), lambda: target.platform.get(promise.page)))


class Described(Promise):
    """The OpenAPI document describes a route."""

    route: RouteName


def judge_described(
    route: Route, document: object, promised: Collection[str] = (), *, where: str, reproduce: str
) -> Verdict:
    """The OpenAPI document has the route's path, with its method, and says what it answers.

    A platform that has the route elsewhere (the same last part, and none of the other `promised` paths) needs another
    contract; that is no broken promise.
    """
    place = {"where": where, "reproduce": reproduce}
    expected = f"{route.method} {route.path} described"
    paths = dig(document, "paths")
    if not isinstance(paths, Mapping):
        return failed(expected, f"the document has no paths (it is {json_type(document)})", **place)
    found = paths.get(route.path)
    if not isinstance(found, Mapping):
        if found_at := elsewhere(document, route.method, route.path, promised):
            return not_covered(
                f"this platform has no {route.path}; it describes {some(found_at)}",
                f"put its path of the route {route.name!r} into the contract's api.toml",
            )
        return failed(expected, f"not among the {len(paths)} paths of the document", **place)
    operation = found.get(route.method.lower())
    if not isinstance(operation, Mapping):
        return failed(expected, f"the path is there, with {', '.join(found).upper() or 'no method'}", **place)
    if not isinstance(operation.get("responses"), Mapping) or not operation["responses"]:
        return failed(expected, "the description names no responses", **place)
    return passed("described", where=where)


@check("api.described", Described)
def test_described(promise: Described, target: Target) -> Verdict:
    """The documentation describes the route."""
    route = target.contract.route(promise.route)
    answer = target.openapi(route.component)
    place = {"where": answer.asked, "reproduce": curl(answer.url)}
    try:
        promised = {other.path for other in target.contract.routes.values()}
        return judge_described(route, answer.json(), promised, **place)
    except CouldNotObserve as error:
        return failed("an OpenAPI document", error.came_back, **place)
