"""NAL units and parameter sets: Annex B to length-prefixed and back. Pure.

Source:  ITU-T H.264 (7.3, Annex B), ITU-T H.265 (7.3, Annex B), ISO/IEC 14496-15 (avcC, hvcC).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from fairview.core.errors import BadInput
from fairview.core.media import VideoFormat

_START = b"\x00\x00\x01"
_H264_SPS, _H264_PPS, _H264_SPS_EXT = 7, 8, 13
_HEVC_VPS, _HEVC_SPS, _HEVC_PPS = 32, 33, 34
_HIGH_PROFILES = frozenset((100, 110, 122, 144, 244, 44, 83, 86, 118, 128, 134, 135, 138, 139))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterSets:
    """A stream's parameter sets as bare NAL units (vps only for H.265)."""

    vps: tuple[bytes, ...] = ()
    sps: tuple[bytes, ...] = ()
    pps: tuple[bytes, ...] = ()


def is_length_prefixed(video: VideoFormat) -> bool:
    """Whether the samples carry lengths (avcC, hvcC) rather than start codes (Annex B)."""
    return video.parameter_sets[:1] == b"\x01"


def nal_units(video: VideoFormat, data: bytes) -> tuple[bytes, ...]:
    """The bare NAL units of one H.264 or H.265 sample, in order.

    Errors:  BadInput when lengths reach past the sample's end.
    """
    if is_length_prefixed(video):
        return _split_lengths(data, _length_size(video))
    return split_annex_b(data)


def split_annex_b(data: bytes) -> tuple[bytes, ...]:
    """NAL units between start codes; bytes before the first start code are no NAL unit.

    Zero bytes before a start code and at the end belong to no unit (Annex B.1.1).
    """
    units: list[bytes] = []
    begin = data.find(_START)
    while begin >= 0:
        begin += 3
        end = data.find(_START, begin)
        unit = data[begin:] if end < 0 else data[begin:end]
        if unit.endswith(b"\x00"):
            unit = unit.rstrip(b"\x00")
        if unit:
            units.append(unit)
        begin = end
    return tuple(units)


def length_prefixed(video: VideoFormat, data: bytes) -> bytes:
    """The sample with 4-byte lengths before each NAL unit; unchanged when it has them already.

    Errors:  BadInput when an Annex B sample holds no NAL unit.
    """
    if is_length_prefixed(video):
        size = _length_size(video)
        return data if size == 4 else with_lengths(_split_lengths(data, size))
    units = split_annex_b(data)
    if not units:
        raise BadInput("a picture of the stream holds no NAL unit")
    return with_lengths(units)


def annex_b(video: VideoFormat, data: bytes) -> bytes:
    """The sample with 4-byte start codes; unchanged when it has start codes already."""
    if not is_length_prefixed(video):
        return data
    units = _split_lengths(data, _length_size(video))
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in units)


def with_lengths(units: Iterable[bytes]) -> bytes:
    """NAL units joined with 4-byte big-endian lengths."""
    parts: list[bytes] = []
    for unit in units:
        parts.append(len(unit).to_bytes(4, "big"))
        parts.append(unit)
    return b"".join(parts)


def nal_type(video: VideoFormat, unit: bytes) -> int:
    """The nal_unit_type of a bare unit."""
    return unit[0] & 0x1F if video.codec == "h264" else unit[0] >> 1 & 0x3F


def parameter_sets(video: VideoFormat) -> ParameterSets:
    """The stream's parameter sets out of its extra data; empty tuples where there are none.

    Errors:  BadInput for a record whose lengths do not add up.
    """
    return _parameter_sets(video.codec, video.parameter_sets)


def completed(video: VideoFormat, key_sample: bytes) -> VideoFormat:
    """The format with the parameter sets of a key sample when the extra data has none.

    Some cameras name their parameter sets in the stream only. A format that has them is
    returned unchanged.
    """
    if video.codec == "mjpeg" or parameter_sets(video).sps:
        return video
    wanted = (_H264_SPS, _H264_PPS) if video.codec == "h264" else (32, 33, 34)
    units = [unit for unit in nal_units(video, key_sample) if nal_type(video, unit) in wanted]
    joined = b"".join(b"\x00\x00\x00\x01" + unit for unit in units)
    if is_length_prefixed(video):
        joined = decoder_record(replace(video, parameter_sets=joined))
    return replace(video, parameter_sets=joined)


def decoder_record(video: VideoFormat) -> bytes:
    """The avcC or hvcC record with 4-byte lengths, made from Annex B when it came as that.

    Errors:  BadInput without a readable sequence parameter set, and for MJPEG.
    """
    return _decoder_record(video.codec, video.parameter_sets)


@lru_cache(maxsize=256)
def _decoder_record(codec: str, extra: bytes) -> bytes:
    if codec == "mjpeg":
        raise BadInput("MJPEG has no decoder record")
    if codec not in ("h264", "hevc"):
        raise BadInput("what a cover hides is no video: no player gets it")
    sets = _parameter_sets(codec, extra)
    if not sets.sps or not sets.pps:
        raise BadInput("the stream has not shown its parameter sets yet")
    if extra[:1] == b"\x01":
        at = 4 if codec == "h264" else 21
        return extra[:at] + bytes([extra[at] | 3]) + extra[at + 1 :]
    return _avcc(sets) if codec == "h264" else _hvcc(sets)


