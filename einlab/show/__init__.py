"""Tables and plans turned into text, HTML, SVG, JSON and figures; nothing is counted here."""

from einlab.show import bars, figure, html, json, plane, svg, text

__all__ = ["bars", "figure", "html", "json", "plane", "svg", "text"]
