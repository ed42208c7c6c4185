from __future__ import annotations

from pathlib import Path

import pytest

from fairview.analyse.region_taps import (
    REGIONS,
    RegionTap,
    RegionTaps,
    region_service,
    subscribe_regions,
)
from fairview.analyse.sights import SIGHTS, SightTaps, serve_sights
from fairview.core.errors import NotFound, Overloaded
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import REGION_SUBSCRIBERS_MAX, REGIONS_WAITING_MAX
from fairview.core.sight import CoverCode
from fairview.store.wire import Connection
from tests.builders import NOON

CAMERA = CameraId("junction-1")


def code(number: int) -> CoverCode:
    at = NOON.plus(number * 200_000)
    return CoverCode(camera=CAMERA, at=at, columns=320, rows=180, model="m", code=b"c")


def test_a_reader_gets_what_comes_after_it_in_order() -> None:
    tap = RegionTap(REGIONS)
    tap.put((code(0),))
    reader = tap.subscribe()
    tap.put((code(1), code(2)))
    assert next(reader) == (code(1), code(2))


def test_a_slow_reader_misses_the_oldest_and_holds_nobody_up() -> None:
    tap = RegionTap(REGIONS)
    reader = tap.subscribe()
    tap.put(tuple(code(number) for number in range(REGIONS_WAITING_MAX + 10)))
    found = next(reader)
    assert len(found) == REGIONS_WAITING_MAX
    assert found[-1] == code(REGIONS_WAITING_MAX + 9)


def test_a_closed_tap_hands_out_what_it_has_and_ends() -> None:
    tap = RegionTap(REGIONS)
    reader = tap.subscribe()
    tap.put((code(0),))
    tap.close()
    assert list(reader) == [(code(0),)]


def test_readers_are_few() -> None:
    tap = RegionTap(REGIONS)
    readers = [tap.subscribe() for _ in range(REGION_SUBSCRIBERS_MAX)]
    with pytest.raises(Overloaded):
        tap.subscribe()
    readers[0].close()
    tap.subscribe()


def test_codes_cross_the_analysers_socket(tmp_path: Path) -> None:
    taps, secret = RegionTaps(REGIONS), b"s" * 32
    tap = taps.make(CAMERA)
    server = serve_sights(tmp_path / "s.sock", SightTaps(SIGHTS), secret, region_service(taps))
    line = Connection(tmp_path / "s.sock", secret)
    try:
        with subscribe_regions(line, CameraId("elsewhere")) as nothing, pytest.raises(NotFound):
            next(nothing)
        with subscribe_regions(line, CAMERA) as found:
            # The subscription begins with the server's first look at it.
            while not tap.readers:
                pass
            tap.put((code(3),))
            assert next(found).codes == (code(3),)
            taps.remove(CAMERA)
            assert list(found) == []
    finally:
        line.close()
        server.close()
