"""Covariates from UK Biobank's own columns, in every spelling, for the visit of the ECG and no
other."""

import time

import numpy as np
import pandas as pd
import pytest

from ecgae.errors import InputError
from ecgae.people.adjustment import Adjustment
from ecgae.people.covariate_table import Covariates
from ecgae.people.covariates import covariate_rows, design_matrix, read_covariates
from ecgae.people.ukb_fields import Field, field_of
from ecgae.scoring.join import known_of

SPELLINGS = {
    "showcase": ("eid", "{field}-{instance}.{array}"),
    "R": ("f.eid", "f.{field}.{instance}.{array}"),
    "underscores": ("eid", "{field}_{instance}_{array}"),
    "Stata": ("n_eid", "n_{field}_{instance}_{array}"),
    "ukbtools": ("eid", "some_words_f{field}_{instance}_{array}"),
}
TWO_PCS = Adjustment(genetic_pcs=2)


def wide() -> dict[Field, list[str]]:
    """Four people: 03 has no repeat imaging, 04's reported sex differs, 02 has no genetic sex."""
    return {
        Field(31): ["0", "1", "1", "1"],
        Field(22001): ["0", "", "1", "0"],
        Field(21003, 0): ["50", "51", "52", "53"],
        Field(21003, 2): ["60", "61", "62", "63"],
        Field(21003, 3): ["64", "65", "", "67"],
        Field(54, 0): ["11001", "11002", "11001", "11002"],
        Field(54, 2): ["11025", "11026", "11025", "11027"],
        Field(54, 3): ["11025", "11025", "", "11025"],
        Field(22000): ["-5", "22", "11", "2000"],
        Field(22009, 0, 1): ["0.1", "0.2", "0.3", "0.4"],
        Field(22009, 0, 2): ["-1", "-2", "-3", "-4"],
        Field(22009, 0, 3): ["9", "9", "9", "9"],
        Field(22006): ["1", "", "1", "1"],
        Field(22027): ["", "", "1", ""],
        Field(50, 0): ["170", "180", "190", "160"],
        Field(50, 2): ["169", "179", "189", "159"],
    }


def write(path, columns: dict[Field, list[str]], spelling: str = "showcase"):
    if spelling == "platform":
        name = "participant.eid"
        names = [
            f"participant.p{field.number}"
            + (f"_i{field.instance}" if not field.of_the_person else "")
            + (f"_a{field.array}" if field.array else "")
            for field in columns
        ]
    else:
        name, form = SPELLINGS[spelling]
        names = [
            form.format(field=field.number, instance=field.instance, array=field.array)
            for field in columns
        ]
    cells = dict(zip(names, columns.values(), strict=True))
    pd.DataFrame({name: ["01", "02", "03", "04"]} | cells).to_csv(path / "ukb.csv", index=False)
    return path / "ukb.csv"


@pytest.mark.parametrize("spelling", [*SPELLINGS, "platform"])
def test_every_spelling_of_the_fields_gives_the_same_covariates(tmp_path, spelling, capsys):
    covariates = read_covariates(write(tmp_path, wide(), spelling), TWO_PCS)
    table = covariates.table
    assert list(table) == [
        *(
            "visit",
            "age",
            "sex",
            "centre",
            "array",
            "genetic_pc_1",
            "genetic_pc_2",
            "reported_sex_differs",
        )
    ]
    assert table.index.tolist() == ["01", "02", "03", "04"] * 3
    assert table["visit"].tolist() == [0] * 4 + [2] * 4 + [3] * 4
    imaging = table[table["visit"] == 2]
    assert imaging["age"].tolist() == [60, 61, 62, 63]
    assert imaging["centre"].tolist() == [11025, 11026, 11025, 11027]
    assert imaging["sex"].tolist() == [0, 1, 1, 0], "02 has a reported sex only"
    assert imaging["array"].tolist() == [0, 1, 1, 1]
    assert imaging["genetic_pc_2"].tolist() == [-1, -2, -3, -4]
    assert imaging["reported_sex_differs"].tolist() == [False, False, False, True]
    assert covariates.categorical == ("centre",)
    printed = capsys.readouterr().out
    assert (
        "built from ukb.csv, visits 0, 2, 3: age (21003), sex (22001, else 31), centre (54), array (22000), "
        in printed
    )
    assert "genetic_pc_1 to 2 (22009)" in printed
    assert "4 other columns of ukb.csv are not used: " in printed


