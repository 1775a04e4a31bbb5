"""The bench of yields measures what its tables say, and its commands are valid."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import reference
import yaml
from conftest import ROOT, choices, composed
from scipy.stats import spearmanr

from ecgae.entry.build import build
from ecgae.entry.scanning import choices_of
from ecgae.genetics.genetic_files import GeneticFiles
from ecgae.genetics.genotypes import Genotypes
from ecgae.models.latents import CONFIRM, SELECT, TRAINING, Latents
from ecgae.recordings.cohort.simulated import Simulated
from ecgae.scoring.study import Study

FOLDER = ROOT / "benchmarks" / "yield"


@pytest.fixture
def bench(monkeypatch) -> SimpleNamespace:
    """The modules of the bench, which import each other as a script does."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import null_cohorts
    import picking
    import recovery
    import yield_cohorts
    import yield_tables

    monkeypatch.setattr(picking, "RESAMPLED", 50)
    return SimpleNamespace(
        null=null_cohorts,
        picking=picking,
        recovery=recovery,
        cohorts=yield_cohorts,
        tables=yield_tables,
    )


def simulated(cohort) -> Simulated:
    """What `cohort.<name>=<number>` on the command line makes."""
    return Simulated(
        **{
            name.removeprefix("cohort."): yaml.safe_load(value)
            for name, value in pairs(cohort.changes)
        }
    )


def pairs(words):
    return [word.split("=") for word in words]


def test_every_cohort_and_model_of_the_bench_can_be_made(bench):
    plans = (bench.cohorts.PLAN, bench.cohorts.QUICK_PLAN)
    for cohort in {cohort for plan in plans for cohort in (*plan.cohorts, plan.null)}:
        simulated(cohort)
    assert set(bench.cohorts.ARCHITECTURES) <= set(choices("architecture"))
    assert (
        dict(pairs(bench.cohorts.SWEEPS[0].words))["architecture"].split(",")
        == bench.cohorts.ARCHITECTURES
    )
    for sweep in {sweep for plan in plans for sweep in (*plan.sweeps, *plan.null_sweeps)}:
        cfg = composed(*(f"{name}={value.split(',')[-1]}" for name, value in pairs(sweep.words)))
        build(cfg.architecture, leads=12, samples=600, conditions=0)


def test_two_cohorts_have_parameters_that_no_default_has(bench):
    default, *others = map(simulated, bench.cohorts.PLAN.cohorts)
    assert len(others) == 2
    for cohort in others:
        for name in ("seed", "planted_loci", "variance_explained", "ancestry_effect"):
            assert getattr(cohort, name) != getattr(default, name)
    assert simulated(bench.cohorts.PLAN.null).planted_loci == 0


def test_rank_correlations_are_spearmans_and_a_constant_score_says_nothing(bench):
    rng = np.random.default_rng(1)
    score, truth = rng.integers(0, 5, 20).astype(float), rng.normal(size=20)
    assert bench.picking.spearman(score, truth) == pytest.approx(spearmanr(score, truth).statistic)
    found = bench.picking.agreement([np.ones(20)], [truth], [np.ones(20, bool)])
    assert found.correlation == 0
    assert found.regret == pytest.approx(1 - truth.mean() / truth.max())


def test_a_score_that_is_the_truth_loses_nothing_and_its_opposite_all(bench):
    truth = np.array([0.2, 0.4, 0.8, 0.6])
    valid = np.ones(4, bool)
    same = bench.picking.agreement([truth] * 2, [truth] * 2, [valid] * 2)
    opposite = bench.picking.agreement([-truth], [truth], [valid])
    assert (same.correlation, same.regret, same.worst) == (1, 0, 0)
    assert same.low > 0.5
    assert opposite.correlation == -1
    assert opposite.regret == pytest.approx(0.75)


def test_a_score_that_a_model_lacks_is_its_worst(bench):
    truth = np.array([0.2, 0.9, 0.5])
    found = bench.picking.agreement([np.array([1.0, np.nan, 2.0])], [truth], [np.ones(3, bool)])
    assert found.regret == pytest.approx(1 - 0.5 / 0.9)


def test_a_model_whose_score_is_not_valid_is_not_picked(bench):
    score = truth = np.array([0.2, 0.9, 0.5])
    assert bench.picking.regret(score, truth, np.array([True, False, True])) == pytest.approx(
        1 - 0.5 / 0.9
    )
    assert bench.picking.regret(score, truth, np.zeros(3, bool)) == 1


