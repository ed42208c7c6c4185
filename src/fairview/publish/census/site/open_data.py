"""The open data files of a publication, as bytes by path."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from fairview.publish.census.extras import optional
from fairview.publish.census.folder import SourceKind
from fairview.publish.census.outputs import (
    as_csv,
    as_json,
    as_parquet,
    claim_row,
    flag_rows,
    list_rows,
)
from fairview.publish.census.read_claims import own_text
from fairview.publish.census.reading import OWN_CLAIMS, Ranking
from fairview.publish.census.site.changes import Change, changes_as
from fairview.publish.census.site.claim_pages import source_path
from fairview.publish.census.site.maps import own_places


def open_data(ranking: Ranking, changes: Sequence[Change]) -> dict[str, bytes]:
    """Every data file. A kind without rows is left out."""
    files: dict[str, bytes] = {}
    for name, rows in (
        ("claims", [claim_row(claim) for claim in ranking.claims]),
        ("lists", list_rows(ranking.lists, ranking.flags)),
        ("flags", flag_rows(ranking.flags)),
    ):
        files[f"data/{name}.json"] = as_json(rows)
        if rows:
            files[f"data/{name}.csv"] = as_csv(rows)
            files[f"data/{name}.parquet"] = as_parquet(rows)
    files["data/places.geojson"] = _places(ranking)
    if ranking.census.boundaries:
        files["data/surveyed.geojson"] = _surveyed(ranking)
    files["data/sources.json"] = as_json(
        [
            {
                **asdict(source.provenance),
                "imported_at": source.provenance.imported_at.iso(),
                "name": source.name,
            }
            for source in ranking.census.sources
        ]
    )
    files["data/changes.json"] = as_json(changes_as(changes))
    files.update(_claim_files(ranking))
    return dict(sorted(files.items()))


def claim_files(ranking: Ranking) -> list[tuple[str, str]]:
    """Published path and SHA-256 of the files that the claims stand in."""
    found = {source_path(claim): claim.source.sha256 for claim in ranking.claims}
    return list(found.items())


def _claim_files(ranking: Ranking) -> dict[str, bytes]:
    """The files of claims, byte for byte, so that a digest can be checked and a row looked up."""
    kept = {
        source.provenance.sha256: (source.folder / "data.csv")
        for source in ranking.census.sources
        if source.kind is SourceKind.CLAIMS
    }
    files = {}
    for claim in ranking.claims:
        path = source_path(claim)
        if path not in files:
            own = claim.source.sha256 not in kept
            assert not own or claim.source.file == OWN_CLAIMS
            files[path] = (
                own_text(OWN_CLAIMS).encode() if own else kept[claim.source.sha256].read_bytes()
            )
    return files


def _places(ranking: Ranking) -> bytes:
    flagged = {name for flag in ranking.flags for name in flag.claims}
    claims = Counter((claim.country, claim.place) for claim in ranking.claims)
    wrong = Counter((claim.country, claim.place) for claim in ranking.claims if claim.id in flagged)
    features = [
        _feature(
            {"type": "Point", "coordinates": [lon, lat]},
            {
                "place": place[1],
                "country": place[0],
                "claims": claims[place],
                "claims_flagged": wrong[place],
            },
        )
        for place, (lon, lat) in own_places().items()
        if claims[place]
    ]
    return _collection(features)


def _surveyed(ranking: Ranking) -> bytes:
    shapely = optional("shapely")
    names = {source.name for source in ranking.census.sources}
    entries: dict[tuple[str, str, str], dict[str, Any]] = {}
    for made in ranking.lists:
        for entry in made.entries:
            if entry.claims and entry.claims[0] not in names:
                continue
            place = (made.key.place_kind.value, entry.country, entry.place)
            figures = entries.setdefault(place, {})
            figures[f"{made.key.basis}: {made.key.per.value}"] = round(entry.estimate.value, 6)
            figures[f"{made.key.basis}: {made.key.per.value}, low"] = round(entry.estimate.low, 6)
            high = entry.estimate.high
            figures[f"{made.key.basis}: {made.key.per.value}, high"] = (
                None if high is None else round(high, 6)
            )
    features = []
    for one in ranking.census.boundaries:
        place = (one.place_kind.value, one.country, one.place)
        shown = {
            "place": one.place,
            "country": one.country,
            "place_kind": one.place_kind.value,
            "area_km2": round(one.area_km2, 4),
            **entries.get(place, {}),
        }
        features.append(_feature(json.loads(shapely.to_geojson(one.shape)), shown))
    return _collection(features)


def _feature(geometry: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _collection(features: list[dict[str, Any]]) -> bytes:
    return as_json({"type": "FeatureCollection", "features": features})
