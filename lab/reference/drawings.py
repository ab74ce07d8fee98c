"""Small technical drawings, made from a seed: outline, dimensions, title block, in one fixed bitmap font.

`python -m lab.reference.drawings --seed 7 --out drawing.png` writes one (also `.pdf`).
"""

import argparse
import functools
import io
import random
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

WIDTH: Final = 420
HEIGHT: Final = 280

# The bitmap font that Pillow brings along; every character takes one cell of this many pixels.
CELL_WIDTH: Final = 6
CELL_HEIGHT: Final = 11
ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:+-/"

_TITLES = ("SHAFT", "FLANGE", "BRACKET", "BASE PLATE", "COVER", "BUSHING", "SPACER", "GEAR BLANK")
_MATERIALS = ("S235JR", "S355J2", "AISI 304", "EN AW-6082", "C45E", "POM-C", "CUZN39PB3")
_SCALES = ("1:1", "1:2", "1:5", "2:1")
_PEOPLE = ("A. HUBER", "M. ROSSI", "J. NOVAK", "L. CHEN")
_TOLERANCES = ("0.05", "0.1", "0.2", "0.5")


@dataclass(frozen=True, slots=True)
class Dimension:
    """A measure in millimetres: `kind` is L (length), D (diameter) or R (radius); `tolerance` is empty for none."""

    kind: str
    value: str
    tolerance: str = ""

    @property
    def text(self) -> str:
        """What stands in the drawing."""
        return f"{self.kind} {self.value}" + (f" +-{self.tolerance}" if self.tolerance else "")


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a drawing says. `title_block` has the words of the drawing: PART NO, TITLE, MATERIAL, ..."""

    title_block: Mapping[str, str]
    dimensions: tuple[Dimension, ...]
    roughness: str

    @classmethod
    def from_seed(cls, seed: int) -> "Drawing":
        """Make up a drawing; the same seed gives the same one."""
        luck = random.Random(seed)
        dimensions = [Dimension("L", f"{luck.randint(200, 3000) / 10:g}", luck.choice(_TOLERANCES))]
        for _ in range(luck.randint(2, 4)):
            kind = luck.choice("LDR")
            value = f"{luck.randint(2, 120)}" if kind != "L" else f"{luck.randint(50, 1500) / 10:g}"
            dimensions.append(Dimension(kind, value, luck.choice(("", *_TOLERANCES))))
        block = {
            "PART NO": f"{luck.choice('KLMPX')}-{luck.randint(1000, 99999)}",
            "TITLE": luck.choice(_TITLES),
            "MATERIAL": luck.choice(_MATERIALS),
            "SCALE": luck.choice(_SCALES),
            "REV": luck.choice("ABCDEF"),
            "DRAWN": luck.choice(_PEOPLE),
            "DATE": f"20{luck.randint(19, 25)}-{luck.randint(1, 12):02}-{luck.randint(1, 28):02}",
        }
        return cls(block, tuple(dimensions), luck.choice(("0.8", "1.6", "3.2", "6.3")))


def render(drawing: Drawing) -> Image.Image:
    """Draw it, black on white, in shades of grey."""
    image = Image.new("L", (WIDTH, HEIGHT), 255)
    pen = ImageDraw.Draw(image)
    pen.rectangle((3, 3, WIDTH - 4, HEIGHT - 4), outline=0)
    pen.rectangle((30, 40, 150, 110), outline=0, width=2)
    pen.ellipse((70, 55, 110, 95), outline=0)
    pen.line((20, 75, 160, 75), fill=0)
    for at, dimension in enumerate(drawing.dimensions):
        _write(image, 190, 30 + at * 18, dimension.text)
        pen.line((152, 45 + at * 12, 180, 35 + at * 18), fill=0)
    _write(image, 190, 30 + len(drawing.dimensions) * 18, f"RA {drawing.roughness}")
    pen.rectangle((210, 160, WIDTH - 4, HEIGHT - 4), outline=0)
    for at, (key, value) in enumerate(drawing.title_block.items()):
        _write(image, 218, 168 + at * 14, f"{key}: {value}")
    return image


def png(image: Image.Image, *, mark: str | None = None) -> bytes:
    """Give an image as PNG; `mark` goes into a comment, which makes the bytes unique and changes no pixel."""
    info = PngImagePlugin.PngInfo()
    if mark is not None:
        info.add_text("Comment", mark)
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=info)
    return file.getvalue()


def jpeg(image: Image.Image) -> bytes:
    """Give an image as JPEG of high quality."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95)
    return file.getvalue()


def pdf(images: Sequence[Image.Image]) -> bytes:
    """Give images as a PDF with one page each."""
    kids = " ".join(f"{3 + 3 * at} 0 R" for at in range(len(images)))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(images)} >>".encode()]
    for at, image in enumerate(images):
        width, height = image.size
        page = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents {4 + 3 * at} 0 R"
            f" /Resources << /XObject << /Im0 {5 + 3 * at} 0 R >> >> >>"
        )
        content = f"q {width} 0 0 {height} 0 0 cm /Im0 Do Q".encode()
        pixels = zlib.compress(image.convert("L").tobytes())
        picture = (
            f"<< /Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray"
            f" /BitsPerComponent 8 /Filter /FlateDecode /Length {len(pixels)} >>"
        )
        objects += [page.encode(), _stream(f"<< /Length {len(content)} >>", content), _stream(picture, pixels)]
    return _pdf_file(objects)


def blank() -> Image.Image:
    """Give an empty sheet."""
    return Image.new("L", (WIDTH, HEIGHT), 255)


def noise(seed: int, share: float = 0.5) -> Image.Image:
    """Give a sheet on which the given share of pixels is black by chance."""
    luck = random.Random(seed)
    return Image.frombytes(
        "L", (WIDTH, HEIGHT), bytes(0 if luck.random() < share else 255 for _ in range(WIDTH * HEIGHT))
    )


@functools.cache
def cell(character: str) -> Image.Image:
    """Give the picture of one character, black on white, as large as its cell.

    What the font draws outside the cell is cut off, so that a character looks the same whatever stands beside it.
    """
    image = Image.new("L", (CELL_WIDTH, CELL_HEIGHT), 255)
    ImageDraw.Draw(image).text((0, 0), character, font=ImageFont.load_default_imagefont(), fill=0)
    return image


def _write(image: Image.Image, x: int, y: int, text: str) -> None:
    for at, character in enumerate(text):
        image.paste(cell(character), (x + at * CELL_WIDTH, y))


def _stream(dictionary: str, content: bytes) -> bytes:
    return dictionary.encode() + b"\nstream\n" + content + b"\nendstream"


def _pdf_file(objects: Sequence[bytes]) -> bytes:
    file = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(file))
        file += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = len(file)
    file += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    file += b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    file += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(file)


def main(arguments: list[str] | None = None) -> int:
    """Write one drawing to a file; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.reference.drawings", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="a .png, .jpg or .pdf file")
    options = parser.parse_args(arguments)
    image = render(Drawing.from_seed(options.seed))
    formats = {".png": lambda: png(image), ".jpg": lambda: jpeg(image), ".pdf": lambda: pdf([image])}
    if options.out.suffix not in formats:
        print(f"{options.out}: the name must end in {', '.join(formats)}", file=sys.stderr)
        return 2
    options.out.write_bytes(formats[options.out.suffix]())
    return 0


if __name__ == "__main__":
    sys.exit(main())
