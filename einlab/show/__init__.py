"""Tables and trees turned into text, HTML, SVG, JSON and figures; nothing is computed here."""

from einlab.show import figure, html, json, svg, text

__all__ = ["figure", "html", "json", "svg", "text"]
