"""Annotations for GitHub Actions, from the plain data of `verdict.json`."""

from typing import Any

_SHOWN_MAX = 10  # GitHub shows no more annotations of one kind a step


def render(data: dict[str, Any]) -> str:
    """Give workflow commands, one a line: errors for what fails the run, warnings for the rest that is not green."""
    errors: list[tuple[str, str]] = []
    warnings: list[tuple[str, str]] = []
    if data["refusal"]:
        errors.append(("refused", data["refusal"]))
    for item in data["results"]:
        if item["blocked_by"] or item["outcome"] in ("PASS", "NOT COVERED"):
            continue
        text = f"expected {item['expected']}; observed {item['observed']}; see {item['runbook']}"
        fails = item["outcome"] == "FAIL" or data["strict"]
        (errors if fails and not item["waived"] else warnings).append((f"{item['outcome']} {item['id']}", text))
    lines = [_command("error", *found) for found in errors[:_SHOWN_MAX]]
    lines += [_command("warning", *found) for found in warnings[:_SHOWN_MAX]]
    return "".join(lines)


def _command(kind: str, title: str, text: str) -> str:
    return f"::{kind} title={_escape(title, in_property=True)}::{_escape(text)}\n"


def _escape(text: str, *, in_property: bool = False) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return escaped.replace(":", "%3A").replace(",", "%2C") if in_property else escaped
