"""Many cameras from one CSV file: every row checked first, then all of them added, or none.

The file is UTF-8 (with or without a mark), commas or semicolons, its first line the names of
`COLUMNS` in any order. Only `camera` and `address` must be there; what a row leaves empty comes
from `[register.default]`. Logins stand in columns of their own or in the address; they are sealed
at once and never said again, not in errors either.
"""

from __future__ import annotations

import csv
import difflib
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from fairview.access.door import CameraKeeping, CameraWish, LoginWish, ProbeFound
from fairview.config.settings import Settings
from fairview.core.camera import Camera, Login, Secret, transport_named
from fairview.core.errors import BadInput, Conflict, FairviewError, NotFound
from fairview.core.ids import CameraId, camera_id
from fairview.core.limits import CAMERAS_MAX
from fairview.core.limits_care import CSV_BYTES_MAX, PROBES_TOGETHER_MAX
from fairview.core.time import US_PER_HOUR, US_PER_SECOND, Instant
from fairview.core.week_hours import hours_text
from fairview.ingest.address import entered, shown
from fairview.run.owner.camera_book import CameraBook
from fairview.run.owner.local import AddWish, CameraKnown, RegisterWish, camera_wish

COLUMNS = {
    "camera": "its name: a-z, 0-9 and '-'",
    "address": "rtsp://…, http://…, /dev/video0, or a file",
    "sub_address": "of a smaller second stream",
    "transport": "of rtsp: auto, tcp, udp or multicast",
    "title": "its name for people",
    "purpose": "what it is for",
    "legal_basis": "the law or order",
    "operator": "who runs it",
    "contact": "where residents can write",
    "area": "what it looks at, in words",
    "keep": "how long footage is kept: 24h, 3d",
    **dict.fromkeys(
        ("mode", "on", "pre_roll", "post_roll", "hours", "zone", "record", "keep_at_most", "disk"),
        "as the option of `fairview camera add` of that name",
    ),
    "commissioning": "yes: uncovered pictures for its first 24 hours (ledgered)",
    "login_name": "the camera's user name",
    "login_password": "and password",
}
LOGIN_COLUMNS = {"camera": COLUMNS["camera"], "login_name": "may stay empty", "login_password": ""}
"""Of a file of new logins."""

STANDARD_INPUT = Path("-")

_YES = {"yes": True, "no": False, "": False}
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t")

PLAN_COLUMNS = ("mode", "on", "pre_roll", "post_roll", "hours", "zone", "record", "keep_at_most")

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """What turns typed words into values. duration: `24h` as microseconds; keeping: a row's cells
    as when and how much of the camera is kept. Errors: BadInput."""

    duration: Callable[[str], int]
    keeping: Callable[[Mapping[str, str]], CameraKeeping]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFault:
    """What is wrong in one line of a file (the header is line 1)."""

    line: int
    because: str

    def in_words(self) -> str:
        return f"line {self.line}: {self.because}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowWish:
    """A camera as a line asks for it."""

    line: int
    wish: CameraWish

    @property
    def address(self) -> str:
        """Without a login."""
        return shown(self.wish.address)

    @property
    def has_login(self) -> bool:
        return self.wish.login is not None or entered(self.wish.address).login is not None

    @property
    def kept_h(self) -> float:
        assert self.wish.register is not None, "a checked row has its entry"
        return self.wish.register.retention_us / US_PER_HOUR


