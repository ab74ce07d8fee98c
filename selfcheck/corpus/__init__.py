"""The payloads that synthetic requests carry: a drawing, a file that is none, a DXF part.

Each is a real file in this folder. A mark makes its bytes unique without changing what it shows, so that no cache
answers for the platform.
"""

import struct
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
_MEDIA_TYPES = {".png": "image/png", ".dxf": "application/dxf", ".txt": "text/plain"}
_PNG_END_CHUNK_BYTES = 12


@dataclass(frozen=True, slots=True)
class Payload:
    """A file to send."""

    filename: str
    content: bytes
    media_type: str


class UnknownPayloadError(Exception):
    """The contract names a payload that the corpus does not have."""


def names() -> list[str]:
    """Give the names of all payloads."""
    return sorted(path.stem for path in _FOLDER.iterdir() if path.suffix in _MEDIA_TYPES)


def payload(name: str, mark: str) -> Payload:
    """Give a payload made unique by `mark` (printable ASCII); raises UnknownPayloadError."""
    path, content = _load(name)
    return Payload(path.name, _marked(path.suffix, content, mark), _MEDIA_TYPES[path.suffix])


def location(name: str) -> str:
    """Give where a payload lies in the repository, for commands that a person repeats; raises UnknownPayloadError."""
    path, _ = _load(name)
    return f"selfcheck/corpus/{path.name}"


@cache
def _load(name: str) -> tuple[Path, bytes]:
    for path in _FOLDER.iterdir():
        if path.stem == name and path.suffix in _MEDIA_TYPES:
            return path, path.read_bytes()
    message = f"the corpus has no payload {name!r}; it has {', '.join(names())}"
    raise UnknownPayloadError(message)


def _marked(suffix: str, content: bytes, mark: str) -> bytes:
    if suffix == ".png":
        # A text chunk before the end chunk: every reader of PNG passes over it.
        body = b"tEXt" + b"Comment\x00" + mark.encode("ascii")
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        return content[:-_PNG_END_CHUNK_BYTES] + chunk + content[-_PNG_END_CHUNK_BYTES:]
    if suffix == ".dxf":
        # Group code 999 is a comment.
        return f"999\n{mark}\n".encode("ascii") + content
    return content + mark.encode("ascii")
