import shutil
import subprocess
import time

import numpy as np
import pandas as pd
import pytest
import reference

from ecgae.errors import InputError
from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.variant_filter import VariantFilter
from ecgae.statistics import hardy_weinberg
from ecgae.statistics.variant_counts import Counts, count

NO_FILTER = {
    "min_minor_allele_count": 0,
    "min_minor_allele_frequency": 0,
    "min_call_rate": 0,
    "min_hwe_p": 0,
    "min_info": 0,
}


def three(*rows):
    """Counts of (heterozygous, homozygous, other homozygous) people as three arrays."""
    return tuple(np.array(rows).T.astype(np.int64))


def table(*rows):
    columns = ["chromosome", "base_pair_location", "variant_id", "rsid"]
    return pd.DataFrame(list(rows), columns=columns)


VARIANTS = table(
    ("1", 100, "1_100_G_A", "rs1"),
    ("1", 200, "1_200_G_A", None),
    ("6", 25_000_000, "6_25000000_G_A", "rs3"),
    ("6", 34_000_000, "6_34000000_T_C", "rs4"),
    ("6", 34_000_001, "6_34000001_T_C", "rs4"),
    ("16", 100, "16_100_T_C", "rs6"),
)


class TestHardyWeinberg:
    def test_p_is_that_of_whole_numbers(self):
        rng = np.random.default_rng(0)
        some = [
            tuple(rng.multinomial(rng.integers(1, 120), rng.dirichlet([1, 1, 1])))
            for _ in range(300)
        ]
        edges = [
            (1, 0, 0),
            (0, 1, 0),
            (0, 0, 1),
            (2, 0, 0),
            (0, 1, 1),
            (1, 0, 99),
            (0, 3, 97),
            (100, 0, 0),
            (0, 60, 60),
        ]
        rows = some + edges
        expected = [float(reference.hardy_weinberg(*map(int, row))) for row in rows]
        np.testing.assert_allclose(10 ** hardy_weinberg.log10_p(*three(*rows)), expected, rtol=1e-9)

    def test_p_does_not_underflow(self):
        exact = reference.hardy_weinberg(0, 1000, 1000)
        expected = np.log10(exact.numerator / 10 ** (len(str(exact.numerator)) - 1))
        expected += len(str(exact.numerator)) - len(str(exact.denominator))
        expected -= np.log10(exact.denominator / 10 ** (len(str(exact.denominator)) - 1))
        assert expected < -500
        np.testing.assert_allclose(
            hardy_weinberg.log10_p(*three((0, 1000, 1000))), expected, rtol=1e-10
        )

    def test_a_variant_without_calls_is_in_equilibrium(self):
        assert hardy_weinberg.log10_p(*three((0, 0, 0))) == 0
        assert not hardy_weinberg.is_below(0.5, *three((0, 0, 0)))

    @pytest.mark.parametrize("threshold", [0, 1e-30, 1e-15, 1e-6, 0.01, 1])
    def test_the_quick_answer_is_the_exact_one(self, threshold):
        rng = np.random.default_rng(1)
        rows = [
            tuple(rng.multinomial(rng.integers(1, 900), rng.dirichlet([1, 3, 3])))
            for _ in range(500)
        ]
        exact = hardy_weinberg.log10_p(*three(*rows))
        with np.errstate(divide="ignore"):
            expected = exact < np.log10(threshold)
        np.testing.assert_array_equal(hardy_weinberg.is_below(threshold, *three(*rows)), expected)
        assert threshold in (0, 1) or 0 < expected.sum() < 500

    @pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")
    def test_real_variants_have_the_p_of_plink2(self, tmp_path, real_data):
        source = real_data / "genotypes" / "1kg" / "1kg_phase3_subset_autosomes"
        command = [
            "plink2",
            "--bfile",
            source,
            "--chr",
            "20-22",
            "--hardy",
            "--nonfounders",
            "--out",
            "x",
        ]
        subprocess.run(list(map(str, command)), cwd=tmp_path, check=True, capture_output=True)
        printed = pd.read_csv(tmp_path / "x.hardy", sep="\t")
        columns = ["HET_A1_CT", "HOM_A1_CT", "TWO_AX_CT"]
        found = hardy_weinberg.log10_p(*printed[columns].to_numpy(dtype=np.int64).T)
        np.testing.assert_allclose(10**found, printed["P"], rtol=6e-6)
        assert found.min() < -50


