from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairview.core.errors import NotFound
from fairview.core.ids import CameraId
from fairview.core.time import US_PER_SECOND, Span
from fairview.run.looks_at_node import NodeLooks
from fairview.run.owner.office import ExportWish
from fairview.run.owner.stills import SnapshotWish, snapshot
from tests.access.footage import walk
from tests.access.site import NAME, Site
from tests.builders import NOON

SPAN = Span(start=NOON, end=NOON.plus(2 * US_PER_SECOND))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.add()
    made.record(NAME, walk(60).fragments)
    yield made
    made.gate.close()


@pytest.fixture
def looks(site: Site) -> NodeLooks:
    return NodeLooks(site.gate, site.gate.local_session().token, site.clock)


def test_an_export_through_the_node_has_its_look_and_line_in_the_ledger(
    site: Site, looks: NodeLooks, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    before = len(site.kinds())
    wish = ExportWish(camera=NAME, span=SPAN, rendition="raw", out=out)
    made = looks.export(wish, lambda done, text: None)
    assert out.stat().st_size == made.size_bytes > 0
    new = site.kinds()[before:]
    assert "look.opened" in new
    assert "export.made" in new


def test_a_snapshot_through_the_node_is_a_jpeg(
    site: Site, looks: NodeLooks, tmp_path: Path
) -> None:
    wish = SnapshotWish(
        camera=NAME, at=NOON.plus(US_PER_SECOND), rendition="raw", out=tmp_path / "one.jpg"
    )
    taken = snapshot(looks, wish)
    assert taken.out.read_bytes().startswith(b"\xff\xd8")


def test_what_there_is_is_told_by_the_timeline(site: Site, looks: NodeLooks) -> None:
    there = looks.footage(NAME)
    (segment,) = site.catalogue.segments(NAME)
    assert abs(there.start.since(segment.span.start)) < US_PER_SECOND
    assert abs(there.end.since(segment.span.end)) < US_PER_SECOND


def test_nothing_is_looked_at_where_nothing_is(
    site: Site, looks: NodeLooks, tmp_path: Path
) -> None:
    before = site.kinds()
    empty = Span(start=NOON.plus(-90 * US_PER_SECOND), end=NOON.plus(-60 * US_PER_SECOND))
    wish = ExportWish(camera=NAME, span=empty, rendition="covered", out=tmp_path / "no.mp4")
    with pytest.raises(NotFound, match="what there is lies between"):
        looks.export(wish, lambda done, text: None)
    with pytest.raises(NotFound, match="known"):
        looks.footage(CameraId("nowhere"))
    assert site.kinds() == before
