"""Every bound, with its unit and its reason. Reaching one has the named outcome."""

from __future__ import annotations

from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND

FRAGMENT_US_MAX = 2 * US_PER_SECOND
"""The most footage one crash may cost. Outcome: the fragment is sealed and a new one begins."""

FRAGMENT_BYTES_MAX = 32 * 1024 * 1024
"""Memory of one open fragment (2 s at 128 Mbit/s). Outcome: sealed early."""

SEGMENT_US = 60 * US_PER_SECOND
"""A segment ends at the first key frame past this."""

SEGMENT_US_MAX = 120 * US_PER_SECOND
"""A stream without key frames is cut here all the same. Outcome: the run ends, a gap is stored."""

ROOTS_EVERY_US = 5 * US_PER_MINUTE
"""How often the ledger takes the Merkle root over new segment heads (decision 4)."""

KEYS_AHEAD_US = 48 * US_PER_HOUR
"""How far ahead a node's public halves are issued (decision 5)."""

RECONNECT_US_FIRST = 500_000
RECONNECT_US_MAX = 30 * US_PER_SECOND
"""Waits between tries to reach a camera: doubled each time up to the maximum."""

SOURCE_OPEN_US_MAX = 10 * US_PER_SECOND
SOURCE_READ_US_MAX = 10 * US_PER_SECOND
"""A camera that says nothing for this long is away. Outcome: end_run, a gap is stored."""

CATALOGUE_BATCH_MAX = 500
"""Changes in one durable commit (decision 15). More wait for the next one, never for company."""

WIRE_MESSAGE_BYTES_MAX = 64 * 1024 * 1024
"""One message between our processes. Outcome: the connection is closed with an error."""

DOOR_CONNECTIONS_MAX = 256
"""Connections at the door at once. Outcome: push_back (Overloaded)."""

LIVE_QUEUE_FRAGMENTS_MAX = 64
"""What a slow viewer may fall behind. Outcome: drop_oldest up to the next key frame."""

RENDERERS_MAX = 16
"""Covered renderings at once. Outcome: push_back (Overloaded)."""

LOOKS_OPEN_MAX = 4_096
"""Looks open at once. Outcome: push_back (Overloaded)."""

SESSION_US_MAX = 12 * US_PER_HOUR
"""A sign-in ends after this; nothing renews it."""

SIGN_IN_TRIES_MAX = 10
SIGN_IN_WINDOW_US = 5 * US_PER_MINUTE
"""Wrong passwords per name in the window. Outcome: push_back (Overloaded)."""

HOLD_LIVE_US = 600_000
"""How long a covered live picture is held before it is shown (decision 9)."""

SEGMENT_HEADER_BODY_BYTES_MAX = 4_096
"""A segment header's variable part. Outcome: a file that claims more is refused."""

SEALED_BYTES_MAX = 64 * 1024 * 1024
"""One sealed record (twice the largest fragment). Outcome: refused, writing and reading."""

DECODE_AWAY_US_MAX = (1 << 32) - 1
"""How far a sample's decoding time may lie from its fragment's earliest picture: as long as a
record can last. Outcome: refused, writing and reading."""

WIRE_CONNECTIONS_MAX = 256
"""Connections one of our processes answers at once. Outcome: push_back (Overloaded)."""

WIRE_POOL_MAX = 8
"""Calls one client has under way at once; more wait their turn. Streams don't count."""

WIRE_HANDSHAKE_US_MAX = 5 * US_PER_SECOND
"""A peer that connects and says nothing is let go after this."""

WIRE_CALL_US_MAX = 60 * US_PER_SECOND
"""A call unanswered for this long fails with Unavailable; its connection is dropped."""

WIRE_SEND_US_MAX = 30 * US_PER_SECOND
"""A peer that reads nothing for this long loses its connection."""

RESTART_US_FIRST = 200_000
RESTART_US_MAX = 10 * US_PER_SECOND
"""Waits before a process that ended is started again: doubled each time up to the maximum."""

