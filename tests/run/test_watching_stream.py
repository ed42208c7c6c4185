"""`watch` on a camera: real RTSP servers, for as long as was said."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from fairview.core.errors import NotAllowed, Unavailable
from fairview.core.time import US_PER_SECOND, SystemClock
from fairview.run.watch.watching import watch
from tests.run import roads
from tests.run.test_watching import nothing, report, rows, wish
from tests.servers.running import free_port, gst_server

pytestmark = [pytest.mark.server, pytest.mark.slow]
SECONDS = 6


def test_a_camera_is_watched_for_as_long_as_was_said(tmp_path: Path) -> None:
    film = roads.write_film(tmp_path / "film.mp4")
    options = ("--loop", "--login", "admin:correct-horse", "--for", "60")
    with gst_server(film, *options) as running:
        address = running.address.replace("rtsp://", "rtsp://admin:correct-horse@")
        one = wish(tmp_path, address, for_us=SECONDS * US_PER_SECOND)
        clock = SystemClock()
        written = watch(one, clock, threading.Event(), nothing)
    told = report(tmp_path / "out")
    assert isinstance(told["input"], dict)
    assert told["input"]["kind"] == "stream"
    assert "correct-horse" not in (tmp_path / "out" / "report.json").read_text()
    assert 0 < len(written.seen.watched) <= 2
    watched_us = sum(span.duration_us for span in written.seen.watched)
    assert SECONDS * 0.5 < watched_us / US_PER_SECOND < SECONDS + 3
    # The camera's own clock counts, not the scene's start.
    assert abs(written.seen.watched[0].start.since(clock.now())) < 120 * US_PER_SECOND
    assert rows(tmp_path / "out" / "counts.csv") or not written.seen.tracks


def test_stopping_a_camera_early_keeps_what_was_seen(tmp_path: Path) -> None:
    film = roads.write_film(tmp_path / "film.mp4")
    stop = threading.Event()

    def stops(done: float, words: str) -> None:
        stop.set()

    with gst_server(film, "--loop", "--for", "60") as running:
        watch(wish(tmp_path, running.address), SystemClock(), stop, stops)
    frames = report(tmp_path / "out")["frames"]
    assert isinstance(frames, dict)
    assert 0 < frames["detected"] < 100


def test_a_camera_that_can_not_be_reached_or_entered_is_told_at_once(tmp_path: Path) -> None:
    film = roads.write_film(tmp_path / "film.mp4", count=20)
    nobody = wish(tmp_path, f"rtsp://127.0.0.1:{free_port()}/live")
    with pytest.raises(Unavailable, match="refuses connections"):
        watch(nobody, SystemClock(), threading.Event(), nothing)
    with gst_server(film, "--loop", "--login", "admin:right", "--for", "60") as running:
        address = running.address.replace("rtsp://", "rtsp://admin:wrong@")
        stranger = wish(tmp_path, address)
        with pytest.raises(NotAllowed, match="refuses the login"):
            watch(stranger, SystemClock(), threading.Event(), nothing)
    assert not (tmp_path / "out").exists()
