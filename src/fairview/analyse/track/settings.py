"""How a tracker decides. Every default has its reason; none was fitted to a recording."""

from __future__ import annotations

from dataclasses import dataclass

from fairview.core.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackSettings:
    """Lengths are in box sizes (`size`: a box's width or height, the other one's half at least),
    times in microseconds, so that neither picture size nor frame rate matters.
    """

    sure_score: float = 0.35
    """Boxes from here on may begin a track; the scene file's usual confidence."""

    low_score: float = 0.1
    """Boxes from here on may carry a track on: half-hidden road users score low. Below is noise."""

    confirm_points: int = 3
    confirm_score_sum: float = 1.2
    confirm_seen_frac: float = 0.4
    confirm_us: int = 250_000
    """A track counts once it has this many boxes, this much score, was seen in this share of its
    pictures and for this long: false boxes seldom come three times in a row at one place, weak
    ones need longer, a detector that misses a third passes, and nobody crosses a picture in a
    quarter of a second."""

    tentative_us: int = 500_000
    """An unconfirmed track waits this long (and two pictures) for its next box."""

    memory_us: int = 2_000_000
    """A confirmed one waits this long (and three pictures): after two seconds a walker's place is
    known to a metre and a half, no better than the next walker's."""

    standing_memory_us: int = 60_000_000
    standing_us: int = 2_000_000
    standing_overlap: float = 0.7
    """Who kept to one place (overlap with the box of `standing_us` ago) is waited for much longer
    there: a queue at a red light behind a bus. Its place does not get less sure with time."""

    recover_us: int = 1_000_000
    recover_overlap: float = 0.3
    standing_recover_overlap: float = 0.5
    """A second look at the last seen box, for who turned or braked out of the prediction."""

    overlap_min: float = 0.1
    low_overlap_min: float = 0.3
    lost_overlap_min: float = 0.3
    """Least overlap of prediction and box. Low at the first look, since boxes are shared out by
    the best sum; weak boxes must fit better, and so must any box for who was lost for longer
    than `tentative_us`: the next car in the queue is near, too."""

    widened_min: float = 0.3
    buffer_max: float = 0.5
    """A second look widens both by how unsure the prediction is, at most by this: at 5 pictures a
    second a new car has moved half its length. Only for what the first look left, since in a
    crowd widened boxes overlap everyone."""

    direction_weight: float = 0.2
    """What going the same way counts beside overlap at the second look (as in OC-SORT)."""

    other_kind_frac: float = 0.5
    """What an overlap is worth between a person and a car, say."""

    duplicate_overlap: float = 0.8
    """Boxes of two vehicle classes that overlap this much are one vehicle seen as both."""

    place_noise: float = 0.05
    size_noise: float = 0.08
    low_noise_factor: float = 2.0
    """Standard deviation of a box's middle and size, of weak boxes that much more: detectors
    place boxes to a twentieth of their size."""

    roughness_max: float = 25.0
    """Boxes of poor detectors shake more; each track learns by how much (as a variance, so up to
    five times the deviation). Else their shaking would be taken for speed."""

    start_speed: float = 2.0
    start_growth: float = 0.3
    """Standard deviation of a new track's speed and growth, sizes a second: 50 km/h is three car
    lengths, walking 1.6."""

    place_drift: float = 0.5
    size_drift: float = 0.05
    """How fast speed and growth wander: variance gained a second, (sizes a second) squared: a
    car that brakes at 3 m/s², a walker who turns, change by two thirds of a size in a second."""

    growth_us: int = 1_000_000
    """Growth fades in this time when not seen to go on; a box left alone keeps its size."""

    edge_unit: float = 0.005
    """Boxes this near to the picture's edge may go on beyond it."""

    def __post_init__(self) -> None:
        if not 0 <= self.low_score <= self.sure_score <= 1:
            raise BadInput("the scores of a tracker lie between 0 and 1, low below sure")
        if self.confirm_points < 1 or min(self.tentative_us, self.memory_us, self.growth_us) <= 0:
            raise BadInput("a tracker's times and counts are above 0")
