import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

from ecgae.association import associate, covariate_basis, fit, neg_log10_p
from ecgae.loci import find_loci, squared_correlation


def r2_of(matrix):
    return lambda one, others: np.asarray(matrix, dtype=float)[one, others]


def test_one_causal_variant_in_ld_is_one_locus_at_its_place():
    rng = np.random.default_rng(3)
    dosage = reference.correlated_dosage(rng, 2000, 200, switch=0.05)
    position = np.arange(200) * 4000
    phenotype = 0.5 * dosage[:, [100]] + rng.standard_normal((2000, 1))
    found = associate(dosage, fit(phenotype, covariate_basis(np.empty((2000, 0)))))
    neg_log_10_p = neg_log10_p(found.t, found.df[:, None])[:, 0]
    hit = np.flatnonzero(neg_log_10_p > 7.3)
    assert len(hit) > 3
    loci = find_loci(
        position[hit],
        neg_log_10_p[hit],
        lambda one, others: squared_correlation(dosage[:, hit[one]], dosage[:, hit[others]]),
    )
    assert hit[loci.index_variant].tolist() == [100]
    assert (loci.locus == 0).all()


def test_two_distant_variants_are_two_loci_strongest_first():
    loci = find_loci(np.array([10, 1_000_010]), np.array([8.0, 9.0]), r2_of(np.eye(2)))
    assert loci.index_variant.tolist() == [1, 0]
    assert loci.locus.tolist() == [1, 0]


def test_uncorrelated_neighbours_within_the_distance_are_merged():
    loci = find_loci(np.array([0, 250_000, 500_001]), np.array([9.0, 8.0, 7.5]), r2_of(np.eye(3)))
    assert loci.index_variant.tolist() == [0, 2]
    assert loci.locus.tolist() == [0, 0, 1]


def test_a_merged_clump_brings_its_own_members():
    r2 = np.eye(3)
    r2[1, 2] = r2[2, 1] = 0.5
    loci = find_loci(np.array([0, 200_000, 400_000]), np.array([9.0, 8.0, 7.5]), r2_of(r2))
    assert loci.locus.tolist() == [0, 0, 0]


def test_no_hit_is_no_locus():
    loci = find_loci(np.empty(0, dtype=int), np.empty(0), r2_of(np.empty((0, 0))))
    assert len(loci.index_variant) == len(loci.locus) == 0


@given(st.data())
def test_loci_partition_the_variants_and_their_index_variants_are_strongest_and_apart(data):
    n = data.draw(st.integers(1, 12))
    position = np.array(data.draw(st.lists(st.integers(0, 10**6), min_size=n, max_size=n)))
    neg_log_10_p = np.array(data.draw(st.lists(st.floats(7, 50), min_size=n, max_size=n)))
    r2 = np.random.default_rng(data.draw(st.integers(0, 99))).random((n, n))
    r2 = np.maximum(r2, r2.T)
    loci = find_loci(position, neg_log_10_p, r2_of(r2))
    assert set(loci.locus) == set(range(len(loci.index_variant)))
    for number, index_variant in enumerate(loci.index_variant):
        assert neg_log_10_p[index_variant] == neg_log_10_p[loci.locus == number].max()
    gaps = np.diff(np.sort(position[loci.index_variant]))
    assert (gaps > 250_000).all()


def test_r2_is_the_squared_correlation_of_dosages():
    rng = np.random.default_rng(0)
    dosage = reference.correlated_dosage(rng, 300, 6)
    expected = np.corrcoef(dosage.T)[0, 1:] ** 2
    np.testing.assert_allclose(squared_correlation(dosage[:, 0], dosage[:, 1:]), expected, rtol=1e-9)


def test_r2_with_missing_calls_and_constant_variants_is_finite():
    dosage = np.array([[0, 1, 2.0], [1, np.nan, 2], [2, 2, 2], [np.nan, 0, 2]])
    r2 = squared_correlation(dosage[:, 0], dosage)
    assert r2[0] == pytest.approx(1)
    assert 0 < r2[1] < 1
    assert r2[2] == 0
