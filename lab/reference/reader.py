"""Reading drawings: from pixels to characters, from characters to title block and dimensions.

The reader knows one font and finds its characters wherever they stand, among lines and circles, in its own size or
twice as large. It never guesses: a cell that resembles no character, or two of them, is read as `?`, and what has a `?`
in it is left out of title block and dimensions.
"""

import functools
import io
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from lab.reference.drawings import ALPHABET, CELL_HEIGHT, CELL_WIDTH, cell

Ink = npt.NDArray[np.bool_]

UNKNOWN: Final = "?"
_DARK: Final = 128
_PAGES_MAX: Final = 50
_SCALES: Final = (1, 2)
_BAND_PIXELS: Final = 1_000_000
# A glyph with fewer black pixels also turns up by chance, in the corner of a frame for instance.
_STRONG_INK_PIXELS: Final = 12
_SEEDS_MIN: Final = 2
_GAP_CELLS_MAX: Final = 2
# How many pixels of a cell may be wrong, and how much worse the second best character must be.
_ERRORS_MAX: Final = 4
_MARGIN_MIN: Final = 2
_DAMAGED_WORTH: Final = 0.6
_GLYPHS_FOR_FULL_TRUST: Final = 12


class UnreadableError(Exception):
    """The bytes are no image at all."""


