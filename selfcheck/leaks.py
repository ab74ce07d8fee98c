"""What an error message must not tell: how the service is made, and secrets. Pure."""

import re
from collections.abc import Iterable, Mapping

from selfcheck.values import shown

_SHOWN_CHARACTERS_MAX = 80


def leaks(text: str, patterns: Mapping[str, str], secrets: Iterable[str | None] = ()) -> list[str]:
    """Say what a text gives away: what matches one of the patterns, by name, and which secrets stand in it.

    The text of a secret is not repeated.
    """
    found = [
        f"{name}: {shown(match.group(), _SHOWN_CHARACTERS_MAX)}"
        for name, pattern in patterns.items()
        if (match := re.search(pattern, text)) is not None
    ]
    if any(secret and secret in text for secret in secrets):
        found.append("a credential of this run")
    return found
