"""`record --transport`, in every codec: what `export --raw` gives is what the camera sent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fairview.core.media import Codec
from tests.servers.matrix import CODECS, WAYS, Way, encoded, source_units
from tests.servers.running import gst_server
from tests.stories.commands import fairview, good

pytestmark = [pytest.mark.server, pytest.mark.timeout(240)]
EACH = [
    pytest.param(one, marks=pytest.mark.slow if one == "hevc" else pytest.mark.long)
    for one in CODECS
]


def exported(codec: Codec, way: Way, folder: Path, clip: Path) -> Path:
    home = folder / f"{codec}-{way}"
    home.mkdir()
    with gst_server(clip, "--codec", codec, "--for", "100") as running:
        good(
            *("record", running.address, "--transport", way, "--commissioning", "--for", "3s"),
            *("--data", "data", "--purpose", "comparing what went in with what comes out"),
            cwd=home,
            timeout_s=120,
        )
    good("export", "--raw", "--camera", "camera", "--data", "data", "--out", "raw.mp4", cwd=home)
    return home / "raw.mp4"


@pytest.mark.parametrize("codec", EACH)
def test_what_is_exported_is_what_was_sent(codec: Codec, tmp_path: Path) -> None:
    clip = encoded(codec, "main", tmp_path)
    with ThreadPoolExecutor(2) as pool:
        films = list(pool.map(lambda way: exported(codec, way, tmp_path, clip), WAYS))
    source = source_units(clip, codec)
    for film in films:
        got = source_units(film, codec)
        assert len(got) > 30
        assert got == source[: len(got)]


@pytest.mark.slow
def test_a_transport_that_is_none_or_that_the_source_has_not_is_told(tmp_path: Path) -> None:
    clip = encoded("h264", "main", tmp_path)
    said = fairview("record", clip, "--transport", "smoke", "--data", "data", cwd=tmp_path)
    assert said.exit_code != 0
    assert "use auto, tcp, udp or multicast" in said.everything
    said = fairview("record", clip, "--transport", "udp", "--data", "data", cwd=tmp_path)
    assert said.exit_code != 0
    assert "only an RTSP source has a transport" in said.everything
