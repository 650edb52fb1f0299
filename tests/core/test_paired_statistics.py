import pytest

from so_arm.core.paired_statistics import mcnemar_p, paired_mean_difference, paired_success


@pytest.mark.parametrize(
    ("fixed", "broken", "p"),
    [
        (0, 0, 1.0),
        (1, 1, 1.0),
        (5, 0, 2 / 32),
        (0, 5, 2 / 32),
        (8, 2, 2 * (1 + 10 + 45) / 1024),  # 0 to 2 of 10 by a fair coin, and the mirror image
        (3, 4, 1.0),
        (60, 3, 2 * (1 + 63 + 1953 + 39711) / 2**63),
    ],
)
def test_mcnemar_by_hand(fixed: int, broken: int, p: float):
    assert mcnemar_p(fixed, broken) == pytest.approx(p, rel=1e-12)


def test_paired_success_by_hand():
    before = [True, True, False, False, False, True, False, True]
    after = [True, False, True, True, True, True, False, True]
    found = paired_success(before, after)
    assert (found.fixed, found.broken) == (3, 1)
    assert found.difference == 2 / 8
    assert found.failure_ratio == 2 / 4
    assert found.mcnemar_p == 2 * 5 / 16
    low, high = found.difference_ci95
    assert -0.5 < low < 0.25 < high < 1.0
    assert paired_success(before, after) == found


def test_the_interval_is_that_of_the_pairs_not_of_the_rates():
    """Half of the cases succeed either way, always the same ones: no doubt that nothing changed."""
    outcomes = [True, False] * 50
    found = paired_success(outcomes, outcomes)
    assert found.difference_ci95 == (0.0, 0.0)
    assert (found.mcnemar_p, found.failure_ratio, found.failure_ratio_ci95) == (1.0, 1.0, (1.0, 1.0))


def test_the_interval_of_a_known_difference():
    """40 of 100 fixed, none broken: sqrt(0.4 * 0.6 / 100) is 0.049, so about 0.40 +- 0.096."""
    before = [False] * 40 + [True] * 60
    low, high = paired_success(before, [True] * 100).difference_ci95
    assert low == pytest.approx(0.304, abs=0.015) and high == pytest.approx(0.496, abs=0.015)


def test_nothing_failed_before():
    found = paired_success([True] * 4, [True, True, True, False])
    assert found.failure_ratio is None and found.failure_ratio_ci95 is None
    assert (found.fixed, found.broken, found.difference) == (0, 1, -0.25)


def test_mean_difference():
    difference, (low, high) = paired_mean_difference([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    assert (difference, low, high) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(("before", "after"), [([], []), ([True], [True, False])])
def test_cases_must_be_the_same(before: list[bool], after: list[bool]):
    with pytest.raises(ValueError, match="expected the same cases"):
        paired_success(before, after)


def test_where_nothing_fails_any_more_the_ratio_is_not_certain():
    """Wilson's upper limit for 0 of 20 is 16.1 %, and the base failed in 30 %."""
    found = paired_success([True] * 14 + [False] * 6, [True] * 20)
    assert found.failure_ratio == 0.0
    assert found.failure_ratio_ci95 == pytest.approx((0.0, 0.1611 / 0.3), abs=1e-3)
