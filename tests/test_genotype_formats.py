import os
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import reference
from bgen import BgenReader

from ecgae.errors import InputError
from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.genotypes.bed import dosage_of
from ecgae.genetics.genotypes.bgen import Bgen
from ecgae.genetics.genotypes.pgen_header import read_header

PEOPLE, VARIANTS = 23, 9
EVERYBODY, ALL = np.arange(PEOPLE), np.arange(VARIANTS)
TOLERANCE = 4e-5  # half a step of .pgen dosages is 3.1e-5

needs_plink2 = pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")


@pytest.fixture
def calls():
    return reference.random_dosage(np.random.default_rng(1), PEOPLE, VARIANTS, missing=0.1)


@pytest.fixture
def dosage(calls):
    rng = np.random.default_rng(2)
    imputed = np.clip(calls + rng.normal(0, 0.2, calls.shape), 0, 2)
    return np.where(rng.random(calls.shape) < 0.5, imputed, calls).astype(np.float32)


def plink2(folder, *arguments):
    subprocess.run(["plink2", *map(str, arguments)], cwd=folder, check=True, capture_output=True)


def exported(prefix, count_file):
    """`plink2 --export A` of everything: the counted alleles, and their counts [individual
    variant]."""
    plink2(prefix.parent, *count_file, "--export", "A", "--out", prefix)
    table = pd.read_csv(f"{prefix}.raw", sep="\t")
    columns = table.columns[6:]
    return columns.str.rsplit("_", n=1).str[-1].tolist(), table[columns].to_numpy()


WRITERS = {
    "bed": reference.write_genotypes,
    "pgen": reference.write_pgen,
    "pgen-dosage": lambda *arguments, **settings: reference.write_pgen(
        *arguments, hard_calls=False, **settings
    ),
    "bgen": reference.write_bgen,
    "bgen-phased": lambda *arguments, **settings: reference.write_bgen(
        *arguments, phased=True, **settings
    ),
    "bgen-zstd": lambda *arguments, **settings: reference.write_bgen(
        *arguments, compression="zstd", **settings
    ),
    "bgen-inside": lambda *arguments, **settings: reference.write_bgen(
        *arguments, ids="inside", **settings
    ),
}


@pytest.fixture(params=WRITERS)
def write(request):
    return WRITERS[request.param]


