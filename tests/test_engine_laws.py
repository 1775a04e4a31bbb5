"""Laws that hold for every engine, found by glob: the same tables, whoever computes them."""

import dataclasses
import pickle
import shutil
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import reference
from conftest import choices, composed

from ecgae.entry.build import build
from ecgae.errors import InputError
from ecgae.genetics.engine import Engine
from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.scan import Scan, ScanInput
from ecgae.genetics.sumstats import read_associations
from ecgae.genetics.variant_filter import VariantFilter

PEOPLE, VARIANTS, NAMES = 300, 24, ("y0", "y1", "y2")
NOBODY, FEW = 7, 8
"""Variants whose effect allele nobody carries, and one in twenty people."""

NUMBERS = ("beta", "standard_error", "neg_log_10_p_value")
PRINTED = {"rtol": 1e-5, "atol": 1e-6}
"""An engine may be another program, which prints six digits."""


class Given(NamedTuple):
    """A scan and what the slow twin needs of it."""

    inputs: ScanInput
    dosage: np.ndarray


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> Given:
    """Missing calls, missing phenotypes, covariates that matter, an effect, and two rare variants."""
    rng = np.random.default_rng(5)
    dosage = reference.random_dosage(rng, PEOPLE, VARIANTS, missing=0.005, low=0.2, high=0.8)
    dosage[:, NOBODY] = 0
    dosage[:, FEW] = np.arange(PEOPLE) < PEOPLE // 20
    covariates = np.column_stack([rng.uniform(40, 70, PEOPLE), rng.integers(0, 2, PEOPLE)])
    phenotypes = rng.standard_normal((PEOPLE, 3)) + 0.05 * covariates[:, :1]
    phenotypes += np.nan_to_num(dosage[:, [18]])
    phenotypes[:40, 1] = np.nan
    phenotypes[20:75, 2] = np.nan
    who = rng.permutation(PEOPLE)[: PEOPLE - 10]
    return Given(
        ScanInput(
            _genotypes(tmp_path_factory.mktemp("genotypes") / "x", dosage),
            who,
            phenotypes[who],
            NAMES,
            covariates[who].astype(float),
            ("age", "sex"),
            VariantFilter(min_call_rate=0, min_hwe_p=0),
        ),
        dosage[who].astype(float),
    )


def _genotypes(prefix, dosage: np.ndarray) -> Genotypes:
    half = VARIANTS // 2
    return Genotypes.open(
        reference.write_genotypes(prefix, dosage, ["1"] * half + ["2"] * (VARIANTS - half))
    )


@pytest.fixture(params=choices("engine"))
def make(request) -> Callable[..., Engine]:
    """The engine of a yaml, with changes; skips where it is a program that is not installed."""
    shipped = composed(f"engine={request.param}").engine
    program = shipped.get("program")
    if program is not None and shutil.which(program) is None:
        pytest.skip(f"{program} is not on the PATH")
    # With predictions of the rest of the genome it is another regression than the slow twin's.
    usual = {"ignore_predictions": True} if "ignore_predictions" in shipped else {}

    def make(**changes) -> Engine:
        words = (f"engine.{name}={value}" for name, value in (usual | changes).items())
        return build(composed(f"engine={request.param}", *words).engine)

    return make


@pytest.fixture
def plain(make) -> Engine:
    """It reports everything, in the phenotypes' own unit."""
    return make(transform="none", report_below=1)


def scanned(engine: Engine, inputs: ScanInput, folder) -> tuple[Scan, pd.DataFrame]:
    """The scan and its table, a row for each variant and phenotype."""
    found = engine(inputs, folder)
    table = read_associations(folder / "associations.parquet")
    table = table.astype({"variant_id": str, "phenotype": str})
    return found, table.set_index(["variant_id", "phenotype"])


def test_an_engine_is_a_frozen_dataclass_of_numbers(make):
    engine = make()
    assert isinstance(engine, Engine)
    assert dataclasses.is_dataclass(engine)
    assert pickle.loads(pickle.dumps(engine)) == engine
    with pytest.raises(dataclasses.FrozenInstanceError):
        engine.transform = "none"


@pytest.mark.parametrize(
    "setting", [{"transform": "log"}, {"report_below": 0.0}, {"constant_phenotypes": "keep"}]
)
def test_bad_settings_fail_at_construction(make, setting):
    with pytest.raises(InputError, match=rf"^engine\.{next(iter(setting))} must be"):
        make(**setting)


def test_the_numbers_are_those_of_the_slow_twin(plain, given, tmp_path):
    _, table = scanned(plain, given.inputs, tmp_path)
    inputs = given.inputs
    expected = reference.scan(given.dosage, inputs.phenotypes, inputs.covariates)
    names = inputs.genotypes.variants["variant_id"]
    tested = [row for row in range(VARIANTS) if row not in (NOBODY, FEW)]
    for column, phenotype in enumerate(NAMES):
        mine = table.xs(phenotype, level="phenotype").loc[names[tested]]
        for name, values in zip((*NUMBERS, "n"), expected, strict=True):
            np.testing.assert_allclose(
                mine[name], values[tested, column], **PRINTED, err_msg=f"{name} of {phenotype}"
            )
        known = given.dosage[~np.isnan(inputs.phenotypes[:, column])][:, tested]
        frequency = np.nanmean(known, axis=0) / 2
        np.testing.assert_allclose(mine["effect_allele_frequency"], frequency, **PRINTED)


