import numpy as np
import pandas as pd
import pytest
import reference

from ecgae.covariates import design_matrix
from ecgae.errors import InputError
from ecgae.genotypes import Genotypes
from ecgae.people import join
from ecgae.tables import Phenotypes, read_phenotypes, read_table


@pytest.fixture
def write(tmp_path):
    def write(text, name="table.tsv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


class TestTables:
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
    def test_every_spelling_of_a_table_is_read_alike(self, write, text):
        phenotypes = read_phenotypes(write(text))
        assert phenotypes.sample_ids.tolist() == ["007", "010"], "ids are text"
        assert phenotypes.names == ["y1", "y2"]
        np.testing.assert_array_equal(phenotypes.values, [[1.5, np.nan], [-9, 2]], err_msg="-9 is a value")
        assert phenotypes.visits is None
        assert phenotypes.source == "table.tsv"

    def test_visit_is_a_key_and_text_stays_text(self, write):
        table = read_table(write("IID visit age centre\na 2 50 Leeds\na 3 53 NA\nb 2 61 Bury\n"))
        assert table.index.tolist() == ["a", "a", "b"]
        assert table["visit"].tolist() == [2, 3, 2]
        assert table["centre"].isna().tolist() == [False, True, False]

    def test_an_id_called_na_is_an_id(self, write):
        assert read_phenotypes(write("IID y\nNA 1\nnan 2\n")).sample_ids.tolist() == ["NA", "nan"]

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("FID y\n1 2\n", r"table\.tsv must have one column of ids, IID, .* none of them"),
            ("IID y\na 1\nb 2\na 3\n", "one row per individual; 1 have more than one, e.g. a"),
            ("IID visit y\na 2 1\na 2 2\n", "one row per individual and visit; 1 have more than one, e.g. a"),
            ("IID visit y\na 2 1\na x 2\n", "visit of .*table.tsv must hold whole numbers"),
            ("IID y y\na 1 2\n", "name each column once; y occurs"),
            ("IID y\na 1 2\nb 3 4\n", "must have 2 cells in every row, as it has names; row 2 has 3"),
            ("IID y\na 1\nb 1 2 3\n", "2 cells in every row"),
            ("IID,y\n,1\n", "an id in every row; 1 rows have none"),
            ("IID\na\n", "at least one phenotype"),
            ("IID y\n", "a header line and at least one row"),
            ("", "a header line and at least one row"),
            ("IID y1 y2\na 1 2\nb 2 tall\n", r"Column y2 of table\.tsv must hold finite numbers; got .tall. in 1 of 2"),
            ("IID y1\na 1\nb inf\n", r"Column y1 of table\.tsv must hold finite numbers; got .inf."),
        ],
    )
    def test_bad_tables_are_met_with_a_sentence(self, write, text, sentence):
        with pytest.raises(InputError, match=sentence):
            read_phenotypes(write(text))

    def test_a_missing_or_binary_file_is_met_with_a_sentence(self, tmp_path):
        with pytest.raises(InputError, match=r"must be a file; got .*none\.tsv"):
            read_table(tmp_path / "none.tsv")
        (tmp_path / "x.bed").write_bytes(b"\x6c\x1b\x01\xff\xfe\n\xff")
        with pytest.raises(InputError, match="text file in UTF-8"):
            read_table(tmp_path / "x.bed")


PEOPLE = np.array([f"p{i}" for i in range(8)])


def table(**columns):
    frame = pd.DataFrame(columns, index=pd.Index(PEOPLE, name="sample_id"))
    frame.attrs["source"] = "covariates.tsv"
    return frame


AGE = [40.0, 52, 61, 47, 55, 66, 43, 58]


