import dataclasses
import pickle
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import reference

import ecgae.genetics.engine.ols as ols
from ecgae.errors import InputError
from ecgae.genetics.engine.ols import OLS
from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.scan import ScanInput
from ecgae.genetics.sumstats import read_associations
from ecgae.genetics.variant_filter import VariantFilter
from ecgae.statistics.association import chi2_of_p, covariate_basis, residualise
from ecgae.statistics.calibration import genomic_inflation
from ecgae.statistics.tally import bins

COLUMNS = [
    *(
        "chromosome",
        "base_pair_location",
        "effect_allele",
        "other_allele",
        "beta",
        "standard_error",
    ),
    *("effect_allele_frequency", "neg_log_10_p_value", "variant_id", "rsid", "n", "phenotype"),
]
STATISTICS = ("beta", "standard_error", "neg_log_10_p_value", "n")
NAMES = ("y0", "y1", "y2", "y3")
PEOPLE = 300
ROOT = Path(__file__).parent.parent
OWN_UNIT = OLS(transform="none", report_below=1)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def inputs(tmp_path, rng):
    """300 people, 60 variants with missing calls, 4 phenotypes of which two have gaps, 2
    covariates."""
    dosage = reference.random_dosage(rng, PEOPLE, 60, missing=0.005, low=0.15, high=0.85)
    dosage[:, 7] = 0
    dosage[:, 8] = (np.arange(PEOPLE) < 15).astype(np.float32)
    prefix = reference.write_genotypes(tmp_path / "x", dosage, chromosomes=["1"] * 30 + ["2"] * 30)
    covariates = np.column_stack([rng.uniform(40, 70, PEOPLE), rng.integers(0, 2, PEOPLE)]).astype(
        float
    )
    phenotypes = (
        rng.standard_normal((PEOPLE, 4)) + 0.05 * covariates[:, :1] + np.nan_to_num(dosage[:, [40]])
    )
    phenotypes[rng.random(PEOPLE) < 0.1, 1] = np.nan
    phenotypes[rng.random(PEOPLE) < 0.2, 3] = np.nan
    return task_of(prefix, phenotypes, covariates)


def task_of(prefix, phenotypes, covariates, names=NAMES, **settings):
    return ScanInput(
        genotypes=Genotypes.open(prefix),
        individuals=np.arange(len(phenotypes)),
        phenotypes=phenotypes,
        names=names,
        covariates=covariates,
        covariate_names=tuple(f"c{column}" for column in range(covariates.shape[1])),
        filter=VariantFilter(**({"min_call_rate": 0, "min_hwe_p": 0} | settings)),
    )


def dosage_of(inputs):
    return inputs.genotypes.read(np.arange(len(inputs.genotypes.variants)), inputs.individuals)


def scan(inputs, folder, engine=OWN_UNIT):
    return engine(inputs, folder), read_associations(folder / "associations.parquet")


def test_the_scan_equals_the_slow_twin_with_missing_calls_and_phenotypes(inputs, tmp_path):
    found, table = scan(inputs, tmp_path)
    assert list(table) == COLUMNS
    twin = dict(
        zip(
            STATISTICS,
            reference.scan(dosage_of(inputs), inputs.phenotypes, inputs.covariates),
            strict=True,
        )
    )
    tested = np.setdiff1d(np.arange(60), [7, 8])
    assert (found.n_variants, found.excluded) == (58, {"minor allele count below 20": 2})
    assert found.variants.index.tolist() == tested.tolist()
    for name, expected in twin.items():
        values = table.pivot_table(
            name, "variant_id", "phenotype", observed=True, sort=False
        ).to_numpy()
        np.testing.assert_allclose(values, expected[tested], rtol=1e-9, atol=1e-11, err_msg=name)
    frequency = (
        np.nanmean(
            dosage_of(inputs)[~np.isnan(inputs.phenotypes[:, 3])][:, tested], axis=0, dtype=float
        )
        / 2
    )
    np.testing.assert_allclose(
        table[table["phenotype"] == "y3"]["effect_allele_frequency"], frequency, rtol=1e-12
    )


