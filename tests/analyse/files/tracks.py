"""Made-up tracks and facts for the tests of files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from fairview.analyse.files.read import FileFacts
from fairview.core.ids import CameraId
from fairview.core.sight import KINDS, Track
from fairview.core.time import Instant
from tests.shared_data import shared

CAMERA = CameraId("junction-1")
START = Instant(1_777_636_800_000_000)
FACTS = FileFacts(camera=CAMERA, width_px=1280, height_px=720, fps=25.0, start=START)


@st.composite
def some_tracks(draw: st.DrawFn, facts: FileFacts = FACTS) -> list[Track]:
    """Tracks whose times are those of their frames."""
    tracks = []
    for number in sorted(draw(st.sets(st.integers(0, 10_000), max_size=4))):
        n = draw(st.integers(1, 12))
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        frames = np.cumsum(rng.integers(1, 50, n))
        corner = rng.uniform(-0.9, 1.2, (n, 2))
        size = rng.uniform(0.0, 0.7, (n, 2))
        is_seen = rng.random(n) < 0.7
        is_seen[[0, -1]] = True
        tracks.append(
            Track(
                camera=facts.camera,
                id=number,
                kind=draw(st.integers(0, len(KINDS) - 1)),
                kind_share=1.0,
                frames=frames.astype(np.int32),
                at_us=facts.at_us(frames.astype(np.int64)),
                boxes_unit=np.concatenate([corner, corner + size], axis=1).astype(np.float32),
                scores=np.where(is_seen, rng.uniform(0.01, 1.0, n), 0).astype(np.float32),
                is_seen=is_seen,
            )
        )
    return tracks


def assert_same(ours: Track, theirs: Track, *, facts: FileFacts = FACTS, px: float) -> None:
    """The same track, boxes to within px."""
    assert (ours.id, ours.kind) == (theirs.id, theirs.kind)
    np.testing.assert_array_equal(ours.frames, theirs.frames)
    np.testing.assert_array_equal(ours.at_us, theirs.at_us)
    np.testing.assert_array_equal(ours.is_seen, theirs.is_seen)
    np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-3)
    size = np.array([facts.width_px, facts.height_px] * 2)
    np.testing.assert_allclose(
        ours.boxes_unit.astype(np.float64) * size,
        theirs.boxes_unit.astype(np.float64) * size,
        atol=px,
    )


def traffic(name: str) -> Path:
    """A file of the shared test data; the test is skipped where there is none, save in CI."""
    return shared(f"traffic/{name}")