CHILD_STOP_US_MAX = 15 * US_PER_SECOND
"""How long a process may take to end when asked. Outcome: it is killed."""

SESSIONS_PER_ACTOR_MAX = 32
"""Sign-ins of one actor at once. Outcome: drop_oldest."""

SIGN_IN_BUCKETS = 4_096
"""Counters of wrong tries for names that don't exist; a flood of names shares them."""

PASSWORD_CHECKS_MAX = 2
PASSWORD_CHECK_WAIT_US_MAX = 5 * US_PER_SECOND
"""Password checks at once (64 MiB each) and the wait for one. Outcome: push_back (Overloaded)."""

PASSWORD_CHARACTERS_MIN = 10
PASSWORD_CHARACTERS_MAX = 1_024

SET_UP_LINK_US = US_PER_HOUR
"""The set-up link dies after this, on use, and when the door stops."""

LOOK_STORED_US = US_PER_HOUR
"""A look at stored footage may be used for this long; nothing renews it."""

LOOK_READS_MAX = 64
"""Stretches per camera remembered apart for a closing line. Outcome: neighbours are merged."""

DENIALS_PER_MINUTE_MAX = 60
"""Denied looks per actor that get a ledger line of their own. Outcome: push_back (Overloaded)."""

RENDERED_PARTS_BYTES_MAX = 256 * 1024 * 1024
RENDERED_PARTS_PER_LOOK_MAX = 32
"""Covered parts kept for a second reading within their look. Outcome: drop_oldest."""

SHRED_SEGMENTS_PER_STEP_MAX = 10_000
"""Segments of one camera-hour's pair that one certificate names at most."""

ROOT_SEGMENTS_MAX = 10_000
"""Segment heads under one ledger leaf. Outcome: the rest goes under the next leaf."""

CLOCK_AHEAD_US_MAX = 24 * US_PER_HOUR
SHRED_PAUSE_US_MAX = 24 * US_PER_HOUR
"""A clock further ahead than this pauses shredding; after the pause viewing stops (decision 7)."""

EXPORT_CHUNK_BYTES = 1024 * 1024
"""An export leaves in pieces of this size."""

WEB_BODY_BYTES_MAX = 64 * 1024
"""Body of one request, first message of one socket. Outcome: push_back (BadInput)."""

WEB_DOOR_CALLS_MAX = 32
WEB_DOOR_CALLS_WAITING_MAX = 256
"""Threads in calls to the door, and requests that wait for one. Outcome: push_back (Overloaded)."""

WEB_STREAMS_MAX = 192
"""Live sockets and downloads at once, a thread each; with the calls above below the door's
connections. Outcome: push_back (Overloaded)."""

WEB_SEND_US_MAX = 10 * US_PER_SECOND
"""How long one live piece may wait for a slow viewer. Outcome: end_run, the socket is closed."""

WEB_TOKEN_WAIT_US_MAX = 10 * US_PER_SECOND
"""How long a new socket may wait with its look token. Outcome: end_run."""

WEB_TICKET_US = 60 * US_PER_SECOND
WEB_TICKETS_MAX = 256
"""A one-time download address lives this long; more at once: drop_oldest."""

WEB_TIMELINE_US_MAX = 7 * 24 * US_PER_HOUR
"""The longest timeline one request may ask for. Outcome: push_back (BadInput)."""

CLEAN_SAMPLES_MIN = 9
CLEAN_SAMPLES_MAX = 61
"""Pictures a clean picture is the median of. Fewer: refused; more: evenly thinned."""

CLEAN_SPAN_US_MIN = US_PER_HOUR
"""Footage a real camera's clean picture is made from (decision 9). Less: refused."""

PNG_BYTES_MAX = 64 * 1024 * 1024
"""A clean picture as PNG (8K without any compression). Outcome: refused."""

