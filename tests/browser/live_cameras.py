"""Moving cameras over HTTP on this machine, for a real node to record."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

FPS = 10
SIZE_PX = (320, 180)
TURN = 30


def moving(number: int, size_px: tuple[int, int] = SIZE_PX) -> np.ndarray:
    """A bright bar that walks over a grey street."""
    width, height = size_px
    picture = np.full((height, width, 3), 90, np.uint8)
    left = number * 8 % (width - 40)
    picture[40:140, left : left + 40] = (230, 200, 40)
    return picture


def motion_jpeg(
    done: threading.Event, *sizes_px: tuple[int, int]
) -> Callable[[socket.socket, str], None]:
    """Plays multipart JPEG until `done`; its size changes every TURN pictures."""
    sizes = sizes_px or (SIZE_PX,)

    def play(line: socket.socket, head: str) -> None:
        line.sendall(
            b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=f\r\n\r\n"
        )
        number = 0
        while not done.wait(1 / FPS):
            made, data = cv2.imencode(
                ".jpg", moving(number, sizes[number // TURN % len(sizes)])[:, :, ::-1]
            )
            assert made
            line.sendall(b"--f\r\nContent-Length: %d\r\n\r\n" % len(data) + bytes(data) + b"\r\n")
            number += 1

    return play


class _Line(io.RawIOBase):
    def __init__(self, line: socket.socket) -> None:
        super().__init__()
        self._line = line
        self.is_gone = False

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(memoryview(data))  # type: ignore[arg-type]  # what a writer is given
        try:
            self._line.sendall(piece)
        except OSError:  # the recorder left
            self.is_gone = True
        return len(piece)


def transport_stream(done: threading.Event, codec: str) -> Callable[[socket.socket, str], None]:
    """Plays MPEG-TS of one codec until `done`, a key frame each second."""

    def play(line: socket.socket, head: str) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n")
        to = _Line(line)
        with av.open(to, "w", format="mpegts", options={"flush_packets": "1"}) as out:
            stream = out.add_stream(codec, rate=FPS)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height = SIZE_PX
            stream.pix_fmt = "yuv420p"
            stream.options = {
                "preset": "ultrafast",
                "tune": "zerolatency",
                "x265-params": "keyint=10:min-keyint=10:log-level=none:bframes=0:pools=1",
                "g": "10",
            }
            began, number = time.monotonic(), 0
            while not to.is_gone and not done.wait(
                max(0.0, began + number / FPS - time.monotonic())
            ):
                frame = av.VideoFrame.from_ndarray(moving(number), format="rgb24")
                frame.pts = number
                out.mux(stream.encode(frame.reformat(format="yuv420p")))
                number += 1

    return play
