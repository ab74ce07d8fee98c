"""Reads the body of an answer, unpacking it if need be, without ever holding more than was agreed on."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

from selfcheck.clients._explain import Failed
from selfcheck.observation import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_BARE_DEFLATE = -zlib.MAX_WBITS
_PIECE_BYTES = 1 << 20


def read_body(chunks: Iterable[bytes], *, coding: str, length: str, bytes_max: int) -> bytes:
    """All chunks together, unpacked.

    `coding` and `length` are the values of Content-Encoding and Content-Length, empty if there is none.
    `bytes_max` bounds what is received as well as what it unpacks to. Raises `Failed` with TOO_LARGE or
    BAD_ENCODING.
    """
    if length.isdecimal() and len(length) < 20 and int(length) > bytes_max:
        raise _too_large(f"the answer announces {int(length):,} bytes", bytes_max)
    unpacked = _unpacked(chunks, coding.strip().lower(), bytes_max)
    # Unlike a list of chunks or a bytearray, BytesIO gives its content away without a second copy of it.
    body = io.BytesIO()
    for piece in unpacked:
        if body.tell() + len(piece) > bytes_max:
            raise _too_large("the answer does not end", bytes_max)
        body.write(piece)
    return body.getvalue()


def _too_large(what: str, bytes_max: int) -> Failed:
    return Failed(
        Trouble.TOO_LARGE,
        f"{what}; at most {bytes_max:,} are read",
        "Correct the URL if it is not the one that was meant, or raise the limit",
    )


def _unpacked(chunks: Iterable[bytes], coding: str, bytes_max: int) -> Iterable[bytes]:
    if coding in {"", "identity"}:
        return chunks
    if coding in {"gzip", "x-gzip", "deflate"}:
        return _inflated(chunks, coding, bytes_max)
    raise Failed(
        Trouble.BAD_ENCODING,
        f"the answer comes in the encoding “{coding[:40]}”, which was not asked for",
        "Let the service, or the proxy before it, respect “Accept-Encoding: identity”",
    )


def _inflated(chunks: Iterable[bytes], coding: str, bytes_max: int) -> Iterator[bytes]:
    """Unpack gzip or deflate piece by piece: a megabyte may hold a gigabyte."""
    inflater = None
    received = 0
    for chunk in chunks:
        received += len(chunk)
        if received > bytes_max:
            raise _too_large("the answer does not end", bytes_max)
        rest, more = chunk, False
        while rest or more:
            inflater = inflater or zlib.decompressobj(_window_bits(coding, rest))
            try:
                piece = inflater.decompress(rest, _PIECE_BYTES)
            except zlib.error as error:
                raise _bad_packing(coding, str(error)) from None
            yield piece
            rest = inflater.unconsumed_tail
            more = len(piece) == _PIECE_BYTES  # then there may be more inside, even without further input
            if inflater.eof:
                # A gzip file may have several members; zeros after the last one are padding.
                rest, more = inflater.unused_data.lstrip(b"\0"), False
                inflater = None
    if inflater is not None:
        raise _bad_packing(coding, "it ends too early")


def _window_bits(coding: str, beginning: bytes) -> int:
    if coding != "deflate":
        return _GZIP
    # "deflate" means zlib's format, but many servers send it without zlib's two bytes of header.
    checked = len(beginning) == 1 or int.from_bytes(beginning[:2], "big") % 31 == 0
    return _ZLIB if beginning[0] & 0x0F == zlib.DEFLATED and checked else _BARE_DEFLATE


def _bad_packing(coding: str, reason: str) -> Failed:
    return Failed(
        Trouble.BAD_ENCODING,
        f"the answer claims to be {coding} and does not unpack ({reason})",
        "Look at the service, or at the proxy before it, that packs its answers",
    )
