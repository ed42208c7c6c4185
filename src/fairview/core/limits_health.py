"""Every bound of watching over the node, with its unit and its reason."""

from __future__ import annotations

from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND

SIGNS_EVERY_US = 2 * US_PER_SECOND
"""How often a process tells its figures; a lost telling is made up for by the next."""

SIGNS_OLD_US = 30 * US_PER_SECOND
"""A process that told nothing for this long is silent. Outcome: a condition; its figures count
no more."""

SIGNS_CALL_US_MAX = 5 * US_PER_SECOND
"""How long telling figures may take. Outcome: they are dropped, the next are told."""

SILENT_US = 15 * US_PER_SECOND
"""A stream that is connected and sends no packet for this long is silent."""

UNSTORED_US = 30 * US_PER_SECOND
"""Packets come, and nothing of them was stored for this long: footage is being lost."""

STARTING_US = US_PER_MINUTE
"""A stream's first packet may take this long before its absence is a condition."""

ROWS_WAITING_MANY = 1_000
"""Rows that wait for the catalogue; beyond this it doesn't keep up."""

KEYS_SHORT_US = 12 * US_PER_HOUR
"""Public halves issued for less than this ahead: the door has not issued for a day and a half."""

CLOCK_STEP_US = US_PER_SECOND
"""The machine's clock and its counted time parted by this between two looks: it was set."""

CLOCK_STEP_SHOWN_US = 10 * US_PER_MINUTE
"""How long a step of the machine's clock stays a condition after it happened."""

CAMERA_CLOCK_US = 2 * US_PER_SECOND
"""A camera's clock further from the machine's than this is told."""

CAMERA_DRIFT_PPM = 500.0
"""A camera's clock that runs faster or slower than this (43 s a day) is told."""

CERTIFICATE_DAYS_MIN = 14
"""A certificate that ends within this many days is told."""

REVIEW_SOON_US = 28 * US_PER_DAY
"""A register entry to be reviewed within this time is told."""

DISK_FULL_SOON_US = 2 * US_PER_DAY
"""A disk that is full within this time at its present rate is told."""

DISK_RATE_US_MIN = 10 * US_PER_MINUTE
DISK_RATE_US_MAX = 6 * US_PER_HOUR
"""The time over which a disk's filling is measured: too little tells nothing, too much is past."""

RESTARTS_WINDOW_US = 10 * US_PER_MINUTE
RESTARTS_MANY = 3
"""A process that ended this often within the window is failing."""

LOOKED_SHARE_MIN = 0.5
"""An analyser that looks at less than this share of a camera's pictures is overloaded."""

RATE_US_MIN = 10 * US_PER_SECOND
"""The time over which pictures and bits a second are measured."""

HEALTH_TURN_US = US_PER_SECOND
"""How often conditions are judged anew."""

HEALTH_ROWS_EVERY_US = US_PER_MINUTE
"""How often the catalogue is asked for gaps, and files for keys and certificates."""

HEALTH_ANSWER_US_MAX = 5 * US_PER_SECOND
"""How long the door waits for the state of health. Outcome: Unavailable."""

CONDITIONS_MAX = 5_000
"""Troubles judged at one look (200 cameras with all of theirs). Outcome: those past it are told
as one condition, conditions_many."""

CONDITIONS_OVER_US = US_PER_DAY
CONDITIONS_OVER_MAX = 500
"""How long, and how many, conditions that are over stay in the answer. Outcome: drop_oldest."""

NOTICES_MAX = 32
"""Rules for notices in the settings. Outcome: BadInput."""

NOTICE_QUEUE_MAX = 500
"""Notices that wait to be sent. Outcome: drop_oldest, and the next one says how many."""

NOTICE_TRIES_MAX = 12
NOTICE_RETRY_US_FIRST = 5 * US_PER_SECOND
NOTICE_RETRY_US_MAX = 30 * US_PER_MINUTE
"""Tries of one notice, and the waits between them: doubled each time, some two hours in all.
Outcome: the notice is dropped and told in the log."""

NOTICE_SEND_US_MAX = 15 * US_PER_SECOND
"""Connecting, and each wait for the other side, while sending one notice. Outcome: a retry."""

NOTICE_SETTLE_US = 20 * US_PER_SECOND
"""How long a notice waits for company, so that a switch that fails is one notice."""

NOTICE_WAVE_US = 2 * US_PER_MINUTE
"""Conditions of a rule that began within this time of each other go into one notice."""

NOTICE_BACK_SETTLE_US = US_PER_MINUTE
"""How long nothing more comes back before it is told what did."""

NOTICE_LINES_MAX = 20
"""Cameras named in one notice; the rest is a number."""

NOTICE_STATE_BYTES_MAX = 4 * 1024 * 1024
"""The notifier's file. Outcome: a larger one is set aside."""

BUNDLE_LOG_LINES_MAX = 5_000
BUNDLE_LOG_BYTES_MAX = 4 * 1024 * 1024
"""What a support bundle takes of a log file: its newest lines."""

BUNDLE_FILES_MAX = 200_000
"""Files whose sizes a support bundle adds up. Outcome: the rest is said to be left out."""

NOTIFIER_TURN_US = 5 * US_PER_SECOND
"""How often the notifier looks what is wrong, and whether a notice may be tried again."""
