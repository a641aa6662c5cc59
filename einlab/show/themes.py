"""Light and dark: which of two sets of colours a table or a picture is read in.

A page that lets its reader switch says so in an attribute (`data-theme` in the themes of Sphinx,
`data-jp-theme-light` in JupyterLab); what it says goes before the reader's system, and paper is
always light.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["themed"]

LIGHT = ("[data-theme=light]", "[data-jp-theme-light=true]")
DARK = ("[data-theme=dark]", "[data-jp-theme-light=false]")


def themed(where: str, light: Mapping[str, str], dark: Mapping[str, str]) -> str:
    """CSS that gives the elements `where` the variables of one of two themes.

    >>> print(themed(".box", {"ink": "#111"}, {"ink": "#eee"}))
    .box{color-scheme:light;--ink:#111}
    @media screen and (prefers-color-scheme:dark){.box{color-scheme:dark;--ink:#eee}}
    [data-theme=light] .box,
    [data-jp-theme-light=true] .box{color-scheme:light;--ink:#111}
    @media screen{[data-theme=dark] .box,
    [data-jp-theme-light=false] .box{color-scheme:dark;--ink:#eee}}
    """
    bright, dim = _variables("light", light), _variables("dark", dark)
    return (
        f"{where}{bright}\n"
        f"@media screen and (prefers-color-scheme:dark){{{where}{dim}}}\n"
        f"{_under(LIGHT, where)}{bright}\n"
        f"@media screen{{{_under(DARK, where)}{dim}}}"
    )


def _variables(scheme: str, values: Mapping[str, str]) -> str:
    named = "".join(f";--{name}:{value}" for name, value in values.items())
    return f"{{color-scheme:{scheme}{named}}}"


def _under(marks: tuple[str, ...], where: str) -> str:
    return ",\n".join(f"{mark} {where}" for mark in marks)
