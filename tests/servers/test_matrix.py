"""The matrix: every unit through every server, codec, transport and stream; see matrix.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairview.core.media import Codec
from tests.servers.matrix import CODECS, STREAMS, WAYS, Cell, Matrix, Server, folder_for_all

pytestmark = [pytest.mark.server, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def matrix() -> Iterator[Matrix]:
    with folder_for_all() as name:
        Path(name).chmod(0o755)
        yield Matrix(Path(name))


def by_way(cells: list[Cell]) -> dict[tuple[str, str], Cell]:
    found: dict[tuple[str, str], Cell] = {(one.way, one.stream): one for one in cells}
    assert set(found) == {(way, stream) for way in WAYS for stream in STREAMS}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("codec", CODECS)
def test_every_unit_comes_through_gstreamer_over_tcp_and_udp(matrix: Matrix, codec: Codec) -> None:
    for cell in by_way(matrix.run("GStreamer", codec)).values():
        assert cell.is_exact, cell


@pytest.mark.slow
@pytest.mark.parametrize("codec", CODECS)
def test_what_a_faulty_camera_loses_is_missing_behind_gaps_and_nothing_else(
    matrix: Matrix, codec: Codec
) -> None:
    for cell in by_way(matrix.run("faulty camera", codec)).values():
        assert cell.is_exact is False, cell
        assert cell.says == "2 of 62 pictures missing, 2 gaps (lost_packets)", cell


@pytest.mark.long
@pytest.mark.parametrize("codec", CODECS)
def test_every_unit_comes_through_vlc_which_has_udp_only(matrix: Matrix, codec: Codec) -> None:
    for (way, _), cell in by_way(matrix.run("VLC", codec)).items():
        assert cell.is_exact is (None if way == "tcp" else True), cell


@pytest.mark.long
@pytest.mark.parametrize("codec", CODECS)
def test_every_unit_comes_from_ffmpeg_over_http(matrix: Matrix, codec: Codec) -> None:
    server: Server = "ffmpeg over HTTP"
    for (way, _), cell in by_way(matrix.run(server, codec)).items():
        assert cell.is_exact is (None if way == "udp" else True), cell