@lru_cache(maxsize=256)
def _parameter_sets(codec: str, extra: bytes) -> ParameterSets:
    if codec not in ("h264", "hevc") or not extra:
        return ParameterSets()
    if extra[0] == 1:
        units = _avcc_units(extra) if codec == "h264" else _hvcc_units(extra)
    else:
        units = split_annex_b(extra)
    if codec == "h264":
        kinds = [(unit[0] & 0x1F, unit) for unit in units]
        names = (-1, _H264_SPS, _H264_PPS)
    else:
        kinds = [(unit[0] >> 1 & 0x3F, unit) for unit in units]
        names = (_HEVC_VPS, _HEVC_SPS, _HEVC_PPS)
    vps, sps, pps = (
        tuple(dict.fromkeys(unit for kind, unit in kinds if kind == name)) for name in names
    )
    return ParameterSets(vps=vps, sps=sps, pps=pps)


def _length_size(video: VideoFormat) -> int:
    at = 4 if video.codec == "h264" else 21
    if len(video.parameter_sets) <= at:
        raise BadInput("the decoder record is too short")
    return (video.parameter_sets[at] & 3) + 1


def _split_lengths(data: bytes, size: int) -> tuple[bytes, ...]:
    units: list[bytes] = []
    at, total = 0, len(data)
    while at < total:
        length = int.from_bytes(data[at : at + size], "big")
        at += size
        if at + length > total:
            raise BadInput("a NAL unit reaches past the end of its picture")
        if length:
            units.append(data[at : at + length])
        at += length
    return tuple(units)


def _avcc_units(record: bytes) -> tuple[bytes, ...]:
    if len(record) < 7:
        raise BadInput("the avcC record is too short")
    units, at = _counted(record, 6, record[5] & 0x1F)
    if at >= len(record):
        raise BadInput("the avcC record is too short")
    more, _ = _counted(record, at + 1, record[at])
    return tuple(units + more)


def _hvcc_units(record: bytes) -> tuple[bytes, ...]:
    if len(record) < 23:
        raise BadInput("the hvcC record is too short")
    units: list[bytes] = []
    at = 23
    for _ in range(record[22]):
        if at + 3 > len(record):
            raise BadInput("the hvcC record is too short")
        found, at = _counted(record, at + 3, int.from_bytes(record[at + 1 : at + 3], "big"))
        units += found
    return tuple(units)


def _counted(record: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    """`count` units with 2-byte lengths from `at`, and where they end."""
    units: list[bytes] = []
    for _ in range(count):
        length = int.from_bytes(record[at : at + 2], "big")
        unit = record[at + 2 : at + 2 + length]
        if len(unit) != length or not unit:
            raise BadInput("the decoder record's lengths do not add up")
        units.append(unit)
        at += 2 + length
    return units, at


def _avcc(sets: ParameterSets) -> bytes:
    sps = sets.sps[0]
    if len(sps) < 4:
        raise BadInput("the sequence parameter set is too short")
    body = bytes([1, sps[1], sps[2], sps[3], 0xFF, 0xE0 | len(sets.sps)])
    body += b"".join(len(unit).to_bytes(2, "big") + unit for unit in sets.sps)
    body += bytes([len(sets.pps)])
    body += b"".join(len(unit).to_bytes(2, "big") + unit for unit in sets.pps)
    if sps[1] in _HIGH_PROFILES:
        bits = _Bits(sps[4:])
        bits.exp_golomb()
        chroma = bits.exp_golomb()
        if chroma == 3:
            bits.take(1)
        luma, chroma_depth = bits.exp_golomb(), bits.exp_golomb()
        body += bytes([0xFC | chroma & 3, 0xF8 | luma & 7, 0xF8 | chroma_depth & 7, 0])
    return body


def _hvcc(sets: ParameterSets) -> bytes:
    sps = sets.sps[0]
    bits = _Bits(sps[2:])
    bits.take(4)
    sub_layers = bits.take(3)
    nested = bits.take(1)
    general = bytes(bits.take(8) for _ in range(12))
    _skip_sub_layers(bits, sub_layers)
    bits.exp_golomb()
    chroma = bits.exp_golomb()
    if chroma == 3:
        bits.take(1)
    bits.exp_golomb()
    bits.exp_golomb()
    if bits.take(1):
        for _ in range(4):
            bits.exp_golomb()
    luma, chroma_depth = bits.exp_golomb(), bits.exp_golomb()
    body = b"\x01" + general + b"\xf0\x00\xfc"
    body += bytes([0xFC | chroma & 3, 0xF8 | luma & 7, 0xF8 | chroma_depth & 7])
    body += b"\x00\x00" + bytes([(sub_layers + 1) << 3 | nested << 2 | 3])
    arrays = [(_HEVC_VPS, sets.vps), (_HEVC_SPS, sets.sps), (_HEVC_PPS, sets.pps)]
    present = [(kind, units) for kind, units in arrays if units]
    body += bytes([len(present)])
    for kind, units in present:
        body += bytes([0x80 | kind]) + len(units).to_bytes(2, "big")
        body += b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)
    return body


def _skip_sub_layers(bits: _Bits, sub_layers: int) -> None:
    flags = [(bits.take(1), bits.take(1)) for _ in range(sub_layers)]
    if sub_layers:
        bits.take(2 * (8 - sub_layers))
    for has_profile, has_level in flags:
        if has_profile:
            bits.take(88)
        if has_level:
            bits.take(8)


class _Bits:
    """A bit reader over a NAL unit's payload, emulation prevention taken out."""

    def __init__(self, payload: bytes) -> None:
        raw = payload.replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(raw, "big")
        self._left = 8 * len(raw)

    def take(self, count: int) -> int:
        if count > self._left:
            raise BadInput("a parameter set ends too early")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def exp_golomb(self) -> int:
        zeros = 0
        while self.take(1) == 0:
            zeros += 1
            if zeros > 31:
                raise BadInput("a parameter set holds a number that is too large")
        return (1 << zeros) - 1 + self.take(zeros)
