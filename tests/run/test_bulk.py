"""Cameras from a file: every fault told with its line, all or nothing, never a login in a word."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Lock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.access.door import CameraWish, KeepingWish, LoginChanged, LoginWish, ProbeFound
from fairview.cli.cameras_bulk import READERS
from fairview.config.settings import Settings
from fairview.core.camera import Camera, Login, Secret
from fairview.core.errors import BadInput, Conflict, FairviewError, NotFound, Unavailable
from fairview.core.ids import CameraId
from fairview.core.limits_care import CSV_BYTES_MAX, PROBES_TOGETHER_MAX
from fairview.core.time import US_PER_DAY
from fairview.run.care.bulk import (
    COLUMNS,
    Sheet,
    add_all,
    change_logins,
    exported,
    is_open_to_others,
    look,
    read_file,
    read_logins,
    read_sheet,
    template,
)
from fairview.run.owner.local import CameraKnown
from tests.builders import NOON, camera

WHOLE = "purpose,legal_basis,operator,contact,area"
WORDS = "p,l,o,c,a"
PASSWORD = "geheim-77"


def read(text: str, *known: Camera) -> Sheet:
    rows = [CameraKnown(camera=one, newest=None) for one in known]
    return read_sheet(text, Settings(data=Path("d")), NOON, rows, READERS)


def faults(text: str, *known: Camera) -> list[str]:
    return [one.in_words() for one in read(text, *known).faults]


def quiet(*_: object) -> None:
    """Nobody listens."""


def test_the_template_is_a_file_that_can_be_added() -> None:
    sheet = read(template())
    assert not sheet.faults
    (row,) = sheet.rows
    assert (row.line, row.wish.name, row.wish.title) == (2, "north-gate", "North gate")
    assert row.wish.login == Login(name="fairview", password=Secret(""))
    assert next(iter(csv.reader(io.StringIO(template())))) == list(COLUMNS)


def test_columns_come_in_any_order_and_with_semicolons_and_a_mark() -> None:
    text = (
        "\ufeffkeep;Address;camera;purpose;legal_basis;operator;contact;area\r\n"
        "3d;rtsp://10.0.0.1/a;gate;p;l;o;c;the gate, its pavement\r\n\r\n;;;;;;;\r\n"
    ).removeprefix("\ufeff")
    (row,) = read(text).rows
    assert row.wish.register is not None
    assert row.wish.register.retention_us == 3 * US_PER_DAY
    assert row.wish.register.area == "the gate, its pavement"


def test_every_fault_is_told_with_its_line_and_nothing_is_lost_of_the_rest() -> None:
    text = (
        f"camera,address,keep,commissioning,{WHOLE}\n"
        f"gate-1,rtsp://10.0.0.1/a,24h,,{WORDS}\n"
        f"Gate 2,rtsp://10.0.0.1/b,24h,,{WORDS}\n"
        f"gate-1,rtsp://10.0.0.1/c,24h,,{WORDS}\n"
        f"gate-4,gopher://10.0.0.1/d,24h,,{WORDS}\n"
        f"gate-5,rtsp://10.0.0.1/e,forever,,{WORDS}\n"
        f"gate-6,rtsp://10.0.0.1/f,24h,maybe,{WORDS}\n"
        "gate-7,rtsp://10.0.0.1/g,24h,,p\n"
        f"gate-8,/no/such/film.mp4,24h,,{WORDS}\n"
        f"gate-9,rtsp://10.0.0.1/i,24h,,{WORDS},more,\n"
        f'"gate-10","rtsp://10.0.0.1/j",24h,,p,l,o,c,"two\nlines"\n'
        f"old-gate,rtsp://10.0.0.1/k,24h,,{WORDS}\n"
    )
    sheet = read(text, camera(id=CameraId("old-gate")))
    assert [row.wish.name for row in sheet.rows] == ["gate-1", "gate-10"]
    told = [one.in_words() for one in sheet.faults]
    assert [one.partition(":")[0] for one in told] == [
        f"line {number}" for number in (3, 4, 5, 6, 7, 8, 9, 10, 13)
    ]
    for words, fault in zip(
        (
            "not a camera name",
            "line 2 has that name too",
            "not supported",
            "not a duration",
            "yes or no",
            "legal-basis",
            "is not there",
            "has 11 cells, the header 9",
            "already",
        ),
        told,
        strict=True,
    ):
        assert words in fault
    with pytest.raises(BadInput, match=r"nothing was changed: 9 lines"):
        sheet.refuse_faulty()


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("camera,adress", "did you mean address"),
        ("camera,plate", "there is no column 'plate'"),
        ("camera,title", "has no column address"),
        ("camera,address,camera", "names a column twice"),
        ("", "has no column camera"),
        ('camera,"address', "not CSV"),
    ],
)
def test_a_wrong_header_is_refused(header: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        read(header)


def test_a_file_without_cameras_is_refused() -> None:
    with pytest.raises(BadInput, match="no cameras"):
        read("camera,address\n\n")


@pytest.mark.parametrize(
    "row",
    [
        f"gate,rtsp://bob:{PASSWORD}@10.0.0.1:port/x,,",
        f"gate,rtsp://bob:{PASSWORD}@,,",
        f"gate,rtsp://10.0.0.1/x,,{PASSWORD}",
        f"gate,rtsp://10.0.0.1/x,bob,{PASSWORD}\x07",
        f"gate,ftp://bob:{PASSWORD}@10.0.0.1/x,bob,{PASSWORD}",
        f"Gate {PASSWORD},rtsp://10.0.0.1/x,bob,{PASSWORD}",
    ],
)
def test_no_fault_says_a_password(row: str) -> None:
    text = f"camera,address,login_name,login_password,{WHOLE}\n{row},{WORDS}\n"
    told = faults(text)
    assert len(told) == 1
    assert PASSWORD not in told[0]


def test_logins_come_from_columns_or_the_address() -> None:
    text = (
        f"camera,address,login_name,login_password,{WHOLE}\n"
        f"gate-1,rtsp://10.0.0.1/a,bob, {PASSWORD},{WORDS}\n"
        f"gate-2,rtsp://bob:{PASSWORD}@10.0.0.1/b,,,{WORDS}\n"
        f"gate-3,rtsp://10.0.0.1/c,,,{WORDS}\n"
    )
    first, second, third = read(text).rows
    assert first.wish.login == Login(name="bob", password=Secret(f" {PASSWORD}"))
    assert [row.has_login for row in (first, second, third)] == [True, True, False]
    assert PASSWORD not in second.address
    assert PASSWORD not in repr(first)


def test_the_list_comes_out_as_it_goes_in_and_without_logins() -> None:
    text = f"camera,address,sub_address,title,keep,{WHOLE}\n" + (
        f"gate-1,rtsp://10.0.0.1/a,rtsp://10.0.0.1/b,=1+1,36h,{WORDS}\n"
    )
    (row,) = read(text).rows
    assert row.wish.register is not None
    known = camera(id=CameraId("gate-1"), title="=1+1", register=row.wish.register)
    out = exported([CameraKnown(camera=known, newest=None)])
    assert ", =1+1," in out, "no cell begins like a formula"
    (again,) = read(out).rows
    assert again.wish.title == "=1+1"
    assert again.wish.register is not None
    assert again.wish.register.retention_us == row.wish.register.retention_us
    assert again.wish.login is None


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for whole in (text, f"camera,address\n{text}"):
        try:
            sheet = read(whole)
        except BadInput:
            continue
        assert sheet.rows or sheet.faults


def test_a_huge_or_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    with pytest.raises(NotFound):
        read_file(path)
    path.write_bytes(b"camera,address\n" + b"x" * CSV_BYTES_MAX)
    with pytest.raises(BadInput, match="split it"):
        read_file(path)
    path.write_bytes("camera,address\ncafé".encode("latin-1"))
    with pytest.raises(BadInput, match="UTF-8"):
        read_file(path)


def test_a_file_can_come_by_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"camera,address\n")))
    assert read_file(Path("-")) == "camera,address\n"
    assert not is_open_to_others(Path("-"))


class Book:
    """A book that answers as it is told."""

    asked = "a test"

    def __init__(self, refuses: dict[str, FairviewError], together: int = 1) -> None:
        self.refuses = refuses
        self.added: list[str] = []
        self.barrier = Barrier(together)
        self.lock = Lock()
        self.now, self.most = 0, 0

    def cameras(self) -> tuple[CameraKnown, ...]:
        return ()

    def camera(self, camera: CameraId) -> CameraKnown:
        raise NotFound(f"there is no camera {camera}")

    def add(self, wish: CameraWish) -> Camera:
        if wish.name in self.refuses:
            raise self.refuses[wish.name]
        self.added.append(wish.name)
        return camera(id=CameraId(wish.name))

    def remove(self, camera: CameraId) -> None:
        raise NotFound(f"there is no camera {camera}")

    def keep(self, wish: KeepingWish) -> Camera:
        raise NotFound(f"there is no camera {wish.camera}")

    def probe(self, address: str, login: Login | None) -> ProbeFound:
        del login
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.barrier.wait(timeout=10)
        with self.lock:
            self.now -= 1
        if address.endswith("/b"):
            raise Unavailable("nobody answers")
        return ProbeFound(
            kind="rtsp",
            codec="h264",
            width_px=640,
            height_px=360,
            fps=25.0,
            key_frame_every_s=1.0,
            bits_per_second=1,
            has_audio=False,
            because="",
        )

    def set_login(self, wish: LoginWish) -> LoginChanged:
        if wish.camera in self.refuses:
            raise self.refuses[wish.camera]
        self.added.append(wish.camera)
        return LoginChanged(camera=wish.camera, revision=2, answered="")


def rows(*paths: str) -> Sheet:
    lines = [f"gate-{path},rtsp://10.0.0.1/{path},{WORDS}\n" for path in paths]
    return read(f"camera,address,{WHOLE}\n" + "".join(lines))


def test_what_the_door_refuses_holds_up_no_other() -> None:
    book = Book({"gate-b": Conflict("there was a camera gate-b")})
    done = add_all(book, rows("a", "b", "c").rows, quiet)
    assert book.added == ["gate-a", "gate-c"]
    assert [one.in_words() for one in done.refused] == ["line 3: gate-b: there was a camera gate-b"]


def test_probes_run_side_by_side_and_no_more_than_allowed() -> None:
    book = Book({}, together=PROBES_TOGETHER_MAX)
    paths = [chr(ord("a") + number) for number in range(2 * PROBES_TOGETHER_MAX)]
    looked = look(book, rows(*paths).rows, quiet)
    assert book.most == PROBES_TOGETHER_MAX
    assert [(one.line, one.found is None) for one in looked] == [
        (number + 2, path == "b") for number, path in enumerate(paths)
    ]
    assert looked[1].because == "nobody answers"


def test_new_logins_are_read_and_every_fault_is_told_first() -> None:
    known = [CameraKnown(camera=camera(id=CameraId(name)), newest=None) for name in ("a", "b")]
    good = f"camera,login_name,login_password\na,,{PASSWORD}\nb,bob,{PASSWORD}\n"
    first, second = read_logins(good, known, is_tried=True)
    assert (first.name, second.name, first.password) == (None, "bob", Secret(PASSWORD))
    with pytest.raises(BadInput) as told:
        read_logins(f"{good}c,,{PASSWORD}\na,,{PASSWORD}\nb,x:y,\n", known, is_tried=True)
    assert [line.strip().partition(":")[0] for line in str(told.value).split("\n")[1:]] == [
        "line 4",
        "line 5",
        "line 6",
    ]
    assert PASSWORD not in str(told.value)


def test_a_login_that_is_refused_holds_up_no_other() -> None:
    names = ("a", "b", "c")
    known = [CameraKnown(camera=camera(id=CameraId(name)), newest=None) for name in names]
    text = "camera,login_password\n" + "".join(f"{name},{PASSWORD}\n" for name in names)
    book = Book({"b": Unavailable("nobody answers")})
    refused = change_logins(book, read_logins(text, known, is_tried=True), quiet)
    assert sorted(book.added) == ["a", "c"]
    assert [one.because for one in refused] == ["b: nobody answers"]


def test_when_and_how_much_is_kept_goes_in_and_comes_out() -> None:
    text = (
        f"camera,address,sub_address,mode,on,hours,zone,record,keep_at_most,{WHOLE}\n"
        f"a,rtsp://10.0.0.1/a,,events,motion,,,,,{WORDS}\n"
        f'b,rtsp://10.0.0.1/b,rtsp://10.0.0.1/c,schedule,,"mon-fri 08:00-18:00",Europe/Berlin,sub,'
        f"200GB,{WORDS}\n"
        f"c,rtsp://10.0.0.1/d,,always,,,,,,{WORDS}\n"
    )
    sheet = read(text)
    assert [one.line for one in sheet.faults] == [4]
    first, second = sheet.rows
    assert first.wish.keeping.recording.mode == "events"
    keeping = second.wish.keeping
    assert (keeping.streams, keeping.keep_bytes_max) == (("sub",), 200_000_000_000)
    base = camera(id=CameraId("b"))
    main, sub = base.sources[0], replace(base.sources[0], stream="sub")
    known = replace(
        base,
        sources=(replace(main, is_recorded=False), sub),
        recording=keeping.recording,
        keep_bytes_max=keeping.keep_bytes_max,
    )
    (again,) = read(exported([CameraKnown(camera=known, newest=None)])).rows
    assert again.wish.keeping == keeping
