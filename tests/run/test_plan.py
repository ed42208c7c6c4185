"""Cameras keep their recorder."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fairview.core.ids import CameraId
from fairview.run.plan import assign

NAMES = st.lists(
    st.integers(0, 40).map(lambda n: CameraId(f"camera-{n}")), unique=True, max_size=30
)


@given(NAMES, NAMES, st.integers(1, 8))
def test_a_camera_that_stays_is_never_moved(
    first: list[CameraId], second: list[CameraId], per_process: int
) -> None:
    before = assign(first, {}, per_process)
    after = assign(second, before, per_process)
    assert set(after) == set(second)
    assert all(after[camera] == before[camera] for camera in second if camera in before)


@given(NAMES, st.integers(1, 8))
def test_no_recorder_has_more_than_its_share(names: list[CameraId], per_process: int) -> None:
    placed = assign(names, {}, per_process)
    for number in set(placed.values()):
        assert list(placed.values()).count(number) <= per_process
    assert len(set(placed.values())) == -(-len(names) // per_process)
