"""Made-up census files: a map extract, boundaries, populations and a long register."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import osmium
from osmium.osm.mutable import Node

GRID = 10
CELL = 0.1
WEST, SOUTH = 10.0, 50.0
MAPPING = """
title = "A made-up register"
licence = "CC0"
as_of = "2026-01-01"
counted = "made-up cameras"
shape = "csv"

[fields]
ref = "id"
lon = "x"
lat = "y"
zone = "area"
mount = "mount"
"""


def boundaries(path: Path) -> None:
    """A hundred square cities side by side."""
    features = []
    for at in range(GRID * GRID):
        west, south = WEST + at % GRID * CELL, SOUTH + at // GRID * CELL
        ring = [
            [west, south],
            [west + CELL, south],
            [west + CELL, south + CELL],
            [west, south + CELL],
            [west, south],
        ]
        features.append(
            {
                "type": "Feature",
                "properties": {"name": city(at), "country": "AA"},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
        )
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def populations(path: Path) -> None:
    lines = ["place,place_kind,country,year,people,boundary,area_km2,road_km,source"]
    for at in range(GRID * GRID):
        lines.append(f"{city(at)},city,AA,2026,{50_000 + 1_000 * at},square,,{400 + at},made up")
    path.write_text("\n".join(lines) + "\n")


def city(at: int) -> str:
    return f"City {at:02d}"


def places(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points in the squares, more in the later ones."""
    generator = np.random.default_rng(seed)
    weights = np.arange(1, GRID * GRID + 1) / np.arange(1, GRID * GRID + 1).sum()
    at = generator.choice(GRID * GRID, count, p=weights)
    lon = WEST + at % GRID * CELL + generator.uniform(0.001, CELL - 0.001, count)
    lat = SOUTH + at // GRID * CELL + generator.uniform(0.001, CELL - 0.001, count)
    return lon, lat


def extract(path: Path, cameras: int, *, others: int = 0, bad: int = 0, seed: int = 1) -> None:
    """An OpenStreetMap extract: cameras, other nodes, and cameras of an unknown type."""
    lon, lat = places(cameras + bad, seed)
    header = osmium.io.Header()
    header.set("osmosis_replication_timestamp", "2026-01-01T00:00:00Z")
    with osmium.SimpleWriter(str(path), header=header, overwrite=True) as writer:
        for at in range(others):
            writer.add_node(
                Node(
                    id=at + 1, location=(WEST + at % 97 / 100, SOUTH), tags={"highway": "crossing"}
                )
            )
        for at in range(cameras + bad):
            tags = {
                "man_made": "surveillance",
                "surveillance": ("public", "outdoor", "indoor")[at % 3],
                "surveillance:type": "camera" if at < cameras else "periscope",
                "surveillance:zone": "traffic",
                "camera:type": ("fixed", "dome", "panning")[at % 3],
                "camera:direction": str(at % 360),
            }
            location = (float(lon[at]), float(lat[at]))
            writer.add_node(Node(id=others + at + 1, location=location, tags=tags))


def register(path: Path, rows: int, *, bad_every: int = 1_000, seed: int = 2) -> None:
    """A long CSV register; every bad_every-th row has no coordinates."""
    lon, lat = places(rows, seed)
    with path.open("w") as file:
        file.write("id,x,y,area,mount\n")
        for at in range(rows):
            x = "" if at % bad_every == 0 else f"{lon[at]:.6f}"
            file.write(f"c{at},{x},{lat[at]:.6f},town,dome\n")


def register_features(path: Path, rows: int, seed: int = 2) -> None:
    """The same as one GeoJSON feature collection."""
    lon, lat = places(rows, seed)
    with path.open("w") as file:
        file.write('{"type": "FeatureCollection", "features": [\n')
        for at in range(rows):
            comma = "," if at else ""
            file.write(
                f'{comma}{{"type": "Feature", "properties": {{"id": "c{at}", "area": "town", '
                f'"mount": "dome"}}, "geometry": {{"type": "Point", "coordinates": '
                f"[{lon[at]:.6f}, {lat[at]:.6f}]}}}}\n"
            )
        file.write("]}\n")
