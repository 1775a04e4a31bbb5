import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.region import Region
from ecgae.scoring import locus_table
from ecgae.scoring.locus_marks import mark_known
from ecgae.scoring.locus_table import LocusFinder
from ecgae.statistics.association import associate, covariate_basis, fit, neg_log10_p
from ecgae.statistics.loci import NOWHERE, clump, find_loci, merge, passing, squared_correlation


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
    np.testing.assert_allclose(
        squared_correlation(dosage[:, 0], dosage[:, 1:]), expected, rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        squared_correlation(dosage[:, 0].astype(float), dosage[:, 1:].astype(float)),
        expected,
        rtol=1e-9,
    )


def test_r2_with_missing_calls_and_constant_variants_is_finite():
    dosage = np.array(
        [[0, 1, 2.0, np.nan], [1, np.nan, 2, np.nan], [2, 2, 2, np.nan], [np.nan, 0, 2, np.nan]]
    )
    r2 = squared_correlation(dosage[:, 0], dosage)
    assert r2[0] == pytest.approx(1)
    filled = np.array([1, 1, 2, 0.0])
    assert r2[1] == pytest.approx(np.corrcoef([0, 1, 2, 1], filled)[0, 1] ** 2)
    assert r2[2:].tolist() == [0, 0]


def test_a_constant_variant_correlates_with_nothing_in_single_precision_either():
    dosage = np.full((50_000, 2), 1.7, dtype=np.float32)
    dosage[:, 1] = np.random.default_rng(0).binomial(2, 0.3, 50_000)
    assert squared_correlation(dosage[:, 1], dosage)[0] == 0
    dosage[:, 0] = 2
    dosage[7, 0] = 1  # one carrier of the other allele is enough to vary
    assert squared_correlation(dosage[:, 0], dosage)[0] == pytest.approx(1, rel=1e-4)


def drawn(data):
    """Variants of one chromosome: positions, -log10 p, r2, and which are significant at 8."""
    n = data.draw(st.integers(1, 12))
    position = np.array(data.draw(st.lists(st.integers(0, 10**6), min_size=n, max_size=n)))
    neg_log_10_p = np.array(data.draw(st.lists(st.floats(5, 12), min_size=n, max_size=n)))
    r2 = np.random.default_rng(data.draw(st.integers(0, 99))).random((n, n)) / 4
    return position, neg_log_10_p, r2_of(np.maximum(r2, r2.T))


def test_a_weaker_variant_in_ld_extends_a_locus_but_makes_none():
    r2 = np.eye(4)
    r2[0, 1] = r2[1, 0] = 0.3
    neg_log_10_p = np.array([9.0, 6.0, 6.0, 6.0])
    position = np.array([0, 200_000, 100_000, 900_000])  # in LD; near without LD; far
    loci = find_loci(position, neg_log_10_p, r2_of(r2), neg_log_10_p > 7.3)
    assert loci.index_variant.tolist() == [0]
    assert loci.locus.tolist() == [0, 0, NOWHERE, NOWHERE]


@given(st.data())
def test_the_loci_at_a_stricter_threshold_are_those_of_a_looser_one_whose_index_variant_passes(
    data,
):
    position, neg_log_10_p, r2 = drawn(data)
    loose = clump(position, neg_log_10_p, r2, neg_log_10_p > 7)
    strict = neg_log_10_p > data.draw(st.floats(7, 13))
    expected = find_loci(position, neg_log_10_p, r2, strict)
    found = merge(passing(loose, strict), position, neg_log_10_p)
    assert found.index_variant.tolist() == expected.index_variant.tolist()
    assert found.locus.tolist() == expected.locus.tolist()


def test_the_mhc_is_one_locus_whatever_its_ld():
    position = np.array([24_000_000, 25_000_000, 29_000_000, 33_900_000, 34_000_000, 34_000_001])
    neg_log_10_p = np.array([8.0, 9.0, 10.0, 8.5, 8.2, 9.5])
    loci = find_loci(position, neg_log_10_p, r2_of(np.eye(6)), one_locus=(25_000_000, 34_000_000))
    assert loci.index_variant.tolist() == [2, 5, 0]
    assert loci.locus.tolist() == [2, 0, 0, 0, 0, 1]
    assert len(find_loci(position, neg_log_10_p, r2_of(np.eye(6))).index_variant) == 4


