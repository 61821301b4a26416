"""Long recordings are heard in stretches, cut where it is quiet."""

import numpy as np

from customer_analytics.ports.speech.listening import stretches

RATE = 16_000


def loud(seconds: float) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    return np.full(int(seconds * RATE), 1000, np.int16)


def test_five_minutes_are_one_stretch() -> None:
    assert [len(piece) for piece in stretches(loud(300))] == [300 * RATE]


def test_the_cut_is_in_the_quietest_half_second_of_the_last_thirty() -> None:
    samples = loud(400)
    samples[200 * RATE : 201 * RATE] = 0  # a pause, but too early
    samples[280 * RATE : int(280.5 * RATE)] = 10
    assert [len(piece) / RATE for piece in stretches(samples)] == [280.25, 119.75]


def test_no_sample_is_lost_or_heard_twice() -> None:
    samples = np.random.default_rng(0).integers(-9000, 9000, 1000 * RATE, dtype=np.int16)
    pieces = list(stretches(samples))
    np.testing.assert_array_equal(np.concatenate(pieces), samples)
    assert max(len(piece) for piece in pieces) <= 300 * RATE
