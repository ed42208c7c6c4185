"""One edit of an ONNX file: initializers taken out of the graph's inputs, nothing else changed.

Older exporters list every weight as an input too, which keeps the runtime from folding constants.
Only lengths and one kind of field are touched, so this reads Protocol Buffers as they lie in the
file and needs no schema.

Source:  onnx.proto3: ModelProto.graph = 7; GraphProto.initializer = 5, input = 11;
TensorProto.name = 8; ValueInfoProto.name = 1. Wire format: protobuf.dev, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator

from fairview.core.errors import BadInput

_GRAPH, _INITIALIZER, _INPUT, _TENSOR_NAME, _VALUE_NAME = 7, 5, 11, 8, 1
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


def without_listed_initializers(data: bytes) -> bytes:
    """The same file with inputs that are initializers left out.

    Errors:  BadInput when this is not Protocol Buffers.
    """
    made = bytearray()
    for number, whole, body in _fields(data):
        if number == _GRAPH and body is not None:
            graph = _slimmed(body)
            made += _varint(number << 3 | _BYTES) + _varint(len(graph)) + graph
        else:
            made += whole
    return bytes(made)


def _slimmed(graph: bytes) -> bytes:
    weights = {
        _name(body, _TENSOR_NAME)
        for number, _, body in _fields(graph)
        if number == _INITIALIZER and body is not None
    }
    return b"".join(
        whole
        for number, whole, body in _fields(graph)
        if not (number == _INPUT and body is not None and _name(body, _VALUE_NAME) in weights)
    )


def _name(message: bytes, wanted: int) -> bytes:
    for number, _, body in _fields(message):
        if number == wanted and body is not None:
            return body
    return b""


def _fields(data: bytes) -> Iterator[tuple[int, bytes, bytes | None]]:
    """Number, the field as it lies there, and its content when it is a run of bytes."""
    at = 0
    while at < len(data):
        start = at
        key, at = _read_varint(data, at)
        kind, content = key & 7, None
        if kind == _VARINT:
            _, at = _read_varint(data, at)
        elif kind == _BYTES:
            length, at = _read_varint(data, at)
            content = data[at : at + length]
            at += length
        elif kind in (_FIXED_64, _FIXED_32):
            at += 8 if kind == _FIXED_64 else 4
        else:
            raise BadInput("this is not an ONNX file: a field of an unknown kind")
        if at > len(data):
            raise BadInput("this ONNX file ends in the middle of a field; fetch it again")
        yield key >> 3, data[start:at], content


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise BadInput("this ONNX file ends in the middle of a number; fetch it again")
        value |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
    raise BadInput("this is not an ONNX file: a number without an end")


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)
