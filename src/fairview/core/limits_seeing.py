"""The bounds of seeing: scenes, models, pictures, tracks, measures and covers. See limits.py."""

from __future__ import annotations

from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND

SCENE_BYTES_MAX = 1024 * 1024
"""A scene file. Outcome: a larger one is refused."""

SCENE_THINGS_MAX = 256
SCENE_POINTS_MAX = 256
"""Things of one kind in a scene, and points of one line or polygon (checked pair by pair).
Outcome: the scene is refused."""

MODEL_CARD_BYTES_MAX = 64 * 1024
MODEL_FILE_BYTES_MAX = 256 * 1024 * 1024
"""A model's card and its file; the largest that runs on a CPU is below. Outcome: refused."""

MODEL_CONNECT_US_MAX = 15 * US_PER_SECOND
MODEL_PULL_US_MAX = 30 * US_PER_MINUTE
"""How long a publisher's address may stay silent, and one download last. Outcome: Unavailable;
what has come is kept and gone on with next time."""

MODEL_REDIRECTS_MAX = 5
"""Addresses a publisher may send us on to. Outcome: Unavailable."""

CANDIDATE_BOXES_MAX = 400
"""Boxes of one picture that are compared with one another; a crowd of 100 gives some 300.
Outcome: the lowest scores are dropped."""

MOTION_CAMERAS_MAX = 256
"""Cameras of which one detector keeps the empty scene (1.5 MB each). Outcome: drop_oldest."""

MOTION_BOXES_MAX = 200
"""Moving things of one picture. Outcome: the smallest are dropped."""

BATCH_QUEUE_PICTURES_MAX = 4
"""Pictures of one camera that wait for the detector: half a second at 8 a second, 2 MB.
Outcome: drop_oldest, told as Unmeasurable (overloaded)."""

BATCH_PICTURES_MAX = 8
"""Pictures in one call of the detector; more make every camera wait longer and save nothing."""

FEW_PERSONS = 5
"""Counts of people below this are not said without a case (design, section 2), in bins of at least
5 minutes. Outcome: the count says only that it is small."""

MEASURES_US_MAX = 31 * US_PER_DAY
"""Counts asked for at once: 31 days of 15-minute bins of one camera. Outcome: BadInput."""

PICTURE_FILE_BYTES_MAX = 64 * 1024 * 1024
FOLDER_PICTURES_MAX = 2_000_000
"""One picture of a folder (8K without compression), and how many a folder may hold (a day at
20 a second). Outcome: that picture counts as damaged; the folder is refused."""

PICTURE_PIXELS_MAX = 128 * 1024 * 1024
"""Pixels of one picture of a folder (four times 8K); a small file can claim billions. Outcome: that
picture counts as damaged."""

PICTURES_HELD_MAX = 64
"""Pictures held back until their number is known; H.264 reorders by 16. Outcome: the oldest is
given with the number known so far."""

TRACK_BOXES_MAX = 1_000
"""Boxes of one picture that are tracked. Outcome: those with the lowest scores are dropped."""

TRACKS_OPEN_MAX = 20_000
"""Tracks open at once in one process (100 cameras with 200 each). Outcome: boxes begin no new
track until one ends."""

TRACK_POINTS_MAX = 65_536
"""Points of one track (44 minutes at 25 a second; 4 MB). Outcome: it is finished and begins anew,
as for a car that is parked."""

TRACKS_FINISHED_MAX = 100_000
"""Finished tracks of one camera that nobody has taken. Outcome: push_back (Overloaded)."""

TRAIL_POINTS_MAX = 64
"""Latest ground points of a track under way that are drawn."""

COVER_HOLD_US = 600_000
"""How long a cover hides a place beyond its last and, in files, before its first find (as long as
a live picture is held)."""

COVER_LINK_US_MAX = 2 * US_PER_SECOND
"""Two finds further apart than this are not joined by a straight path."""

COVER_STAY_US_MAX = 60 * US_PER_SECOND
"""How long an unchanged place stays hidden without another find; somebody who sits there is found
now and then, a mistaken box is not. Also how far a file's cover is made behind its looks."""

COVER_CHAINS_MAX = 512
"""Places followed by one cover. Outcome: the whole frame is covered."""

COVER_LOOK_US_MAX = US_PER_SECOND
"""A cover without a whole look for this long is late (decision 9). Outcome: the whole frame."""

SCENES_EVERY_US = 5 * US_PER_SECOND
"""How often the node and the analysers look for new scenes: a question per camera each time."""

ANALYSIS_RETRY_US = 60 * US_PER_SECOND
"""How long a camera waits whose scene can't be worked with (a model that is not here) before it is
tried again."""

