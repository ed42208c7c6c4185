"""Servers × codecs × transports × streams: what each pair keeps of every unit that was sent.

    python -m tests.servers.matrix      every cell, as a table

A cell is exact when every NAL unit of pictures and messages (of JPEG: every coded byte) that came
out is the source's, in order, from where the stream was joined, and no gap was told; else it says
what is missing and what the gap says, or why the server can't do it.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Literal

import av
import structlog

from fairview.core.camera import Source, Transport
from fairview.core.errors import FairviewError
from fairview.core.flow import PacketSource
from fairview.core.ids import CameraId, CameraStream
from fairview.core.media import Codec, Packet
from fairview.core.time import SystemClock
from fairview.ingest import nal
from fairview.ingest.address import AddressRules
from fairview.ingest.http.source import HttpSource
from fairview.ingest.lean.source import LeanSource
from fairview.sim.bad_camera import BadCamera, CameraSetup
from fairview.sim.bad_camera_film import Film, film_of_file
from tests.servers.running import free_port, gst_server, missing, video, vlc_server

Server = Literal["GStreamer", "VLC", "ffmpeg over HTTP", "faulty camera"]
Way = Literal["tcp", "udp"]
Unit = tuple[str, ...]
Outcome = tuple[bool | None, str]
SERVERS: tuple[Server, ...] = ("GStreamer", "VLC", "ffmpeg over HTTP", "faulty camera")
CODECS: tuple[Codec, ...] = ("h264", "hevc", "mjpeg")
WAYS: tuple[Way, ...] = ("tcp", "udp")
STREAMS: tuple[CameraStream, ...] = ("main", "sub")
SIZES = {"main": (640, 360), "sub": (320, 176)}
SOURCE = "people-walking-plaza.mp4"
FPS, PICTURES = 15, 60
LOSSES = "at 1.2 s: drop 1; at 2.2 s: halve 1"
"""What the faulty camera does: packets missing, half a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell's outcome. is_exact None: the server can't do it."""

    server: Server
    codec: Codec
    way: Way
    stream: CameraStream
    is_exact: bool | None
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    packets: list[Packet]
    because: str


def encoded(codec: Codec, stream: CameraStream, folder: Path) -> Path:
    """The first seconds of a clip, coded anew into a file that all servers read."""
    out = folder / f"{stream}-{codec}.mov"
    if out.exists():
        return out
    width, height = SIZES[stream]
    name = {"h264": "libx264", "hevc": "libx265", "mjpeg": "mjpeg"}[codec]
    with av.open(str(video(SOURCE))) as clip, av.open(str(out), "w", format="mov") as target:
        coder = target.add_stream(name, rate=FPS)
        assert isinstance(coder, av.VideoStream)
        coder.width, coder.height = width, height
        coder.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        coder.codec_context.time_base = Fraction(1, FPS)
        coder.codec_context.thread_count = 1
        coder.options = _OPTIONS[codec]
        for number, frame in enumerate(clip.decode(video=0)):
            if number == PICTURES:
                break
            small = frame.reformat(width=width, height=height, format=coder.pix_fmt)
            small.pts, small.time_base = number, Fraction(1, FPS)
            target.mux(coder.encode(small))
        target.mux(coder.encode(None))
    return out


_PATHS = {"main": "live", "sub": "sub"}
_OPTIONS: dict[Codec, dict[str, object]] = {
    "h264": {"g": "15", "bf": "0", "preset": "veryfast", "sc_threshold": "0"},
    "hevc": {"preset": "ultrafast", "x265-params": "keyint=15:bframes=0:info=0:log-level=none"},
    "mjpeg": {"huffman": "default", "qmin": "5", "qmax": "5"},
}


def units(data: bytes, codec: Codec, sets: bytes = b"") -> Unit:
    """The digests of what must be kept of one access unit, in either form."""
    if codec == "mjpeg":
        at = data.index(b"\xff\xda")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        return (_digest(data[at : data.rindex(b"\xff\xd9")]),)
    parts: Iterator[bytes] = nal.annex_b_units(data)
    if sets[:1] == b"\x01":
        length = (sets[21] if codec == "hevc" else sets[4]) & 3
        parts = nal.length_prefixed_units(data, length + 1)
    return tuple(_digest(one) for one in parts if _is_kept(one, codec))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:24]


def _is_kept(unit: bytes, codec: Codec) -> bool:
    if codec == "h264":
        return nal.kind_of(unit) in nal.SLICES | {nal.SEI}
    kind = unit[0] >> 1 & 0x3F
    return kind < 32 or kind in (39, 40)


def source_units(path: Path, codec: Codec) -> list[Unit]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        sets = bytes(stream.codec_context.extradata or b"")
        return [units(bytes(one), codec, sets) for one in container.demux(stream) if one.size]


def film_units(film: Film) -> list[Unit]:
    return [
        units(one.parts[0] if film.codec == "mjpeg" else one.annex_b, film.codec)
        for one in film.units
    ]


def received(address: str, stream: CameraStream, transport: Transport, lasts: int) -> Got:
    """What a source gives until it ends, or after so many pictures."""
    kind: Literal["http", "rtsp"] = "http" if address.startswith("http") else "rtsp"
    source = Source(stream=stream, kind=kind, address=address, transport=transport)
    reader: PacketSource
    rules, clock = AddressRules(allow_loopback=True), SystemClock()
    make = HttpSource if kind == "http" else LeanSource
    reader = make(camera=CameraId("matrix"), source=source, login=None, rules=rules, clock=clock)
    packets: list[Packet] = []
    because = "the end"
    try:
        for packet in reader.packets():
            packets.append(packet)
            if len(packets) >= lasts:
                break
    except FairviewError as error:
        because = str(error)
    reader.close()
    return Got(packets=packets, because=because)


def compared(got: Got, source: Sequence[Unit], codec: Codec, *, joins: bool) -> tuple[bool, str]:
    """joins: the stream is under way already: what comes first may be cut, the film goes round."""
    came = [units(one.data, codec) for one in got.packets]
    first = 0
    if joins:
        first = next((at for at, one in enumerate(came) if one in source), len(came))
        came = came[first:]
    gaps = sum(one.is_after_loss for one in got.packets[first + joins :])
    if not came or came[0] not in source:
        return False, f"nothing of the source came ({got.because})"
    start = source.index(came[0])
    wanted = [source[(start + at) % len(source)] for at in range(len(came))]
    least = len(source) // 4 if joins else len(source)
    if came == wanted and gaps == 0 and len(came) >= least:
        return True, f"{len(came)} pictures"
    place, missing_of = start, 0
    for one in came:
        for _ in range(len(source)):
            if source[place % len(source)] == one:
                break
            place, missing_of = place + 1, missing_of + 1
        else:
            return False, "a picture came that was never sent"
        place += 1
    if missing_of == 0 and gaps == 0:
        return False, f"only {len(came)} of {least} pictures ({got.because})"
    of = missing_of + len(came)
    return False, f"{missing_of} of {of} pictures missing, {gaps} gaps (lost_packets)"


@contextmanager
def ffmpeg_http(clip: Path, codec: Codec) -> Iterator[str]:
    """ffmpeg serves one file once, at its own pace, to the first who asks."""
    if shutil.which("ffmpeg") is None:
        missing("ffmpeg is not installed")
    port = free_port()
    form = "mpjpeg" if codec == "mjpeg" else "mpegts"
    kind = "multipart/x-mixed-replace;boundary=ffmpeg" if codec == "mjpeg" else "video/mp2t"
    address = f"http://127.0.0.1:{port}/live"
    process = subprocess.Popen(
        [
            *("ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-i", str(clip), "-c", "copy"),
            *("-f", form, "-content_type", kind, "-listen", "1", address),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield address
    finally:
        process.kill()
        process.wait(timeout=10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until it listens, without connecting: it serves one connection only."""
    clock, never = SystemClock(), threading.Event()
    for _ in range(200):
        listening = Path("/proc/net/tcp").read_text(encoding="ascii")
        if f"0100007F:{port:04X} 00000000:0000 0A" in listening:
            return
        assert process.poll() is None, "ffmpeg ended at once"
        clock.wait(never, 50_000)
    raise AssertionError("ffmpeg does not listen")


