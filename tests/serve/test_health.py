from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fairview.core.errors import Unavailable
from fairview.core.ids import CameraId
from fairview.serve.node_meters import METERS, node_figures
from tests.builders import NOON
from tests.serve.pretend_door import PretendDoor
from tests.serve.pretend_health import pretend_health
from tests.serve.pretend_told import TOKEN
from tests.serve.talk import Talk

pytestmark = pytest.mark.anyio


def limit_to(door: PretendDoor, *cameras: str) -> None:
    """Whoever is signed in knows these cameras only."""
    for token, actor in door.sessions.items():
        names = frozenset(CameraId(one) for one in cameras)
        door.sessions[token] = replace(actor, cameras=names)


async def test_health_says_what_is_wrong_first_and_how_bad_it_is(ada: Talk) -> None:
    found = (await ada.http.get("/api/v1/health")).json()
    assert found["state"] == "severe"
    going = [one for one in found["conditions"] if one["until"] is None]
    assert [one["kind"] for one in going] == [
        "camera_clock_off",
        "disk_filling",
        "camera_away",
        "analysis_overloaded",
    ]
    assert all(one["do"] for one in going)
    assert found["disks"][0]["full_in_h"] == 31
    assert [one["camera"] for one in found["cameras"]] == ["junction-1", "depot-2", "harbour-3"]


async def test_a_camera_that_is_not_mine_to_know_is_not_in_it(ada: Talk) -> None:
    limit_to(ada.door, "junction-1")
    answer = await ada.http.get("/api/v1/health")
    assert "harbour" not in answer.text
    assert "depot" not in answer.text
    found = answer.json()
    assert [one["kind"] for one in found["conditions"]] == ["analysis_overloaded"]
    assert found["processes"] == []
    assert (await ada.http.get("/api/v1/health/cameras/junction-1")).status_code == 200
    foreign = await ada.http.get("/api/v1/health/cameras/harbour-3")
    missing = await ada.http.get("/api/v1/health/cameras/never-was")
    assert (foreign.status_code, foreign.json()) == (404, missing.json())
    assert "harbour" not in (await ada.http.get("/api/v1/health/conditions")).text
    assert "harbour" not in (await ada.http.get("/metrics")).text


async def test_nobody_who_is_not_signed_in_hears_of_health(talk: Talk) -> None:
    for path in ("/api/v1/health", "/api/v1/health/conditions", "/metrics"):
        assert (await talk.http.get(path)).status_code == 403, path


async def test_a_monitor_elsewhere_needs_the_token(talk: Talk) -> None:
    async def asked(token: str) -> httpx.Response:
        return await talk.http.get("/metrics", headers={"Authorization": f"Bearer {token}"})

    assert (await asked("wrong")).status_code == 403
    assert (await asked("")).status_code == 403
    answer = await asked(TOKEN)
    assert answer.status_code == 200
    assert 'fairview_camera_up{camera="harbour-3",stream="main"} 0.0' in answer.text


@pytest.mark.parametrize(
    "header", ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"]
)
async def test_who_comes_through_a_proxy_on_this_machine_is_not_this_machine(
    talk: Talk, header: str
) -> None:
    here = httpx.ASGITransport(app=talk.app, client=("127.0.0.1", 5))
    async with httpx.AsyncClient(transport=here, base_url=talk.http.base_url) as monitor:
        assert (await monitor.get("/metrics")).status_code == 200
        assert (await monitor.get("/metrics", headers={header: "192.0.2.9"})).status_code == 403


async def test_figures_go_on_without_the_nodes_while_nobody_judges(ada: Talk) -> None:
    ada.door.refuse["health"] = Unavailable("the health process is away")
    answer = await ada.http.get("/metrics")
    assert answer.status_code == 200
    assert "fairview_web_answers_total" in answer.text
    assert "fairview_camera_up{" not in answer.text
    assert (await ada.http.get("/api/v1/health")).status_code == 503


def test_every_figure_is_listed_and_every_listed_figure_comes() -> None:
    text = node_figures(pretend_health(NOON)).decode()
    families = {one.name: one for one in text_string_to_metric_families(text)}
    assert set(families) == {one.name for one in METERS}
    for meter in METERS:
        family = families[meter.name]
        assert family.documentation == meter.what
        for sample in family.samples:
            assert set(sample.labels) == set(meter.labels), meter.name


def test_no_figure_is_about_what_is_in_a_picture() -> None:
    """Counts of people, vehicles or events have no place in a monitor's hands."""
    words = ("person", "people", "vehicle", "count", "track", "face", "plate", "speed")
    for meter in METERS:
        assert not any(word in f"{meter.name} {' '.join(meter.labels)}" for word in words)
