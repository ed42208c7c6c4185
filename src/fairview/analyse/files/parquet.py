"""tracks.parquet: one row per track point, written and read in row groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fairview.analyse.files.names import KindNames
from fairview.analyse.files.read import BoxRows, FileFacts, ReadTracks, as_tracks
from fairview.core.errors import BadInput
from fairview.core.ids import camera_id
from fairview.core.limits_seeing import FILE_ROWS_MAX
from fairview.core.sight import KINDS, Track
from fairview.core.time import US_PER_SECOND, Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SCHEMA_VERSION = "1"
ROWS_PER_GROUP = 131_072
"""Some 5 MB held before they are written."""

_BOX = ("x1_px", "y1_px", "x2_px", "y2_px")
_GROUND = ("east_m", "north_m", "speed_kmh")
_SCHEMA = pa.schema(
    [
        ("track", pa.int64()),
        ("at_us", pa.int64()),
        ("class", pa.dictionary(pa.int8(), pa.string())),
        *((name, pa.float32()) for name in (*_BOX, "confidence")),
        *((name, pa.float64()) for name in _GROUND),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointGround:
    """What is known of a track's points on the ground; everything (n,), nan where not known."""

    east_m: Floats
    north_m: Floats
    speed_kmh: Floats


class ParquetTracks:
    """Writes tracks.parquet as tracks finish. facts: kept in the file, so that reading needs none.

    Points a tracker filled in have confidence 0.

    Bounds:  ROWS_PER_GROUP rows in memory, and the track being added.
    """

    def __init__(self, path: Path, facts: FileFacts) -> None:
        self._facts = facts
        kept = {
            "fairview.version": SCHEMA_VERSION,
            "fairview.camera": facts.camera,
            "fairview.width_px": str(facts.width_px),
            "fairview.height_px": str(facts.height_px),
            "fairview.fps": repr(facts.fps),
            "fairview.start_us": str(facts.start.us),
        }
        self._schema = _SCHEMA.with_metadata(kept)
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._waiting: list[Any] = []
        self._rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._flush()
        finally:
            self._writer.close()

    def add(self, track: Track, ground: PointGround | None = None) -> None:
        """All points of a track."""
        n = len(track)
        facts = self._facts
        size = np.array([facts.width_px, facts.height_px] * 2, dtype=np.float64)
        boxes = (track.boxes_unit * size).astype(np.float32)
        kinds = pa.DictionaryArray.from_arrays(
            pa.array(np.full(n, track.kind, dtype=np.int8)), pa.array(KINDS)
        )
        columns = [
            pa.array(np.full(n, track.id, dtype=np.int64)),
            pa.array(track.at_us),
            kinds,
            *(pa.array(np.ascontiguousarray(boxes[:, column])) for column in range(4)),
            pa.array(track.scores),
        ]
        for name in _GROUND:
            values = np.full(n, np.nan) if ground is None else getattr(ground, name)
            columns.append(pa.array(values, from_pandas=True, type=pa.float64()))
        self._waiting.append(pa.Table.from_arrays(columns, schema=self._schema))
        self._rows += n
        if self._rows >= ROWS_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=ROWS_PER_GROUP)
        self._waiting, self._rows = [], 0


def read_parquet(path: Path, facts: FileFacts) -> ReadTracks:
    """Tracks of a tracks.parquet, ours or another tool's with the same columns.

    Frames are not kept in it: they come from the times and the frame rate, or, where these don't
    fit together, from the order of the times.

    Bounds:  FILE_ROWS_MAX rows; read by row groups.
    Errors:  BadInput for a file that is not Parquet, a missing or empty column or cell.
    """
    names = KindNames()
    try:
        with pq.ParquetFile(path) as file:
            facts = _kept(file.schema_arrow.metadata or {}, facts)
            if file.metadata.num_rows > FILE_ROWS_MAX:
                raise BadInput(f"{path.name} has more than {FILE_ROWS_MAX} rows; cut it into parts")
            missing = {"track", "at_us", *_BOX} - set(file.schema_arrow.names)
            if missing:
                raise BadInput(f"{path.name} has no column {', '.join(sorted(missing))}")
            for name in file.schema_arrow.names:
                if file.schema_arrow.names.count(name) > 1:
                    raise BadInput(f"{path.name} has the column {name[:40]} twice; write it again")
            parts = list(_parts(file, names, path))
    except FileNotFoundError as error:
        raise BadInput(f"there is no file {path}; give the path of a Parquet file") from error
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise BadInput(f"{path.name} is not readable as Parquet ({error})") from error
    ids, at_us, kinds = (_joined([part[i] for part in parts], np.int64) for i in range(3))
    boxes = np.concatenate([part[3] for part in parts] or [np.empty((0, 4))])
    scores = _joined([part[4] for part in parts], np.float64)
    rows = BoxRows(
        frames=_frames(at_us, facts),
        ids=ids,
        boxes_px=boxes,
        scores=np.where(np.isfinite(scores), scores, 1.0),
        kinds=kinds,
        places=np.arange(1, len(ids) + 1),
        place_word=f"{path.name}, row",
    )
    for bad, words in (
        ((rows.scores < 0) | (rows.scores > 1), "confidence lies between 0 and 1"),
        (at_us < 0, "times are microseconds since 1970"),
        (ids < 0, "track ids count from 0"),
    ):
        if bad.any():
            raise BadInput(f"{rows.place_word} {rows.places[bad].min()}: {words}")
    return as_tracks(rows, facts, names.warnings(), at_us)