def test_naming_the_other_allele_the_effect_allele_flips_beta_and_keeps_p(plain, given, tmp_path):
    every = given.inputs.genotypes.read(np.arange(VARIANTS), np.arange(PEOPLE))
    flipped = given.inputs._replace(genotypes=_genotypes(tmp_path / "flipped", 2 - every))
    _, one = scanned(plain, given.inputs, tmp_path / "one")
    _, other = scanned(plain, flipped, tmp_path / "other")
    other = other.loc[one.index]
    np.testing.assert_allclose(other["beta"], -one["beta"], **PRINTED)
    np.testing.assert_allclose(other["neg_log_10_p_value"], one["neg_log_10_p_value"], **PRINTED)
    frequency = 1 - one["effect_allele_frequency"]
    np.testing.assert_allclose(other["effect_allele_frequency"], frequency, **PRINTED)


def test_a_variant_that_nobody_carries_is_counted_and_not_reported(plain, given, tmp_path):
    found, table = scanned(plain, given.inputs, tmp_path / "rare")
    names = given.inputs.genotypes.variants["variant_id"]
    assert found.excluded == {"minor allele count below 20": 2}
    assert not set(names[[NOBODY, FEW]]) & set(table.index.get_level_values(0))

    anybody = VariantFilter(min_minor_allele_count=0, min_call_rate=0, min_hwe_p=0)
    found, table = scanned(plain, given.inputs._replace(filter=anybody), tmp_path / "anybody")
    assert names[NOBODY] not in set(table.index.get_level_values(0))
    assert found.n_variants == VARIANTS - 1
    assert sum(found.excluded.values()) == 1


@pytest.mark.parametrize("rows", [[2], [3, 18, 20], [23, 4]])
def test_which_variants_are_scanned_together_changes_no_number(plain, given, tmp_path, rows):
    _, whole = scanned(plain, given.inputs, tmp_path / "whole")
    some = given.inputs._replace(variants=np.sort(np.array(rows)))
    found, few = scanned(plain, some, tmp_path / "few")
    assert found.n_variants == len(rows)
    for name in NUMBERS:
        np.testing.assert_allclose(few[name], whole.loc[few.index, name], **PRINTED)


def test_the_order_of_the_people_changes_no_number(plain, given, tmp_path):
    order = np.random.default_rng(1).permutation(len(given.inputs.individuals))
    shuffled = given.inputs._replace(
        individuals=given.inputs.individuals[order],
        phenotypes=given.inputs.phenotypes[order],
        covariates=given.inputs.covariates[order],
    )
    _, one = scanned(plain, given.inputs, tmp_path / "one")
    _, other = scanned(plain, shuffled, tmp_path / "other")
    for name in NUMBERS:
        np.testing.assert_allclose(other[name], one.loc[other.index, name], **PRINTED)


def test_what_a_scan_returns_follows_from_its_table(plain, make, given, tmp_path):
    found, table = scanned(plain, given.inputs, tmp_path / "whole")
    assert found.n_individuals == len(given.inputs.individuals)
    assert found.n_variants == len(found.variants) == VARIANTS - 2
    assert found.tally.tests.sum() == len(table)
    assert found.candidates["beta"].tolist() == table["beta"].tolist()
    best = table["neg_log_10_p_value"].groupby(level="variant_id").max()
    summary = found.variants.set_index("variant_id")["neg_log_10_p_value"]
    np.testing.assert_allclose(summary, best.loc[summary.index], rtol=1e-6)

    few, some = scanned(make(transform="none", report_below=0.01), given.inputs, tmp_path / "few")
    assert len(some) == (table["neg_log_10_p_value"] >= 2).sum() > 0
    assert few.n_variants == found.n_variants
    assert few.tally.tests.sum() == len(table)


def test_a_constant_phenotype_is_refused_or_dropped_by_name(make, given, tmp_path):
    phenotypes = given.inputs.phenotypes.copy()
    phenotypes[:, 1] = 3.0
    inputs = given.inputs._replace(phenotypes=phenotypes)
    with pytest.raises(InputError, match=r"Phenotypes must vary, .* fails for y1"):
        make(constant_phenotypes="fail")(inputs, tmp_path)
    found, _ = scanned(make(constant_phenotypes="drop", report_below=1), inputs, tmp_path)
    assert found.phenotypes == ("y0", "y2")
    assert found.dropped == ("y1",)


def test_a_scan_leaves_its_table_and_nothing_else(make, given, tmp_path):
    make()(given.inputs, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["associations.parquet"]


def test_chromosomes_scanned_apart_make_the_same_scan(plain, given, tmp_path):
    _, whole = scanned(plain, given.inputs, tmp_path / "whole")
    for chromosome in ("2", "1"):
        plain(given.inputs._replace(chromosomes=(chromosome,)), tmp_path / "parts")
        assert not (tmp_path / "parts" / "associations.parquet").exists()
    _, joined = scanned(plain, given.inputs, tmp_path / "parts")
    pd.testing.assert_frame_equal(joined, whole)