@dataclass(frozen=True, slots=True)
class Text:
    """What was read on a page or several: lines from top to bottom, and the trust in them (0 to 1)."""

    lines: tuple[str, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class _Glyphs:
    characters: str
    shapes: Ink
    strong_codes: npt.NDArray[np.uint64]
    strong_shapes: Ink


@dataclass(frozen=True, slots=True)
class _Line:
    y: int
    x: int
    text: str
    worth: float
    cells: int


def read(content: bytes, media_type: str) -> Text:
    """Read an image or a PDF; raises UnreadableError."""
    pages = list(_pdf_pages(content)) if media_type == "application/pdf" else [_image(content)]
    read_pages = [read_ink(page) for page in pages]
    if not read_pages:
        return Text((), 0.0)
    lines = tuple(line for page in read_pages for line in page.lines)
    return Text(lines, sum(page.confidence for page in read_pages) / len(read_pages))


def read_ink(ink: Ink) -> Text:
    """Read one page, given as black pixels.

    The confidence is the share of cells that were recognised (one that is damaged counts less), lowered when there is
    little text and when the page is speckled.
    """
    lines: list[_Line] = []
    for scale in _SCALES:
        lines += _lines(ink[::scale, ::scale])
    cells = sum(line.cells for line in lines)
    if cells == 0:
        return Text((), 0.0)
    recognised = sum(line.worth for line in lines) / cells
    trust = min(1.0, cells / _GLYPHS_FOR_FULL_TRUST) * _cleanness(ink)
    lines.sort(key=lambda line: (line.y, line.x))
    return Text(tuple(line.text for line in lines), round(recognised * trust, 4))


def parse(text: Text) -> dict[str, Any]:
    """Sort lines into title block, dimensions and symbols, as the engines' answers carry them."""
    block: dict[str, str] = {}
    dimensions: list[dict[str, Any]] = []
    symbols: list[dict[str, Any]] = []
    for line in text.lines:
        if UNKNOWN in line:
            continue
        key, colon, value = line.partition(": ")
        if colon and key in _FIELDS:
            block[_FIELDS[key]] = value
        elif match := _DIMENSION.fullmatch(line):
            tolerance = float(match["tolerance"]) if match["tolerance"] else None
            kind = _KINDS[match["kind"]]
            dimensions.append({"type": kind, "value": float(match["value"]), "tolerance": tolerance, "unit": "mm"})
        elif match := _ROUGHNESS.fullmatch(line):
            symbols.append({"type": "surface_roughness", "value": float(match["value"]), "unit": "um"})
    return {"title_block": block, "dimensions": dimensions, "symbols": symbols}


_FIELDS = {
    "PART NO": "part_number",
    "TITLE": "title",
    "MATERIAL": "material",
    "SCALE": "scale",
    "REV": "revision",
    "DRAWN": "drawn_by",
    "DATE": "date",
}
_KINDS = {"L": "length", "D": "diameter", "R": "radius"}
_NUMBER = r"\d+(?:\.\d+)?"
_DIMENSION = re.compile(rf"(?P<kind>[LDR]) (?P<value>{_NUMBER})(?: \+-(?P<tolerance>{_NUMBER}))?")
_ROUGHNESS = re.compile(rf"RA (?P<value>{_NUMBER})")

_PDF_IMAGE = re.compile(
    rb"/Subtype\s*/Image\b[^>]*/Width\s+(\d+)[^>]*/Height\s+(\d+)[^>]*/Filter\s*/(\w+)[^>]*>>\s*stream\r?\n(.*?)endstream",
    re.DOTALL,
)


def _image(content: bytes) -> Ink:
    try:
        with Image.open(io.BytesIO(content)) as image:
            grey = image.convert("L")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadableError(str(error)) from error
    return np.asarray(grey) < _DARK


def _pdf_pages(content: bytes) -> Iterator[Ink]:
    for number, match in enumerate(_PDF_IMAGE.finditer(content)):
        if number >= _PAGES_MAX:
            return
        width, height, kind = int(match[1]), int(match[2]), match[3]
        if kind == b"DCTDecode":
            yield _image(match[4])
        elif kind == b"FlateDecode":
            try:
                pixels = zlib.decompressobj().decompress(match[4], max(1, width * height))
            except zlib.error as error:
                raise UnreadableError(str(error)) from error
            if len(pixels) == width * height:
                yield np.frombuffer(pixels, dtype=np.uint8).reshape(height, width) < _DARK


def _lines(ink: Ink) -> Iterator[_Line]:
    height, width = ink.shape
    if height < CELL_HEIGHT or width < CELL_WIDTH:
        return
    # Characters of one line share the height, and what remains of their place divided by the cell width.
    rows: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for y, x in _strong_matches(ink):
        rows[y, x % CELL_WIDTH].append(x)
    for (y, _), places in sorted(rows.items()):
        for run in _runs(sorted(places)):
            if len(run) >= _SEEDS_MIN:
                line = _read_line(ink, y, run[0], run[-1])
                if line is not None:
                    yield line


def _runs(places: list[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for x in places:
        # Weak characters (a dash, a point) may stand between two strong ones.
        if run and x - run[-1] > (_GAP_CELLS_MAX + 3) * CELL_WIDTH:
            yield run
            run = []
        run.append(x)
    if run:
        yield run


def _read_line(ink: Ink, y: int, first: int, last: int) -> _Line | None:
    while first - CELL_WIDTH >= 0 and (character := _cell(ink, y, first - CELL_WIDTH)[0]) != " ":
        first -= CELL_WIDTH
        if character == UNKNOWN:
            break
    text: list[str] = []
    worth = 0.0
    cells = 0
    blanks = 0
    x = first
    while x + CELL_WIDTH <= ink.shape[1] and (x <= last or blanks <= _GAP_CELLS_MAX):
        character, value = _cell(ink, y, x)
        if x > last and character == UNKNOWN and blanks > 1:
            break  # something else that stands to the right of the text
        blanks = blanks + 1 if character == " " else 0
        text.append(character)
        if character != " ":
            worth += value
            cells += 1
        if x > last and character == UNKNOWN:
            break  # the line goes on unreadably: it is known to be incomplete
        x += CELL_WIDTH
    return _Line(y, first, "".join(text).rstrip(), worth, cells) if cells else None


def _cell(ink: Ink, y: int, x: int) -> tuple[str, float]:
    """Recognise one cell; gives the character and what its recognition is worth (0 to 1)."""
    glyphs = _glyphs()
    pixels = ink[y : y + CELL_HEIGHT, x : x + CELL_WIDTH].ravel()
    errors = np.count_nonzero(glyphs.shapes != pixels, axis=1)
    best = int(errors.argmin())
    if errors[best] == 0:
        return glyphs.characters[best], 1.0
    second = int(np.partition(errors, 1)[1])
    if errors[best] <= _ERRORS_MAX and second - int(errors[best]) >= _MARGIN_MIN:
        return glyphs.characters[best], _DAMAGED_WORTH
    return UNKNOWN, 0.0


def _strong_matches(ink: Ink) -> Iterator[tuple[int, int]]:
    """Find where a character with plenty of ink stands without a flaw; works in bands to bound the memory."""
    glyphs = _glyphs()
    height, width = ink.shape
    step = max(CELL_HEIGHT, _BAND_PIXELS // width)
    for top in range(0, height - CELL_HEIGHT + 1, step):
        band = ink[top : top + step + CELL_HEIGHT - 1]
        codes = _codes(band)
        at = np.searchsorted(glyphs.strong_codes, codes).clip(max=len(glyphs.strong_codes) - 1)
        for y, x in np.argwhere(glyphs.strong_codes[at] == codes):
            pixels = band[y : y + CELL_HEIGHT, x : x + CELL_WIDTH].ravel()
            # A code has room for 64 of the 66 pixels, so the cell itself is looked at once more.
            if np.array_equal(glyphs.strong_shapes[at[y, x]], pixels):
                yield top + int(y), int(x)


def _codes(ink: Ink) -> npt.NDArray[np.uint64]:
    """Give, for each place, the pixels of the cell that begins there as one number."""
    height, width = ink.shape
    across = np.zeros((height, width - CELL_WIDTH + 1), dtype=np.uint64)
    for column in range(CELL_WIDTH):
        across = (across << np.uint64(1)) | ink[:, column : column + across.shape[1]]
    down = np.zeros((height - CELL_HEIGHT + 1, across.shape[1]), dtype=np.uint64)
    for row in range(CELL_HEIGHT):
        down = (down << np.uint64(CELL_WIDTH)) | across[row : row + down.shape[0]]
    return down


def _cleanness(ink: Ink) -> float:
    """Give 1 for a page without speckles, towards 0 the more of its black pixels stand alone."""
    count = int(np.count_nonzero(ink))
    if count == 0:
        return 1.0
    padded = np.pad(ink, 1)
    beside = padded[:, :-2] | padded[:, 2:]
    neighbours = beside[:-2] | beside[1:-1] | beside[2:] | padded[:-2, 1:-1] | padded[2:, 1:-1]
    alone = int(np.count_nonzero(ink & ~neighbours))
    return max(0.0, 1.0 - 2.0 * max(0.0, alone / count - 0.02))


@functools.cache
def _glyphs() -> _Glyphs:
    characters = " " + ALPHABET
    shapes = np.zeros((len(characters), CELL_HEIGHT * CELL_WIDTH), dtype=np.bool_)
    codes = np.zeros(len(characters), dtype=np.uint64)
    for at, character in enumerate(characters):
        ink = np.asarray(cell(character)) < _DARK
        shapes[at] = ink.ravel()
        codes[at] = _codes(ink)[0, 0]
    strong = np.flatnonzero(shapes.sum(axis=1) >= _STRONG_INK_PIXELS)
    strong = strong[np.argsort(codes[strong])]
    return _Glyphs(characters, shapes, codes[strong], shapes[strong])


def load() -> None:
    """Make the table of characters now instead of with the first page."""
    _glyphs()
