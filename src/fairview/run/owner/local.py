"""What commands of one person on one machine wish for, and the values they get back."""

from __future__ import annotations

from dataclasses import dataclass

from fairview.access.camera_desk import prober, register_plain
from fairview.access.door import KEPT_ALWAYS, CameraKeeping, CameraWish
from fairview.config.settings import RegisterDefault, Settings
from fairview.core.camera import Camera, Presence, RegisterEntry, Source, Transport
from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_SECOND, Clock, Instant
from fairview.core.week_hours import hours_text
from fairview.ingest.address import entered, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterWish:
    """What was typed of a register entry; the rest comes from `[register.default]`."""

    purpose: str | None = None
    legal_basis: str | None = None
    operator: str | None = None
    contact: str | None = None
    area: str | None = None
    retention_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddWish:
    """A camera to put into the register."""

    camera: CameraId
    title: str | None
    address: str
    sub_address: str | None
    register: RegisterWish
    is_commissioning: bool
    transport: Transport = "auto"
    keeping: CameraKeeping = KEPT_ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraKnown:
    """A camera and its newest footage."""

    camera: Camera
    newest: Instant | None

    def as_json(self) -> dict[str, object]:
        camera = self.camera
        return {
            "id": camera.id,
            "title": camera.title,
            "revision": camera.revision,
            "is_active": camera.is_active,
            "sources": [
                {
                    "stream": one.stream,
                    "kind": one.kind,
                    "address": one.address,
                    "transport": one.transport,
                    "is_recorded": one.is_recorded,
                }
                for one in camera.sources
            ],
            "recording": recording_plain(camera),
            "register": register_plain(camera.register),
            "commissioning_until": (
                camera.commissioning_until.iso() if camera.commissioning_until else None
            ),
            "newest": self.newest.iso() if self.newest else None,
        }


def recording_plain(camera: Camera) -> dict[str, object]:
    """When it is kept, how much and where, for JSON; only what its mode asks."""
    plan = camera.recording
    plain: dict[str, object] = {"mode": plan.mode}
    if plan.mode == "events":
        plain["on"] = list(plan.triggers)
        plain["pre_roll_s"] = plan.pre_roll_us / US_PER_SECOND
        plain["post_roll_s"] = plan.post_roll_us / US_PER_SECOND
    if plan.mode == "schedule":
        plain["hours"] = hours_text(plan.hours)
        plain["zone"] = plan.zone
    plain["keep_bytes_max"] = camera.keep_bytes_max
    plain["disk"] = camera.disk
    return plain


TRIAL = RegisterWish(
    purpose="trial",
    legal_basis="trial on one's own premises",
    operator="whoever runs this machine",
    contact="whoever runs this machine",
    area="as the camera stands",
)
"""What `record` takes for an entry's words when nothing is said: a trial of one's own."""


def register_entry(
    wish: RegisterWish, settings: Settings, now: Instant, presence: Presence = "persons"
) -> RegisterEntry:
    """A whole entry from what was typed and the settings' default.

    Errors:  BadInput that names what is missing.
    """
    default = settings.register_.default
    words = {
        name: getattr(wish, name) or getattr(default, name)
        for name in ("purpose", "legal_basis", "operator", "contact", "area")
    }
    missing = [name.replace("_", "-") for name, text in words.items() if not text]
    if missing:
        raise BadInput(
            "no camera without a register entry: say "
            + ", ".join(f"--{name}" for name in missing)
            + ", or set them in [register.default]"
        )
    return RegisterEntry(
        **words,
        retention_us=wish.retention_us or default.retention_h * US_PER_HOUR,
        review_at=now.plus(default.review_days * US_PER_DAY),
        presence=presence,
    )


def trial_default(default: RegisterDefault) -> RegisterDefault:
    """The settings' default with a trial's words where it has none."""
    changes = {
        name: getattr(default, name) or getattr(TRIAL, name)
        for name in ("purpose", "legal_basis", "operator", "contact", "area")
    }
    return default.model_copy(update=changes)


def camera_wish(wish: AddWish, settings: Settings, now: Instant) -> CameraWish:
    """The door's wish for a camera. Errors: BadInput."""
    parted = entered(wish.address)
    presence: Presence = "simulated" if parted.kind == "sim" else "persons"
    return CameraWish(
        name=wish.camera,
        title=wish.title or wish.camera,
        address=wish.address,
        sub_address=wish.sub_address,
        login=None,
        register=register_entry(wish.register, settings, now, presence),
        commissioning=wish.is_commissioning,
        transport=wish.transport,
        keeping=wish.keeping,
    )


def with_own_machine(settings: Settings) -> Settings:
    """For what its owner types at this machine: cameras may also be on it (loopback).

    The address rules guard a node against addresses typed into its page by others.
    """
    cameras = settings.cameras.model_copy(update={"allow_loopback": True})
    return settings.model_copy(update={"cameras": cameras})


def probe_address(
    address: str, settings: Settings, clock: Clock, transport: Transport = "auto"
) -> dict[str, object]:
    """What an address sends, in plain values. Errors: as ingest.probe."""
    parted = entered(address)
    source = Source(stream="main", kind=parted.kind, address=parted.address, transport=transport)
    found = prober(with_own_machine(settings), clock)(source, parted.login)
    every = found.key_interval_us
    return {
        "address": shown(address),
        "codec": found.codec,
        "picture": f"{found.width_px}x{found.height_px}",
        "pictures_per_second": round(found.fps, 2),
        "key_frame_every_s": round(every / 1e6, 2) if every else "longer than was watched",
        "bits_per_second": found.bits_per_second,
        "has_audio": f"{'yes' if found.has_audio else 'no'} (never opened)",
        "has_b_frames": "yes" if found.has_reordering else "no",
    }
