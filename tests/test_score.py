import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import reference

from ecgae.errors import InputError
from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.scan import Combined, Scan
from ecgae.scoring.by_chromosome import near
from ecgae.scoring.score import Score, latents_of_one_lead, score
from ecgae.scoring.select_by import SELECTABLE, selected
from ecgae.statistics.association import associate, covariate_basis, fit, neg_log10_p, residualise
from ecgae.statistics.multiplicity import phenotype_correlation
from ecgae.statistics.tally import Tally

PEOPLE = 1500
PER_CHROMOSOME = 60
SPACING = 10_000
"""Base pairs between variants."""


def scan_of(genotypes, dosage, phenotypes, names, report_below=1e-5):
    """What an engine gives, from the exact kernel, variant by variant and without files."""
    found = associate(dosage, fit(phenotypes, covariate_basis(np.empty((len(dosage), 0)))))
    p = neg_log10_p(found.t, found.df[:, None])
    frequency = found.effect_allele_frequency
    tally = Tally.empty(names)
    for chromosome, rows in genotypes.variants.groupby("chromosome").groups.items():
        tally.add(
            str(chromosome), np.minimum(frequency, 1 - frequency)[rows], np.square(found.t[rows])
        )
    variant, phenotype = np.nonzero(p >= -np.log10(report_below))
    here = genotypes.variants.iloc[variant]
    candidates = here.assign(
        beta=found.beta[variant, phenotype],
        standard_error=found.standard_error[variant, phenotype],
        effect_allele_frequency=frequency[variant],
        neg_log_10_p_value=p[variant, phenotype],
        n=found.n[variant],
        phenotype=np.array(names)[phenotype],
    )
    variants = genotypes.variants.assign(
        neg_log_10_p_value=p.max(axis=1),
        phenotype=np.array(names)[p.argmax(axis=1)],
        effect_allele_frequency=frequency,
        n=found.n,
        omnibus_excess=omnibus_excess(dosage, phenotypes).astype(np.float32),
    )
    return Scan(
        phenotypes=names, dropped=("dead",), n_individuals=len(dosage), n_variants=len(variants),
        excluded={"no call": 2, "minor allele count below 20": 5}, report_below=report_below, variants=variants,
        candidates=candidates, tally=tally, combined=None,
    )  # fmt: skip


