import shutil
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import reference
from scipy import stats

from ecgae.errors import InputError
from ecgae.genetics.engine._gather import Printed, results_of
from ecgae.genetics.engine._inputs import packed
from ecgae.genetics.engine.ols import OLS
from ecgae.genetics.engine.plink2 import PLINK2, read_glm
from ecgae.genetics.engine.regenie import REGENIE, read_step2
from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.scan import ScanInput
from ecgae.genetics.sumstats import read_associations
from ecgae.genetics.variant_filter import VariantFilter

HAS_PLINK2 = shutil.which("plink2") is not None
plink2 = pytest.mark.skipif(not HAS_PLINK2, reason="plink2 is not on the PATH")
NAMES = ("y0", "y1", "y2", "y3")
NUMBERS = ("beta", "standard_error", "neg_log_10_p_value")
WHO = np.random.default_rng(0).permutation(300)[:280]
"""Rows of the genotypes who are analysed, in another order."""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """A scan, and what the slow twin needs: 300 people, 60 variants with missing calls, 4
    phenotypes, 2 covariates."""
    rng = np.random.default_rng(5)
    folder = tmp_path_factory.mktemp("cohort")
    dosage = reference.random_dosage(rng, 300, 60, missing=0.005, low=0.15, high=0.85)
    dosage[:, 7] = 0
    dosage[:, 8] = np.isin(np.arange(300), WHO[:25])
    prefix = reference.write_genotypes(folder / "x", dosage, chromosomes=["1"] * 30 + ["2"] * 30)
    covariates = np.column_stack([rng.uniform(40, 70, 300), rng.integers(0, 2, 300)]).astype(float)
    phenotypes = (
        rng.standard_normal((300, 4)) + 0.05 * covariates[:, :1] + np.nan_to_num(dosage[:, [40]])
    )
    phenotypes[WHO[:40], 1] = np.nan
    phenotypes[WHO[20:75], 3] = np.nan
    inputs = ScanInput(
        genotypes=Genotypes.open(prefix),
        individuals=WHO,
        phenotypes=phenotypes[WHO],
        names=NAMES,
        covariates=covariates[WHO],
        covariate_names=("age", "sex"),
        filter=VariantFilter(),
    )
    return inputs, dosage[WHO]


def table_of(engine, inputs, folder):
    """The scan, and its table in the order of variants and phenotypes."""
    found = engine(inputs, folder)
    if inputs.chromosomes is not None:  # a part of a scan
        return found, found.candidates.reset_index(drop=True)
    table = read_associations(folder / "associations.parquet").astype(
        {"variant_id": str, "phenotype": str}
    )
    assert [*folder.iterdir()] == [folder / "associations.parquet"], "the program's files are gone"
    assert found.candidates["beta"].tolist() == table["beta"].tolist()
    return found, table


def same_numbers(one, other, rtol=1e-5, atol=1e-6):
    """Whether two tables hold the same, as exactly as six printed digits tell."""
    both = one.merge(other, on=["variant_id", "phenotype"], validate="one_to_one")
    assert len(both) == len(one) == len(other)
    for name in (*NUMBERS, "effect_allele_frequency"):
        np.testing.assert_allclose(both[f"{name}_x"], both[f"{name}_y"], rtol=rtol, atol=atol)
    assert both["n_x"].tolist() == both["n_y"].tolist()
    assert (
        both["effect_allele_x"].astype(str).tolist() == both["effect_allele_y"].astype(str).tolist()
    )


def twin(inputs, dosage, table):
    """Asserts that the numbers are those of the slow twin, for every pair that it can test."""
    beta, standard_error, p, n = reference.scan(dosage, inputs.phenotypes, inputs.covariates)
    row = table["base_pair_location"].to_numpy() // 1000 - 1
    column = table["phenotype"].map(NAMES.index).to_numpy()
    for name, expected in zip(NUMBERS, (beta, standard_error, p), strict=True):
        np.testing.assert_allclose(table[name], expected[row, column], rtol=1e-5, atol=1e-6)
    assert table["n"].tolist() == n[row, column].tolist()


