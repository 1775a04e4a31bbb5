"""Tables as people really write them, and the sentence that a broken one is met with."""

from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecgae.errors import InputError
from ecgae.people import tables
from ecgae.people.tables import column_names, read_phenotypes, read_table

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
    ids=[
        "tabs",
        "Windows",
        "byte order mark",
        "commas",
        "spaces",
        "blank lines",
        "quoted by R",
        "empty cell",
    ],
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


@pytest.mark.parametrize(
    "text",
    [
        "FID\tIID\ty1\ty2\n0\t007\t1.5\tNA\n0\t010\t-9\t2\n",
        "#FID IID   y1 y2\n0 007 1.5  nan\n0   010 -9 2\n",
        "IID,y1,y2\n007,1.5,\n010,-9,2\n",
        "#IID\ty1\ty2\r\n007\t1.5\tNA\r\n010\t-9\t2\r\n",
        "\ufeffsample_id,y1,y2\n007,1.5,NaN\n010,-9,2\n",
    ],
    ids=["tab", "spaces", "comma", "windows line ends", "byte order mark"],
)
def test_every_spelling_of_a_table_is_read_alike(write, text):
    phenotypes = read_phenotypes(write(text))
    assert phenotypes.sample_ids.tolist() == ["007", "010"], "ids are text"
    assert phenotypes.names == ["y1", "y2"]
    np.testing.assert_array_equal(
        phenotypes.values, [[1.5, np.nan], [-9, 2]], err_msg="-9 is a value"
    )
    assert phenotypes.visits is None
    assert phenotypes.source == "y.tsv"


def test_visit_is_a_key_and_text_stays_text(write):
    table = read_table(write("IID visit age centre\na 2 50 Leeds\na 3 53 NA\nb 2 61 Bury\n"))
    assert table.index.tolist() == ["a", "a", "b"]
    assert table["visit"].tolist() == [2, 3, 2]
    assert table["centre"].isna().tolist() == [False, True, False]


def test_an_id_called_na_is_an_id(write):
    assert read_phenotypes(write("IID y\nNA 1\nnan 2\n")).sample_ids.tolist() == ["NA", "nan"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("FID y\n1 2\n", r"y\.tsv must have one column of ids, IID, .* none of them"),
        ("IID y\na 1\nb 2\na 3\n", "one row per individual; 1 have more than one, e.g. a"),
        (
            "IID visit y\na 2 1\na 2 2\n",
            "one row per individual and visit; 1 have more than one, e.g. a",
        ),
        ("IID visit y\na 2 1\na x 2\n", "visit of .*y.tsv must hold whole numbers"),
        ("IID y y\na 1 2\n", "name each column once; y occurs"),
        ("IID y\na 1 2\nb 3 4\n", "must have 2 cells in every row, as it has names; row 2 has 3"),
        ("IID y\na 1\nb 1 2 3\n", "2 cells in every row"),
        ("IID,y\n,1\n", "an id in every row; 1 rows have none"),
        ("IID\na\n", "at least one phenotype"),
        ("IID y\n", "a header line and at least one row"),
        ("", "a header line and at least one row"),
        (
            "IID y1 y2\na 1 2\nb 2 tall\n",
            r"Column y2 of y\.tsv must hold finite numbers; got .tall. in 1 of 2",
        ),
        ("IID y1\na 1\nb inf\n", r"Column y1 of y\.tsv must hold finite numbers; got .inf."),
    ],
)
def test_bad_tables_are_met_with_a_sentence(write, text, sentence):
    with pytest.raises(InputError, match=sentence):
        read_phenotypes(write(text))


def test_a_missing_or_binary_file_is_met_with_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"must be a file; got .*none\.tsv"):
        read_table(tmp_path / "none.tsv")
    (tmp_path / "x.bed").write_bytes(b"\x6c\x1b\x01\xff\xfe\n\xff")
    with pytest.raises(InputError, match="text file in UTF-8"):
        read_table(tmp_path / "x.bed")


def test_only_the_columns_wanted_are_kept_and_the_names_are_read_alone(write):
    file = write("eid,31-0.0,21003-2.0\n01,1,60\n02,0,61\n")
    assert column_names(file) == ["eid", "31-0.0", "21003-2.0"]
    table = read_table(file, {"21003-2.0"}.__contains__)
    assert list(table) == ["21003-2.0"]
    assert table.index.tolist() == ["01", "02"]


@pytest.mark.parametrize("name", ["eid", "f.eid", "n_eid", "participant.eid"])
def test_every_name_of_uk_biobanks_id_is_known(write, name):
    assert read_table(write(f"{name},x\n007,1\n")).index.tolist() == ["007"]


CELLS = [
    "1",
    "-2.5",
    "1e-3",
    "NA",
    "nan",
    "",
    "x",
    " 3 ",
    "+4",
    "1e400",
    "true",
    "2020-01-01",
    "007",
    "a b",
]
CELL = st.sampled_from(CELLS)


@given(
    cells=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=4),
    ids=st.lists(st.sampled_from(["1", "01", "x1", " 7"]), min_size=4, max_size=4, unique=True),
    delimiter=st.sampled_from(["\t", ","]),
    end=st.sampled_from(["\n", "\r\n"]),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_plain_table_is_read_as_it_is_cell_by_cell(tmp_path, cells, ids, delimiter, end):
    lines = [delimiter.join(("IID", "y", "z", "w"))]
    lines += [delimiter.join((sample_id, *row)) for sample_id, row in zip(ids, cells, strict=False)]
    (tmp_path / "t").write_text(end.join(lines) + end, newline="")
    found = tables.read_table(tmp_path / "t")
    with mock.patch.object(tables, "_read_plain", return_value=None):
        expected = tables.read_table(tmp_path / "t")
    assert found.index.tolist() == expected.index.tolist()
    for name in expected:
        one, other = found[name], expected[name]
        assert pd.api.types.is_numeric_dtype(one) == pd.api.types.is_numeric_dtype(other)
        assert one.isna().tolist() == other.isna().tolist()
        assert one.dropna().tolist() == other.dropna().tolist()