def _together(jobs: Sequence[Callable[[], None]]) -> None:
    """All at once; what one raises is raised here."""
    faults: list[BaseException] = []

    def run(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001  # raised below, in the caller's thread
            faults.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for fault in faults:
        raise fault


class Matrix:
    """Runs cells; films are made once. folder: where they lie, readable to all (VLC is nobody)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.cells: list[Cell] = []

    def run(self, server: Server, codec: Codec) -> list[Cell]:
        """All transports and streams of one server and codec, main and sub at the same time."""
        before = len(self.cells)
        clips = {stream: encoded(codec, stream, self._folder) for stream in STREAMS}
        for clip in clips.values():
            clip.chmod(0o644)
        {
            "GStreamer": self._gstreamer,
            "VLC": self._vlc,
            "ffmpeg over HTTP": self._http,
            "faulty camera": self._faulty,
        }[server](codec, clips)
        return self.cells[before:]

    def _add(
        self,
        server: Server,
        codec: Codec,
        way: Way,
        stream: CameraStream,
        out: tuple[bool | None, str],
    ) -> None:
        self.cells.append(
            Cell(server=server, codec=codec, way=way, stream=stream, is_exact=out[0], says=out[1])
        )

    def _gstreamer(self, codec: Codec, clips: dict[CameraStream, Path]) -> None:
        options = ("--codec", codec, "--sub", str(clips["sub"]), "--for", "90")

        def cell(way: Way) -> None:
            # A server each: to two clients of one it would show the same pictures only once.
            with gst_server(clips["main"], *options) as running:
                home = running.address.removesuffix("live")

                def one(stream: CameraStream) -> None:
                    got = received(home + _PATHS[stream], stream, way, 10_000)
                    source = source_units(clips[stream], codec)
                    out = compared(got, source, codec, joins=False)
                    self._add("GStreamer", codec, way, stream, out)

                _together([partial(one, stream) for stream in STREAMS])

        _together([partial(cell, way) for way in WAYS])

    def _vlc(self, codec: Codec, clips: dict[CameraStream, Path]) -> None:
        def cell(stream: CameraStream) -> None:
            with vlc_server(clips[stream], "--for", "90") as running:
                for way in WAYS:
                    got = received(running.address, stream, way, PICTURES)
                    if way == "tcp" and not got.packets and "does not send over tcp" in got.because:
                        self._add("VLC", codec, way, stream, (None, "it has no RTP over TCP (461)"))
                        continue
                    source = source_units(clips[stream], codec)
                    out = compared(got, source, codec, joins=True)
                    self._add("VLC", codec, way, stream, out)

        _together([partial(cell, one) for one in STREAMS])

    def _http(self, codec: Codec, clips: dict[CameraStream, Path]) -> None:
        def cell(stream: CameraStream) -> None:
            with ffmpeg_http(clips[stream], codec) as address:
                got = received(address, stream, "auto", 10_000)
            source = source_units(clips[stream], codec)
            out = compared(got, source, codec, joins=False)
            self._add("ffmpeg over HTTP", codec, "tcp", stream, out)
            self._add("ffmpeg over HTTP", codec, "udp", stream, (None, "HTTP is over TCP"))

        _together([partial(cell, one) for one in STREAMS])

    def _faulty(self, codec: Codec, clips: dict[CameraStream, Path]) -> None:
        films = tuple(film_of_file(clips[stream]) for stream in STREAMS)

        def cell(way: Way) -> None:
            setup = CameraSetup(ways=frozenset((way,)), lifetime_us=40_000_000)
            with BadCamera(films, script=LOSSES, setup=setup) as camera:

                def one(stream: CameraStream) -> None:
                    got = received(camera.address(stream), stream, way, PICTURES)
                    source = film_units(films[STREAMS.index(stream)])
                    out = compared(got, source, codec, joins=True)
                    self._add("faulty camera", codec, way, stream, out)

                _together([partial(one, stream) for stream in STREAMS])

        _together([partial(cell, way) for way in WAYS])


def table(cells: Sequence[Cell]) -> str:
    """The page's text."""
    lines = [
        f"Source: {PICTURES} pictures of {SOURCE} at {FPS} a second, coded anew; main "
        f"{SIZES['main'][0]}x{SIZES['main'][1]}, sub {SIZES['sub'][0]}x{SIZES['sub'][1]}, both at "
        "the same time. Exact: every unit of pictures and messages (of JPEG: every coded byte) is "
        "the source's, in order, and nothing is missing from where the stream was joined.",
        f"The faulty camera does: `{LOSSES}`.",
        "",
        "| server | codec | transport | main | sub |",
        "|---|---|---|---|---|",
    ]
    words = {True: "exact", False: "gap", None: "can't"}
    for server in SERVERS:
        for codec in CODECS:
            for way in WAYS:
                row = {
                    one.stream: f"{words[one.is_exact]}: {one.says}"
                    for one in cells
                    if (one.server, one.codec, one.way) == (server, codec, way)
                }
                name = {"h264": "H.264", "hevc": "H.265", "mjpeg": "MJPEG"}.get(codec, codec)
                main, sub = row.get("main", "not run"), row.get("sub", "not run")
                lines.append(f"| {server} | {name} | {way.upper()} | {main} | {sub} |")
    return "\n".join(lines)


def folder_for_all() -> AbstractContextManager[str]:
    return tempfile.TemporaryDirectory(prefix="matrix")


def main() -> int:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with folder_for_all() as name:
        Path(name).chmod(0o755)
        matrix = Matrix(Path(name))
        for server in SERVERS:
            for codec in CODECS:
                matrix.run(server, codec)
    sys.stdout.write(table(matrix.cells) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