@dataclass(slots=True, kw_only=True)
class Sheet:
    """A file of cameras as read. faults: empty when all of it can be done."""

    rows: list[RowWish] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)

    def refuse_faulty(self) -> None:
        """Errors:  BadInput with every fault, a line each."""
        if self.faults:
            told = sorted(self.faults, key=lambda one: one.line)
            lines = "\n  ".join(one.in_words() for one in told)
            count = len({one.line for one in told})
            many = "1 line" if count == 1 else f"{count} lines"
            raise BadInput(f"nothing was changed: {many} can't be used\n  {lines}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """refused: what the door said to rows that looked right."""

    added: tuple[Camera, ...]
    refused: tuple[RowFault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a probe found at a row's address, or why nothing."""

    line: int
    camera: CameraId
    found: ProbeFound | None
    because: str


def template() -> str:
    """A file to fill in: the header, and an example that shows every column."""
    example = {
        "camera": "north-gate",
        "address": "rtsp://10.0.0.20/stream1",
        "sub_address": "rtsp://10.0.0.20/stream2",
        "transport": "auto",
        "title": "North gate",
        "purpose": "deliveries at the gate",
        "legal_basis": "council order 12/2026",
        "operator": "City works",
        "contact": "cameras@example.org",
        "area": "the gate and its pavement",
        "keep": "72h",
        **dict.fromkeys(PLAN_COLUMNS, ""),
        "keep_at_most": "200GB",
        "disk": "",
        "commissioning": "no",
        "login_name": "fairview",
        "login_password": "",
    }
    assert set(example) == set(COLUMNS), "every column has its example"
    return _csv(tuple(COLUMNS), [example])


def exported(rows: Iterable[CameraKnown]) -> str:
    """The cameras there are, in the same columns, logins left empty: nobody can say them."""
    return _csv(tuple(COLUMNS), [_plain(row.camera) for row in rows if row.camera.is_active])


def read_file(path: Path) -> str:
    """A file's text; `-` is standard input, which also another user's file can be sent into.

    Errors:  NotFound; BadInput for one that is too large or not UTF-8.
    """
    try:
        if path == STANDARD_INPUT:
            data = sys.stdin.buffer.read(CSV_BYTES_MAX + 1)
        else:
            with path.open("rb") as file:
                data = file.read(CSV_BYTES_MAX + 1)
    except FileNotFoundError as error:
        raise NotFound(f"{path} is not there: check the path") from error
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}") from error
    if len(data) > CSV_BYTES_MAX:
        raise BadInput(f"{path} is over {CSV_BYTES_MAX // 1_000_000} MB: split it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8: save it as CSV UTF-8") from error


def is_open_to_others(path: Path) -> bool:
    """Whether others than its owner may read a file that holds passwords."""
    if path == STANDARD_INPUT:
        return False
    return bool(os.stat(path).st_mode & 0o077)  # noqa: PTH116  # a stat of what was just read


def read_sheet(
    text: str, settings: Settings, now: Instant, known: Sequence[CameraKnown], of: Readers
) -> Sheet:
    """The cameras of a file; every fault of every line, none of them with a login in it.

    known: the cameras there are, with whose names and number the file must fit.
    Errors:  BadInput for a file without the columns that must be there.
    """
    sheet = Sheet()
    taken = {row.camera.id: "there is a camera of that name already" for row in known}
    for line, cells in _cells(text, COLUMNS, ("camera", "address"), sheet.faults):
        try:
            wish = _wish(cells, settings, now, of)
            name = CameraId(wish.name)
            if name in taken:
                raise Conflict(f"{name}: {taken[name]}")
        except FairviewError as error:
            sheet.faults.append(RowFault(line=line, because=_without_login(str(error), cells)))
            continue
        taken[name] = f"line {line} has that name too"
        sheet.rows.append(RowWish(line=line, wish=wish))
    if len(known) + len(sheet.rows) > CAMERAS_MAX:
        raise BadInput(f"a node has at most {CAMERAS_MAX} cameras, removed ones included")
    if not sheet.rows and not sheet.faults:
        raise BadInput("the file has no cameras under its header")
    return sheet


def read_logins(text: str, known: Sequence[CameraKnown], *, is_tried: bool) -> list[LoginWish]:
    """New logins from a file. Errors: BadInput with every fault, a line each."""
    names = {row.camera.id for row in known if row.camera.is_active}
    sheet, wishes, seen = Sheet(), [], set[str]()
    for line, cells in _cells(text, LOGIN_COLUMNS, ("camera", "login_password"), sheet.faults):
        try:
            name = camera_id(cells["camera"])
            if name not in names:
                raise NotFound(f"there is no camera {name} that is recorded")
            if name in seen:
                raise Conflict(f"{name} stands in the file twice")
            wish = LoginWish(
                camera=name,
                name=cells.get("login_name") or None,
                password=Secret(cells["login_password"]),
                is_tried=is_tried,
            )
        except FairviewError as error:
            sheet.faults.append(RowFault(line=line, because=_without_login(str(error), cells)))
            continue
        seen.add(name)
        wishes.append(wish)
    sheet.refuse_faulty()
    if not wishes:
        raise BadInput("the file has no cameras under its header")
    return wishes