def test_text_as_the_platform_exports_it_is_understood(tmp_path):
    columns = wide() | {
        Field(31): ["Female", "Male", "Male", "Male"],
        Field(22001): ["Female", "", "Male", "Female"],
        Field(54, 2): [
            "Cheadle (imaging)",
            "Reading (imaging)",
            "Cheadle (imaging)",
            "Newcastle (imaging)",
        ],
        Field(22000): ["UKBiLEVEAX_b5", "Batch_b022", "Batch_b011", "Batch_b001"],
    }
    table = read_covariates(write(tmp_path, columns, "platform"), TWO_PCS).table
    imaging = table[table["visit"] == 2]
    assert imaging["sex"].tolist() == [0, 1, 1, 0]
    assert imaging["array"].tolist() == [0, 1, 1, 1]
    names = [f"{number:02d}" for number in range(1, 5)]
    people = [f"{name}{copy}" for copy in "abc" for name in names]
    thrice = pd.concat([imaging] * 3).set_axis(people).rename_axis("sample_id")
    pairs = design_matrix(
        Covariates(thrice.assign(age=np.arange(12) ** 2.0), flags=("reported_sex_differs",)),
        np.array(people),
        np.full(12, 2),
        ["centre"],
    )
    assert pairs.names[2:4] == ["centre=Newcastle (imaging)", "centre=Reading (imaging)"]


def test_age_and_centre_of_another_visit_are_never_taken(tmp_path):
    covariates = read_covariates(write(tmp_path, wide()), TWO_PCS)
    table, rows = (
        covariates.table,
        covariate_rows(covariates, np.array(["03", "03"]), np.array([2, 3])),
    )
    assert table["age"].iloc[rows].tolist()[0] == 62
    assert table[["age", "centre"]].iloc[rows[1]].isna().all(), (
        "03 was not there at visit 3: missing, not filled"
    )
    recruitment = {field: cells for field, cells in wide().items() if field.instance == 0}
    only = read_covariates(write(tmp_path, recruitment), TWO_PCS)
    assert covariate_rows(only, np.array(["01"]), np.array([2])).tolist() == [-1]
    with pytest.raises(
        InputError,
        match=r"where the phenotypes have no visit; it has rows of visits. Add a visit column",
    ):
        covariate_rows(only, np.array(["01"]), None)


def test_what_is_the_same_at_all_visits_needs_no_visit(tmp_path):
    covariates = read_covariates(write(tmp_path, {Field(31): ["0", "1", "1", "0"]}))
    assert list(covariates.table) == ["sex", "reported_sex_differs"]
    assert covariates.names == ["sex"]
    assert covariate_rows(covariates, np.array(["02"]), None).tolist() == [1]


def test_conditions_name_fields_of_the_person_or_of_the_visit(tmp_path):
    where = ["22006=1", "22027!=1", "50<180", "50-0.0>=170", "age>=60"]
    covariates = read_covariates(write(tmp_path, wide()), TWO_PCS, where)
    table = covariates.table
    assert covariates.flags == ("22006", "22027", "50", "50-0.0", "reported_sex_differs")
    assert covariates.names == [
        "age",
        "sex",
        "centre",
        "array",
        "genetic_pc_1",
        "genetic_pc_2",
    ]
    assert table["50"].tolist()[4:8] == [169, 179, 189, 159]
    assert table["50"].isna().tolist()[8:] == [True] * 4, "height was not taken at visit 3"
    assert table["50-0.0"].tolist() == [170, 180, 190, 160] * 3, (
        "that column was asked for by its own name"
    )


def test_a_table_without_sex_has_nobody_whose_sex_differs(tmp_path):
    ages = write(tmp_path, {Field(21003, 2): ["60", "61", "62", "63"]})
    assert read_covariates(ages).flags == ()


