"""Tables and trees turned into text, HTML, SVG, JSON and figures; nothing is computed here."""
