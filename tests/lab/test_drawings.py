"""What the generator draws, the reader reads; what is not there, it does not invent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from lab.reference import drawings, reader

if TYPE_CHECKING:
    from pathlib import Path

    from lab.reference.drawings import Drawing

FIELDS = {
    "PART NO": "part_number",
    "TITLE": "title",
    "MATERIAL": "material",
    "SCALE": "scale",
    "REV": "revision",
    "DRAWN": "drawn_by",
    "DATE": "date",
}
KINDS = {"L": "length", "D": "diameter", "R": "radius"}


def true_block(drawing: Drawing) -> dict[str, str]:
    return {FIELDS[key]: value for key, value in drawing.title_block.items()}


def true_dimensions(drawing: Drawing) -> list[tuple[str, float, float | None]]:
    return [
        (KINDS[dimension.kind], float(dimension.value), float(dimension.tolerance) if dimension.tolerance else None)
        for dimension in drawing.dimensions
    ]


def read_dimensions(text: reader.Text) -> list[tuple[str, float, float | None]]:
    return [(found["type"], found["value"], found["tolerance"]) for found in reader.parse(text)["dimensions"]]


@pytest.mark.parametrize("kind", ["png", "jpeg", "pdf", "twice as large"])
@pytest.mark.parametrize("seed", range(8))
def test_a_drawing_is_read_as_it_was_drawn(seed: int, kind: str) -> None:
    drawing = drawings.Drawing.from_seed(seed)
    image = drawings.render(drawing)
    twice = image.resize((image.width * 2, image.height * 2), Image.Resampling.NEAREST)
    content, media_type = {
        "png": (drawings.png(image), "image/png"),
        "jpeg": (drawings.jpeg(image), "image/jpeg"),
        "pdf": (drawings.pdf([image]), "application/pdf"),
        "twice as large": (drawings.png(twice), "image/png"),
    }[kind]

    text = reader.read(content, media_type)

    parsed = reader.parse(text)
    assert parsed["title_block"] == true_block(drawing)
    assert read_dimensions(text) == true_dimensions(drawing)
    assert parsed["symbols"] == [{"type": "surface_roughness", "value": float(drawing.roughness), "unit": "um"}]
    assert text.confidence == 1.0


def test_all_pages_of_a_pdf_are_read() -> None:
    pages = [drawings.Drawing.from_seed(seed) for seed in (1, 2)]
    text = reader.read(drawings.pdf([drawings.render(page) for page in pages]), "application/pdf")
    assert read_dimensions(text) == true_dimensions(pages[0]) + true_dimensions(pages[1])


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    def content(seed: int) -> bytes:
        return drawings.png(drawings.render(drawings.Drawing.from_seed(seed)))

    assert content(3) == content(3)
    assert content(3) != content(4)


def test_a_mark_changes_the_bytes_and_no_pixel() -> None:
    image = drawings.render(drawings.Drawing.from_seed(1))
    marked = drawings.png(image, mark="run-1")
    assert marked != drawings.png(image)
    assert reader.read(marked, "image/png") == reader.read(drawings.png(image), "image/png")


@pytest.mark.parametrize(
    "image",
    [
        drawings.blank(),
        drawings.noise(1),
        drawings.noise(2, share=0.1),
        Image.new("L", (300, 200), 0),
        Image.new("L", (3, 3), 0),
    ],
    ids=["blank", "noise", "light noise", "all black", "smaller than a character"],
)
def test_nothing_is_read_where_nothing_is_written(image: Image.Image) -> None:
    text = reader.read(drawings.png(image), "image/png")
    assert reader.parse(text) == {"title_block": {}, "dimensions": [], "symbols": []}
    assert text.confidence < 0.3


@pytest.mark.parametrize("share", [0.002, 0.01, 0.03])
def test_damage_lowers_the_confidence_and_invents_nothing(share: float) -> None:
    confidences = []
    for seed in range(10):
        drawing = drawings.Drawing.from_seed(seed)
        ink = np.asarray(drawings.render(drawing)) < 128
        text = reader.read_ink(ink ^ (np.random.default_rng(seed).random(ink.shape) < share))
        block = reader.parse(text)["title_block"]
        assert block.items() <= true_block(drawing).items()
        assert set(read_dimensions(text)) <= set(true_dimensions(drawing))
        confidences.append(text.confidence)
    assert max(confidences) < 1.0
    if share > 0.02:
        assert max(confidences) < 0.5


@pytest.mark.parametrize(
    ("content", "media_type"),
    [(b"", "image/png"), (b"\x89PNG\r\n\x1a\nrest", "image/png"), (b"\xff\xd8\xff\xe0", "image/jpeg")],
)
def test_what_is_no_image_is_refused(content: bytes, media_type: str) -> None:
    with pytest.raises(reader.UnreadableError):
        reader.read(content, media_type)


def test_a_pdf_without_pictures_is_read_as_empty() -> None:
    assert reader.read(b"%PDF-1.4\n%%EOF", "application/pdf") == reader.Text((), 0.0)


def test_the_command_line_writes_a_drawing(tmp_path: Path) -> None:
    out = tmp_path / "drawing.png"
    assert drawings.main(["--seed", "5", "--out", str(out)]) == 0
    text = reader.read(out.read_bytes(), "image/png")
    assert reader.parse(text)["title_block"] == true_block(drawings.Drawing.from_seed(5))
    assert drawings.main(["--out", str(tmp_path / "drawing.gif")]) == 2
