"""Asking a server first: what it lists, and every way in which it can refuse."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fairview.core.camera import Login, Secret
from fairview.core.errors import BadInput, FairviewError, NotAllowed, NotFound, Unavailable
from fairview.ingest.address import AddressRules, Endpoint, endpoint
from fairview.ingest.describe import authorization, describe

SDP = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio 0 RTP/AVP 0\r\n"


@contextmanager
def answering(*answers: str) -> Iterator[tuple[Endpoint, list[str]]]:
    """A loopback server that gives these answers to one connection, then closes it."""
    heard: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                for answer in answers:
                    heard.append(connection.recv(4_096).decode())
                    connection.sendall(answer.encode())

        thread = threading.Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        rules = AddressRules(allow_loopback=True)
        yield endpoint(f"rtsp://127.0.0.1:{port}/live", rules), heard
        thread.join()


def reply(status: str, *headers: str, body: str = "") -> str:
    lines = [f"RTSP/1.0 {status}", "CSeq: 1", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def test_sound_is_listed_without_being_opened() -> None:
    with answering(reply("200 OK", body=SDP)) as (place, heard):
        found = describe(place, None, "the camera")
    assert found.kinds == ("video", "audio")
    assert found.has_audio
    assert len(heard) == 1


def test_login_is_sent_only_when_asked_for() -> None:
    login = Login(name="admin", password=Secret("hunter2x"))
    challenge = 'WWW-Authenticate: Digest realm="cam", nonce="abc", qop="auth"'
    with answering(reply("401 Unauthorized", challenge), reply("200 OK", body=SDP)) as (
        place,
        heard,
    ):
        describe(place, login, "the camera")
    assert "Authorization" not in heard[0]
    assert 'response="' in heard[1]
    assert "hunter2x" not in heard[1]


@pytest.mark.parametrize(("algorithm", "name"), [("MD5", "md5"), ("SHA-256", "sha256")])
def test_digest_is_the_standards(algorithm: str, name: str) -> None:
    login = Login(name="Mufasa", password=Secret("Circle of Life"))
    challenge = f'Digest realm="http-auth@example.org", nonce="7ypf/xlj9XX", algorithm={algorithm}'
    header = authorization((challenge,), login, "rtsp://10.0.0.5:554/live")

    def h(text: str) -> str:
        return hashlib.new(name, text.encode()).hexdigest()

    who = h("Mufasa:http-auth@example.org:Circle of Life")
    expected = h(f"{who}:7ypf/xlj9XX:{h('DESCRIBE:rtsp://10.0.0.5:554/live')}")
    assert header is not None
    assert f'response="{expected}"' in header


def test_digest_is_preferred_to_sending_the_password() -> None:
    login = Login(name="admin", password=Secret("hunter2x"))
    both = ('Basic realm="cam"', 'Digest realm="cam", nonce="abc"')
    header = authorization(both, login, "rtsp://10.0.0.5:554/live")
    assert header is not None
    assert header.startswith("Digest ")


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (reply("401 Unauthorized"), NotAllowed, "asks for a login"),
        (reply("403 Forbidden"), NotAllowed, "forbids"),
        (reply("404 Not Found"), NotFound, "no such path"),
        (
            reply("302 Moved", "Location: rtsp://169.254.169.254/x"),
            NotAllowed,
            "sends us elsewhere",
        ),
        (reply("500 Oops"), Unavailable, "error 500"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", BadInput, "no RTSP server"),
        ("SSH-2.0-OpenSSH\r\n", Unavailable, "can't be reached"),
        ("x" * 80_000, BadInput, "without end"),
    ],
)
def test_each_refusal_says_what_to_do(answer: str, error: type[FairviewError], words: str) -> None:
    with answering(answer) as (place, _), pytest.raises(error, match=words):
        describe(place, None, "the camera")