FRAGMENT_US_AIM = 1_800_000
"""A fragment without a new key frame is closed here, so that sealing and syncing it also fit into
the 2 s that a crash may cost (FRAGMENT_US_MAX)."""

HOLE_US_MIN = US_PER_SECOND
"""Footage further apart than this has a gap between; nearer, it counts as one (playback, gaps)."""

CLOCK_JUMP_US_MIN = US_PER_SECOND
"""Wall clock and camera clock disagreeing by more than this end the run (because clock_jump); so
does a camera's clock that goes back by more."""

KEY_CLOCK_DOUBT_US = US_PER_HOUR
"""Wall clock and counted clock further apart than one camera-hour: seal to the spare pair."""

KEY_FILE_FRESH_US = 2 * US_PER_MINUTE
"""A key file issued this shortly ago vouches for the wall clock (decision 5)."""

KEY_FILE_BYTES_MAX = 4 * 1024 * 1024
"""A key file of 30 days has some 720 pairs. Outcome: refused, the spare pair is used."""

DISK_RETRY_US_FIRST = US_PER_SECOND
DISK_RETRY_US_MAX = 30 * US_PER_SECOND
"""Waits between tries to begin a segment while the disk fails, doubled each time."""

DISK_FREE_BYTES_MIN = 64 * 1024 * 1024
"""A failed write with less room than this left is told as a full disk."""

ROWS_WAITING_MAX = 20_000
"""Rows kept while the catalogue is away (100 cameras for some hours). Outcome: drop_oldest; the
blobs hold what `check` needs to write them again."""

ROWS_RETRY_US_FIRST = 200_000
ROWS_RETRY_US_MAX = 10 * US_PER_SECOND
"""Waits between tries to reach the catalogue, doubled each time."""

LIVE_GROUP_BYTES_MAX = 32 * 1024 * 1024
LIVE_GROUP_PACKETS_MAX = 3_000
"""The group of pictures kept for new viewers. Outcome: drop_oldest, they wait for a key frame."""

LIVE_QUEUE_BYTES_MAX = 32 * 1024 * 1024
LIVE_QUEUE_PACKETS_MAX = 1_500
"""What one viewer may fall behind. Outcome: drop_oldest up to the next key frame."""

LIVE_SUBSCRIBERS_MAX = 64
"""Viewers of one stream at its tap (the door shares renderings). Outcome: push_back."""

PART_US_MAX = 6 * US_PER_SECOND
"""A playable part takes in whole groups of pictures up to this; one longer group stands alone."""

SEALING_ROOMS_MAX = 4
SEALING_ROOM_BYTES_MAX = 4 * 1024 * 1024
"""Working space kept between fragments, about one a core. Outcome: taken anew and let go."""

CLOCK_JUMP_US_MAX = 10 * US_PER_SECOND
"""A camera's clock may step forward by this much. Outcome: end_run, a gap (clock_jump)."""

KEY_INTERVAL_US_ASSUMED = 2 * US_PER_SECOND
"""Until two key frames were seen: how far a camera's clock may go back before the run ends."""

FRAME_US_ASSUMED = 40_000
"""How long a picture lasts when nothing tells: 25 pictures a second."""

START_HELD_PACKETS_MAX = 32
"""Packets held at a run's start until their times are known (H.264 reorders by 16 at most)."""

START_BURST_PACKETS_MAX = 600
"""Packets held at a run's start while they come faster than they were made (20 s at 30 fps).
Outcome: the wall clock is anchored on what has come."""

START_BURST_US_MAX = 3 * US_PER_SECOND
"""The same in waiting time, so that a live picture shows soon."""

WALLCLOCK_SLEW_FRAC = 0.001
"""How fast camera time is moved towards ours: 1 ms a second, over any quartz's drift (0.0001)."""

WALLCLOCK_WINDOW_US = 30 * US_PER_SECOND
"""The least delay in a window of this length is the measure of drift; jitter only adds."""

