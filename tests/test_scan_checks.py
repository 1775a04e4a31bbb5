import json

import numpy as np
import pytest
import reference

from ecgae.errors import InputError
from ecgae.genetics.engine.ols import OLS
from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.scan import ScanInput
from ecgae.genetics.variant_filter import VariantFilter
from ecgae.scoring import checks as scan_checks
from ecgae.scoring.checks import Checks
from ecgae.statistics.association import covariate_basis, residualise

PEOPLE = 500
NONE = Checks(heritability=False, ld_scores=False, permutations=0)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """Two phenotypes with one strong variant and gaps, a third that many variants drive."""
    rng = np.random.default_rng(2)
    folder = tmp_path_factory.mktemp("checks")
    dosage = reference.random_dosage(rng, PEOPLE, 600, missing=0.002, low=0.2, high=0.8)
    filled = np.nan_to_num(dosage)
    phenotypes = rng.standard_normal((PEOPLE, 3))
    phenotypes[:, 0] += filled[:, 5]
    phenotypes[:, 2] += (filled - filled.mean(axis=0)) @ rng.standard_normal(600) * 0.1
    phenotypes[:20, 0] = np.nan
    prefix = reference.write_genotypes(folder / "x", dosage, np.repeat(["1", "2", "3", "4"], 150))
    covariates = rng.standard_normal((PEOPLE, 2))
    inputs = ScanInput(
        genotypes=Genotypes.open(prefix),
        individuals=np.arange(PEOPLE),
        phenotypes=phenotypes,
        names=("a", "b", "c"),
        covariates=covariates,
        covariate_names=("x", "y"),
        filter=VariantFilter(),
    )
    return inputs, OLS()(inputs, folder)


def test_heritability_is_large_where_many_variants_drive_a_phenotype_and_json_can_hold_it(scanned):
    inputs, scan = scanned
    found = Checks(probes=500, permutations=0)(inputs, scan, "rint", 5e-8)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    by_phenotype = found["heritability_by_phenotype"]
    assert (
        by_phenotype["c"]
        > by_phenotype["b"] + 3 * found["heritability_standard_error_by_phenotype"]["b"]
    )
    assert found["relatedness_between_chromosomes"] is not None


def test_shuffled_people_have_no_hit_where_the_scan_has_some(scanned):
    inputs, scan = scanned
    assert len(scan.candidates) > 0
    found = Checks(heritability=False, ld_scores=False, permutations=20)(inputs, scan, "rint", 1e-6)
    assert found["null_repetitions"] == 20
    assert found["null_hits"] == 0.0
    assert 0.2 < found["null_effective_tests"] / 1800 < 4
    again = Checks(heritability=False, ld_scores=False, permutations=20)(inputs, scan, "rint", 1e-6)
    assert again == found


def test_shuffled_scans_are_those_of_shuffled_genotypes(scanned, tmp_path):
    """One shuffled order against the scan of people whose genotypes were exchanged accordingly."""
    from ecgae.statistics.permutation import shuffled_orders

    inputs, scan = scanned
    found = Checks(heritability=False, ld_scores=False, permutations=1, seed=3)(
        inputs, scan, "rint", 0.01
    )
    order = shuffled_orders(PEOPLE, range(1), 3)[0]
    moved = OLS(report_below=0.05)(inputs._replace(individuals=inputs.individuals[order]), tmp_path)
    below = moved.candidates["neg_log_10_p_value"] > 2
    assert found["null_hits"] == below.sum()


def test_without_checks_only_the_tails_are_told(scanned):
    found = NONE(*scanned, "rint", 5e-8)
    assert set(found) == {"excess_kurtosis", "excess_kurtosis_by_phenotype"}
    assert abs(found["excess_kurtosis"]) < 0.1


def test_the_kurtosis_is_that_of_what_is_tested_beside_the_covariates(scanned):
    inputs, scan = scanned
    rng = np.random.default_rng(4)
    values = rng.standard_t(3, inputs.phenotypes.shape)
    values[:7, 1] = np.nan
    moved = inputs._replace(phenotypes=values + 10 * inputs.covariates[:, :1])
    found = NONE(moved, scan, "none", 5e-8)
    present = ~np.isnan(values[:, 1])
    left = residualise(moved.phenotypes[present, 1:2], covariate_basis(inputs.covariates[present]))[
        :, 0
    ]
    assert found["excess_kurtosis_by_phenotype"]["b"] == pytest.approx(
        np.mean(left**4) / np.mean(left**2) ** 2 - 3
    )
    assert found["excess_kurtosis"] == max(found["excess_kurtosis_by_phenotype"].values()) > 3
    assert NONE(moved, scan, "rint", 5e-8)["excess_kurtosis"] < 0.2


