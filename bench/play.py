"""Seeing pictures, beside ffmpeg: first picture live, seeking, stills, and how late live is.

Starts the node of `fairview demo` in a folder of its own, signs in over HTTP as a browser does,
and ends it. "Raw" is the simulated camera uncovered, "covered" as any camera is shown. A picture
counts when its bytes are here; that they decode is checked each time, outside of the time taken.

The peers do the same on the same pictures in the same run: `ffmpeg -ss` on a plain MP4 of what
was recorded, and ffmpeg from an RTSP server's address to its first picture. They neither ask who
is looking nor write it into a ledger, nor seal or cover anything.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import av

from bench.pictures import decoded, samples_in, shows_something
from bench.play_day import hours_of, record_day
from bench.visitor import Ended, Fetched, Look, Piece, Visitor, part_at
from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, Instant, Span, SystemClock
from fairview.run.demo import CAMERA, HISTORY_WINDOWS
from fairview.sim.history import WINDOW_US
from fairview.sim.source import latency_us
from fairview.sim.strip import read_picture_clock

RENDITIONS = ("raw", "covered")
LINGER_S = 6.0
"""A covered live rendering goes on for 5 s without viewers; after that an opening is cold."""

START_S_MAX = 180.0
HISTORY_S_MAX = 300.0
ASK_AGAIN_S = 0.1

LOOK_US = 10 * US_PER_SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A running node and somebody signed in."""

    visitor: Visitor
    started_s: float
    answered_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row: seconds of each try, and the peer's row it is set against (or none)."""

    name: str
    tries: tuple[float, ...]
    peer: str = ""


@contextmanager
def node(folder: Path) -> Iterator[Site]:
    """The demo's node on `folder`; signed in, through the set-up link where there is one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started_s = time.monotonic()
    with (folder.parent / "node.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.demo_node", str(folder), str(port)],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "XDG_CACHE_HOME": str(folder.parent / "cache")},
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError((folder.parent / "node.log").read_text()[-2_000:])
        told = json.loads(line)
        visitor = Visitor(told["url"])
        if told["set_up_link"]:
            visitor.set_up(told["set_up_link"])
        else:
            visitor.sign_in()
        yield Site(visitor=visitor, started_s=started_s, answered_s=time.monotonic())
        visitor.close()
    finally:
        process.terminate()
        process.wait(timeout=60)


def first_picture(site: Site, rendition: str, since_s: float) -> float:
    """Seconds from `since_s` to the first live bytes that a player can show.

    Asks again like the page while the camera is not recorded yet. Errors: Ended after START_S_MAX.
    """
    visitor = site.visitor
    look = visitor.open_look(CAMERA, rendition, None)
    while True:
        try:
            arrived_s = _shown_at(visitor, look)
        except Ended:
            if time.monotonic() - since_s > START_S_MAX:
                raise
            time.sleep(ASK_AGAIN_S)
        else:
            visitor.close_look(look)
            return arrived_s - since_s


def _shown_at(visitor: Visitor, look: Look) -> float:
    init, fragments = b"", b""
    with visitor.live(look, CAMERA) as pieces:
        for piece in pieces:
            if piece.is_init:
                init, fragments = piece.data, b""
                continue
            fragments += piece.data
            if shows_something(init, fragments):
                return piece.arrived_s
    raise Ended("without a picture")


def watched(visitor: Visitor, rendition: str, seconds: float) -> list[Piece]:
    """Live pieces of some seconds."""
    look = visitor.open_look(CAMERA, rendition, None)
    found: list[Piece] = []
    with visitor.live(look, CAMERA) as pieces:
        began_s = time.monotonic()
        for piece in pieces:
            found.append(piece)
            if time.monotonic() - began_s > seconds:
                break
    visitor.close_look(look)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """How old pictures were when their piece was here, seconds.

    by_strip: by the clock in the picture, for the newest picture of each piece; empty where the
    cover hides it. by_header: by the time that the node says, for the same pictures.
    """

    by_strip: tuple[float, ...]
    by_header: tuple[float, ...]


def ages(pieces: Sequence[Piece]) -> Ages:
    init = next(piece for piece in pieces if piece.is_init)
    fragments = [piece for piece in pieces if not piece.is_init]
    shown = decoded(init.data, b"".join(piece.data for piece in fragments))
    by_strip, by_header, at = [], [], 0
    for number, piece in enumerate(fragments):
        count = samples_in(piece.data)
        mine = shown[at : at + count]
        at += count
        if number == 0 or not mine:
            continue  # the group of pictures that was ready is older by design
        newest = piece.at.plus(mine[-1].at_us - mine[0].at_us)
        by_header.append(piece.arrived_at.since(newest) / US_PER_SECOND)
        frame = read_picture_clock(mine[-1].pixels)
        if frame is not None:
            by_strip.append(latency_us(frame, piece.arrived_at) / US_PER_SECOND)
    return Ages(by_strip=tuple(by_strip), by_header=tuple(by_header))


# Seeking


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A recorded stretch, and the same as a plain MP4."""

    span: Span
    plain: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """An instant to seek to, and the window it lies in."""

    window: Window
    at: Instant


