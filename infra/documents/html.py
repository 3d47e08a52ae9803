"""A document as a page of HTML that needs nothing else: styles and pictures are in it, and nothing in it runs."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from typing import Final, assert_never

from infra.documents.document import (
    Block,
    Cell,
    Document,
    Light,
    Picture,
    Prose,
    Remark,
    Section,
    Table,
    line_of,
    lines_of,
)

SAFE: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Said in the page too: it is kept as a file, and sent on."""
STYLE: Final = """
:root { color-scheme: light; }
body { max-width: 68rem; margin: 2.5rem auto; padding: 0 1.5rem; color: #1f2933; background: #fff;
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei",
  "Noto Sans CJK SC", sans-serif; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 2.2rem 0 .6rem; padding-bottom: .25rem; border-bottom: 1px solid #e4e7eb; font-size: 1.15rem; }
h3 { margin: 1rem 0 .2rem; font-size: 1rem; }
.subtitle, .remark, th, dt { color: #52606d; }
.subtitle { margin: .2rem 0 1.4rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.4rem; margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; }
p { margin: .4rem 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .38rem .8rem .38rem 0; border-bottom: 1px solid #e4e7eb; text-align: left; vertical-align: top; }
th { font-size: .82rem; font-weight: 600; white-space: nowrap; }
td { overflow-wrap: anywhere; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.number + :not(.number) { padding-left: .8rem; }
.light { white-space: nowrap; font-weight: 600; }
.light::before { content: ""; display: inline-block; width: .75em; height: .75em; margin-right: .45em;
  border-radius: 50%; background: #cbd2d9; }
.green::before { background: #3f9c6b; } .amber::before { background: #e0a100; } .red::before { background: #c0392b; }
img { display: block; max-width: 100%; height: auto; }
@media print { body { max-width: none; margin: 0; padding: 0; font-size: 11px; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } h2, tr, img { break-inside: avoid; }
  h2 { break-after: avoid; } }
"""


def html(document: Document) -> str:
    """The page."""
    facts = "".join(f"<dt>{_text(name)}</dt><dd>{_cell(told)}</dd>" for name, told in document.facts)
    return f"""<!doctype html>
<html lang="{_text(document.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{SAFE}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(document.title)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{_text(document.title)}</h1>
<p class="subtitle">{_text(document.subtitle)}</p>
<dl>{facts}</dl>
{"".join(map(_section, document.sections))}</body>
</html>
"""


def _text(text: str) -> str:
    return escape(line_of(text))


def _cell(told: Cell) -> str:
    if isinstance(told, Light):
        return f'<span class="light {told.colour or "unknown"}">{_text(told.name)}</span>'
    return _text(told)


def _section(section: Section) -> str:
    return f"<section>\n<h2>{_text(section.title)}</h2>\n{''.join(map(_block, section.blocks))}</section>\n"


def _block(block: Block) -> str:
    match block:
        case Table():
            heads = _row("th", block.heads, block.numbers)
            rows = "".join(_row("td", row, block.numbers) for row in block.rows)
            return f'<div class="wide"><table>\n<thead>{heads}</thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n'
        case Prose(text, title):
            above = f"<h3>{_text(title)}</h3>\n" if title else ""
            return above + "".join(f"<p>{_text(line)}</p>\n" for line in lines_of(text))
        case Remark(text):
            return f'<p class="remark">{_text(text)}</p>\n'
        case Picture(media, content, text):
            return f'<img src="data:{media};base64,{b64encode(content).decode()}" alt="{_text(text)}">\n'
        case _:
            assert_never(block)


def _row(tag: str, cells: Sequence[Cell], numbers: frozenset[int]) -> str:
    of_numbers = ' class="number"'
    made = (f"<{tag}{of_numbers if nth in numbers else ''}>{_cell(each)}</{tag}>" for nth, each in enumerate(cells))
    return f"<tr>{''.join(made)}</tr>\n"