def test_any_invertible_map_of_the_phenotypes_leaves_the_smooth_yields_as_they_are(
    scanned, tmp_path
):
    inputs, scan = scanned
    whole = ~np.isnan(inputs.phenotypes).any(axis=1)
    values = inputs.phenotypes.copy()
    values[whole] = values[whole] @ np.random.default_rng(8).standard_normal((3, 3))
    mapped = inputs._replace(phenotypes=values)
    other = OLS()(mapped, tmp_path)
    np.testing.assert_allclose(
        other.variants["omnibus_excess"], scan.variants["omnibus_excess"], rtol=1e-3, atol=1e-3 * 3
    )
    one, two = (
        Checks(ld_scores=False, permutations=0)(*pair, "rint", 5e-8)
        for pair in ((inputs, scan), (mapped, other))
    )
    for name in ("summed_heritability", "summed_heritability_standard_error"):
        assert two[name] == pytest.approx(one[name], rel=1e-3)
    assert two["heritability_by_phenotype"]["b"] != pytest.approx(
        one["heritability_by_phenotype"]["b"], rel=0.05
    )


def test_the_second_scan_of_the_same_people_and_variants_reads_no_genotype_again(
    scanned, tmp_path, monkeypatch
):
    inputs, scan = scanned
    checks = Checks(permutations=0)
    first = checks(inputs, scan, "rint", 5e-8, tmp_path)
    assert first == checks(inputs, scan, "rint", 5e-8)
    order = np.random.default_rng(0).permutation(PEOPLE)
    turned = inputs._replace(
        individuals=inputs.individuals[order],
        phenotypes=inputs.phenotypes[order],
        covariates=inputs.covariates[order],
    )
    monkeypatch.setattr(scan_checks, "_dosages", lambda *_: pytest.fail("genotypes were read"))
    again = checks(turned, scan, "rint", 5e-8, tmp_path)
    assert again["ld_score_intercept"] == first["ld_score_intercept"]
    assert again["summed_heritability"] == first["summed_heritability"]


@pytest.mark.parametrize("change", ["people", "covariates", "variants", "probes", "seed"])
def test_what_is_kept_is_not_taken_for_that_of_other_people_covariates_or_variants(
    scanned, tmp_path, change
):
    inputs, scan = scanned
    Checks(ld_scores=False, permutations=0)(inputs, scan, "rint", 5e-8, tmp_path)
    settings = {"ld_scores": False, "permutations": 0} | {
        "probes": {"probes": 8},
        "seed": {"seed": 2},
    }.get(change, {})
    if change == "people":
        inputs = inputs._replace(
            individuals=inputs.individuals[5:],
            phenotypes=inputs.phenotypes[5:],
            covariates=inputs.covariates[5:],
        )
    if change == "covariates":
        inputs = inputs._replace(covariates=inputs.covariates[:, :1])
    if change == "variants":
        scan = scan._replace(variants=scan.variants.iloc[:-1])
    kept, fresh = (
        Checks(**settings)(inputs, scan, "rint", 5e-8, cache) for cache in (tmp_path, None)
    )
    assert kept == fresh
    assert len(list(tmp_path.rglob("*.npz"))) == 2


def test_a_damaged_file_is_told_of_and_made_again(scanned, tmp_path, capsys):
    first = Checks(permutations=0)(*scanned, "rint", 5e-8, tmp_path)
    for file in tmp_path.rglob("*.npz"):
        file.write_bytes(file.read_bytes()[:60])
    assert Checks(permutations=0)(*scanned, "rint", 5e-8, tmp_path) == first
    assert capsys.readouterr().out.count("cannot be read") == 2
    assert Checks(permutations=0)(*scanned, "rint", 5e-8, tmp_path) == first
    assert "cannot be read" not in capsys.readouterr().out


def test_no_id_is_kept(scanned, tmp_path):
    inputs, scan = scanned
    Checks(permutations=0)(inputs, scan, "rint", 5e-8, tmp_path)
    held = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert not any(name.encode() in held for name in inputs.genotypes.sample_ids)


def test_the_ld_score_intercept_is_there_and_json_can_hold_it(scanned):
    found = Checks(heritability=False, permutations=0)(*scanned, "rint", 5e-8)
    assert {"ld_score_intercept", "ld_score_intercept_standard_error", "attenuation"} <= set(found)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize("setting", [{"probes": 0}, {"permutations": -1}])
def test_bad_settings_fail_at_construction(setting):
    with pytest.raises(InputError, match=f"checks.{next(iter(setting))} must be"):
        Checks(**setting)
