"""The node's settings: every field bounded and documented, frozen once resolved.

Parse (file, environment) → resolve (defaults) → freeze, three steps, each without side effects
but the reading of the one file named.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fairview.core.errors import BadInput

ENVIRONMENT_PREFIX = "FAIRVIEW_"
_SECTION_MARK = "__"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Server(_Section):
    """Where people reach the node."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8443, ge=1, le=65_535, description="Port to listen on.")
    https: Literal["auto", "files", "proxy", "off"] = Field(
        "auto",
        description="auto: plain HTTP on loopback, our own certificate on any other address. "
        "files: the certificate below. proxy: plain HTTP behind a listed proxy. "
        "off: plain HTTP, refused on any address but loopback.",
    )
    certificate: Path | None = Field(None, description="PEM certificate chain (https = files).")
    private_key: Path | None = Field(None, description="PEM private key (https = files).")
    proxies: tuple[str, ...] = Field(
        (), max_length=16, description="Addresses of trusted proxies (https = proxy)."
    )
    hosts: tuple[str, ...] = Field(
        (), max_length=64, description="Host names people may use besides the listening address."
    )


class Recording(_Section):
    """How footage is kept."""

    cameras_per_process: int = Field(
        50,
        ge=1,
        le=100,
        description="Cameras that share one recorder process. A process that ends takes its "
        "cameras with it for some seconds; one that is not there costs its memory, some 35 MB.",
    )
    free_bytes_min: int = Field(
        1_000_000_000,
        ge=0,
        description="Room always left free on the disk; the oldest hours die first.",
    )
    keep_bytes_max: int | None = Field(
        None,
        ge=1_000_000_000,
        description="What all footage may take; the oldest hours die first. None: what disks hold.",
    )
    disk_policy: Literal["most_free", "fill_in_order"] = Field(
        "most_free",
        description="Where new footage goes when there are several disks. most_free: to each as "
        "much as it has room, a camera's hour to one of them. fill_in_order: to the first of the "
        "list that has room.",
    )
    sweep_s: int = Field(60, ge=5, le=3_600, description="Seconds between retention sweeps.")
    reader: Literal["ffmpeg", "lean"] = Field(
        "lean",
        description="What reads H.264 and H.265 over RTSP: lean is our own reader (at a fraction "
        "of the cost; FFmpeg goes on with what it doesn't know), ffmpeg reads all.",
    )


class DiskPlace(_Section):
    """A disk that footage is kept on besides the data folder's own, which is called data. It is
    adopted once with `fairview disk add`; what stands here then counts from the next start."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,29}$", description="What it is called.")
    path: Path | None = Field(None, description="Where it is mounted.")
    free_bytes_min: int | None = Field(
        None, ge=0, description="Room left free on it. None: recording.free_bytes_min."
    )
    bytes_max: int | None = Field(
        None, ge=0, description="What footage may take on it. None: all but the room left free."
    )
    role: Literal["record", "keep"] = Field(
        "record",
        description="record: new footage goes there. keep: what lies there stays until its time.",
    )


class Cameras(_Section):
    """Which addresses cameras may have."""

    allow_loopback: bool = Field(
        False, description="Whether a camera may be on this machine (127.0.0.1)."
    )
    allow_files: bool = Field(
        False,
        description="Whether the page may add a file of this machine as a camera. Commands of "
        "the data folder's owner always may.",
    )
    certificates: Path | None = Field(
        None,
        description="A PEM file of certificates that cameras may show over rtsps and https, "
        "beside those of known authorities: an authority's own, or single cameras'.",
    )


class RegisterDefault(_Section):
    """What a new camera's register entry takes when nothing else is said."""

    purpose: str | None = Field(None, max_length=500, description="What the camera is for.")
    legal_basis: str | None = Field(None, max_length=500, description="The law or order.")
    operator: str | None = Field(None, max_length=500, description="Who runs it.")
    contact: str | None = Field(None, max_length=500, description="Where residents can write.")
    area: str | None = Field(None, max_length=500, description="What it looks at, in words.")
    retention_h: int = Field(72, ge=1, le=8_784, description="Hours that footage is kept.")
    review_days: int = Field(365, ge=1, le=1_830, description="Days until the entry is reviewed.")


class Register(_Section):
    """Defaults for the public register."""

    default: RegisterDefault = RegisterDefault()


class Covering(_Section):
    """How covered pictures are made."""

    renderers_max: int = Field(
        16,
        ge=1,
        le=64,
        description="Covered pictures rendered at the same time, each of one camera for all who "
        "watch it (some 100 MB each); further ones are refused until one ends.",
    )
    clean_picture_min: Annotated[int, Field(ge=1, le=1_440)] = Field(
        60, description="Minutes of footage a clean picture is the median of, at least."
    )
    model: str | None = Field(
        None,
        description="The model that finds people for covered pictures, such as picodet-s-416 "
        "(see fairview models): they then show the camera's own pixels around what is hidden. "
        "Without one they show shapes on the clean picture.",
    )
    is_stored: bool = Field(
        True,
        alias="stored",
        description="With a model: look for what is to be hidden while recording, and keep it "
        "sealed beside the footage, so that a seek shows a picture at once.",
    )


