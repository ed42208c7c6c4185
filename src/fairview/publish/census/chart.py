"""A list drawn as an SVG: one row a place, a dot for the value, a bar for the interval.

Labels stand above their row so that the drawing stays readable on a phone. Colours are CSS custom
properties with fallbacks: a page's theme applies when the drawing stands inside it.
"""

from __future__ import annotations

import math
from html import escape

from fairview.publish.census.claim import PER_WORDS
from fairview.publish.census.estimate import Estimate
from fairview.publish.census.lists import Entry, RankList
from fairview.publish.census.outputs import figure, interval, list_title

WIDTH = 480
ROWS_MAX = 40
"""More rows make no picture; the table has them all."""

_LEFT, _RIGHT, _TOP, _ROW = 8, 14, 34, 40

STYLE = """
.chart{--c-ink:var(--ink,#1d2733);--c-soft:var(--soft,#51606f);--c-line:var(--line,#cfd7df);
--c-mark:var(--mark,#0b5cad);--c-paper:var(--paper,#fff);--c-span:var(--span,#9cc3ea)}
.chart text{font:16px system-ui,sans-serif;fill:var(--c-ink)}
.chart .soft{fill:var(--c-soft);font-size:14px}
.chart .grid{stroke:var(--c-line);stroke-width:1}
.chart .span{stroke:var(--c-span);stroke-width:9;stroke-linecap:round}
.chart .open{fill:var(--c-span)}
.chart .dot{fill:var(--c-mark)}
.chart .stem{stroke:var(--c-mark);stroke-width:2}
.chart .halo{stroke:var(--c-paper);stroke-width:4;stroke-linejoin:round;paint-order:stroke}
"""


def chart(made: RankList, *, is_alone: bool = True) -> str:
    """The drawing as text.

    is_alone: with its own style and background, for a file; otherwise for the inside of a page.
    """
    entries = made.entries[:ROWS_MAX]
    highest = max(_shown_end(entry.estimate) for entry in entries)
    step = _step(highest)
    top = max(step * math.ceil(highest / step), step)
    scale = (WIDTH - _LEFT - _RIGHT) / top
    height = _TOP + _ROW * len(entries) + 10
    parts = [
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" aria-label="{escape(_spoken(made))}">'
    ]
    if is_alone:
        parts.append(f"<style>{STYLE}svg{{background:#fff}}</style>")
        parts.append(f"<title>{escape(list_title(made))}</title>")
    parts += _axis(top, step, scale, height, made)
    for at, entry in enumerate(entries):
        parts += _row(entry, _TOP + _ROW * at, scale, made)
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _axis(top: float, step: float, scale: float, height: int, made: RankList) -> list[str]:
    parts = []
    for at in range(round(top / step) + 1):
        x = _LEFT + at * step * scale
        anchor = "start" if at == 0 else "end" if at == round(top / step) else "middle"
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="24" x2="{x:.1f}" y2="{height - 6}"/>')
        label = _axis_label(at * step)
        parts.append(f'<text class="soft" x="{x:.1f}" y="16" text-anchor="{anchor}">{label}</text>')
    return parts


def _row(entry: Entry, y: int, scale: float, made: RankList) -> list[str]:
    per = made.key.per
    estimate = entry.estimate
    rank = "no rank" if entry.rank is None else str(entry.rank)
    middle = y + 29
    start, dot = _LEFT + estimate.low * scale, _LEFT + estimate.value * scale
    parts = [
        f'<text class="halo" x="{_LEFT}" y="{y + 16}">{escape(entry.place)}'
        f'<tspan class="soft" dx="8">{escape(rank)}</tspan></text>',
        f'<text class="soft halo" x="{WIDTH - _RIGHT}" y="{y + 16}" text-anchor="end">'
        f"{figure(estimate.value, per)}</text>",
    ]
    if estimate.high is None:
        end = float(WIDTH - _RIGHT)
        shape = f"M{start:.1f} {middle - 4}H{end - 8:.1f}l8 4.5l-8 4.5H{start:.1f}z"
        parts.append(f'<path class="open" d="{shape}"/>')
    elif estimate.high > estimate.low:
        end = _LEFT + estimate.high * scale
        parts.append(
            f'<line class="span" x1="{start:.1f}" y1="{middle}" x2="{end:.1f}" y2="{middle}"/>'
        )
    parts.append(f'<line class="stem" x1="{_LEFT}" y1="{middle}" x2="{dot:.1f}" y2="{middle}"/>')
    parts.append(f'<circle class="dot" cx="{dot:.1f}" cy="{middle}" r="5"/>')
    return parts


def _axis_label(value: float) -> str:
    return f"{value / 1e6:,.10g} million" if value >= 1e6 else f"{value:,.10g}"


def _shown_end(estimate: Estimate) -> float:
    return estimate.value * 1.3 if estimate.high is None else estimate.high


def _step(highest: float) -> float:
    """A round step that gives three to five grid lines."""
    if highest <= 0:
        return 1.0
    rough = highest / 4
    size = 10.0 ** math.floor(math.log10(rough))
    return next(size * times for times in (1, 2, 5, 10) if size * times >= rough)


def _spoken(made: RankList) -> str:
    """The drawing for people who hear it; the table beside it has every figure."""
    shown = []
    for entry in made.entries[:10]:
        span = interval(entry.estimate, made.key.per)
        value = figure(entry.estimate.value, made.key.per)
        shown.append(f"{entry.place} {value}" + (f" ({span})" if span else ""))
    more = "" if len(made.entries) <= 10 else f" and {len(made.entries) - 10} more"
    return f"{PER_WORDS[made.key.per]}: {', '.join(shown)}{more}"
