"""A loop without pictures, for tests that only count packets."""

from __future__ import annotations

from pathlib import Path

from fairview.sim.junction import FPS, LOOP_FRAMES
from fairview.sim.loop import EncodedLoop, Loop, LoopSample
from tests.builders import video_format


def blank_loop() -> Loop:
    """A loop whose frames hold their own number."""
    encoded = EncodedLoop(
        format=video_format(),
        samples=tuple(
            LoopSample(
                data=b"\x00\x00\x01\x00\x65" + frame.to_bytes(4, "big") * 64,
                is_key=frame % FPS == 0,
            )
            for frame in range(LOOP_FRAMES)
        ),
    )
    return Loop(folder=Path("nowhere"), seed=7, main=encoded, sub=encoded)


def number_in(data: bytes) -> int:
    """The loop frame a blank packet holds."""
    return int.from_bytes(data[5:9], "big")
