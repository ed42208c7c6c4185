"""`serve` and `demo`: the node, and the node with a pretend city in it."""

from __future__ import annotations

import os
import signal
import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from fairview.cli.voice import bar, note, say
from fairview.config.settings import ENVIRONMENT_PREFIX, Settings, load_settings
from fairview.core.time import SystemClock
from fairview.run.demo import DemoWish, run_demo
from fairview.run.logs import set_up_logs
from fairview.run.node import Announcement, run_node
from fairview.run.service_manager import ServiceManager

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="The settings file (TOML).", dir_okay=False)
]
DataDir = Annotated[
    Path | None, typer.Option("--data", help="The data folder (else the settings' own).")
]


def stop_on_signals() -> threading.Event:
    """An event that Ctrl-C and a polite kill set."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def settings_from(
    config: Path | None, data: Path | None, *, host: str | None = None, port: int | None = None
) -> Settings:
    """Settings of file and environment, overruled by what was typed, and checked as a whole."""
    typed = {"DATA": data, "SERVER__HOST": host, "SERVER__PORT": port}
    said = {ENVIRONMENT_PREFIX + name: str(one) for name, one in typed.items() if one is not None}
    return load_settings(config, {**os.environ, **said})


def serve(
    config: ConfigFile = None,
    data: DataDir = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", min=1, max=65535)] = None,
) -> None:
    """Run the node: recording, the door, and the page."""
    settings = settings_from(config, data, host=host, port=port)
    set_up_logs(settings.logs, process="node")
    clock = SystemClock()
    manager = ServiceManager(os.environ, clock)

    def announce(told: Announcement) -> None:
        _announce(told)
        manager.ready(f"Fairview is running: {told.address.url}")

    run_node(settings, clock, stop_on_signals(), announce)
    note("stopped; everything recorded is sealed and in the catalogue")


def demo(
    source: Annotated[
        str | None, typer.Option(help="Your own RTSP address or file, beside the simulated camera.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Keep the demo's data here (else a fresh folder).")
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8480,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Run a pretend city on this machine: a simulated camera with some history, everything on."""
    with bar("drawing the junction") as move:

        def announce(told: Announcement) -> None:
            _announce(told)
            if browser and not webbrowser.open(told.set_up_link or told.address.url):
                note("No browser opens from here: open the link above in one.")

        wish = DemoWish(source=source, data=data, port=port)
        run_demo(wish, SystemClock(), stop_on_signals(), move, announce)
    note("the demo has stopped")


def _announce(told: Announcement) -> None:
    say(f"Fairview is running: {told.address.url}")
    if told.set_up_link:
        say(f"Make the first account here (once, within the hour): {told.set_up_link}")
    if told.address.fingerprint:
        say("The browser will warn about our own certificate. Compare its SHA-256 fingerprint:")
        say(f"  {told.address.fingerprint}")
    note("Ctrl-C ends it.")
