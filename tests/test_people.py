"""Who is analysed: joined by id, less those whom lists, conditions and relatives leave out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import reference

from ecgae.errors import InputError
from ecgae.genetics.genotypes import Genotypes
from ecgae.people.conditions import Condition
from ecgae.people.covariate_table import Covariates
from ecgae.people.covariates import read_covariates
from ecgae.people.ids import other_spelling, read_ids
from ecgae.people.individuals import Individuals
from ecgae.people.tables import Phenotypes
from ecgae.scoring.join import join

PEOPLE = np.array([f"p{i}" for i in range(8)])
AGE = [40.0, 52, 61, 47, 55, 66, 43, 58]


def table(**columns):
    frame = pd.DataFrame(columns, index=pd.Index(PEOPLE, name="sample_id"))
    return Covariates(frame, "covariates.tsv")


@pytest.fixture
def genotypes(tmp_path):
    dosage = reference.random_dosage(np.random.default_rng(1), 8, 3)
    return Genotypes.open(
        reference.write_genotypes(tmp_path / "x", dosage, sample_ids=reversed(PEOPLE))
    )


@pytest.fixture
def write(tmp_path):
    def write(text, name="list.txt", encoding="utf-8"):
        (tmp_path / name).write_bytes(text.encode(encoding))
        return str(tmp_path / name)

    return write


def phenotypes(*sample_ids, visits=None):
    values = np.arange(len(sample_ids), dtype=float)[:, None]
    return Phenotypes(np.array(sample_ids, dtype=str), visits, ["y"], values, "latents.h5")


class TestJoin:
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
            (
                ["p1", "q", "r"],
                AGE,
                r"2 of 3 individuals in latents.h5 have no genotypes in x\.fam, e\.g\. q",
            ),
            (
                ["p1", "p2"],
                [40, 50, np.nan, *AGE[3:]],
                r"1 of 2 .* missing value in covariates.tsv \(age\), e.g. p2",
            ),
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

    def test_a_missing_value_that_is_filled_costs_nobody(self, genotypes):
        covariates = table(age=[40, 50, np.nan, *AGE[3:]])
        assert (
            len(join(phenotypes("p1", "p2"), genotypes, covariates, missing="mean").sample_ids) == 2
        )

    def test_a_person_without_a_row_of_covariates_is_refused(self, genotypes):
        everybody = table(age=AGE)
        but_p0 = replace(everybody, table=everybody.table.drop(index="p0"))
        with pytest.raises(InputError, match=r"1 of 2 .* have no row in covariates.tsv, e\.g\. p0"):
            join(phenotypes("p0", "p1"), genotypes, but_p0)

    @pytest.mark.parametrize("people", ["all", "shared"])
    def test_no_overlap_is_refused_either_way(self, genotypes, people):
        with pytest.raises(
            InputError,
            match=r"Somebody must occur everywhere, but of 2 .* 2 have no genotypes in x\.fam",
        ):
            join(phenotypes("q", "r"), genotypes, None, people)

    def test_two_visits_of_one_person_are_refused(self, genotypes):
        with pytest.raises(
            InputError,
            match=r"latents.h5 must have one row per individual; 1 have several, e\.g\. p1",
        ):
            join(phenotypes("p1", "p1", visits=np.array([2, 3])), genotypes)

    def test_an_unknown_policy_is_refused(self, genotypes):
        with pytest.raises(InputError, match="people must be one of all, shared; got 'some'"):
            join(phenotypes("p1"), genotypes, None, "some")


class TestSpelling:
    @pytest.mark.parametrize(
        ("ids", "difference"),
        [
            (
                ["p1_2_0", "p2_2_0"],
                "2 ids agree but for the part after the first _, e.g. p1_2_0 and p1",
            ),
            (["p1_p1", "zz"], r"1 ids agree but for a repetition \(FID_IID\), e.g. p1_p1 and p1"),
            (["00p1"], "1 ids agree but for leading zeros, e.g. 00p1 and p1"),
            (["p1.0"], "1 ids agree but for a decimal .0, e.g. p1.0 and p1"),
        ],
    )
    def test_ids_that_would_agree_are_shown_where_nobody_does(self, genotypes, ids, difference):
        with pytest.raises(InputError, match=f"{difference}. Write ids alike in all files"):
            join(phenotypes(*ids), genotypes)

    def test_a_spelling_of_the_covariates_is_found_too(self, genotypes):
        everybody = table(age=AGE)
        covariates = replace(everybody, table=everybody.table.rename(index=lambda name: f"0{name}"))
        with pytest.raises(
            InputError, match=r"8 ids agree but for leading zeros, e\.g\. p0 and 0p0"
        ):
            join(phenotypes(*PEOPLE), genotypes, covariates)

    def test_ids_that_do_not_agree_get_no_hint(self):
        assert other_spelling(["a", "b"], ["c"]) == ""
        assert other_spelling(["A_1", "A_2"], ["A_3"]) == "", "three people of one site"


class TestIndividuals:
    def test_everybody_is_counted_at_the_first_reason(self, genotypes, write):
        individuals = Individuals(
            withdrawn=write("p1\np2\nnobody\n", "w.csv"),
            remove=write("F p2\nF p3\n", "remove.txt"),
            keep=write("#IID\n" + "\n".join(PEOPLE[:7]) + "\n", "keep.txt"),
            where=["age>=45"],
        )
        joined = join(phenotypes(*PEOPLE, "q"), genotypes, table(age=AGE), "shared", individuals)
        assert joined.sample_ids.tolist() == ["p4", "p5"]
        assert joined.account == [
            "9 individuals in latents.h5, 8 in x.fam (0 of them without a phenotype)",
            "1 of 3 ids in w.csv are nobody's here",
            "2 left out: they withdrew consent",
            "1 left out: they are in remove.txt",
            "2 left out: they are not in keep.txt",
            "2 left out: they do not have age>=45",
            "2 analysed",
        ]

    def test_those_left_out_on_purpose_are_no_loss(self, genotypes, write):
        individuals = Individuals(remove=write("q\n"), where=["white=1"])
        covariates = table(age=[np.nan, *AGE[1:]], white=[0, *[1] * 7])
        joined = join(phenotypes("q", *PEOPLE), genotypes, covariates, "all", individuals)
        assert joined.sample_ids.tolist() == PEOPLE[1:].tolist()

    def test_nobody_is_lost_for_a_relative_who_is_not_analysed(self, genotypes, write):
        pairs = write(
            "ID1 ID2 Kinship\np0 p1 0.25\np1 p2 0.25\np3 p4 0.25\np5 p6 0.0442\n", "rel.dat"
        )
        covariates = table(age=[*AGE[:4], np.nan, *AGE[5:]])
        joined = join(
            phenotypes(*PEOPLE), genotypes, covariates, "shared", Individuals(relatives=pairs)
        )
        assert joined.sample_ids.tolist() == ["p0", "p2", "p3", "p5", "p6", "p7"], (
            "p4 has no age, so that p3 stays"
        )
        assert (
            joined.account[-2]
            == "1 left out: they have a relative who stays, kinship above 0.0442 in rel.dat"
        )

    def test_every_pair_counts_where_the_table_has_no_kinship(self, genotypes, write):
        individuals = Individuals(relatives=write("ID1 ID2\np0 p1\n", "rel.dat"))
        joined = join(phenotypes("p1", "p0"), genotypes, None, "all", individuals)
        assert joined.sample_ids.tolist() == ["p0"]
        assert (
            joined.account[1] == "1 left out: they have a relative who stays, every pair in rel.dat"
        )

    def test_nobody_left_says_why(self, genotypes, write):
        individuals = Individuals(keep=write("q\n"))
        with pytest.raises(
            InputError, match=r"Somebody must .* 2 individuals .* 2 are not in list\.txt\."
        ):
            join(phenotypes("p1", "p2"), genotypes, None, "all", individuals)

    def test_a_list_that_writes_ids_otherwise_is_no_list_of_nobody(self, genotypes, write):
        individuals = Individuals(withdrawn=write("00p1\n00p2\n"))
        with pytest.raises(
            InputError,
            match=r"withdrawn must write ids as .* names nobody: 2 ids agree but for leading",
        ):
            join(phenotypes("p1", "p2"), genotypes, None, "all", individuals)

    def test_the_reported_sex_must_be_the_genetic_one(self, genotypes, tmp_path):
        rows = [
            f"{person},{index % 2},{(index + (index == 3)) % 2}"
            for index, person in enumerate(PEOPLE)
        ]
        (tmp_path / "ukb.csv").write_text("eid,31-0.0,22001-0.0\n" + "\n".join(rows) + "\n")
        joined = join(phenotypes(*PEOPLE), genotypes, read_covariates(tmp_path / "ukb.csv"), "all")
        assert "p3" not in joined.sample_ids
        assert (
            joined.account[1] == "1 left out: they have a reported sex that is not the genetic one"
        )

    @pytest.mark.parametrize(
        ("given", "sentence"),
        [
            ({"max_kinship": 0.5}, r"individuals.max_kinship must be from 0 to below 0.5; got 0.5"),
            ({"max_kinship": float("nan")}, r"individuals.max_kinship must be .* got nan"),
            (
                {"where": ["22006"]},
                r"individuals.where must hold conditions such as '22006=1'.*; got '22006'",
            ),
            ({"where": ["age=>5"]}, "individuals.where must hold conditions"),
            ({"where": ["=1"]}, "individuals.where must hold conditions"),
            (
                {"where": "age=1"},
                "individuals.where must be a list of conditions; got 'age=1' alone",
            ),
        ],
    )
    def test_bad_settings_fail_at_construction(self, given, sentence):
        with pytest.raises(InputError, match=sentence):
            Individuals(**given)

    @pytest.mark.parametrize(
        ("name", "text", "sentence"),
        [
            (
                "withdrawn",
                "",
                "individuals.withdrawn must have an id in every line, .* it has none",
            ),
            ("keep", "#FID IID\n", "individuals.keep must have an id in every line"),
            (
                "remove",
                "1 p1\np2\n",
                "individuals.remove must have an id in every line, .* that of 1 lines is missing",
            ),
            ("relatives", "A B\n1 2\n", "relatives must have the columns ID1 and ID2"),
            ("relatives", "ID1 ID2 Kinship\n1 2 x\n", "Kinship must be a number in every row of"),
        ],
    )
    def test_files_that_cannot_be_used_are_known_before_anything_long(
        self, write, name, text, sentence
    ):
        with pytest.raises(InputError, match=sentence):
            Individuals(**{name: write(text)}).check(None)
        with pytest.raises(InputError, match=rf"{name} must be a .* got nowhere"):
            Individuals(**{name: "nowhere"}).check(None)

    def test_conditions_need_covariates(self):
        with pytest.raises(
            InputError,
            match=r"covariates must be named where individuals\.where asks for 22006=1; got",
        ):
            Individuals(where=["22006=1"]).check(None)
        with pytest.raises(
            InputError, match=r"must name columns of covariates.tsv; got 22006. There are age"
        ):
            Individuals(where=["22006=1"]).check(table(age=AGE))


@pytest.mark.parametrize(
    "text",
    [
        "007\n010\n",
        "007,\n010,\n",
        "eid\n007\n010\n",
        '"eid"\n"007"\n"010"\n',
        "0 007\n0 010\n",
        "0\t007\r\n0\t010\r\n",
        "#FID\tIID\n0\t007\n0\t010\n",
        "#IID SEX\n007 1\n010 2\n",
        "\ufeff007\n\n010\n007\n",
        "# withdrawn in 2024\n007\n010\n",
    ],
)
def test_every_common_list_of_ids_is_read_alike(write, text):
    assert read_ids(write(text)) == {"007", "010"}


def test_a_list_that_is_no_text_is_refused(write):
    with pytest.raises(InputError, match=r"list must be a list of ids; .* is not text in UTF-8"):
        read_ids(write("\xff", encoding="latin-1"))


class TestConditions:
    FRAME = pd.DataFrame(
        {"x": [1.0, 2.0, np.nan], "name": ["Leeds", None, "Bury (1)"], "empty": [np.nan] * 3}
    )

    @pytest.mark.parametrize(
        ("text", "holds"),
        [
            ("x=1", [1, 0, 0]),
            ("x == 1.0", [1, 0, 0]),
            ("x!=1", [0, 1, 1]),
            ("x<2", [1, 0, 0]),
            ("x<=2", [1, 1, 0]),
            ("x>1", [0, 1, 0]),
            (" x >= 1 ", [1, 1, 0]),
            ("x=NA", [0, 0, 1]),
            ("x!=NA", [1, 1, 0]),
            ("name=Bury (1)", [0, 0, 1]),
            ("name!=Leeds", [0, 1, 1]),
            ("empty!=Yes", [1, 1, 1]),
            ("empty=Yes", [0, 0, 0]),
        ],
    )
    def test_a_missing_value_equals_nothing(self, text, holds):
        assert Condition.parse(text).holds(self.FRAME).tolist() == [bool(value) for value in holds]

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("x=Leeds", "must compare numbers with a number; got x=Leeds"),
            ("name<5", "must compare text by = or !=; got name<5, and name is text"),
            ("y=1", "must name columns of the covariates; got y. There are x, name, empty"),
        ],
    )
    def test_what_cannot_be_compared_is_refused(self, text, sentence):
        with pytest.raises(InputError, match=f"individuals.where {sentence}"):
            Condition.parse(text).holds(self.FRAME)
