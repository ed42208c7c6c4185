"""Pages of lists: the front page, the table of lists, one page a list, and what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from fairview.publish.census.chart import chart
from fairview.publish.census.claim import PER_WORDS, Claim, PlaceKind
from fairview.publish.census.flags import FLAG_TITLES, Flag, FlagKind
from fairview.publish.census.lists import Entry, RankList
from fairview.publish.census.outputs import figure, interval, list_title
from fairview.publish.census.reading import Ranking
from fairview.publish.census.site.maps import own_places, shaded_map, spots_of, world_map
from fairview.publish.census.site.page import (
    Page,
    claim_path,
    flag_list,
    place_path,
    sentence,
    slug,
    table,
)

KIND_WORDS = {"city": "Cities", "country": "Countries", "world": "World"}


def list_path(made: RankList) -> str:
    """Where a list's page lies; the same list keeps its address over the years."""
    key = made.key
    words = f"{key.place_kind} {key.publisher} {key.year} {key.basis} {key.per}"
    return f"lists/{slug(words)}.html"


def front_page(ranking: Ranking) -> Page:
    claims, flags = ranking.claims, ranking.flags
    flagged = {name for flag in flags for name in flag.claims}
    publishers = {claim.publisher for claim in claims}
    first = _telling(flags, claims)
    body = f"""<p class="lead">Cities and countries are ranked by cameras per person from figures
that nobody can check. Here is every such figure we know of, with who printed it, what was
counted, and what does not fit.</p>
<p>{len(claims)} claims by {len(publishers)} publishers. {len(flagged)} of them are part of
something that does not fit: <a href="flags.html">{len(flags)} findings</a>, each made by a program
from the claims alone. No list here mixes two definitions, two publishers or two units, and no place
gets a rank that the intervals do not support.</p>
{_examples(first, len(flags))}
{_map_part(ranking)}
<h2>The lists</h2>
{lists_table(ranking.lists, "")}
"""
    return Page(path="index.html", title="How many cameras? What is printed", body=body)


def _telling(flags: Sequence[Flag], claims: Sequence[Claim]) -> list[Flag]:
    """One finding of each of the kinds that change a ranking most, the farthest apart first."""
    ratios = {claim.id: claim.ratio for claim in claims}

    def apart(flag: Flag) -> float:
        one, two = ratios[flag.claims[0]], ratios[flag.claims[-1]]
        if one is None or two is None or one.unit is not two.unit:
            return 1.0
        return max(one.value / two.value, two.value / one.value)

    kinds = (FlagKind.ORDER_REVERSED, FlagKind.DEFINITION_CHANGED, FlagKind.ARITHMETIC)
    found = []
    for kind in kinds:
        of_kind = [flag for flag in flags if flag.kind is kind]
        if of_kind:
            found.append(max(of_kind, key=apart))
    return found or list(flags[:3])


def _examples(first: Sequence[Flag], count: int) -> str:
    if not first:
        return ""
    more = f'<p><a href="flags.html">All {count} findings</a></p>' if count > len(first) else ""
    return f"<h2>What does not fit</h2>\n{flag_list(first, '')}\n{more}"


def _map_part(ranking: Ranking) -> str:
    flagged = {name for flag in ranking.flags for name in flag.claims}
    places: dict[tuple[str, str], bool] = {}
    for claim in ranking.claims:
        if claim.place_kind is PlaceKind.CITY:
            place = (claim.country, claim.place)
            places[place] = places.get(place, False) or claim.id in flagged
    spots = spots_of(places, own_places())
    if not spots:
        return ""
    return (
        f"<h2>Where the claims are about</h2>\n<figure>\n{world_map(spots)}\n<figcaption>Cities "
        "with claims; those with a diamond have one that does not fit. Outlines drawn by "
        'hand. <a href="places.html">All places as a table</a>.</figcaption>\n</figure>'
    )


def lists_page(ranking: Ranking) -> Page:
    body = (
        "<p>One list for each publisher, edition, wording and denominator. Two that differ in any "
        "of these are never put together, because nobody knows whether they count the same.</p>\n"
        + lists_table(ranking.lists, "")
    )
    return Page(path="lists.html", title="Lists", body=body)


def lists_table(lists: Sequence[RankList], up: str) -> str:
    rows = [
        (
            f'<a href="{up}{list_path(made)}">{escape(made.key.basis)}</a>'
            f'<span class="span">{escape(made.key.publisher)}, {PER_WORDS[made.key.per]}</span>',
            KIND_WORDS[made.key.place_kind],
            f"{{number}}{made.key.year}",
            f"{{number wide}}{len(made.entries)}",
        )
        for made in lists
    ]
    heads = ("What is counted", "Places", "{number}Year", "{number wide}How many")
    return table("Every list with two places or more, newest first", heads, rows)


def list_pages(ranking: Ranking) -> list[Page]:
    return [_list_page(made, ranking) for made in ranking.lists]