def aims(visitor: Visitor, windows: Sequence[Window], count: int) -> list[Aim]:
    """Random instants, each in a part of its own, so that nothing is read a second time."""
    chance = random.Random(11)
    found = []
    for window in windows:
        look = visitor.open_look(CAMERA, "raw", window.span)
        for part in visitor.parts(look, CAMERA)[1:-1]:
            at = part.span.start.plus(chance.randrange(part.span.duration_us))
            found.append(Aim(window=window, at=at))
        visitor.close_look(look)
    chance.shuffle(found)
    if len(found) < count:
        raise RuntimeError(f"only {len(found)} parts are recorded, not {count}")
    return found[:count]


def seek_within(visitor: Visitor, look: Look, at: Instant) -> Fetched:
    """Inside an open look whose playlist and initialisation the player has: one request."""
    part = part_at(visitor.parts(look, CAMERA), at)
    init = visitor.bytes_of(look, part.init)
    found = visitor.part(look, part.address)
    return replace(found, data=init + found.data)


def seek_opening(visitor: Visitor, rendition: str, at: Instant) -> Fetched:
    """From nothing: open a look, read its playlist, its initialisation, its part."""
    half_us = LOOK_US // 2
    span = Span(start=at.plus(-half_us), end=at.plus(half_us))
    began = time.monotonic()
    look = visitor.open_look(CAMERA, rendition, span)
    part = part_at(visitor.parts(look, CAMERA), at)
    init = visitor.bytes_of(look, part.init)
    before_s = time.monotonic() - began
    found = visitor.part(look, part.address)
    visitor.close_look(look)
    return Fetched(
        data=init + found.data,
        first_s=before_s + found.first_s,
        whole_s=before_s + found.whole_s,
    )


def require_pictures(data: bytes, what: str) -> None:
    if not shows_something(b"", data):
        raise RuntimeError(f"{what} gave bytes that can't be shown")


def seeks(visitor: Visitor, windows: Sequence[Window], count: int) -> list[Figure]:
    """Both ways of seeking, stills, and the peer, one after the other for each instant."""
    looks = {
        (rendition, window.span): visitor.open_look(CAMERA, rendition, window.span)
        for rendition in RENDITIONS
        for window in windows
    }
    tries: dict[str, list[float]] = {}

    def note(name: str, lasted: float) -> None:
        tries.setdefault(name, []).append(lasted)

    wanted = aims(visitor, windows, 2 * count)
    for aim, still in zip(wanted[:count], wanted[count:], strict=True):
        for rendition in RENDITIONS:
            opened = seek_within(visitor, looks[rendition, aim.window.span], aim.at)
            fresh = seek_opening(visitor, rendition, aim.at)
            for how, found in (("look open", opened), ("with opening the look", fresh)):
                require_pictures(found.data, f"a {rendition} seek")
                note(f"seek, {rendition}, {how}, first picture", found.first_s)
                note(f"seek, {rendition}, {how}, all of its 2 s", found.whole_s)
            look = looks[rendition, still.window.span]
            began = time.monotonic()
            jpeg = visitor.picture(look, CAMERA, still.at)
            note(f"JPEG, {rendition}", time.monotonic() - began)
            if jpeg[:2] != b"\xff\xd8":
                raise RuntimeError("a still is no JPEG")
        offset_s = aim.at.since(aim.window.span.start) / US_PER_SECOND
        note(CUT, timed(partial(ffmpeg_cut, aim.window.plain, offset_s)))
        note(STILL, timed(partial(ffmpeg_still, aim.window.plain, offset_s)))
        note(OPENED, timed(partial(pyav_still, aim.window.plain, offset_s)))
    for look in looks.values():
        visitor.close_look(look)
    return [
        Figure(name=name, tries=tuple(some), peer=_peer_of(name)) for name, some in tries.items()
    ]


