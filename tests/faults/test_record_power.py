"""The power goes at every write of the recorder: what was acknowledged stays, the rest is a gap."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairview.core.limits import FRAGMENT_US_MAX
from fairview.core.media import Packet
from fairview.core.time import Span
from fairview.record.playback import merged, timeline
from fairview.store.blobs import MemoryBlobs
from fairview.store.check import check
from fairview.store.contracts import BlobWriter
from fairview.store.recovery import recover
from tests.builders import NOON, packet
from tests.record.desk import SIGNER, Desk, second, ticks_of

SECONDS = 10


class PowerCut(Exception):
    """Nothing of ours catches it."""


class CutWriter:
    def __init__(self, writer: BlobWriter, blobs: CutBlobs) -> None:
        self._writer = writer
        self._blobs = blobs

    @property
    def size_bytes(self) -> int:
        return self._writer.size_bytes

    def append(self, data: bytes) -> None:
        self._blobs.count()
        self._writer.append(data)
        self._blobs.count()

    def sync(self) -> None:
        self._blobs.count()
        self._writer.sync()
        self._blobs.count()

    def close(self) -> None:
        self._writer.close()


class CutBlobs(MemoryBlobs):
    """Blobs in a machine whose power goes before or after its call number `at`."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.left = at
        self.calls = 0

    def count(self) -> None:
        self.calls += 1
        self.left -= 1
        if self.left == 0:
            raise PowerCut

    def create(self, name: str) -> BlobWriter:
        self.count()
        writer = super().create(name)
        self.count()
        return CutWriter(writer, self)


def stream(first_s: int, seconds: int, key_every: int) -> list[Packet]:
    """25 pictures a second with a key frame every so many pictures."""
    return [
        packet(number, is_key=number % key_every == 0)
        for number in range(25 * first_s, 25 * (first_s + seconds))
    ]


@pytest.fixture(autouse=True)
def _short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairview.record.recorder.SEGMENT_US", 3_000_000)


def recorded_until_cut(desk: Desk, packets: list[Packet], rows_written: bool) -> int:
    """Feed until the power goes; how many packets the recorder was handed."""
    for count, one in enumerate(packets):
        try:
            desk.feed([one])
        except PowerCut:
            return count + 1
        if rows_written:
            desk.rows.drain()
    return len(packets)


@pytest.mark.parametrize("rows_written", [True, False])
@pytest.mark.parametrize("key_every", [25, 100])
@pytest.mark.parametrize("torn_bytes", [0, 40, 3_000])
def test_power_cut_at_every_write(
    rows_written: bool, key_every: int, torn_bytes: int, tmp_path: Path
) -> None:
    packets = stream(0, SECONDS, key_every)
    at = 0
    while True:
        at += 1
        blobs = CutBlobs(at)
        desk = Desk(tmp_path, blobs=blobs)
        handed = recorded_until_cut(desk, packets, rows_written)
        if handed == len(packets):
            break
        acknowledged = desk.recorder.figures.stored_until
        blobs.crash(torn_bytes)
        blobs.left = -1
        desk.clock.advance(5_000_000)
        assert_sound_after_restart(desk, handed, key_every, acknowledged is not None)
    assert at > 40


def assert_sound_after_restart(
    desk: Desk, handed: int, key_every: int, is_acknowledged: bool
) -> None:
    acknowledged = desk.recorder.figures.stored_until
    recover(desk.blobs, desk.catalogue, desk.clock, [SIGNER])
    report = check(desk.blobs, desk.catalogue)
    assert report.is_clean, report.in_words()
    desk.again()
    desk.feed(stream(SECONDS + 10, 4, key_every))
    desk.clock.advance(1_000_000)
    desk.close()
    report = check(desk.blobs, desk.catalogue)
    assert report.is_clean, report.in_words()
    kept = {sample.ticks for sample in desk.samples()}
    before = [one for one in stream(0, SECONDS, key_every)[:handed]]
    lost = [one for one in before if one.ticks not in kept]
    assert len(lost) * 40_000 <= FRAGMENT_US_MAX
    if acknowledged is not None:
        assert all(one.at >= acknowledged for one in lost)
    if not kept & {one.ticks for one in before}:
        assert not is_acknowledged
        return
    seen = timeline(
        desk.segments(), desk.gaps(), Span(start=NOON, end=NOON.plus((SECONDS + 12) * 1_000_000))
    )
    covered = merged([*seen.footage, *(gap.span for gap in seen.gaps)], 0)
    assert covered == (Span(start=NOON, end=NOON.plus((SECONDS + 12) * 1_000_000)),)


def test_the_stream_of_the_other_tests_is_the_builders() -> None:
    assert ticks_of(stream(0, 2, 25)) == ticks_of(second(0, 2))