class TestCounts:
    def test_of_hard_calls(self):
        dosage = np.array([[0, 1, 2, 2, np.nan], [2, 2, 2, 2, 2], [np.nan] * 5], dtype=np.float32).T
        counts = count(dosage)
        assert counts.people == 5
        assert counts.n.tolist() == [4, 5, 0]
        assert counts.effect_allele_count.tolist() == [5, 10, 0]
        assert counts.minor_allele_count.tolist() == [3, 0, 0]
        np.testing.assert_array_equal(counts.minor_allele_frequency, [3 / 8, 0, np.nan])
        np.testing.assert_array_equal(counts.call_rate, [0.8, 1, 0])
        calls = counts.homozygous_other, counts.heterozygous, counts.homozygous_effect
        assert [people.tolist() for people in calls] == [[1, 0, 0], [1, 0, 0], [2, 5, 0]]

    def test_of_dosages_take_those_near_a_call_for_it(self):
        dosage = np.array([[0.1, 0.11, 0.89, 0.9, 1.1, 1.11, 1.9, 1.89, np.nan, 0.5]]).T
        counts = count(dosage)
        assert counts.n == 9
        assert [int(counts[-1][0]), int(counts[-2][0]), int(counts[-3][0])] == [1, 2, 1]
        np.testing.assert_allclose(counts.effect_allele_count, np.nansum(dosage))
        np.testing.assert_allclose(counts.sum_of_squares, np.nansum(dosage**2))

    def test_of_no_variant(self):
        assert all(len(column) == 0 for column in count(np.zeros((5, 0)))[1:])

    def test_of_many_variants_are_those_of_each(self):
        dosage = reference.random_dosage(np.random.default_rng(0), 1000, 600, missing=0.1)
        whole = count(np.asfortranarray(dosage))
        for variant in (0, 261, 262, 599):  # 262 are counted at once
            for columns, column in zip(whole[1:], count(dosage[:, [variant]])[1:], strict=True):
                assert columns[variant] == column[0]

    def test_info_is_one_for_calls_in_equilibrium_and_less_for_uncertain_ones(self):
        rng = np.random.default_rng(0)
        calls = rng.binomial(2, 0.3, (20_000, 1)).astype(float)
        shrunk = 0.6 + 0.5 * (calls - 0.6)
        np.testing.assert_allclose(count(calls).info, 1, atol=0.03)
        np.testing.assert_allclose(count(shrunk).info, 0.25, atol=0.01)
        assert np.isnan(count(np.zeros((5, 1))).info).all()


@pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")
@pytest.mark.parametrize("hard_calls", [True, False])
def test_info_is_the_mach_r2_of_plink2(tmp_path, hard_calls):
    rng = np.random.default_rng(0)
    dosage = reference.random_dosage(rng, 300, 40, missing=0.05)
    if not hard_calls:
        dosage = np.clip(dosage + rng.normal(0, 0.4, dosage.shape), 0, 2)
    prefix = reference.write_pgen(tmp_path / "x", dosage, hard_calls=hard_calls)
    command = ["plink2", "--pfile", "x", "--freq", "cols=+machr2", "--nonfounders", "--out", "x"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    printed = pd.read_csv(tmp_path / "x.afreq", sep="\t")["MACH_R2"]
    read = Genotypes.open(prefix).read(np.arange(40), np.arange(300))
    np.testing.assert_allclose(count(read).info, printed, rtol=6e-6)


def counts_of(rows, people=1000, n=None):
    """Counts of variants with these (heterozygous, homozygous, other homozygous) people."""
    heterozygous, homozygous, other = three(*rows)
    n = heterozygous + homozygous + other if n is None else np.array(n)
    copies = (heterozygous + 2 * homozygous).astype(float)
    return Counts(
        people, n, copies, (heterozygous + 4.0 * homozygous), homozygous, heterozygous, other
    )


class TestFailed:
    def test_every_variant_is_counted_at_its_first_reason(self):
        counts = counts_of(
            [
                (0, 0, 0),
                (19, 0, 981),
                (981, 0, 19),
                (20, 0, 980),
                (19, 981, 0),
                (300, 30, 619),
                (300, 30, 620),
                (0, 500, 500),
                (500, 250, 250),
            ]
        )
        failed = VariantFilter().failed(counts, hard_calls=True)
        assert {reason: np.flatnonzero(which).tolist() for reason, which in failed.items()} == {
            "no call": [0],
            "minor allele count below 20": [1, 4],
            "call rate below 0.95": [5],
            "Hardy-Weinberg p below 1e-15": [2, 7],
        }

    def test_frequency_and_info_are_asked_for(self):
        calls = np.random.default_rng(0).binomial(2, [0.02, 0.4, 0.4], (1000, 3))
        dosage = calls.astype(float)
        dosage[:, 2] = 0.8 + 0.5 * (dosage[:, 2] - 0.8)
        chosen = VariantFilter(min_minor_allele_frequency=0.1, min_hwe_p=0)
        failed = chosen.failed(count(dosage), hard_calls=False)
        assert failed["minor allele frequency below 0.1"].tolist() == [True, False, False]
        assert failed["info below 0.3"].tolist() == [False, False, True]
        assert "info below 0.3" not in chosen.failed(count(dosage), hard_calls=True)

    def test_without_any_filter_all_that_have_a_call_pass(self):
        failed = VariantFilter(**NO_FILTER).failed(
            counts_of([(0, 0, 0), (1, 0, 0), (0, 500, 500)]), hard_calls=False
        )
        assert {reason: which.tolist() for reason, which in failed.items()} == {
            "no call": [True, False, False]
        }

    def test_fifty_thousand_variants_take_a_fifth_of_a_second_at_most(self):
        rng = np.random.default_rng(0)
        p = rng.uniform(0.002, 0.5, 50_000)[:, None]
        rows = rng.multinomial(10_000, np.hstack([2 * p * (1 - p), p**2, (1 - p) ** 2]))
        counts = counts_of(rows, people=10_000)
        start = time.process_time()
        VariantFilter().failed(counts, hard_calls=True)
        assert time.process_time() - start < 5


class TestListed:
    @pytest.mark.parametrize(
        ("regions", "expected"),
        [
            ((), [0, 1, 2, 3, 4, 5]),
            (["6"], [2, 3, 4]),
            ([6], [2, 3, 4]),
            (["chr6:25000000-34000000", "1:200-200"], [1, 2, 3]),
            (["16", "1:150-1000"], [1, 5]),
        ],
    )
    def test_regions_include_their_ends(self, regions, expected):
        assert np.flatnonzero(VariantFilter(regions=regions).listed(VARIANTS)).tolist() == expected

    def test_regions_without_a_variant_are_named(self, capsys):
        VariantFilter(regions=["1", "2", "6:1-2"]).listed(VARIANTS)
        assert (
            "2 of 3 regions of variants.regions hold no variant: 2, 6:1-2."
            in capsys.readouterr().out
        )

    def test_lists_hold_either_name_and_unknown_ones_are_counted(self, tmp_path, capsys):
        (tmp_path / "keep").write_text("#ID note\nrs1 a\n1_200_G_A\nrs4\n\nrs99\n1_200_A_G\n")
        (tmp_path / "remove").write_text("6_34000000_T_C\n")
        chosen = VariantFilter(keep=str(tmp_path / "keep"), remove=str(tmp_path / "remove"))
        assert np.flatnonzero(chosen.listed(VARIANTS)).tolist() == [0, 1, 4]
        assert (
            capsys.readouterr().out
            == "2 of 5 variants in keep (variants.keep) have no genotypes.\n"
        )

    def test_a_file_may_name_the_variants_of_real_genotypes(self, tmp_path):
        dosage = reference.random_dosage(np.random.default_rng(0), 10, 5)
        genotypes = Genotypes.open(reference.write_genotypes(tmp_path / "x", dosage))
        (tmp_path / "keep").write_text("rs3\n1_1000_G_A\n")
        listed = VariantFilter(keep=str(tmp_path / "keep")).listed(genotypes.variants)
        assert np.flatnonzero(listed).tolist() == [0, 3]

    @pytest.mark.parametrize("setting", ["keep", "remove"])
    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (None, "must be a text file of variants; there is no "),
            (b"\n#a\n", "must name a variant; .*list is empty"),
            (b"\xff\xfe\n", "must be a text file of variants; .*list is not"),
        ],
    )
    def test_a_bad_list_is_named(self, tmp_path, setting, content, sentence):
        if content is not None:
            (tmp_path / "list").write_bytes(content)
        with pytest.raises(InputError, match=rf"variants\.{setting} {sentence}"):
            VariantFilter(**{setting: str(tmp_path / "list")}).listed(VARIANTS)

    def test_nothing_left_is_an_error(self):
        with pytest.raises(InputError, match=r"must leave a variant; of 6 they leave none"):
            VariantFilter(regions=["7"]).listed(VARIANTS)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"min_minor_allele_count": -1},
            r"variants\.min_minor_allele_count must be 0 or more; got -1",
        ),
        (
            {"min_minor_allele_count": float("nan")},
            r"variants\.min_minor_allele_count must be 0 or more; got nan",
        ),
        (
            {"min_minor_allele_frequency": 0.6},
            r"variants\.min_minor_allele_frequency must be from 0 to 0\.5; got 0\.6",
        ),
        ({"min_call_rate": 95}, r"variants\.min_call_rate must be from 0 to 1; got 95"),
        ({"min_hwe_p": -1e-6}, r"variants\.min_hwe_p must be from 0 to 1; got -1e-06"),
        ({"min_info": 1.1}, r"variants\.min_info must be from 0 to 1; got 1\.1"),
        ({"regions": "6"}, r"variants\.regions must be a list; got 6"),
        (
            {"regions": ["X"]},
            r"variants\.regions must be chromosomes from 1 to 22 or base pairs .* got X\.",
        ),
        ({"regions": [23]}, r"got 23\."),
        ({"regions": ["6:5-4"]}, r"got 6:5-4\."),
        ({"regions": ["6:5"]}, r"got 6:5\."),
    ],
)
def test_bad_settings_fail_at_construction(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        VariantFilter(**settings)
