"""From a table of people to the columns of numbers that an association is adjusted for."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgae.errors import InputError
from ecgae.people.adjustment import Adjustment
from ecgae.people.covariate_table import Covariates
from ecgae.people.covariates import design_matrix, read_covariates
from ecgae.statistics.collinearity import independent

PEOPLE = np.array([f"p{i}" for i in range(8)])
AGE = [40.0, 52, 61, 47, 55, 66, 43, 58]
SEX = [0.0, 1, 1, 0, 1, 0, 0, 1]


def table(**columns):
    frame = pd.DataFrame(columns, index=pd.Index(PEOPLE, name="sample_id"))
    return Covariates(frame, "covariates.tsv")


class TestDesign:
    def test_numbers_stay_and_labels_become_indicators_against_the_most_frequent(self):
        centre = [3, 1, 3, 2, 3, 1, 2, 1.0]
        design = design_matrix(table(age=AGE, centre=centre), PEOPLE, categorical=["centre"])
        assert design.names == ["age", "centre=2", "centre=3"], (
            "1 and 3 are as frequent: the first is the reference"
        )
        expected = np.column_stack([AGE, np.equal(centre, 2), np.equal(centre, 3)])
        np.testing.assert_array_equal(design.matrix, expected)
        assert not design.account

    def test_labels_may_be_text_and_a_level_may_have_one_person(self):
        design = design_matrix(table(site=list("ABBBCABB")), PEOPLE, categorical=["site"])
        assert design.names == ["site=A", "site=C"]
        assert design.matrix.sum(axis=0).tolist() == [2, 1]

    def test_a_table_may_say_itself_what_is_a_label(self):
        centres = table(centre=[3, 1, 3, 2, 3, 1, 2, 3.0])
        labelled = replace(centres, categorical=("centre",))
        assert design_matrix(labelled, PEOPLE).names == ["centre=1", "centre=2"]

    def test_rows_follow_the_people_asked_for(self):
        some = np.array(["p5", "p0", "p3", "p7", "p1"])
        assert design_matrix(table(age=AGE), some).matrix[:, 0].tolist() == [66, 40, 47, 58, 52]

    def test_the_visit_chooses_the_row_and_is_no_covariate(self):
        second = table(visit=[2] * 8, age=AGE)
        third = table(visit=[3] * 8, age=[age + 3 for age in AGE])
        both = replace(second, table=pd.concat([second.table, third.table]))
        visits = np.array([2, 3, 2, 3, 2, 3, 2, 3])
        design = design_matrix(both, PEOPLE, visits)
        assert design.names == ["age"]
        np.testing.assert_array_equal(design.matrix[:, 0], AGE + np.array([0, 3] * 4))
        with pytest.raises(
            InputError, match="one row per individual where the phenotypes have no visit"
        ):
            design_matrix(both, PEOPLE)

    @pytest.mark.parametrize(
        ("columns", "categorical", "kept", "report"),
        [
            (
                {"age": AGE, "one": [0.1] * 8},
                [],
                ["age"],
                "one of covariates.tsv is not used: all 8 have 0.1",
            ),
            (
                {"age": AGE, "site": ["A"] * 8},
                ["site"],
                ["age"],
                "site=A of covariates.tsv is not used: all 8 have 1",
            ),
            (
                {"age": AGE, "months": np.multiply(AGE, 12) + 5},
                [],
                ["age"],
                "months .* it follows from age$",
            ),
            (
                {"a": [1.0, 0] * 4, "site": list("ABABABAB")},
                ["site"],
                ["a"],
                "site=B .* it follows from a$",
            ),
            (
                {"age": AGE, "sex": SEX, "sum": np.add(AGE, SEX), "one": [3.0] * 8},
                [],
                ["age", "sex"],
                "sum .* it follows from age, sex$",
            ),
        ],
    )
    def test_what_is_constant_or_follows_is_not_used_and_reported(
        self, columns, categorical, kept, report
    ):
        design = design_matrix(table(**columns), PEOPLE, categorical=categorical)
        assert design.names == kept
        assert design.matrix.shape == (8, len(kept))
        assert pd.Series(design.account).str.contains(report).sum() == 1

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
            (
                {"age": AGE},
                ["centre"],
                "categorical must name columns of covariates.tsv; got centre. There are age",
            ),
            (
                dict(zip("abcdef", np.eye(8)[:6], strict=True)),
                [],
                "6 covariates, .* at least 9; got 8",
            ),
        ],
    )
    def test_bad_covariates_are_met_with_a_sentence(self, columns, categorical, sentence):
        with pytest.raises(InputError, match=sentence):
            design_matrix(table(**columns), PEOPLE, categorical=categorical)

    def test_a_person_without_covariates_is_named(self):
        with pytest.raises(
            InputError, match=r"1 of 9 individuals have no row in covariates.tsv, e\.g\. q"
        ):
            design_matrix(table(age=AGE), np.array([*PEOPLE, "q"]))


class TestTerms:
    def test_products_are_of_centred_columns(self):
        design = design_matrix(
            table(age=AGE, sex=SEX),
            PEOPLE,
            adjustment=Adjustment(terms=["age^2", "age * sex", "age^2*sex"]),
        )
        assert design.names == ["age", "sex", "age^2", "age*sex", "age^2*sex"]
        age, sex = AGE - np.mean(AGE), SEX - np.mean(SEX)
        expected = np.column_stack([AGE, SEX, age**2, age * sex, age**2 * sex])
        np.testing.assert_allclose(design.matrix, expected, rtol=1e-12)

    def test_a_square_is_not_nearly_the_column_again(self):
        age = np.random.default_rng(0).normal(65, 8, 8)
        matrix = design_matrix(
            table(age=age), PEOPLE, adjustment=Adjustment(terms=["age^2"])
        ).matrix
        assert abs(np.corrcoef(age, age**2)[0, 1]) > 0.99 > abs(np.corrcoef(matrix.T)[0, 1])

    def test_a_label_is_multiplied_level_by_level(self):
        site = list("ABBBCABC")
        terms = Adjustment(terms=["age*site"])
        design = design_matrix(
            table(age=AGE, site=site), PEOPLE, categorical=["site"], adjustment=terms
        )
        assert design.names == ["age", "site=A", "site=C", "age*site=A", "age*site=C"]
        product = (AGE - np.mean(AGE)) * (np.equal(site, "C") - 0.25)
        np.testing.assert_allclose(design.matrix[:, 4], product, rtol=1e-12)

    def test_the_square_of_a_label_of_two_values_follows_from_it(self):
        sex = [*SEX[:-1], 0]
        design = design_matrix(
            table(age=AGE, sex=sex), PEOPLE, adjustment=Adjustment(terms=["sex^2"])
        )
        assert design.names == ["age", "sex"]
        assert "sex^2 of covariates.tsv is not used: it follows from sex" in design.account[0]

    @pytest.mark.parametrize(
        ("terms", "sentence"),
        [
            (
                ["age^2", "bmi*age"],
                "must name covariates of covariates.tsv; got bmi in bmi.age. There are age, site",
            ),
            (["site^2"], "must not raise labels to a power; got site.2"),
            (["age^0"], "must be products of covariates such as .*; got 'age.0'"),
            (["age**2"], "must be products of covariates"),
            ([""], "must be products of covariates"),
            ("age", "must be a list of products; got 'age' alone"),
        ],
    )
    def test_bad_terms_are_met_with_a_sentence(self, terms, sentence):
        with pytest.raises(InputError, match=f"adjustment.terms {sentence}"):
            design_matrix(
                table(age=AGE, site=list("AABBAABB")),
                PEOPLE,
                categorical=["site"],
                adjustment=Adjustment(terms),
            )

    @pytest.mark.parametrize(
        ("given", "sentence"),
        [
            ({"genetic_pcs": -1}, "adjustment.genetic_pcs must be from 0 to 40; got -1"),
            ({"missing": "median"}, "adjustment.missing must be one of people, mean; got 'median'"),
        ],
    )
    def test_bad_numbers_fail_at_construction(self, given, sentence):
        with pytest.raises(InputError, match=sentence):
            Adjustment(**given)


class TestMissing:
    def test_the_mean_of_those_analysed_replaces_a_gap_and_a_missing_label_is_a_level(self):
        age, site = [np.nan, *AGE[1:]], [None, *"BBBCABB"]
        some = PEOPLE[:7]
        design = design_matrix(
            table(age=age, site=site),
            some,
            categorical=["site"],
            adjustment=Adjustment(missing="mean"),
        )
        assert design.names == ["age", "site=A", "site=C", "site=missing"]
        assert design.matrix[0, 0] == pytest.approx(np.mean(AGE[1:7])), "p7 is not analysed"
        assert design.matrix[:, 3].tolist() == [1] + [0] * 6
        assert list(design.account) == [
            "1 have no age in covariates.tsv: the mean of the others is used",
            "1 have no site in covariates.tsv: site=missing",
        ]

    def test_no_mean_is_made_of_nothing(self):
        with pytest.raises(
            InputError, match=r"age of covariates.tsv must be known for somebody .* right visit"
        ):
            design_matrix(table(age=[np.nan] * 8), PEOPLE, adjustment=Adjustment(missing="mean"))


class TestFlags:
    def read(self, tmp_path, text, where):
        (tmp_path / "c.tsv").write_text(text)
        return read_covariates(tmp_path / "c.tsv", where=where)

    def test_a_flag_is_no_covariate_and_its_gaps_cost_nobody(self, tmp_path, capsys):
        text = "IID age outlier white\na 1 NA 1\nb 2 1 1\nc 3 NA 0\nd 4 NA 1\n"
        read = self.read(tmp_path, text, ["outlier!=1", "white=1"])
        assert read.flags == ("outlier", "white")
        assert (
            "outlier, white of c.tsv says who is analysed and is no covariate"
            in capsys.readouterr().out
        )

    def test_a_condition_does_not_make_a_covariate_a_flag_while_it_varies(self, tmp_path):
        read = self.read(tmp_path, "IID age centre\na 1 1\nb 2 2\nc 3 3\n", ["centre!=3", "age>=1"])
        assert read.flags == ()

    def test_an_unknown_column_is_refused_when_the_table_is_read(self, tmp_path):
        with pytest.raises(
            InputError,
            match=r"individuals.where must name columns of c\.tsv; got bmi. There are age",
        ):
            self.read(tmp_path, "IID age\na 1\n", ["bmi<30"])


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(0, 4))
def test_as_many_columns_are_kept_as_the_design_has_ranks(seed, rank, more):
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(20, rank)) @ np.hstack(
        [np.eye(rank), random.normal(size=(rank, more))]
    )
    found = independent({f"c{i}": column * 10.0**i for i, column in enumerate(matrix.T)})
    assert found.names == [f"c{i}" for i in range(rank)], "the earlier ones are kept"
    assert len(found.reasons) == more
