"""Some parts of a loop, painted and encoded by a process of its own.

    python -m fairview.sim.render_part SEED FOLDER PART...

makes FOLDER/part-NN with main.mp4, sub.mp4 and truth.jsonl for each part in turn (part 0 has also
the truth's first line and empty.png), and says the number of frames done on its output.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
from av.video.stream import VideoStream

from fairview.sim.draw import Painter
from fairview.sim.junction import FPS, LOOP_FRAMES, VIEW, signals
from fairview.sim.scenery import build_scenery
from fairview.sim.traffic import Traffic, traffic
from fairview.sim.truth import frame_line, heading_line, truth_frame
from fairview.sim.view import HEIGHT_PX, WIDTH_PX, Picture
from fairview.store.durable import replace_file

PARTS = 12
"""Parts of a loop, five seconds each."""
PART_FRAMES = LOOP_FRAMES // PARTS

_SUB_PX = (WIDTH_PX // 2, HEIGHT_PX // 2)


class LoopWriter:
    """Pictures in, an MP4 file of H.264 out: a key frame each second, no B-frames."""

    def __init__(self, path: Path, size_px: tuple[int, int], bit_rate: int) -> None:
        self._file = av.open(str(path), "w", format="mp4")
        stream = self._file.add_stream("libx264", rate=FPS)
        assert isinstance(stream, VideoStream)
        self._stream = stream
        stream.width, stream.height = size_px
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, FPS)
        # One thread and no colour guessing: the same pictures give the same bytes.
        stream.options = {
            "preset": "veryfast",
            "crf": "22",
            "maxrate": str(bit_rate),
            "bufsize": str(bit_rate),
            "threads": "1",
            "x264-params": f"keyint={FPS}:min-keyint={FPS}:scenecut=0:bframes=0:open-gop=0",
        }
        self._next = 0

    def add(self, pixels: Picture) -> None:
        """One picture. Shapes: (h, w, 3) RGB."""
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts = self._next
        frame.time_base = Fraction(1, FPS)
        self._next += 1
        self._file.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._file.mux(self._stream.encode(None))
        self._file.close()


def part_folder(folder: Path, part: int) -> Path:
    """Where a finished part lies."""
    return folder / f"part-{part:02d}"


def render_parts(seed: int, folder: Path, parts: list[int]) -> None:
    """Draw and write parts in turn. Cost: 2.5 s, then 0.9 s a part, of one core."""
    movement = traffic(seed)
    painter = Painter(VIEW, build_scenery(VIEW, seed))
    for done, part in enumerate(parts):
        place = part_folder(folder, part)
        making = place.with_name(place.name + ".new")
        making.mkdir()
        if part == 0:
            bgr = cv2.cvtColor(painter.empty(), cv2.COLOR_RGB2BGR)
            cv2.imwrite(str(making / "empty.png"), bgr)
            replace_file(making / "truth.jsonl", heading_line(seed, movement) + b"\n")
        _render(painter, movement, part, making, done * PART_FRAMES)
        making.rename(place)


def _render(painter: Painter, movement: Traffic, part: int, folder: Path, before: int) -> None:
    main = LoopWriter(folder / "main.mp4", (WIDTH_PX, HEIGHT_PX), 1_500_000)
    sub = LoopWriter(folder / "sub.mp4", _SUB_PX, 350_000)
    with (folder / "truth.jsonl").open("ab") as truth:
        for step in range(PART_FRAMES):
            frame = part * PART_FRAMES + step
            drawn = painter.paint(movement.frames[frame], signals(frame / FPS), frame)
            main.add(drawn.pixels)
            sub.add(cv2.resize(drawn.pixels, _SUB_PX, interpolation=cv2.INTER_AREA).astype("uint8"))
            truth.write(frame_line(truth_frame(frame, drawn.seen)) + b"\n")
            # Also how an orphan notices: nobody reads, the write fails, the process ends.
            sys.stdout.write(f"{before + step + 1}\n")
            sys.stdout.flush()
    main.close()
    sub.close()


if __name__ == "__main__":
    cv2.setNumThreads(1)
    render_parts(int(sys.argv[1]), Path(sys.argv[2]), [int(part) for part in sys.argv[3:]])
