"""A camera's address over HTTP as a source: what comes is told by its first bytes.

Motion JPEG (multipart, or pictures in a row) and single pictures are read here and stored bit for
bit. MPEG-TS, fragmented MP4, FLV and Matroska go through FFmpeg, which is given bytes and never an
address: it opens nothing by itself.

HOLE: FFmpeg parses the first packets of a sound track, if there is one, to learn the container;
its packets are never asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Literal

from fairview.core import limits
from fairview.core.camera import Login, Source
from fairview.core.clock_offset import ClockOffset
from fairview.core.errors import BadInput, FairviewError
from fairview.core.flow import StreamLost
from fairview.core.ids import CameraId
from fairview.core.limits_http import (
    HTTP_PICTURE_BYTES_MAX,
    HTTP_SNIFF_BYTES,
    SNAPSHOT_FPS_DEFAULT,
)
from fairview.core.media import GapBecause, Packet, VideoFormat
from fairview.core.time import US_PER_SECOND, Clock
from fairview.ingest.address import AddressRules, shown, snapshot_fps
from fairview.ingest.http.body import Body
from fairview.ingest.http.client import Answer, HttpClient
from fairview.ingest.http.multipart import Part, Parts
from fairview.ingest.http.stamps import Stamps
from fairview.ingest.jpeg import BEGIN, EndFinder, is_whole, picture_size
from fairview.ingest.live_run import LiveRun, Unit
from fairview.ingest.normalise import RawTimes

Kind = Literal["parts", "pictures", "snapshot", "mpegts", "mov", "flv", "matroska"]

TICKS_PER_SECOND = 90_000
_WAIT_S = limits.SOURCE_READ_US_MAX // US_PER_SECOND


class HttpSource:
    """One connection to one address; opened by the first `next` of `packets`.

    Bounds:  limits.SOURCE_READ_US_MAX without a whole picture, and it is silent; the memory of
    one picture (HTTP_PICTURE_BYTES_MAX), or what FFmpeg reads ahead.
    """

    def __init__(
        self,
        *,
        camera: CameraId,
        source: Source,
        login: Login | None,
        rules: AddressRules,
        clock: Clock,
    ) -> None:
        self._camera, self._source, self._clock = camera, source, clock
        self._name = shown(source.address)
        self._client = HttpClient(address=source.address, login=login, rules=rules, clock=clock)
        self._run = LiveRun(camera, source.stream, self._name)
        self._closed = threading.Event()
        self._heard_us = 0
        self.has_audio = False
        """Whether a container lists sound; known once pictures have come."""

    def packets(self) -> Iterator[Packet]:
        """As PacketSource says.

        Errors:  as HttpClient; StreamLost names silence and clock jumps; BadInput when what comes
        is no video that is kept.
        """
        try:
            yield from self._run.packets(self._units())
        finally:
            self._client.let_go()
        if not self._closed.is_set():
            raise StreamLost(f"{self._name} ended the stream", GapBecause.CAMERA_AWAY)

    @property
    def clock_offset(self) -> ClockOffset | None:
        """By the stamps beside motion JPEG pictures, else by arrival; None before any."""
        return self._run.clock_offset

    def close(self) -> None:
        self._closed.set()
        self._client.close()

    def _units(self) -> Iterator[Unit]:
        fps = snapshot_fps(self._source.address)
        try:
            answer = self._client.get()
            self._heard_us = self._clock.monotonic_us()
            first = self._first_bytes(answer.body)
            kind = kind_of(answer, first, self._name)
            if kind in ("parts", "pictures"):
                yield from self._pictures(answer, first, kind)
            elif kind == "snapshot":
                yield from self._snapshots(answer, first, fps or SNAPSHOT_FPS_DEFAULT)
            else:
                yield from self._container(answer, first, kind)
        except FairviewError:
            if self._closed.is_set():  # closing breaks the line: that is no fault of the camera's
                return
            raise

    def _first_bytes(self, body: Body) -> bytes:
        data = b""
        while len(data) < HTTP_SNIFF_BYTES and (piece := self._read(body)):
            data += piece
            if data.startswith((BEGIN, b"--")):
                break  # told by these; a slow camera's picture is not waited for
        return data

    def _read(self, body: Body, count: int = 0) -> bytes:
        """Some bytes; none at the end. Errors: StreamLost for silence and broken lines."""
        left_us = self._heard_us + limits.SOURCE_READ_US_MAX - self._clock.monotonic_us()
        fault: StreamLost | None = None
        try:
            if left_us > 0:
                return body.read(count) if count else body.read()
        except TimeoutError:
            pass
        except OSError as error:
            because = error.strerror or type(error).__name__
            fault = StreamLost(f"{self._name} broke off ({because})", GapBecause.CAMERA_AWAY)
        except BadInput as error:
            fault = StreamLost(f"{self._name} sends {error}", GapBecause.CAMERA_AWAY)
        raise fault or StreamLost(
            f"{self._name} sent nothing for {_WAIT_S} s", GapBecause.CAMERA_SILENT
        )

    # Motion JPEG

    def _pictures(self, answer: Answer, data: bytes, kind: Kind) -> Iterator[Unit]:
        parts = Parts(answer.boundary) if kind == "parts" else Parts.bare()
        forms, stamps = _Forms(), Stamps()
        while data and not self._closed.is_set():
            for part in self._fed(parts, data):
                self._heard_us = self._clock.monotonic_us()
                time_us = stamps.time_us(part.stamp, self._heard_us)
                unit = self._unit(part, forms, time_us)
                if unit is not None:
                    yield unit
                    ticks = unit.form.ticks_of(time_us)
                    self._run.reported(ticks, stamps.wall_us, unit.arrived_at, "stamps")
            data = self._read(answer.body)

    def _fed(self, parts: Parts, data: bytes) -> Iterator[Part]:
        try:
            yield from parts.feed(data)
        except BadInput as error:
            raise BadInput(f"{self._name} sends {error}") from error

    def _unit(self, part: Part, forms: _Forms, time_us: int) -> Unit | None:
        """A picture on its way; None for one whose size can't be told."""
        form = forms.of(part.data)
        if form is None:
            return None
        ticks = form.ticks_of(time_us)
        is_after_loss = part.is_after_loss or forms.take_loss()
        times = RawTimes(ticks=ticks, decode_ticks=ticks, is_key=True, is_after_loss=is_after_loss)
        return Unit(raw=times, data=part.data, form=form, arrived_at=self._clock.now())

    def _snapshots(self, answer: Answer, first: bytes, fps: float) -> Iterator[Unit]:
        """The same address again and again. Stamps are the moments at which pictures were whole."""
        every_us = round(US_PER_SECOND / fps)
        forms, stamps = _Forms(), Stamps()
        due_us = self._clock.monotonic_us()
        while True:
            data = self._whole(answer, first)
            now_us = self._heard_us = self._clock.monotonic_us()
            if not is_whole(data):
                raise StreamLost(
                    f"{self._name} sends a picture that is cut short", GapBecause.CAMERA_AWAY
                )
            part = Part(data=data, stamp=None, is_after_loss=False)
            unit = self._unit(part, forms, stamps.time_us(None, now_us))
            if unit is not None:
                yield unit
            due_us = max(due_us + every_us, now_us)
            if self._clock.wait(self._closed, due_us - self._clock.monotonic_us()):
                return
            answer = self._client.get()
            self._heard_us = self._clock.monotonic_us()
            first = b""

    def _whole(self, answer: Answer, first: bytes) -> bytes:
        data, end = bytearray(first), EndFinder()
        while answer.body.is_measured or self._end_of(data, end) is None:
            piece = self._read(answer.body)
            if not piece:
                break
            data += piece
            if len(data) > HTTP_PICTURE_BYTES_MAX:
                raise BadInput(f"{self._name} sends a picture larger than 16 MB")
        return bytes(data)

    def _end_of(self, data: bytearray, end: EndFinder) -> int | None:
        try:
            return end.find(data)
        except BadInput as error:
            raise StreamLost(f"{self._name} sends {error}", GapBecause.CAMERA_AWAY) from error

    # Everything in a container

    def _container(self, answer: Answer, first: bytes, kind: Kind) -> Iterator[Unit]:
        # Loaded when needed: FFmpeg is most of a process's memory.
        from fairview.ingest.reading import access_units, only_video, opened_bytes

        container = opened_bytes(_Bytes(self, answer.body, first), kind, self._name)
        try:
            video = only_video(container, self._name)
            self.has_audio = len(container.streams.audio) > 0
            units = access_units(container, video, self._name, self._clock, self._closed)
            for unit in units:
                self._heard_us = self._clock.monotonic_us()
                yield unit
        finally:
            container.close()

    def more(self, body: Body, count: int) -> bytes:
        """More bytes for FFmpeg; none once closed."""
        return b"" if self._closed.is_set() else self._read(body, count)


