"""Tables and pictures follow the page's theme, else the reader's setting, and print on white."""

from __future__ import annotations

import re

import pytest

from einlab.show import html, sheet

DARK = r"@media screen\{\[data-theme=dark\] \.(einlab|einlab-picture),[^{]*\{([^}]*)\}\}"
LIGHT = r"\n\[data-theme=light\] \.(einlab|einlab-picture),[^{]*\{([^}]*)\}"


@pytest.mark.parametrize("style", [html.STYLE, sheet.STYLE], ids=["table", "picture"])
def test_what_a_page_says_of_its_theme_goes_before_the_readers_setting(style: str) -> None:
    dark, light = re.search(DARK, style), re.search(LIGHT, style)
    assert dark is not None
    assert light is not None
    by_setting = re.search(r"prefers-color-scheme:dark\)\{\.\S+?\{([^}]*)\}\}", style)
    assert by_setting is not None
    assert by_setting[1] == dark[2] != light[2]
    # Rules that bear the attribute stand later and weigh more.
    assert by_setting.start() < light.start() < dark.start()


@pytest.mark.parametrize("style", [html.STYLE, sheet.STYLE], ids=["table", "picture"])
def test_paper_is_light_whatever_the_screen_is(style: str) -> None:
    outside = re.sub(r"@media screen[^{]*\{(?:[^{}]*\{[^{}]*\})*\s*\}", "", style)
    assert "dark" not in outside
    assert "#14181f" in style
    assert "#14181f" not in outside


def test_a_picture_has_its_light_colours_without_variables() -> None:
    outside = re.sub(r"@media screen[^{]*\{(?:[^{}]*\{[^{}]*\})*\s*\}", "", sheet.STYLE)
    assert "var(" not in outside
    for name in sheet.SCALES:
        assert f".f{name}{{fill:{sheet.COLOURS[name][0]}}}" in outside


def test_every_variable_that_a_table_uses_is_one_of_both_themes() -> None:
    used = set(re.findall(r"var\(--(\w+)\)", html.RULES))
    assert used == set(html.LIGHT) == set(html.DARK)
