"""ffmpeg as a camera over HTTP: what it sends is stored unit for unit."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import av
import pytest

from fairview.core.errors import Unavailable
from fairview.core.flow import StreamLost
from fairview.core.media import Packet
from tests.ingest.http.serving import source_of
from tests.servers.running import free_port, missing

pytestmark = [pytest.mark.server, pytest.mark.slow]

CODERS = {
    "h264": ("libx264", "-bf", "2", "-g", "25", "-preset", "veryfast"),
    "hevc": ("libx265", "-preset", "ultrafast", "-x265-params", "keyint=25:log-level=none"),
    "mjpeg": ("mjpeg", "-q:v", "4"),
}
FORMATS = {
    "mpegts": (),
    "flv": (),
    "mpjpeg": (),
    "mp4": ("-movflags", "frag_keyframe+empty_moov+default_base_moof"),
    "matroska": (),
}


def film_of(folder: Path, codec: str) -> Path:
    """Three seconds of a test pattern."""
    if shutil.which("ffmpeg") is None:
        missing("ffmpeg is not installed")
    out = folder / "film.mkv"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"]
    coder, *options = CODERS[codec]
    subprocess.run(
        [*command, "-t", "3", "-pix_fmt", "yuvj420p" if codec == "mjpeg" else "yuv420p",
         "-c:v", coder, *options, str(out)],
        check=True,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return out


def taken(address: str) -> list[Packet]:
    """Everything until the end; asked again while ffmpeg is not up yet."""
    for _ in range(100):
        found: list[Packet] = []
        packets = source_of(address).packets()
        while True:
            try:
                packet = next(packets, None)
            except StreamLost:
                return found
            except Unavailable:
                time.sleep(0.1)
                break
            assert packet is not None, "a live stream ends with a reason"
            found.append(packet)
    raise AssertionError("ffmpeg did not serve")


def units_of(path: Path, form: str) -> list[bytes]:
    """The pictures of a file as that container holds them."""
    with av.open(str(path), "r", format=form) as film:
        return [bytes(packet) for packet in film.demux(film.streams.video[0]) if packet.size]


@pytest.mark.parametrize(
    ("codec", "form"),
    [
        ("h264", "mpegts"), ("hevc", "mpegts"), ("h264", "flv"), ("h264", "mp4"), ("hevc", "mp4"),
        ("h264", "matroska"), ("mjpeg", "mpjpeg"), ("mjpeg", "mjpeg"),
    ],
)  # fmt: skip
def test_what_ffmpeg_serves_is_stored_unit_for_unit(tmp_path: Path, codec: str, form: str) -> None:
    film = film_of(tmp_path, codec)
    copy = ["ffmpeg", "-v", "error", "-i", str(film), "-c:v", "copy", *FORMATS.get(form, ())]
    plain = tmp_path / "plain"
    subprocess.run([*copy, "-f", form, str(plain)], check=True, stdin=subprocess.DEVNULL)
    expected = units_of(plain, "mjpeg" if form == "mpjpeg" else form)
    if form == "mpjpeg":
        expected = units_of(film, "matroska")
    port = free_port()
    serve = [*copy[:3], "-re", *copy[3:], "-f", form]
    server = subprocess.Popen(
        [*serve, "-listen", "1", f"http://127.0.0.1:{port}/live"], stdin=subprocess.DEVNULL
    )
    try:
        found = taken(f"http://127.0.0.1:{port}/live")
    finally:
        server.kill()
        server.wait(timeout=10)
    assert {packet.format.codec for packet in found} == {codec}
    assert [packet.data for packet in found] == expected
    shown = sorted(packet.ticks for packet in found)
    seconds = found[0].format.us_of(shown[-1] - shown[0]) / 1e6
    assert 2.5 < seconds < 3.5