def test_a_term_makes_a_field_a_covariate(tmp_path):
    covariates = read_covariates(
        write(tmp_path, wide()), Adjustment(terms=["50^2", "age*sex"], genetic_pcs=0)
    )
    assert covariates.names == ["age", "sex", "centre", "array", "50"]


def test_known_ages_and_sexes_are_those_of_the_visit(tmp_path):
    covariates = read_covariates(write(tmp_path, wide()), TWO_PCS)
    known = known_of(
        covariates, ("age", "sex"), np.array(["01", "03", "nobody"]), np.array([3, 2, 2])
    )
    np.testing.assert_array_equal(known["age"], [64, 62, np.nan])
    np.testing.assert_array_equal(known["sex"], [0, 1, np.nan])


def test_a_table_with_own_names_is_used_as_it_is(tmp_path):
    (tmp_path / "c.tsv").write_text("IID visit age p1 p2 bmi_2_0\n007 2 60 0.1 0.2 25\n")
    table = read_covariates(tmp_path / "c.tsv").table
    assert list(table) == ["visit", "age", "p1", "p2", "bmi_2_0"]


@pytest.mark.parametrize(
    ("change", "given", "sentence"),
    [
        ({Field(22009, 0, 2): None}, {"adjustment": Adjustment(genetic_pcs=3)}, r"lacks number 2. .*genetic_pcs=1"),
        ({Field(31): ["0", "1", "2", "1"]}, {}, r"31-0\.0 must hold 0 and 1, or Female and Male; got 2.* in 1 rows"),
        ({Field(31): ["Female", "Male", "x", "Male"]}, {}, r"31-0\.0 must hold .*; got x in 1 rows"),
        ({Field(22000): ["a", "b", "c", ""]}, {}, r"22000-0\.0 must hold genotyping batches, .* got a in 3 rows"),
        ({}, {"where": ["22019!=1"]}, "must name fields or columns of ukb.csv, .*; got 22019. Is it among the columns"),
        ({}, {"where": ["22009>0"]}, "one column for each visit; 22009 has 22009-0.1, 22009-0.2. Name one"),
        ({}, {"adjustment": Adjustment(terms=["bmi^2"])}, "must name fields or columns of ukb.csv, .*; got bmi"),
        (dict.fromkeys([Field(21003, visit) for visit in (0, 2, 3)]), {"where": ["age>40"]}, "got age. There are"),
    ],
)  # fmt: skip
def test_bad_tables_and_wishes_are_met_with_a_sentence(tmp_path, change, given, sentence):
    columns = {field: cells for field, cells in (wide() | change).items() if cells is not None}
    with pytest.raises(InputError, match=sentence):
        read_covariates(write(tmp_path, columns), **({"adjustment": TWO_PCS} | given))


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("eid,visit,21003-2.0", "either a column visit or UK Biobank's instances; it has both"),
        ("eid,21003-2.0,p21003_i2", "each field once; 21003-2.0 and p21003_i2 are the same"),
    ],
)
def test_contradictory_columns_are_refused(tmp_path, header, sentence):
    (tmp_path / "ukb.csv").write_text(f"{header}\n01,2,60\n")
    with pytest.raises(InputError, match=sentence):
        read_covariates(tmp_path / "ukb.csv")


@pytest.mark.parametrize(
    "name", ["PC1", "p1", "age", "sex_f", "IID", "1-2.3", "p12345678", "bmi_2_0"]
)
def test_names_that_are_no_fields_are_none(name):
    assert field_of(name) is None


def test_a_table_of_a_large_cohort_is_read_in_seconds(tmp_path):
    people = 20_000
    random = np.random.default_rng(0)
    fields = [f"21003-{visit}.0" for visit in range(4)] + [f"54-{visit}.0" for visit in range(4)]
    fields += ["31-0.0", "22001-0.0", "22000-0.0"] + [
        f"22009-0.{number}" for number in range(1, 41)
    ]
    values = random.integers(0, 2, (people, len(fields)))
    pd.DataFrame(values, columns=fields).rename_axis("eid").to_csv(tmp_path / "ukb.csv")
    started = time.process_time()
    table = read_covariates(tmp_path / "ukb.csv").table
    assert time.process_time() - started < 50
    assert len(table) == 4 * people