@pytest.fixture
def regenie(tmp_path):
    """A program that behaves as REGENIE's documentation says."""
    return script(
        tmp_path / "regenie",
        f'exec "{sys.executable}" "{Path(__file__).parent}/stand_in_regenie.py" "$@"',
    )


def script(file, lines):
    file.write_text(f"#!/bin/bash\n{lines}\n")
    file.chmod(0o755)
    return str(file)


@plink2
def test_plink2_gives_what_the_slow_twin_gives_with_missing_calls_and_phenotypes(cohort, tmp_path):
    inputs, dosage = cohort
    found, table = table_of(PLINK2(transform="none", report_below=1), inputs, tmp_path / "out")
    twin(inputs, dosage, table)
    assert len(table) == 58 * 4 + 3, "nobody of one phenotype carries the rare variant"
    counted = table["effect_allele_frequency"]
    assert (counted > 0.5).any(), "PLINK 2 tests the minor allele: both cases must occur"
    assert (counted < 0.5).any()
    assert found.excluded == {"minor allele count below 20": 1}
    assert (found.n_variants, found.n_individuals) == (59, 280)


@plink2
@pytest.mark.parametrize("transform", ["none", "zscore", "rint"])
def test_plink2_and_ols_give_the_same_scan(cohort, tmp_path, transform):
    inputs, _ = cohort
    one, table = table_of(PLINK2(transform=transform, report_below=1), inputs, tmp_path / "plink2")
    other = OLS(transform=transform, report_below=1)(inputs, tmp_path / "ols")
    same_numbers(table, read_associations(tmp_path / "ols" / "associations.parquet"))
    assert one.excluded == other.excluded
    assert one.variants["phenotype"].tolist() == other.variants["phenotype"].tolist()
    np.testing.assert_array_equal(one.tally.tests, other.tally.tests)
    np.testing.assert_allclose(one.tally.chi2, other.tally.chi2, rtol=1e-3)
    places = [scan.tally.z_counts.sum(axis=0).cumsum(axis=1) for scan in (one, other)]
    assert np.abs(places[0] - places[1]).max() <= 1, "one test may lie on the border of its bin"


@plink2
def test_what_a_scan_returns_follows_from_its_table(cohort, tmp_path):
    inputs, _ = cohort
    found, table = table_of(PLINK2(report_below=1), inputs, tmp_path / "out")
    best = (
        table.sort_values("neg_log_10_p_value")
        .drop_duplicates("variant_id", keep="last")
        .set_index("variant_id")
    )
    summary = found.variants.set_index("variant_id")
    for column in ("neg_log_10_p_value", "n", "effect_allele_frequency", "phenotype"):
        assert summary[column].tolist() == best.loc[summary.index, column].tolist()
    assert (
        inputs.genotypes.variants.loc[found.candidates.index, "rsid"].tolist()
        == found.candidates["rsid"].tolist()
    )
    chi2 = pd.Series(stats.chi2.isf(10.0 ** -table["neg_log_10_p_value"], 1))
    expected = chi2.groupby(table["phenotype"]).sum()
    np.testing.assert_allclose(found.tally.chi2.sum(axis=0), expected)
    few, _ = table_of(PLINK2(report_below=0.01), inputs, tmp_path / "few")
    assert len(few.candidates) == (table["neg_log_10_p_value"] >= 2).sum() > 0
    assert few.n_variants == found.n_variants


