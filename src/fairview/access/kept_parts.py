"""What was rendered for a look a moment ago, kept for its player's second question."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass

from fairview.core.ids import CameraId, LookId
from fairview.core.limits import RENDERED_PARTS_BYTES_MAX, RENDERED_PARTS_PER_LOOK_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPart:
    """A part as it leaves: its initialisation and its media."""

    init: bytes
    media: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.init) + len(self.media)


PartKey = tuple[LookId, CameraId, int]


class KeptParts:
    """Bounded in bytes over all looks and in number per look; drop_oldest.

    Two questions for the same part render it once. Safe from several threads.
    """

    def __init__(
        self,
        bytes_max: int = RENDERED_PARTS_BYTES_MAX,
        per_look_max: int = RENDERED_PARTS_PER_LOOK_MAX,
    ) -> None:
        self._bytes_max = bytes_max
        self._per_look_max = per_look_max
        self._lock = threading.Lock()
        self._parts: OrderedDict[PartKey, KeptPart] = OrderedDict()
        self._making: dict[PartKey, threading.Lock] = {}
        self._bytes = 0

    def get(self, key: PartKey, make: Callable[[], KeptPart]) -> KeptPart:
        """The kept part, or the one that `make` renders. Errors: whatever make raises."""

        def whole() -> Generator[KeptPart, None, None]:
            yield make()

        (made,) = self.pieces(key, whole)
        return made

    def pieces(
        self, key: PartKey, make: Callable[[], Generator[KeptPart, None, None]]
    ) -> Generator[KeptPart, None, None]:
        """The kept part as one, or the pieces that `make` renders, as they come.

        Who asks for the same while it is made waits until it is whole. Close the iterator to leave
        early; nothing is kept then. Errors while iterating: whatever make raises.
        """
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            try:
                with self._lock:
                    kept = self._parts.get(key)
                    if kept is not None:
                        self._parts.move_to_end(key)
                if kept is not None:
                    yield kept
                    return
                made = []
                with closing(make()) as pieces:
                    for piece in pieces:
                        made.append(piece)
                        yield piece
                media = b"".join(piece.media for piece in made)
                self._keep(key, KeptPart(init=made[0].init, media=media))
            finally:
                with self._lock:
                    self._making.pop(key, None)

    def forget(self, look: LookId) -> None:
        """Drop everything of a look."""
        with self._lock:
            for key in [key for key in self._parts if key[0] == look]:
                self._bytes -= self._parts.pop(key).size_bytes

    @property
    def size_bytes(self) -> int:
        return self._bytes

    def _keep(self, key: PartKey, made: KeptPart) -> None:
        with self._lock:
            self._parts[key] = made
            self._bytes += made.size_bytes
            mine = [one for one in self._parts if one[0] == key[0]]
            for old in mine[: max(0, len(mine) - self._per_look_max)]:
                self._bytes -= self._parts.pop(old).size_bytes
            while self._bytes > self._bytes_max:
                _, old_part = self._parts.popitem(last=False)
                self._bytes -= old_part.size_bytes
