"""A soak: a real node, eight good and eight bad cameras, its processes looked at every ten seconds.

    python -m tests.faults.soak --minutes 45      a page of markdown; 1 when a promise was broken

Good cameras are served by the bare replayer: everything that a camera sent from the first
recorded picture to the end must be there, unit for unit, without a gap. Bad ones go through their
scripts again and again: every stretch without footage must be a gap with its cause. Memory,
descriptors and threads of each process must not grow: see `GROWTH`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import av
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.access.door_rows import DoorRows
from fairview.access.keys import KeyStore
from fairview.access.site_key import SiteKeyFiles
from fairview.core.ids import CameraId
from fairview.core.media import Gap, GapBecause, Segment
from fairview.core.time import US_PER_SECOND, SystemClock
from fairview.ingest.nal import annex_b_units
from fairview.sim.bad_camera import BadCamera, CameraSetup
from fairview.sim.bad_camera_film import Film, Made, film_of_file, made_film
from fairview.store.blobs import FileBlobs
from fairview.store.layout import DataFolder, open_data_folder
from fairview.store.mend import walk_blob
from fairview.store.sealing import open_record
from tests.faults.node_under_fire import Node, fairview, holes

GOOD = tuple(CameraId(f"good-{number}") for number in range(8))
SCRIPTS = (
    "every 37 s: close; at DESCRIBE, 2 times: hang 3 s",
    "every 45 s: hang 15 s; every 100 s: hang 3 s",
    "every 20 s: drop 3; every 33 s: swap 2; every 47 s: repeat 5; every 29 s: halve 2",
    "every 60 s: trickle 14 s; at SETUP, 1 times: close",
    "every 40 s: rubbish 500; every 70 s: huge; at PLAY, 2 times: half",
    "at 0 s: report 1970; every 55 s: jump -3600 s; every 25 s: freeze 10; at 10 s: drift 150 ppm",
    "every 60 s: film 1; every 90 s: film 0; every 75 s: fps 5; every 110 s: fps 0",
    "every 50 s: expire; every 35 s: burst 4 s; at SETUP: timeout 20 s; at PLAY, 2 times: login",
)
BAD = tuple(CameraId(f"bad-{number}") for number in range(len(SCRIPTS)))
CAUSES = frozenset(
    (
        GapBecause.CAMERA_AWAY,
        GapBecause.CAMERA_SILENT,
        GapBecause.CLOCK_JUMP,
        GapBecause.LOST_PACKETS,
        GapBecause.STOPPED,
    )
)
"""What a bad camera may cause; nothing else happens in a soak."""

COLUMNS = ("rss_mb", "pss_mb", "own_mb", "descriptors", "threads")
EVERY_US = 10 * US_PER_SECOND
WARM_FRAC = 0.25
"""The first quarter is not judged: caches and pools fill, each once."""

OWN_MB_MAX = 6.0
"""How much a process may have grown at the end of a soak against its middle: arenas settle and a
clean picture or a sweep leaves some pages behind, a megabyte or two; one small object kept for
each of 25 pictures a second would be 30 MB in 45 minutes."""

COUNT_MAX = 6
"""The same for descriptors and threads: connections that come and go with the bad cameras."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one process held at a moment (us since the soak began). own_mb: anonymous memory, in
    which leaks are; PSS also changes with who else uses the same libraries."""

    at_us: int
    rss_mb: float
    pss_mb: float
    own_mb: float
    descriptors: int
    threads: int


@dataclass(slots=True)
class Looked:
    """All samples, by process; and what was found wrong."""

    samples: dict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    faults: list[str] = field(default_factory=list)


def sample(pid: int, at_us: int) -> Sample | None:
    """None for a process that is gone."""
    place = Path(f"/proc/{pid}")
    try:
        rollup = (place / "smaps_rollup").read_text()
        status = (place / "status").read_text()
        descriptors = len(list((place / "fd").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return None

    def kilobytes(name: str) -> float:
        line = next((one for one in rollup.splitlines() if one.startswith(f"{name}:")), "0 0")
        return int(line.split()[1]) / 1_024

    threads = next(one for one in status.splitlines() if one.startswith("Threads:"))
    return Sample(
        at_us,
        kilobytes("Rss"),
        kilobytes("Pss"),
        kilobytes("Anonymous"),
        descriptors,
        int(threads.split()[1]),
    )


def processes(node: Node) -> Iterator[tuple[str, int]]:
    """Every process of the node by name; the children that render for a look are left out."""
    assert node.process is not None
    yield "node", node.process.pid
    for part in ("catalogue", "door", "web", "health", "notifier", "recorder", "analyser"):
        for number, pid in enumerate(node.pids(part)):
            yield f"{part} {number}", pid


@contextmanager
def replayed(footage: Path, seconds: float) -> Iterator[int]:
    """The bare replayer in a process of its own; its port."""
    words = [sys.executable, "-m", "bench.replayer", str(footage), "--seconds", str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(json.loads(process.stdout.readline())["port"])
        finally:
            process.terminate()
            process.wait(timeout=20)


def good_footage(place: Path) -> Path:
    """A film of 10 s, small and with a key frame a second, as the replayer wants it."""
    with av.open(str(place), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        stream.options = {
            "preset": "ultrafast",
            "bf": "0",
            "x264-params": "keyint=10:min-keyint=10:scenecut=0:threads=1",
        }
        for number in range(100):
            frame = av.VideoFrame(320, 192, "yuv420p")
            for plane_number, plane in enumerate(frame.planes):
                shade = (number * 5 + plane_number * 40) % 256
                row = bytes((shade + at // 3) % 256 for at in range(plane.line_size))
                plane.update(row * (plane.buffer_size // plane.line_size))
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return place


def bad_cameras(stack: ExitStack, seconds: float) -> list[BadCamera]:
    """One per script; their second film has another size."""
    films: tuple[Film, ...] = (
        made_film(Made(width_px=320, height_px=192, fps=10, pictures=60, key_every=10)),
        made_film(Made(width_px=256, height_px=144, fps=10, pictures=60, key_every=20)),
    )
    setup = CameraSetup(lifetime_us=round(seconds * US_PER_SECOND))
    return [
        stack.enter_context(BadCamera(films, script=script, seed=number, setup=setup))
        for number, script in enumerate(SCRIPTS)
    ]


def add(data: Path, camera: CameraId, address: str) -> None:
    words = ("--purpose", "a soak", "--legal-basis", "none needed", "--operator", "the tests")
    more = ("--contact", "nobody", "--area", "moving shades")
    done = fairview(
        "camera", "add", address, "--camera", camera, "--data", str(data), *words, *more
    )
    assert done.returncode == 0, done.stderr


def soak(minutes: float, folder: Path) -> Looked:
    """Live through it, then look at what is there."""
    looked, clock = Looked(), SystemClock()
    seconds = minutes * 60 + 300
    os.environ["FAIRVIEW_CAMERAS__ALLOW_LOOPBACK"] = "true"
    footage = good_footage(folder / "good.mp4")
    with ExitStack() as stack:
        port = stack.enter_context(replayed(footage, seconds))
        cameras = bad_cameras(stack, seconds)
        node = Node(
            data=folder / "data",
            cameras=(*GOOD, *BAD),
            log=folder / "node.log",
            cameras_per_process=8,
        )
        for number, good in enumerate(GOOD):
            add(node.data, good, f"rtsp://127.0.0.1:{port}/{number}")
        for bad, one in zip(BAD, cameras, strict=True):
            add(node.data, bad, one.address())
        node.start()
        node.wait_until_stored(clock.now().plus(-2 * US_PER_SECOND), cameras=GOOD)
        begun_us = clock.monotonic_us()
        while (now_us := clock.monotonic_us() - begun_us) < minutes * 60 * US_PER_SECOND:
            for name, pid in processes(node):
                found = sample(pid, now_us)
                if found is not None:
                    looked.samples[name].append(found)
            clock.wait(cameras[0].stop, EVERY_US - (clock.monotonic_us() - begun_us) % EVERY_US)
        pids = dict(processes(node))
        node.stop()
    judge_growth(looked, pids)
    judge_footage(looked, node, film_of_file(footage))
    if looked.faults:
        sys.stderr.write(node.log.read_text()[-4_000:])
    return looked


def judge_growth(looked: Looked, pids: dict[str, int]) -> None:
    """Whether the end of each process's soak is as its middle was."""
    for name in pids:
        if name not in looked.samples:
            looked.faults.append(f"{name} was not there from the beginning")
    for name, samples in looked.samples.items():
        begin = int(len(samples) * WARM_FRAC)
        middle, end = samples[begin : begin * 2 + 1], samples[-max(begin, 1) :]
        if len(samples) < 8 or not middle:
            looked.faults.append(f"{name} was seen {len(samples)} times only")
            continue
        for what, most in (
            ("own_mb", OWN_MB_MAX),
            ("descriptors", COUNT_MAX),
            ("threads", COUNT_MAX),
        ):
            grew = _median(end, what) - _median(middle, what)
            if grew > most:
                looked.faults.append(f"{name}: {what} grew by {grew:.1f}, more than {most}")