def test_weaker_variants_of_the_mhc_belong_to_its_locus_however_far_they_are():
    neg_log_10_p = np.array([9.0, 6.0, 6.0])
    position = np.array([26_000_000, 33_000_000, 34_500_000])
    loci = find_loci(
        position,
        neg_log_10_p,
        r2_of(np.eye(3)),
        neg_log_10_p > 7,
        one_locus=(25_000_000, 34_000_000),
    )
    assert loci.locus.tolist() == [0, 0, NOWHERE]


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    """Genotypes in LD on two chromosomes, some calls missing, and a scan of two phenotypes with
    causal variants."""
    rng = np.random.default_rng(5)
    dosage = np.hstack([reference.correlated_dosage(rng, 2500, 300, switch=0.05) for _ in range(2)])
    effects = np.zeros((600, 2))
    effects[[40, 55, 200], 0] = 0.3
    effects[[41, 420], 1] = 0.25
    found = associate(
        dosage,
        fit(dosage @ effects + rng.normal(size=(2500, 2)), covariate_basis(np.empty((2500, 0)))),
    )
    prefix = reference.write_genotypes(
        tmp_path_factory.mktemp("loci") / "x",
        dosage,
        chromosomes=np.repeat(["1", "6"], 300),
        positions=np.tile(np.arange(1, 301) * 8000, 2),
    )
    genotypes = Genotypes.open(prefix)
    return prefix, genotypes, associations(genotypes, found, ["pr", "qt"])


def associations(genotypes, found, names, report_below=1e-5):
    """The table of every association below a p-value, as an engine gives it."""
    tables = []
    for column, name in enumerate(names):
        p = neg_log10_p(found.t, found.df[:, None])[:, column]
        table = genotypes.variants.assign(
            beta=found.beta[:, column],
            effect_allele_frequency=found.effect_allele_frequency,
            neg_log_10_p_value=p,
        )
        tables.append(table.assign(phenotype=name)[p >= -np.log10(report_below)])
    return pd.concat(tables).sort_index(kind="stable")


def finder(genotypes, one_locus=None, people=2500):
    return LocusFinder(genotypes, np.arange(people), 0.1, 250_000, one_locus)


@pytest.mark.skipif(shutil.which("plink1.9") is None, reason="plink1.9 is not installed")
def test_clumps_are_those_of_plink(panel, tmp_path):
    prefix, genotypes, found = panel
    strongest = found.sort_values("neg_log_10_p_value", ascending=False).drop_duplicates("rsid")
    table = pd.DataFrame(
        {"SNP": strongest["rsid"], "P": [f"{10**-p:.12g}" for p in strongest["neg_log_10_p_value"]]}
    )
    table.to_csv(tmp_path / "p.txt", sep=" ", index=False)
    settings = [
        "--clump-p1",
        "5e-8",
        "--clump-p2",
        "1e-5",
        "--clump-r2",
        "0.1",
        "--clump-kb",
        "250",
    ]
    command = [
        "plink1.9",
        "--bfile",
        prefix,
        "--clump",
        tmp_path / "p.txt",
        *settings,
        "--out",
        tmp_path / "c",
    ]
    subprocess.run(command, check=True, capture_output=True)
    theirs = pd.read_csv(tmp_path / "c.clumped", sep=r"\s+").set_index("SNP")["SP2"]
    expected = {
        name: set(taken.replace("(1)", "").split(",")) - {"NONE"} for name, taken in theirs.items()
    }
    clumps = finder(genotypes).clumps(found, 5e-8)
    mine = {
        clumps.loc[head, "rsid"]: set(rows["rsid"]) - {clumps.loc[head, "rsid"]}
        for head, rows in clumps[clumps["clump"] != NOWHERE].groupby("clump")
    }
    assert len(mine) >= 4
    assert mine == expected


def test_the_table_says_of_each_locus_where_and_what_it_is(panel):
    _, genotypes, found = panel
    loci = finder(genotypes)
    table = loci.table(loci.clumps(found, 5e-8), found, 5e-8)
    assert {"rs200", "rs419"} <= set(table["rsid"])
    assert table["neg_log_10_p_value"].is_monotonic_decreasing
    assert (table["start"] <= table["base_pair_location"]).all()
    assert (table["base_pair_location"] <= table["end"]).all()
    assert (table["n_hit_variants"] < table["n_variants"]).any()
    assert set(table.set_index("rsid").loc["rs419", "phenotypes"].split(",")) == {"qt"}
    first = table.iloc[0]
    rows = found[
        (found["rsid"] == first["rsid"]) & (found["phenotype"] == first["phenotype"])
    ].iloc[0]
    for name in (
        "chromosome",
        "effect_allele",
        "other_allele",
        "effect_allele_frequency",
        "neg_log_10_p_value",
    ):
        assert first[name] == rows[name]
    assert first["index_variant"] == rows["variant_id"]


