"""Cameras from OpenStreetMap: extracts (PBF) and Overpass replies (JSON).

`man_made=surveillance` on a node, with `surveillance`, `surveillance:type`, `surveillance:zone`,
`camera:type`, `camera:direction` (or `direction`) and `operator`.
Source:  https://wiki.openstreetmap.org/wiki/Tag:man_made=surveillance; data under ODbL 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from fairview.core.errors import BadInput
from fairview.publish.census.extras import optional
from fairview.publish.census.json_stream import JsonItems
from fairview.publish.census.provenance import Aside
from fairview.publish.census.surveyed import Passed, Row, Surveyed, direction_of, word

COUNTED = "surveillance cameras mapped in OpenStreetMap"
LICENCE = "ODbL 1.0, © OpenStreetMap contributors"
_NOT_CAMERAS = {"guard", "gunshot_detector"}
_KINDS = {"", "camera", "alpr"}
_PASSED = Passed()


def read_pbf(path: Path) -> Iterator[Row]:
    """Every tagged surveillance object of an extract; `row` is its place among them.

    Nodes are streamed; nothing but the current block is in memory. Objects without the tag are not
    rows. Ways and relations are kept aside: a camera is a point.
    """
    osmium = optional("osmium")
    tagged = osmium.filter.TagFilter(("man_made", "surveillance"))
    try:
        for row, thing in enumerate(osmium.FileProcessor(str(path)).with_filter(tagged), start=1):
            tags = {tag.k: tag.v for tag in thing.tags}
            if not thing.is_node():
                name = "way" if thing.is_way() else "relation"
                yield _aside(row, f"{name}/{thing.id}", tags, f"a {name} is not a point")
            elif not thing.location.valid():
                yield _aside(row, f"node/{thing.id}", tags, "it has no coordinates")
            else:
                place = (thing.location.lon, thing.location.lat)
                yield camera_of(f"node/{thing.id}", place, tags, row)
    except RuntimeError as error:  # what osmium raises for unreadable files
        raise BadInput(f"{path} is not a readable OpenStreetMap extract: {error}") from error


def pbf_as_of(path: Path) -> str:
    """The day the extract says it is of; empty when it does not."""
    osmium = optional("osmium")
    try:
        header = osmium.io.Reader(str(path)).header()
    except RuntimeError as error:
        raise BadInput(f"{path} is not a readable OpenStreetMap extract: {error}") from error
    return str(header.get("osmosis_replication_timestamp", ""))[:10]


def read_overpass(path: Path) -> Iterator[Row]:
    """Every element of an Overpass reply (`out;` or `out center;` as JSON), in order."""
    for row, element in enumerate(JsonItems(path, "elements"), start=1):
        tags = element.get("tags") if isinstance(element, dict) else None
        if not isinstance(tags, dict) or tags.get("man_made") != "surveillance":
            yield _PASSED
            continue
        ref = f"{element.get('type', 'element')}/{element.get('id', '')}"
        place = element if element.get("type") == "node" else element.get("center")
        if not isinstance(place, dict):
            yield _aside(row, ref, tags, "it has no point; ask Overpass for `out center`")
            continue
        lon, lat = place.get("lon"), place.get("lat")
        if not isinstance(lon, int | float) or not isinstance(lat, int | float):
            yield _aside(row, ref, tags, "it has no coordinates")
            continue
        yield camera_of(ref, (float(lon), float(lat)), tags, row)


def overpass_as_of(path: Path) -> str:
    """The day of the data behind an Overpass reply; empty when it does not say."""
    items = JsonItems(path, "elements")
    for _ in items:
        break
    about = items.rest.get("osm3s")
    return str(about.get("timestamp_osm_base", ""))[:10] if isinstance(about, dict) else ""


def camera_of(ref: str, place: tuple[float, float], tags: Mapping[str, str], row: int) -> Row:
    """A tagged object as a camera, kept aside with a reason, or passed when it is none."""
    kind = word(tags.get("surveillance:type")).lower()
    if kind in _NOT_CAMERAS:
        return _PASSED
    if kind not in _KINDS:
        return _aside(row, ref, tags, f"surveillance:type {kind!r} is not known")
    try:
        return Surveyed(
            ref=ref,
            lon=place[0],
            lat=place[1],
            surveillance=word(tags.get("surveillance")).lower(),
            kind=kind,
            zone=word(tags.get("surveillance:zone")).lower(),
            mount=word(tags.get("camera:type")).lower(),
            direction=direction_of(tags.get("camera:direction") or tags.get("direction")),
            operator=word(tags.get("operator")),
            row=row,
        )
    except BadInput as error:
        return _aside(row, ref, tags, str(error))


def _aside(row: int, ref: str, tags: Mapping[str, str], because: str) -> Aside:
    text = "; ".join(f"{name}={value}" for name, value in tags.items())
    return Aside(row=row, because=because, text=f"{ref}: {text}")
