"""Addresses: logins are parted off, hosts are checked where they really lead."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.camera import Login, Secret, Source
from fairview.core.errors import BadInput, NotAllowed, NotFound
from fairview.ingest.address import (
    AddressRules,
    check_number,
    endpoint,
    entered,
    place_of,
    shown,
    snapshot_fps,
    with_login,
)

RULES = AddressRules()
words = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters=":"),
    min_size=4,
    max_size=12,
)


@pytest.mark.parametrize(
    "number",
    [
        "127.0.0.1", "127.8.8.8", "::1", "0.0.0.0",  # noqa: S104  # refused here
        "0.1.2.3", "::", "169.254.169.254",
        "169.254.1.1", "fe80::1", "fe80::1%eth0", "224.0.0.1", "239.1.2.3", "ff02::1",
        "255.255.255.255", "240.0.0.1", "::ffff:10.0.0.1", "::ffff:127.0.0.1",
        "::ffff:169.254.169.254", "::10.0.0.1", "2002:7f00:1::", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1", "fec0::1", "fd00:ec2::254", "100.100.100.200", "168.63.129.16",
    ],
)  # fmt: skip
def test_numbers_that_lead_inside_a_machine_or_cloud_are_refused(number: str) -> None:
    with pytest.raises(NotAllowed):
        check_number(number, RULES)


@pytest.mark.parametrize(
    "number", ["10.0.0.9", "192.168.1.64", "172.16.0.1", "8.8.8.8", "fd12::5", "2001:4860::8"]
)
def test_private_and_public_cameras_are_allowed(number: str) -> None:
    check_number(number, RULES)


@pytest.mark.parametrize("number", ["127.0.0.1", "::1"])
def test_loopback_is_allowed_only_when_set(number: str) -> None:
    check_number(number, AddressRules(allow_loopback=True))
    with pytest.raises(NotAllowed, match="this machine itself"):
        check_number(number, RULES)


@given(st.ip_addresses())
def test_no_allowed_number_is_special(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    try:
        check_number(str(address), RULES)
    except NotAllowed:
        return
    assert not any(
        (
            address.is_loopback,
            address.is_link_local,
            address.is_multicast,
            address.is_unspecified,
            address.is_reserved,
        )
    )


@given(st.ip_addresses(v=4))
def test_no_ipv4_number_passes_in_ipv6_clothes(address: ipaddress.IPv4Address) -> None:
    for text in (f"::ffff:{address}", f"64:ff9b::{address}", f"::{address}"):
        if text in ("::0.0.0.1", "::0.0.0.0"):
            continue
        with pytest.raises(NotAllowed):
            check_number(text, AddressRules(allow_loopback=True))


def test_every_address_behind_a_name_is_checked() -> None:
    mixed = ["8.8.8.8", "169.254.169.254"]
    with pytest.raises(NotAllowed):
        endpoint("rtsp://camera.example/live", RULES, lambda host, port: mixed)


def test_connection_goes_to_the_number_that_was_checked() -> None:
    answers = iter([["10.0.0.5"], ["127.0.0.1"]])
    place = endpoint("rtsp://camera.example:8554/live?x=1", RULES, lambda host, port: next(answers))
    assert with_login(place, None) == "rtsp://10.0.0.5:8554/live?x=1"


def test_ipv6_numbers_are_bracketed() -> None:
    place = endpoint("rtsp://[fd12::5]/live", RULES, lambda host, port: ["fd12::5"])
    assert with_login(place, None) == "rtsp://[fd12::5]:554/live"


def test_name_without_an_address_says_what_to_do() -> None:
    with pytest.raises(NotFound, match="check the camera's name"):
        endpoint("rtsp://camera.invalid/live", RULES, lambda host, port: [])


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1"])
def test_odd_spellings_of_loopback_are_refused_too(host: str) -> None:
    with pytest.raises((NotAllowed, NotFound)):
        endpoint(f"rtsp://{host}/live", RULES)


@given(words, words)
def test_login_is_parted_off_and_never_stored_or_shown(name: str, word: str) -> None:
    password = f"!{word}"
    place = endpoint("rtsp://cam.example/live", RULES, lambda host, port: ["10.0.0.5"])
    try:
        url = with_login(place, Login(name=name, password=Secret(password)))
    except BadInput:
        return  # longer than RTSP carries
    parted = entered(url)
    assert parted.address == "rtsp://10.0.0.5:554/live"
    assert parted.login == Login(name=name, password=Secret(password))
    assert password not in repr(parted).replace(repr(name), "")
    assert shown(url) == "rtsp://••••@10.0.0.5:554/live"
    Source(stream="main", kind=parted.kind, address=parted.address)


@given(words)
def test_password_with_bare_signs_is_refused_or_parted_but_never_left_in(password: str) -> None:
    text = f"rtsp://admin:{password}@10.0.0.5/live"
    try:
        parted = entered(text)
    except BadInput as error:
        told = str(error)
        parts_kept = [part for part in password.split("@") if len(part) > 5]
        assert not any(part in told for part in parts_kept)
        return
    assert parted.address == "rtsp://10.0.0.5/live"


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://10.0.0.5/cam?user=admin&password=hunter2x",
        "rtsp://10.0.0.5/user=admin_password=hunter2x_channel=1.sdp",
        "rtsp://10.0.0.5/live?pwd=hunter2x",
    ],
)
def test_password_in_path_or_query_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        entered(text)
    assert "hunter2x" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "", "rtspu://10.0.0.5/live", "http:///x", "udp://239.1.2.3:5004",
        "rtp://10.0.0.5:5004",
        "/dev/mem", "/dev/video0/../mem", "http://10.0.0.5/a.jpg#fps=0.1", "http://10.0.0.5/#fps=11",
        "http://10.0.0.5/a.jpg#x", "rtsp://10.0.0.5/a#fps=1",
        "https://10.0.0.5:0/x", "rtsp:///live", "rtsp://10.0.0.5:0/x",
        "rtsp://10.0.0.5:99999/x", "rtsp://10.0.0.5/a b", "concat:/etc/passwd", "file://host/x",
        "rtsp://[fe80::1%25eth0]/x", "gopher://x", "rtsp://10.0.0.5/\r\nX: y",
    ],
)  # fmt: skip
def test_addresses_we_do_not_read_are_refused(text: str) -> None:
    with pytest.raises(BadInput):
        entered(text)


@pytest.mark.parametrize(
    ("text", "kind", "address", "port", "is_tls"),
    [
        ("rtsps://10.0.0.5/live", "rtsp", "rtsps://10.0.0.5/live", 322, True),
        ("http://10.0.0.5", "http", "http://10.0.0.5", 80, False),
        ("https://10.0.0.5/a?b=1", "http", "https://10.0.0.5/a?b=1", 443, True),
        ("HTTP://10.0.0.5:8080/a#fps=2", "http", "http://10.0.0.5:8080/a#fps=2", 8080, False),
    ],
)
def test_each_scheme_has_its_port_and_its_kind(
    text: str, kind: str, address: str, port: int, is_tls: bool
) -> None:
    parted = entered(text)
    assert (parted.kind, parted.address) == (kind, address)
    place = endpoint(address, RULES)
    assert (place.port, place.is_tls) == (port, is_tls)
    assert "#" not in place.path


def test_http_login_is_parted_off_and_the_path_is_never_empty() -> None:
    parted = entered("https://admin:p%40ss@camera.example?x=1")
    assert parted.address == "https://camera.example?x=1"
    assert parted.login == Login(name="admin", password=Secret("p@ss"))
    place = endpoint(parted.address, RULES, lambda host, port: ["10.0.0.5"])
    assert place.path == "/?x=1"
    assert place.named_authority == "camera.example"


def test_usb_cameras_are_named_by_their_device() -> None:
    assert entered("/dev/video2").kind == "usb"
    assert entered("/dev/v4l/by-id/usb-046d_HD_C920-video-index0").kind == "usb"


def test_bare_streams_are_refused_with_a_hint() -> None:
    with pytest.raises(BadInput, match="give the camera's own address"):
        entered("udp://10.0.0.5:5004")


def test_two_spellings_of_one_address_are_one_place() -> None:
    assert place_of("http://CAM.example:80/a/") == place_of("http://cam.example/a#fps=2")
    assert place_of("rtsps://cam.example/a") == place_of("rtsps://cam.example:322/a")


def test_a_rate_of_pictures_is_said_after_the_address() -> None:
    assert snapshot_fps("http://10.0.0.5/a.jpg#fps=2.5") == 2.5
    assert snapshot_fps("http://10.0.0.5/a.jpg") is None


def test_files_become_absolute_paths_and_sim_stays() -> None:
    assert entered("/videos/street.mp4").address == "/videos/street.mp4"
    assert entered("file:///videos/two%20words.mp4").address == "/videos/two words.mp4"
    assert entered("street.mp4").address.startswith("/")
    assert entered("sim:junction?seed=7").kind == "sim"


def test_login_that_rtsp_cannot_carry_is_refused() -> None:
    place = endpoint("rtsp://cam.example/live", RULES, lambda host, port: ["10.0.0.5"])
    with pytest.raises(BadInput, match="colon"):
        with_login(place, Login(name="a:b", password=Secret("x")))
    with pytest.raises(BadInput, match="too long"):
        with_login(place, Login(name="admin", password=Secret("ü" * 60)))