def test_one_clumping_serves_every_stricter_threshold(panel):
    _, genotypes, found = panel
    loci = finder(genotypes)
    loose = loci.clumps(found, 1e-6)
    for threshold in (1e-6, 5e-8, 1e-12, 1e-20, 1e-300):
        alone = loci.table(loci.clumps(found, threshold), found, threshold)
        pd.testing.assert_frame_equal(loci.table(loose, found, threshold), alone)
        assert loci.count(loose, threshold) == len(alone)


def test_reading_a_region_in_parts_changes_nothing(panel, monkeypatch):
    _, genotypes, found = panel
    whole = finder(genotypes).clumps(found, 5e-8)
    monkeypatch.setattr(locus_table, "HELD", 4 * 2500 * 7)
    assert finder(genotypes).clumps(found, 5e-8).equals(whole)


def test_one_locus_may_be_named_for_one_chromosome(panel):
    _, genotypes, found = panel
    everywhere = finder(genotypes, Region("1", 1, 2_400_000))
    table = everywhere.table(everywhere.clumps(found, 1e-5), found, 1e-5)
    assert (table["chromosome"] == "1").sum() == 1
    apart = finder(genotypes)
    assert len(apart.table(apart.clumps(found, 1e-5), found, 1e-5)) > len(table)


def test_the_extent_of_the_mhc_reaches_its_last_associated_variant(panel):
    _, genotypes, _ = panel
    found = genotypes.variants.iloc[[10, 250, 290]].assign(
        neg_log_10_p_value=[9.0, 6.0, 6.0], effect_allele_frequency=0.3, phenotype="pr"
    )  # at 88, 2008 and 2328 kb, more than 250 kb apart
    loci = finder(genotypes, Region("1", 1, 2_100_000))
    table = loci.table(loci.clumps(found, 5e-8), found, 5e-8)
    assert table[["start", "end", "n_variants", "n_hit_variants"]].to_numpy().tolist() == [
        [88_000, 2_008_000, 2, 1]
    ]


def test_no_association_is_an_empty_table_with_all_columns(panel):
    _, genotypes, found = panel
    loci = finder(genotypes)
    table = loci.table(loci.clumps(found.iloc[:0], 5e-8), found.iloc[:0], 5e-8)
    assert len(table) == 0
    assert tuple(table) == locus_table.LOCUS_COLUMNS


def test_fifty_loci_of_a_thousand_candidates_are_read_once_each(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    dosage = np.tile(reference.correlated_dosage(rng, 500, 1000, switch=0.02), 50)
    place = np.tile(np.arange(1000) * 400, 50) + np.repeat(np.arange(50) * 1_000_000, 1000) + 1
    genotypes = Genotypes.open(reference.write_genotypes(tmp_path / "x", dosage, positions=place))
    found = genotypes.variants.assign(neg_log_10_p_value=rng.uniform(5, 5.5, 50_000))
    found.loc[np.arange(500, 50_000, 1000), "neg_log_10_p_value"] = 9.0
    reads = []
    read = Genotypes.read
    monkeypatch.setattr(Genotypes, "read", lambda *given: (reads.append(1), read(*given))[1])
    clumps = finder(genotypes, people=500).clumps(found, 5e-8)
    assert len(reads) == 50
    assert clumps["clump"].ne(NOWHERE).sum() > 500


def test_known_loci_are_marked_within_the_extent_or_the_distance():
    loci = pd.DataFrame({"chromosome": ["1", "1", "2"], "start": [900, 9000, 1], "end": [1100, 9900, 2],
                         "base_pair_location": [1000, 9100, 1]})  # fmt: skip
    known = pd.DataFrame(
        [["1", 1100, "rs1", "SCN5A", "PR interval"], ["1", 1200, "rs2", "SCN10A", "PR interval"],
         ["1", 9900, "rs3", "", "QT interval"], ["1", 8999, "", "", ""], ["2", 1000, "rs4", "TTN", "QT interval"]],
        columns=["chromosome", "base_pair_location", "rsid", "gene", "trait"],
    )  # fmt: skip
    marked = mark_known(loci, known, 200)["known"]
    assert marked.tolist() == ["PR interval (SCN5A,SCN10A)", "QT interval (rs3); known", ""]
    assert mark_known(loci, None, 200)["known"].tolist() == ["", "", ""]
    assert "known" in mark_known(loci.iloc[:0], known, 200)
