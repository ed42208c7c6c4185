from __future__ import annotations

from pathlib import Path

import pytest

from fairview.core.errors import NotAllowed
from fairview.core.limits import EVENTS_MAX
from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_SECOND
from fairview.run.owner.time_words import time_words
from tests.access.site import Site


def test_time_is_shown_with_how_long_a_clock_ahead_kept_steady(tmp_path: Path) -> None:
    site = Site(tmp_path)
    view = site.gate.time(site.mara.token)
    assert (view.wall, view.sure, view.steady_us) == (site.clock.now(), site.clock.now(), None)
    assert "they agree" in time_words(view)
    site.clock.step(3 * US_PER_HOUR)
    site.gate.time(site.mara.token)
    site.clock.advance(2 * US_PER_HOUR)
    view = site.gate.time(site.mara.token)
    assert view.wall.since(view.sure) == 3 * US_PER_HOUR
    assert view.steady_us == 2 * US_PER_HOUR
    assert "3.0 h ahead" in time_words(view)
    site.clock.step(-4 * US_PER_HOUR)
    assert "3600 s behind" in time_words(site.gate.time(site.mara.token))


def test_a_confirmation_is_a_line_in_the_ledger_and_viewing_goes_on(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.gate.time(site.mara.token)
    site.clock.step(400 * US_PER_DAY)
    session = site.session().token
    assert site.gate.time(session).paused_because
    site.clock.advance(US_PER_DAY + US_PER_SECOND)
    session = site.session().token
    assert site.gate.time(session).viewing_stopped
    view = site.gate.time_confirm(session)
    assert (view.paused_because, view.viewing_stopped) == ("", "")
    assert view.sure == site.clock.now()
    leaf = site.leaves()[-1]
    assert leaf.kind == "time.confirmed"
    assert leaf.texts["confirmed"] == site.clock.now().iso()
    (line,) = site.gate.ledger_tail(1).lines
    assert "confirmed" in line.text
    assert "mara" not in line.text


def test_keys_for_the_confirmed_hour_are_there_at_once(tmp_path: Path) -> None:
    site = Site(tmp_path)
    camera = site.add()
    site.clock.step(30 * US_PER_DAY)
    session = site.session().token
    site.gate.time(session)
    hours = {one.hour for one in site.gate._parts.desk._parts.keys.pairs(camera.id)}
    assert site.clock.now().hour() not in hours
    site.gate.time_confirm(session)
    hours = {one.hour for one in site.gate._parts.desk._parts.keys.pairs(camera.id)}
    assert site.clock.now().hour() in hours


@pytest.mark.parametrize("role", ["operator", "auditor"])
def test_only_an_administrator_confirms(tmp_path: Path, role: str) -> None:
    site = Site(tmp_path)
    session = site.actor("ben", role)
    site.gate.time(session)
    before = site.ledger.size
    with pytest.raises(NotAllowed):
        site.gate.time_confirm(session)
    assert site.ledger.size == before
    assert len(site.gate.events(site.mara.token, EVENTS_MAX)) == 0
