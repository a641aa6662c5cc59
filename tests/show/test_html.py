"""HTML stands alone, reads without scripting, and is well formed."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from einlab.show import html, svg
from einlab.table import Column, Fact, Table
from tests.golden import check
from tests.show.samples import TABLE, subject, three

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Outline(HTMLParser):
    """The tags of a document, with a check that each is closed in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def outline(text: str) -> Outline:
    parser = Outline()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


PAGE = html.page(TABLE, pictures=[svg.draw(subject(three()))])
FRAGMENT = html.fragment(TABLE)


def test_a_page_is_rendered_as_in_its_golden_file() -> None:
    check("table.html", PAGE)


@pytest.mark.parametrize("text", [PAGE, FRAGMENT], ids=["page", "fragment"])
def test_nothing_is_fetched_from_anywhere(text: str) -> None:
    inside = text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|//\w|src=|href=|@import|url\(", inside)


@pytest.mark.parametrize("text", [PAGE, FRAGMENT], ids=["page", "fragment"])
def test_the_table_is_marked_up_for_screen_readers(text: str) -> None:
    seen = outline(text)
    assert len(seen.named("caption")) == len(seen.named("table")) == 1
    heads = seen.named("th")
    assert [head["scope"] for head in heads] == ["col"] * len(TABLE.columns)
    assert len(seen.named("button")) == len(heads)
    assert len(seen.named("td")) == (len(TABLE.rows) + 1) * len(heads)


def test_a_page_says_its_language_its_title_and_how_it_scales() -> None:
    seen = outline(PAGE)
    assert seen.named("html") == [{"lang": "en"}]
    assert {"charset": "utf-8"} in seen.named("meta")
    assert any(meta.get("name") == "viewport" for meta in seen.named("meta"))
    assert "<title>ij,jk,kl-&gt;il</title>" in PAGE


def test_light_and_dark_come_from_the_readers_setting() -> None:
    assert "prefers-color-scheme:dark" in FRAGMENT
    light, dark = sorted(set(re.findall(r"--ink:(#\w+)", FRAGMENT)))
    assert light != dark


def test_cells_carry_the_raw_number_to_sort_by_and_the_exact_one_to_read() -> None:
    cells = outline(FRAGMENT).named("td")
    values = [cell.get("data-value") for cell in cells]
    assert "20000" in values
    assert "44040" in values
    assert {"20,000 FLOP", "44,040 B"} <= {str(cell.get("title")) for cell in cells}


def test_empty_cells_have_no_value_to_sort_by() -> None:
    table = Table("t", (Column("n", "count"),), [(None,), (3,)])
    cells = outline(html.fragment(table)).named("td")
    assert ["data-value" in cell for cell in cells] == [False, True]


def test_markup_in_names_and_values_is_shown_and_never_obeyed() -> None:
    evil = '<script>alert(1)</script>"&'
    table = Table(
        evil,
        (Column(evil), Column("n", "count")),
        [(evil, 1)],
        facts=[Fact(evil, evil, "code", remark=evil)],
        notes=[evil],
    )
    for text in (html.page(table), html.fragment(table)):
        seen = outline(text)
        assert len(seen.named("script")) == 1
        assert "alert(1)" in text
        assert "<script>alert" not in text


def test_several_tables_share_one_page() -> None:
    assert len(outline(html.page([TABLE, TABLE])).named("table")) == 2


def test_facts_without_rows_are_a_list_under_a_heading() -> None:
    seen = outline(html.fragment(Table("doctor", facts=[Fact("size", 2048, "bytes")])))
    assert len(seen.named("table")) == 0
    assert len(seen.named("dt")) == len(seen.named("dd")) == len(seen.named("h2")) == 1
