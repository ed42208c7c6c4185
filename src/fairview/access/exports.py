"""Exports: the look's span as one MP4, or as an evidence bundle.

The media is made whole before the first byte leaves (see memory_file), because its digest stands in
the ledger first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.access.bundle import Bundle, BundleFacts, Media
from fairview.access.bundle_clock import KIND, clock_span
from fairview.access.door import ExportKind
from fairview.access.footage import Footage, StoredPart
from fairview.access.journal import Journal
from fairview.access.keeping import played_stream
from fairview.access.leaves import ExportMade
from fairview.access.looks import LookBook, OpenLook
from fairview.access.memory_file import MemoryFile
from fairview.access.part_reader import fragment_of
from fairview.access.roots import Roots
from fairview.access.time_lapse import LapseParts, TimeLapses
from fairview.access.watching import Watching
from fairview.core.camera import Camera
from fairview.core.errors import BadInput, NotFound, Overloaded, Unavailable
from fairview.core.ids import CameraId, new_hex_id
from fairview.core.limits import EXPORT_MEMORY_BYTES_MAX, EXPORTS_MAX
from fairview.core.media import Fragment
from fairview.core.time import Clock, Span
from fairview.record.mp4 import Mp4Written, write_mp4
from fairview.store.contracts import Catalogue
from fairview.store.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportParts:
    """What exports are made with. signer signs the manifests of bundles."""

    looks: LookBook
    watching: Watching
    footage: Footage
    catalogue: Catalogue
    journal: Journal
    ledger: Ledger
    roots: Roots
    signer: Ed25519PrivateKey
    clock: Clock


class Exports:
    """Safe from several threads. Bounds: EXPORTS_MAX at once."""

    def __init__(self, parts: ExportParts) -> None:
        self._parts = parts
        self._slots = threading.BoundedSemaphore(EXPORTS_MAX)
        self.lapses = TimeLapses(
            LapseParts(
                looks=parts.looks,
                watching=parts.watching,
                journal=parts.journal,
                signer=parts.signer,
                slots=self._slots,
            )
        )

    def export(self, token: str, camera: CameraId, kind: ExportKind) -> Iterator[bytes]:
        """The bytes of an MP4, or of a zip with an evidence bundle (folder and zip alike).

        Its line is durable in the ledger before the first byte.
        Errors:  NotFound without footage, BadInput for too much of it, Overloaded, Unavailable.
        """
        opened = self._parts.looks.find(token, camera)
        known = self._parts.catalogue.camera(camera).camera
        stored = self._parts.watching.stored_parts(opened, camera)
        if not stored:
            raise NotFound(self._why_nothing(known, opened.wish.span))
        return self._pieces(opened, known, stored, kind)

    def _why_nothing(self, camera: Camera, span: Span | None) -> str:
        if self._parts.catalogue.segments(camera.id, played_stream(camera), span):
            return (
                f"there is footage of {camera.id} in this span, but it can't be read: its keys are "
                "dead, or were lost with the folder that a backup was made of"
            )
        return f"there is no footage of {camera.id} in this span"

    def _pieces(
        self, opened: OpenLook, camera: Camera, stored: Sequence[StoredPart], kind: ExportKind
    ) -> Iterator[bytes]:
        """Made when the first piece is asked for, and let go with the iterator."""
        if not self._slots.acquire(blocking=False):
            raise Overloaded("other exports are being made: try again in a few minutes")
        made = MemoryFile()
        try:
            written = self._write(opened, camera, stored, made)
            for piece in self._leaving(opened, camera, stored, kind, (made, written)):
                if opened.ended.is_set():
                    raise NotFound("the look ended before the export was handed out")
                yield piece
        finally:
            made.close()
            self._slots.release()

    def _write(
        self, opened: OpenLook, camera: Camera, stored: Sequence[StoredPart], made: MemoryFile
    ) -> Mp4Written:
        fragments = self._fragments(opened, camera, stored, made)
        try:
            return write_mp4(fragments, made.path)
        except OSError as error:
            # write_mp4 tries to remove what it wrote, which a file in memory refuses.
            if isinstance(error.__context__, BadInput):
                raise error.__context__ from error
            raise Unavailable("the export could not be written: too little memory") from error

    def _fragments(
        self, opened: OpenLook, camera: Camera, stored: Sequence[StoredPart], made: MemoryFile
    ) -> Iterator[Fragment]:
        span = opened.wish.span
        assert span is not None, "an export is of a stored look"
        for one in stored:
            self._parts.looks.find(opened.token)
            if made.size_bytes > EXPORT_MEMORY_BYTES_MAX:
                raise BadInput("this is too much for one export: ask for a shorter span")
            if media_name(opened, camera) == "master.mp4":
                yield from self._parts.footage.fragments(one.part)
                continue
            rendered = self._parts.watching.render_part(opened, camera, one)
            yield fragment_of(rendered.init, rendered.media, span.start)

    def _leaving(
        self,
        opened: OpenLook,
        camera: Camera,
        stored: Sequence[StoredPart],
        kind: ExportKind,
        made: tuple[MemoryFile, Mp4Written],
    ) -> Iterator[bytes]:
        """Write the export into the ledger; then what leaves, piece by piece."""
        parts = self._parts
        memory, written = made
        media = Media(
            name=media_name(opened, camera),
            digest=memory.digest(),
            size_bytes=memory.size_bytes,
            start_at=written.start_at,
            duration_us=written.duration_us,
        )
        is_bundle = kind != "mp4"
        if is_bundle:
            parts.roots.take()
        export = new_hex_id()
        leaf = parts.journal.append(
            ExportMade(
                export=export,
                look=opened.look.id,
                camera=camera.id,
                form="bundle" if is_bundle else "mp4",
                media=media.name,
                media_digest=media.digest,
                signer=parts.signer.public_key().public_bytes_raw().hex(),
                actor=opened.look.actor,
                span=opened.wish.span,
            )
        )
        for one in stored:
            parts.looks.note_read(opened, camera.id, one.play.span, 0)
        parts.looks.note_read(opened, camera.id, None, media.size_bytes)
        if not is_bundle:
            return memory.chunks()
        span = opened.wish.span
        assert span is not None, "an export is of a stored look"
        facts = BundleFacts(
            export=export,
            leaf=leaf,
            look=opened.look,
            camera=camera,
            media=media,
            segments=tuple({one.segment.id: one.segment for one in stored}.values()),
            gaps=parts.catalogue.gaps(camera.id, played_stream(camera), span),
            clock_told=parts.catalogue.events_of(camera.id, KIND, clock_span(span)),
            clean_made_at=parts.watching.clean_made_at(camera.id, opened),
            made_at=parts.clock.now(),
        )
        bundle = Bundle(parts.ledger, parts.roots, parts.signer)
        return bundle.zip(facts, memory.chunks)


def media_name(opened: OpenLook, camera: Camera) -> str:
    """covered.mp4; master.mp4 bit for bit; raw.mp4 re-encoded under its privacy zones."""
    if opened.wish.rendition == "covered":
        return "covered.mp4"
    has_zones = any(zone.kind == "on_view" for zone in camera.zones)
    return "raw.mp4" if has_zones else "master.mp4"
