"""Which recorder process keeps which camera. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fairview.core.ids import CameraId


def assign(
    cameras: Sequence[CameraId], before: Mapping[CameraId, int], per_process: int
) -> dict[CameraId, int]:
    """A recorder's number for every camera.

    A camera stays where it was, so that adding or removing one touches no other's recording;
    new cameras fill the least-loaded recorder with room, then a new one.

    Bounds:  at most `per_process` cameras (>= 1) a recorder, unless `before` had more.
    """
    assert per_process >= 1
    placed = {camera: before[camera] for camera in cameras if camera in before}
    for camera in cameras:
        if camera in placed:
            continue
        load: dict[int, int] = {}
        for number in placed.values():
            load[number] = load.get(number, 0) + 1
        with_room = [number for number in sorted(load) if load[number] < per_process]
        fresh = next(number for number in range(len(load) + 1) if number not in load)
        placed[camera] = min(with_room, key=lambda number: load[number]) if with_room else fresh
    return placed
