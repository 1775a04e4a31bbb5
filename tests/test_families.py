"""An unrelated set of people, as large as can be found."""

import itertools

import numpy as np
import pandas as pd
import pytest

from ecgae.errors import InputError
from ecgae.people.families import read_families, read_pairs, unrelated


def pairs_of(*links, kinship=0.25):
    return pd.DataFrame(
        [(one, other, kinship) for one, other in links], columns=["one", "other", "kinship"]
    )


def staying(people, pairs, max_kinship=0.0442):
    people = np.array(list(people))
    return "".join(people[unrelated(people, pairs, max_kinship)])


def largest(people: int, links) -> int:
    """The size of the largest set of which no two are linked, by trying all sets."""
    for size in range(people, 0, -1):
        for chosen in itertools.combinations(range(people), size):
            if not any(one in chosen and other in chosen for one, other in links):
                return size
    return 0


def families(seed: int) -> list[tuple[int, int]]:
    """Links among 10 people as pedigrees make them: sibships, and a parent of some of them."""
    random = np.random.default_rng(seed)
    family = random.integers(0, 4, 10)
    return [
        (one, other)
        for one, other in itertools.combinations(range(10), 2)
        if (family[one] == family[other] and random.random() < 0.7) or random.random() < 0.03
    ]


def test_no_two_who_stay_are_related_and_nobody_more_could_stay():
    letters = "abcdefghij"
    found = best = 0
    for seed in range(60):
        links = families(seed)
        stays = staying(
            letters, pairs_of(*((letters[one], letters[other]) for one, other in links))
        )
        chosen = {letters.index(letter) for letter in stays}
        assert not any({one, other} <= chosen for one, other in links)
        for person in set(range(10)) - chosen:
            assert any(person in link and chosen & set(link) for link in links), (
                "who goes has a relative who stays"
            )
        assert len(stays) >= largest(10, links) - 1
        found, best = found + len(stays), best + largest(10, links)
    assert found >= 0.99 * best


def test_who_has_most_relatives_goes_and_of_equals_the_last():
    assert staying("abcd", pairs_of("ab", "ac", "ad")) == "bcd"
    assert staying("abcd", pairs_of("dc", "ab")) == "ac"


def test_neither_the_order_of_people_nor_that_of_pairs_matters():
    links = ["ab", "bc", "cd", "de", "ea", "af", "gh"]
    expected = set(staying("abcdefgh", pairs_of(*links)))
    random = np.random.default_rng(0)
    for _ in range(10):
        shuffled = pairs_of(
            *("".join(random.permutation(list(link))) for link in random.permutation(links))
        )
        assert set(staying(random.permutation(list("abcdefgh")), shuffled)) == expected


def test_only_pairs_above_the_limit_among_those_given_count():
    pairs = pd.concat(
        [pairs_of("ab", kinship=0.0442), pairs_of("cd", kinship=0.05), pairs_of("dx", "dy", "ee")]
    )
    assert staying("abcde", pairs) == "abce"
    assert staying("abcde", pairs, 0.05) == "abcde"


def test_a_hundred_thousand_pairs_are_sorted_out():
    random = np.random.default_rng(0)
    people = np.array([f"{number:06d}" for number in range(150_000)])
    one, other = random.integers(0, 150_000, (2, 100_000))
    pairs = pd.DataFrame({"one": people[one], "other": people[other], "kinship": 0.1})
    stays = unrelated(people, pairs, 0.0442)
    assert not (stays[one] & stays[other] & (one != other)).any()
    assert 70_000 < stays.sum() < 110_000


@pytest.mark.parametrize(
    "text",
    [
        "ID1 ID2 HetHet IBS0 Kinship\n001 002 0.1 0.0 0.25\n",
        "FID1\tID1\tFID2\tID2\tN_SNP\tHetHet\tIBS0\tKinship\n1\t001\t1\t002\t9\t0.1\t0\t0.25\n",
        "#IID1\tIID2\tNSNP\tHETHET\tIBS0\tKINSHIP\n001\t002\t9\t0.1\t0\t0.25\n",
        "#FID1\tIID1\tFID2\tIID2\tKINSHIP\n1\t001\t1\t002\t0.25\n",
        "ID1,ID2,Kinship\n001,002,0.25\n",
    ],
    ids=["UK Biobank", "KING", "PLINK 2", "PLINK 2 with families", "commas"],
)
def test_every_program_s_table_is_read_alike(tmp_path, text):
    (tmp_path / "kin").write_text(text)
    pairs = read_pairs(str(tmp_path / "kin"))
    assert pairs.to_numpy().tolist() == [["001", "002", 0.25]]
    assert read_families(str(tmp_path / "kin")) == {"001": "001", "002": "001"}


def test_a_pair_without_a_second_id_is_refused(tmp_path):
    (tmp_path / "kin").write_text("ID1,ID2,Kinship\n1,,0.2\n")
    with pytest.raises(InputError, match="relatives must have two ids in every row"):
        read_pairs(str(tmp_path / "kin"))
