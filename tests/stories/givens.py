"""What stories begin with: films, folders, cameras, a node, a port somebody else has."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

from tests.golden.first_release import unpacked
from tests.ingest.movies import write_film
from tests.run import roads
from tests.servers.running import free_port, gst_server
from tests.stories.commands import COMMAND, environment, good

Names = dict[str, str]
READY_S = 60


@contextmanager
def a_film(folder: Path) -> Iterator[Names]:
    """film.mp4 and other.mp4: three seconds each."""
    write_film(folder / "film.mp4", pictures=75)
    write_film(folder / "other.mp4", pictures=75)
    yield {"here": str(folder)}


@contextmanager
def a_road(folder: Path) -> Iterator[Names]:
    """road.mp4 with three boxes that drive, its scene.toml, and their exact tracks.txt."""
    roads.write_film(folder / "road.mp4", count=30)
    roads.write_tracks(folder / "tracks.txt")
    roads.write_scene(folder / "scene.toml")
    yield {"here": str(folder)}


@contextmanager
def other_things(folder: Path) -> Iterator[Names]:
    """A folder `papers` with somebody's notes in it."""
    (folder / "papers").mkdir()
    (folder / "papers" / "notes.txt").write_text("not a film\n")
    yield {"here": str(folder)}


@contextmanager
def some_footage(folder: Path) -> Iterator[Names]:
    """A data folder with three seconds of a camera called door."""
    with a_film(folder):
        good("record", "film.mp4", "--camera", "door", "--data", "data", cwd=folder)
        yield {"here": str(folder)}


@contextmanager
def a_camera(folder: Path) -> Iterator[Names]:
    """An RTSP server that asks for a login: admin, with the password correct-horse."""
    with a_film(folder):
        options = ("--loop", "--login", "admin:correct-horse", "--for", "120")
        with gst_server(folder / "film.mp4", *options) as running:
            yield {"camera": running.address.removeprefix("rtsp://").removesuffix("/live")}


@contextmanager
def no_camera(folder: Path) -> Iterator[Names]:
    """A port of this machine at which nobody answers."""
    yield {"nobody": f"127.0.0.1:{free_port()}"}


@contextmanager
def an_older_folder(folder: Path) -> Iterator[Names]:
    """A data folder of the first release, as `data`; a newer one's, as `newer`."""
    unpacked(folder)
    (folder / "newer").mkdir()
    (folder / "newer" / "format.json").write_text('{"format": 99, "written_by": "9.9.9"}')
    yield {"here": str(folder)}


@contextmanager
def sheets(folder: Path) -> Iterator[Names]:
    """Files of cameras: good.csv, bad.csv; of logins: logins.csv. Only their owner reads them."""
    words = "counts,council order,city works,mail@example.org"
    header = "camera,address,area,login_name,login_password,purpose,legal_basis,operator,contact\n"
    texts = {
        "good.csv": f"{header}north,sim:junction?seed=1,the north,,,{words}\n"
        f"south,rtsp://192.0.2.7/live,the south,admin,correct-horse,{words}\n",
        "bad.csv": f"{header}north,sim:junction?seed=1,the north,,,{words}\n"
        f"North Gate,rtsp://192.0.2.7/live,the south,admin,correct-horse,{words}\n"
        f"north,rtsp://192.0.2.8/live,,,,{words}\n",
        "logins.csv": "camera,login_password\nsouth,battery-staple\nwest,battery-staple\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    yield {"here": str(folder)}


@contextmanager
def a_node(folder: Path) -> Iterator[Names]:
    """A node at work on the folder data."""
    with some_footage(folder), node(folder, folder / "data") as port:
        yield {"node-port": str(port), "free-port": str(free_port()), "here": str(folder)}


@contextmanager
def a_taken_port(folder: Path) -> Iterator[Names]:
    """A port that another program listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield {"taken-port": str(listener.getsockname()[1])}


GIVENS: dict[str, Callable[[Path], AbstractContextManager[Names]]] = {
    "a road": a_road,
    "a film": a_film,
    "other things": other_things,
    "some footage": some_footage,
    "a camera": a_camera,
    "no camera": no_camera,
    "a node": a_node,
    "an older folder": an_older_folder,
    "sheets": sheets,
    "a taken port": a_taken_port,
}


@contextmanager
def node(cwd: Path, data: Path, settings: Names | None = None) -> Iterator[int]:
    """`fairview serve` on a loopback port until the block ends; it must end well by itself."""
    with told_node(cwd, data, settings) as (port, _):
        yield port


@contextmanager
def told_node(
    cwd: Path, data: Path, settings: Names | None = None
) -> Iterator[tuple[int, list[str]]]:
    """The same, with the lines it told its owner once it answered."""
    port = free_port()
    log = cwd / "node.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--data", str(data), "--port", str(port)],
            cwd=cwd,
            env=environment(settings),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        told = _told(process, process.stdout, log)
        yield port, told
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=READY_S) == 0, log.read_text()[-3_000:]
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGTERM)
            process.wait(timeout=READY_S)
        if process.stdout is not None:
            process.stdout.close()


def _told(process: subprocess.Popen[str], stdout: IO[str], log: Path) -> list[str]:
    """Its first lines, up to the one with the set-up link where there is one to come."""
    late = threading.Timer(READY_S, process.kill)
    late.start()
    try:
        lines = [stdout.readline()]
        assert lines[0].startswith("Fairview is running"), log.read_text()[-3_000:]
        lines.append(stdout.readline())
        return lines
    finally:
        late.cancel()