def look(book: CameraBook, rows: Sequence[RowWish], progress: Progress) -> list[Looked]:
    """Probe every row's main address, a few at once.

    Bounds:  PROBES_TOGETHER_MAX at the same time, each within its own limits.
    """

    def one(row: RowWish) -> Looked:
        name = CameraId(row.wish.name)
        try:
            found = book.probe(row.wish.address, row.wish.login)
        except FairviewError as error:
            return Looked(line=row.line, camera=name, found=None, because=str(error))
        return Looked(line=row.line, camera=name, found=found, because="")

    looked: list[Looked] = []
    with ThreadPoolExecutor(PROBES_TOGETHER_MAX, thread_name_prefix="probe") as pool:
        for result in pool.map(one, rows):
            looked.append(result)
            progress(len(looked) / len(rows), f"looked at {result.camera}")
    return looked


def change_logins(
    book: CameraBook, wishes: Sequence[LoginWish], progress: Progress
) -> list[RowFault]:
    """Replace logins, a few at once; what was refused, by the place in the list (from 1).

    Bounds:  PROBES_TOGETHER_MAX at the same time.
    """

    def one(wish: LoginWish) -> str:
        try:
            book.set_login(wish)
        except FairviewError as error:
            return f"{wish.camera}: {error}"
        return ""

    refused: list[RowFault] = []
    with ThreadPoolExecutor(PROBES_TOGETHER_MAX, thread_name_prefix="login") as pool:
        for number, because in enumerate(pool.map(one, wishes), start=1):
            if because:
                refused.append(RowFault(line=number, because=because))
            progress(number / len(wishes), wishes[number - 1].camera)
    return refused


def add_all(book: CameraBook, rows: Sequence[RowWish], progress: Progress) -> Added:
    """Add checked rows one after another; one that the door refuses does not hold up the rest.

    A camera is in the ledger from the moment it is added, so what was added is not taken back.
    """
    added: list[Camera] = []
    refused: list[RowFault] = []
    for number, row in enumerate(rows, start=1):
        try:
            added.append(book.add(row.wish))
        except FairviewError as error:
            refused.append(RowFault(line=row.line, because=f"{row.wish.name}: {error}"))
        progress(number / len(rows), row.wish.name)
    return Added(added=tuple(added), refused=tuple(refused))


def _cells(
    text: str, columns: dict[str, str], needed: tuple[str, ...], faults: list[RowFault]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers and cells of every line that isn't empty. Errors: BadInput for the header."""
    header = text.partition("\n")[0]
    mark = ";" if header.count(";") > header.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        _refuse_header(names, columns, needed)
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) > len(names):
                faults.append(
                    RowFault(
                        line=line,
                        because=f"has {len(cells)} cells, the header {len(names)}: put what holds "
                        f"a {'semicolon' if mark == ';' else 'comma'} in double quotes",
                    )
                )
            elif any(cell.strip() for cell in cells):
                yield (
                    line,
                    dict.fromkeys(columns, "")
                    | {
                        name: cell if name == "login_password" else cell.strip()
                        for name, cell in zip(names, cells, strict=False)
                    },
                )
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"line {reader.line_num}: not CSV: {error}") from error


def _refuse_header(names: list[str], columns: dict[str, str], needed: tuple[str, ...]) -> None:
    for name in names:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(columns)}"
            raise BadInput(f"line 1: there is no column {name[:40]!r}{hint}")
    missing = [name for name in needed if name not in names]
    if missing or len(set(names)) != len(names):
        what = f"has no column {missing[0]}" if missing else "names a column twice"
        raise BadInput(f"line 1 {what}; `fairview camera csv-template` prints the header")


