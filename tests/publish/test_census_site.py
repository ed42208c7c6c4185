from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import xml.etree.ElementTree as ET  # our own output
from dataclasses import replace
from pathlib import Path

import pytest

from fairview.core.errors import BadInput, Conflict, Corrupt
from fairview.publish.census.extras import optional
from fairview.publish.census.flags import flags
from fairview.publish.census.reading import Ranking, read_ranking
from fairview.publish.census.site.page import slug
from tests.publish.sites import BASE, Links, clock_at, own_site, published, surveyed_folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    return own_site(folder / "out", surveyed_folder(folder))


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_every_link_leads_somewhere(site: Path) -> None:
    anchors = {path: set(Links(path.read_text()).ids) for path in pages(site)}
    wrong = []
    for path in pages(site):
        for target in Links(path.read_text()).targets:
            if re.match(r"(mailto:|https?:)", target):
                continue
            name, _, anchor = target.partition("#")
            place = (path.parent / name).resolve() if name else path
            if not place.is_file() or (anchor and anchor not in anchors.get(place, set())):
                wrong.append(f"{path.name}: {target}")
    assert not wrong


def test_every_page_is_reached_from_the_front_page(site: Path) -> None:
    reached = {site / "index.html"}
    rest = list(reached)
    while rest:
        path = rest.pop()
        for target in Links(path.read_text()).targets:
            place = (path.parent / target.partition("#")[0]).resolve()
            if place.suffix == ".html" and place.is_file() and place not in reached:
                reached.add(place)
                rest.append(place)
    assert reached == {path.resolve() for path in pages(site)}


def test_pages_need_no_script_and_nothing_from_elsewhere(site: Path) -> None:
    for path in pages(site):
        links = Links(path.read_text())
        assert links.scripts == 0, path
        assert not [target for target in links.targets if target.startswith("http")], path
        assert " style=" not in path.read_text(), path


def test_ids_are_unique_on_a_page(site: Path) -> None:
    for path in pages(site):
        ids = Links(path.read_text()).ids
        assert len(ids) == len(set(ids)), path


def test_every_claim_is_traceable_to_its_row_and_file(site: Path) -> None:
    for claim in json.loads((site / "data/claims.json").read_text()):
        text = (site / "claims" / f"{claim['claim_id']}.html").read_text()
        assert claim["source_sha256"] in text
        (link,) = re.findall(r'href="\.\./(data/sources/[^"]+)"', text)
        data = (site / link).read_bytes()
        assert hashlib.sha256(data).hexdigest() == claim["source_sha256"]
        row = list(csv.DictReader(io.StringIO(data.decode())))[claim["source_row"] - 1]
        assert row["claim_id"] == claim["claim_id"]
        assert f"{claim['source_row']} (after the header)" in text


def test_what_is_wrong_stands_on_the_claims_page(site: Path) -> None:
    text = (site / "claims/36.html").read_text()
    assert "<strong>36.96 per 1,000 people</strong>, not as printed" in text
    assert "The printed ratio does not follow" in text
    assert "a forecast is in no ranking" in (site / "claims/17.html").read_text()


def test_names_from_sources_cannot_become_markup(tmp_path: Path) -> None:
    clock = clock_at()
    ranking = read_ranking(None, clock)
    evil = '<script>alert(1)</script>"&'
    claims = tuple(
        replace(claim, place=evil, publisher=evil, note=evil, reported_in=evil)
        if claim.id in ("1", "21")
        else claim
        for claim in ranking.claims
    )
    spoiled = Ranking(
        census=ranking.census, claims=claims, flags=flags(claims), lists=ranking.lists
    )
    published(spoiled, tmp_path / "out", clock)
    for path in pages(tmp_path / "out"):
        assert Links(path.read_text()).scripts == 0