WALLCLOCK_STEP_US_MAX = 5 * US_PER_SECOND
"""Further apart than this a clock was set, it did not drift. Outcome: end_run (clock_jump)."""

STEADY_US = 10 * US_PER_SECOND
"""A connection that gave pictures for this long makes the waits short again."""

SQLITE_BUSY_US_MAX = 5 * US_PER_SECOND
"""A database that another process holds for longer is unavailable. Outcome: Unavailable."""

SQLITE_READERS_MAX = 16
"""Connections of one process to one database. Outcome: the next one waits, then Unavailable."""

CATALOGUE_PAGE_MAX = 5_000
"""Rows in one message of a longer answer; keeps it near a megabyte."""

NODE_TURN_US = 500_000
"""How often the node looks after its processes and at which cameras there are."""

PROCESS_START_US_MAX = 30 * US_PER_SECOND
"""How long a process may take until it answers. Outcome: the node ends with Unavailable."""

NOTE_BYTES_MAX = 128 * 1024
NOTE_SIGNATURES_MAX = 32
"""A signed note: 16 signatures must be accepted, post-quantum ones are near 5 kB. Outcome:
refused."""

LOG_PROOF_BYTES_MAX = 256 * 1024
"""A .tlog-proof file: 64 hashes, a note and little else. Outcome: refused."""

LEDGER_ENTRY_BYTES_MAX = 65_535
"""One ledger entry; a bundle writes lengths in two bytes. Outcome: refused."""

LEDGER_BATCH_ENTRIES_MAX = 1_024
"""Entries that share one checkpoint, also those of one call. Outcome: the rest waits; one call
with more is refused."""

LEDGER_WAITING_ENTRIES_MAX = 8_192
"""Entries that wait for the ledger's disk. Outcome: push_back (Overloaded)."""

LEDGER_BUNDLES_KEPT_MAX = 8
"""Full entry bundles kept after a reading (8 MB at the usual 4 kB an entry). Outcome:
drop_oldest."""

SEGMENTS_BROKEN_MAX = 64
"""Segments of one stream that wait to be closed after disk failures. Outcome: drop_oldest, they
are closed at the next start."""

RENDER_MESSAGE_BYTES_MAX = 256 * 1024 * 1024
"""One request to a rendering child, with its sealed bytes. Outcome: Unavailable."""

RENDER_PART_US_MAX = 30 * US_PER_SECOND
RENDER_PICTURE_US_MAX = 15 * US_PER_SECOND
RENDER_CLEAN_US_MAX = 180 * US_PER_SECOND
RENDER_LIVE_US_MAX = 5 * US_PER_SECOND
RENDER_START_US_MAX = 20 * US_PER_SECOND
"""How long a rendering child may take for one answer. Outcome: it is killed, Unavailable."""

RENDER_IDLE_US_MAX = 30 * US_PER_SECOND
"""A child waits this long for more of its look. Outcome: it ends, and its keys with it."""

RENDER_MEMORY_BYTES_MAX = 3 * 1024 * 1024 * 1024
RENDER_CPU_SECONDS_MAX = 6 * 3_600
"""Address space and CPU time of one rendering child. Outcome: it dies and is replaced."""

LIVE_LINGER_US = 5 * US_PER_SECOND
"""A live rendering without viewers goes on this long, so that a reload finds it warm."""

LIVE_CHUNK_US = 200_000
LIVE_KEY_EVERY_US = 2 * US_PER_SECOND
"""Length of one live piece, and how often a new viewer can join."""

CATALOGUE_TIDY_US = 60 * US_PER_SECOND
"""How often the write-ahead log is folded into the database and cut."""

CAMERA_RETRY_US = 5 * US_PER_SECOND
"""How long a stream waits after its recorder failed before it is tried again."""

CAMERA_STOP_US_MAX = 12 * US_PER_SECOND
"""How long a stream may take to end; a read under way ends with its own time-out."""

