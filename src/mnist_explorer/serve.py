"""Start the explorer on this machine, for this machine alone."""

from __future__ import annotations

from pathlib import Path

from mnist_explorer.pictures import MAX_FILE_BYTES

SETTINGS = {
    "server.address": "127.0.0.1",
    "server.fileWatcherType": "none",
    "server.maxUploadSize": MAX_FILE_BYTES // 1024**2,
    "server.showEmailPrompt": False,
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "viewer",
    "theme.light.primaryColor": "#2a78c2",  # the figures' accent, to be read on either paper
    "theme.dark.primaryColor": "#5aa9f0",
}


def arguments(source: str, port: int | None, *, headless: bool = False) -> list[str]:
    """Return Streamlit's command line for the explorer.

    Parameters
    ----------
    source : str
        What `load_digits` takes.
    port : int or None
        None for Streamlit's choice, which is the first free one from 8501 on.
    headless : bool, default False
        Do not open a browser.

    Returns
    -------
    list of str
        Without the program's name.
    """
    settings = {**SETTINGS, "server.headless": headless}
    if port is not None:
        settings["server.port"] = port
    options = [f"--{name}={str(value).lower()}" for name, value in settings.items()]
    return ["run", str(Path(__file__).with_name("app.py")), *options, "--", source]


def serve(source: str, port: int | None, *, headless: bool = False) -> None:
    """Run the explorer until it is stopped; arguments as for `arguments`."""
    from streamlit.web.cli import main

    main(arguments(source, port, headless=headless), standalone_mode=False)
