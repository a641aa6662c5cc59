"""Pages lose bytes that show nothing, and not a letter of what is shown."""

from __future__ import annotations

import html
import re

import pytest

from einlab.show.html import SORT, STYLE, fragment
from einlab.table import Column, Table
from tests.docs.extensions import extension

pytest.importorskip("sphinx", reason="the group docs is not installed")

CODE = (
    '<pre><span></span><span class="gp">&gt;&gt;&gt; </span><span class="n">c</span> '
    '<span class="o">=</span> <span class="n">f</span><span class="p">((</span>'
    '<span class="s2">&quot;i&quot;</span><span class="p">,))</span></pre>'
)
SIGNATURE = (
    '<dt class="sig sig-object py" id="f"><em class="sig-param"><span class="n">'
    '<span class="pre">x</span></span><span class="p"><span class="pre">:</span></span>'
    '<span class="w"> </span></em><a class="headerlink" href="#f" '
    'title="Link to this definition">¶</a></dt>'
)
PROSE = '<p>A <span class="n">name</span> and <code><span class="pre">a b</span></code>.</p>'


@pytest.fixture(scope="module")
def pages():
    return extension("einlab_pages")


def seen(text):
    """What a reader sees: no tags, no styles, no scripts."""
    return html.unescape(re.sub(r"<(style|script)>.*?</\1>|<[^>]+>", "", text, flags=re.DOTALL))


@pytest.mark.parametrize("text", [CODE, SIGNATURE, PROSE, CODE + PROSE + SIGNATURE + CODE])
def test_every_letter_stays(pages, text):
    assert seen(pages.lighten(text)) == seen(text)


def test_code_and_signatures_lose_spans_and_prose_does_not(pages):
    assert len(pages.lighten(CODE)) < len(CODE)
    assert re.findall(r"<span[^>]*>", pages.lighten(SIGNATURE)) == ['<span class="n">']
    assert pages.lighten(PROSE) == PROSE


def test_spans_with_a_colour_of_their_own_stay(pages):
    found = pages.lighten(CODE)
    assert re.findall(r'<span class="(\w+)">', found) == ["gp", "o", "s2"]


def test_the_style_and_the_script_of_tables_are_said_once_and_first(pages):
    table = fragment(Table("costs", (Column("n", "count"),), [(3,)]))
    found = pages.lighten(f"<p>one</p>{table}<p>two</p>{table}")
    assert found.count(STYLE) == found.count(SORT) == 1
    assert found.index(STYLE) < found.index("<p>two</p>")
    assert seen(found) == seen(f"<p>one</p>{table}<p>two</p>{table}")


def test_lightening_twice_is_lightening_once(pages):
    once = pages.lighten(CODE + SIGNATURE + PROSE)
    assert pages.lighten(once) == once


def test_parameters_of_a_signature_are_lines_and_lists_elsewhere_stay(pages):
    listed = "<dl><dt>term</dt><dd>what it says</dd></dl>"
    signature = '<dt class="sig sig-object py">f(<dl><dd>x,</dd><dd>y</dd></dl>)</dt>'
    found = pages.in_lines(listed + signature + listed)
    assert seen(found) == seen(listed + signature + listed)
    assert found.count('<span class="sig-line">') == 2
    assert found.count("<dl>") == 2
