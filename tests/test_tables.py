"""Tables as people really write them, and the sentence that a broken one is met with."""

import numpy as np
import pytest

from ecgae.errors import InputError
from ecgae.tables import read_phenotypes, read_table

PLAIN = "FID\tIID\ty\n001\t001\t1.5\n002\t002\tNA\n"


@pytest.fixture
def write(tmp_path):
    def write(content: str, encoding: str = "utf-8"):
        file = tmp_path / "y.tsv"
        file.write_bytes(content.encode(encoding))
        return file

    return write


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        "\ufeff" + PLAIN,
        PLAIN.replace("\t", ","),
        PLAIN.replace("\t", "  "),
        PLAIN + "\n\n",
        '"FID","IID","y"\n"001","001",1.5\n"002","002",NA\n',
        "#FID\tIID\ty\n001\t001\t1.5\n002\t002\t\n",
    ],
    ids=["tabs", "Windows", "byte order mark", "commas", "spaces", "blank lines", "quoted by R", "empty cell"],
)
def test_every_common_way_to_write_a_table_is_read_alike(write, content):
    phenotypes = read_phenotypes(write(content))
    assert phenotypes.sample_ids.tolist() == ["001", "002"]
    assert phenotypes.names == ["y"]
    assert phenotypes.values[0, 0] == 1.5
    assert np.isnan(phenotypes.values[1, 0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "FID\tIID\ty\n1\t1\n2\t2\t3\n",
            "must have 3 cells in every row, as it has names; row 2 has 2, and 1 rows differ",
        ),
        ("FID\tIID\ty\n1\t1\t2\t3\n", "row 2 has 4"),
        ("FID;IID;y\n1;1;2\n", "separate columns by tabs, commas or spaces"),
        ("", "must have a header line and at least one row"),
        ("IID\ty\n", "must have a header line and at least one row"),
        ("IID\ty\ty\n1\t2\t3\n", "must name each column once; y occurs"),
        ("IID\ty\n1\t2\n1\t3\n", "must have one row per individual; 1 have more than one, e.g. 1"),
        ("IID\ty\n1\tx\n", "Column y of y.tsv must hold finite numbers; got 'x' in 1 of 1 rows"),
    ],
)
def test_a_broken_table_is_met_with_one_sentence(write, content, message):
    with pytest.raises(InputError) as caught:
        read_phenotypes(write(content))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_stray_quote_does_not_swallow_rows_nor_echo_them(write):
    quote = {3: '"', 7: '"'}
    rows = "".join(f"{person}\t{person}\t{quote.get(person, '')}1.5\n" for person in range(1, 11))
    with pytest.raises(InputError) as caught:
        read_phenotypes(write("FID\tIID\ty\n" + rows))
    assert "in 2 of 10 rows" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_and_a_file_that_is_no_text_are_named(write, tmp_path):
    with pytest.raises(InputError, match="which is a folder"):
        read_table(tmp_path)
    with pytest.raises(InputError, match="must be a text file in UTF-8"):
        read_table(write(PLAIN.replace("y", "\xff"), "latin-1"))
