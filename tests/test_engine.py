import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
import reference
from conftest import choices, composed
from hydra.utils import instantiate

from ecgae.engine.ols import OLS
from ecgae.errors import InputError
from ecgae.genotypes import Genotypes
from ecgae.sumstats import read_associations

COLUMNS = [
    *("chromosome", "base_pair_location", "effect_allele", "other_allele", "beta", "standard_error"),
    *("effect_allele_frequency", "neg_log_10_p_value", "variant_id", "rsid", "n", "phenotype"),
]
plink2 = pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not on the PATH")


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def cohort(tmp_path, rng):
    """300 people, 60 variants with missing calls, 4 phenotypes of which two have gaps, 2 covariates."""
    dosage = reference.random_dosage(rng, 300, 60, missing=0.005, low=0.15, high=0.85)
    dosage[:, 7] = 0
    dosage[:, 8] = (np.arange(300) < 15).astype(np.float32)
    prefix = reference.write_genotypes(tmp_path / "x", dosage, chromosomes=["1"] * 30 + ["2"] * 30)
    covariates = np.column_stack([rng.uniform(40, 70, 300), rng.integers(0, 2, 300)]).astype(float)
    phenotypes = rng.standard_normal((300, 4)) + 0.05 * covariates[:, :1] + np.nan_to_num(dosage[:, [40]])
    phenotypes[rng.random(300) < 0.1, 1] = np.nan
    phenotypes[rng.random(300) < 0.2, 3] = np.nan
    return Genotypes.open(prefix), dosage, phenotypes, covariates


NAMES = ["y0", "y1", "y2", "y3"]


def scan(cohort, path, engine, **kwargs):
    genotypes, _, phenotypes, covariates = cohort
    found = engine(genotypes, np.arange(300), phenotypes, NAMES, covariates, path, **kwargs)
    return found, read_associations(path)


@pytest.fixture(params=choices("engine"))
def engine(request):
    """Every engine that has a yaml, on phenotypes in their own unit."""
    return instantiate(composed(f"engine={request.param}", "engine.transform=none").engine)


def test_the_scan_equals_the_slow_twin_with_missing_calls_and_phenotypes(cohort, tmp_path, engine):
    _, dosage, phenotypes, covariates = cohort
    found, table = scan(cohort, tmp_path / "a.parquet", engine)
    assert list(table) == COLUMNS
    statistics = ("beta", "standard_error", "neg_log_10_p_value", "n")
    twin = dict(zip(statistics, reference.scan(dosage, phenotypes, covariates), strict=True))
    tested = np.setdiff1d(np.arange(60), [7, 8])
    assert (found.n_variants, found.n_excluded, found.n_untested) == (58, 2, 0)
    assert found.variants.index.tolist() == tested.tolist()
    for name, expected in twin.items():
        values = table.pivot_table(name, "variant_id", "phenotype", observed=True, sort=False).to_numpy()
        np.testing.assert_allclose(values, expected[tested], rtol=1e-9, atol=1e-11, err_msg=name)
    frequency = np.nanmean(dosage[~np.isnan(phenotypes[:, 3])][:, tested], axis=0, dtype=float) / 2
    np.testing.assert_allclose(table[table["phenotype"] == "y3"]["effect_allele_frequency"], frequency, rtol=1e-12)