class TestEveryFormat:
    def test_holds_the_same_calls_alleles_and_people(self, tmp_path, calls, write):
        genotypes = Genotypes.open(write(tmp_path / "x", calls))
        people, variants = np.array([9, 0, 22, 4]), np.array([6, 2])
        dosage = genotypes.read(variants, people)
        np.testing.assert_allclose(dosage, calls[np.ix_(people, variants)], atol=TOLERANCE)
        assert dosage.dtype == np.float32
        assert dosage.flags.f_contiguous
        assert genotypes.sample_ids.tolist() == [f"{person:07d}" for person in range(PEOPLE)]
        assert genotypes.people_file in ("x.fam", "x.psam", "x.sample", "x.bgen")
        assert genotypes.variants.iloc[0].tolist() == ["1", 1000, "A", "G", "1_1000_G_A", "rs0"]
        assert genotypes.variants.index.equals(pd.RangeIndex(VARIANTS))

    def test_reads_nothing_where_nothing_is_asked(self, tmp_path, calls, write):
        genotypes = Genotypes.open(write(tmp_path / "x", calls))
        nobody = np.array([], dtype=np.int64)
        assert genotypes.read(nobody, EVERYBODY).shape == (PEOPLE, 0)
        assert genotypes.read(ALL, nobody).shape == (0, VARIANTS)

    def test_may_ask_for_a_person_twice(self, tmp_path, calls, write):
        genotypes = Genotypes.open(write(tmp_path / "x", calls))
        people = np.array([3, 3, 1])
        np.testing.assert_allclose(genotypes.read(ALL, people), calls[people], atol=TOLERANCE)

    def test_is_read_by_several_threads_at_once(self, tmp_path, write):
        calls = reference.random_dosage(np.random.default_rng(3), 50, 400, missing=0.1)
        genotypes = Genotypes.open(write(tmp_path / "x", calls))
        wrong = []

        def read(seed):
            rng = np.random.default_rng(seed)
            for _ in range(20):
                variants, people = rng.integers(0, 400, 30), rng.permutation(50)[:20]
                found = genotypes.read(variants, people)
                if not np.allclose(
                    found, calls[np.ix_(people, variants)], atol=TOLERANCE, equal_nan=True
                ):
                    wrong.append(seed)

        threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong

    def test_may_lie_in_one_file_per_chromosome(self, tmp_path, calls, write):
        write(tmp_path / "c2", calls, chromosomes=["2"] * VARIANTS)
        write(tmp_path / "c10", 2 - calls, chromosomes=["10"] * VARIANTS)
        genotypes = Genotypes.open(tmp_path / "c{chromosome}")
        assert genotypes.variants["chromosome"].unique().tolist() == ["2", "10"]
        spanning = np.array([15, 0, 8])
        expected = np.column_stack([2 - calls[:, 6], calls[:, 0], calls[:, 8]])
        np.testing.assert_allclose(genotypes.read(spanning, EVERYBODY), expected, atol=TOLERANCE)

    def test_names_chromosomes_alike(self, tmp_path, calls, write, capsys):
        names = ["1", "01", "chr1", "chr01", "22", "X", "chrX", "MT", "0"]
        genotypes = Genotypes.open(write(tmp_path / "x", calls, chromosomes=names))
        assert genotypes.variants["chromosome"].tolist() == ["1"] * 4 + ["22"]
        np.testing.assert_allclose(
            genotypes.read(np.arange(5), EVERYBODY), calls[:, :5], atol=TOLERANCE
        )
        assert (
            "4 of 9 variants lie off the autosomes 1-22 and are not used (on X, males"
            in capsys.readouterr().out
        )

    @pytest.mark.parametrize("swapped", [False, True])
    def test_with_a_variant_twice_is_refused(self, tmp_path, calls, write, swapped):
        prefix = write(tmp_path / "x", calls, positions=[1, 2, 3, 4, 5, 6, 7, 3, 9])
        if swapped and Path(f"{prefix}.bgen").exists():
            pytest.skip("the alleles are inside")
        for table, there, swap in [
            ("bim", "3\tA\tG", "3\tG\tA"),
            ("pvar", "rs7\tG\tA", "rs7\tA\tG"),
        ]:
            path = Path(f"{prefix}.{table}")
            if swapped and path.exists():
                path.write_text(path.read_text().replace(there, swap, 1))
        with pytest.raises(
            InputError,
            match=r"must have each variant once; 1 repeat .* e\.g\. 1_3_.* --rm-dup force-first",
        ):
            Genotypes.open(prefix)


@pytest.mark.parametrize("name", ["pgen-dosage", "bgen", "bgen-phased", "bgen-zstd", "bgen-inside"])
def test_dosages_are_kept_where_the_format_has_them(tmp_path, dosage, name):
    genotypes = Genotypes.open(WRITERS[name](tmp_path / "x", dosage))
    assert not genotypes.hard_calls
    assert not genotypes.has_packed
    np.testing.assert_allclose(genotypes.read(ALL, EVERYBODY), dosage, atol=TOLERANCE)