@plink2
@pytest.mark.parametrize("format", ["pgen", "bgen"])
def test_plink2_finds_the_same_in_every_format_whatever_variants_are_called(
    cohort, tmp_path, format
):
    inputs, _ = cohort
    source = tmp_path / "source"
    for suffix in ("bed", "bim", "fam"):
        shutil.copy(
            inputs.genotypes.files[0].with_suffix(f".{suffix}"), source.with_suffix(f".{suffix}")
        )
    variants = [line.split() for line in source.with_suffix(".bim").read_text().splitlines()]
    others = {58: "23", 59: "X"}
    rows = [
        [others.get(number, cells[0]), ".", *cells[2:]] for number, cells in enumerate(variants)
    ]
    source.with_suffix(".bim").write_text("".join("\t".join(cells) + "\n" for cells in rows))
    how = ["--make-pgen"] if format == "pgen" else ["--export", "bgen-1.2", "ref-first", "bits=8"]
    words = ["plink2", "--bfile", str(source), *how, "--sort-vars", "--out", str(tmp_path / "copy")]
    words = [word for word in words if format == "pgen" or word != "--sort-vars"]
    subprocess.run(words, check=True, capture_output=True)
    copied = inputs._replace(genotypes=Genotypes.open(f"{tmp_path}/copy.{format}"))
    named = inputs._replace(genotypes=Genotypes.open(source))
    engine = PLINK2(transform="none", report_below=1)
    _, one = table_of(engine, named, tmp_path / "bed")
    _, other = table_of(engine, copied, tmp_path / format)
    assert len(one) == 56 * 4 + 3
    same_numbers(one, other, rtol=1e-5 if format == "pgen" else 2e-3)


@plink2
@pytest.mark.parametrize("format", ["pgen", "bgen"])
def test_plink2_and_ols_test_the_same_dosages(cohort, tmp_path, format):
    inputs, _ = cohort
    rng = np.random.default_rng(3)
    dosage = np.clip(
        inputs.genotypes.read(np.arange(60), np.arange(300)) + rng.normal(0, 0.2, (300, 60)), 0, 2
    )
    write = {"pgen": partial(reference.write_pgen, hard_calls=False), "bgen": reference.write_bgen}[
        format
    ]
    inputs = inputs._replace(
        genotypes=Genotypes.open(write(tmp_path / "x", dosage)), filter=VariantFilter(min_info=0)
    )
    _, one = table_of(PLINK2(report_below=1), inputs, tmp_path / "plink2")
    OLS(report_below=1)(inputs, tmp_path / "ols")
    other = read_associations(tmp_path / "ols" / "associations.parquet")
    if format == "pgen":
        same_numbers(one, other)
    else:
        same_numbers(
            one, other, rtol=1e-3, atol=1e-4
        )  # PLINK 2 rounds the dosages of a BGEN to 1/16384


@plink2
def test_plink2_and_ols_agree_on_real_genotypes(real_data, tmp_path):
    genotypes = Genotypes.open(real_data / "genotypes" / "1kg" / "1kg_phase3_subset_autosomes")
    rng = np.random.default_rng(4)
    people = rng.permutation(len(genotypes.sample_ids))[:900]
    phenotypes = rng.standard_t(3, (900, 2))
    phenotypes[:50, 1] = np.nan
    covariates = rng.standard_normal((900, 3))
    inputs = ScanInput(
        genotypes=genotypes,
        individuals=people,
        phenotypes=phenotypes,
        names=NAMES[:2],
        covariates=covariates,
        covariate_names=("a", "b", "c"),
        filter=VariantFilter(regions=("21", "22")),
    )
    one, table = table_of(PLINK2(report_below=1), inputs, tmp_path / "plink2")
    other = OLS(report_below=1)(inputs, tmp_path / "ols")
    same_numbers(table, read_associations(tmp_path / "ols" / "associations.parquet"))
    assert one.excluded == other.excluded
    assert len(table) > 500


@plink2
def test_plink2_finds_the_same_in_one_file_per_chromosome(cohort, tmp_path):
    inputs, _ = cohort
    dosage = inputs.genotypes.read(np.arange(60), np.arange(300))
    for chromosome, here in (("1", slice(0, 30)), ("2", slice(30, 60))):
        positions = np.arange(60)[here] * 1000 + 1000
        reference.write_genotypes(
            tmp_path / f"x{chromosome}", dosage[:, here], [chromosome] * 30, positions
        )
    split = inputs._replace(genotypes=Genotypes.open(tmp_path / "x"))
    _, one = table_of(PLINK2(report_below=1), inputs, tmp_path / "one")
    _, other = table_of(PLINK2(report_below=1), split, tmp_path / "split")
    pd.testing.assert_frame_equal(one.drop(columns="rsid"), other.drop(columns="rsid"))


