import numpy as np
import pandas as pd
import pytest

from ecgae.errors import InputError
from ecgae.scoring.known_loci import COLUMNS, read_known_loci

FEW = pd.DataFrame({"rsid": ["rs1"], "chromosome": ["1"], "base_pair_location": [10]})


def genotyped(known, shift=0):
    """Variants of the list as a cohort has them, among others, some without an rsid."""
    named = known[known["rsid"] != ""].iloc[::3]
    others = pd.DataFrame(
        {"rsid": ["x", None], "chromosome": ["1", "2"], "base_pair_location": [5, 6]}
    )
    return pd.concat(
        [named.assign(base_pair_location=named["base_pair_location"] + shift), others],
        ignore_index=True,
    )


@pytest.fixture(scope="module")
def shipped():
    nav = pd.DataFrame(
        {"rsid": ["rs6801957"], "chromosome": ["3"], "base_pair_location": [38767315]}
    )
    return read_known_loci("GRCh37", nav)


def test_the_shipped_list_has_each_trait_once_per_250_kb_with_its_source(shipped):
    assert tuple(shipped)[: len(COLUMNS)] == COLUMNS
    assert len(shipped) > 400
    assert not shipped.duplicated(["trait", "chromosome", "base_pair_location"]).any()
    for _, rows in shipped.groupby(["trait", "chromosome"]):
        assert (np.diff(np.sort(rows["base_pair_location"])) > 250_000).all()
    assert set(shipped["chromosome"]) <= {str(number) for number in range(1, 23)}
    assert shipped["gene"].ne("").all()
    assert shipped["rsid"].str.fullmatch(r"(rs\d+)?").all()


@pytest.mark.parametrize(
    ("trait", "gene", "chromosome", "megabase"),
    [
        ("PR interval", "SCN10A", "3", 38.7),
        ("QT interval", "NOS1AP", "1", 162.0),
        ("QT interval", "KCNQ1", "11", 2.5),
        ("QRS duration", "CDKN1A", "6", 36.6),
        ("heart rate", "MYH6", "14", 23.9),
        ("QRS morphology", "SCN10A", "3", 38.7),
    ],
)
def test_the_textbook_loci_are_in_the_shipped_list(shipped, trait, gene, chromosome, megabase):
    rows = shipped[(shipped["trait"] == trait) & (shipped["chromosome"] == chromosome)]
    rows = rows[(rows["base_pair_location"] - megabase * 1e6).abs() < 1e6]
    assert rows["gene"].str.split(",").map(lambda genes: gene in genes).any()


def test_the_shipped_list_is_used_where_rsids_lie_at_its_places(shipped, capsys):
    assert read_known_loci("GRCh37", genotyped(shipped)).equals(shipped)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("variants", [FEW, FEW.iloc[:0]])
def test_genotypes_that_do_not_exist_get_no_known_loci_and_a_sentence(variants, capsys):
    assert read_known_loci("GRCh37", variants) is None
    assert "not marked: no rsid of the list is at its GRCh37 place" in capsys.readouterr().out


def test_genotypes_of_another_build_get_no_known_loci_and_a_sentence(shipped, capsys):
    assert read_known_loci("GRCh37", genotyped(shipped, shift=31_000)) is None
    assert "not marked: 0 of the" in capsys.readouterr().out


def test_none_marks_nothing(capsys):
    assert read_known_loci(None, FEW) is None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "text",
    [
        "CHR\tBP\tgene\n1\t10\tA\n22\t1,500\tB\n",
        "chromosome,base_pair_location,gene\n1,10,A\nchr22,1500,B\n",
        "#CHROM POS gene\n1 10 A\n22 1500 B\n",
    ],
)
def test_a_list_of_ones_own_may_be_spelled_as_usual(tmp_path, text):
    file = tmp_path / "known.tsv"
    file.write_text(text)
    known = read_known_loci(str(file), FEW)
    assert known["chromosome"].tolist() == ["1", "22"]
    assert known["base_pair_location"].tolist() == [10, 1500]
    assert known["gene"].tolist() == ["A", "B"]
    assert known["trait"].tolist() == known["rsid"].tolist() == ["", ""]


def test_a_list_of_ones_own_without_shared_rsids_is_taken_as_it_is(tmp_path):
    file = tmp_path / "known.tsv"
    file.write_text("rsid\tCHR\tBP\nrs7\t1\t10\n")
    assert len(read_known_loci(str(file), FEW)) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rsid\tBP\nrs1\t10\n", "lacks chromosome"),
        ("a\tb\nrs1\t10\n", "lacks chromosome and base_pair_location"),
        ("CHR\tBP\n1\tfar\n", "whole base-pair positions; got 'far'"),
        ("CHR\tBP\n1\t1.5\n", "whole base-pair positions; got '1.5'"),
        ("CHR\tBP\n1\t\n", "whole base-pair positions; got ''"),
        ("CHR\tBP\n", "must list at least one locus"),
        ("", "must be a text table"),
        ("rsid\tCHR\tBP\nrs1\t1\t11\n", "genome build of the genotypes; got 0 of 1"),
    ],
)
def test_bad_lists_end_in_one_sentence(tmp_path, text, sentence):
    file = tmp_path / "known.tsv"
    file.write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_known_loci(str(file), FEW)


def test_a_list_that_is_not_there_or_no_text_is_named(tmp_path):
    with pytest.raises(InputError, match="must be GRCh37"):
        read_known_loci("nowhere.tsv", FEW)
    file = tmp_path / "known.tsv"
    file.write_bytes(bytes(range(128, 256)))
    with pytest.raises(InputError, match="must be a text table"):
        read_known_loci(str(file), FEW)
