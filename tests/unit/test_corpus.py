"""The corpus: marks change no picture, broken files are broken in the way that their names say."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image, UnidentifiedImageError

from selfcheck import corpus
from selfcheck.corpus.__main__ import main
from tools import make_corpus


def pixels(content: bytes) -> tuple[tuple[int, int], bytes]:
    """Give what a PNG shows."""
    with Image.open(io.BytesIO(content)) as image:
        return image.size, image.convert("L").tobytes()


@pytest.mark.parametrize("name", ["drawing", "flange_drawing", "bracket_drawing", "blank", "noise", "large_drawing"])
def test_a_mark_makes_bytes_unique_and_changes_no_picture(name: str) -> None:
    one, other = corpus.payload(name, "one"), corpus.payload(name, "other")
    assert one.content != other.content
    assert pixels(one.content) == pixels(other.content)
    assert corpus.payload(name, "one") == one


@pytest.mark.parametrize("name", [name for name in make_corpus.files() if name.endswith(".png")])
def test_the_drawings_are_those_that_are_drawn(name: str) -> None:
    assert pixels((make_corpus.FOLDER / name).read_bytes()) == pixels(make_corpus.files()[name])


@pytest.mark.parametrize("name", ["flange_scan", "scripted_pdf"])
def test_the_table_of_a_pdf_leads_to_its_objects(name: str) -> None:
    content = corpus.payload(name, "mark").content
    tables = [int(at) for at in re.findall(rb"startxref\n(\d+)\n%%EOF", content)]
    assert tables
    for table in tables:
        section = re.match(rb"xref\n(\d+) \d+\n((?:\d{10} \d{5} [fn] \n)+)trailer", content[table:])
        assert section is not None
        for number, line in enumerate(section[2].splitlines(), start=int(section[1])):
            offset = int(line[:10])
            assert line.endswith(b"f ") or content[offset:].startswith(f"{number} 0 obj\n".encode())


def test_the_scan_has_its_text_below_the_picture() -> None:
    content = corpus.payload("flange_scan", "mark").content
    assert b"3 Tr" in content
    assert all(line.encode() in content for line in make_corpus.FLANGE.lines)
    assert b"JavaScript" not in content
    assert b"/OpenAction << /S /JavaScript" in corpus.payload("scripted_pdf", "mark").content


def test_truncated_files_begin_well() -> None:
    png, pdf = corpus.payload("truncated_png", "mark"), corpus.payload("truncated_pdf", "mark")
    assert png.content.startswith(b"\x89PNG")
    assert b"IEND" not in png.content
    with pytest.raises(OSError, match="truncated"):
        pixels(png.content)
    assert pdf.content.startswith(b"%PDF-")
    assert b"%%EOF" not in pdf.content


def test_the_bomb_is_small_and_claims_much() -> None:
    bomb = corpus.payload("bomb", "mark").content
    assert len(bomb) < 10_000
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(bomb))


def test_text_is_text_whatever_its_name_says() -> None:
    made = corpus.payload("text_named_png", "mark")
    assert (made.filename, made.media_type) == ("text_named_png.png", "image/png")
    with pytest.raises(UnidentifiedImageError):
        pixels(made.content)
    assert corpus.payload("empty", "mark").content == b""


def test_a_drawing_of_any_size_shows_the_same() -> None:
    sound = corpus.payload("flange_drawing", "mark")
    for size in (len(sound.content) + 12, 5000, 1024 * 1024):
        made = corpus.sized("flange_drawing", "mark", size)
        assert len(made.content) == size
        assert pixels(made.content) == pixels(sound.content)
    with pytest.raises(ValueError, match="cannot be made"):
        corpus.sized("flange_drawing", "mark", 100)


@pytest.mark.parametrize("count", [1, 21, 300])
def test_a_pdf_of_many_pages(count: int) -> None:
    content = corpus.paged(count, "mark").content
    assert content.count(b"/Type /Page ") == count
    assert f"/Count {count}".encode() in content


@pytest.mark.parametrize(
    ("arguments", "size"),
    [(["empty"], 0), (["flange_drawing", "--bytes", "9000"], 9000), (["pages", "--pages", "2"], None)],
)
def test_payloads_are_written_for_commands(
    arguments: list[str], size: int | None, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(arguments) == 0
    written = capsysbinary.readouterr().out
    assert size is None or len(written) == size


def test_an_unknown_payload_is_named() -> None:
    with pytest.raises(corpus.UnknownPayloadError, match=r"no payload 'nothing'; it has .*blank"):
        corpus.payload("nothing", "mark")
    assert corpus.location("blank") == "selfcheck/corpus/blank.png"
    assert corpus.location("bomb") is None