CUT = "ffmpeg -ss, cut of 2 s, plain MP4"
STILL = "ffmpeg -ss, one picture as JPEG, plain MP4"
OPENED = "PyAV, seek and decode one picture, plain MP4"
LIVE_PEER = "ffmpeg, RTSP to first picture, told not to probe"
LIVE_PEERS: dict[str, tuple[str, ...]] = {
    "ffmpeg, RTSP to first picture, as it is": (),
    LIVE_PEER: ("-fflags", "nobuffer", "-analyzeduration", "0", "-fpsprobesize", "0"),
}


def _peer_of(name: str) -> str:
    if name.startswith("seek"):
        return CUT
    return STILL if name.startswith("JPEG") else ""


def timed(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def ffmpeg(*words: str) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *words], check=True)


def ffmpeg_cut(place: Path, at_s: float) -> None:
    out = ["-t", "2", "-c", "copy", str(place.with_suffix(".cut.mp4"))]
    ffmpeg("-ss", f"{at_s:.3f}", "-i", str(place), *out)


def ffmpeg_still(place: Path, at_s: float) -> None:
    out = ["-frames:v", "1", "-update", "1", str(place.with_suffix(".jpg"))]
    ffmpeg("-ss", f"{at_s:.3f}", "-i", str(place), *out)


def pyav_still(place: Path, at_s: float) -> None:
    with av.open(str(place)) as container:
        container.seek(int(at_s * 1_000_000))
        for frame in container.decode(video=0):
            if frame.pts is not None and frame.time >= at_s - 0.1:
                return
    raise RuntimeError("nothing to see there")


def plain_copy(visitor: Visitor, span: Span, place: Path) -> Window:
    """The same pictures in a plain MP4, from the raw parts, for the peer."""
    look = visitor.open_look(CAMERA, "raw", span)
    parts = visitor.parts(look, CAMERA)
    fragments = place.with_suffix(".fragments.mp4")
    data = [visitor.bytes_of(look, parts[0].init)]
    data += [visitor.bytes_of(look, part.address) for part in parts]
    fragments.write_bytes(b"".join(data))
    visitor.close_look(look)
    ffmpeg("-i", str(fragments), "-c", "copy", "-movflags", "+faststart", str(place))
    return Window(span=span, plain=place)


# Live


def live_opens(site: Site, opens: int) -> list[Figure]:
    """A live look on a node that has long been running, cold each time."""
    tries: dict[str, list[float]] = {rendition: [] for rendition in RENDITIONS}
    for _ in range(opens):
        for rendition in RENDITIONS:
            tries[rendition].append(first_picture(site, rendition, time.monotonic()))
        time.sleep(LINGER_S)
    return [
        Figure(name=f"first live picture, {rendition}", tries=tuple(some), peer=LIVE_PEER)
        for rendition, some in tries.items()
    ]


def ffmpeg_live(footage: Path, opens: int) -> list[Figure]:
    """The same camera's pictures from the bare RTSP replayer, to one decoded picture."""
    tries: dict[str, list[float]] = {name: [] for name in LIVE_PEERS}
    replayer = subprocess.Popen(
        [sys.executable, "-m", "bench.replayer", str(footage), "--seconds", "300", "--spread", "1"],
        stdout=subprocess.PIPE,
    )
    try:
        assert replayer.stdout is not None
        port = json.loads(replayer.stdout.readline())["port"]
        for number in range(opens):
            for name, extra in LIVE_PEERS.items():
                source = ["-rtsp_transport", "tcp", "-i", f"rtsp://127.0.0.1:{port}/{number}"]
                sink = ["-frames:v", "1", "-f", "null", "-"]
                tries[name].append(timed(partial(ffmpeg, *extra, *source, *sink)))
    finally:
        replayer.terminate()
        replayer.wait()
    return [Figure(name=name, tries=tuple(some)) for name, some in tries.items()]