FILE_ROWS_MAX = 50_000_000
FILE_FRAMES_MAX = 20_000_000
FILE_LINE_CHARACTERS_MAX = 1_000
"""Rows, frames (9 days at 25 a second) and line length of another tool's file of tracks.
Outcome: BadInput, asking for parts."""

WATCH_LATE_US_MAX = 3 * US_PER_SECOND
"""How far looking may fall behind a camera that is watched. Outcome: drop_oldest; pictures are
passed over, and their stretch counts as not looked at."""

WATCH_POINTS_MAX = 20_000_000
"""Points of finished tracks kept until everything is measured (some 1.5 GB; about a day of a busy
junction at 5 pictures a second). Outcome: end_run; what was looked at until then is measured."""

COVER_BACKGROUND_US = 10 * US_PER_MINUTE
"""A film's empty scene is found anew for every stretch of this length, as light changes."""

WATCH_SORTED_POINTS_MAX = 2_000_000
"""Track points up to which tracks.txt is sorted by frame (300 bytes each while that is done).
Outcome: beyond it the rows of each track stand together."""

FILE_JSON_BYTES_MAX = 512 * 1024 * 1024
"""Another tool's JSON file, unpacked; needs some ten times that while it is read.
Outcome: BadInput, asking for parts."""

MEASURE_LATE_US_MAX = US_PER_HOUR
MEASURE_TRACKS_MAX = 50_000
"""Finished tracks a running camera keeps, so that one that ends late (a parked vehicle) or is the
second half of another still counts. Outcome: a track that comes later is dropped, with a warning.
"""

BINS_MAX = 100_000
"""Bins of one run (a day of seconds, three years of quarter hours); a wrong time stamp makes
millions. Outcome: BadInput."""

HEALTH_STRETCHES_MAX = 2_000
"""Stretches of one camera's faults kept for telling what could not be measured. Outcome:
drop_oldest."""

ANALYSIS_SO_FAR_US = 10 * US_PER_SECOND
"""How often the counts of the bin under way are written as they stand: a few rows a camera."""

GATE_SECONDS_MAX = 900
"""Seconds of one camera that its gate remembers for testing itself. Outcome: drop_oldest."""

GATE_ANSWERS_MAX = 256
"""What was found in pictures, on its way to a camera's gate. Outcome: drop_oldest."""

GATE_KEPT_PACKETS_MAX = 1_500
GATE_KEPT_BYTES_MAX = 16 * 1024 * 1024
"""Packets kept undecoded while a gate sleeps (20 s at 6 Mbit/s). Outcome: it wakes."""

GATE_NUISANCES_MAX = 64
"""Places of one camera whose look changes without anything moving. Outcome: drop_oldest."""

GATE_QUIET_SPANS_MAX = 64
"""Quiet stretches of one camera not told yet; one comes every few seconds, and each picture takes
them. Outcome: drop_oldest, that stretch counts as not looked at."""

GATE_ROOM_WAIT_US_MAX = 2 * US_PER_SECOND
"""How long one late picture waits for room before the detector after a gate woke. Outcome: it is
put all the same (drop_oldest)."""

COVER_AHEAD_US = 400_000
"""How far looks run ahead of the covered pictures, live ones too: what of the hold (HOLD_LIVE_US)
is left when a piece of LIVE_CHUNK_US has come together."""

COVER_HELD_PICTURES_MAX = 16
"""Decoded pictures held back for that (50 MB at 1080 lines). Outcome: the oldest goes early."""

COVER_STORED_LOOK_US = 500_000
"""How often a cover is looked for while recording: half of what makes one late, so that a picture
may be dropped."""

COVER_STORED_EVERY_US = 200_000
"""How far apart stored masks lie. A walker goes 0.3 m in this time, less than the margins hide."""

COVER_BEHIND_US = 1_200_000
"""How far stored masks are made behind the looks: COVER_HOLD_US and one look more, so that whoever
is found is also hidden before it."""

REGIONS_WAITING_MAX = 256
"""Codes of one camera that wait for their recorder (50 s, some 100 KB). Outcome: drop_oldest."""

REGION_SUBSCRIBERS_MAX = 2
"""Recorders that read one camera's codes: its own, and one that is about to notice that it lost
the camera. Outcome: Overloaded."""

REGION_SIDE_PX_MAX = 1_024
REGION_CODE_BYTES_MAX = 256 * 1024
"""A stored cover mask: three times the side of any that is made, and every pixel a run of its
own. Outcome: refused, and the picture is looked at anew."""
