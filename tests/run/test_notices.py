from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairview.config.settings import NoticeRule, Notifier, Settings, load_settings
from fairview.core.camera import Login, Secret
from fairview.core.errors import BadInput, NotAllowed, Unavailable
from fairview.core.health import Condition
from fairview.core.ids import CameraId
from fairview.core.limits_health import NOTICE_QUEUE_MAX, NOTICE_TRIES_MAX
from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, ManualClock
from fairview.events.notices import Notice, NoticeState
from fairview.run.health.notice_logins import (
    MAIL_LOGIN,
    check_rules,
    opened_logins,
    seal_notice_login,
    watch_plans,
)
from fairview.run.health.notice_queue import NoticeQueue, letters_of
from fairview.run.health.notice_sending import (
    SIGNATURE_HEADER,
    Letter,
    Sender,
    checked_address,
    refuse_address,
)
from fairview.run.notifier_process import logins_of, look
from fairview.store.layout import open_data_folder
from tests.builders import NOON
from tests.run.post_office import Hook, MailBox, mail_server, webhook

SECRET = "a webhook's secret"
RULE = NoticeRule(name="away", webhook="https://hooks.example/x", mail=("duty@city.example",))


@pytest.fixture
def hook(tmp_path: Path) -> Iterator[Hook]:
    (tmp_path / "hook").mkdir()
    with webhook(tmp_path / "hook") as found:
        yield found


@pytest.fixture
def box(tmp_path: Path) -> Iterator[MailBox]:
    (tmp_path / "box").mkdir()
    with mail_server(tmp_path / "box") as found:
        yield found


def letter(to: str, *, is_mail: bool = False) -> Letter:
    notice = Notice(rule="away", kind="test", at=NOON, lines=())
    return Letter(id="0" * 32, to=to, is_mail=is_mail, notice=notice)


def poster(hook: Hook, *local_hosts: str) -> Sender:
    settings = Notifier(local_hosts=local_hosts or ("localhost",), ca_file=hook.ca_file)
    return Sender(settings, {"webhook-away": Login(name="", password=Secret(SECRET))})


def mailer(box: MailBox, security: str = "starttls") -> Sender:
    settings = Notifier(
        smtp_host="localhost",
        smtp_port=box.port,
        smtp_security=security,
        smtp_from="fairview@city.example",
        ca_file=box.ca_file,
    )
    return Sender(settings, {MAIL_LOGIN: Login(name="node", password=Secret("post office"))})


def test_a_post_is_signed_over_its_time_and_its_body(hook: Hook) -> None:
    poster(hook).send(letter(hook.url), NOON)
    ((headers, body),) = hook.posts
    time, _, digest = headers[SIGNATURE_HEADER].partition(",v1=")
    wanted = hmac.new(SECRET.encode(), time[2:].encode() + b"." + body, hashlib.sha256)
    assert digest == wanted.hexdigest()
    assert int(time[2:]) == NOON.us // 1_000_000
    told = json.loads(body)
    assert (told["rule"], told["kind"], told["id"]) == ("away", "test", headers["Fairview-Notice"])


def test_a_post_goes_to_no_host_that_is_not_listed(hook: Hook) -> None:
    with pytest.raises(BadInput, match=r"not in notifier\.hosts"):
        poster(hook, "other.example").send(letter(hook.url), NOON)
    assert hook.posts == []


def test_a_public_host_that_points_at_this_machine_gets_nothing(hook: Hook) -> None:
    settings = Notifier(hosts=("localhost",), ca_file=hook.ca_file)
    sender = Sender(settings, {"webhook-away": Login(name="", password=Secret(SECRET))})
    with pytest.raises(NotAllowed, match="not public"):
        sender.send(letter(hook.url), NOON)
    assert hook.posts == []


@pytest.mark.parametrize(
    "place",
    ["169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0", "::", "::ffff:169.254.169.254"],  # noqa: S104  # refused
)
def test_no_listing_opens_a_metadata_or_multicast_address(place: str) -> None:
    with pytest.raises(NotAllowed):
        refuse_address("hooks.example", place, is_local=True)