def _list_page(made: RankList, ranking: Ranking) -> Page:
    own = {name for entry in made.entries for name in entry.claims}
    flags = [flag for flag in ranking.flags if own & set(flag.claims)]
    claims = {claim.id: claim for claim in ranking.claims}
    sample = next((claims[name] for name in own if name in claims), None)
    sources = {source.name for source in ranking.census.sources}
    rows = [_row(entry, made, claims, sources) for entry in made.entries]
    heads = ("{rank}Rank", "Place", "{number}Figure", "{wide}From")
    words = PER_WORDS[made.key.per]
    drawing = chart(made, is_alone=False)
    parts = [
        f'<p class="lead">“{escape(made.key.basis)}” in {made.key.year}, '
        f"{escape(made.key.publisher)}: {words}.</p>",
        _counted(sample),
        f"<figure>\n{drawing}<figcaption>{_figure_words(made)} "
        f'<a href="{slug(list_path(made)[6:-5])}.svg">This chart as a file</a>.'
        "</figcaption>\n</figure>",
    ]
    if own.isdisjoint(claims) and ranking.census.boundaries:
        shading = shaded_map(made, ranking.census.boundaries)
        parts.append(f"<figure>\n{shading}\n<figcaption>{words}</figcaption>\n</figure>")
    notes = [_how(entry, made) for entry in made.entries]
    caption = f"{list_title(made)}. {_reading(made)}"
    if len(set(notes)) == 1:
        caption, notes = f"{caption}. Figures: {made.entries[0].estimate.how}", []
    parts.append(table(caption, heads, rows, notes))
    if made.left_out:
        names = escape(", ".join(made.left_out))
        parts.append(f"<p>Left out, because nothing to divide by is known: {names}.</p>")
    if flags:
        parts += ["<h2>What does not fit here</h2>", flag_list(flags, "../")]
    key = made.key
    title = f"{KIND_WORDS[key.place_kind]}, {key.publisher} {key.year}: {words}"
    return Page(path=list_path(made), title=title, body="\n".join(parts))


def _row(
    entry: Entry, made: RankList, claims: dict[str, Claim], sources: set[str]
) -> tuple[str, str, str, str]:
    per = made.key.per
    rank = "none" if entry.rank is None else str(entry.rank)
    span = interval(entry.estimate, per)
    value = figure(entry.estimate.value, per)
    if entry.claims and entry.claims[0] in claims:
        place = f'<a href="../{place_path(entry.country, entry.place)}">{escape(entry.place)}</a>'
        links = ", ".join(f'<a href="../{claim_path(name)}">{name}</a>' for name in entry.claims)
        origin = f"claim {links}"
    else:
        place = escape(entry.place)
        origin = _origin(entry, sources)
    shown = f'{value}<span class="span">{span}</span>' if span else value
    return f"{{rank}}{rank}", place, f"{{number}}{shown}", f"{{wide}}{origin}"


def _origin(entry: Entry, sources: set[str]) -> str:
    """Links to the imported files a surveyed figure was made of."""
    links = [
        f'<a href="../sources.html#source-{name}">source {name[:4]}</a>'
        for name in entry.claims
        if name in sources
    ]
    return ", ".join(links) or '<a href="../sources.html">sources</a>'


def _how(entry: Entry, made: RankList) -> str:
    """How a figure was had, as HTML."""
    printed = ""
    if entry.printed is not None and entry.printed.unit.per is made.key.per:
        printed = f"printed: {entry.printed.text} {entry.printed.unit.words}; "
    return escape(printed + entry.estimate.how)


def _counted(claim: Claim | None) -> str:
    if claim is None:
        return ""
    counted = claim.counted
    told = [
        f"whose cameras: {counted.operated.replace('_', ' ')}",
        f"which kind: {counted.kind.replace('_', ' ')}",
        f"looking at: {counted.space.replace('_', ' ')}",
    ]
    note = f" {counted.note[0].upper()}{counted.note[1:]}." if counted.note else ""
    return f'<p class="soft">As far as the publisher says, {"; ".join(told)}.{escape(note)}</p>'


def _figure_words(made: RankList) -> str:
    if any(entry.estimate.high != entry.estimate.low for entry in made.entries):
        return "A dot is the figure, a bar its interval."
    return "A dot is the figure; no publisher here states an error."


def _reading(made: RankList) -> str:
    if any(entry.printed_rank for entry in made.entries):
        return (
            "Ranks are those of the publisher's whole report, of which only these places are known "
            "here; a range is all that the printed ranks around it leave"
        )
    return "A range of ranks is all that the intervals leave; none: they leave too much"


def flags_page(ranking: Ranking) -> Page:
    parts = [
        "<p>A program compares the claims with one another and with themselves. It cannot tell "
        "which of two figures is wrong, only that they cannot both be compared as printed.</p>"
    ]
    for kind in FlagKind:
        flags = [flag for flag in ranking.flags if flag.kind is kind]
        if flags:
            title = FLAG_TITLES[kind]
            parts.append(f'<h2 id="{kind.value}">{sentence(title)}</h2>')
            parts += [f"<p>{_KIND_WORDS[kind]}</p>", flag_list(flags, "")]
    if not ranking.flags:
        parts.append("<p>Nothing was found.</p>")
    return Page(path="flags.html", title="What does not fit", body="\n".join(parts))


_KIND_WORDS = {
    FlagKind.ARITHMETIC: "Cameras divided by people is not the ratio that is printed beside them.",
    FlagKind.DEFINITION_CHANGED: "A publisher counts something else than before, or two things "
    "side by side. A rise or fall between the two says nothing about cameras.",
    FlagKind.DENOMINATOR_CHANGED: "The people, area or boundary that a place is divided by is not "
    "the same in both figures.",
    FlagKind.FORECAST: "The year was still to come when the figure was published.",
    FlagKind.ORDER_REVERSED: "Two publishers order the same two places differently, close in time, "
    "and rounding does not explain it.",
    FlagKind.JUMP: "A figure at least doubled or halved within a short time, in the same words.",
    FlagKind.RANK: "A place with a lower ratio stands at a better rank.",
}