def test_what_is_reported_after_screening_is_what_everything_exact_would_report(inputs, tmp_path):
    whole, everything = scan(inputs, tmp_path)
    screened, some = scan(inputs, tmp_path, OLS(transform="none", report_below=0.05))
    expected = everything[everything["neg_log_10_p_value"] >= -np.log10(0.05)].reset_index(
        drop=True
    )
    assert 4 < len(some) < len(everything) == 58 * 4
    for column in COLUMNS:
        if pd.api.types.is_float_dtype(some[column]):
            np.testing.assert_allclose(some[column], expected[column], rtol=1e-12, err_msg=column)
        else:
            assert some[column].astype(str).tolist() == expected[column].astype(str).tolist()
    np.testing.assert_allclose(screened.tally.chi2, whole.tally.chi2, rtol=2e-3)
    np.testing.assert_allclose(
        genomic_inflation(screened.tally), genomic_inflation(whole.tally), rtol=2e-2
    )
    np.testing.assert_array_equal(screened.tally.tests, whole.tally.tests)
    together, few = whole.combined.candidates, screened.combined.candidates
    together = together[together["neg_log_10_p_value"] >= -np.log10(0.05)]
    assert set(few["phenotype"]) == {"omnibus", "acat"}
    for name in ("variant_id", "phenotype"):
        assert few[name].tolist() == together[name].tolist()
    np.testing.assert_allclose(few["neg_log_10_p_value"], together["neg_log_10_p_value"], rtol=1e-9)


def test_an_association_far_in_the_tail_is_exact(tmp_path, rng):
    dosage = reference.random_dosage(rng, 3000, 3, missing=0.01)
    phenotypes = np.nan_to_num(dosage[:, [1]]) * 2.0 + 0.3 * rng.standard_normal((3000, 2))
    covariates = rng.standard_normal((3000, 2))
    prefix = reference.write_genotypes(tmp_path / "x", dosage)
    _, table = scan(
        task_of(prefix, phenotypes, covariates, ("a", "b")), tmp_path, OLS(transform="none")
    )
    with np.errstate(divide="ignore"):  # p of the twin underflows
        expected = reference.regression(dosage[:, 1].astype(float), phenotypes[:, 0], covariates)
    row = table[(table["rsid"] == "rs1") & (table["phenotype"] == "a")].iloc[0]
    assert row["neg_log_10_p_value"] > 400
    np.testing.assert_allclose(
        row[["beta", "standard_error"]].astype(float), expected[:2], rtol=1e-9
    )


