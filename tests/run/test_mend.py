"""What a disk refused at a recorder's start is put right while its cameras are recorded."""

from __future__ import annotations

import pytest

from fairview.core.errors import Unavailable
from fairview.core.limits import DISK_RETRY_US_MAX
from fairview.core.time import ManualClock
from fairview.run.care.mend import Mending
from fairview.store.blobs import MemoryBlobs
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.contracts import BlobWriter
from tests.store.recording import CAMERA, SIGNER, Recording, at, begin


class FailingBlobs(MemoryBlobs):
    fails = True

    def reopen(self, name: str) -> BlobWriter:
        if self.fails:
            raise Unavailable("the disk is failing")
        return super().reopen(name)


class Start:
    """A recorder's start on a disk that fails: one segment was open, and stays so."""

    def __init__(self) -> None:
        self.blobs, self.catalogue, self.clock = (
            FailingBlobs(),
            MemoryCatalogue(),
            ManualClock(at(20)),
        )
        self.left = begin(self.blobs, self.catalogue, 1, 0).seconds(0, 5)
        self.mending = Mending(self.blobs, self.catalogue, self.clock, (SIGNER,))
        self.mending.begin(frozenset({CAMERA}))

    def is_open(self, one: Recording) -> bool:
        return self.catalogue.segment(one.row.id).is_open


@pytest.fixture
def start() -> Start:
    return Start()


def test_what_was_left_is_closed_once_the_disk_is_well_and_nothing_else(start: Start) -> None:
    now = begin(start.blobs, start.catalogue, 2, 21).seconds(21, 2)
    start.clock.advance(DISK_RETRY_US_MAX)
    start.mending.again()
    assert start.mending.left == {CAMERA: (start.left.row.blob,)}
    start.blobs.fails = False
    start.mending.again()
    assert start.is_open(start.left), "it is tried now and then, not all the time"
    start.clock.advance(DISK_RETRY_US_MAX)
    start.mending.again()
    assert start.mending.left == {}
    assert not start.is_open(start.left)
    assert start.is_open(now)


def test_a_camera_that_is_no_longer_recorded_here_is_left_to_whoever_records_it(
    start: Start,
) -> None:
    start.mending.forget(CAMERA)
    start.blobs.fails = False
    start.clock.advance(DISK_RETRY_US_MAX)
    start.mending.again()
    assert start.is_open(start.left)
    start.mending.begin(frozenset({CAMERA}))
    assert not start.is_open(start.left)
