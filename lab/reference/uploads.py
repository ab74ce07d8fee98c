"""Looking at an upload before any provider sees it. Pure: bytes in, media type or ClientMistakeError out.

The looks of a file decide, never its name or the media type that the client claims.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Final

from lab.reference.errors import ClientMistakeError, Rejection

PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
PDF: Final = "application/pdf"

PIXELS_MAX: Final = 25_000_000
_INFLATED_MAX_BYTES = 64 * 1024 * 1024
_INFLATE_STEP_BYTES = 64 * 1024

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_JPEG_START_OF_SCAN = 0xDA

_PDF_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_PDF_OBJECT_STREAM = re.compile(rb"/ObjStm\b[^>]*>>\s*stream\r?\n(.*?)endstream", re.DOTALL)
_PDF_ESCAPED_NAME = re.compile(rb"#([0-9A-Fa-f]{2})")
_PDF_ACTIVE = re.compile(rb"/(JS|JavaScript|OpenAction|AA|Launch)(?![A-Za-z0-9])")
_PDF_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_PDF_COUNT = re.compile(rb"/Count\s+(\d{1,9})")


def check_image(content: bytes) -> str:
    """Give the media type of a sound PNG or JPEG image; raises ClientMistakeError."""
    if not content:
        raise ClientMistakeError(Rejection.EMPTY, "the image is empty")
    if content.startswith(_PNG_SIGNATURE):
        _check_png(content)
        return PNG
    if content.startswith(b"\xff\xd8\xff"):
        _check_jpeg(content)
        return JPEG
    raise ClientMistakeError(Rejection.UNSUPPORTED_TYPE, "the image is neither PNG nor JPEG")


def check_drawing(content: bytes, *, max_bytes: int, max_pages: int) -> str:
    """Give the media type of a sound drawing (PNG, JPEG or PDF); raises ClientMistakeError."""
    if not content:
        raise ClientMistakeError(Rejection.EMPTY, "the file is empty")
    if len(content) > max_bytes:
        message = f"the file has {len(content)} bytes, {max_bytes} are allowed"
        raise ClientMistakeError(Rejection.TOO_LARGE, message)
    if content.startswith(b"%PDF-"):
        _check_pdf(content, max_pages)
        return PDF
    if content.startswith((_PNG_SIGNATURE, b"\xff\xd8\xff")):
        return check_image(content)
    # A signature that breaks off is a broken upload rather than another kind of file.
    if any(start.startswith(content) for start in (_PNG_SIGNATURE, b"\xff\xd8\xff", b"%PDF-")):
        raise ClientMistakeError(Rejection.TRUNCATED, "the file ends within its first bytes")
    raise ClientMistakeError(Rejection.UNSUPPORTED_TYPE, "the file is neither PNG, JPEG nor PDF")


def _check_png(content: bytes) -> None:
    header: bytes | None = None
    inflated = 0
    expected = 0
    inflater = zlib.decompressobj()
    for kind, body in _png_chunks(content):
        if header is None:
            if kind != b"IHDR" or len(body) != struct.calcsize(">IIBBBBB"):
                raise ClientMistakeError(Rejection.UNREADABLE, "the PNG does not begin with its header")
            header = body
            expected = _png_pixel_bytes(body)
        elif kind == b"IDAT":
            try:
                # A little more than the header promises is borne: interlaced images pad each pass.
                inflated += _inflated_bytes(inflater, body, limit=expected * 2 + 4096 - inflated)
            except zlib.error as error:
                raise ClientMistakeError(Rejection.UNREADABLE, "the PNG's pixels are damaged") from error
        elif kind == b"IEND":
            if inflated < expected:
                raise ClientMistakeError(Rejection.TRUNCATED, "the PNG has fewer pixels than it says")
            return
    raise ClientMistakeError(Rejection.TRUNCATED, "the PNG ends too early")


def _png_pixel_bytes(header: bytes) -> int:
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", header)
    if width == 0 or height == 0 or colour not in _PNG_CHANNELS or depth not in (1, 2, 4, 8, 16):
        raise ClientMistakeError(Rejection.UNREADABLE, "the PNG's header makes no sense")
    _check_pixels(width, height)
    if interlace:
        return int(width * height * depth * _PNG_CHANNELS[colour] // 8)
    return int(height * (1 + (width * depth * _PNG_CHANNELS[colour] + 7) // 8))


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG_SIGNATURE)
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        end = at + 12 + length
        if end > len(content):
            return
        kind = content[at + 4 : at + 8]
        body = content[at + 8 : end - 4]
        if zlib.crc32(body, zlib.crc32(kind)) != struct.unpack_from(">I", content, end - 4)[0]:
            raise ClientMistakeError(Rejection.UNREADABLE, "the PNG is damaged: a checksum does not fit")
        yield kind, body
        at = end


def _inflated_bytes(inflater: "zlib._Decompress", data: bytes, *, limit: int) -> int:
    """Count the bytes that data inflates to, in small steps; raises ClientMistakeError beyond the limit."""
    count = 0
    while data and not inflater.eof:
        count += len(inflater.decompress(data, _INFLATE_STEP_BYTES))
        if count > limit:
            raise ClientMistakeError(Rejection.DECOMPRESSION_BOMB, "the file inflates to far more than it says")
        data = inflater.unconsumed_tail
    return count


def _check_pixels(width: int, height: int) -> None:
    if width * height > PIXELS_MAX:
        message = f"the image has {width} x {height} pixels, {PIXELS_MAX} in all are allowed"
        raise ClientMistakeError(Rejection.DECOMPRESSION_BOMB, message)


def _check_jpeg(content: bytes) -> None:
    at = 2
    framed = False
    while at + 4 <= len(content) and content[at] == 0xFF:
        kind = content[at + 1]
        if kind == 0xFF or kind in _JPEG_STANDALONE:
            at += 1 if kind == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", content, at + 2)
        if kind in _JPEG_FRAMES and at + 9 <= len(content):
            height, width = struct.unpack_from(">HH", content, at + 5)
            _check_pixels(width, height)
            framed = True
        if kind == _JPEG_START_OF_SCAN:
            if not framed:
                raise ClientMistakeError(Rejection.UNREADABLE, "the JPEG has no frame")
            if b"\xff\xd9" not in content[-64:]:
                raise ClientMistakeError(Rejection.TRUNCATED, "the JPEG ends too early")
            return
        at += 2 + length
    raise ClientMistakeError(Rejection.TRUNCATED, "the JPEG ends within its header")


def _check_pdf(content: bytes, max_pages: int) -> None:
    if b"%%EOF" not in content[-1024:]:
        raise ClientMistakeError(Rejection.TRUNCATED, "the PDF ends too early")
    # Names may be spelled with escapes, and objects may hide in compressed object streams. Pixel data is left out: a
    # name that turns up there by chance means nothing.
    objects = [_PDF_STREAM.sub(b"", content), *_object_streams(content)]
    pages = 0
    promised = 0
    for part in objects:
        plain = _PDF_ESCAPED_NAME.sub(lambda match: bytes([int(match[1], 16)]), part)
        if _PDF_ACTIVE.search(plain):
            raise ClientMistakeError(Rejection.ACTIVE_CONTENT, "the PDF contains a script or an action")
        if b"/Encrypt" in plain:
            raise ClientMistakeError(Rejection.UNREADABLE, "the PDF is encrypted")
        pages += len(_PDF_PAGE.findall(plain))
        promised = max([promised, *(int(number) for number in _PDF_COUNT.findall(plain))])
    if max(pages, promised) > max_pages:
        message = f"the PDF has {max(pages, promised)} pages, {max_pages} are allowed"
        raise ClientMistakeError(Rejection.TOO_MANY_PAGES, message)
    if pages == 0:
        raise ClientMistakeError(Rejection.UNREADABLE, "the PDF has no page")


def _object_streams(content: bytes) -> Iterator[bytes]:
    left = _INFLATED_MAX_BYTES
    for match in _PDF_OBJECT_STREAM.finditer(content):
        inflater = zlib.decompressobj()
        try:
            plain = inflater.decompress(match[1], left)
        except zlib.error:
            continue
        left -= len(plain)
        if inflater.unconsumed_tail or left <= 0:
            raise ClientMistakeError(Rejection.DECOMPRESSION_BOMB, "the PDF inflates to too much")
        yield plain
