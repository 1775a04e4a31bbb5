import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import reference

from ecgae.errors import InputError
from ecgae.genetics.genotypes import Genotypes


@pytest.fixture
def dosage():
    return reference.random_dosage(np.random.default_rng(1), 11, 7, missing=0.1)


def test_dosages_count_the_first_allele_of_the_bim_for_the_people_asked_for(tmp_path, dosage):
    genotypes = Genotypes.open(reference.write_genotypes(tmp_path / "x", dosage))
    people, variants = np.array([9, 0, 4]), np.array([6, 2])
    np.testing.assert_array_equal(
        genotypes.read(variants, people), dosage[np.ix_(people, variants)]
    )
    first = genotypes.variants.iloc[0]
    assert list(first) == ["1", 1000, "A", "G", "1_1000_G_A", "rs0"]


def test_individual_ids_keep_their_leading_zeros(tmp_path, dosage):
    genotypes = Genotypes.open(reference.write_genotypes(tmp_path / "x", dosage))
    assert genotypes.sample_ids[3] == "0000003"


@pytest.mark.parametrize("pattern", ["chr", "chr{chromosome}", "chr{chromosome}.bed"])
def test_one_file_per_chromosome_is_read_in_numeric_order(tmp_path, dosage, pattern):
    for name in ("10", "2"):
        reference.write_genotypes(tmp_path / f"chr{name}", dosage + 0, chromosomes=[name] * 7)
    reference.write_genotypes(tmp_path / "chr1", 2 - dosage, chromosomes=["1"] * 7)
    genotypes = Genotypes.open(f"{tmp_path}/{pattern}")
    assert genotypes.variants["chromosome"].unique().tolist() == ["1", "2", "10"]
    spanning = np.array([20, 0, 8])
    np.testing.assert_array_equal(
        genotypes.read(spanning, np.arange(11)),
        np.column_stack([dosage[:, 6], 2 - dosage[:, 0], dosage[:, 1]]),
    )


def test_variants_off_the_autosomes_are_left_out_and_counted(tmp_path, dosage, capsys):
    prefix = reference.write_genotypes(
        tmp_path / "x", dosage, chromosomes=["1", "X", "chr2", "23", "0", "22", "MT"]
    )
    genotypes = Genotypes.open(prefix)
    assert genotypes.variants["chromosome"].tolist() == ["1", "2", "22"]
    np.testing.assert_array_equal(
        genotypes.read(np.array([1, 2]), np.arange(11)), dosage[:, [2, 5]]
    )
    assert "4 of 7 variants lie off the autosomes" in capsys.readouterr().out


def test_a_file_of_the_x_chromosome_is_left_out_by_name(tmp_path, dosage, capsys):
    for name in ("1", "X"):
        reference.write_genotypes(tmp_path / f"chr{name}", dosage)
    assert len(Genotypes.open(f"{tmp_path}/chr").files) == 1
    assert "chrX.bed" in capsys.readouterr().out


def test_a_name_of_a_dot_is_no_name(tmp_path, dosage):
    prefix = reference.write_genotypes(tmp_path / "x", dosage)
    bim = Path(f"{prefix}.bim")
    bim.write_text(bim.read_text().replace("rs0\t", ".\t"))
    assert Genotypes.open(prefix).variants["rsid"].isna().tolist() == [True] + [False] * 6


def truncate(prefix):
    os.truncate(f"{prefix}.bed", os.path.getsize(f"{prefix}.bed") - 1)


def overwrite(at, content):
    def change(prefix):
        with open(f"{prefix}.bed", "r+b") as file:
            file.seek(at)
            file.write(content)

    return change


def replace(suffix, old, new):
    def change(prefix):
        path = Path(f"{prefix}.{suffix}")
        path.write_text(path.read_text().replace(old, new))

    return change


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (truncate, r"x\.bed must be 24 bytes long .* got 23 bytes"),
        (overwrite(0, b"no"), r"x\.bed must begin with the bytes 6c 1b .* got 6e 6f"),
        (overwrite(2, b"\x00"), r"x\.bed must be variant-major .* got 00\. Rewrite it with plink"),
        (
            lambda prefix: os.remove(f"{prefix}.bed"),
            r"genotypes must be the prefix .* neither .*x\.bed nor .*x1\.bed",
        ),
        (lambda prefix: os.remove(f"{prefix}.bim"), r"x\.bim must lie beside its genotype file"),
        (lambda prefix: os.remove(f"{prefix}.fam"), r"x\.fam must lie beside its genotype file"),
        (
            replace("fam", "0000001", "0000002"),
            r"x\.fam must have each individual id .* e\.g\. 0000002",
        ),
        (replace("bim", "3000", "3k"), r"x\.bim must have whole base-pair positions; got '3k'"),
        (replace("bim", "\tA\tG", "\tA"), r"x\.bim must have 6 columns; it has 5"),
        (
            replace("bim", "rs3\t0.0", "rs3"),
            r"x\.bim must have a cell in every column; row 4 of the data has fewer",
        ),
        (replace("bim", "1\trs", "X\trs"), r"x\.bed must have variants on the autosomes"),
        (
            lambda prefix: Path(f"{prefix}.fam").write_text(""),
            r"x\.fam must have 6 columns; it has 0",
        ),
    ],
)
def test_a_damaged_file_is_named_in_one_sentence(tmp_path, damage, sentence):
    dosage = reference.random_dosage(np.random.default_rng(1), 11, 7)
    prefix = reference.write_genotypes(tmp_path / "x", dosage)
    damage(prefix)
    with pytest.raises(InputError, match=sentence):
        Genotypes.open(prefix)


def test_chromosomes_of_other_people_are_refused(tmp_path, dosage):
    reference.write_genotypes(tmp_path / "chr1", dosage)
    reference.write_genotypes(
        tmp_path / "chr2", dosage, sample_ids=[f"{i:07d}" for i in reversed(range(11))]
    )
    with pytest.raises(
        InputError, match=r"chr2\.fam must list the same individuals in the same order as chr1\.fam"
    ):
        Genotypes.open(tmp_path / "chr{chromosome}")


@pytest.mark.parametrize(
    ("bed", "beside", "sentence"),
    [
        ("badfile", "small", "must begin with the bytes 6c 1b"),
        ("small_too_short", "small", "must be 7 bytes long"),
        ("smallmode0", "smallmode0", "must be variant-major"),
    ],
)
def test_real_broken_files_are_refused(real_data, tmp_path, bed, beside, sentence):
    folder = real_data / "genotypes" / "formats" / "bed_reader"
    shutil.copy(folder / f"{bed}.bed", tmp_path / "x.bed")
    for suffix in ("bim", "fam"):
        shutil.copy(folder / f"{beside}.{suffix}", tmp_path / f"x.{suffix}")
    with pytest.raises(InputError, match=sentence):
        Genotypes.open(tmp_path / "x")


def test_real_files_with_missing_calls_are_read(real_data):
    genotypes = Genotypes.open(real_data / "genotypes" / "formats" / "bed_reader" / "some_missing")
    dosage = genotypes.read(np.arange(100), np.arange(100))
    assert dosage.shape == (100, 100)
    assert 0 < np.isnan(dosage).mean() < 0.5
    assert set(np.unique(dosage[~np.isnan(dosage)])) == {0, 1, 2}