class Analysis(_Section):
    """How pictures are counted. A camera is analysed once it has a scene with a line or a zone."""

    fps: float = Field(
        5.0, ge=0.5, le=30, description="Pictures a second looked at, while something moves."
    )
    cameras_per_process: int = Field(
        16, ge=1, le=200, description="Cameras that share one analyser process."
    )
    bin_min: int = Field(15, ge=5, le=1_440, description="Minutes of one count.")
    stream: Literal["sub", "main"] = Field(
        "sub", description="Which stream is looked at; main where there is no sub stream."
    )
    gate: Literal["auto", "off"] = Field(
        "auto",
        description="auto: a camera's packets are decoded only while something moves, where "
        "its packet sizes and key frames tell that (each is tested). off: everything is decoded.",
    )
    always_on: tuple[str, ...] = Field(
        (), max_length=200, description="Cameras of which everything is decoded, whatever gate is."
    )


class Logs(_Section):
    """What is written about the node's own work."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level.")
    form: Literal["auto", "text", "json"] = Field(
        "auto", description="auto: text on a terminal, JSON lines otherwise."
    )


class Metrics(_Section):
    """Who may read the figures for Prometheus, besides people who are signed in."""

    this_machine: bool = Field(
        True, description="Whether anybody on this machine may (GET /metrics at 127.0.0.1)."
    )
    token_sha256: str | None = Field(
        None,
        max_length=64,
        description="SHA-256 (hex) of a token that lets a monitor on another machine read them "
        "(Authorization: Bearer). Without it nobody elsewhere can.",
    )


class NoticeRule(_Section):
    """Who is told of what, after how long."""

    name: str = Field(max_length=63, description="What the rule is called in notices and logs.")
    conditions: tuple[str, ...] = Field(
        (
            "camera_away",
            "camera_silent",
            "not_stored",
            "disk_full",
            "disk_failing",
            "disk_gone",
            "viewing_stopped",
            "process_failing",
        ),
        max_length=64,
        description="Which conditions (docs/reference/events.md).",
    )
    cameras: tuple[str, ...] = Field(
        (), max_length=200, description="Of which cameras; none named: of all, and the node's own."
    )
    after_min: float = Field(
        5.0, ge=0, le=1_440, description="How long a condition must last before it is told."
    )
    webhook: str | None = Field(
        None, max_length=2_000, description="HTTPS address to post to; its host is listed below."
    )
    mail: tuple[str, ...] = Field((), max_length=32, description="Addresses to write to.")
    back: bool = Field(True, description="Whether it is told when all is well again.")
    repeat_h: float = Field(
        24.0, ge=0, le=720, description="Told again after this, while it lasts. 0: never."
    )
    quiet_min: float = Field(
        60.0,
        ge=0,
        le=1_440,
        description="The same trouble of the same camera is told at most once in this time.",
    )


class Notifier(_Section):
    """How notices leave this machine."""

    hosts: tuple[str, ...] = Field(
        (), max_length=32, description="Hosts that webhooks may go to, at public addresses."
    )
    local_hosts: tuple[str, ...] = Field(
        (),
        max_length=32,
        description="Hosts that webhooks and mail may go to, also at private addresses and on "
        "this machine.",
    )
    ca_file: Path | None = Field(
        None, description="PEM certificates that receivers' certificates are checked against."
    )
    smtp_host: str | None = Field(None, max_length=253, description="The mail server.")
    smtp_port: int = Field(587, ge=1, le=65_535, description="Its port.")
    smtp_security: Literal["starttls", "tls", "off"] = Field(
        "starttls",
        description="starttls (port 587), tls from the first byte (port 465), or off, which is "
        "refused for any server but one on this machine.",
    )
    smtp_from: str | None = Field(None, max_length=254, description="The sender's address.")


class Settings(_Section):
    """Everything a node can be told. Anything unknown is an error that names the nearest known."""

    data: Path = Field(Path("fairview-data"), description="The data folder.")
    server: Server = Server()
    recording: Recording = Recording()
    cameras: Cameras = Cameras()
    register_: Register = Field(Register(), alias="register", description="The public register.")
    covering: Covering = Covering()
    analysis: Analysis = Analysis()
    models: Path | None = Field(
        None,
        description="Folder of detectors' models; without it "
        "~/.local/share/fairview/models (see fairview models).",
    )
    logs: Logs = Logs()
    disks: tuple[DiskPlace, ...] = Field(
        (), max_length=32, description="Disks for footage, each a [[disks]] of its own."
    )
    metrics: Metrics = Metrics()
    notifier: Notifier = Notifier()
    notices: tuple[NoticeRule, ...] = Field(
        (), max_length=32, description="Rules for notices, each a [[notices]] of its own."
    )


_TABLES: dict[str, type[BaseModel]] = {"notices": NoticeRule, "disks": DiskPlace}
"""Settings that are lists of tables: [[notices]], [[disks]]."""


def load_settings(file: Path | None, environment: Mapping[str, str]) -> Settings:
    """Settings from a TOML file (if any), overruled by FAIRVIEW_* variables.

    FAIRVIEW_DATA sets `data`; FAIRVIEW_SERVER__PORT sets `port` in `[server]`.
    Errors:  BadInput for a missing or unreadable file, an unknown key (with the nearest known
    one) or a value out of bounds.
    """
    values = _file_values(file) if file is not None else {}
    for path, text in _environment_values(environment):
        _put(values, path, text)
    _refuse_unknown(values, Settings, "")
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"the setting {where}: {first['msg'].lower()}") from error
    _refuse_contradictions(settings)
    _refuse_dead_ends(settings)
    return settings


def _file_values(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f"there is no settings file {file}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the settings file {file} can't be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"the settings file {file} is not valid TOML: {error}") from error


def _environment_values(environment: Mapping[str, str]) -> list[tuple[list[str], str]]:
    return [
        (name.removeprefix(ENVIRONMENT_PREFIX).lower().split(_SECTION_MARK), text)
        for name, text in sorted(environment.items())
        if name.startswith(ENVIRONMENT_PREFIX)
    ]


def _put(values: dict[str, Any], path: list[str], text: str) -> None:
    """Lists are written with commas in the environment."""
    for part in path[:-1]:
        values = values.setdefault(part, {})
        if not isinstance(values, dict):
            raise BadInput(f"the setting {part} is not a section")
    is_list = path[-1] in ("proxies", "hosts", "always_on")
    values[path[-1]] = [one.strip() for one in text.split(",")] if is_list else text


def _refuse_unknown(values: Mapping[str, Any], section: type[BaseModel], prefix: str) -> None:
    known = {field.alias or name: field for name, field in section.model_fields.items()}
    for key, value in values.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
            raise BadInput(f"there is no setting {prefix}{key}; did you mean {prefix}{near[0]}?")
        inner = known[key].annotation
        if key in _TABLES and isinstance(value, list):
            for number, one in enumerate(value):
                if isinstance(one, Mapping):
                    _refuse_unknown(one, _TABLES[key], f"{prefix}{key}.{number}.")
            continue
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            if not isinstance(value, Mapping):
                raise BadInput(f"{prefix}{key} is a section: write [{prefix}{key}]")
            _refuse_unknown(value, inner, f"{prefix}{key}.")


def _refuse_contradictions(settings: Settings) -> None:
    server = settings.server
    if server.https == "files" and (server.certificate is None or server.private_key is None):
        raise BadInput("server.https = files needs server.certificate and server.private_key")
    if server.https == "proxy" and not server.proxies:
        raise BadInput("server.https = proxy needs server.proxies, the proxy's address")
    if server.https == "off" and not is_loopback(server.host):
        raise BadInput(
            f"plain HTTP on {server.host} would send passwords and footage in the clear: "
            "use server.https = auto, files or proxy"
        )


def _refuse_dead_ends(settings: Settings) -> None:
    """Notices that could never leave, said before one is needed."""
    notifier = settings.notifier
    token = settings.metrics.token_sha256
    if token is not None and not re.fullmatch(r"[0-9a-f]{64}", token):
        raise BadInput("metrics.token_sha256 has 64 hexadecimal digits: sha256sum of the token")
    for rule in settings.notices:
        if rule.webhook is None and not rule.mail:
            raise BadInput(f"the notices {rule.name} go nowhere: set webhook or mail")
        if rule.mail and (notifier.smtp_host is None or notifier.smtp_from is None):
            raise BadInput("notices by mail need notifier.smtp_host and notifier.smtp_from")
        host = urlsplit(rule.webhook).hostname if rule.webhook else None
        if rule.webhook and host not in (*notifier.hosts, *notifier.local_hosts):
            raise BadInput(
                f"the webhook of {rule.name} goes to {host}: list it in notifier.hosts, or in "
                "notifier.local_hosts when it is at a private address"
            )
    if len({rule.name for rule in settings.notices}) != len(settings.notices):
        raise BadInput("each of the [[notices]] has its own name")
    if notifier.smtp_security == "off" and not is_loopback(notifier.smtp_host or "localhost"):
        raise BadInput("notifier.smtp_security = off would send mail in the clear: use starttls")


def is_loopback(host: str) -> bool:
    """Whether a listening address is this machine only."""
    return host == "localhost" or host == "::1" or host.startswith("127.")