@pytest.mark.parametrize("people", [1, 3, 4, 5, 22])
@pytest.mark.parametrize("write", [reference.write_genotypes, reference.write_pgen])
def test_packed_calls_have_the_bits_of_a_bed(tmp_path, write, people):
    calls = reference.random_dosage(np.random.default_rng(people), people, 40, missing=0.2)
    genotypes = Genotypes.open(write(tmp_path / "x", calls))
    assert genotypes.has_packed
    variants = np.array([5, 6, 7, 39, 0, 2, 1, 30, 31])
    packed = genotypes.packed(variants)
    assert packed.shape == (9, -(-people // 4))
    for variant, bits in zip(variants, packed, strict=True):
        codes = [int(bits[person // 4]) >> 2 * (person % 4) & 3 for person in range(people)]
        expected = {0: 3, 1: 2, 2: 0}
        assert codes == [1 if np.isnan(call) else expected[int(call)] for call in calls[:, variant]]


def test_packed_calls_of_all_chromosomes_are_the_bytes_of_the_files(tmp_path, calls):
    for name in ("1", "2"):
        reference.write_genotypes(tmp_path / f"c{name}", calls, chromosomes=[name] * VARIANTS)
    content = np.frombuffer((tmp_path / "c1.bed").read_bytes()[3:], dtype=np.uint8).reshape(
        VARIANTS, -1
    )
    packed = Genotypes.open(tmp_path / "c{chromosome}").packed(np.arange(5, 14))
    np.testing.assert_array_equal(packed, np.vstack([content[5:], content[:5]]))


def test_a_bed_that_shrinks_while_it_is_read_is_named(tmp_path, calls):
    genotypes = Genotypes.open(reference.write_genotypes(tmp_path / "x", calls))
    os.truncate(tmp_path / "x.bed", 20)
    with pytest.raises(InputError, match=r"x\.bed must stay as it is"):
        genotypes.packed(ALL)


def test_a_name_may_occur_twice_with_other_alleles_at_one_position(tmp_path, calls):
    prefix = reference.write_pgen(tmp_path / "x", calls, positions=[1, 2, 3, 3, 5, 6, 7, 8, 9])
    pvar = Path(f"{prefix}.pvar")
    pvar.write_text(pvar.read_text().replace("rs3\tG\tA", "rs2\tG\tC"))
    variants = Genotypes.open(prefix).variants
    assert variants["rsid"].tolist()[2:4] == ["rs2", "rs2"]
    assert variants["variant_id"].tolist()[2:4] == ["1_3_G_A", "1_3_G_C"]


def test_two_formats_under_one_prefix_are_refused_and_the_ending_decides(tmp_path, calls):
    reference.write_genotypes(tmp_path / "x", calls)
    reference.write_bgen(tmp_path / "x", 2 - calls)
    with pytest.raises(
        InputError,
        match=r"files of one format; .*x means x\.bed and x\.bgen alike\. Add the ending",
    ):
        Genotypes.open(tmp_path / "x")
    read = {
        ending: Genotypes.open(tmp_path / f"x.{ending}").read(ALL, EVERYBODY)
        for ending in ("bed", "bgen")
    }
    np.testing.assert_allclose(read["bed"], 2 - read["bgen"], atol=TOLERANCE)


class TestPgen:
    def test_with_many_alleles_keeps_the_variants_with_two(self, tmp_path, capsys):
        vcf = [
            "##fileformat=VCFv4.2",
            "##contig=<ID=1>",
            "\t".join(
                ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "a", "b"]
            ),
        ]
        vcf += [
            "1\t5\trs5\tG\tA\t.\t.\t.\tGT\t0/1\t1/1",
            "1\t6\trs6\tG\tA,C\t.\t.\t.\tGT\t0/2\t1/2",
        ]
        vcf += ["1\t7\trs7\tT\tC\t.\t.\t.\tGT\t0/0\t./."]
        (tmp_path / "x.vcf").write_text("\n".join(vcf) + "\n")
        if shutil.which("plink2") is None:
            pytest.skip("plink2 is not installed")
        plink2(tmp_path, "--vcf", "x.vcf", "--make-pgen", "vzs", "--out", "x")
        genotypes = Genotypes.open(tmp_path / "x")
        assert (
            "1 of 3 variants have more than two alleles and are not used; bcftools norm"
            in capsys.readouterr().out
        )
        np.testing.assert_array_equal(
            genotypes.read(np.arange(2), np.arange(2)), [[1, 0], [2, np.nan]]
        )

    def test_header_tells_hard_calls_and_the_exact_length(self, tmp_path):
        for people, variants in [(1, 2), (4, 7), (700, 30), (5, 66_000)]:
            calls = reference.random_dosage(np.random.default_rng(0), people, variants, missing=0.1)
            for hard in (True, False):
                reference.write_pgen(
                    tmp_path / "x", calls if hard else calls * 0.77, hard_calls=hard
                )
                header = read_header(tmp_path / "x.pgen", people, variants)
                assert header.size == (tmp_path / "x.pgen").stat().st_size
                assert header.hard_calls == hard

    @pytest.mark.parametrize("size", [0, 2, 11, 12, 19, 20, 24, 40, -1])
    def test_truncated_is_refused(self, tmp_path, calls, size):
        prefix = reference.write_pgen(tmp_path / "x", calls)
        os.truncate(f"{prefix}.pgen", size if size >= 0 else os.path.getsize(f"{prefix}.pgen") - 1)
        with pytest.raises(
            InputError,
            match=r"x\.pgen must (begin with the bytes 6c 1b 10|be at least .* truncated)",
        ):
            Genotypes.open(prefix)

    @pytest.mark.parametrize(
        ("suffix", "old", "new", "sentence"),
        [
            (
                "pgen",
                b"\x6c\x1b\x10",
                b"\x6c\x1b\x01",
                r"x\.pgen must begin with the bytes 6c 1b 10 .* got 6c 1b 01",
            ),
            (
                "pgen",
                b"\x6c\x1b\x10",
                b"BZh",
                r"x\.pgen must begin with the bytes 6c 1b 10 .* got 42 5a 68",
            ),
            (
                "pvar",
                b"1\t9000\trs8\tG\tA\n",
                b"",
                r"x\.pgen must hold the 8 variants of its \.pvar .* holds 9 and 23",
            ),
            (
                "psam",
                b"0000003\t1\n",
                b"",
                r"x\.pgen must hold the 9 variants .* the 22 individuals",
            ),
            (
                "pvar",
                b"#CHROM",
                b"CHROM",
                r"x\.pvar must have a line of column names .* got 'CHROM",
            ),
            (
                "pvar",
                b"\tREF\t",
                b"\tREF2\t",
                r"x\.pvar must have the columns #CHROM, .* it lacks REF\.",
            ),
            (
                "pvar",
                b"\t3000\t",
                b"\t3e\t",
                r"x\.pvar must have whole base-pair positions; got '3e'",
            ),
            ("pvar", b"rs8\tG\tA", b"rs8\tG", r"x\.pvar must have a cell in every column; row 9"),
            (
                "psam",
                b"#IID",
                b"IID",
                r"x\.psam must begin with a line of column names, #IID or #FID",
            ),
            ("psam", b"#IID", b"#FID", r"x\.psam must have the column IID; it has FID, SEX"),
            (
                "psam",
                b"0000003",
                b"0000002",
                r"x\.psam must have each individual id once; 1 .* e\.g\. 0000002",
            ),
            ("psam", b"#IID", b"#IID\xff", r"x\.psam must be a text table"),
        ],
    )
    def test_damaged_is_named_in_one_sentence(self, tmp_path, calls, suffix, old, new, sentence):
        prefix = reference.write_pgen(tmp_path / "x", calls)
        path = Path(f"{prefix}.{suffix}")
        assert old in path.read_bytes()
        path.write_bytes(path.read_bytes().replace(old, new))
        with pytest.raises(InputError, match=sentence):
            Genotypes.open(prefix)

    @pytest.mark.parametrize(("suffix", "what"), [("pvar", "a variant"), ("psam", "somebody")])
    def test_without_a_row_is_refused(self, tmp_path, calls, suffix, what):
        path = Path(reference.write_pgen(tmp_path / "x", calls) + "." + suffix)
        path.write_text(
            "".join(line for line in path.read_text().splitlines(True) if line.startswith("#"))
        )
        with pytest.raises(InputError, match=rf"x\.{suffix} must list {what}; it is empty"):
            Genotypes.open(tmp_path / "x")

    @pytest.mark.parametrize("suffix", ["pvar", "psam"])
    def test_without_what_lies_beside_it_is_refused(self, tmp_path, calls, suffix):
        prefix = reference.write_pgen(tmp_path / "x", calls)
        Path(f"{prefix}.{suffix}").unlink()
        with pytest.raises(InputError, match=rf"x\.{suffix} must lie beside its genotype file"):
            Genotypes.open(prefix)

    def test_compressed_variants_that_are_damaged_are_refused(self, tmp_path, calls):
        prefix = reference.write_pgen(tmp_path / "x", calls)
        Path(f"{prefix}.pvar").rename(f"{prefix}.pvar.zst")
        with pytest.raises(InputError, match=r"x\.pvar\.zst must be a text table"):
            Genotypes.open(prefix)


class TestBgen:
    def test_counts_the_second_allele_of_the_probabilities(self, real_data):
        path = real_data / "genotypes" / "formats" / "sgkit_example.bgen"
        file = Bgen.open(path)
        assert file.sample_ids[:2].tolist() == ["sample_001", "sample_002"]
        rows = np.array([0, 7, 150])
        dosage = file.read(rows, np.arange(500))
        assert np.isnan(dosage).any()
        with BgenReader(path) as reader:
            for row, found in zip(rows, dosage.T, strict=True):
                probabilities = reader[int(row)].probabilities
                np.testing.assert_allclose(found, probabilities @ [0.0, 1.0, 2.0], atol=1e-6)
                assert file.variants.loc[row, "effect_allele"] == reader[int(row)].alleles[1]

    def test_real_file_with_a_variant_twice_is_refused(self, real_data):
        with pytest.raises(
            InputError, match=r"sgkit_example\.bgen must have each variant once; 1 repeat"
        ):
            Genotypes.open(real_data / "genotypes" / "formats" / "sgkit_example")

    def test_the_sample_file_goes_before_ids_inside(self, tmp_path, calls):
        prefix = reference.write_bgen(tmp_path / "x", calls, ids="inside")
        rows = [f"family p{person} 0 1" for person in range(PEOPLE)]
        Path(f"{prefix}.sample").write_text(
            "\n".join(["ID_1 ID_2 missing sex", "0 0 0 D", *rows]) + "\n"
        )
        genotypes = Genotypes.open(prefix)
        assert genotypes.sample_ids[:2].tolist() == ["p0", "p1"]
        assert genotypes.people_file == "x.sample"

    def test_a_sample_file_may_have_one_column_of_ids(self, tmp_path, calls):
        prefix = reference.write_bgen(tmp_path / "x", calls)
        Path(f"{prefix}.sample").write_text(
            "ID age\n0 C\n" + "".join(f"0{person} 50\n" for person in range(PEOPLE))
        )
        assert Genotypes.open(prefix).sample_ids[3] == "03"

    def test_an_index_changes_nothing(self, tmp_path, dosage):
        rng = np.random.default_rng(0)
        reference.write_bgen(tmp_path / "x", dosage)
        plain = Genotypes.open(tmp_path / "x")
        reference.write_bgen(tmp_path / "y", dosage, index=True)
        indexed = Genotypes.open(tmp_path / "y")
        pd.testing.assert_frame_equal(plain.variants, indexed.variants)
        some = rng.permutation(VARIANTS)[:4]
        np.testing.assert_array_equal(plain.read(some, EVERYBODY), indexed.read(some, EVERYBODY))

    def test_an_index_of_another_file_is_refused(self, tmp_path, dosage):
        reference.write_bgen(tmp_path / "x", dosage[:, 1:], index=True)
        (tmp_path / "x.bgen.bgi").rename(tmp_path / "index")
        reference.write_bgen(tmp_path / "x", dosage)
        (tmp_path / "index").rename(tmp_path / "x.bgen.bgi")
        with pytest.raises(
            InputError, match=r"x\.bgen\.bgi must be the index of x\.bgen; it lists 8 variants"
        ):
            Genotypes.open(tmp_path / "x")
        (tmp_path / "x.bgen.bgi").write_text("no index")
        with pytest.raises(InputError, match=r"x\.bgen\.bgi must be an index made by bgenix"):
            Genotypes.open(tmp_path / "x")

    def test_variants_with_more_alleles_are_left_out(self, tmp_path, calls, capsys):
        reference.write_bgen(tmp_path / "x", calls, more_alleles=[2, 5])
        genotypes = Genotypes.open(tmp_path / "x")
        assert "2 of 9 variants have more than two alleles" in capsys.readouterr().out
        kept = [0, 1, 3, 4, 6, 7, 8]
        np.testing.assert_allclose(
            genotypes.read(np.arange(7), EVERYBODY), calls[:, kept], atol=TOLERANCE
        )

    def test_without_ids_is_refused(self, tmp_path, calls):
        reference.write_bgen(tmp_path / "x", calls, ids="")
        with pytest.raises(
            InputError, match=r"x\.bgen must have ids in it or x\.sample beside it; .* Copy or link"
        ):
            Genotypes.open(tmp_path / "x")

    def test_with_haploid_people_is_refused(self, tmp_path, calls):
        reference.write_bgen(tmp_path / "x", calls, haploid=True)
        with pytest.raises(
            InputError, match=r"x\.bgen must hold two copies of every autosome; variant 1 \(rs0\)"
        ):
            Genotypes.open(tmp_path / "x").read(ALL, EVERYBODY)

    @pytest.mark.parametrize("size", [0, 10, 23, 30, 60, 200, -1])
    def test_truncated_is_refused(self, tmp_path, calls, size):
        prefix = reference.write_bgen(tmp_path / "x", calls)
        os.truncate(f"{prefix}.bgen", size if size >= 0 else os.path.getsize(f"{prefix}.bgen") - 1)
        with pytest.raises(
            InputError,
            match=r"x\.bgen must (have the word bgen|be BGEN 1\.2|be a sound|hold 9 variants)",
        ):
            Genotypes.open(prefix)

    @pytest.mark.parametrize(
        ("at", "content", "sentence"),
        [
            (16, b"bzip", r"x\.bgen must have the word bgen in bytes 17-20; got 62 7a 69 70"),
            (
                20,
                b"\x05\0\0\0",
                r"x\.bgen must be BGEN 1\.2 or 1\.3 \(layout 2\); got version 1\.1",
            ),
            (8, b"\x0a", r"x\.bgen must be a sound \.bgen file; its reader says: .*truncated"),
            (12, b"\x18", r"x\.sample must list the 24 individuals of x\.bgen; it lists 23"),
        ],
    )
    def test_another_format_is_refused(self, tmp_path, calls, at, content, sentence):
        prefix = reference.write_bgen(tmp_path / "x", calls)
        with open(f"{prefix}.bgen", "r+b") as file:
            file.seek(at)
            file.write(content)
        with pytest.raises(InputError, match=sentence):
            Genotypes.open(prefix)

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            ("", r"x\.sample must begin with a line of column names"),
            ("a\nb\n", r"x\.sample must begin with a line of column names"),
            ("ID_1 ID_2 missing\n0 0 0\n", r"x\.sample must list somebody"),
            (
                "ID_1 ID_2 missing\n0 0 0\na a 0\na a 0\n",
                r"x\.sample must have each individual id once",
            ),
        ],
    )
    def test_a_damaged_sample_file_is_refused(self, tmp_path, calls, content, sentence):
        prefix = reference.write_bgen(tmp_path / "x", calls)
        Path(f"{prefix}.sample").write_text(content)
        with pytest.raises(InputError, match=sentence):
            Genotypes.open(prefix)


@needs_plink2
class TestAgainstPlink2:
    @pytest.mark.parametrize(
        "write", [reference.write_genotypes, reference.write_pgen, WRITERS["pgen-dosage"]]
    )
    def test_counts_are_those_of_export_a(self, tmp_path, dosage, calls, write):
        prefix = write(tmp_path / "x", dosage if write is WRITERS["pgen-dosage"] else calls)
        genotypes = Genotypes.open(prefix)
        source = ["--bfile", "x"] if write is reference.write_genotypes else ["--pfile", "x"]
        (tmp_path / "counted").write_text("".join(f"rs{number}\tA\n" for number in range(VARIANTS)))
        alleles, counts = exported(tmp_path / "out", [*source, "--export-allele", "counted"])
        assert alleles == genotypes.variants["effect_allele"].tolist()
        np.testing.assert_allclose(
            genotypes.read(ALL, EVERYBODY), counts, atol=5.01e-5
        )  # it prints four decimals

    @pytest.mark.parametrize("settings", ["ref-first", "ref-last"])
    @pytest.mark.parametrize("version", ["bgen-1.2", "bgen-1.3"])
    def test_its_bgen_files_hold_the_same_dosages(self, tmp_path, dosage, version, settings):
        reference.write_pgen(tmp_path / "x", dosage, hard_calls=False)
        reordering = ["ref-first"] if settings == "ref-first" else []
        plink2(tmp_path, "--pfile", "x", "--export", version, "bits=16", *reordering, "--out", "y")
        genotypes = Genotypes.open(tmp_path / "y")
        counted = genotypes.variants["effect_allele"].unique().tolist()
        assert counted == (["A"] if reordering else ["G"])
        found = genotypes.read(ALL, EVERYBODY)
        np.testing.assert_allclose(found if reordering else 2 - found, dosage, atol=1e-4)

    def test_real_genotypes_are_the_same_in_every_format(self, tmp_path, real_data):
        source = real_data / "genotypes" / "1kg" / "1kg_phase3_subset_autosomes"
        plink2(tmp_path, "--bfile", source, "--chr", "21-22", "--make-bed", "--out", "x")
        plink2(tmp_path, "--bfile", "x", "--make-pgen", "vzs", "--out", "y")
        plink2(
            tmp_path, "--bfile", "x", "--export", "bgen-1.2", "ref-first", "bits=8", "--out", "z"
        )
        bed, *others = (Genotypes.open(tmp_path / name) for name in "xyz")
        variants, people = np.arange(len(bed.variants)), np.arange(1126)
        for other in others:
            pd.testing.assert_frame_equal(other.variants, bed.variants)
            np.testing.assert_array_equal(other.sample_ids, bed.sample_ids)
            np.testing.assert_array_equal(other.read(variants, people), bed.read(variants, people))
        np.testing.assert_array_equal(others[0].packed(variants), bed.packed(variants))

    def test_the_advice_against_repeats_works(self, tmp_path, calls):
        prefix = reference.write_pgen(tmp_path / "x", calls, positions=[1, 2, 3, 3, 5, 6, 7, 8, 9])
        pvar = Path(f"{prefix}.pvar")
        pvar.write_text(pvar.read_text().replace("rs3\tG\tA", "rs3\tA\tG"))
        advice = ["--set-all-var-ids", "@:#:$1:$2", "--rm-dup", "force-first"]
        plink2(tmp_path, "--pfile", "x", *advice, "--make-pgen", "--out", "y")
        assert len(Genotypes.open(tmp_path / "y").variants) == VARIANTS - 1


def test_a_real_pgen_with_compressed_variants_is_read(real_data, capsys):
    genotypes = Genotypes.open(real_data / "genotypes" / "formats" / "chr21_phase3_start")
    assert "3 of 485 variants have more than two alleles" in capsys.readouterr().out
    dosage = genotypes.read(np.arange(482), np.arange(2504))
    assert dosage.sum(axis=0)[:3].tolist() == [1, 4, 1]  # AC in the column INFO of the .pvar
    assert genotypes.sample_ids[0] == "HG00096"
    unpacked = dosage_of(
        genotypes.packed(np.arange(482)), np.arange(2504)
    )  # phased, which hard calls may be
    np.testing.assert_array_equal(unpacked, dosage)