@pytest.mark.parametrize("place", ["10.0.0.7", "192.168.1.1", "127.0.0.1", "::1", "fd00::1"])
def test_private_addresses_need_to_be_listed_for_them(place: str) -> None:
    refuse_address("hooks.example", place, is_local=True)
    with pytest.raises(NotAllowed, match="local_hosts"):
        refuse_address("hooks.example", place, is_local=False)
    refuse_address("hooks.example", "93.184.215.14", is_local=False)


def test_a_name_is_pinned_to_the_address_that_was_checked() -> None:
    assert checked_address("127.0.0.1", 443, is_local=True) == "127.0.0.1"


def test_redirects_are_not_followed(hook: Hook) -> None:
    hook.answers = [302]
    with pytest.raises(NotAllowed, match="302"):
        poster(hook).send(letter(hook.url), NOON)
    assert len(hook.posts) == 1


def test_a_certificate_of_nobody_is_refused_and_tried_again_later(hook: Hook) -> None:
    sender = Sender(
        Notifier(local_hosts=("localhost",)),
        {"webhook-away": Login(name="", password=Secret(SECRET))},
    )
    with pytest.raises(Unavailable, match="certificate"):
        sender.send(letter(hook.url), NOON)
    assert hook.posts == []


def test_a_post_without_a_secret_is_not_sent(hook: Hook) -> None:
    sender = Sender(Notifier(local_hosts=("localhost",), ca_file=hook.ca_file), {})
    with pytest.raises(BadInput, match="fairview notice secret away"):
        sender.send(letter(hook.url), NOON)


def test_a_mail_is_sent_encrypted_with_the_login(box: MailBox) -> None:
    mailer(box).send(letter("duty@city.example", is_mail=True), NOON)
    assert any(line.startswith("AUTH") for line in box.secret)
    assert not any("AUTH" in line or "MAIL" in line for line in box.clear)
    (mail,) = box.mails
    assert "To: duty@city.example" in mail
    assert "Auto-Submitted: auto-generated" in mail


def test_a_mail_server_that_offers_no_encryption_hears_nothing(tmp_path: Path) -> None:
    with mail_server(tmp_path, offers_tls=False) as box:
        with pytest.raises(Unavailable):
            mailer(box).send(letter("duty@city.example", is_mail=True), NOON)
        assert not any(word in line for line in box.clear for word in ("AUTH", "MAIL", "duty"))


@pytest.mark.parametrize(("refuses", "error"), [("AUTH", NotAllowed), ("MAIL", Unavailable)])
def test_what_a_mail_server_says_decides_whether_it_is_tried_again(
    box: MailBox, refuses: str, error: type[Exception]
) -> None:
    box.refuses = refuses
    with pytest.raises(error) as caught:
        mailer(box).send(letter("duty@city.example", is_mail=True), NOON)
    assert "post office" not in str(caught.value)
    assert "duty@" not in str(caught.value)


class Scripted(Sender):
    """Fails as often as it is told to."""

    def __init__(self, fails: int) -> None:
        self.fails = fails
        self.sent: list[Letter] = []

    def send(self, letter: Letter, now: object) -> None:
        if self.fails:
            self.fails -= 1
            raise Unavailable("the receiver is away")
        self.sent.append(letter)


def test_what_waits_survives_a_restart_and_is_sent_once(tmp_path: Path) -> None:
    path, clock = tmp_path / "notifier.json", ManualClock(NOON)
    queue = NoticeQueue(path, clock)
    queue.put(NoticeState(), (letter("https://hooks.example/x"),))
    queue.send(Scripted(fails=1))
    again = NoticeQueue(path, clock)
    assert again.waiting == (letter("https://hooks.example/x"),)
    receiver = Scripted(fails=0)
    again.send(receiver)
    again.send(receiver)
    assert len(receiver.sent) == 1
    assert NoticeQueue(path, clock).waiting == ()


