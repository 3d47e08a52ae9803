"""Documents: whatever people wrote is text in them, in HTML and in Markdown, and nothing of it is markup."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from domain.traffic_light import TrafficLight
from infra.documents.document import Block, Document, Light, Picture, Prose, Remark, Section, Table, line_of, lines_of
from infra.documents.html import html
from infra.documents.markdown import markdown

MARKUP = [
    "<script>alert(1)</script>", "| a | b |", "[x](javascript:alert(1))", "![x](http://x.example/y.png)", "\n\n# x\n",
    "`", "*", "_", "~~", "\\", "&lt;", "&", '" onload="', "'", "---", "===", "1. ", "- ", "+ ", "> ", "    ", "\t",
    "[a]: b", "<http://x.example>", "https://x.example", "\u2028", "\x00", "\u202e", "$x$", "<!--", "]]>", "上线", "x",
]  # fmt: skip
WRITTEN = st.one_of(st.text(), st.lists(st.sampled_from(MARKUP)).map("".join)).filter(lines_of)


def a_document(text: str) -> Document:
    """One that says it wherever anything can be said."""
    table = Table(heads=[text, text], rows=[(text, Light(TrafficLight.RED, text))], numbers=frozenset({0}))
    blocks: list[Block] = [table, Prose(text, text), Remark(text), Picture("image/png", b"x", text)]
    return Document(language="en", title=text, subtitle=text, facts=[(text, text)], sections=[Section(text, blocks)])


@given(WRITTEN)
@example("1. x")
@example("12) x")
@example("=\n-")
@example("x\n---")
@example("a | b\n--- | ---")
@example("\\| x \\")
@example("[x]: javascript:alert(1)")
def test_in_markdown_it_reads_as_it_was_written(text: str) -> None:
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown(a_document(text)))

    kinds = {token.type.rpartition("_")[0] or token.type for token in tokens}
    assert kinds == {
        "heading",
        "paragraph",
        "bullet_list",
        "list_item",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "inline",
    }
    said = [token for token in tokens if token.type == "inline"]
    spans = {child.type for token in said for child in token.children or ()}
    assert spans == {"text", "strong_open", "strong_close", "em_open", "em_close"}
    line, lines = line_of(text), lines_of(text)
    assert ["".join(child.content for child in token.children or ()) for token in said] == [
        line, line, f"{line}: {line}", line, line, line, line, f"🔴 {line}", line, *lines, line
    ]  # fmt: skip


def test_an_address_does_not_become_a_link_by_itself() -> None:
    assert "https://" not in markdown(a_document("see https://x.example"))


class Page(HTMLParser):
    """What a browser makes of a page: its elements, what they are given, and its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.names, self.texts = set[str](), set[str](), list[str]()
        self.alt: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names.update(name for name, _ in attrs)
        self.alt = dict(attrs).get("alt", self.alt)

    def handle_data(self, data: str) -> None:
        if self.lasttag != "style" and data.strip():
            self.texts.append(data)


@given(WRITTEN)
def test_in_html_it_reads_as_it_was_written(text: str) -> None:
    page, plain = Page(html(a_document(text))), Page(html(a_document("x")))

    assert (page.tags, page.names) == (plain.tags, plain.names)
    assert page.tags.isdisjoint({"script", "a", "iframe", "form", "object"})
    assert page.alt == line_of(text)
    assert set(page.texts) == {line_of(text), *lines_of(text)}


def test_what_turns_around_how_a_line_is_read_is_left_out() -> None:
    assert line_of("in\u202evoice\x07\r\n  42 ") == "invoice 42"
