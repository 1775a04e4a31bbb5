import numpy as np
import pytest
import reference

from ecgae.statistics.ld_scores import ld_score_regression, ld_scores


@pytest.mark.parametrize("size", [7, 40, 200])
def test_scores_are_sums_of_corrected_r2_within_the_distance_whatever_the_blocks(size):
    rng = np.random.default_rng(0)
    dosage = np.hstack([reference.correlated_dosage(rng, 300, 100) for _ in range(2)])
    dosage[3, 5] = np.nan
    dosage[:, 9] = 1
    position = np.tile(np.arange(100) * 1000, 2)
    chromosome = np.repeat(["1", "2"], 100)
    blocks = []
    for name in ("1", "2"):
        rows = np.flatnonzero(chromosome == name)
        blocks += [(name, dosage[:, rows[start : start + size]]) for start in range(0, 100, size)]
    filled = np.where(np.isnan(dosage), np.nanmean(dosage, axis=0), dosage).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        r2 = np.nan_to_num(np.corrcoef(filled.T) ** 2)
    r2 -= (1 - r2) / 298
    near = (np.abs(position[:, None] - position) <= 10_000) & (chromosome[:, None] == chromosome)
    np.testing.assert_allclose(
        ld_scores(blocks, position, 10_000), (r2 * near).sum(axis=1), atol=1e-3
    )


def simulated(rng, slope, intercept):
    scores = rng.gamma(2, 20, 40_000) + 1
    chi2 = (intercept + slope * scores) * rng.chisquare(1, 40_000)
    return chi2, scores, rng.integers(1, 23, 40_000).astype(str)


def test_the_intercept_tells_confounding_from_many_small_effects():
    rng = np.random.default_rng(1)
    polygenic = ld_score_regression(*simulated(rng, 0.005, 1.0), highest=np.inf)
    confounded = ld_score_regression(*simulated(rng, 0.0, 1.2), highest=np.inf)
    assert abs(polygenic.intercept - 1) < 3 * polygenic.standard_error < 0.1
    assert abs(confounded.intercept - 1.2) < 3 * confounded.standard_error < 0.1
    assert polygenic.slope == pytest.approx(0.005, rel=0.2)


def test_one_chromosome_has_an_intercept_without_standard_error():
    chi2, scores, _ = simulated(np.random.default_rng(2), 0.005, 1.0)
    found = ld_score_regression(chi2, scores, np.full(len(chi2), "1"))
    assert np.isfinite(found.intercept)
    assert np.isnan(found.standard_error)