def omnibus_excess(dosage, phenotypes):
    """By regressing each genotype on all phenotypes: m R2 - K."""
    y = np.column_stack([np.ones(len(dosage)), phenotypes])
    centred = dosage - dosage.mean(axis=0)
    left = centred - y @ np.linalg.lstsq(y, centred, rcond=None)[0]
    r2 = 1 - np.square(left).sum(axis=0) / np.square(centred).sum(axis=0)
    return (len(dosage) - 1) * r2 - phenotypes.shape[1]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Three chromosomes in LD: two causal variants far apart on 1, one on 2 for two phenotypes,
    none on 3."""
    rng = np.random.default_rng(9)
    dosage = np.hstack([reference.correlated_dosage(rng, PEOPLE, PER_CHROMOSOME) for _ in range(3)])
    prefix = reference.write_genotypes(
        tmp_path_factory.mktemp("score") / "x",
        dosage,
        chromosomes=np.repeat(["1", "2", "3"], PER_CHROMOSOME),
        positions=np.tile(np.arange(1, PER_CHROMOSOME + 1) * SPACING, 3),
    )
    causal = [5, 50, 90]
    effects = np.array([[0.4, 0, 0], [0, 0.4, 0], [0.5, 0, 0.5]])
    phenotypes = dosage[:, causal] @ effects + rng.standard_normal((PEOPLE, 3))
    genotypes = Genotypes.open(prefix)
    scan = scan_of(genotypes, dosage, phenotypes, ("heart_rate", "pr", "qt"))
    planted = genotypes.variants.loc[causal, ["chromosome", "base_pair_location", "rsid"]]
    return scan, genotypes, planted.assign(parameter=["heart_rate", "pr", "qt"])


def combined_of(scan, tests):
    """Combined tests that found what the phenotypes found, by name of the test."""
    found = [scan.candidates[scan.candidates["phenotype"] == name].assign(phenotype=test, beta=np.nan)
             for test, name in tests.items()]  # fmt: skip
    return scan._replace(combined=Combined(Tally.empty(tuple(tests)), pd.concat(found)))


def test_planted_variants_are_found_and_counted_once_each(cohort):
    scan, genotypes, planted = cohort
    summary, loci, omnibus = score(
        scan, genotypes, np.arange(PEOPLE), Score(), pd.concat([planted, planted.iloc[2:]])
    )
    assert (
        summary["loci"]
        == summary["planted_loci"]
        == summary["recovered_loci"]
        == summary["planted_recovered"]
        == 3
    )
    assert summary["false_loci"] == 0
    assert sorted(loci["rsid"]) == ["rs5", "rs50", "rs90"]
    assert loci["planted"].tolist() == loci["rsid"].tolist()
    assert loci["neg_log_10_p_value"].is_monotonic_decreasing
    locus = loci.set_index("rsid").loc["rs90"]
    assert set(locus["phenotypes"].split(",")) == {"heart_rate", "qt"}
    assert locus["start"] <= locus["base_pair_location"] <= locus["end"]
    assert omnibus is None
    assert (
        summary["omnibus_loci"] is summary["acat_loci"] is summary["omnibus_loci_by_lead"] is None
    )


def test_hits_are_pairs_below_alpha_over_the_number_of_phenotypes(cohort):
    scan, genotypes, _ = cohort
    summary, loci, _ = score(scan, genotypes, np.arange(PEOPLE), Score(alpha=1e-8))
    below = scan.candidates["neg_log_10_p_value"] > -np.log10(1e-8 / 3)
    assert summary["threshold"] == pytest.approx(1e-8 / 3)
    assert (
        summary["hits"] == below.sum() > summary["hit_variants"] >= loci["n_hit_variants"].sum() > 3
    )
    assert (
        summary["hits_by_phenotype"] == scan.candidates["phenotype"][below].value_counts().to_dict()
    )
    assert "planted_loci" not in summary
    assert "planted" not in loci


def test_variants_down_to_member_p_extend_a_locus_and_add_no_hit(cohort):
    scan, genotypes, _ = cohort
    narrow, few, _ = score(scan, genotypes, np.arange(PEOPLE), Score(member_p=5e-8 / 3))
    wide, many, _ = score(scan, genotypes, np.arange(PEOPLE), Score())
    assert {name: narrow[name] for name in ("hits", "loci")} == {
        name: wide[name] for name in ("hits", "loci")
    }
    assert (many["n_variants"] >= few["n_variants"]).all()
    assert (many["n_variants"] > few["n_variants"]).any()
    assert many["n_hit_variants"].equals(few["n_hit_variants"])


def test_the_yield_at_every_correction_is_that_of_choosing_it(cohort):
    scan, genotypes, _ = cohort
    correlation = np.array([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]])
    counted, _, _ = score(scan, genotypes, np.arange(PEOPLE), Score(alpha=1e-9), None, correlation)
    hits = []
    for name in ("none", "latents", "phenotypes", "li_ji", "galwey"):
        settings = Score(alpha=1e-9, correction=name)
        chosen, loci, _ = score(scan, genotypes, np.arange(PEOPLE), settings, None, correlation)
        assert chosen["correction"] == name
        assert chosen["hits"] == counted["hits_by_correction"][name]
        assert chosen["loci"] == len(loci) == counted["loci_by_correction"][name]
        assert chosen["threshold"] == counted["threshold_by_correction"][name]
        hits.append(chosen["hits"])
    assert counted["threshold_by_correction"]["li_ji"] == pytest.approx(1e-9 / (1 + 0.9 + 0.1 + 1))
    assert hits[0] == max(hits) > min(hits) == hits[2]


def test_without_a_correlation_the_effective_number_is_unknown_and_cannot_be_chosen(cohort):
    scan, genotypes, _ = cohort
    summary, _, _ = score(scan, genotypes, np.arange(PEOPLE), Score())
    assert (
        summary["hits_by_correction"]["li_ji"]
        is summary["threshold_by_correction"]["galwey"]
        is None
    )
    with pytest.raises(InputError, match=r"score\.correction must be none, latents or phenotypes"):
        score(scan, genotypes, np.arange(PEOPLE), Score(correction="galwey"))


def test_latents_of_one_lead_are_counted_by_their_names():
    assert (
        latents_of_one_lead(
            [f"{lead}_latent_{n:02d}" for lead in ("I", "V1") for n in (1, 2, 3)][:-1]
        )
        == 3
    )
    assert latents_of_one_lead(["latent_01", "latent_02"]) == 2
    assert latents_of_one_lead(["heart_rate", "pr", "qt"]) == 3


def test_loci_are_counted_by_the_leads_that_show_them(cohort):
    scan, genotypes, _ = cohort
    names = {"heart_rate": "I_latent_01", "pr": "V1_latent_01", "qt": "V1_latent_02"}
    renamed = scan._replace(
        phenotypes=tuple(names.values()),
        candidates=scan.candidates.assign(phenotype=scan.candidates["phenotype"].map(names)),
    )
    summary, _, _ = score(renamed, genotypes, np.arange(PEOPLE), Score())
    assert summary["loci_by_lead"] == {"I": 2, "V1": 2}
    assert summary["threshold_by_correction"]["latents"] == pytest.approx(5e-8 / 2)
    assert score(scan, genotypes, np.arange(PEOPLE), Score())[0]["loci_by_lead"] == {}


def test_combined_tests_have_loci_of_their_own(cohort):
    scan, genotypes, planted = cohort
    tests = {
        "omnibus": "heart_rate",
        "omnibus I": "heart_rate",
        "omnibus V1": "pr",
        "omnibus V2": "qt",
        "acat": "qt",
    }
    summary, loci, omnibus = score(
        combined_of(scan, tests), genotypes, np.arange(PEOPLE), Score(alpha=1e-9), planted.iloc[:1]
    )
    assert summary["omnibus_loci"] == len(omnibus) == 2
    assert set(omnibus["rsid"]) == {"rs5", "rs90"}
    assert set(omnibus["phenotype"]) == set(omnibus["phenotypes"]) == {"omnibus"}
    assert tuple(omnibus) == tuple(loci)
    assert summary["acat_loci"] == 1
    assert summary["omnibus_loci_by_lead"] == {"I": 2, "V1": 1, "V2": 1}
    assert (summary["omnibus_recovered_loci"], summary["omnibus_false_loci"]) == (1, 1)


def test_the_test_of_a_lead_must_pass_alpha_over_the_number_of_leads(cohort):
    scan, genotypes, _ = cohort
    best = scan.candidates.sort_values("neg_log_10_p_value").iloc[-1]
    alpha = 2 * 10 ** -best["neg_log_10_p_value"]  # passed as it is, but not divided by three
    tests = dict.fromkeys(["omnibus", "omnibus I", "omnibus V1", "omnibus V2"], best["phenotype"])
    settings = Score(alpha=alpha, correction="none")
    summary, _, _ = score(combined_of(scan, tests), genotypes, np.arange(PEOPLE), settings)
    assert summary["omnibus_loci"] == 1
    assert set(summary["omnibus_loci_by_lead"].values()) == {0}


def test_known_loci_are_marked_and_counted(cohort):
    scan, genotypes, planted = cohort
    known = (
        planted.iloc[:2].assign(gene=["SCN5A", "TTN"], trait="PR interval").reset_index(drop=True)
    )
    summary, loci, _ = score(scan, genotypes, np.arange(PEOPLE), Score(), known=known)
    assert summary["loci_at_known"] == 2
    marks = loci.set_index("rsid")["known"]
    assert marks.to_dict() == {
        "rs5": "PR interval (SCN5A)",
        "rs50": "PR interval (TTN)",
        "rs90": "",
    }
    assert score(scan, genotypes, np.arange(PEOPLE), Score())[0]["loci_at_known"] is None


def test_the_mhc_of_the_settings_is_one_locus(cohort):
    scan, genotypes, _ = cohort
    summary, _, _ = score(scan, genotypes, np.arange(PEOPLE), Score(mhc="chr1:1-600000"))
    assert summary["loci"] == 2


def test_a_locus_away_from_every_planted_variant_is_false(cohort):
    scan, genotypes, planted = cohort
    elsewhere = planted.assign(chromosome=["1", "1", "3"])
    summary, loci, _ = score(scan, genotypes, np.arange(PEOPLE), Score(), elsewhere)
    assert (summary["recovered_loci"], summary["false_loci"], summary["planted_recovered"]) == (
        2,
        1,
        2,
    )
    assert loci.set_index("chromosome").loc["2", "planted"] == ""


def test_what_each_chromosome_adds_makes_up_the_yield(cohort):
    scan, genotypes, _ = cohort
    summary, _, omnibus = score(
        combined_of(scan, {"omnibus": "pr"}), genotypes, np.arange(PEOPLE), Score(alpha=1e-8)
    )
    by = summary["by_chromosome"]
    for name in ("loci", "omnibus_loci", "hits", "hit_variants"):
        assert set(by[name]) == {"1", "2", "3"}
        assert sum(by[name].values()) == summary[name]
        assert by[name]["3"] == 0
        assert summary["standard_errors"][name] > 0
    assert by["loci"] == {"1": 2, "2": 1, "3": 0}
    assert by["omnibus_loci"] == {"1": len(omnibus), "2": 0, "3": 0}
    assert by["n_variants"] == dict.fromkeys("123", PER_CHROMOSOME)
    assert summary["standard_errors"]["loci"] == pytest.approx(
        np.sqrt(3) * np.std([2, 1, 0], ddof=1)
    )


def test_the_smooth_yield_is_the_mean_excess_of_the_variants_and_has_a_standard_error(cohort):
    scan, genotypes, planted = cohort
    excess = scan.variants["omnibus_excess"].astype(float)
    known = planted.iloc[:1].assign(gene="SCN5A", trait="PR interval")
    summary, _, _ = score(
        scan, genotypes, np.arange(PEOPLE), Score(clump_distance=20_000), known=known
    )
    assert summary["excess_chi2"] == pytest.approx(excess.mean())
    means = excess.groupby(scan.variants["chromosome"]).mean()
    assert summary["by_chromosome"]["excess_chi2"] == pytest.approx(means.to_dict())
    assert summary["standard_errors"]["excess_chi2"] == pytest.approx(
        means.std(ddof=1) / np.sqrt(3)
    )
    assert summary["excess_chi2_at_known"] == pytest.approx(excess.iloc[3:8].mean())
    assert summary["standard_errors"]["excess_chi2_at_known"] is None, (
        "all of them are on one chromosome"
    )


def test_without_the_omnibus_test_or_known_loci_the_smooth_yields_are_unknown(cohort):
    scan, genotypes, planted = cohort
    without = scan._replace(variants=scan.variants.assign(omnibus_excess=np.float32(np.nan)))
    summary, _, _ = score(
        without, genotypes, np.arange(PEOPLE), Score(), known=planted.assign(gene="", trait="")
    )
    for name in ("excess_chi2", "excess_chi2_at_known"):
        assert summary[name] is summary["standard_errors"][name] is None
    assert summary["by_chromosome"]["excess_chi2"] is None
    assert (
        summary["by_chromosome"]["omnibus_loci"]
        is summary["standard_errors"]["omnibus_loci"]
        is None
    )
    assert score(scan, genotypes, np.arange(PEOPLE), Score())[0]["excess_chi2_at_known"] is None


def test_variants_near_a_place_are_those_within_the_distance_on_its_chromosome():
    variants = pd.DataFrame(
        {"chromosome": ["1", "1", "1", "2", "2"], "base_pair_location": [10, 50, 200, 50, 400]}
    )
    places = pd.DataFrame({"chromosome": ["1", "1", "7"], "base_pair_location": [60, 30, 50]})
    assert near(variants, places, 20).tolist() == [True, True, False, False, False]
    assert near(variants, places, 140).tolist() == [True, True, True, False, False]
    assert not near(variants, places.iloc[:0], 140).any()


@pytest.mark.parametrize("select_by", ["hits", ["omnibus_loci", "r2_recorded"]])
def test_the_selected_numbers_are_named_by_the_settings(cohort, select_by):
    scan, genotypes, _ = cohort
    summary, _, _ = score(scan, genotypes, np.arange(PEOPLE), Score(select_by=select_by))
    assert summary["select_by"] == select_by


def test_what_is_selected_is_the_number_and_nan_where_it_is_not_valid_or_not_known():
    summary = {"valid": True, "loci": 12, "omnibus_loci": None, "select_by": "loci"}
    assert selected(summary) == 12.0
    assert np.isnan(selected(summary | {"valid": False}))
    one, other = selected(summary | {"select_by": ["loci", "omnibus_loci"]})
    assert one == 12.0
    assert np.isnan(other)
    assert np.isnan(
        selected(summary | {"valid": False, "select_by": ["loci", "omnibus_loci"]})
    ).all()


def test_no_model_may_be_chosen_by_the_truth():
    assert not any(
        "recovered" in name or "planted" in name or "false" in name for name in SELECTABLE
    )


@pytest.mark.parametrize("select_by", ["recovered_loci", "", [], ["loci", "typo"]])
def test_an_unknown_number_to_select_by_fails_at_construction_with_the_known_ones(select_by):
    with pytest.raises(
        InputError, match=r"score\.select_by must be one of loci, omnibus_loci, .*r2_recorded"
    ):
        Score(select_by=select_by)


def test_nothing_found_is_a_score_too(cohort):
    scan, genotypes, planted = cohort
    summary, loci, _ = score(scan, genotypes, np.arange(PEOPLE), Score(alpha=1e-300), planted)
    assert (
        summary["hits"]
        == summary["loci"]
        == summary["recovered_loci"]
        == summary["false_loci"]
        == 0
    )
    assert summary["planted_loci"] == 3
    assert len(loci) == 0
    assert {"index_variant", "chromosome", "known", "planted"} <= set(loci)


def test_the_summary_survives_json_and_says_what_was_left_out(cohort):
    scan, genotypes, planted = cohort
    untested = Tally.of(("pr",), {name: 0 * part[..., :1] if name != "z_counts" else 0 * part[:, :1]
                                  for name, part in scan.tally.arrays().items()})  # fmt: skip
    for part in (scan, scan._replace(phenotypes=("pr",), tally=untested)):
        summary, _, _ = score(part, genotypes, np.arange(PEOPLE), Score(), planted)
        assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["genomic_inflation"] is None
    assert summary["genomic_inflation_by_phenotype"] == {"pr": None}
    assert summary["n_variants_excluded"] == 7
    assert summary["excluded_variants"] == {"no call": 2, "minor allele count below 20": 5}
    assert summary["dropped_phenotypes"] == ["dead"]


def test_inflation_is_that_of_the_tally(cohort):
    scan, genotypes, _ = cohort
    summary, _, _ = score(scan, genotypes, np.arange(PEOPLE), Score())
    assert set(summary["genomic_inflation_by_phenotype"]) == {"heart_rate", "pr", "qt"}
    assert summary["genomic_inflation"] <= summary["genomic_inflation_max"]


@pytest.mark.parametrize("setting", [{"alpha": 0.05}, {"member_p": 1e-4}])
def test_what_the_scan_did_not_keep_cannot_be_scored(cohort, setting):
    scan, genotypes, _ = cohort
    with pytest.raises(
        InputError, match=rf"score.{next(iter(setting))} must not exceed engine.report_below, 1e-05"
    ):
        score(scan, genotypes, np.arange(PEOPLE), Score(**setting))


@pytest.mark.parametrize(
    "setting",
    [{"alpha": 0}, {"alpha": 2.0}, {"member_p": 0}, {"clump_r2": 0.0}, {"clump_distance": -1}, {"correction": "fdr"},
     {"mhc": "6"}, {"mhc": "6:5-1"}, {"mhc": "6:a-b"}],
)  # fmt: skip
def test_bad_settings_fail_at_construction(setting):
    with pytest.raises(InputError, match=f"score.{next(iter(setting))} must be"):
        Score(**setting)


def test_correlated_phenotypes_are_fewer_tests_than_they_are_many():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(400, 3)) @ np.array([[1, 1, 0], [0, 0.3, 0], [0, 0, 1]])
    basis = covariate_basis(rng.normal(size=(400, 2)))
    correlation = phenotype_correlation(residualise(values, basis))
    assert 0.9 < correlation[0, 1] < 1


def test_scoring_imports_neither_torch_nor_matplotlib_nor_scipy_stats():
    code = "import sys, ecgae.scoring.score; print(*{'torch', 'matplotlib', 'scipy.stats'} & {*sys.modules})"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()
        == ""
    )