@plink2
def test_what_cannot_be_tested_is_left_out_and_named(cohort, tmp_path, capsys):
    """A chromosome of variants that nobody carries, a phenotype that is constant, covariates that
    are."""
    inputs, _ = cohort
    dosage = inputs.genotypes.read(np.arange(60), np.arange(300))
    dosage[:, 30:] = 0
    rare = Genotypes.open(
        reference.write_genotypes(tmp_path / "x", dosage, ["1"] * 30 + ["2"] * 30)
    )
    phenotypes = inputs.phenotypes.copy()
    phenotypes[:, 2] = 3
    inputs = inputs._replace(genotypes=rare, phenotypes=phenotypes, covariates=np.ones((280, 2)))
    found, table = table_of(
        PLINK2(report_below=1, constant_phenotypes="drop"), inputs, tmp_path / "out"
    )
    assert found.dropped == ("y2",)
    assert "1 of 4 phenotypes are constant and not tested: y2" in capsys.readouterr().out
    assert set(table["chromosome"].astype(str)) == {"1"}
    assert found.excluded == {"minor allele count below 20": 31}


@plink2
def test_a_scan_of_one_chromosome_without_covariates(cohort, tmp_path):
    inputs, dosage = cohort
    inputs = inputs._replace(covariates=np.empty((280, 0)), covariate_names=(), chromosomes=("2",))
    found, table = table_of(PLINK2(transform="none", report_below=1), inputs, tmp_path / "out")
    twin(inputs, dosage, table)
    assert set(table["chromosome"].astype(str)) == {"2"}
    assert found.n_variants == 30


@plink2
def test_a_phenotype_of_1_and_2_is_an_amount_not_cases_and_controls(cohort, tmp_path):
    inputs, dosage = cohort
    phenotypes = np.where(inputs.phenotypes > np.nanmean(inputs.phenotypes, axis=0), 2.0, 1.0)
    inputs = inputs._replace(phenotypes=phenotypes, chromosomes=("1",))
    _, table = table_of(PLINK2(transform="none", report_below=1), inputs, tmp_path / "out")
    twin(inputs, dosage, table)
    assert len(table) == 29 * 4


ENGINES = {
    "ols": lambda regenie: OLS(transform="none", report_below=1e-5),
    "plink2": lambda regenie: PLINK2(transform="none"),
    "regenie": lambda regenie: REGENIE(program=regenie, transform="none"),
}


@pytest.mark.parametrize("name", ["ols", pytest.param("plink2", marks=plink2), "regenie"])
def test_a_phenotype_that_only_age_and_sex_drive_gives_no_hit(tmp_path, regenie, name):
    rng = np.random.default_rng(2)
    age, sex = rng.uniform(40, 70, 400), rng.integers(0, 2, 400)
    dosage = reference.random_dosage(rng, 400, 60, missing=0.002, low=0.3, high=0.7)
    dosage[:, 7] = np.where(
        rng.random(400) < 0.2, dosage[:, 7], 2 * sex
    )  # a variant that follows sex, as one on X does
    phenotypes = np.column_stack(
        [0.3 * age + 4 * sex, 0.1 * age - 2 * sex]
    ) + 0.2 * rng.standard_normal((400, 2))
    covariates = np.column_stack([age, sex]).astype(float)
    genotypes = Genotypes.open(reference.write_genotypes(tmp_path / "x", dosage))
    inputs = ScanInput(
        genotypes=genotypes,
        individuals=np.arange(400),
        phenotypes=phenotypes,
        names=NAMES[:2],
        covariates=covariates,
        covariate_names=("age", "sex"),
        filter=VariantFilter(min_hwe_p=0),
    )
    found, table = table_of(ENGINES[name](regenie), inputs, tmp_path / "out")
    assert found.candidates.empty
    assert table.empty
    assert found.n_variants == 60 - (name == "regenie")
    if name != "regenie":  # that its stand-in predicts nothing says the same of it
        without = inputs._replace(covariates=np.empty((400, 0)), covariate_names=())
        found, _ = table_of(ENGINES[name](regenie), without, tmp_path / "without")
        assert set(found.candidates["rsid"]) == {"rs7"}, (
            "the test can fail: without the covariates there are hits"
        )


