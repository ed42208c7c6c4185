"""What a camera's session description offers us. Pure.

Source:  RFC 4566 (SDP), RFC 2326 C.1.1 (control), RFC 6184 8.2.1 (H.264), RFC 7798 7.1 (H.265),
RFC 2435 (JPEG).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from fairview.ingest.lean.unsuited import Unsuited

LeanCodec = Literal["h264", "hevc", "mjpeg"]
_CODECS: dict[str, LeanCodec] = {"H264": "h264", "H265": "hevc", "JPEG": "mjpeg"}
_RTP_MAP = re.compile(r"rtpmap:(\d{1,3}) ([A-Za-z0-9._-]+)/(\d{1,9})", re.ASCII)
_JPEG_TYPE, _JPEG_MAP = 26, "rtpmap:26 JPEG/90000"
"""Needs no map (RFC 3551 table 5)."""
_SETS_OF: dict[LeanCodec, tuple[str, ...]] = {
    "h264": ("sprop-parameter-sets",),
    "hevc": ("sprop-vps", "sprop-sps", "sprop-pps"),
    "mjpeg": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The first video stream. control, session_control: as written, empty when left out.

    sets: announced parameter sets without start codes, in order. group, port: where it is sent to
    when to many at once, else empty and 0.
    """

    codec: LeanCodec
    payload_type: int
    clock_hz: int
    control: str
    session_control: str
    sets: tuple[bytes, ...]
    group: str = ""
    port: int = 0


def offer_of(text: str) -> Offer:
    """Errors:  Unsuited when there is no video, or one that we don't read ourselves."""
    lines = [line.rstrip("\r") for line in text.split("\n")]
    starts = [at for at, line in enumerate(lines) if line.startswith("m=")]
    video = next((at for at in starts if lines[at].startswith("m=video ")), None)
    if video is None:
        raise Unsuited("no video stream is announced")
    after = next((at for at in starts if at > video), len(lines))
    about = [line[2:] for line in lines[video:after] if line.startswith("a=")]
    session = [line[2:] for line in lines[: starts[0]] if line.startswith("a=")]
    words = lines[video].split()
    payload_type = int(words[3]) if len(words) > 3 and words[3].isdecimal() else -1
    found = [_RTP_MAP.match(line) for line in about]
    mapped = next((one for one in found if one and int(one[1]) == payload_type), None)
    if mapped is None and payload_type == _JPEG_TYPE:
        mapped = _RTP_MAP.match(_JPEG_MAP)
    if mapped is None or mapped[2].upper() not in _CODECS or not 0 <= payload_type <= 127:
        raise Unsuited("its video is neither H.264, nor H.265, nor JPEG")
    codec, clock_hz = _CODECS[mapped[2].upper()], int(mapped[3])
    if clock_hz <= 0 or words[2] not in ("RTP/AVP", "RTP/AVPF", "RTP/AVP/TCP"):
        raise Unsuited(f"its video comes as {words[2]} at {clock_hz} Hz")
    form = _form_of(about, payload_type)
    if form.get("packetization-mode") == "2" or form.get("sprop-max-don-diff", "0") != "0":
        raise Unsuited("its video comes in interleaved order")
    return Offer(
        codec=codec,
        payload_type=payload_type,
        clock_hz=clock_hz,
        control=_control_of(about),
        session_control=_control_of(session),
        sets=_sets_of(form, codec),
        group=_group_of(lines[video:after]) or _group_of(lines[: starts[0]]),
        port=int(port[0]) if (port := re.match(r"\d{1,5}", words[1])) else 0,
    )


def resolved(base: str, control: str) -> str:
    """The address a request names. It is only ever text: no connection follows from it.

    base: the address that was asked, or the Content-Base of the answer.
    """
    if control in ("", "*"):
        return base
    if re.match(r"(?i)rtsp[su]?://", control):
        return control
    if control.startswith("/"):
        parts = urlsplit(base)
        return f"{parts.scheme}://{parts.netloc}{control}"
    # As cameras mean it, and FFmpeg does it: appended, though RFC 3986 would replace a last part.
    return f"{base}{control}" if base.endswith("/") else f"{base}/{control}"


def _group_of(lines: list[str]) -> str:
    """The connection's address (RFC 4566 5.7) without its TTL; empty for none."""
    found = (re.match(r"c=IN IP[46] ([0-9A-Fa-f.:]{2,45})(?:/|$)", line) for line in lines)
    text = next((one[1] for one in found if one), "")
    return text if re.match(r"22[4-9]\.|23\d\.|(?i:ff)", text) else ""


def _form_of(about: list[str], payload_type: int) -> dict[str, str]:
    head = f"fmtp:{payload_type} "
    text = next((line[len(head) :] for line in about if line.startswith(head)), "")
    pairs = (part.strip().partition("=") for part in text.split(";"))
    return {key.strip().lower(): value.strip() for key, _, value in pairs if key.strip()}


def _sets_of(form: dict[str, str], codec: LeanCodec) -> tuple[bytes, ...]:
    """Announced sets; none at all when one is unreadable: a key frame brings them then."""
    sets: list[bytes] = []
    for name in _SETS_OF[codec]:
        for text in form.get(name, "").split(","):
            if not text.strip():
                continue
            try:
                one = base64.b64decode(text.strip() + "=" * (-len(text.strip()) % 4))
            except (binascii.Error, ValueError):
                return ()
            if len(one) > 1:
                sets.append(one)
    return tuple(sets)


def _control_of(about: list[str]) -> str:
    text = next((line[len("control:") :] for line in about if line.startswith("control:")), "")
    return re.sub(r"[\x00-\x20\x7f]", "", text)