def test_names_in_other_letters_get_addresses_of_their_own() -> None:
    names = ["Köln", "Koln", "東京", "京都", "A B", "A-B!", "", "..", "a/b"]
    slugs = [slug(name) for name in names]
    assert all(re.fullmatch(r"[a-z0-9-]+", one) for one in slugs)
    assert len(set(slugs[:4])) == 4
    assert slugs[4] != slugs[5]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = own_site(tmp_path / "one"), own_site(tmp_path / "two")
    names = [path.relative_to(one) for path in sorted(one.rglob("*")) if path.is_file()]
    assert len(names) > 100
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_the_feed_is_rss_and_grows_with_the_changes(tmp_path: Path) -> None:
    out = own_site(tmp_path / "out")
    clock = clock_at("2026-06-01T12:00:00Z")
    ranking = read_ranking(None, clock)
    published(ranking, out, clock)
    assert len(items(out)) == 1, "nothing changed, so nothing is told"
    claims = tuple(
        replace(claim, note="withdrawn") if claim.id == "58" else claim
        for claim in ranking.claims
        if claim.id != "36"
    )
    changed = Ranking(
        census=ranking.census, claims=claims, flags=flags(claims), lists=ranking.lists
    )
    made = published(changed, out, clock)
    assert made.removed == 1
    assert not (out / "claims/36.html").exists()
    newest = items(out)[0]
    assert newest.findtext("link", "").startswith(f"{BASE}changes.html#t2026")
    told = newest.findtext("description", "")
    assert "Claim 58 (London 2022, Clarion Security) changed: note was empty, is withdrawn" in told
    assert "Claim 36 taken away" in told
    assert "No longer found: Shanghai (Comparitech 2020)" in told
    assert "Claim 58" in (out / "changes.html").read_text()


def items(out: Path) -> list[ET.Element]:
    channel = ET.fromstring((out / "feed.xml").read_bytes()).find("channel")  # noqa: S314  # ours
    assert channel is not None
    return channel.findall("item")


def test_a_folder_that_is_no_publication_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(Conflict, match="no publication"):
        own_site(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_manifest_that_names_files_outside_is_refused(tmp_path: Path) -> None:
    out = own_site(tmp_path / "out")
    (tmp_path / "other.txt").write_text("mine")
    (out / "manifest.json").write_text('{"files": ["../other.txt"]}')
    with pytest.raises(Corrupt, match="outside"):
        own_site(out)
    assert (tmp_path / "other.txt").exists()


def test_nothing_is_not_published(tmp_path: Path) -> None:
    clock = clock_at()
    empty = Ranking(census=read_ranking(None, clock).census, claims=(), flags=(), lists=())
    with pytest.raises(BadInput, match="nothing to publish"):
        published(empty, tmp_path / "out", clock)


def test_open_data_are_what_their_names_say(site: Path) -> None:
    parquet, shapely = optional("pyarrow.parquet"), optional("shapely")
    for name in ("claims", "lists", "flags"):
        rows = json.loads((site / f"data/{name}.json").read_text())
        assert parquet.read_table(site / f"data/{name}.parquet").num_rows == len(rows) > 0
        text = (site / f"data/{name}.csv").read_text()
        assert len(list(csv.DictReader(io.StringIO(text, newline="")))) == len(rows)
    for name, count in (("places", 22), ("surveyed", 100)):
        text = (site / f"data/{name}.geojson").read_text()
        assert len(shapely.from_geojson(text).geoms) == count


def test_operators_of_surveyed_cameras_are_not_published(site: Path) -> None:
    for path in (site / "data").rglob("*"):
        if path.suffix in (".json", ".geojson", ".csv") and "sources" not in path.parts:
            assert "operator" not in path.read_text(), path


@pytest.mark.slow
def test_open_data_open_in_geopandas_and_duckdb(site: Path) -> None:
    """Both are 290 MB installed, so they are a set of their own: requirements/opendata.txt."""
    why = "pip install --require-hashes -r requirements/opendata.txt"
    geopandas = pytest.importorskip("geopandas", reason=why)
    duckdb = pytest.importorskip("duckdb", reason=why)
    places = geopandas.read_file(site / "data/places.geojson")
    surveyed = geopandas.read_file(site / "data/surveyed.geojson")
    assert (len(places), len(surveyed)) == (22, 100)
    assert places.crs == surveyed.crs == "EPSG:4326"
    area = surveyed.to_crs("EPSG:6933").area / 1e6
    assert (abs(area / surveyed["area_km2"] - 1) < 1e-3).all()
    data, connection = site / "data", duckdb.connect()
    for suffix in ("csv", "json", "parquet"):
        query = f"SELECT count(*) FROM '{data / 'claims'}.{suffix}' WHERE place = 'London'"  # noqa: S608  # our own path
        assert connection.execute(query).fetchall() == [(6,)]
        query = f"SELECT max(value) FROM '{data / 'lists'}.{suffix}' WHERE per = 'number'"  # noqa: S608  # as above
        assert connection.execute(query).fetchall() == [(349_000_000,)]
