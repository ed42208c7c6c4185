"""What the node takes the time to be, in words. Pure."""

from __future__ import annotations

from fairview.access.door import TimeView
from fairview.core.time import US_PER_HOUR, US_PER_SECOND


def time_words(view: TimeView) -> str:
    """A few lines."""
    ahead_us = view.wall.since(view.sure)
    lines = [
        f"the machine's clock:      {view.wall.iso()[:19]}Z",
        f"sure, footage dies by it: {view.sure.iso()[:19]}Z",
    ]
    if abs(ahead_us) < US_PER_SECOND:
        lines.append("they agree")
    elif ahead_us < 0:
        lines.append(
            f"the clock is {-ahead_us / US_PER_SECOND:.0f} s behind; time goes on all the same, "
            "and footage from now on is sealed to the spare pair while that is over an hour"
        )
    else:
        steady_h = (view.steady_us or 0) / US_PER_HOUR
        lines.append(
            f"the clock is {ahead_us / US_PER_HOUR:.1f} h ahead of what has surely passed, steady "
            f"for {steady_h:.1f} h; footage dies later by that until it kept steady for 24 h, or "
            "until: fairview time confirm"
        )
    lines += [f"shredding pauses: {view.paused_because}"] if view.paused_because else []
    lines += [f"viewing has stopped: {view.viewing_stopped}"] if view.viewing_stopped else []
    return "\n".join(lines)