class TestDesign:
    def test_numbers_stay_and_labels_become_indicators_against_the_most_frequent(self):
        centre = [3, 1, 3, 2, 3, 1, 2, 1.0]
        design = design_matrix(table(age=AGE, centre=centre), PEOPLE, categorical=["centre"])
        assert design.names == ["age", "centre=2", "centre=3"], "1 and 3 are as frequent: the first is the reference"
        expected = np.column_stack([AGE, np.equal(centre, 2), np.equal(centre, 3)])
        np.testing.assert_array_equal(design.matrix, expected)

    def test_labels_may_be_text(self):
        design = design_matrix(table(site=list("ABBBCABB")), PEOPLE, categorical=["site"])
        assert design.names == ["site=A", "site=C"]

    def test_rows_follow_the_people_asked_for(self):
        some = np.array(["p5", "p0", "p3", "p7", "p1"])
        assert design_matrix(table(age=AGE), some).matrix[:, 0].tolist() == [66, 40, 47, 58, 52]

    def test_the_visit_chooses_the_row_and_is_no_covariate(self):
        both = pd.concat([table(visit=[2] * 8, age=AGE), table(visit=[3] * 8, age=[age + 3 for age in AGE])])
        visits = np.array([2, 3, 2, 3, 2, 3, 2, 3])
        design = design_matrix(both, PEOPLE, visits)
        assert design.names == ["age"]
        np.testing.assert_array_equal(design.matrix[:, 0], AGE + np.array([0, 3] * 4))
        with pytest.raises(InputError, match="one row per individual where the phenotypes have no visit"):
            design_matrix(both, PEOPLE)

    @pytest.mark.parametrize(
        ("columns", "categorical", "sentence"),
        [
            (
                {"age": [*AGE[:-1], "old"]},
                [],
                r"age of covariates.tsv must hold finite numbers; got .old. .* categorical",
            ),
            (
                {"age": [*AGE[:-1], np.nan]},
                [],
                r"age of covariates.tsv must be known .* 1 of 8 .* p7\. Set people=shared",
            ),
            ({"age": AGE, "one": [0.1] * 8}, [], r"Covariate one of covariates.tsv must vary; all 8 .* have 0\.1"),
            ({"site": ["A"] * 8}, ["site"], r"Covariate site of covariates.tsv must vary; all 8 .* have A"),
            ({"age": AGE, "months": np.multiply(AGE, 12) + 5}, [], "months .* linear combination of age"),
            ({"a": [1.0, 0] * 4, "site": list("ABABABAB")}, ["site"], "site=B .* linear combination of a"),
            ({"age": AGE}, ["centre"], "categorical must name columns of covariates.tsv; got centre. There are age"),
            (dict(zip("abcdef", np.eye(8)[:6], strict=True)), [], "6 covariates, .* at least 9; got 8"),
        ],
    )
    def test_bad_covariates_are_met_with_a_sentence(self, columns, categorical, sentence):
        with pytest.raises(InputError, match=sentence):
            design_matrix(table(**columns), PEOPLE, categorical=categorical)

    def test_a_person_without_covariates_is_named(self):
        with pytest.raises(InputError, match=r"1 of 9 individuals have no row in covariates.tsv, e\.g\. q"):
            design_matrix(table(age=AGE), np.array([*PEOPLE, "q"]))


@pytest.fixture
def genotypes(tmp_path):
    dosage = reference.random_dosage(np.random.default_rng(1), 8, 3)
    return Genotypes.open(reference.write_genotypes(tmp_path / "x", dosage, sample_ids=reversed(PEOPLE)))


def phenotypes(*sample_ids, visits=None):
    values = np.arange(len(sample_ids), dtype=float)[:, None]
    return Phenotypes(np.array(sample_ids), visits, ["y"], values, "latents.h5")


class TestPeople:
    def test_people_are_joined_by_id_in_the_order_of_the_phenotypes(self, genotypes):
        joined = join(phenotypes("p3", "p0"), genotypes, table(age=AGE))
        assert joined.sample_ids.tolist() == ["p3", "p0"]
        assert genotypes.sample_ids[joined.genotype_rows].tolist() == ["p3", "p0"]
        assert joined.account == [
            "2 individuals in latents.h5, 8 in x.fam (6 of them without a phenotype)",
            "2 analysed",
        ]

    @pytest.mark.parametrize(
        ("ids", "age", "lack"),
        [
            (["p1", "q", "r"], AGE, r"2 of 3 individuals in latents.h5 have no genotypes in x\.fam, e\.g\. q"),
            (["p1", "p2"], [40, 50, np.nan, *AGE[3:]], "1 of 2 .* have a missing value in covariates.tsv, e.g. p2"),
        ],
    )
    def test_people_who_lack_something_are_refused_or_counted(self, genotypes, ids, age, lack):
        with pytest.raises(InputError, match=lack + ". Set people=shared"):
            join(phenotypes(*ids), genotypes, table(age=age))
        joined = join(phenotypes(*ids), genotypes, table(age=age), "shared")
        assert joined.sample_ids.tolist() == ["p1"]
        assert joined.phenotype_rows.tolist() == [0]
        assert len(joined.account) == 3
        assert joined.account[1].startswith(f"{len(ids) - 1} left out: they have")

    def test_a_person_without_a_row_of_covariates_is_refused(self, genotypes):
        with pytest.raises(InputError, match=r"1 of 2 .* have no row in covariates.tsv, e\.g\. p0"):
            join(phenotypes("p0", "p1"), genotypes, table(age=AGE).drop(index="p0"))

    @pytest.mark.parametrize("people", ["all", "shared"])
    def test_no_overlap_is_refused_either_way(self, genotypes, people):
        with pytest.raises(
            InputError, match=r"Somebody must occur everywhere, but of 2 .* 2 have no genotypes in x\.fam"
        ):
            join(phenotypes("q", "r"), genotypes, None, people)

    def test_two_visits_of_one_person_are_refused(self, genotypes):
        with pytest.raises(InputError, match=r"latents.h5 must have one row per individual; 1 have several, e\.g\. p1"):
            join(phenotypes("p1", "p1", visits=np.array([2, 3])), genotypes)

    def test_an_unknown_policy_is_refused(self, genotypes):
        with pytest.raises(InputError, match="people must be one of all, shared; got 'some'"):
            join(phenotypes("p1"), genotypes, None, "some")