class _Bytes:
    """What FFmpeg reads from. It has no `seek`, so FFmpeg reads straight on."""

    def __init__(self, source: HttpSource, body: Body, first: bytes) -> None:
        self._source, self._body, self._first = source, body, first

    def read(self, count: int) -> bytes:
        if self._first:
            data, self._first = self._first[:count], self._first[count:]
            return data
        return self._source.more(self._body, count)


class _Forms:
    """The format of each picture; another size is another format."""

    def __init__(self) -> None:
        self._form: VideoFormat | None = None
        self._is_lost = False

    def of(self, data: bytes) -> VideoFormat | None:
        try:
            size = picture_size(data)
        except BadInput:
            self._is_lost = True
            return None
        form = self._form
        if form is None or (form.width_px, form.height_px) != (size.width_px, size.height_px):
            self._form = VideoFormat(
                codec="mjpeg",
                width_px=size.width_px,
                height_px=size.height_px,
                tick_numerator=1,
                tick_denominator=TICKS_PER_SECOND,
                parameter_sets=b"",
            )
        return self._form

    def take_loss(self) -> bool:
        """Whether a picture that could not be used came before this one."""
        is_lost, self._is_lost = self._is_lost, False
        return is_lost


def kind_of(answer: Answer, first: bytes, name: str) -> Kind:
    """What a body is, by its first bytes before what it says of itself.

    A JPEG picture is a single one when it is called an image or its length is stated; else others
    follow it.
    Errors:  BadInput for what is no video that we read, saying what to give instead.
    """
    head, content_type = first.lstrip(b"\r\n"), answer.content_type
    if content_type.startswith("multipart/") or head.startswith(b"--"):
        return "parts"
    if head.startswith(BEGIN):
        is_single = content_type.startswith("image/") or answer.body.is_stated
        return "snapshot" if is_single else "pictures"
    if any(first[at : at + 189 : 188] == b"\x47\x47" for at in range(188)):
        return "mpegts"
    if first[4:8] in (b"ftyp", b"styp", b"moov", b"moof", b"sidx"):
        return "mov"
    if first.startswith(b"FLV"):
        return "flv"
    if first.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    raise BadInput(_not_video(content_type, head, name))


def _not_video(content_type: str, head: bytes, name: str) -> str:
    start = head[:256].lstrip().lower()
    if start.startswith(b"#extm3u") or "mpegurl" in content_type or "dash+xml" in content_type:
        return f"{name} is a playlist: give the camera's own stream, rtsp:// or http://"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")) or content_type == "text/html":
        return f"{name} is a web page: give the address of the video itself, from the manual"
    if not head:
        return f"{name} answers with nothing: check that its video stream is on"
    return f"{name} is not a video we read: give motion JPEG, a JPEG picture, MPEG-TS, MP4 or FLV"
