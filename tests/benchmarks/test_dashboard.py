"""The page: whole in itself, safe with any name, for light and dark."""

from __future__ import annotations

import re

from benchmarks.dashboard import dashboard
from benchmarks.results import Run
from tests.benchmarks.runs import made_run


def test_the_page_asks_nothing_of_any_server() -> None:
    page = dashboard(made_run())
    reference = r"https?:|//|\b(?:src|href|srcset|action)\s*=|url\(|@import|<link|<iframe|fetch\("
    assert not re.findall(reference, page)


def test_the_page_shows_names_as_they_are() -> None:
    page = dashboard(made_run())
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in page
    assert "A &lt;CPU&gt;" in page


def test_the_page_is_for_light_and_dark() -> None:
    assert "prefers-color-scheme:dark" in dashboard(made_run())


def test_a_picture_has_one_mark_for_every_ratio() -> None:
    told = re.findall(r"<title>product, float32, (\w+): ([\d.]+) \(", dashboard(made_run()))
    assert told == [("fast", "2"), ("slow", "0.125")]


def test_many_cases_are_folded_under_a_picture_of_the_families() -> None:
    assert "<details>" not in dashboard(made_run(copies=5))
    page = dashboard(made_run(copies=50))
    assert "<details><summary>All 50 cases as a picture</summary>" in page
    assert page.count("<svg") == 2


def test_a_run_without_any_ratio_is_a_page_of_tables() -> None:
    run = made_run()
    empty = Run(run.machine, run.settings, run.started, False, ())
    assert "<svg" not in dashboard(empty)