def judge_footage(looked: Looked, node: Node, film: Film) -> None:
    """Check clean; good cameras whole and exact; bad ones' gaps with causes."""
    report = fairview("check", "--data", str(node.data), "--json")
    if report.returncode:
        looked.faults.append(f"check: {report.stdout[-800:]}")
    folder = open_data_folder(node.data)
    reader = _Reader(folder)
    for camera, (segments, gaps) in node.footage().items():
        missing = holes(segments, gaps)
        if missing:
            looked.faults.append(f"{camera}: {len(missing)} holes without a gap")
        odd = [gap for gap in gaps if gap.because not in CAUSES]
        if odd:
            looked.faults.append(f"{camera}: a gap because {odd[0].because.value}")
        if camera in GOOD:
            looked.faults += [f"{camera}: {one}" for one in _good(reader, film, segments, gaps)]


def _good(
    reader: _Reader, film: Film, segments: Sequence[Segment], gaps: Sequence[Gap]
) -> Iterator[str]:
    if not segments:
        yield "nothing was recorded"
        return
    begun = segments[0].span.start
    inner = [
        gap for gap in gaps if gap.because is not GapBecause.STOPPED and gap.span.start > begun
    ]
    if inner:
        yield f"a gap because {inner[0].because.value} at {inner[0].span.start.iso()}"
    pictures = list(reader.pictures(segments))
    known: dict[tuple[bytes, ...], set[int]] = defaultdict(set)
    for number, unit in enumerate(film.units):
        known[unit.parts].add(number)
    strange = sum(1 for one in pictures if one not in known)
    if strange:
        yield f"{strange} pictures are not as they were sent"
    places, breaks = known.get(pictures[0], set()), 0
    for one in pictures[1:]:
        # Pictures in which nothing moves are alike: any place in the film that fits will do.
        follow = {(place + 1) % len(film.units) for place in places} & known.get(one, set())
        breaks += not follow
        places = follow or known.get(one, set())
    if breaks:
        yield f"{breaks} breaks in {len(pictures)} pictures"
    lasted_s = segments[-1].span.end.since(begun) / US_PER_SECOND
    if abs(len(pictures) - lasted_s * 10) > 3:
        yield f"{len(pictures)} pictures in {lasted_s:.1f} s"