LIVE_RESTARTS_MAX = 5
"""How often one live rendering gets a new child. Outcome: Unavailable for its viewers."""

KEY_FILE_PAIRS_MAX = 31 * 24
"""Pairs issued ahead in one key file: 30 days at an edge, and the hours around them."""

PICTURE_LEAD_US = 130 * US_PER_SECOND
"""How far before a moment its segment can begin (SEGMENT_US_MAX and some)."""

SDP_BYTES_MAX = 64 * 1024
"""A camera's description of its streams. Outcome: refused."""

PROBE_US_MAX = 5 * US_PER_SECOND
"""How long a probe watches a stream to tell its rate and key-frame interval."""

SIM_RENDER_US_MAX = 5 * US_PER_MINUTE
"""Drawing a simulated loop takes seconds; longer than this it hangs. Outcome: Unavailable."""

SIM_PAINTERS_MAX = 4
"""Processes drawing one simulated loop at once. More would starve what starts beside them."""

SIM_LOOK_US = 100_000
"""How often a simulated camera looks whether its next pictures are drawn."""

SIM_BEHIND_US_MAX = 30 * US_PER_SECOND
"""How far a reader of a simulated camera may fall behind. Outcome: the camera hangs up."""

FAULT_SCRIPT_MAX = 1_000
"""Faults in one script. Outcome: BadInput."""

PICTURE_WIDTH_PX_MIN = 32
PICTURE_WIDTH_PX_MAX = 3_840
"""How wide a single picture may be asked for."""

CLEAN_REFRESH_US = 6 * US_PER_HOUR
"""How old an approved clean picture becomes before it is refreshed where nothing is present."""

CLEAN_LOOK_BACK_US = 90 * US_PER_MINUTE
"""How far back footage for a clean picture is looked for."""

CAMERAS_MAX = 2_000
"""Cameras of one node, removed ones included. Outcome: Conflict."""

CAMERA_FRESH_US = 75 * US_PER_SECOND
"""Footage newer than this means that a camera is being recorded: an open segment's row may lag
by a segment."""

CAMERA_STARTING_US = 10 * US_PER_MINUTE
"""How far back a camera's newest footage is looked for first."""

EVENTS_LOOKED_AT_MAX = 2_000
"""Health events of the last day that are read to tell how cameras are."""

SPARE_GRACE_US = 10 * US_PER_MINUTE
"""How long after its day a recorder may still take yesterday's spare pair."""

RECOVERY_LOOK_BACK_US = 6 * US_PER_HOUR
"""How far behind a camera's newest blob a start looks for lost rows and gaps; keeps the start of a
hundred cameras within seconds. What is older is left to `check`."""

REBUILD_BATCH_MAX = 500
"""Rows in one write while a catalogue is made anew."""

OPEN_ROW_US = 10 * US_PER_SECOND
"""How far the row of a segment that still grows may lag behind its footage: some six row updates
a minute and stream, in batches with all others (decision 15)."""

DOOR_TURN_US = US_PER_SECOND
"""How often the door looks at what it has to do."""

KEYS_ISSUE_EVERY_US = US_PER_MINUTE
CLEAN_PICTURES_EVERY_US = 2 * US_PER_MINUTE
"""How often keys are issued ahead, and how often a clean picture is tried."""

TIMELINE_US_MAX = 32 * US_PER_DAY
"""One timeline question. Outcome: BadInput."""

LEDGER_LINES_MAX = 1_000
EVENTS_MAX = 10_000
"""Lines of the ledger and health events in one answer. Outcome: the newest are given."""

EXPORTS_MAX = 2
"""Exports being made at once, each in memory up to EXPORT_MEMORY_BYTES_MAX. Outcome: push_back."""

EXPORT_MEMORY_BYTES_MAX = 2 * 1024 * 1024 * 1024
"""One export's media, kept in memory because a file would be clear footage on the disk.
Outcome: BadInput, asking for a shorter span."""

