"""The data folder of the first release, unpacked to be used."""

from __future__ import annotations

import base64
import json
import tarfile
from io import BytesIO
from pathlib import Path

import msgspec

_HERE = Path(__file__).parent / "first-release"


class Expected(msgspec.Struct, kw_only=True):
    """What the first release exported of its own footage."""

    camera: str
    packets: int
    digest_over_packet_digests: str
    ledger_lines: int


def expected() -> Expected:
    return msgspec.convert(
        json.loads((_HERE / "expected.json").read_text()), Expected, strict=False
    )


def unpacked(into: Path) -> Path:
    """The data folder, with its rights, under `into`."""
    whole = BytesIO(base64.b64decode((_HERE / "data.txt").read_bytes()))
    with tarfile.open(fileobj=whole, mode="r:xz") as packed:
        packed.extractall(into, filter="data")
    return into / "data"
