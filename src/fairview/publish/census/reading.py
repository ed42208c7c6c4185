"""Everything a ranking rests on: the project's own data and, if there is one, a census folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from fairview.core.errors import Conflict
from fairview.core.time import Clock
from fairview.publish.census.claim import Claim
from fairview.publish.census.flags import Flag, flags
from fairview.publish.census.folder import Census, read_census
from fairview.publish.census.lists import RankList, Wanted, rank_lists
from fairview.publish.census.populations import by_place, read_facts
from fairview.publish.census.read_claims import own_text, read_claims
from fairview.publish.census.survey_lists import survey_lists

OWN_CLAIMS = "claims.csv"
_EMPTY = Census(sources=(), claims=(), boundaries=(), facts=(), samples=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """What is published: claims, what is wrong with them, and the lists."""

    census: Census
    claims: tuple[Claim, ...]
    flags: tuple[Flag, ...]
    lists: tuple[RankList, ...]


def read_ranking(
    folder: Path | None, clock: Clock, wanted: Wanted | None = None, *, with_own: bool = True
) -> Ranking:
    """Lists and flags from the project's claims and a folder's sources.

    with_own: whether the claims that come with the program take part.
    Errors:  Conflict when a folder's claim has the id of one of the project's; BadInput.
    """
    census = read_census(folder) if folder else _EMPTY
    claims = (own_claims() if with_own else ()) + census.claims
    twice = {claim.id for claim in census.claims} & {claim.id for claim in own_claims()}
    if with_own and twice:
        raise Conflict(
            f"claim {min(twice)} is also one of the project's own; give yours other ids, or leave "
            "the project's out with --no-own"
        )
    own_facts = read_facts(own_text("populations.csv"), "populations.csv").facts
    facts = by_place(own_facts + census.facts)
    lists = rank_lists(claims, facts, wanted) + survey_lists(census, clock.now(), wanted)
    return Ranking(census=census, claims=claims, flags=_about(claims, wanted), lists=lists)


def _about(claims: tuple[Claim, ...], wanted: Wanted | None) -> tuple[Flag, ...]:
    """The flags on any claim that was asked for; all claims take part in finding them."""
    wish = wanted or Wanted()
    asked = {
        claim.id
        for claim in claims
        if wish.place_kind in (None, claim.place_kind)
        and wish.publisher in (None, claim.publisher)
        and wish.year in (None, claim.year)
        and wish.basis in (None, claim.counted.basis)
    }
    return tuple(flag for flag in flags(claims) if asked & set(flag.claims))


def own_claims() -> tuple[Claim, ...]:
    """The claims that come with the program."""
    text = own_text(OWN_CLAIMS)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return read_claims(text, file=OWN_CLAIMS, sha256=sha256).claims
