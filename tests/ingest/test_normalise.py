"""Time stamps in order: what is sound stays, what is not is mended or ends the run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fairview.ingest.normalise import Normaliser, RawTimes, Times
from tests.builders import video_format

STEP = 3_600
FORM = video_format()


def normalised(raws: Sequence[RawTimes], *, is_file: bool = False) -> list[Times]:
    normaliser = Normaliser(FORM, is_file=is_file)
    out: list[Times] = []
    for raw in raws:
        step = normaliser.push(raw)
        assert step.jump_us is None
        out.extend(step.ready)
    out.extend(normaliser.end())
    return out


def plain(count: int, first: int = 0, step: int = STEP) -> list[RawTimes]:
    return [
        RawTimes(ticks=first + i * step, decode_ticks=first + i * step, is_key=i % 25 == 0)
        for i in range(count)
    ]


def shown(out: Sequence[Times]) -> list[int]:
    return [times.ticks for times in out]


raw_times = st.builds(
    RawTimes,
    ticks=st.none() | st.integers(-200_000, 200_000),
    decode_ticks=st.none() | st.integers(-200_000, 200_000),
    duration_ticks=st.integers(0, 9_000),
    is_key=st.booleans(),
    is_after_loss=st.booleans(),
)


@given(st.lists(raw_times, max_size=80), st.booleans())
def test_decoding_times_strictly_increase_whatever_comes(
    raws: list[RawTimes], is_file: bool
) -> None:
    normaliser = Normaliser(FORM, is_file=is_file)
    out: list[Times] = []
    pushed = 0
    for raw in raws:
        step = normaliser.push(raw)
        out.extend(step.ready)
        if step.jump_us is not None:
            break
        pushed += 1
    out.extend(normaliser.end())
    assert len(out) <= pushed if pushed < len(raws) else len(out) == len(raws)
    for number, (before, after) in enumerate(pairwise(out), 1):
        assert after.decode_ticks > before.decode_ticks
        step_ticks = after.decode_ticks - before.decode_ticks
        # Behind a loss nobody knows how long the picture before it lasted.
        assert 0 < before.duration_ticks <= step_ticks
        assert before.duration_ticks == step_ticks or raws[number].is_after_loss
    assert all(times.ticks >= times.decode_ticks for times in out)
    assert all(times.duration_ticks > 0 for times in out)


@given(st.lists(st.integers(1_500, 15_000), min_size=1, max_size=60), st.integers(-99_999, 99_999))
def test_sound_times_with_varying_steps_and_any_start_are_kept(
    steps: list[int], first: int
) -> None:
    decode = [first]
    for step in steps:
        decode.append(decode[-1] + step)
    out = normalised([RawTimes(ticks=at, decode_ticks=at) for at in decode])
    assert [times.decode_ticks for times in out] == decode
    assert shown(out) == decode
    assert [times.duration_ticks for times in out[:-1]] == steps


def test_first_picture_without_a_time_is_put_one_step_before_the_second() -> None:
    raws = [RawTimes(ticks=None, decode_ticks=None), *plain(5, first=119_970, step=4_500)]
    assert shown(normalised(raws))[:2] == [115_470, 119_970]


def test_first_picture_with_reordering_is_shown_before_the_earliest() -> None:
    # As FFmpeg gives an RTSP stream with three B-frames between references.
    raws = [
        RawTimes(ticks=None, decode_ticks=None, duration_ticks=STEP, is_key=True),
        RawTimes(ticks=4 * STEP + STEP, decode_ticks=None, duration_ticks=STEP),
        RawTimes(ticks=STEP, decode_ticks=STEP, duration_ticks=STEP),
        RawTimes(ticks=2 * STEP, decode_ticks=2 * STEP, duration_ticks=STEP),
    ]
    out = normalised(raws)
    assert shown(out) == [0, 5 * STEP, STEP, 2 * STEP]
    assert [times.decode_ticks for times in out] == [-STEP, 0, STEP, 2 * STEP]


def test_presentation_of_b_frames_is_kept_in_the_cameras_order() -> None:
    order = [0, 4, 2, 1, 3, 8, 6, 5, 7]
    raws = [RawTimes(ticks=at * STEP, decode_ticks=(i - 2) * STEP) for i, at in enumerate(order)]
    assert shown(normalised(raws)) == [at * STEP for at in order]


def test_stream_without_any_decoding_time_still_gets_increasing_ones() -> None:
    order = [0, 3, 1, 2, 6, 4, 5] * 10
    raws = [
        RawTimes(ticks=(at + 7 * (i // 7)) * STEP, decode_ticks=None) for i, at in enumerate(order)
    ]
    out = normalised(raws)
    assert len(out) == len(raws)
    assert all(times.ticks >= times.decode_ticks for times in out)


def test_pictures_stamped_alike_at_the_start_are_spread_backwards() -> None:
    # As GStreamer sends a file whose edit list hides its first pictures: all of them at 0.
    raws = [
        RawTimes(ticks=None, decode_ticks=None, duration_ticks=7_500, is_key=True),
        *[RawTimes(ticks=0, decode_ticks=None, duration_ticks=7_500) for _ in range(6)],
        RawTimes(ticks=0, decode_ticks=0, duration_ticks=7_500),
        RawTimes(ticks=5_407, decode_ticks=5_407, duration_ticks=7_500),
    ]
    assert shown(normalised(raws)) == [-7_500 * n for n in range(7, 0, -1)] + [0, 5_407]


def test_repeated_time_moves_on_by_the_least_step() -> None:
    raws = plain(3)
    raws.insert(2, raws[1])
    assert shown(normalised(raws)) == [0, STEP, STEP + 1, 2 * STEP]


def test_missing_times_in_the_middle_follow_the_last_step() -> None:
    raws = [*plain(3), RawTimes(ticks=None, decode_ticks=None), *plain(2, first=4 * STEP)]
    assert shown(normalised(raws)) == [0, STEP, 2 * STEP, 3 * STEP, 4 * STEP, 5 * STEP]


def test_step_forward_of_more_than_ten_seconds_is_a_jump() -> None:
    normaliser = Normaliser(FORM)
    for raw in plain(30):
        assert normaliser.push(raw).jump_us is None
    far = 30 * STEP + 11 * 90_000
    step = normaliser.push(RawTimes(ticks=far, decode_ticks=far))
    assert step.ready == ()
    assert step.jump_us is not None
    assert step.jump_us > 10_000_000
    assert [times.decode_ticks for times in normaliser.end()] == [29 * STEP]


def test_step_back_over_a_key_frame_interval_is_a_jump_and_a_smaller_one_is_not() -> None:
    def pushed_back(by_ticks: int) -> int | None:
        normaliser = Normaliser(FORM)
        for raw in plain(60):
            normaliser.push(raw)
        at = 59 * STEP - by_ticks
        return normaliser.push(RawTimes(ticks=at, decode_ticks=at)).jump_us

    assert pushed_back(24 * STEP) is None
    assert pushed_back(26 * STEP) == -26 * 40_000


def test_many_small_steps_back_add_up_to_a_jump() -> None:
    normaliser = Normaliser(FORM)
    jumps = []
    at = 0
    for number in range(400):
        at += STEP if number % 5 else -5 * STEP
        jumps.append(normaliser.push(RawTimes(ticks=at, decode_ticks=at)).jump_us)
        if jumps[-1] is not None:
            break
    assert jumps[-1] is not None


def test_files_may_pause_for_an_hour() -> None:
    hour = 3_600 * 90_000
    out = normalised([*plain(3), *plain(3, first=hour)], is_file=True)
    assert shown(out)[3] == hour


def test_last_duration_is_the_files_own_and_a_live_streams_last_step() -> None:
    raws = [*plain(2), RawTimes(ticks=2 * STEP, decode_ticks=2 * STEP, duration_ticks=1_234)]
    assert normalised(raws, is_file=True)[-1].duration_ticks == 1_234
    assert normalised(raws)[-1].duration_ticks == STEP
