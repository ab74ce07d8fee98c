"""Draws the drawings of the corpus: `python -m tools.make_corpus` writes them to `selfcheck/corpus/`.

What stands in them also stands in the contract (`contract/ocr.toml`): change both. The letters are large enough for
common engines, and of the one font that the lab's reader knows. As exporters of CAD programs do, a PNG carries its text
in a text chunk; as scanners do, the PDF carries it as an invisible layer below the picture.
"""

import io
import random
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, PngImagePlugin

from lab.reference.drawings import CELL_HEIGHT, CELL_WIDTH, cell
from selfcheck.corpus import broken

FOLDER = Path(__file__).resolve().parent.parent / "selfcheck" / "corpus"
WIDTH, HEIGHT = 360, 240
_SCALE = 2
_LINE_PIXELS = 26
_SMALL = (240, 160)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands in a drawing, line by line: beside the part, and in the title block."""

    dimensions: tuple[str, ...]
    title_block: tuple[str, ...]
    round: bool

    @property
    def lines(self) -> tuple[str, ...]:
        """All of it."""
        return self.dimensions + self.title_block


FLANGE = Sheet(
    ("L 152.6 +-0.1", "D 47.25", "R 12.5"),
    ("PART NO: KX-7342", "TITLE: FLANGE", "MATERIAL: C45E", "SCALE: 1:2"),
    round=True,
)
BRACKET = Sheet(
    ("L 93.4", "L 68.75 +-0.2", "R 7.5"),
    ("PART NO: MP-4926", "TITLE: BRACKET", "MATERIAL: POM-C", "SCALE: 2:1"),
    round=False,
)


def drawn(sheet: Sheet) -> Image.Image:
    """Draw a sheet, black on white."""
    image = Image.new("L", (WIDTH, HEIGHT), 255)
    pen = ImageDraw.Draw(image)
    pen.rectangle((3, 3, WIDTH - 4, HEIGHT - 4), outline=0, width=2)
    pen.rectangle((20, 20, 130, 90), outline=0, width=3)
    if sheet.round:
        pen.ellipse((50, 30, 100, 80), outline=0, width=2)
    else:
        pen.line((20, 60, 80, 60, 80, 90), fill=0, width=2)
    for at, text in enumerate(sheet.dimensions):
        y = 16 + at * 30
        pen.line((132, 30 + at * 22, 160, y + 12), fill=0)
        _write(image, 172, y, text)
    pen.rectangle((132, 112, WIDTH - 4, HEIGHT - 4), outline=0, width=2)
    for at, text in enumerate(sheet.title_block):
        _write(image, 146, 124 + at * _LINE_PIXELS, text)
    return image


def _write(image: Image.Image, x: int, y: int, text: str) -> None:
    size = (CELL_WIDTH * _SCALE, CELL_HEIGHT * _SCALE)
    for at, character in enumerate(text):
        image.paste(cell(character).resize(size, Image.Resampling.NEAREST), (x + at * size[0], y))


def noise() -> Image.Image:
    """Give a sheet of pixels that are black or white by chance."""
    luck = random.Random(1)
    return Image.frombytes("1", _SMALL, luck.randbytes(_SMALL[0] * _SMALL[1] // 8))


def png(image: Image.Image, lines: Sequence[str] = ()) -> bytes:
    """Give an image as PNG, its text in a text chunk."""
    info = PngImagePlugin.PngInfo()
    if lines:
        info.add_text("Description", "\n".join(lines))
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=info, optimize=True)
    return file.getvalue()


def pdf(*sheets: Sheet) -> bytes:
    """Give sheets as the pages of a PDF, their text in an invisible layer. The catalog is the last object."""
    font = 2 * len(sheets) + 1
    tree = font + len(sheets) + 1
    pictures, pages = [], []
    for number, sheet in enumerate(sheets):
        image = drawn(sheet)
        width, height = image.size
        picture = (
            f"<< /Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray"
            f" /BitsPerComponent 8 /Filter /FlateDecode"
        )
        text = " ".join(f"({line}) Tj T*" for line in sheet.lines)
        shown = f"q {width} 0 0 {height} 0 0 cm /Im0 Do Q BT 3 Tr /F0 16 Tf 20 TL 20 {height - 30} Td {text} ET"
        pictures += [_stream(picture, zlib.compress(image.tobytes(), 9)), _stream("<<", shown.encode("ascii"))]
        resources = f"<< /XObject << /Im0 {2 * number + 1} 0 R >> /Font << /F0 {font} 0 R >> >>"
        pages.append(
            f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 {width} {height}] /Contents {2 * number + 2} 0 R"
            f" /Resources {resources} >>"
        )
    kids = " ".join(f"{font + 1 + number} 0 R" for number in range(len(pages)))
    rest = [
        "<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
        *pages,
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        f"<< /Type /Catalog /Pages {tree} 0 R >>",
    ]
    return broken.pdf([*pictures, *(text.encode("ascii") for text in rest)])


def _stream(dictionary: str, content: bytes) -> bytes:
    return f"{dictionary} /Length {len(content)} >>".encode("ascii") + b"\nstream\n" + content + b"\nendstream"


def files() -> Mapping[str, bytes]:
    """Give the content of each file by its name."""
    flange, bracket = drawn(FLANGE), drawn(BRACKET)
    return {
        "flange_drawing.png": png(flange, FLANGE.lines),
        "flange_scan.pdf": pdf(FLANGE),
        "two_pages.pdf": pdf(FLANGE, BRACKET),
        "bracket_drawing.png": png(bracket, BRACKET.lines),
        "blank.png": png(Image.new("L", _SMALL, 255)),
        "noise.png": png(noise()),
    }


def main() -> int:
    """Write all files; gives the exit code."""
    for name, content in files().items():
        (FOLDER / name).write_bytes(content)
        print(f"{name}: {len(content):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
