"""What other tools call road users, in our nine classes."""

from __future__ import annotations

from fairview.core.sight import (
    ANIMAL,
    BICYCLE,
    BUS,
    CAR,
    KINDS,
    MOTORCYCLE,
    OTHER,
    PERSON,
    TRUCK,
    VAN,
)

_KNOWN: dict[str, int] = {
    **{name: number for number, name in enumerate(KINDS)},
    "pedestrian": PERSON,
    "people": PERSON,
    "bicyclist": BICYCLE,
    "cyclist": BICYCLE,
    "bike": BICYCLE,
    "cargo_bike_driver": BICYCLE,
    "bicyclist_with_trailer": BICYCLE,
    "motorcyclist": MOTORCYCLE,
    "motorbike": MOTORCYCLE,
    "scooter_driver": MOTORCYCLE,
    "car_with_trailer": CAR,
    "private_van": VAN,
    "private_van_with_trailer": VAN,
    "delivery_van": VAN,
    "delivery_van_with_trailer": VAN,
    "truck_with_trailer": TRUCK,
    "truck_with_semitrailer": TRUCK,
    "lorry": TRUCK,
    "coach": BUS,
    "train": OTHER,
    "tram": OTHER,
    "bird": ANIMAL,
    "cat": ANIMAL,
    "dog": ANIMAL,
    "horse": ANIMAL,
    "sheep": ANIMAL,
    "cow": ANIMAL,
}
_KNOWN_MAX = 64
"""Unknown names that are told one by one."""


class KindNames:
    """Maps names to KINDS and remembers which it did not know."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._unknown: dict[str, int] = {}

    def number(self, name: str) -> int:
        """The class of a name; `other` for one we don't know."""
        found = self._seen.get(name)
        if found is None:
            plain = name.strip().lower().replace(" ", "_").replace("-", "_")
            found = _KNOWN.get(plain, OTHER)
            if len(self._seen) < _KNOWN_MAX:
                self._seen[name] = found
            if plain not in _KNOWN and len(self._unknown) < _KNOWN_MAX:
                self._unknown[name] = 0
        if name in self._unknown:
            self._unknown[name] += 1
        return found

    def warnings(self) -> tuple[str, ...]:
        return tuple(
            f"class {name[:60]!r} is not one of ours and became 'other' ({times} boxes)"
            for name, times in self._unknown.items()
        )