def test_regenie_runs_both_steps_and_keeps_the_additive_tests(cohort, tmp_path, regenie):
    inputs, dosage = cohort
    engine = REGENIE(
        program=regenie, transform="none", report_below=1, leave_one_out=True, threads=1
    )
    found, table = table_of(engine, inputs, tmp_path / "out")
    twin(inputs, dosage, table)
    assert len(table) == 57 * 4 + 3
    assert table["neg_log_10_p_value"].max() < 100, "no row of another test"
    assert found.excluded == {
        "minor allele count below 20": 1,
        "constant or following from the covariates": 1,
    }


def test_regenie_without_predictions_of_people_with_every_phenotype(
    cohort, tmp_path, regenie, capsys
):
    inputs, dosage = cohort
    inputs = inputs._replace(chromosomes=("2",))
    known = ~np.isnan(inputs.phenotypes).any(axis=1)
    engine = REGENIE(
        program=regenie, transform="none", report_below=1, ignore_predictions=True, strict=True
    )
    found, table = table_of(engine, inputs, tmp_path / "out")
    assert "75 of 280 individuals lack a phenotype and are left out" in capsys.readouterr().out
    assert found.n_individuals == known.sum() == 205
    kept = inputs._replace(phenotypes=inputs.phenotypes[known], covariates=inputs.covariates[known])
    twin(kept, dosage[known], table)
    assert len(table) == 30 * 4


@pytest.mark.parametrize("format", ["bed", "pgen", "bgen"])
def test_regenie_is_given_every_format(cohort, tmp_path, format):
    inputs, _ = cohort
    dosage = inputs.genotypes.read(np.arange(60), np.arange(300))
    write = {
        "bed": reference.write_genotypes,
        "pgen": reference.write_pgen,
        "bgen": reference.write_bgen,
    }[format]
    inputs = inputs._replace(genotypes=Genotypes.open(write(tmp_path / "x", dosage)))
    program = script(
        tmp_path / "regenie", f'echo "$@" > {tmp_path}/words; ls > {tmp_path}/files; exit 1'
    )
    with pytest.raises(InputError, match="exit code 1"):
        REGENIE(program=program, ignore_predictions=True)(inputs, tmp_path / "out")
    words, files = ((tmp_path / name).read_text().split() for name in ("words", "files"))
    assert words[words.index("--chr") + 1] == "1"
    given = Path(words[words.index(f"--{format}") + 1])
    if format == "bgen":
        assert given == tmp_path / "x.bgen"
        assert "--ref-first" in words
        assert Path(words[words.index("--sample") + 1]).name in files
    else:
        names = {"bed": ("bed", "bim", "fam"), "pgen": ("pgen", "pvar", "psam")}[format]
        assert {f"{given.name}.{suffix}" for suffix in names} <= set(files)


@plink2
def test_the_program_sees_no_id_of_a_person_and_others_see_none_of_its_files(cohort, tmp_path):
    inputs, _ = cohort
    seen = tmp_path / "seen"
    lines = f'mkdir -p {seen}; stat -c %a . > {seen}/mode; cp -L *.tsv *.txt *.fam *.bim {seen}; exec plink2 "$@"'
    table_of(PLINK2(program=script(tmp_path / "spy", lines)), inputs, tmp_path / "out")
    texts = [file.read_text() for file in seen.iterdir()]
    assert len(texts) >= 6
    assert not any(str(person) in text for text in texts for person in inputs.genotypes.sample_ids)
    assert (seen / "mode").read_text().strip() == f"{stat.S_IRWXU:o}"