def test_tries_grow_apart_and_end(tmp_path: Path) -> None:
    clock, receiver = ManualClock(NOON), Scripted(fails=10**6)
    queue = NoticeQueue(tmp_path / "notifier.json", clock)
    queue.put(NoticeState(), (letter("https://hooks.example/x"),))
    waited_us = 0
    while queue.waiting and waited_us < 24 * US_PER_HOUR:
        queue.send(receiver)
        clock.advance(US_PER_MINUTE)
        waited_us += US_PER_MINUTE
    assert receiver.fails == 10**6 - NOTICE_TRIES_MAX
    assert US_PER_HOUR < waited_us < 4 * US_PER_HOUR


def test_a_queue_that_is_full_drops_the_oldest(tmp_path: Path) -> None:
    queue = NoticeQueue(tmp_path / "notifier.json", ManualClock(NOON))
    many = tuple(letter(f"https://hooks.example/{n}") for n in range(NOTICE_QUEUE_MAX + 2))
    queue.put(NoticeState(), many)
    assert queue.waiting == many[2:]


def test_a_file_that_cant_be_read_is_no_end(tmp_path: Path) -> None:
    path = tmp_path / "notifier.json"
    path.write_bytes(b"{")
    queue = NoticeQueue(path, ManualClock(NOON))
    queue.put(NoticeState(), (letter("https://hooks.example/x"),))
    assert NoticeQueue(path, ManualClock(NOON)).waiting


def test_away_for_five_minutes_is_a_post_and_a_mail(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    queue = NoticeQueue(tmp_path / "notifier.json", clock)
    away = Condition(
        kind="camera_away",
        camera=CameraId("junction-1"),
        part="",
        since=NOON,
        until=None,
        because="no answer",
        severity="severe",
    )
    for _ in range(4):
        clock.advance(US_PER_MINUTE)
        look([RULE], [away], queue, clock)
        assert queue.waiting == ()
    clock.advance(2 * US_PER_MINUTE)
    look([RULE], [away], queue, clock)
    assert [(one.to, one.is_mail) for one in queue.waiting] == [
        ("https://hooks.example/x", False),
        ("duty@city.example", True),
    ]
    reopened = NoticeQueue(tmp_path / "notifier.json", clock)
    look([RULE], [away], reopened, clock)
    assert reopened.waiting == queue.waiting


def test_logins_are_sealed_and_only_opened_for_a_notifier(tmp_path: Path) -> None:
    folder = open_data_folder(tmp_path / "data", create=True)
    seal_notice_login(folder, MAIL_LOGIN, "node", Secret("needle-in-mail"))
    seal_notice_login(folder, "webhook-away", "", Secret("needle-in-hook"))
    for path in folder.root.rglob("*"):
        assert not path.is_file() or b"needle" not in path.read_bytes()
    opened = opened_logins(folder)
    assert logins_of(opened["logins"])["smtp"].password.reveal() == "needle-in-mail"  # type: ignore[arg-type]  # as orders carry it
    assert watch_plans(Settings(), folder) == {"health": {}}
    assert watch_plans(Settings(notices=(RULE,)), folder)["notifier"] == opened


def test_rules_that_could_never_tell_are_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="did you mean camera_away"):
        check_rules([NoticeRule(name="x", conditions=("camera_awey",), mail=("a@b",))])
    file = tmp_path / "fairview.toml"
    for text, says in (
        ('[[notices]]\nname = "x"\n', "go nowhere"),
        ('[[notices]]\nname = "x"\nmail = ["a@b.example"]\n', "smtp_host"),
        ('[[notices]]\nname = "x"\nwebhook = "https://h.example/"\n', "list it in notifier.hosts"),
        ('[[notices]]\nname = "x"\nafter = 5\n', "after_min"),
        ('[metrics]\ntoken_sha256 = "abc"\n', "64 hexadecimal"),
        ('[notifier]\nsmtp_host = "m.example"\nsmtp_security = "off"\n', "in the clear"),
    ):
        file.write_text(text)
        with pytest.raises(BadInput, match=says):
            load_settings(file, {})


def test_one_letter_goes_to_each_receiver() -> None:
    notice = Notice(rule="away", kind="began", at=NOON, lines=())
    assert len({one.id for one in letters_of(RULE, notice)}) == 2