# Telling


def p95(tries: Sequence[float]) -> float:
    """The smallest try that 95 of 100 do not exceed."""
    return sorted(tries)[max(0, -(-len(tries) * 95 // 100) - 1)]


def table(figures: Sequence[Figure]) -> str:
    medians = {one.name: statistics.median(one.tries) for one in figures}
    lines = [
        "| what | tries | median, ms | p95, ms | most, ms | median, ratio to the peer |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for one in figures:
        ratio = ""
        if one.peer in medians:
            ratio = f"{medians[one.name] / medians[one.peer]:.2f} × {one.peer}"
        lines.append(
            f"| {one.name} | {len(one.tries)} | {medians[one.name] * 1000:.0f} "
            f"| {p95(one.tries) * 1000:.0f} | {max(one.tries) * 1000:.0f} | {ratio} |"
        )
    return "\n".join(lines)


def age_figures(visitor: Visitor, seconds: float) -> list[Figure]:
    figures = []
    for rendition in RENDITIONS:
        found = ages(watched(visitor, rendition, seconds))
        for how, some in (("by its clock", found.by_strip), ("by its header", found.by_header)):
            if some:
                figures.append(Figure(name=f"age of live pictures, {rendition}, {how}", tries=some))
    return figures


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def history(visitor: Visitor) -> list[Span]:
    """The demo's windows of the past, once they are all recorded. Errors: RuntimeError."""
    since_s = time.monotonic()
    while time.monotonic() - since_s < HISTORY_S_MAX:
        now = SystemClock().now()
        spans = visitor.footage(CAMERA, Span(start=now.plus(-2 * US_PER_HOUR), end=now))
        whole_us = sum(span.duration_us for span in spans)
        if whole_us >= HISTORY_WINDOWS * WINDOW_US * 0.98:
            return [span for span in spans if span.duration_us > US_PER_MINUTE]
        time.sleep(1)
    raise RuntimeError(f"the demo's history is not recorded after {HISTORY_S_MAX:.0f} s: {spans}")


def starts(data: Path) -> list[Figure]:
    """From the command to what is seen: nothing there yet, then everything there."""
    say("a fresh folder: from the command to the first covered picture")
    with node(data) as site:
        shown_s = first_picture(site, "covered", site.started_s)
        answered_s = site.answered_s - site.started_s
        history(site.visitor)
    fresh = [
        Figure(name="command to signed in, fresh", tries=(answered_s,)),
        Figure(name="command to first covered picture, fresh", tries=(shown_s,)),
    ]
    say("the same folder again: from the command to the first raw picture")
    with node(data) as site:
        shown_s = first_picture(site, "raw", site.started_s)
    return [*fresh, Figure(name="command to first raw picture, folder known", tries=(shown_s,))]


def measure(folder: Path, options: argparse.Namespace) -> list[Figure]:
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    figures = starts(folder / "data")
    day: Span | None = None
    if options.hours:
        say(f"recording {options.hours:g} hours of the past")
        day = record_day(folder / "data", options.hours)
    with node(folder / "data") as site:
        first_picture(site, "raw", site.started_s)
        visitor = site.visitor
        spans = hours_of(day, 4) if day is not None else history(visitor)
        whole_s = sum(span.duration_us for span in spans) // US_PER_SECOND
        say(f"seeking in {len(spans)} recorded stretches, {whole_s} s together")
        windows = [
            plain_copy(visitor, span, folder / f"plain-{number}.mp4")
            for number, span in enumerate(spans)
        ]
        figures += seeks(visitor, windows, options.seeks)
        say("live")
        figures += live_opens(site, options.opens)
        figures += ffmpeg_live(windows[0].plain, options.opens)
        figures += age_figures(visitor, options.watch)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeks", type=int, default=40, help="instants per way of seeking")
    parser.add_argument(
        "--hours", type=float, default=22, help="of footage to seek in; 0: the demo's nine minutes"
    )
    parser.add_argument("--opens", type=int, default=8, help="live looks per rendition")
    parser.add_argument("--watch", type=float, default=15, help="seconds of live pictures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fv-play-") as name:
        print(table(measure(Path(name), options)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
