"""How the site's cells run: an error shows what it says, without the paths of the machine."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - IPython gives it
c.InteractiveShell.xmode = "Minimal"
c.InteractiveShell.history_load_length = 0
c.HistoryManager.enabled = False
