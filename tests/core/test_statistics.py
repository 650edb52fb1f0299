import math

import pytest

from so_arm.core.statistics import excess_p, mean, mean_interval, median_interval, percentiles, wilson_interval


def test_wilson_known_values():
    # Newcombe (1998), table I: 81/263, 15/148; and the textbook 5/10.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson_interval(5, 10) == pytest.approx((0.2366, 0.7634), abs=5e-5)


def test_wilson_at_the_ends():
    low, high = wilson_interval(0, 20)
    assert low == 0.0 and high == pytest.approx(0.1611, abs=5e-5)
    low, high = wilson_interval(29, 29)
    assert low == pytest.approx(0.8830, abs=5e-5) and high == 1.0
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_wilson_is_symmetric_and_widens_with_confidence():
    low, high = wilson_interval(30, 100)
    assert wilson_interval(70, 100) == pytest.approx((1 - high, 1 - low))
    assert wilson_interval(30, 100, confidence=0.99)[0] < low


@pytest.mark.parametrize(("successes", "n"), [(3, 2), (-1, 5)])
def test_wilson_refuses_impossible_counts(successes, n):
    with pytest.raises(ValueError, match=f"{successes} successes of {n}"):
        wilson_interval(successes, n)


def test_percentiles():
    assert percentiles(range(101)) == (50.0, 99.0)
    assert all(math.isnan(value) for value in percentiles([]))


def test_mean_of_nothing():
    assert math.isnan(mean([]))
    assert mean([1, 2]) == 1.5


def test_median_interval_holds_the_median_and_narrows_with_more_values():
    low, high = median_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert 1.0 <= low < 3.0 < high <= 5.0
    closer = median_interval([1.0, 2.0, 3.0, 4.0, 5.0] * 50)
    assert low <= closer[0] <= 3.0 <= closer[1] <= high
    assert median_interval([2.0]) == (2.0, 2.0)
    with pytest.raises(ValueError, match="shape"):
        median_interval([])


def test_mean_interval_is_wider_for_values_that_scatter_and_always_the_same():
    low, high = mean_interval([0.0, 2.0] * 20)
    assert 0.6 < low < 0.9 and 1.1 < high < 1.4  # 1 -+ 1.96 / sqrt(40) = 0.69 to 1.31
    assert mean_interval([0.0, 2.0] * 20) == (low, high)
    assert mean_interval([0.5] * 3) == (0.5, 0.5)


def test_excess_by_hand():
    # Fisher's tea: all 4 of the 8 cups that had the milk first, then 3 or more of them.
    assert excess_p(4, 4, 4, 8) == pytest.approx(1 / 70)
    assert excess_p(3, 4, 4, 8) == pytest.approx(17 / 70)
    assert excess_p(0, 4, 4, 8) == 1.0
    assert excess_p(0, 0, 0, 5) == 1.0
    with pytest.raises(ValueError, match="expected parts of the whole"):
        excess_p(3, 2, 4, 8)