@pytest.mark.parametrize(
    ("engine", "install"), [(PLINK2, "apt-get install plink2"), (REGENIE, "Install REGENIE")]
)
def test_a_program_that_is_not_there_is_named_before_anything_is_read(engine, install):
    with pytest.raises(
        InputError, match=f"engine.program must be .*got no-such-program.*{install}.*engine=ols"
    ):
        engine(program="no-such-program")


FAILURES = {
    "exit code": (
        'echo "Error: File write failure: No space left on device."; exit 5',
        "exit code 5. Its last lines: Error: File write failure: No space left on device.",
    ),
    "killed": ("kill -KILL $$", "was ended by SIGKILL, perhaps for want of memory"),
    "no file": ('plink2 "$@" && rm out.p1.glm.linear', "ended well, but without out.p1.glm.linear"),
    "cut off": (
        'plink2 "$@" && head -n 20 out.p2.glm.linear > x && mv x out.p2.glm.linear',
        "wrote 19 of 29 variants to out.p2.glm.linear",
    ),
    "garbage": (
        'plink2 "$@" && echo "1 2" >> out.p0.glm.linear',
        "out.p0.glm.linear, which cannot be read",
    ),
}


@plink2
@pytest.mark.parametrize("how", FAILURES)
def test_plink2_failing_half_way_is_one_sentence_and_leaves_nothing(cohort, tmp_path, how):
    lines, sentence = FAILURES[how]
    with pytest.raises(InputError) as caught:
        PLINK2(program=script(tmp_path / "broken", lines))(cohort[0], tmp_path / "out")
    assert sentence in str(caught.value)
    assert "broken must do its part of the scan" in str(caught.value)
    assert [*(tmp_path / "out").iterdir()] == []


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            'echo "ERROR: could not read"; exit 1',
            "exit code 1. Its last lines: ERROR: could not read",
        ),
        ("exit 0", "ended well, but without step1_pred.list"),
        ("touch step1_pred.list", "ended well, but without out_p0.regenie"),
        (
            "touch step1_pred.list; echo oops > out_p0.regenie",
            "out_p0.regenie, which cannot be read",
        ),
    ],
)
def test_regenie_failing_half_way_is_one_sentence_and_leaves_nothing(
    cohort, tmp_path, lines, sentence
):
    with pytest.raises(InputError) as caught:
        REGENIE(program=script(tmp_path / "broken", lines))(cohort[0], tmp_path / "out")
    assert sentence in str(caught.value)
    assert [*(tmp_path / "out").iterdir()] == []


@plink2
def test_after_a_failure_the_scan_goes_on_with_the_chromosomes_that_are_left(cohort, tmp_path):
    inputs, out = cohort[0], tmp_path / "out"
    lines = 'grep -q 31 variants.txt && { echo "Error: Malformed .bed file."; exit 6; }; exec plink2 "$@"'
    with pytest.raises(
        InputError, match=r"exit code 6. Its last lines: Error: Malformed .bed file"
    ):
        PLINK2(program=script(tmp_path / "broken", lines), report_below=1)(inputs, out)
    assert not (out / "associations.parquet").exists()
    (out / "plink2.partial").mkdir()
    (out / "plink2.partial" / "genotypes0.bed").write_text("of a scan that was killed")
    counting = script(tmp_path / "counting", f'echo >> {tmp_path}/runs; exec plink2 "$@"')
    _, table = table_of(PLINK2(program=counting, report_below=1), inputs, out)
    assert len((tmp_path / "runs").read_text().splitlines()) == 1
    _, whole = table_of(PLINK2(report_below=1), inputs, tmp_path / "whole")
    pd.testing.assert_frame_equal(table, whole)


def test_step_1_without_a_variant_is_refused(cohort, tmp_path, regenie):
    few = tmp_path / "few.txt"
    few.write_text("rs7\n")
    with pytest.raises(
        InputError, match="Step 1 of REGENIE must have between 1 and 1,000,000 variants; got 0"
    ):
        REGENIE(program=regenie, step1_variants=str(few))(cohort[0], tmp_path / "out")


