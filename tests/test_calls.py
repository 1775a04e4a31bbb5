import numpy as np
import pytest

from ecgae.statistics.calls import count_packed, from_dosage, from_packed, select

COPIES = np.array([2, np.nan, 1, 0])
"""Of the effect allele, by PLINK's two bits."""


def packed_of(codes):
    variants, people = codes.shape
    four = np.zeros((variants, -(-people // 4) * 4), dtype=np.uint8)
    four[:, :people] = codes
    four = four.reshape(variants, -1, 4)
    return four[..., 0] | four[..., 1] << 2 | four[..., 2] << 4 | four[..., 3] << 6


@pytest.fixture(params=[4, 61, 64, 65, 1003])
def codes(request):
    rng = np.random.default_rng(request.param)
    return rng.choice([0, 1, 2, 3], p=[0.3, 0.05, 0.4, 0.25], size=(30, request.param)).astype(
        np.uint8
    )


def test_unpacked_calls_are_the_codes_of_every_person_however_many_fill_the_last_byte(codes):
    calls = from_packed(count_packed(packed_of(codes), codes.shape[1]))
    np.testing.assert_array_equal(calls.dosage(np.arange(30)), COPIES[codes].T)
    rarer = np.where(
        np.nanmean(COPIES[codes], axis=1, keepdims=True) > 1, 2 - COPIES[codes], COPIES[codes]
    )
    np.testing.assert_array_equal(calls.genotype, np.nan_to_num(rarer))


def test_counts_are_those_of_the_calls(codes):
    counts = count_packed(packed_of(codes), codes.shape[1]).counts
    copies = COPIES[codes]
    np.testing.assert_array_equal(counts.n, (~np.isnan(copies)).sum(axis=1))
    np.testing.assert_array_equal(counts.effect_allele_count, np.nansum(copies, axis=1))
    np.testing.assert_array_equal(counts.sum_of_squares, np.nansum(copies**2, axis=1))
    for field, code in (("homozygous_effect", 0), ("heterozygous", 2), ("homozygous_other", 3)):
        np.testing.assert_array_equal(getattr(counts, field), (codes == code).sum(axis=1))


def test_people_may_be_chosen_in_any_order(codes):
    people = np.random.default_rng(0).permutation(codes.shape[1])[: codes.shape[1] * 2 // 3 + 1]
    calls = from_packed(count_packed(select(packed_of(codes), people), len(people)))
    np.testing.assert_array_equal(calls.dosage(np.arange(30)), COPIES[codes[:, people]].T)


def test_packed_calls_and_dosages_say_the_same(codes):
    packed = from_packed(count_packed(packed_of(codes), codes.shape[1]))
    dosage = from_dosage(COPIES[codes].T.astype(np.float32))
    np.testing.assert_array_equal(packed.genotype, dosage.genotype)
    np.testing.assert_array_equal(packed.flipped, dosage.flipped)
    for one, other in zip(packed.counts, dosage.counts, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(packed.missing_variant, dosage.missing_variant)
    np.testing.assert_array_equal(packed.missing_individual, dosage.missing_individual)


def test_dosages_come_back_as_they_were_read():
    given = np.random.default_rng(1).uniform(0, 2, (50, 6)).astype(np.float32)
    given[3, 2] = np.nan
    calls = from_dosage(given)
    np.testing.assert_array_equal(
        calls.dosage(np.array([1, 2, 5])), given[:, [1, 2, 5]].astype(np.float64)
    )
    assert calls.counts.n.tolist() == [50, 50, 49, 50, 50, 50]


def test_an_uncertain_dosage_is_no_hard_call():
    counts = from_dosage(np.array([[0.05], [0.95], [1.4], [2.0]], dtype=np.float32)).counts
    assert [counts.homozygous_other[0], counts.heterozygous[0], counts.homozygous_effect[0]] == [
        1,
        1,
        1,
    ]
    assert counts.n[0] == 4
