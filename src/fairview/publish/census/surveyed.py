"""A surveyed camera: one point or register row, and the file that holds many of them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fairview.core.errors import BadInput
from fairview.core.limits import CENSUS_ASIDE_ROWS_MAX, CENSUS_BATCH_ROWS, CENSUS_TEXT_MAX
from fairview.publish.census.extras import optional
from fairview.publish.census.provenance import Aside
from fairview.store.durable import AppendFile, create_file

Coordinates = npt.NDArray[np.float64]
WORD_MAX = 80
_POINTS = (
    *("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE"),
    *("S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"),
)
_COMPASS = {name: 22.5 * place for place, name in enumerate(_POINTS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """One camera somebody recorded. Empty text: the source does not say.

    lon, lat: degrees, WGS 84. direction: degrees clockwise from north, None when not said.
    The words are OpenStreetMap's: surveillance public, outdoor, indoor; kind camera, ALPR; zone
    town, traffic …; mount fixed, panning, dome.
    """

    ref: str
    lon: float
    lat: float
    surveillance: str
    kind: str
    zone: str
    mount: str
    direction: float | None
    operator: str
    row: int

    def __post_init__(self) -> None:
        if not (-180 <= self.lon <= 180 and -90 <= self.lat <= 90):
            raise BadInput(f"{self.lon}, {self.lat} is not a place in degrees of WGS 84")
        if self.lon == 0 and self.lat == 0:
            raise BadInput("0, 0 is where coordinates go that nobody filled in")


NAMES = (
    "ref",
    "lon",
    "lat",
    "surveillance",
    "kind",
    "zone",
    "mount",
    "direction",
    "operator",
    "row",
)


@dataclass(frozen=True, slots=True)
class Passed:
    """A row that is no camera and was not meant to be one."""


Row = Surveyed | Aside | Passed


def word(value: object) -> str:
    """A source's word, tidied: no spaces around, bounded."""
    return "" if value is None else str(value).strip()[:WORD_MAX]


def direction_of(value: object) -> float | None:
    """Degrees from what people write: 90, 90°, NNE; None for ranges and lists, which have none."""
    text = word(value).removesuffix("°").upper()
    if text in _COMPASS:
        return _COMPASS[text]
    try:
        degrees = float(text)
    except ValueError:
        return None
    return degrees % 360 if math.isfinite(degrees) else None


def number_of(value: object, name: str) -> float:
    """A coordinate. Errors: BadInput."""
    text = word(value)
    try:
        found = float(text)
    except ValueError as error:
        raise BadInput(f"{name} {text!r} is not a number") from error
    if not math.isfinite(found):
        raise BadInput(f"{name} {text!r} is not a number")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of a source's rows."""

    read: int
    taken: int
    aside: int
    passed: int


class _Sink(io.RawIOBase):
    """An append-only durable file as the file object that pyarrow wants."""

    def __init__(self, file: AppendFile) -> None:
        self._out = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._out.append(bytes(view))
        return len(view)

    def tell(self) -> int:
        return self._out.size_bytes


def write_surveyed(rows: Iterable[Row], cameras: Path, aside: Path) -> Tally:
    """Cameras into a Parquet file, rows kept aside into a CSV file, both durable on return.

    Bounds:  memory for CENSUS_BATCH_ROWS rows; at most CENSUS_ASIDE_ROWS_MAX rows aside.
    Errors:  BadInput past that: a source with more is misread as a whole.
    """
    arrow, parquet = optional("pyarrow"), optional("pyarrow.parquet")
    schema = _schema(arrow)
    read = taken = kept = passed = 0
    batch: list[Surveyed] = []
    out, aside_out = create_file(cameras), create_file(aside)
    aside_out.append(b"row,because,text\r\n")
    try:
        with parquet.ParquetWriter(_Sink(out), schema, compression="zstd") as writer:
            for row in rows:
                read += 1
                if isinstance(row, Surveyed):
                    taken += 1
                    batch.append(row)
                    if len(batch) >= CENSUS_BATCH_ROWS:
                        writer.write_table(_table(arrow, schema, batch))
                        batch.clear()
                elif isinstance(row, Aside):
                    kept += 1
                    if kept > CENSUS_ASIDE_ROWS_MAX:
                        raise BadInput(
                            f"more than {CENSUS_ASIDE_ROWS_MAX} rows cannot be read, the last "
                            f"because {row.because}: is the mapping right?"
                        )
                    aside_out.append(aside_line(row))
                else:
                    passed += 1
            if batch:
                writer.write_table(_table(arrow, schema, batch))
        out.sync()
        aside_out.sync()
    finally:
        out.close()
        aside_out.close()
    return Tally(read=read, taken=taken, aside=kept, passed=passed)


def aside_line(row: Aside) -> bytes:
    """One line of an aside file."""
    text = io.StringIO()
    csv.writer(text).writerow((row.row, row.because, row.text[:CENSUS_TEXT_MAX]))
    return text.getvalue().encode()


def read_points(path: Path) -> Iterator[tuple[Coordinates, Coordinates]]:
    """The longitudes and latitudes of a camera file, in bounded batches."""
    parquet = optional("pyarrow.parquet")
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=CENSUS_BATCH_ROWS, columns=["lon", "lat"]):
            yield batch.column(0).to_numpy(), batch.column(1).to_numpy()


def _schema(arrow: Any) -> Any:
    types = {"lon": arrow.float64(), "lat": arrow.float64(), "direction": arrow.float32()}
    types["row"] = arrow.int64()
    return arrow.schema([(name, types.get(name, arrow.string())) for name in NAMES])


def _table(arrow: Any, schema: Any, batch: list[Surveyed]) -> Any:
    columns = [[getattr(camera, name) for camera in batch] for name in NAMES]
    return arrow.table(columns, schema=schema)