class _Reader:
    """Opens what was sealed, with the keys of the node that has ended."""

    def __init__(self, folder: DataFolder) -> None:
        self._blobs = FileBlobs(folder.blobs)
        issuer = Ed25519PrivateKey.from_private_bytes(folder.key_issue_key.read_bytes())
        rows = DoorRows(folder.door_database)
        self._keys = KeyStore(rows, SiteKeyFiles(folder.site_key), folder.keys, issuer)

    def pictures(self, segments: Sequence[Segment]) -> Iterator[tuple[bytes, ...]]:
        """The units of each picture, in order."""
        for row in segments:
            found = walk_blob(self._blobs, row.blob)
            key = self._keys.segment_key(found.header)
            for record in found.records:
                sealed = self._blobs.read(row.blob, record.sealed_offset, record.sealed_bytes)
                for one in open_record(found.header, record, sealed, key).samples:
                    yield tuple(annex_b_units(one.data))


def _median(samples: Sequence[Sample], what: str) -> float:
    return float(statistics.median(getattr(one, what) for one in samples))


def page(looked: Looked, minutes: float) -> str:
    """The soak in words and tables."""
    verdict = f"**{len(looked.faults)} promises broken.**" if looked.faults else "Nothing was lost."
    lines = [
        f"{minutes:.0f} minutes, {len(GOOD)} good and {len(BAD)} bad cameras (320×192, 10 fps, "
        f"H.264 over TCP). {verdict}",
        *("", *(f"- {one}" for one in looked.faults)),
        "",
        f"Growth allowed between the second quarter and the last: {OWN_MB_MAX:.0f} MB of memory of "
        f"its own, {COUNT_MAX} descriptors, {COUNT_MAX} threads.",
        "",
        "Cells: least, median and most in five minutes.",
        "",
        "| process | from minute | RSS MB | PSS MB | own MB | descriptors | threads |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, samples in sorted(looked.samples.items()):
        for first in range(0, max(int(minutes), 1), 5):
            some = [
                one for one in samples if first * 60 <= one.at_us / US_PER_SECOND < first * 60 + 300
            ]
            if some:
                cells = [
                    _three(some, what)
                    for what in ("rss_mb", "pss_mb", "own_mb", "descriptors", "threads")
                ]
                lines.append(f"| {name} | {first} | {' | '.join(cells)} |")
    lines += ["", "The bad cameras' scripts:", "", "```text", *SCRIPTS, "```"]
    return "\n".join(lines)


def _three(samples: Sequence[Sample], what: str) -> str:
    values = [getattr(one, what) for one in samples]
    form = "{:.1f}" if what.endswith("_mb") else "{:.0f}"
    return " / ".join(
        form.format(one) for one in (min(values), statistics.median(values), max(values))
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--minutes", type=float, default=float(os.environ.get("SOAK_MINUTES", "45"))
    )
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as folder:
        looked = soak(minutes, Path(folder))
    sys.stdout.write(page(looked, minutes) + "\n")
    return 1 if looked.faults else 0


if __name__ == "__main__":
    sys.exit(main())