def _parts(
    file: pq.ParquetFile, names: KindNames, path: Path
) -> Iterator[tuple[Any, Any, Any, Any, Any]]:
    """ids, times, kinds, boxes, scores by row group."""
    wanted = [
        name
        for name in ("track", "at_us", "class", *_BOX, "confidence")
        if name in file.schema_arrow.names
    ]
    for batch in file.iter_batches(batch_size=ROWS_PER_GROUP, columns=wanted):
        columns = {name: batch.column(name) for name in wanted}
        for name in ("track", "at_us", *_BOX):
            if columns[name].null_count:
                raise BadInput(f"{path.name}: column {name} has empty cells; fill them")
        n = batch.num_rows
        kinds = np.full(n, KINDS.index("moving"), dtype=np.int64)
        if "class" in columns:
            coded = columns["class"]
            if not pa.types.is_dictionary(coded.type):
                coded = coded.cast(pa.string()).dictionary_encode()
            table = [names.number(str(one)) for one in coded.dictionary.to_pylist()]
            # Others number their classes without signs.
            codes = coded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
            kinds = np.array([*table, KINDS.index("moving")], dtype=np.int64)[codes]
        scores = np.full(n, np.nan)
        if "confidence" in columns:
            scores = columns["confidence"].cast(pa.float64()).to_numpy(zero_copy_only=False)
        yield (
            columns["track"].cast(pa.int64()).to_numpy(zero_copy_only=False),
            columns["at_us"].cast(pa.int64()).to_numpy(zero_copy_only=False),
            kinds,
            np.column_stack(
                [columns[name].cast(pa.float64()).to_numpy(zero_copy_only=False) for name in _BOX]
            ),
            scores,
        )


def _kept(metadata: dict[bytes, bytes], facts: FileFacts) -> FileFacts:
    """What the file says of its pictures, where we wrote it."""
    found = {
        key.decode("ascii", "replace").removeprefix("fairview."): value.decode("ascii", "replace")
        for key, value in metadata.items()
        if key.startswith(b"fairview.")
    }
    if not {"camera", "width_px", "height_px", "fps", "start_us"} <= found.keys():
        return facts
    try:
        camera_id(found["camera"])
        return replace(
            facts,
            width_px=int(found["width_px"]),
            height_px=int(found["height_px"]),
            fps=float(found["fps"]),
            start=Instant(int(found["start_us"])),
        )
    except ValueError as error:
        raise BadInput(f"the notes in a tracks.parquet are damaged ({error})") from error


def _frames(at_us: npt.NDArray[np.int64], facts: FileFacts) -> npt.NDArray[np.int64]:
    """Frame numbers from 1 for these times."""
    times, inverse = np.unique(at_us, return_inverse=True)
    exact = (times - facts.start.us) * (facts.fps / US_PER_SECOND) + 1
    rounded = np.rint(exact)
    is_regular = np.all(np.abs(exact - rounded) < 0.25) and np.all(np.diff(rounded) > 0)
    if len(times) and (not is_regular or rounded[0] < 1 or rounded[-1] > 2**31 - 1):
        rounded = np.arange(1, len(times) + 1)
    return np.asarray(rounded[inverse].astype(np.int64))


def _joined(parts: list[Any], dtype: type[np.generic]) -> Any:
    return np.concatenate(parts).astype(dtype) if parts else np.empty(0, dtype=dtype)
