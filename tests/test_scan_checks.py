import json

import numpy as np
import pytest
import reference

from ecgae.engine import Task
from ecgae.engine.ols import OLS
from ecgae.errors import InputError
from ecgae.genotypes import Genotypes
from ecgae.scan_checks import Checks
from ecgae.variant_filter import VariantFilter

PEOPLE = 500


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
    task = Task(
        Genotypes.open(prefix), np.arange(PEOPLE), phenotypes, ("a", "b", "c"), covariates, ("x", "y"), VariantFilter()
    )
    return task, OLS()(task, folder)


def test_heritability_is_large_where_many_variants_drive_a_phenotype_and_json_can_hold_it(scanned):
    task, scan = scanned
    found = Checks(probes=500)(task, scan, "rint", 5e-8)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    by_phenotype = found["heritability_by_phenotype"]
    assert by_phenotype["c"] > by_phenotype["b"] + 3 * found["heritability_standard_error_by_phenotype"]["b"]
    assert found["relatedness_between_chromosomes"] is not None


def test_shuffled_people_have_no_hit_where_the_scan_has_some(scanned):
    task, scan = scanned
    assert len(scan.candidates) > 0
    found = Checks(heritability=False, ld_scores=False, permutations=20)(task, scan, "rint", 1e-6)
    assert found["null_repetitions"] == 20
    assert found["null_hits"] == 0.0
    assert 0.2 < found["null_effective_tests"] / 1800 < 4
    again = Checks(heritability=False, ld_scores=False, permutations=20)(task, scan, "rint", 1e-6)
    assert again == found


def test_shuffled_scans_are_those_of_shuffled_genotypes(scanned, tmp_path):
    """One shuffled order against the scan of people whose genotypes were exchanged accordingly."""
    from ecgae.permutation import shuffled_orders

    task, scan = scanned
    found = Checks(heritability=False, ld_scores=False, permutations=1, seed=3)(task, scan, "rint", 0.01)
    order = shuffled_orders(PEOPLE, range(1), 3)[0]
    moved = OLS(report_below=0.05)(task._replace(individuals=task.individuals[order]), tmp_path)
    below = moved.candidates["neg_log_10_p_value"] > 2
    assert found["null_hits"] == below.sum()


def test_nothing_asked_for_costs_nothing(scanned):
    assert Checks(heritability=False, ld_scores=False)(*scanned, "rint", 5e-8) == {}


def test_the_ld_score_intercept_is_there_and_json_can_hold_it(scanned):
    found = Checks(heritability=False)(*scanned, "rint", 5e-8)
    assert set(found) == {"ld_score_intercept", "ld_score_intercept_standard_error", "attenuation"}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize("setting", [{"probes": 0}, {"permutations": -1}])
def test_bad_settings_fail_at_construction(setting):
    with pytest.raises(InputError, match=f"checks.{next(iter(setting))} must be"):
        Checks(**setting)
