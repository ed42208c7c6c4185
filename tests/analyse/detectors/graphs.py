"""Tiny ONNX graphs written byte by byte, and cards for them.

Source:  onnx.proto3 for the field numbers; opset 11.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Dims = Sequence[int | str]

_FLOAT = 1


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def block(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def text(field: int, content: str) -> bytes:
    return block(field, content.encode())


def varint(value: int) -> bytes:
    made = bytearray()
    while True:
        made.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(made)


def value_info(name: str, dims: Dims, kind: int = _FLOAT) -> bytes:
    shape = b"".join(
        block(1, number(1, one) if isinstance(one, int) else text(2, one)) for one in dims
    )
    return text(1, name) + block(2, block(1, number(1, kind) + block(2, shape)))


def tensor(name: str, values: npt.NDArray[np.float32]) -> bytes:
    dims = b"".join(number(1, size) for size in values.shape)
    raw = values.astype("<f4").tobytes()
    return dims + number(2, _FLOAT) + text(8, name) + block(9, raw)


def node(
    kind: str, inputs: Sequence[str], output: str, axes: Sequence[int] = (), **more: int
) -> bytes:
    made = b"".join(text(1, one) for one in inputs) + text(2, output) + text(4, kind)
    if axes:
        made += block(5, text(1, "axes") + b"".join(number(8, one) for one in axes) + number(20, 7))
    for name, value in more.items():
        made += block(5, text(1, name) + number(3, value) + number(20, 2))
    return made


def model(
    nodes: Sequence[bytes],
    weights: Sequence[bytes],
    inputs: Sequence[bytes],
    outputs: Sequence[bytes],
) -> bytes:
    graph = b"".join(block(1, one) for one in nodes) + text(2, "tiny")
    graph += b"".join(block(5, one) for one in weights)
    graph += b"".join(block(11, one) for one in inputs)
    graph += b"".join(block(12, one) for one in outputs)
    return number(1, 7) + block(7, graph) + block(8, text(1, "") + number(2, 11))


def fixed(outputs: Mapping[str, npt.NDArray[np.float32]], picture: Dims = (1, 3, 32, 32)) -> bytes:
    """A graph that answers the same to every picture."""
    return model(
        [node("Identity", [f"w_{name}"], name) for name in outputs],
        [tensor(f"w_{name}", values) for name, values in outputs.items()],
        [value_info("picture", picture)],
        [value_info(name, values.shape) for name, values in outputs.items()],
    )


def brightness_added(table: npt.NDArray[np.float32], size_px: int = 32) -> bytes:
    """A graph of open batch size: every number is the table's plus the picture's mean."""
    return model(
        [
            node("ReduceMean", ["picture"], "rows", axes=[1, 3], keepdims=0),
            node("ReduceMean", ["rows"], "mean", axes=[1], keepdims=1),
            node("Unsqueeze", ["mean"], "mean3", axes=[2]),
            node("Add", ["mean3", "table"], "out"),
        ],
        [tensor("table", table[None])],
        [value_info("picture", ("n", 3, size_px, size_px))],
        [value_info("out", ("n", *table.shape))],
    )


def card_text(data: bytes, **words: object) -> str:
    """A card of a two-class YOLOX of 32x32; words replace or add, None leaves one out.

    classes: the table of that name as written, empty for none.
    """
    classes = words.pop("classes", "person = [0]\ncar = [1]")
    known: dict[str, object] = {
        "name": "tiny",
        "layout": "yolox",
        "file": "tiny.onnx",
        "input_px": [32, 32],
        "outputs": 2,
        "confidence": 0.5,
        "licence": "MIT",
        "publisher": "nobody",
        "address": "https://example.org/tiny.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
        "verified": False,
    } | words
    lines = [f"{name} = {_toml(value)}" for name, value in known.items() if value is not None]
    return "\n".join(lines) + (f"\n[classes]\n{classes}\n" if classes else "\n")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def yolox_table(*found: tuple[int, Sequence[float]], classes: int = 2) -> npt.NDArray[np.float32]:
    """The 21 cells of a 32x32 YOLOX; found: (cell, [dx, dy, log w, log h, objectness, scores…])."""
    table = np.zeros((21, 5 + classes), dtype=np.float32)
    for cell, row in found:
        table[cell] = row
    return table
