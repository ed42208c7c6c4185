"""A published census for tests: the own claims, and a made-up survey of a hundred squares."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from bench import census_data

from fairview.core.time import Clock, ManualClock, instant
from fairview.publish.census.importing import ImportWish, import_file
from fairview.publish.census.reading import Ranking, read_ranking
from fairview.publish.census.site.page import SiteFacts
from fairview.publish.census.site.publication import Published, publish

BASE = "https://census.example/"
SAMPLES = """place,place_kind,country,counted,source,points,found,found_squared,recall_known,\
recall_found,year,covered_km,road_km
City 01,city,AA,visible cameras,Walkers,5000,300,340,200,126,2025,250,2500
City 02,city,AA,visible cameras,Walkers,5000,0,0,200,126,2025,250,1800
"""


def clock_at(text: str = "2026-05-01T12:00:00Z") -> ManualClock:
    return ManualClock(instant(text))


def surveyed_folder(folder: Path, cameras: int = 2_000) -> Path:
    """A census folder with boundaries, people, a map extract and searched streets."""
    census, clock = folder / "census", clock_at()
    outlines, people = folder / "cities.geojson", folder / "people.csv"
    extract, samples = folder / "map.osm.pbf", folder / "samples.csv"
    census_data.boundaries(outlines)
    census_data.populations(people)
    census_data.extract(extract, cameras, bad=2)
    samples.write_text(SAMPLES)
    for path in (outlines, people, extract, samples):
        import_file(census, ImportWish(path=path), clock)
    return census


def published(ranking: Ranking, out: Path, clock: Clock) -> Published:
    site = SiteFacts(base_url=BASE, contact="census@city.example", built_at=clock.now())
    return publish(ranking, out, site, clock)


def own_site(out: Path, census: Path | None = None) -> Path:
    clock = clock_at()
    published(read_ranking(census, clock), out, clock)
    return out


class Links(HTMLParser):
    """What a page links to, and the ids it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: list[str] = []
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.scripts += tag == "script" or any(name.startswith("on") for name in values)
        for name in ("href", "src"):
            if (target := values.get(name)) is not None:
                self.targets.append(target)
        if (identifier := values.get("id")) is not None:
            self.ids.append(identifier)
