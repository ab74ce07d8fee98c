"""HTML and SVG as nested elements in which every text is escaped, because nothing else can be put in."""

from __future__ import annotations

import html
import re

# What neither HTML nor the XML of a picture can hold, whatever the escape.
_NOT_TEXT = re.compile("[^\t\n\u0020-\u007e\u00a0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]")
# SVG in a file of its own is XML, which has no void elements; HTML reads `<br>` and the like only without an end.
_VOID = frozenset({"meta", "br"})


class Markup(str):
    """Text that is markup already; only `element` and `joined` make it."""

    __slots__ = ()


def element(name: str, /, *inside: object, **attributes: object) -> Markup:
    """Give an element; what is inside is escaped unless it is markup, and attributes always are.

    `class_` is the attribute `class`, and `font_size` is `font-size`; attributes that are None are left out, and so is
    None inside.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>" if name in _VOID else f"<{name}{written}>{joined(*inside)}</{name}>")


def joined(*parts: object) -> Markup:
    """Give several texts and pieces of markup one after the other."""
    return Markup("".join(part if isinstance(part, Markup) else escaped(part) for part in parts if part is not None))


def escaped(value: object) -> str:
    """Give a text in which nothing is markup, not even inside an attribute."""
    return html.escape(visible(str(value)))


def visible(text: str) -> str:
    """Give a text with a replacement for each character that no document can hold."""
    return _NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)