def _wish(cells: dict[str, str], settings: Settings, now: Instant, of: Readers) -> CameraWish:
    name = camera_id(cells["camera"])
    if cells["commissioning"].lower() not in _YES:
        raise BadInput(f"{name}: commissioning is yes or no")
    add = AddWish(
        camera=name,
        title=cells["title"] or None,
        address=cells["address"],
        sub_address=cells["sub_address"] or None,
        register=RegisterWish(
            purpose=cells["purpose"] or None,
            legal_basis=cells["legal_basis"] or None,
            operator=cells["operator"] or None,
            contact=cells["contact"] or None,
            area=cells["area"] or None,
            retention_us=of.duration(cells["keep"]) if cells["keep"] else None,
        ),
        is_commissioning=_YES[cells["commissioning"].lower()],
        transport=transport_named(cells["transport"] or "auto"),
        keeping=of.keeping(cells),
    )
    for address in (add.address, add.sub_address):
        parted = entered(address) if address else None
        if parted and parted.kind == "file" and not Path(parted.address).exists():
            raise NotFound(f"{parted.address} is not there: check the path")
    return replace(camera_wish(add, settings, now), login=_login(name, cells))


def _login(name: CameraId, cells: dict[str, str]) -> Login | None:
    who, password = cells["login_name"], cells["login_password"]
    if not who and not password:
        return None
    if not who:
        raise BadInput(f"{name}: a login_password needs its login_name")
    # Judged as a new login would be; a camera may let somebody in without a password.
    LoginWish(camera=name, name=who, password=Secret(password or "-"), is_tried=False)
    return Login(name=who, password=Secret(password))


def _without_login(text: str, cells: dict[str, str]) -> str:
    """A message that names the camera and holds no password, whatever it was made of."""
    name = cells["camera"]
    if name and name not in text:
        text = f"{name}: {text}"
    password = cells.get("login_password", "")
    clean = text.replace(password, "••••") if len(password) > 2 else text
    for key in ("address", "sub_address"):
        if cells.get(key):
            clean = clean.replace(cells[key], shown(cells[key]))
    return clean


def _plain(camera: Camera) -> dict[str, str]:
    sub = camera.source("sub")
    entry = camera.register
    main = camera.sources[0]
    return {
        "camera": camera.id,
        "address": main.address,
        "sub_address": sub.address if sub else "",
        "transport": main.transport,
        "title": camera.title,
        "purpose": entry.purpose,
        "legal_basis": entry.legal_basis,
        "operator": entry.operator,
        "contact": entry.contact,
        "area": entry.area,
        "keep": f"{entry.retention_us / US_PER_HOUR:g}h",
        **_plan_plain(camera),
        "commissioning": "no",
        "login_name": "",
        "login_password": "",
    }


def _plan_plain(camera: Camera) -> dict[str, str]:
    plan = camera.recording
    cells = dict.fromkeys((*PLAN_COLUMNS, "disk"), "")
    if plan.mode != "continuous":
        cells["mode"] = plan.mode
    if plan.mode == "events":
        cells["on"] = ",".join(plan.triggers)
        cells["pre_roll"] = f"{plan.pre_roll_us / US_PER_SECOND:g}s"
        cells["post_roll"] = f"{plan.post_roll_us / US_PER_SECOND:g}s"
    if plan.mode == "schedule":
        cells["hours"], cells["zone"] = hours_text(plan.hours), plan.zone
    kept = [source.stream for source in camera.sources if source.is_recorded]
    if len(kept) < len(camera.sources):
        cells["record"] = kept[0]
    if camera.keep_bytes_max is not None:
        cells["keep_at_most"] = f"{camera.keep_bytes_max}B"
    cells["disk"] = camera.disk or ""
    return cells


def _csv(columns: tuple[str, ...], rows: Iterable[dict[str, str]]) -> str:
    """RFC 4180. A cell that a spreadsheet would run gets a space before it, which reading takes
    away again."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {
                name: f" {cell}" if cell.startswith(_FORMULA_SIGNS) else cell
                for name, cell in row.items()
            }
        )
    return out.getvalue()


def _cell(text: str) -> str:
    return f" {text}" if text.startswith(_FORMULA_SIGNS) else text
