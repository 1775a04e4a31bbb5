"""The jackknife equals its definition, is the spread over genomes, and says of differences what it
should."""

import numpy as np
import pytest

from ecgae.statistics.jackknife import delete_one_error, jackknife


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def by_definition(sums, sizes):
    """Busing et al. 1999, equations 2 and 3, group by group, of the mean; scaled up to the
    total."""
    total, mean, groups = sizes.sum(), sums.sum() / sizes.sum(), len(sums)
    times = [total / size for size in sizes]
    without = [(sums.sum() - s) / (total - m) for s, m in zip(sums, sizes, strict=True)]
    centre = groups * mean - sum((1 - 1 / h) * w for h, w in zip(times, without, strict=True))
    pseudo = [h * mean - (h - 1) * w for h, w in zip(times, without, strict=True)]
    variance = sum((p - centre) ** 2 / (h - 1) for p, h in zip(pseudo, times, strict=True)) / groups
    return total * np.sqrt(variance)


def test_it_equals_its_definition_for_groups_of_any_size(rng):
    sums, sizes = rng.standard_normal(22), rng.integers(5, 90, 22)
    found = jackknife(sums, sizes)
    assert found.value == pytest.approx(sums.sum())
    assert found.standard_error == pytest.approx(by_definition(sums, sizes), rel=1e-12)


def test_equal_groups_give_the_standard_error_of_a_mean(rng):
    sums = rng.standard_normal(22)
    assert jackknife(sums, np.full(22, 7)).standard_error == pytest.approx(
        np.sqrt(22) * sums.std(ddof=1)
    )


def test_columns_are_estimated_one_by_one_and_empty_groups_have_no_part(rng):
    sums, sizes = rng.standard_normal((6, 3)), np.array([3, 0, 5, 8, 0, 2])
    sums[[1, 4]] = 0
    found = jackknife(sums, sizes)
    for column in range(3):
        alone = jackknife(sums[sizes > 0, column], sizes[sizes > 0])
        assert found.value[column] == pytest.approx(alone.value)
        assert found.standard_error[column] == pytest.approx(alone.standard_error)


def test_it_is_the_spread_over_drawn_genomes(rng):
    sizes = rng.integers(200, 2000, 22)
    drawn = rng.standard_normal((400, 22)) * np.sqrt(sizes) + 0.1 * sizes
    errors = np.array([jackknife(sums, sizes).standard_error for sums in drawn])
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(drawn.sum(axis=1).std(), rel=0.1)


def test_counts_of_rare_things_have_about_the_error_of_a_poisson_count(rng):
    sizes = rng.integers(500, 2000, 22)
    counted = rng.poisson(30 * sizes / sizes.sum(), (400, 22))
    errors = np.array([jackknife(row, sizes).standard_error for row in counted])
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(np.sqrt(30), rel=0.1)


def test_what_two_yields_share_cancels_in_their_difference(rng):
    sizes = np.full(22, 1000)
    shared = rng.poisson(2, 22)
    one, other = shared + rng.poisson(0.5, 22), shared
    apart = np.hypot(jackknife(one, sizes).standard_error, jackknife(other, sizes).standard_error)
    assert jackknife(one - other, sizes).standard_error < 0.6 * apart


@pytest.mark.parametrize("sizes", [[5], [0, 4, 0], []])
def test_fewer_than_two_groups_have_no_standard_error(sizes):
    found = jackknife(np.arange(len(sizes)), np.array(sizes, dtype=np.int64))
    assert np.isnan(found.standard_error)
    assert found.value == np.arange(len(sizes))[np.array(sizes, dtype=np.int64) > 0].sum()


def test_any_estimate_has_an_error_from_those_without_a_group(rng):
    """A ratio: groups of which one has no part in the second column."""
    sizes = np.column_stack([np.arange(3, 9), [3, 4, 0, 6, 7, 8]])
    values = rng.standard_normal((6, 2)) * (sizes > 0)
    whole = (values * sizes).sum(axis=0) / sizes.sum(axis=0)
    without = np.stack(
        [
            (np.delete(values * sizes, g, 0)).sum(axis=0) / np.delete(sizes, g, 0).sum(axis=0)
            for g in range(6)
        ]
    )
    errors = delete_one_error(whole, without, sizes)
    for column in range(2):
        held = sizes[:, column] > 0
        sums = (values * sizes)[held, column]
        expected = by_definition(sums, sizes[held, column]) / sizes[held, column].sum()
        assert errors[column] == pytest.approx(expected)