def test_naming_the_other_allele_the_effect_allele_flips_beta_and_keeps_p(cohort, tmp_path, engine):
    _, dosage, phenotypes, covariates = cohort
    chromosomes = cohort[0].variants["chromosome"]
    flipped = Genotypes.open(reference.write_genotypes(tmp_path / "flipped", 2 - dosage, chromosomes))
    _, one = scan(cohort, tmp_path / "a.parquet", engine)
    _, other = scan((flipped, 2 - dosage, phenotypes, covariates), tmp_path / "b.parquet", engine)
    np.testing.assert_allclose(one["beta"], -other["beta"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one["neg_log_10_p_value"], other["neg_log_10_p_value"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one["effect_allele_frequency"], 1 - other["effect_allele_frequency"], atol=1e-12)


def test_a_variant_that_follows_from_the_covariates_is_counted_and_not_reported(cohort, tmp_path, engine):
    genotypes, dosage, phenotypes, covariates = cohort
    covariates = np.column_stack([covariates, np.nan_to_num(dosage[:, 20])])
    people = np.flatnonzero(~np.isnan(dosage[:, 20]))
    found = engine(genotypes, people, phenotypes[people], NAMES, covariates[people], tmp_path / "a.parquet")
    assert (found.n_variants, found.n_excluded, found.n_untested) == (57, 2, 1)
    assert "rs20" not in set(read_associations(tmp_path / "a.parquet")["rsid"])


@pytest.mark.parametrize("transform", ["none", "zscore", "rint"])
def test_the_block_size_changes_nothing(cohort, tmp_path, transform):
    _, whole = scan(cohort, tmp_path / "a.parquet", OLS(transform=transform))
    found, blocks = scan(cohort, tmp_path / "b.parquet", OLS(transform=transform, block_size=7))
    for column in COLUMNS:
        if pd.api.types.is_float_dtype(whole[column]):
            np.testing.assert_allclose(blocks[column], whole[column], rtol=1e-9, atol=1e-12)
        else:
            assert blocks[column].astype(str).tolist() == whole[column].astype(str).tolist()
    assert len(found.variants) == 58


def test_the_summary_holds_the_best_of_each_variant_and_every_candidate(cohort, tmp_path):
    found, table = scan(cohort, tmp_path / "a.parquet", OLS(), alpha=1e-3)
    best = table.sort_values("neg_log_10_p_value").drop_duplicates("variant_id", keep="last").set_index("variant_id")
    summary = found.variants.set_index("variant_id")
    for column in ("neg_log_10_p_value", "n", "effect_allele_frequency", "phenotype"):
        assert summary[column].tolist() == best.loc[summary.index, column].tolist()
    below = table[table["neg_log_10_p_value"] > 3]
    assert len(found.candidates) == len(below) >= 4
    assert found.candidates["beta"].tolist() == below["beta"].tolist()
    genotypes = cohort[0]
    assert genotypes.variants.loc[found.candidates.index, "rsid"].tolist() == found.candidates["rsid"].tolist()
    assert set(found.qq.observed) == set(NAMES)
    assert found.genomic_inflation.shape == (4,)


def test_only_associations_below_the_limit_are_written(cohort, tmp_path):
    _, everything = scan(cohort, tmp_path / "a.parquet", OLS())
    found, some = scan(cohort, tmp_path / "b.parquet", OLS(report_below=0.05))
    assert 0 < len(some) < len(everything) == 58 * 4
    assert len(some) == (everything["neg_log_10_p_value"] >= -np.log10(0.05)).sum()
    assert found.n_variants == 58, "the summary does not depend on what is written"


def test_a_subset_of_people_in_another_order_gives_the_same(cohort, tmp_path, engine):
    genotypes, dosage, phenotypes, covariates = cohort
    people = np.random.default_rng(0).permutation(300)[:200]
    engine(genotypes, people, phenotypes[people], NAMES, covariates[people], tmp_path / "a.parquet")
    table = read_associations(tmp_path / "a.parquet", "y2")
    expected = reference.regression(dosage[people, 40].astype(float), phenotypes[people, 2], covariates[people])
    row = table[table["rsid"] == "rs40"].iloc[0]
    np.testing.assert_allclose(row[["beta", "standard_error", "neg_log_10_p_value", "n"]].astype(float), expected)


def test_phenotypes_driven_by_covariates_alone_give_no_hit(tmp_path, rng):
    sex, age = rng.integers(0, 2, 800), rng.uniform(40, 70, 800)
    dosage = reference.random_dosage(rng, 800, 1000, missing=0.001)
    ancestry = dosage[:, :20].sum(axis=1)  # tracks its own variants, as genetic PCs do
    covariates = np.nan_to_num(np.column_stack([sex, age, ancestry]).astype(float))
    phenotypes = covariates @ rng.standard_normal((3, 6)) + 0.5 * rng.standard_normal((800, 6))
    genotypes = Genotypes.open(reference.write_genotypes(tmp_path / "x", dosage))
    names = [f"y{i}" for i in range(6)]
    for transform in ("none", "rint"):
        found = OLS(transform=transform)(genotypes, np.arange(800), phenotypes, names, covariates, tmp_path / "a")
        assert found.candidates.empty
        assert found.genomic_inflation.mean() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(
    ("values", "covariates", "sentence"),
    [
        (
            np.full(300, 2.0),
            2,
            "Phenotypes must vary, .* that fails for y1. Remove it, or set engine.constant_phenotypes",
        ),
        (np.arange(300) * 3.0 + 1, 1, "Phenotypes must vary, and beyond what the covariates say; that fails for y1"),
        (
            np.where(np.arange(300) < 4, np.arange(300), np.nan),
            2,
            "more individuals than parameters; y1 is known for 4",
        ),
        (np.full(300, np.nan), 2, "Phenotypes must have values; y1 is missing for everybody"),
        (np.where(np.arange(300) < 4, np.inf, np.arange(300)), 2, "finite or missing; y1 has infinite"),
    ],
)
def test_a_phenotype_that_cannot_be_tested_is_named_before_the_scan(cohort, tmp_path, values, covariates, sentence):
    genotypes, _, phenotypes, _ = cohort
    phenotypes = phenotypes.copy()
    phenotypes[:, 1] = values
    design = np.column_stack([np.arange(300), np.sin(np.arange(300))])[:, :covariates].astype(float)
    with pytest.raises(InputError, match=sentence):
        OLS()(genotypes, np.arange(300), phenotypes, NAMES, design, tmp_path / "a.parquet")
    assert not (tmp_path / "a.parquet").exists()


def test_constant_phenotypes_may_be_dropped_and_are_named(cohort, tmp_path, capsys):
    cohort[2][:, 1] = 0.25
    found, table = scan(cohort, tmp_path / "a.parquet", OLS(constant_phenotypes="drop"))
    assert found.phenotypes == ("y0", "y2", "y3")
    assert found.dropped == ("y1",)
    assert set(table["phenotype"]) == {"y0", "y2", "y3"}
    assert "1 of 4 phenotypes are constant and not tested: y1." in capsys.readouterr().out


def test_a_scan_that_fails_leaves_nothing_behind(cohort, tmp_path, monkeypatch):
    def blocks(self, individuals, block_size):
        yield 0, self.read(np.arange(5), individuals)
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(Genotypes, "blocks", blocks)
    with pytest.raises(RuntimeError):
        scan(cohort, tmp_path / "results" / "a.parquet", OLS())
    assert list((tmp_path / "results").iterdir()) == []


@pytest.mark.parametrize(
    "setting",
    [
        {"transform": "log"},
        {"min_minor_allele_count": -1},
        {"report_below": 0.0},
        {"report_below": 1.5},
        {"block_size": 0},
        {"constant_phenotypes": "keep"},
    ],
)
def test_bad_settings_fail_at_construction(setting):
    with pytest.raises(InputError, match=f"engine.{next(iter(setting))} must be"):
        OLS(**setting)


def run_plink2(folder, prefix, sample_ids, phenotypes, covariates):
    for name, values in (("y", phenotypes), ("c", covariates)):
        table = pd.DataFrame(values, columns=[f"{name}{i}" for i in range(values.shape[1])])
        table.insert(0, "#IID", sample_ids)
        table.to_csv(folder / f"{name}.tsv", sep="\t", index=False, na_rep="NA")
    columns = "cols=chrom,pos,ref,alt,a1freq,nobs,beta,se,p"
    command = ["plink2", "--bfile", prefix, "--pheno", "y.tsv", "--covar", "c.tsv", "--threads", "2", "--out", "plink"]
    command += ["--glm", "hide-covar", "log10", columns]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    tables = [
        pd.read_csv(folder / f"plink.y{i}.glm.linear", sep="\t", dtype={"#CHROM": str}).assign(phenotype=f"y{i}")
        for i in range(phenotypes.shape[1])
    ]
    return pd.concat(tables, ignore_index=True)


@plink2
def test_every_number_equals_plink2(cohort, tmp_path):
    genotypes, _, phenotypes, covariates = cohort
    _, table = scan(cohort, tmp_path / "a.parquet", OLS(transform="none"))
    plink = run_plink2(tmp_path, str(tmp_path / "x"), genotypes.sample_ids, phenotypes, covariates)
    both = table.astype({"phenotype": str, "rsid": str}).merge(
        plink, left_on=["rsid", "phenotype"], right_on=["ID", "phenotype"], validate="one_to_one"
    )
    assert len(both) == len(table) == 58 * 4
    same = (both["A1"] == both["effect_allele"].astype(str)).to_numpy()
    assert 0 < same.sum() < len(both), "PLINK 2 tests the minor allele: both cases must occur"
    np.testing.assert_allclose(both["beta"] * np.where(same, 1, -1), both["BETA"], rtol=1e-5)
    np.testing.assert_allclose(both["standard_error"], both["SE"], rtol=1e-5)
    np.testing.assert_allclose(both["neg_log_10_p_value"], both["LOG10_P"], rtol=1e-5, atol=1e-6)
    assert both["n"].tolist() == both["OBS_CT"].tolist()
    frequency = both["effect_allele_frequency"]
    np.testing.assert_allclose(np.where(same, frequency, 1 - frequency), both["A1_FREQ"], rtol=1e-5)