VERIFY_FILES_MAX = 10_000
VERIFY_FILE_BYTES_MAX = 4 * 1024 * 1024 * 1024
"""A bundle that is checked: files in it, and bytes of one. Outcome: BadInput."""

RECORD_TURN_US = 100_000
"""How often a command that records looks whether it is time to end."""

DOOR_CALLS_MAX = 64
DOOR_CALL_US_MAX = 90 * US_PER_SECOND
"""Calls that one client of the door has under way, and the wait for an answer: rendering and
probing are slower than rows."""

CENSUS_CLAIMS_MAX = 100_000
CENSUS_TEXT_MAX = 2_000
"""Claims in one file, and characters kept of a row that could not be read.
Outcome: BadInput; the text is cut."""

CENSUS_BATCH_ROWS = 10_000
"""Surveyed cameras held while a source is imported: what keeps the memory flat."""

CENSUS_ASIDE_ROWS_MAX = 100_000
"""Unreadable rows of one source that are kept word for word. Outcome: BadInput, since a source
with more is misread as a whole."""

CENSUS_JSON_ITEM_BYTES_MAX = 16 * 1024 * 1024
"""One feature of a JSON source (a boundary with all its points). Outcome: BadInput."""

CENSUS_PLACES_MAX = 10_000
"""Boundaries in one census. Outcome: BadInput."""

CENSUS_PAGES_BYTES_MAX = 512 * 1024 * 1024
"""Everything `census publish` writes, held in memory before it is written. Outcome: BadInput."""

PROBE_CHILD_US_MAX = 45 * US_PER_SECOND
"""Looking at one address, all its own time limits included. Outcome: the child is killed."""

STRIP_PICTURES_MAX = 1_500
STRIP_WIDTH_PX_MAX = 480
"""Single pictures of one strip of thumbnails (one a minute of a day), and how wide: enough to
find a moment, too little to watch a day. Outcome: BadInput; narrower."""

WAITING_KNOWN_US = 10 * US_PER_SECOND
"""How old the answer may be whether a clean picture waits."""

CLEAN_TRY_US = 10 * US_PER_MINUTE
"""Between two tries at a clean picture of one camera."""

LEAN_READ_EVERY_US = 97_000
LEAN_CALM_TURNS = 3
"""How often a stream's connection is emptied, once it runs: one wake-up for some pictures, at
most a tenth of a second late; three tenths where nobody watches and the connection bears it. No
multiples of a usual picture's length, so that each look comes at another moment of a picture and
the least delay is found all the same."""

LEAN_EAGER_US = 2 * US_PER_SECOND
"""How long after its start every packet is taken at once: the wall clock is anchored on these."""

LEAN_ROOM_BYTES = 512 * 1024
LEAN_ROOMS_MAX = 2
"""Working space of one look at a connection (its frames are 64 KiB at most), and how much of it is
kept between looks, shared by all streams. Outcome: more is read at the next look."""

LEAN_LOOKS_IN_ROW_MAX = 8
"""Looks at one connection in a row while each fills its room. Outcome: the rest waits its turn."""

LEAN_UNIT_BYTES_MAX = 16 * 1024 * 1024
"""One access unit (an 8K key frame has a few megabytes). Outcome: BadInput, end_run."""

LEAN_EARLY_BYTES_MAX = 2 * 1024 * 1024
"""What a server may send before it answers PLAY. Outcome: BadInput."""

LEAN_ASTRAY_BYTES_MAX = 1024 * 1024
"""Bytes in a row that are no frame, while the next one is looked for. Outcome: BadInput."""

LEAN_SETS_MAX = 32
"""Parameter sets before one picture. Outcome: more are kept in the picture, but not looked at."""

WAYS_KEPT_MAX = 64
"""Road users' ways over the ground kept, so that each line and zone they pass need not reckon them
again; about 100 bytes a point. Outcome: the least recently asked for is reckoned again."""