@pytest.mark.parametrize("engine", [PLINK2, REGENIE])
@pytest.mark.parametrize(
    "setting",
    [{"transform": "log"}, {"report_below": 0.0}, {"constant_phenotypes": "keep"}, {"threads": -1}],
)
def test_bad_settings_fail_at_construction(engine, setting):
    with pytest.raises(InputError, match=f"engine.{next(iter(setting))} must be"):
        engine(program=sys.executable, **setting)


def test_plink2_asks_for_the_memory_that_it_needs():
    with pytest.raises(
        InputError, match=r"engine.memory must be at least PLINK 2's 0.68 GB, or null; got 0.1 GB"
    ):
        PLINK2(program=sys.executable, memory=0.1)


def test_only_additive_rows_without_error_are_read_from_plink2(tmp_path):
    header = "#ID\tA1\tA1_FREQ\tTEST\tOBS_CT\tBETA\tSE\tLOG10_P\tERRCODE"
    rows = [
        "3\tA\t0.25\tADD\t100\t0.5\t0.1\t5.5\t.",
        "3\tA\t0.25\tAGE\t100\t9\t0.1\t300\t.",
        "4\tG\t0.125\tADD\t99\tNA\tNA\tNA\tCORR_TOO_HIGH",
    ]
    (tmp_path / "x").write_text("\n".join([header, *rows]) + "\n")
    printed = read_glm(tmp_path / "x")
    assert printed.variant.tolist() == [3, 4]
    np.testing.assert_array_equal(printed.neg_log_10_p_value, [5.5, np.nan])
    assert printed.untested.tolist() == ["", "constant or following from the covariates"]


VARIANTS = pd.DataFrame(
    {
        "chromosome": ["1"] * 3,
        "base_pair_location": [10, 10, 20],
        "effect_allele": ["A", "AT", "C"],
        "other_allele": ["G", "G", "T"],
        "variant_id": ["1_10_G_A", "1_10_G_AT", "1_20_T_C"],
    }
)


def test_regenies_rows_are_matched_by_position_and_alleles_in_either_order(tmp_path):
    header = "CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ INFO N TEST BETA SE CHISQ LOG10P EXTRA"
    rows = [
        "1 10 . AT G 0.25 1 100 ADD 0.5 0.1 25 5.5 NA",
        "1 20 . T C 0.25 1 100 ADD 0.5 0.1 25 5.5 NA",
    ]
    rows += [
        "1 10 . G C 0.25 1 100 ADD 0.5 0.1 25 5.5 NA",
        "1 10 . G A 0.25 1 100 ADD 0.5 0.1 25 5.5 NA",
    ]
    (tmp_path / "x").write_text("\n".join([header, *rows]) + "\n")
    printed = read_step2(tmp_path / "x", VARIANTS, np.array([1, 2]))
    assert printed.variant.tolist() == [1, 2]
    results = results_of(printed, VARIANTS, 20)
    assert results.beta.tolist() == [-0.5, 0.5]
    assert results.effect_allele_frequency.tolist() == [0.75, 0.25]


def test_a_tested_allele_that_is_none_of_the_variants_is_refused():
    one = np.ones(1)
    printed = Printed(
        variant=np.array([2]),
        tested_allele=np.array(["G"], dtype=object),
        beta=one,
        standard_error=one,
        neg_log_10_p_value=one,
        frequency=0.5 * one,
        n=np.array([9]),
        untested=one.astype(str),
    )
    with pytest.raises(
        InputError, match="tested allele must be one of the variant's; got G of 1_20_T_C"
    ):
        results_of(printed, VARIANTS, 0)


def test_calls_are_packed_as_in_a_bed_file(tmp_path):
    dosage = reference.random_dosage(np.random.default_rng(1), 11, 7, missing=0.2)
    genotypes = Genotypes.open(reference.write_genotypes(tmp_path / "x", dosage))
    np.testing.assert_array_equal(packed(dosage), genotypes.packed(np.arange(7)))
