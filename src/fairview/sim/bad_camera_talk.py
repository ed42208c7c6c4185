"""What a faulty camera says: RTSP answers, descriptions that may lie, and digest login.

Source:  RFC 2326 (RTSP 1.0); RFC 8866 (SDP); RFC 7616 and RFC 2617 (digest); RFC 6184 8.1 and
RFC 7798 7.1 (parameters of H.264 and H.265).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from fairview.core.camera import Login
from fairview.core.errors import BadInput
from fairview.sim.bad_camera_film import Film

REQUEST_BYTES_MAX = 64 * 1024
REALM, NONCE = "bad camera", "5a1fd60c2c0b4f0d"
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
_ENCODINGS = {"h264": "H264/90000", "hevc": "H265/90000", "mjpeg": "JPEG/90000"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request. headers: names in lower case."""

    method: str
    url: str
    headers: dict[str, str]

    @property
    def number(self) -> str:
        return self.headers.get("cseq", "0")


def request_in(data: bytearray) -> Asked | None:
    """The next whole request, taken out of what was received; frames before it are dropped.

    Errors:  BadInput for what can't be a request.
    """
    while data[:1] == b"$" and len(data) >= 4:
        length = 4 + int.from_bytes(data[2:4], "big")
        if len(data) < length:
            return None
        del data[:length]
    head, mark, _ = bytes(data).partition(b"\r\n\r\n")
    if not mark:
        if len(data) > REQUEST_BYTES_MAX:
            raise BadInput("a request has no end")
        return None
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split()
    if len(words) != 3:
        raise BadInput(f"{lines[0]!r} is not a request")
    pairs = (line.partition(":") for line in lines[1:])
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    body = headers.get("content-length", "0")
    length = len(head) + 4 + (int(body) if body.isdigit() else 0)
    if len(data) < length:
        return None
    del data[:length]
    return Asked(method=words[0], url=words[1], headers=headers)


def answer(
    asked: Asked, *headers: str, status: str = "200 OK", body: str = "", number: str | None = None
) -> bytes:
    """An answer's bytes. number: another CSeq than the request's."""
    lines = [f"RTSP/1.0 {status}", f"CSeq: {asked.number if number is None else number}"]
    lines += [*headers]
    if body:
        lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Who may ask. algorithm: MD5 or SHA-256."""

    login: Login
    algorithm: str = "MD5"

    @property
    def challenge(self) -> str:
        return (
            f'WWW-Authenticate: Digest realm="{REALM}", nonce="{NONCE}", qop="auth", '
            f"algorithm={self.algorithm}"
        )

    def knows(self, asked: Asked) -> bool:
        """Whether a request carries the right proof."""
        words = asked.headers.get("authorization", "")
        quoted = dict(re.findall(r'(\w+)="([^"]*)"', words))
        plain = dict(re.findall(r"(\w+)=([^\",\s]+)", words))
        given = {**plain, **quoted}
        if not words.startswith("Digest") or given.get("username") != self.login.name:
            return False
        first = self._hash(f"{self.login.name}:{REALM}:{self.login.password.reveal()}")
        second = self._hash(f"{asked.method}:{given.get('uri', '')}")
        middle = ":".join(given.get(one, "") for one in ("nc", "cnonce", "qop"))
        middle = f":{middle}:" if given.get("qop") else ":"
        wanted = self._hash(f"{first}:{NONCE}{middle}{second}")
        return given.get("nonce") == NONCE and hmac.compare_digest(
            wanted, given.get("response", "")
        )

    def _hash(self, text: str) -> str:
        return _HASHES[self.algorithm](text.encode()).hexdigest()


def description(film: Film, payload_type: int, lie: str = "") -> str:
    """The SDP of a film; lie: what of it is not so (see bad_camera.py)."""
    encoding = _ENCODINGS[film.codec]
    if lie == "codec":
        encoding = "H265/90000" if film.codec == "h264" else "H264/90000"
    elif lie == "clock":
        encoding = encoding.replace("90000", "1000")
    number = payload_type + 1 if lie == "payload" else payload_type
    media = "application" if lie == "no-video" else "video"
    control = "rtsp://192.0.2.1/elsewhere" if lie == "control" else "track1"
    lines = [
        "v=0",
        "o=- 0 0 IN IP4 127.0.0.1",
        "s=a camera",
        "t=0 0",
        "a=control:*",
        "m=audio 0 RTP/AVP 0",
        "a=control:sound",
        f"m={media} 0 RTP/AVP {number}",
        "c=IN IP4 0.0.0.0",
        f"a=rtpmap:{number} {encoding}",
    ]
    words = _parameters(film, lie)
    if words:
        lines.append(f"a=fmtp:{number} {words}")
    lines.append(f"a=control:{control}")
    if lie == "huge":
        lines += [f"a=x-more:{'x' * 1_000}" for _ in range(2_000)]
    return "" if lie == "nothing" else "\r\n".join(lines) + "\r\n"


def _parameters(film: Film, lie: str) -> str:
    sets = [bytes(reversed(one)) for one in film.sets] if lie == "sets" else list(film.sets)
    coded = [base64.b64encode(one).decode() for one in sets]
    if film.codec == "h264":
        profile = film.sets[0][1:4].hex()
        both = ",".join(coded)
        return f"packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={both}"
    if film.codec == "hevc":
        names = ("sprop-vps", "sprop-sps", "sprop-pps")
        return ";".join(f"{name}={one}" for name, one in zip(names, coded, strict=False))
    return ""
