"""Secrets stay secret: a registry of values that must not appear in any text the suite writes."""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "***"
_SHORTEST_SECRET = 4
_SHORTEST_BASE64_CORE = 6

# Everything between "scheme://" and the last "@" before the path, however odd the characters in it are.
_USER_INFORMATION = re.compile(r"(?<=://)[^\s/?#\"'<>]*@")
# Credentials of an HTTP header, whoever they belong to; shorter words are words, such as "basic
# authentication".
# What is left of them when a part was masked already goes too.
_CREDENTIALS = re.compile(
    r"\b(basic|bearer)(\s+)(?:[\w+/=.~-]{16,}|[\w+/=.~-]*\*{3}[\w+/=.~-]*)", re.ASCII | re.IGNORECASE
)


class Secrets:
    """Values to be masked, in each form in which they may turn up in a text.

    `mask` replaces every registered value, also URL-encoded, JSON- or HTML-escaped, or inside base64 (as in
    an `Authorization: Basic` header), and the `user:password@` of any URL. Values shorter than 4 characters
    are ignored: masking them would make texts unreadable and hide nothing. Safe to use from several threads.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._forms: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        for value in values:
            self.add(value)

    def add(self, value: str | None) -> None:
        """Register a value; None and values that are too short to be secrets are ignored."""
        if value is None or len(value) < _SHORTEST_SECRET:
            return
        with self._lock:
            self._forms |= _forms_of(value)
            # The longest first: a secret may be part of another one, or of its encoded form.
            ordered = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(_as_pattern, ordered)))

    def add_url(self, url: str | None) -> None:
        """Register the password inside a URL such as `redis://:password@host:6379/0`, if it has one."""
        try:
            password = urlsplit(url or "").password
        except ValueError:
            return
        if password:
            self.add(password)
            self.add(unquote(password))

    def mask(self, text: str) -> str:
        """The text with every secret replaced by `***`."""
        masked = text if self._pattern is None else self._pattern.sub(MASK, text)
        masked = _USER_INFORMATION.sub(f"{MASK}@", masked)
        return _CREDENTIALS.sub(rf"\1\2{MASK}", masked)

    def __repr__(self) -> str:
        """Say how many forms are known, not which."""
        return f"Secrets({len(self._forms)} forms)"


def _forms_of(value: str) -> frozenset[str]:
    """Each way in which a value is likely to be written into a text."""
    forms = {value, quote(value, safe=""), quote(value), quote_plus(value)}
    forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    forms |= {html.escape(value), *_base64_cores(value.encode())}
    return frozenset(forms)


def _as_pattern(form: str) -> str:
    """The form itself, except that URL escapes may be written in either case."""
    return re.sub(r"(%[0-9A-F]{2})", r"(?i:\1)", re.escape(form))


def _base64_cores(value: bytes) -> set[str]:
    """What base64 of any longer text that contains the value has in common, at each of the three alignments.

    Base64 turns groups of three bytes into four characters. With the value at offset 0, 1 or 2 of a group,
    the characters at both ends also depend on the neighbours; the rest does not.
    """
    cores = set()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + value).rstrip(b"=")
        first = (offset * 8 + 5) // 6  # the first character made of the value's bits alone
        last = (offset + len(value)) * 8 // 6  # beyond the last such character
        core = encoded[first:last].decode()
        if len(core) >= _SHORTEST_BASE64_CORE:
            cores |= {core, core.replace("+", "-").replace("/", "_")}
    return cores
