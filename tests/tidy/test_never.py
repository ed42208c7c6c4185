"""Never, by construction: nothing Fairview stores, sends or writes has a place for who somebody is,
what they look like, a plate, or one road user in two cameras (design, section 2).

Each test walks the real types and schemas; a field that is added anywhere is seen here.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import pkgutil
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import fairview
from fairview.access import door, door_messages, leaves
from fairview.analyse.files import parquet
from fairview.analyse.measure import tables
from fairview.core import case, event, scene, sight, traffic
from fairview.run.watch.watch_outputs import STAYS_COLUMNS
from fairview.serve.app import api_schema
from fairview.store import catalogue_messages, contracts
from fairview.store.schema.tables import metadata

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
FORBIDDEN = re.compile(
    r"face|plate|embedding|embed\b|feature_?vector|appearance|biometric|template|signature_of|"
    r"identity|reid|re_id|gender|ethnic|race\b|emotion|gait|suspic|hot_?list|watch_?list|"
    r"black_?list|\bowner\b|\bfine\b|\bfines\b|recipient|person_id|global_id|same_as|linked"
)
EDGES = (
    door,
    door_messages,
    leaves,
    catalogue_messages,
    contracts,
    sight,
    traffic,
    event,
    scene,
    case,
)


def fields_of(kind: type) -> dict[str, str]:
    """A dataclass's or struct's fields by name, with their types as written."""
    if dataclasses.is_dataclass(kind):
        return {one.name: str(one.type) for one in dataclasses.fields(kind)}
    if issubclass(kind, msgspec.Struct):
        written = kind.__annotations__
        return {name: str(written.get(name, "")) for name in kind.__struct_fields__}
    return {}


def kinds_in(module: types.ModuleType) -> Iterator[type]:
    for name in dir(module):
        found = getattr(module, name)
        if isinstance(found, type) and found.__module__ == module.__name__:
            yield found


def every_module() -> Iterator[types.ModuleType]:
    for info in pkgutil.walk_packages(fairview.__path__, "fairview."):
        if ".upgrades" not in info.name:
            yield importlib.import_module(info.name)


def test_no_field_of_any_type_has_a_place_for_who_somebody_is() -> None:
    guilty = [
        f"{kind.__module__}.{kind.__name__}.{name}"
        for module in every_module()
        for kind in kinds_in(module)
        for name in fields_of(kind)
        if FORBIDDEN.search(name) and not _is_of_the_cover(module.__name__)
    ]
    assert guilty == []


def _is_of_the_cover(module: str) -> bool:
    """Faces and plates are found only to be covered, and only these rooms know of them.

    sim.shapes draws the pretend city from meshes, which have faces of another kind.
    """
    rooms = r"\.cover|\.film_cover|detectors\.(yunet|lpd|cover_only|choose)|sim\.shapes$"
    return bool(re.search(rooms, module))


def test_no_column_of_any_table_has_a_place_for_who_somebody_is() -> None:
    names = [f"{table.name}.{one.name}" for table in metadata.sorted_tables for one in table.c]
    assert names
    assert [name for name in names if FORBIDDEN.search(name)] == []


def test_no_reply_of_the_api_has_a_place_for_who_somebody_is() -> None:
    schemas = api_schema()["components"]["schemas"]
    names = [
        f"{name}.{field}" for name, one in schemas.items() for field in one.get("properties", {})
    ]
    assert len(names) > 100
    assert [name for name in names if FORBIDDEN.search(name)] == []


def test_no_output_file_has_a_place_for_who_somebody_is() -> None:
    columns = [
        *parquet._SCHEMA.names,
        *tables.CROSSINGS_COLUMNS,
        *tables.COUNTS_COLUMNS,
        *tables.FLOWS_COLUMNS,
        *tables.SPEEDS_COLUMNS,
        *STAYS_COLUMNS,
    ]
    for path in REFERENCE.glob("*.schema.json"):
        columns += _property_names(json.loads(path.read_text()))
    cover_report = {"faces", "plates", "plate_bands", "face", "plate"}
    """What the cover hid, as numbers of pictures and pixels."""
    assert [one for one in columns if FORBIDDEN.search(one) and one not in cover_report] == []


def _property_names(schema: object) -> list[str]:
    if isinstance(schema, dict):
        mine = list(schema["properties"]) if isinstance(schema.get("properties"), dict) else []
        return mine + [name for value in schema.values() for name in _property_names(value)]
    if isinstance(schema, list):
        return [name for value in schema for name in _property_names(value)]
    return []


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (
            sight.Detections,
            {"camera", "frame", "at", "boxes_unit", "scores", "kinds", "model"},
        ),
        (
            sight.Track,
            {"camera", "id", "kind", "kind_share", "frames", "at_us", "boxes_unit", "scores"}
            | {"is_seen"},
        ),
        (sight.OpenTrack, {"id", "at", "kind", "box_unit", "trail_unit", "is_seen"}),
        (sight.SightBox, {"id", "kind", "box_unit", "trail_unit"}),
        (sight.Sight, {"camera", "at", "boxes"}),
    ],
)
def test_what_is_known_of_a_road_user_is_a_closed_list(kind: type, fields: set[str]) -> None:
    assert set(fields_of(kind)) == fields


def test_the_nine_classes_and_moving_are_all_there_are() -> None:
    assert typing.get_args(sight.Kind) == sight.KINDS
    assert len(sight.KINDS) == 10


def test_no_value_that_crosses_a_border_holds_tracks_of_two_cameras() -> None:
    """Whatever names a track (or a box of one) names one camera at most, never a list of them."""
    seen = 0
    for module in EDGES:
        for kind in kinds_in(module):
            fields = fields_of(kind)
            if not {"track", "tracks", "boxes", "box_unit"} & set(fields):
                continue
            seen += 1
            cameras = [name for name, hint in fields.items() if "CameraId" in hint]
            assert len(cameras) <= 1, f"{kind.__name__}: {cameras}"
            assert "cameras" not in fields, kind.__name__
    assert seen >= 6


def test_no_reply_of_the_api_holds_tracks_of_two_cameras() -> None:
    for name, one in api_schema()["components"]["schemas"].items():
        fields = set(one.get("properties", {}))
        if {"track", "tracks", "boxes", "box_unit"} & fields:
            assert "cameras" not in fields, name


def test_an_open_dictionary_crosses_no_border() -> None:
    """A `dict[str, Any]` would be a place for anything.

    LeafRead is what anybody reads back out of the public ledger, whatever wrote it.
    """
    guilty = [
        f"{kind.__name__}.{name}"
        for module in EDGES
        for kind in kinds_in(module)
        for name, hint in fields_of(kind).items()
        if kind is not leaves.LeafRead and re.search(r"dict\[|Mapping\[|\bAny\b|object\b", hint)
    ]
    assert guilty == []


@pytest.mark.parametrize(
    "name", ["face_id", "plate_text", "embedding", "owner", "appearance", "watchlist", "gender"]
)
def test_the_rule_would_see_such_a_field(name: str) -> None:
    assert FORBIDDEN.search(name)
