"""The page that all HTML reports share: one file without script, network or dependency, for screen, phone and paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from load.report.markup import Markup, element, joined
from load.report.plots import STYLE

if TYPE_CHECKING:
    from collections.abc import Sequence

_STYLE = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --card: #f6f8fa; --text: #1f2328; --muted: #59636e; --line: #d1d9e0;
  --pass: #1a7f37; --fail: #cf222e; --inconclusive: #9a6700; --not-covered: #59636e; --link: #0969da;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --card: #151b23; --text: #e6edf3; --muted: #9198a1; --line: #3d444d;
    --pass: #3fb950; --fail: #ff7b72; --inconclusive: #e3b341; --not-covered: #9198a1; --link: #58a6ff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 20px 24px 48px; max-width: 1280px; background: var(--page); color: var(--text);
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 20px; margin: 0 0 12px; font-weight: 600; }
h2 { font-size: 17px; margin: 36px 0 8px; padding-bottom: 6px; border-bottom: 1px solid var(--line); }
p { margin: 6px 0; max-width: 110ch; } p.remark { font-size: 13px; }
a { color: var(--link); }
code { font: 12.5px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  white-space: pre-wrap;
}
.muted, .remark { color: var(--muted); }
.PASS { --tone: var(--pass); } .FAIL { --tone: var(--fail); }
.INCONCLUSIVE { --tone: var(--inconclusive); } .NOT-COVERED { --tone: var(--not-covered); }
.banner {
  border: 1px solid var(--tone); border-left-width: 10px; border-radius: 6px; padding: 14px 20px;
  background: var(--card);
}
.banner .word { font-size: 40px; line-height: 1.1; font-weight: 700; color: var(--tone); margin: 0; }
.banner p { max-width: none; } .banner .meaning { font-size: 16px; margin: 6px 0 0; }
.banner ul { margin: 8px 0 0; padding-left: 18px; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 10px 24px; margin: 18px 0 0; }
.facts dt, .fields dt { color: var(--muted); font-size: 12px; }
.facts dd { margin: 0; font-weight: 500; }
.card {
  border: 1px solid var(--line); border-left: 6px solid var(--tone); border-radius: 6px; padding: 10px 16px;
  margin: 12px 0; background: var(--card); break-inside: avoid;
}
.card h3 { margin: 0; font-size: 15px; }
.card h3 .word, td .word { color: var(--tone); font-weight: 700; white-space: nowrap; }
.card h3 .remark { font-weight: 400; font-size: 12.5px; }
.fields { display: grid; grid-template-columns: 90px minmax(0, 1fr); gap: 3px 12px; margin: 8px 0 0; }
.fields dt { line-height: 1.75; } .fields dd { margin: 0; }
.fields dd.observed { font-weight: 600; }
.wide { overflow-x: auto; margin: 10px 0; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 8px; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; font-size: 12px; color: var(--muted); vertical-align: bottom; }
thead tr:last-child th { border-bottom: 2px solid var(--line); }
th, td.figure { overflow-wrap: normal; } td.figure { white-space: nowrap; }
td.text, th.text { text-align: left; } td.short { white-space: nowrap; } tbody th { overflow-wrap: break-word; }
th.group { text-align: center; } th.group, td.first, th.first { border-left: 1px solid var(--line); }
tbody th { vertical-align: top; color: var(--text); font-size: 13px; text-align: left; font-weight: 600; }
tbody tr.sum > * { border-top: 2px solid var(--line); font-weight: 600; }
td.none { color: var(--muted); opacity: .75; } td.unsure { color: var(--muted); font-style: italic; opacity: .8; }
td.bad { color: var(--fail); font-weight: 600; } td.warn { color: var(--inconclusive); font-weight: 600; }
.bar { display: inline-block; width: 70px; height: 9px; border: 1px solid var(--line); margin-left: 8px; }
.bar i { display: block; height: 100%; background: var(--link); }
.bar i.bad { background: var(--fail); }
.figures { display: grid; gap: 18px 26px; grid-template-columns: minmax(0, 1fr); }
figure { margin: 8px 0 0; break-inside: avoid; min-width: 0; }
figcaption { margin-bottom: 4px; font-size: 13px; color: var(--muted); } figcaption strong { color: var(--text); }
footer { margin-top: 40px; color: var(--muted); font-size: 12.5px; }
@media (min-width: 820px) {
  .columns-2 { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .columns-3 { grid-template-columns: repeat(3, minmax(0, 1fr)); }
}
@media (max-width: 560px) {
  body { padding: 12px 12px 32px; }
  .banner { padding: 10px 14px; } .banner .word { font-size: 30px; }
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 8px 14px; }
  .fields { grid-template-columns: minmax(0, 1fr); gap: 0; } .fields dd { margin-bottom: 6px; }
  .wide tbody th, .wide thead th.name { position: sticky; left: 0; background: var(--page); }
  td, th { padding: 4px 6px; }
  td.text:last-child, td.long { min-width: 32ch; }
  /* In a plot as narrow as this, text of its own size could not be read. */
  svg.plot { font-size: 14.5px; }
}
@media print {
  :root { color-scheme: light; }
  body { padding: 0; font-size: 11px; } table { font-size: 9.5px; } th { font-size: 9px; } th, td { padding: 2px 4px; }
  tbody th { font-size: 9.5px; } code { font-size: 9.5px; }
  .wide { overflow: visible; } h2 { break-after: avoid; }
  .banner, .card, .bar { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .columns-2, .columns-3 { grid-template-columns: repeat(2, minmax(0, 1fr)); }
}
""".strip()

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser may do for the page: nothing but its own styles, whatever a text in it would like."""


def document(title: str, *body: Markup | None, style: str = "") -> str:
    """Give the whole file; `style` is what a page needs beside the styles that all share."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", title),
        element("style", Markup(f"{_STYLE}\n{STYLE}\n{style}".rstrip())),
    )
    return f"<!doctype html>\n{element('html', head, element('body', *body), lang='en')}\n"


def section(title: str, *inside: Markup | None) -> Markup:
    """Give a part of the page under a heading."""
    return element("section", element("h2", title), *inside)


def paragraph(*inside: object, class_: str | None = None) -> Markup:
    """Give a paragraph."""
    return element("p", *inside, class_=class_)


def facts(*pairs: tuple[str, object]) -> Markup:
    """Give names with values, several beside each other."""
    groups = (element("div", element("dt", name), element("dd", value)) for name, value in pairs)
    return element("dl", joined(*groups), class_="facts")


def cell(value: object, class_: str = "figure") -> Markup:
    """Give a cell of a table; `text` is aligned left, `figure` right."""
    return element("td", value, class_=class_)


def table(headings: Sequence[Markup], rows: Sequence[Markup], caption: str = "") -> Markup:
    """Give a table of rows under rows of headings; where it is wider than the screen, it alone is scrolled."""
    whole = element("table", element("thead", *headings), element("tbody", *rows))
    # Not inside the table: what explains it is to be read without scrolling sideways.
    explained = paragraph(caption, class_="remark") if caption else None
    return joined(explained, element("div", whole, class_="wide"))


def headings(*names: str, text: Sequence[str] = ()) -> Markup:
    """Give a row of headings, of which those in `text` and the first stand over text."""
    return element(
        "tr",
        *(
            element("th", name, scope="col", class_="text name" if not number else "text" if name in text else None)
            for number, name in enumerate(names)
        ),
    )