def test_the_probe_finds_how_much_of_a_parameter_latents_hold_whatever_their_scale(bench):
    rng = np.random.default_rng(2)
    latents = rng.normal(size=(3000, 5)) * np.geomspace(1e-3, 1e3, 5)
    age = rng.normal(size=(3000, 1))
    signal = latents[:, 0] * 1e3 + latents[:, 4] / 1e3
    truth = (
        np.column_stack(
            [signal, signal + np.sqrt(2) * rng.normal(size=3000), rng.normal(size=3000)]
        )
        + 5 * age
    )
    fitted = np.arange(3000) < 1500
    r2 = bench.recovery.probe(latents, truth, age, fitted, ~fitted)
    assert r2[0] == pytest.approx(1, abs=0.01)
    assert r2[1] == pytest.approx(0.5, abs=0.05)
    assert r2[2] == pytest.approx(0, abs=0.02)


def test_many_useless_latents_cost_the_probe_little(bench):
    rng = np.random.default_rng(3)
    latents = rng.normal(size=(800, 300))
    truth = latents[:, :1] * 3 + rng.normal(size=(800, 1))
    fitted = np.arange(800) < 400
    assert bench.recovery.probe(latents, truth, np.empty((800, 0)), fitted, ~fitted)[0] > 0.6


@pytest.fixture
def world(tmp_path):
    """Four planted variants of two parameters; latents that hold the first one, mixed, and nothing
    of the second."""
    rng = np.random.default_rng(4)
    people = 1200
    dosage = reference.random_dosage(rng, people, 40, low=0.4, high=0.6)
    study = Study.open(
        GeneticFiles(genotypes=reference.write_genotypes(tmp_path / "x", dosage)),
        choices_of(composed()),
    )
    variants = study.genotypes.variants.iloc[[3, 13, 23, 33]]
    planted = variants[["chromosome", "base_pair_location"]].assign(
        parameter=["qrs_duration", "qrs_duration", "t_axis", "t_axis"],
        variance_explained=[0.3, 0.3, 0.1, 0.1],
    )
    kept = 0.5 * (dosage[:, 3] + dosage[:, 13]) + rng.normal(0, 0.5, people)
    other = 0.5 * (dosage[:, 23] + dosage[:, 33]) + rng.normal(0, 0.5, people)
    ids = Genotypes.open(tmp_path / "x").sample_ids
    parameters = pd.DataFrame({"qrs_duration": kept, "t_axis": other}, index=ids)
    mixed = np.column_stack([kept, rng.normal(size=(people, 2))]) @ rng.normal(size=(3, 3))
    split = np.resize([TRAINING, SELECT, SELECT, CONFIRM], people)
    latents = Latents(
        ids, np.full(people, 2), split, ["a", "b", "c"], mixed, ("I",), {"r2": np.ones((people, 1))}
    )
    return SimpleNamespace(study=study, planted=planted, parameters=parameters, latents=latents)


def test_the_signal_kept_is_the_weighted_share_of_the_planted_variance(bench, world):
    kept = bench.recovery.signal_kept(world.latents, world.parameters, world.planted, None)
    assert kept == pytest.approx(0.75, abs=0.02)  # 0.6 of the planted 0.8, and nothing of the rest


def test_planted_variants_are_confirmed_where_latents_hold_their_parameter(bench, world):
    assert bench.recovery.confirmed_share(world.latents, world.planted, world.study, "rint") == 0.5


def test_the_interval_of_the_family_wise_error_is_the_binomial_one(bench):
    assert bench.null.interval() == (1, 10)
    scan = bench.null.NullScan("pca", 0, 0, 0.0, 1e-7, 0.04)
    assert scan.within
    assert not scan._replace(family_wise_error=0.11).within
    assert not scan._replace(family_wise_error=0.0).within


def test_the_tables_hold_every_row_and_no_nan(bench):
    row = {
        "model": "pca, 4 latents",
        "loci": 3,
        "signal_kept": 0.5,
        "r2_recorded": float("nan"),
        "valid": True,
    }
    text = bench.tables.models([row, {**row, "model": "best", "signal_kept": 0.9}], 24)
    assert text.index("best") < text.index("pca, 4 latents")
    assert "nan" not in text
    assert "| 3 |" in text
