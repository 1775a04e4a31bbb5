import json

import numpy as np
import pandas as pd
import pytest
import reference

from ecgae.engine.ols import OLS
from ecgae.errors import InputError
from ecgae.genotypes import Genotypes
from ecgae.score import Score, score

PEOPLE = 1500
PER_CHROMOSOME = 60
SPACING = 10_000
"""Base pairs between variants."""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Three chromosomes in LD: two causal variants far apart on 1, one on 2 for two phenotypes, none on 3."""
    rng = np.random.default_rng(9)
    dosage = np.hstack([reference.correlated_dosage(rng, PEOPLE, PER_CHROMOSOME) for _ in range(3)])
    folder = tmp_path_factory.mktemp("score")
    prefix = reference.write_genotypes(
        folder / "x",
        dosage,
        chromosomes=np.repeat(["1", "2", "3"], PER_CHROMOSOME),
        positions=np.tile(np.arange(1, PER_CHROMOSOME + 1) * SPACING, 3),
    )
    causal = [5, 50, 90]
    effects = np.array([[0.4, 0, 0], [0, 0.4, 0], [0.5, 0, 0.5]])
    phenotypes = dosage[:, causal] @ effects + rng.standard_normal((PEOPLE, 3))
    genotypes = Genotypes.open(prefix)
    scan = OLS()(
        genotypes, np.arange(PEOPLE), phenotypes, ["heart_rate", "pr", "qt"], np.empty((PEOPLE, 0)), folder / "a"
    )
    planted = genotypes.variants.loc[causal, ["chromosome", "base_pair_location", "rsid"]]
    return scan, genotypes, planted.assign(parameter=["heart_rate", "pr", "qt"])


def test_planted_variants_are_found_and_counted_once_each(cohort):
    scan, genotypes, planted = cohort
    summary, loci = score(scan, genotypes, np.arange(PEOPLE), Score(), pd.concat([planted, planted.iloc[2:]]))
    assert summary["loci"] == summary["planted_loci"] == summary["recovered_loci"] == summary["planted_recovered"] == 3
    assert summary["false_loci"] == 0
    assert sorted(loci["rsid"]) == ["rs5", "rs50", "rs90"]
    assert loci["planted"].tolist() == loci["rsid"].tolist()
    assert loci["neg_log_10_p_value"].is_monotonic_decreasing
    locus = loci.set_index("rsid").loc["rs90"]
    assert set(locus["phenotypes"].split(",")) == {"heart_rate", "qt"}
    assert locus["start"] <= locus["base_pair_location"] <= locus["end"]


def test_hits_are_pairs_below_alpha_over_the_number_of_phenotypes(cohort):
    scan, genotypes, _ = cohort
    summary, loci = score(scan, genotypes, np.arange(PEOPLE), Score(alpha=1e-8))
    below = scan.candidates["neg_log_10_p_value"] > -np.log10(1e-8 / 3)
    assert summary["threshold"] == pytest.approx(1e-8 / 3)
    assert summary["hits"] == below.sum() > summary["hit_variants"] >= loci["n_variants"].sum() > 3
    assert "planted_loci" not in summary
    assert "planted" not in loci


def test_a_locus_away_from_every_planted_variant_is_false(cohort):
    scan, genotypes, planted = cohort
    elsewhere = planted.assign(chromosome=["1", "1", "3"])
    summary, loci = score(scan, genotypes, np.arange(PEOPLE), Score(), elsewhere)
    assert (summary["recovered_loci"], summary["false_loci"], summary["planted_recovered"]) == (2, 1, 2)
    assert loci.set_index("chromosome").loc["2", "planted"] == ""


def test_nothing_found_is_a_score_too(cohort):
    scan, genotypes, planted = cohort
    summary, loci = score(scan, genotypes, np.arange(PEOPLE), Score(alpha=1e-300), planted)
    assert summary["hits"] == summary["loci"] == summary["recovered_loci"] == summary["false_loci"] == 0
    assert summary["planted_loci"] == 3
    assert len(loci) == 0
    assert {"index_variant", "chromosome", "planted"} <= set(loci)


def test_the_summary_survives_json(cohort):
    scan, genotypes, planted = cohort
    scan = scan._replace(genomic_inflation=np.array([1.2, np.nan, 1.0]))
    summary, _ = score(scan, genotypes, np.arange(PEOPLE), Score(), planted)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["genomic_inflation"] == pytest.approx(1.1)
    assert summary["genomic_inflation_by_phenotype"] == {"heart_rate": 1.2, "pr": None, "qt": 1.0}


def test_an_alpha_beyond_what_the_scan_kept_is_refused(cohort):
    scan, genotypes, _ = cohort
    with pytest.raises(InputError, match="must not exceed that of the scan"):
        score(scan, genotypes, np.arange(PEOPLE), Score(alpha=0.05))


@pytest.mark.parametrize("setting", [{"alpha": 0}, {"alpha": 2.0}, {"clump_r2": 0.0}, {"clump_distance": -1}])
def test_bad_settings_fail_at_construction(setting):
    with pytest.raises(InputError, match=f"score.{next(iter(setting))} must be"):
        Score(**setting)
