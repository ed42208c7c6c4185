"""`fairview cover`: a covered copy of a film, which appears when it is complete.

Sound is never copied. A film that is cut or damaged is covered as far as it can be read, and
the report says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from fairview import __version__
from fairview.access.cover_finders import CoverDetectors, cover_detectors
from fairview.analyse.cover_model import HIDDEN_BY, WholeBecause
from fairview.analyse.decode import open_video
from fairview.analyse.detectors.models import ModelStore, models_folder
from fairview.core.errors import BadInput, Conflict, Unavailable
from fairview.core.time import US_PER_SECOND, cpu_us
from fairview.record.mp4 import write_mp4
from fairview.run.watch.film_cover import FilmCover, LooksAhead, Progress, backgrounds_of
from fairview.store.durable import reopen_file, replace_file

_SHARE_FIRST = 0.2
"""How much of the work finding the empty scene is, for the bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverWish:
    """What is to be covered.

    model: of road users; None: whole frames with outlines of what moves, or, with is_approved,
    silhouettes on the film's own empty scene, in which nobody stays. environment: says where models
    are (FAIRVIEW_MODELS). looks_fps: whole looks a second. fps: for inputs without times.
    report: where the report is to be written, which may not be there either.
    """

    source: Path
    out: Path
    model: str | None
    environment: Mapping[str, str]
    report: Path | None = None
    looks_fps: float = 8.0
    fps: float | None = None
    may_replace: bool = False
    is_approved: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.looks_fps <= 60:
            raise BadInput("a cover looks 1 to 60 times a second")


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverDone:
    """What was made, for the report.

    by_frac: mean share of the picture hidden by each of HIDDEN_BY over frames not wholly covered.
    """

    wish: CoverWish
    detectors: CoverDetectors | None
    width_px: int
    height_px: int
    frames: int
    seconds: float
    looks: int
    wholes: dict[WholeBecause, int]
    hidden_frac: float
    by_frac: tuple[float, ...]
    warnings: tuple[str, ...]
    cpu_s: float

    @property
    def frames_whole(self) -> int:
        return sum(self.wholes.values())

    def as_json(self) -> dict[str, object]:
        """The report's content."""
        cards = () if self.detectors is None else self.detectors.cards
        return {
            "version": 1,
            "fairview": __version__,
            "input": self.wish.source.name,
            "output": self.wish.out.name,
            "cover": "silhouettes" if self.detectors is None else "persons_covered",
            "models": [{"name": card.name, "sha256": card.sha256} for card in cards],
            "size_px": [self.width_px, self.height_px],
            "frames": self.frames,
            "seconds": round(self.seconds, 6),
            "looks": self.looks,
            "frames_whole": self.frames_whole,
            "frames_whole_because": {
                because.replace(" ", "_"): n for because, n in sorted(self.wholes.items())
            },
            "hidden_frac": round(self.hidden_frac, 6),
            "hidden_frac_by": {
                by.replace("-", "_"): round(frac, 6)
                for by, frac in zip(HIDDEN_BY, self.by_frac, strict=True)
            },
            "cpu_s": round(self.cpu_s, 3),
            "warnings": list(self.warnings),
        }


def cover_film(wish: CoverWish, move: Progress) -> CoverDone:
    """Write a covered copy of a film.

    The copy appears under its name only when it is complete.

    Errors:  BadInput for what can't be covered or written to; Conflict when the copy exists;
    NotFound for a missing input or model; Unavailable when the disk is full.
    Cost:    per picture: two decodings, the mask (1 to 3 ms), painting and encoding; per look
             some 60 to 100 ms of one core with the small models.
    """
    _refuse(wish)
    began_us = cpu_us()
    detectors = None
    if wish.model is not None:
        detectors = cover_detectors(ModelStore(models_folder(wish.environment)), wish.model)
    film = open_video(wish.source, fps=wish.fps)
    backgrounds = backgrounds_of(
        film,
        is_painted=detectors is None,
        move=lambda done, now: move(_SHARE_FIRST * done, now),
    )
    ahead = None
    if detectors is not None:
        again = open_video(wish.source, fps=wish.fps)
        ahead = LooksAhead(again, detectors.finders, wish.looks_fps)
    covering = FilmCover(
        film=film,
        backgrounds=backgrounds,
        ahead=ahead,
        move=lambda done, now: move(_SHARE_FIRST + (1 - _SHARE_FIRST) * done, now),
        is_approved=wish.is_approved,
    )
    part = wish.out.with_name(f".{wish.out.name}.part")
    try:
        written = write_mp4(covering.fragments(), part, faststart=True)
        with closing(reopen_file(part)) as made:
            made.sync()
        part.replace(wish.out)
    except OSError as error:
        raise Unavailable(f"can't write {wish.out}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    tally = covering.tally
    seen = max(tally.frames - sum(tally.wholes.values()), 1)
    return CoverDone(
        wish=wish,
        detectors=detectors,
        width_px=covering.size_px[0],
        height_px=covering.size_px[1],
        frames=tally.frames,
        seconds=written.duration_us / US_PER_SECOND,
        looks=0 if ahead is None else ahead.looks,
        wholes=dict(tally.wholes),
        hidden_frac=tally.hidden / max(tally.frames, 1),
        by_frac=tuple(one / seen for one in tally.by),
        warnings=covering.warnings,
        cpu_s=(cpu_us() - began_us) / US_PER_SECOND,
    )


def write_report(done: CoverDone, path: Path) -> None:
    """The report as JSON, whole or not at all. Errors: Unavailable when the disk is full."""
    text = json.dumps(done.as_json(), indent=2, ensure_ascii=False) + "\n"
    replace_file(path, text.encode(), mode=0o644)


def _refuse(wish: CoverWish) -> None:
    """What can be known to fail before any work is done."""
    if wish.out.suffix.lower() != ".mp4":
        raise BadInput(f"{wish.out} must end in .mp4: covered copies are H.264 in MP4")
    if wish.report is not None and wish.report.resolve() == wish.out.resolve():
        raise BadInput(f"{wish.report} is the covered copy itself; give the report another name")
    for path in (wish.out, wish.report):
        if path is None:
            continue
        if not path.parent.is_dir():
            raise BadInput(f"the folder {path.parent} is not there; make it first")
        if path.is_dir():
            raise BadInput(f"{path} is a folder; give a file name")
        if path.exists() and wish.source.exists() and path.samefile(wish.source):
            raise BadInput(f"{path} is the input itself; give another name")
        if path.exists() and not wish.may_replace:
            raise Conflict(f"{path} is there already; --force replaces it")
