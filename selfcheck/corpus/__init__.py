"""The payloads that synthetic requests carry: drawings, a DXF part, and files that are none of them.

What can be looked at is a real file in this folder; `tools/make_corpus.py` draws it. What is broken on purpose is made
when it is needed (`selfcheck.corpus.broken`). A mark makes a file's bytes unique without changing what it shows, so
that no cache answers for the platform. `python -m selfcheck.corpus NAME` writes a payload to standard output.
"""

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from selfcheck.corpus import broken

_FOLDER = Path(__file__).parent
_MEDIA_TYPES = {".png": "image/png", ".pdf": "application/pdf", ".dxf": "application/dxf", ".txt": "text/plain"}
_PNG_END_CHUNK_BYTES = 12
_CHUNK_FRAME_BYTES = 12


@dataclass(frozen=True, slots=True)
class Payload:
    """A file to send."""

    filename: str
    content: bytes
    media_type: str


class UnknownPayloadError(Exception):
    """The contract names a payload that the corpus does not have."""


_MADE: Mapping[str, Callable[[str], Payload]] = {
    "empty": lambda _: Payload("empty.png", b"", "image/png"),
    "text_named_png": lambda mark: replace(
        payload("not_a_drawing", mark), filename="text_named_png.png", media_type="image/png"
    ),
    "truncated_png": lambda mark: _changed(payload("flange_drawing", mark), "truncated_png.png", broken.cut),
    "truncated_pdf": lambda mark: _changed(payload("flange_scan", mark), "truncated_pdf.pdf", broken.cut),
    "scripted_pdf": lambda mark: _changed(payload("flange_scan", mark), "scripted_pdf.pdf", broken.scripted),
    "bomb": lambda mark: Payload("bomb.png", _marked(".png", broken.bomb(), mark), "image/png"),
    # More than the 1 MiB that vision takes.
    "large_drawing": lambda mark: sized("drawing", mark, 1_100_000),
}


def names() -> list[str]:
    """Give the names of all payloads."""
    return sorted({path.stem for path in _FOLDER.iterdir() if path.suffix in _MEDIA_TYPES} | _MADE.keys())


def payload(name: str, mark: str) -> Payload:
    """Give a payload made unique by `mark` (printable ASCII); raises UnknownPayloadError."""
    if name in _MADE:
        return _MADE[name](mark)
    path, content = _load(name)
    return Payload(path.name, _marked(path.suffix, content, mark), _MEDIA_TYPES[path.suffix])


def sized(name: str, mark: str, size_bytes: int) -> Payload:
    """Give a PNG of the corpus with exactly so many bytes, which shows what it always shows.

    Raises ValueError for a size that is too small.
    """
    made = payload(name, mark)
    padding = size_bytes - len(made.content) - _CHUNK_FRAME_BYTES
    if padding < 0:
        message = f"{name} has {len(made.content)} bytes, it cannot be made to have {size_bytes}"
        raise ValueError(message)
    # Of a kind of chunk that nobody knows, that may be left out, and that says nothing of the picture.
    return replace(made, content=_before_the_end(made.content, b"paDd", bytes(padding)))


def paged(pages: int, mark: str) -> Payload:
    """Give a PDF with so many empty pages."""
    return Payload("pages.pdf", _marked(".pdf", broken.pages(pages), mark), "application/pdf")


def plates(mark: str) -> tuple[Payload, ...]:
    """Give DXF files from a square to a strip, and some with holes: between two kinds of part, both are likely.

    The last one is the first one with the line ends of Windows.
    """
    shapes = [(width, 0) for width in (100, 90, 80, 70, 50, 25)] + [(90, 3), (75, 3)]
    drawn = [_plate(*shape) for shape in shapes]
    drawn.append(drawn[0].replace(b"\n", b"\r\n"))
    return tuple(
        Payload(f"plate-{number}.dxf", _marked(".dxf", content, f"{mark}-{number}"), _MEDIA_TYPES[".dxf"])
        for number, content in enumerate(drawn)
    )


def _plate(width: int, holes: int) -> bytes:
    """Draw a rectangle of lines, 100 high, with holes in a row."""
    corners = [(0, 0), (width, 0), (width, 100), (0, 100)]
    lines = ["0", "SECTION", "2", "ENTITIES"]
    for (x, y), (to_x, to_y) in zip(corners, [*corners[1:], corners[0]], strict=True):
        lines += ["0", "LINE", "8", "0", "10", f"{x}", "20", f"{y}", "11", f"{to_x}", "21", f"{to_y}"]
    for number in range(1, holes + 1):
        lines += ["0", "CIRCLE", "8", "0", "10", f"{width * number / (holes + 1):g}", "20", "50", "40", "5"]
    return "\n".join([*lines, "0", "ENDSEC", "0", "EOF", ""]).encode("ascii")


def location(name: str) -> str | None:
    """Give where a payload lies in the repository, None for one that is made; raises UnknownPayloadError."""
    if name in _MADE:
        return None
    path, _ = _load(name)
    return f"selfcheck/corpus/{path.name}"


@cache
def _load(name: str) -> tuple[Path, bytes]:
    for path in _FOLDER.iterdir():
        if path.stem == name and path.suffix in _MEDIA_TYPES:
            return path, path.read_bytes()
    message = f"the corpus has no payload {name!r}; it has {', '.join(names())}"
    raise UnknownPayloadError(message)


def _changed(sound: Payload, filename: str, change: Callable[[bytes], bytes]) -> Payload:
    return replace(sound, filename=filename, content=change(sound.content))


def _marked(suffix: str, content: bytes, mark: str) -> bytes:
    if suffix == ".png":
        # Every reader of PNG passes over a text chunk.
        return _before_the_end(content, b"tEXt", b"Comment\x00" + mark.encode("ascii"))
    if suffix == ".dxf":
        # Group code 999 is a comment. It comes last: a cache that looks at the beginning of a file only is found out.
        line_end = "\r\n" if b"\r\n" in content else "\n"
        end = f"0{line_end}EOF{line_end}".encode("ascii")
        return content.removesuffix(end) + f"999{line_end}{mark}{line_end}".encode("ascii") + end
    if suffix == ".pdf":
        return content + f"%{mark}\n".encode("ascii")
    return content + mark.encode("ascii")


def _before_the_end(png: bytes, kind: bytes, body: bytes) -> bytes:
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:-_PNG_END_CHUNK_BYTES] + chunk + png[-_PNG_END_CHUNK_BYTES:]
