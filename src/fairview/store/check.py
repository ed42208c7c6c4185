"""Whether catalogue and blobs agree, down to every digest; and start-up recovery beside it.

Each finding has a code:

blob_missing      a row points at a blob that is not there                        fault
blob_damaged      a blob does not walk clean to its end                           fault
blob_unreadable   a blob without a row, without a readable header                 fault
row_missing       a blob with footage and without a row                           fault
row_differs       a row's size, head, fragments, span, cause or key pair differ   fault
row_unreadable    the disk failed while the row's blob was read                   fault
overlap           two segments of a stream hold the same time without a cause     fault
gap_missing       footage is missing and no gap says why                          fault
not_ended         a segment is being written, or waits for the next start         note
not_signed        recovery ended a segment without its recorder's key             note
foreign_file      a file that is not a segment's lies among the blobs             note
newer_version     a newer Fairview wrote a blob; left alone                       note
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.errors import BadInput, Corrupt, FairviewError, NotFound
from fairview.core.ids import STREAM_NAMES, CameraId
from fairview.core.media import Gap, Segment
from fairview.store.contracts import Blobs, Catalogue, GapSaved, SegmentSaved
from fairview.store.mend import (
    StreamOf,
    holes_inside,
    mend_blob,
    missing_gaps,
    overlapping,
    segment_row,
    walk_blob,
)
from fairview.store.recovery import Rebuilt, camera_of, is_segment, is_there, rebuild, recover
from fairview.store.sealing import Walk

Code = Literal[
    "blob_missing", "blob_damaged", "blob_unreadable", "row_missing", "row_differs",
    "row_unreadable", "overlap", "gap_missing", "not_ended", "not_signed", "foreign_file",
    "newer_version",
]  # fmt: skip
_NOTES: frozenset[Code] = frozenset({"not_ended", "not_signed", "foreign_file", "newer_version"})

Repair = Literal["none", "adopt", "remove"]
"""What to do about blobs without rows. adopt also writes rows and gaps as the blobs say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFinding:
    """One thing noticed. subject: a blob's name, a segment's id, or a stretch of time."""

    code: Code
    camera: CameraId | None
    subject: str
    because: str
    is_repaired: bool = False

    @property
    def is_fault(self) -> bool:
        return self.code not in _NOTES


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What a check looked at and found."""

    findings: tuple[CheckFinding, ...]
    cameras: int
    segments: int
    gaps: int
    size_bytes: int

    @property
    def is_clean(self) -> bool:
        """No fault is left."""
        return not any(one.is_fault and not one.is_repaired for one in self.findings)

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "is_clean": self.is_clean,
            "cameras": self.cameras,
            "segments": self.segments,
            "gaps": self.gaps,
            "size_bytes": self.size_bytes,
            "findings": [
                {
                    "code": one.code,
                    "is_fault": one.is_fault,
                    "is_repaired": one.is_repaired,
                    "camera": one.camera,
                    "subject": one.subject,
                    "because": one.because,
                }
                for one in self.findings
            ],
        }

    def in_words(self) -> str:
        """A line on what was looked at, then one per finding."""
        counts = Counter("faults" if one.is_fault else "notes" for one in self.findings)
        head = (
            f"{self.cameras} cameras, {self.segments} segments, {self.gaps} gaps, "
            f"{self.size_bytes} bytes: {counts['faults']} faults, {counts['notes']} notes"
        )
        lines = [
            f"{one.code}{' (repaired)' if one.is_repaired else ''}: {one.subject}: {one.because}"
            for one in self.findings
        ]
        return "\n".join([head, *lines])


def check(
    blobs: Blobs,
    catalogue: Catalogue,
    *,
    repair: Repair = "none",
    signers: Sequence[Ed25519PrivateKey] = (),
    verify_digests: bool = True,
    progress: Callable[[int], None] | None = None,
) -> CheckReport:
    """Compare every row with its blob and every blob with its row; needs no key.

    May run beside a recording node with repair "none"; repairs need the folder's lock.
    verify_digests False reads only the clear headers. progress hears how many segments are done.

    Errors:  Unavailable from the catalogue; trouble with a blob is a finding.
    Cost:    reads every blob once.
    """
    checking = _Checking(blobs, catalogue, repair, signers, verify_digests)
    checking.progress = progress
    return checking.run()


class _Checking:
    """One run of `check`."""

    def __init__(
        self,
        blobs: Blobs,
        catalogue: Catalogue,
        repair: Repair,
        signers: Sequence[Ed25519PrivateKey],
        verify_digests: bool,
    ) -> None:
        self._blobs = blobs
        self._catalogue = catalogue
        self._repair = repair
        self._signers = signers
        self._verify_digests = verify_digests
        self._findings: list[CheckFinding] = []
        self._segments = 0
        self._size_bytes = 0
        self.progress: Callable[[int], None] | None = None

    def run(self) -> CheckReport:
        # Names first: a segment begun meanwhile has a row and no name here, which is looked up.
        names: dict[CameraId, set[str]] = {}
        for camera, some in groupby(self._blobs.names(), key=camera_of):
            if camera is not None:
                names[camera] = set(some)
                continue
            for name in some:
                self._note("foreign_file", None, name, "its folder is not a camera's")
        cameras = {row.camera.id for row in self._catalogue.cameras()} | set(names)
        gaps = 0
        for camera in sorted(cameras):
            gaps += self._camera(camera, names.get(camera, set()))
        return CheckReport(
            findings=tuple(self._findings),
            cameras=len(cameras),
            segments=self._segments,
            gaps=gaps,
            size_bytes=self._size_bytes,
        )

    def _camera(self, camera: CameraId, names: set[str]) -> int:
        rows = {row.id: row for row in self._catalogue.segments(camera)}
        known = {row.blob for row in rows.values()}
        holes: list[Gap] = []
        for row in rows.values():
            holes += self._row(row)
            self._segments += 1
            if self.progress is not None:
                self.progress(self._segments)
        for name in sorted(names - known):
            self._orphan(camera, name)
        segments = self._catalogue.segments(camera)
        gaps = self._catalogue.gaps(camera)
        for stream in STREAM_NAMES:
            of_stream = tuple(row for row in segments if row.stream == stream)
            standing = tuple(gap for gap in gaps if gap.stream == stream)
            inside = [hole for hole in holes if hole.stream == stream]
            self._time(StreamOf(camera=camera, name=stream), of_stream, standing, inside)
        return len(gaps)

    def _row(self, row: Segment) -> Sequence[Gap]:
        """Compare one row with its blob; where footage is missing inside it."""
        try:
            found = walk_blob(self._blobs, row.blob, verify_digests=self._verify_digests)
        except NotFound:
            if self._is_still_there(row):
                self._note("blob_missing", row.camera, row.blob, "the footage is gone")
            return ()
        except Corrupt as error:
            self._note("blob_damaged", row.camera, row.blob, str(error))
            return ()
        except BadInput as error:
            self._note("newer_version", row.camera, row.blob, str(error))
            return ()
        except FairviewError as error:
            self._note("row_unreadable", row.camera, row.blob, str(error))
            return ()
        self._size_bytes += found.good_bytes
        if row.is_open:
            self._open_row(row, found)
            return ()
        if found.fault is not None:
            self._note("blob_damaged", row.camera, row.blob, found.fault.because)
            return ()
        self._ended_row(row, found)
        return holes_inside(found)

    def _is_still_there(self, row: Segment) -> bool:
        try:
            self._catalogue.segment(row.id)
        except NotFound:
            return False
        return True

    def _open_row(self, row: Segment, found: Walk) -> None:
        fault = found.fault
        if fault is not None and fault.kind != "short":
            self._note("blob_damaged", row.camera, row.blob, fault.because)
        else:
            because = "being written, or to be closed at the next start"
            self._note("not_ended", row.camera, row.blob, because)

    def _ended_row(self, row: Segment, found: Walk) -> None:
        if found.trailer is None:
            self._note("blob_damaged", row.camera, row.blob, "its end is missing")
            return
        if not found.trailer.is_signed:
            self._note("not_signed", row.camera, row.blob, "ended by recovery, not signed")
        wanted = segment_row(row.blob, found)
        if wanted is None:
            self._note("row_differs", row.camera, row.blob, "the blob holds no footage")
        elif wanted != row:
            fields = ", ".join(_differences(row, wanted))
            is_repaired = self._repair == "adopt" and wanted.id == row.id
            if is_repaired:
                self._catalogue.write([SegmentSaved(segment=wanted)])
            self._note(
                "row_differs", row.camera, row.blob, f"blob and row differ in {fields}", is_repaired
            )

    def _orphan(self, camera: CameraId, name: str) -> None:
        """A blob without a row: perhaps begun or removed since the names were listed."""
        if not is_segment(name):
            self._note("foreign_file", camera, name, "not a segment's blob")
            return
        try:
            found = walk_blob(self._blobs, name, verify_digests=self._verify_digests)
            standing = self._catalogue.segment(found.header.segment)
            if standing.blob == name:
                return
            because = f"a copy of segment {standing.id}, whose blob is {standing.blob}"
        except NotFound:
            if not is_there(self._blobs, name):
                return
            because = "no row points at it"
        except BadInput as error:
            self._note("newer_version", camera, name, str(error))
            return
        except FairviewError as error:
            is_repaired = self._repair == "remove" and isinstance(error, Corrupt)
            if is_repaired:
                self._blobs.remove(name)
            self._note("blob_unreadable", camera, name, str(error), is_repaired)
            return
        is_repaired = self._repair_orphan(name, is_copy=because.startswith("a copy"))
        self._note("row_missing", camera, name, because, is_repaired)

    def _repair_orphan(self, name: str, *, is_copy: bool) -> bool:
        if self._repair == "remove":
            self._blobs.remove(name)
            return True
        if self._repair == "none" or is_copy:
            return False
        try:
            recovered = mend_blob(self._blobs, name, self._signers).recovered
        except Corrupt:
            return False
        if recovered is not None:
            self._catalogue.write([SegmentSaved(segment=recovered.segment)])
        return True

    def _time(
        self,
        stream: StreamOf,
        segments: Sequence[Segment],
        gaps: Sequence[Gap],
        inside: Sequence[Gap],
    ) -> None:
        """Overlaps, and stretches without footage and without a gap."""
        for earlier, later in overlapping(segments, gaps):
            because = f"overlaps segment {earlier.id}, which ends {earlier.span.end.iso()}"
            self._note("overlap", stream.camera, later.id, because)
        bare = [hole for hole in inside if not any(_covers(gap, hole) for gap in gaps)]
        for hole in (*missing_gaps(stream, segments, gaps, None), *bare):
            is_repaired = self._repair == "adopt"
            if is_repaired:
                self._catalogue.write([GapSaved(gap=hole)])
            subject = f"{hole.span.start.iso()}/{hole.span.end.iso()}"
            because = f"no footage and no gap in {stream.name}"
            self._note("gap_missing", stream.camera, subject, because, is_repaired)

    def _note(
        self,
        code: Code,
        camera: CameraId | None,
        subject: str,
        because: str,
        is_repaired: bool = False,
    ) -> None:
        self._findings.append(
            CheckFinding(
                code=code,
                camera=camera,
                subject=subject,
                because=because,
                is_repaired=is_repaired,
            )
        )


def _covers(gap: Gap, hole: Gap) -> bool:
    return gap.span.overlaps(hole.span)


def _differences(row: Segment, wanted: Segment) -> Iterator[str]:
    for name in ("id", "camera", "stream", "span", "size_bytes", "fragments", "key_pair"):
        if getattr(row, name) != getattr(wanted, name):
            yield name
    if (row.head, row.ended_because) != (wanted.head, wanted.ended_because):
        yield "end"


__all__ = [
    "CheckFinding",
    "CheckReport",
    "Code",
    "Rebuilt",
    "Repair",
    "check",
    "rebuild",
    "recover",
]
