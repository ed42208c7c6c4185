"""The bounds of keeping around events and by hours, and of single pictures. See limits.py."""

from __future__ import annotations

from fairview.core.time import US_PER_SECOND

PRE_ROLL_BYTES_MAX = 48 * 1024 * 1024
"""A stream's pictures in memory before something happens: a minute at 6 Mbit/s. Outcome:
drop_oldest, whole groups of pictures; the log says how long a pre-roll there is room for."""

TRIGGER_DELAY_US = 10 * US_PER_SECOND
"""How late a trigger may be told: pre-roll keeps this much more, so that what it was set to is
still there. Motion is told within 5 s where key frames are at most 4 s apart."""

SIGN_EVERY_US = US_PER_SECOND
"""How often an analyser says of a camera kept around events that it looks, and what it sees."""

SIGNS_SILENT_US = 5 * US_PER_SECOND
SIGNS_LATE_US = 10 * US_PER_SECOND
"""A trigger that was not heard for so long, or looks at pictures this old, tells nothing.
Outcome: the camera is kept always until it tells again."""

SIGNS_TOLD_US = 30 * US_PER_SECOND
"""A trigger that is silent for longer than a start takes is told as a health event."""

SIGNS_WAITING_MAX = 16
"""Signs of one camera that wait for their recorder. Outcome: drop_oldest; each says all."""

SIGN_READERS_MAX = 2
"""Recorders that hear one camera's signs: its own, and one that is about to notice that it lost
the camera. Outcome: Overloaded."""

REST_ROW_US = 10 * US_PER_SECOND
"""How often the gap of a camera that rests grows in the catalogue: one small row."""

MOTION_LOOK_US = 200_000
"""How often a picture is looked at for motion while a camera's gate is awake."""

RULES_LOOK_US = 2 * US_PER_SECOND
RULE_TRACKS_MAX = 64
"""How often rules are asked while road users are in the picture, and of how many. Outcome:
drop_oldest, those that ended first."""

TIME_LAPSE_PICTURES_MAX = 20_000
"""Pictures of one time-lapse: two days at one every ten seconds, a quarter of an hour's work.
Outcome: BadInput, naming how far apart they may be."""

WEB_TIME_LAPSE_PICTURES_MAX = 3_000
"""Of one asked for on the page, whose browser waits meanwhile: two to three minutes' work.
Outcome: BadInput."""
