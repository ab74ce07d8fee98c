"""Files that no platform should take for a drawing, made when they are needed. Pure: bytes in, bytes out."""

import re
import struct
import zlib
from collections.abc import Sequence

_BOMB_PIXELS_A_SIDE = 50_000
_BOMB_CONTENT_BYTES = 1_000_000


def cut(content: bytes) -> bytes:
    """Give the first third of a file, as a transfer that broke off leaves it."""
    return content[: len(content) // 3]


def bomb() -> bytes:
    """Give a small PNG that claims 2.5 billion pixels; it does not have them."""
    header = struct.pack(">IIBBBBB", _BOMB_PIXELS_A_SIDE, _BOMB_PIXELS_A_SIDE, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(_BOMB_CONTENT_BYTES), 9)
    chunks = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def pages(count: int) -> bytes:
    """Give a PDF with so many empty pages."""
    kids = " ".join(f"{number} 0 R" for number in range(1, count + 1))
    tree = count + 1
    page = f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 480 320] >>"
    objects = [page] * count
    objects += [f"<< /Type /Pages /Kids [{kids}] /Count {count} >>", f"<< /Type /Catalog /Pages {tree} 0 R >>"]
    return pdf([text.encode("ascii") for text in objects])


def pdf(objects: Sequence[bytes]) -> bytes:
    """Give a PDF file of these objects, numbered from 1; the last one is the catalog."""
    file = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(file))
        file += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = len(file)
    file += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    file += b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    file += f"trailer\n<< /Size {len(objects) + 1} /Root {len(objects)} 0 R >>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(file)


def scripted(content: bytes) -> bytes:
    """Give the same PDF, changed later so that a script runs when it is opened.

    Such a change is appended to the file: an object in place of the old catalog, and a table that leads to it. Raises
    ValueError for a file that is not like those of `pdf`.
    """
    found = re.search(rb"/Size (\d+) /Root (\d+) 0 R >>\nstartxref\n(\d+)\n%%EOF", content)
    tree = re.search(rb"/Type /Catalog /Pages (\d+) 0 R", content)
    if found is None or tree is None:
        message = "the PDF has no catalog in the form that is known here"
        raise ValueError(message)
    size, root, before = (int(number) for number in found.groups())
    action = "<< /S /JavaScript /JS (app.alert\\('self-check'\\);) >>"
    catalog = f"{root} 0 obj\n<< /Type /Catalog /Pages {int(tree[1])} 0 R /OpenAction {action} >>\nendobj\n".encode()
    at, after = len(content), len(content) + len(catalog)
    table = f"xref\n{root} 1\n{at:010} 00000 n \ntrailer\n<< /Size {size} /Root {root} 0 R /Prev {before} >>\n"
    return content + catalog + f"{table}startxref\n{after}\n%%EOF\n".encode()