def test_naming_the_other_allele_the_effect_allele_flips_beta_and_keeps_p(inputs, tmp_path):
    flipped = reference.write_genotypes(
        tmp_path / "f", 2 - dosage_of(inputs), inputs.genotypes.variants["chromosome"]
    )
    _, one = scan(inputs, tmp_path)
    _, other = scan(inputs._replace(genotypes=Genotypes.open(flipped)), tmp_path)
    np.testing.assert_allclose(one["beta"], -other["beta"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        one["neg_log_10_p_value"], other["neg_log_10_p_value"], rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(
        one["effect_allele_frequency"], 1 - other["effect_allele_frequency"], atol=1e-12
    )


def test_a_variant_that_follows_from_the_covariates_is_counted_and_not_reported(inputs, tmp_path):
    dosage = dosage_of(inputs)
    people = np.flatnonzero(~np.isnan(dosage[:, 20]))
    covariates = np.column_stack([inputs.covariates, np.nan_to_num(dosage[:, 20])])[people]
    fewer = inputs._replace(
        individuals=people, phenotypes=inputs.phenotypes[people], covariates=covariates
    )
    found, table = scan(fewer, tmp_path)
    assert found.excluded == {
        "minor allele count below 20": 2,
        "constant or following from the covariates": 1,
    }
    assert found.n_variants == 57
    assert "rs20" not in set(table["rsid"])


def test_a_variant_may_be_frequent_enough_for_some_phenotypes_only(tmp_path, rng):
    dosage = reference.random_dosage(rng, PEOPLE, 4, low=0.3, high=0.5)
    dosage[:, 2] = (np.arange(PEOPLE) < 25).astype(np.float32)
    phenotypes = rng.standard_normal((PEOPLE, 2))
    phenotypes[:10, 1] = np.nan
    prefix = reference.write_genotypes(tmp_path / "x", dosage)
    _, table = scan(task_of(prefix, phenotypes, np.empty((PEOPLE, 0)), ("a", "b")), tmp_path)
    assert table.loc[table["rsid"] == "rs2", "phenotype"].astype(str).tolist() == ["a"]
    assert len(table) == 7


@pytest.mark.parametrize("transform", ["none", "zscore", "rint"])
def test_neither_the_block_size_nor_the_number_of_threads_changes_anything(
    inputs, tmp_path, transform, monkeypatch
):
    whole, table = scan(inputs, tmp_path, OLS(transform=transform, report_below=0.5))
    monkeypatch.setattr(ols, "block_size", lambda individuals, copies: 7)
    for threads in (1, 3):
        found, blocks = scan(
            inputs, tmp_path, OLS(transform=transform, report_below=0.5, threads=threads)
        )
        for column in COLUMNS:
            if pd.api.types.is_float_dtype(table[column]):
                np.testing.assert_allclose(blocks[column], table[column], rtol=1e-9, atol=1e-12)
            else:
                assert blocks[column].astype(str).tolist() == table[column].astype(str).tolist()
        assert len(found.variants) == 58
        np.testing.assert_allclose(found.tally.chi2, whole.tally.chi2, rtol=1e-4)


def test_the_summary_holds_the_best_of_each_variant_and_every_candidate(inputs, tmp_path):
    found, table = scan(inputs, tmp_path)
    best = (
        table.sort_values("neg_log_10_p_value")
        .drop_duplicates("variant_id", keep="last")
        .set_index("variant_id")
    )
    summary = found.variants.set_index("variant_id")
    for column in ("neg_log_10_p_value", "effect_allele_frequency"):
        np.testing.assert_allclose(summary[column], best.loc[summary.index, column], rtol=1e-6)
    for column in ("n", "phenotype"):
        assert summary[column].tolist() == best.loc[summary.index, column].tolist()
    assert found.candidates["beta"].tolist() == table["beta"].tolist()
    named = inputs.genotypes.variants.loc[found.candidates.index, "rsid"]
    assert named.tolist() == found.candidates["rsid"].tolist()


def test_the_tally_counts_every_test_in_the_bin_of_its_p_value(inputs, tmp_path):
    found, table = scan(inputs, tmp_path)
    one = table[table["phenotype"] == "y1"]
    chi2 = chi2_of_p(one["neg_log_10_p_value"].to_numpy())
    assert found.tally.tests[:2, 1].tolist() == [28, 30]
    np.testing.assert_allclose(found.tally.chi2[:, 1].sum(), chi2.sum(), rtol=1e-6)
    expected = np.bincount(bins(chi2[:, None])[:, 0], minlength=found.tally.z_counts.shape[2])
    assert np.abs(found.tally.z_counts[:, 1].sum(axis=0) - expected).sum() <= 2, (
        "but for rounding at an edge"
    )


def test_tests_of_all_phenotypes_at_once_are_reported_below_the_limit(inputs, tmp_path):
    found, _ = scan(inputs, tmp_path, OLS(report_below=1e-3))
    assert found.combined.tally.phenotypes == ("omnibus", "acat")
    assert (found.combined.tally.tests.sum(axis=0) == 58).all()
    assert (found.combined.candidates["neg_log_10_p_value"] >= 3).all()
    strongest = found.combined.candidates.groupby("phenotype")["rsid"].first()
    assert strongest.to_dict() == {"acat": "rs40", "omnibus": "rs40"}


def test_turning_the_latent_space_leaves_the_omnibus_test_as_it_is(tmp_path, rng):
    dosage = reference.random_dosage(rng, 1200, 400, missing=0.002)
    latents = rng.standard_t(4, (1200, 6)) + np.nan_to_num(dosage[:, :3]) @ (
        0.35 * rng.standard_normal((3, 6))
    )
    prefix = reference.write_genotypes(tmp_path / "x", dosage)
    turn, _ = np.linalg.qr(rng.standard_normal((6, 6)))
    names = tuple(f"latent_{number}" for number in range(6))
    tables = []
    for values in (latents, latents @ turn, latents @ rng.standard_normal((6, 6))):
        found, table = scan(
            task_of(prefix, values, rng.standard_normal((1200, 2)) * 0, names), tmp_path, OLS()
        )
        omnibus = found.combined.candidates
        tables.append((omnibus[omnibus["phenotype"] == "omnibus"], len(table)))
    (one, hits), (turned, turned_hits), (mapped, _) = tables
    assert len(one) >= 3
    for other in (turned, mapped):
        assert other["variant_id"].tolist() == one["variant_id"].tolist()
        np.testing.assert_allclose(
            other["neg_log_10_p_value"], one["neg_log_10_p_value"], rtol=1e-6
        )
    assert hits != turned_hits, "while the number of associated pairs depends on the axes"


def test_the_omnibus_excess_of_a_variant_is_that_of_regressing_it_on_all_phenotypes(tmp_path, rng):
    dosage = reference.random_dosage(rng, 400, 30)
    phenotypes = rng.standard_normal((400, 5)) + 0.5 * dosage[:, [11]]
    phenotypes[::7, 2] = np.nan
    covariates = rng.standard_normal((400, 2))
    prefix = reference.write_genotypes(tmp_path / "x", dosage)
    names = tuple(f"y{number}" for number in range(5))
    found, _ = scan(task_of(prefix, phenotypes, covariates, names), tmp_path)
    here = ~np.isnan(phenotypes).any(axis=1)
    basis = covariate_basis(covariates[here])
    genotype, white = (
        residualise(values[here], basis) for values in (dosage.astype(float), phenotypes)
    )
    left = genotype - white @ np.linalg.lstsq(white, genotype, rcond=None)[0]
    r2 = 1 - np.square(left).sum(axis=0) / np.square(genotype).sum(axis=0)
    expected = (here.sum() - 3) * r2 - 5
    np.testing.assert_allclose(found.variants["omnibus_excess"], expected, atol=1e-3, rtol=1e-4)
    assert found.variants["omnibus_excess"].dtype == np.float32
    assert found.variants["omnibus_excess"].idxmax() == 11


@pytest.mark.parametrize("transform", ["none", "rint"])
def test_the_omnibus_excess_is_0_on_average_where_nothing_is_associated(tmp_path, rng, transform):
    dosage = reference.random_dosage(rng, 250, 3000, missing=0.01)
    phenotypes = rng.standard_normal((250, 20))
    prefix = reference.write_genotypes(tmp_path / "x", dosage)
    names = tuple(f"y{number}" for number in range(20))
    inputs = task_of(prefix, phenotypes, rng.standard_normal((250, 3)), names)
    excess = (
        scan(inputs, tmp_path, OLS(transform=transform))[0]
        .variants["omnibus_excess"]
        .to_numpy(np.float64)
    )
    assert abs(excess.mean()) < 4 * np.sqrt(2 * 20 / len(excess))
    assert excess.std() == pytest.approx(np.sqrt(2 * 20 * (1 - 20 / 247)), rel=0.05)


def test_without_the_omnibus_test_its_excess_is_missing(inputs, tmp_path):
    for engine in (OLS(combined=("acat", "m_regle")), OLS(combined=())):
        assert engine(inputs, tmp_path).variants["omnibus_excess"].isna().all()


def test_each_lead_has_an_omnibus_test_of_its_own(tmp_path, rng):
    dosage = reference.random_dosage(rng, 600, 30)
    phenotypes = rng.standard_normal((600, 4))
    phenotypes[:, 2] += dosage[:, 4]
    phenotypes[::9, 0] = np.nan
    names = ("I_latent_01", "I_latent_02", "V1_latent_01", "V1_latent_02")
    prefix = reference.write_genotypes(tmp_path / "x", dosage)
    found, _ = scan(task_of(prefix, phenotypes, np.empty((600, 0)), names), tmp_path, OLS())
    assert found.combined.tally.phenotypes == ("omnibus", "omnibus I", "omnibus V1", "acat")
    assert set(found.combined.candidates["phenotype"]) == {"omnibus", "omnibus V1", "acat"}


def test_a_subset_of_people_in_another_order_gives_the_same(inputs, tmp_path):
    people = np.random.default_rng(0).permutation(PEOPLE)[:200]
    fewer = inputs._replace(
        individuals=people,
        phenotypes=inputs.phenotypes[people],
        covariates=inputs.covariates[people],
    )
    _, table = scan(fewer, tmp_path)
    dosage = dosage_of(inputs)
    expected = reference.regression(
        dosage[people, 40].astype(float), fewer.phenotypes[:, 2], fewer.covariates
    )
    row = table[(table["rsid"] == "rs40") & (table["phenotype"] == "y2")].iloc[0]
    np.testing.assert_allclose(
        row[["beta", "standard_error", "neg_log_10_p_value", "n"]].astype(float), expected
    )


def test_phenotypes_driven_by_covariates_alone_give_no_hit(tmp_path, rng):
    sex, age = rng.integers(0, 2, 800), rng.uniform(40, 70, 800)
    dosage = reference.random_dosage(rng, 800, 1000, missing=0.001)
    ancestry = dosage[:, :20].sum(axis=1)  # tracks its own variants, as genetic PCs do
    covariates = np.nan_to_num(np.column_stack([sex, age, ancestry]).astype(float))
    phenotypes = covariates @ rng.standard_normal((3, 6)) + 0.5 * rng.standard_normal((800, 6))
    prefix = reference.write_genotypes(tmp_path / "x", dosage)
    names = tuple(f"y{i}" for i in range(6))
    for transform in ("none", "rint"):
        found, table = scan(
            task_of(prefix, phenotypes, covariates, names), tmp_path, OLS(transform=transform)
        )
        assert (table["neg_log_10_p_value"] < 7).all()
        assert genomic_inflation(found.tally).mean() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(
    ("values", "covariates", "sentence"),
    [
        (
            np.full(PEOPLE, 2.0),
            2,
            "must vary, .* fails for y1. Remove it, or set engine.constant_phenotypes",
        ),
        (
            np.arange(PEOPLE) * 3.0 + 1,
            1,
            "must vary, and beyond what the covariates say; that fails for y1",
        ),
        (
            np.where(np.arange(PEOPLE) < 4, np.arange(PEOPLE), np.nan),
            2,
            "more individuals than parameters; y1 is known",
        ),
        (np.full(PEOPLE, np.nan), 2, "Phenotypes must have values; y1 is missing for everybody"),
        (
            np.where(np.arange(PEOPLE) < 4, np.inf, np.arange(PEOPLE)),
            2,
            "finite or missing; y1 has infinite",
        ),
        (
            np.where(np.arange(PEOPLE) < 7, 1.0, 0),
            2,
            "y1 .all but 7 individuals have the same value",
        ),
        (
            np.where(np.arange(PEOPLE) < 90, np.arange(PEOPLE), 0),
            2,
            "y1 .70% of individuals have the same value",
        ),
    ],
)
def test_a_phenotype_that_cannot_be_tested_is_named_before_the_scan(
    inputs, tmp_path, values, covariates, sentence
):
    phenotypes = inputs.phenotypes.copy()
    phenotypes[:, 1] = values
    design = np.column_stack([np.arange(PEOPLE), np.sin(np.arange(PEOPLE))])[:, :covariates].astype(
        float
    )
    with pytest.raises(InputError, match=sentence):
        OLS()(inputs._replace(phenotypes=phenotypes, covariates=design), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_constant_phenotypes_may_be_dropped_and_are_named(inputs, tmp_path, capsys):
    inputs.phenotypes[:, 1] = 0.25
    found, table = scan(inputs, tmp_path, dataclasses.replace(OWN_UNIT, constant_phenotypes="drop"))
    assert found.phenotypes == ("y0", "y2", "y3")
    assert found.dropped == ("y1",)
    assert set(table["phenotype"]) == {"y0", "y2", "y3"}
    assert "1 of 4 phenotypes are constant and not tested: y1." in capsys.readouterr().out


def test_a_scan_without_any_variant_left_says_why(inputs, tmp_path):
    with pytest.raises(InputError, match="none is: 60 minor allele count below 1000"):
        OLS()(inputs._replace(filter=VariantFilter(min_minor_allele_count=1000)), tmp_path)


def test_a_scan_that_fails_leaves_nothing_behind(inputs, tmp_path, monkeypatch):
    def fail(calls, rows, tests, excluded):
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(ols, "test_block", fail)
    (tmp_path / "results").mkdir()
    with pytest.raises(RuntimeError):
        OLS(summary_statistics=True)(inputs, tmp_path / "results")
    assert [file for file in (tmp_path / "results").rglob("*") if file.is_file()] == []


def test_parts_by_chromosome_make_the_same_scan_and_are_removed(inputs, tmp_path, monkeypatch):
    for name in ("one", "parts"):
        (tmp_path / name).mkdir()
    whole, table = scan(inputs, tmp_path / "one", OLS(report_below=0.1))
    for chromosome in ("2", "1"):
        OLS(report_below=0.1)(inputs._replace(chromosomes=(chromosome,)), tmp_path / "parts")
        assert not (tmp_path / "parts" / "associations.parquet").exists()
    monkeypatch.setattr(ols, "test_block", None)  # nothing is left to compute
    merged, same = scan(inputs, tmp_path / "parts", OLS(report_below=0.1))
    pd.testing.assert_frame_equal(same, table)
    pd.testing.assert_frame_equal(merged.variants, whole.variants)
    pd.testing.assert_frame_equal(merged.combined.candidates, whole.combined.candidates)
    for one, other in ((merged.tally, whole.tally), (merged.combined.tally, whole.combined.tally)):
        for name, values in one.arrays().items():
            np.testing.assert_array_equal(values, other.arrays()[name], err_msg=name)
    assert sorted(file.name for file in (tmp_path / "parts").iterdir()) == ["associations.parquet"]


def test_parts_of_another_scan_are_not_taken_for_this_one(inputs, tmp_path):
    OLS()(inputs._replace(chromosomes=("1",)), tmp_path)
    changed = inputs._replace(
        phenotypes=inputs.phenotypes + np.random.default_rng(1).standard_normal((PEOPLE, 4))
    )
    _, table = scan(changed, tmp_path, OLS(report_below=0.1))
    (tmp_path / "fresh").mkdir()
    _, fresh = scan(changed, tmp_path / "fresh", OLS(report_below=0.1))
    pd.testing.assert_frame_equal(table, fresh)


def test_a_killed_scan_goes_on_after_its_last_chromosome(inputs, tmp_path):
    """The process is killed in the middle of chromosome 2; chromosome 1 lies on disk."""
    script = f"""
        import os, pickle, signal, time
        from pathlib import Path
        import ecgae.genetics.engine.ols as ols
        inputs = pickle.load(open({str(tmp_path / "inputs")!r}, "rb"))
        ols.PATIENCE = 0
        ols.block_size = lambda individuals, copies: 15
        test = ols._test
        def until_the_second(inputs, tests, rows, mean):
            if rows[0] >= 45:
                while not list(Path({str(tmp_path)!r}).glob(".scan/*/1")):
                    time.sleep(0.01)
                os.kill(os.getpid(), signal.SIGKILL)
            return test(inputs, tests, rows, mean)
        ols._test = until_the_second
        ols.OLS(threads=1)(inputs, Path({str(tmp_path)!r}))
    """
    (tmp_path / "inputs").write_bytes(pickle.dumps(inputs))
    job = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )
    assert job.returncode == -signal.SIGKILL, job.stderr.decode()
    parts = list((tmp_path / ".scan").glob("*/1"))
    assert len(parts) == 1
    (tmp_path / "fresh").mkdir()
    _, fresh = scan(inputs, tmp_path / "fresh", OLS())
    _, resumed = scan(inputs, tmp_path, OLS())
    pd.testing.assert_frame_equal(resumed, fresh)
    assert not (tmp_path / ".scan").exists()


def test_full_summary_statistics_are_one_file_per_phenotype_and_chromosome(inputs, tmp_path):
    _, table = scan(inputs, tmp_path, OLS(transform="none", summary_statistics=True))
    assert len(table) < 10
    _, everything = scan(inputs, tmp_path)
    folder = tmp_path / "summary_statistics"
    assert sorted(
        str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()
    ) == [f"{name}/chromosome_{chromosome}.parquet" for name in NAMES for chromosome in (1, 2)]
    expected = everything[(everything["phenotype"] == "y3") & (everything["chromosome"] == "2")]
    found = pq.read_table(folder / "y3" / "chromosome_2.parquet").to_pandas()
    assert list(found) == COLUMNS
    for column in STATISTICS:
        np.testing.assert_allclose(found[column], expected[column], rtol=1e-12)


def test_missing_calls_may_be_taken_for_the_mean(inputs, tmp_path):
    _, table = scan(inputs, tmp_path, dataclasses.replace(OWN_UNIT, missing_calls="mean"))
    dosage = dosage_of(inputs).astype(float)
    filled = np.where(np.isnan(dosage), np.nanmean(dosage, axis=0), dosage)
    expected = reference.scan(filled, inputs.phenotypes[:, [0, 2]], inputs.covariates)
    tested = np.setdiff1d(np.arange(60), [7, 8])
    for name, values in zip(STATISTICS, expected, strict=True):
        found = table.pivot_table(name, "variant_id", "phenotype", observed=True, sort=False)[
            ["y0", "y2"]
        ]
        np.testing.assert_allclose(found, values[tested], rtol=1e-9, atol=1e-11, err_msg=name)
    _, some = scan(inputs, tmp_path, OLS(transform="none", report_below=0.05, missing_calls="mean"))
    assert len(some) == (table["neg_log_10_p_value"] >= -np.log10(0.05)).sum()


def test_the_sum_over_principal_components_is_a_test_too(inputs, tmp_path):
    found, _ = scan(inputs, tmp_path, OLS(report_below=1e-3, combined=["m_regle"]))
    assert found.combined.tally.phenotypes == ("m_regle",)
    assert found.combined.candidates["rsid"].tolist() == ["rs40"]
    none, _ = scan(inputs, tmp_path, OLS(combined=[]))
    assert none.combined is None


@pytest.mark.parametrize(
    "setting",
    [
        {"missing_calls": "median"},
        {"combined": ["minp"]},
        {"device": "tpu"},
        {"transform": "log"},
        {"report_below": 0.0},
        {"report_below": 1.5},
        {"constant_phenotypes": "keep"},
        {"threads": -1},
    ],
)
def test_bad_settings_fail_at_construction(setting):
    with pytest.raises(InputError, match=f"engine.{next(iter(setting))} must be"):
        OLS(**setting)


def test_a_covariate_basis_of_nothing_is_the_intercept():
    assert covariate_basis(np.empty((10, 0))).shape == (10, 1)
