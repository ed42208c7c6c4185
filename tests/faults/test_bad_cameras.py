"""Every kind of bad camera, read and recorded in real time: what is kept is as it was sent, what
is missing is a gap that says why, and nobody hangs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from fairview.core.camera import Source, Transport
from fairview.core.ids import CameraId
from fairview.core.media import Gap, GapBecause, Sample, Segment
from fairview.core.time import US_PER_SECOND, SystemClock
from fairview.ingest.address import AddressRules
from fairview.ingest.lean.source import LeanSource
from fairview.ingest.nal import annex_b_units
from fairview.ingest.session import CameraSession
from fairview.record.keyring import Keyring
from fairview.record.recorder import Stores, StreamRecorder
from fairview.record.rows import RowQueue
from fairview.sim.bad_camera import BadCamera, CameraSetup
from fairview.sim.bad_camera_film import Film, FilmCodec, Made, made_film
from fairview.store.blobs import MemoryBlobs
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.check import check
from fairview.store.contracts import CameraSaved, EventSaved
from fairview.store.keyfile import sign_key_file
from fairview.store.mend import walk_blob
from fairview.store.sealing import open_key, open_record
from tests.builders import camera
from tests.faults.node_under_fire import holes
from tests.record.desk import SIGNER
from tests.record.keys import DOOR, PRIVATE, issued

LASTS_S = 9.0
SCRIPTS = {
    "well": "",
    "closes": "at 3 s: close",
    "hangs": "at 3 s: hang 2 s",
    "drops": "at 3 s: drop 3; at 5 s: drop 1",
    "repeats": "at 3 s: repeat 4; at 4 s: repeat 1",
    "swaps": "at 3 s: swap 2; at 4 s: swap 1",
    "halves": "at 3 s: halve 2; at 5 s: halve 1",
    "freezes": "at 3 s: freeze 5",
    "jumps": "at 3 s: jump 3600 s",
    "runs back": "at 3 s: jump -3600 s",
    "drifts": "at 0 s: drift 300 ppm",
    "starts in 1970": "at 0 s: report 1970",
    "reports jump": "at 0 s: report 3600 s; at 4 s: report -3600 s",
    "bursts": "at 3 s: burst 2 s",
    "rubbish": "at 3 s: rubbish 400; at 5 s: rubbish 1",
    "huge": "at 3 s: huge",
    "changes size": "at 3 s: film 1",
    "changes rate": "at 3 s: fps 5",
    "expires": "at 3 s: expire; at SETUP: timeout 4 s",
    "trickles": "at 3 s: trickle 2 s",
    "hangs at once": "at DESCRIBE, 1 times: hang 2 s",
    "closes at PLAY": "at PLAY, 1 times: close",
    "half an answer": "at SETUP, 1 times: half",
    "early": "at PLAY: early 4",
    "lies of sets": "at DESCRIBE: lie sets",
    "is away at first": "at connect, 1 times: close; at DESCRIBE, 1 times: status 503",
}
LOSSLESS = frozenset(
    (
        "well",
        "repeats",
        "drifts",
        "starts in 1970",
        "reports jump",
        "bursts",
        "changes rate",
        "early",
    )
)
"""Nothing is missing with these: every picture that left whole is there, once, in order."""

CAUSES = frozenset(
    (
        GapBecause.CAMERA_AWAY,
        GapBecause.CAMERA_SILENT,
        GapBecause.CLOCK_JUMP,
        GapBecause.LOST_PACKETS,
        GapBecause.STOPPED,
    )
)


@cache
def films(codec: FilmCodec) -> tuple[Film, Film]:
    made = Made(codec=codec, fps=10, pictures=60, key_every=10)
    other = Made(codec=codec, fps=10, pictures=60, key_every=10, width_px=128, height_px=64)
    return made_film(made), made_film(other)


@dataclass(slots=True, kw_only=True)
class Case:
    """One bad camera and its recording."""

    name: str
    server: BadCamera
    blobs: MemoryBlobs
    catalogue: MemoryCatalogue
    rows: RowQueue
    recorder: StreamRecorder
    session: CameraSession
    thread: threading.Thread

    @property
    def id(self) -> CameraId:
        return CameraId("bad-camera")

    def segments(self) -> tuple[Segment, ...]:
        return self.catalogue.segments(self.id)

    def gaps(self) -> tuple[Gap, ...]:
        return self.catalogue.gaps(self.id)

    def samples(self) -> list[Sample]:
        found: list[Sample] = []
        for row in self.segments():
            walked = walk_blob(self.blobs, row.blob)
            key = open_key(walked.header, PRIVATE[walked.header.key_pair])
            for record in walked.records:
                sealed = self.blobs.read(row.blob, record.sealed_offset, record.sealed_bytes)
                found += open_record(walked.header, record, sealed, key).samples
        return found


def begun(name: str, codec: FilmCodec, way: Transport, folder: Path, stop: threading.Event) -> Case:
    clock, blobs, catalogue = SystemClock(), MemoryBlobs(), MemoryCatalogue()
    number = len(list(folder.iterdir()))
    server = BadCamera(films(codec), script=SCRIPTS[name], seed=number).start()
    camera_id, rows = CameraId("bad-camera"), RowQueue(catalogue, clock)
    catalogue.write([CameraSaved(camera=camera("bad-camera"), sealed_login=None)])
    keys = folder / f"{number}.json"
    keys.write_bytes(sign_key_file(issued(camera_id, clock.now(), hours=2), DOOR))
    recorder = StreamRecorder(
        camera=camera_id,
        stream="main",
        stores=Stores(blobs=blobs, rows=rows, signer=SIGNER, clock=clock),
        keyring=Keyring(
            keys,
            camera=camera_id,
            door_public=DOOR.public_key().public_bytes_raw(),
            clock=clock,
            tell=lambda event: rows.put(EventSaved(event=event)),
        ),
    )
    source = Source(stream="main", kind="rtsp", address=server.address(), transport=way)
    session = CameraSession(
        camera=camera_id,
        stream="main",
        connect=lambda: LeanSource(
            camera=camera_id,
            source=source,
            login=None,
            rules=AddressRules(allow_loopback=True),
            clock=clock,
        ),
        sink=recorder,
        clock=clock,
        stop=stop,
    )
    thread = threading.Thread(target=session.run, daemon=True)
    case = Case(
        name=name,
        server=server,
        blobs=blobs,
        catalogue=catalogue,
        rows=rows,
        recorder=recorder,
        session=session,
        thread=thread,
    )
    thread.start()
    return case


@pytest.mark.slow
@pytest.mark.timeout(90)
@pytest.mark.parametrize("way", ["tcp", "udp"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_what_is_kept_is_as_sent_and_what_is_missing_is_told(
    codec: FilmCodec, way: Transport, tmp_path: Path
) -> None:
    clock, stop, pause = SystemClock(), threading.Event(), threading.Event()
    setup = CameraSetup()
    assert setup.ways >= {way}
    cases = [begun(name, codec, way, tmp_path, stop) for name in SCRIPTS]
    clock.wait(pause, round(LASTS_S * US_PER_SECOND))
    stop.set()
    for case in cases:
        case.thread.join(timeout=25)
        assert not case.thread.is_alive(), f"{case.name} hangs"
        case.server.close()
        case.rows.drain()
    wrong = [found for case in cases if (found := broken(case, codec))]
    assert not wrong, "\n".join(wrong)


def broken(case: Case, codec: FilmCodec) -> str:
    """What does not hold; empty when all does."""
    known = {unit.parts for one in films(codec) for unit in one.units}
    got = [tuple(annex_b_units(one.data)) for one in case.samples()]
    strange = sum(1 for one in got if one not in known)
    report = check(case.blobs, case.catalogue)
    segments, gaps = case.segments(), case.gaps()
    if len(got) < 20:
        return f"{case.name}: {len(got)} pictures only: {list(case.server.asked)[-6:]}"
    torn = sum(not one.is_whole for one in case.server.sent) + (case.name == "trickles")
    if strange > torn:
        # What came of a torn picture is kept, behind a gap.
        return f"{case.name}: {strange} of {len(got)} pictures are not as they were sent"
    if not report.is_clean:
        return f"{case.name}: {report.in_words()}"
    if holes(segments, gaps):
        return f"{case.name}: {len(holes(segments, gaps))} holes without a gap"
    if {gap.because for gap in gaps} - CAUSES:
        return f"{case.name}: gaps because {[gap.because.value for gap in gaps]}"
    if case.name in LOSSLESS:
        sent = [films(codec)[one.film].units[one.unit].parts for one in case.server.sent]
        first = sent.index(got[0]) if got[0] in sent else 0
        if got != sent[first : first + len(got)] or len(got) < len(sent) - first - 12:
            at = next((at for at, one in enumerate(got) if sent[first + at] != one), -1)
            return f"{case.name}: {len(got)} kept of {len(sent)} sent, unlike from {first} + {at}"
    return ""
