"""Who is trained on, who validates, who is held back, and how fast learning goes."""

import numpy as np
import pytest
from conftest import composed

from ecgae.entry import build
from ecgae.errors import InputError
from ecgae.families import read_families

PEOPLE = np.array([f"{number}" for number in range(200)])


def schedule(*overrides: str):
    return build(composed(*overrides).trainer)


def members(split: np.ndarray, part: str, people: np.ndarray = PEOPLE) -> set[str]:
    return set(people[split == part].tolist())


def test_all_signals_of_a_person_fall_on_the_same_side():
    rows = PEOPLE[:50].repeat(12)
    split = schedule("trainer.seed=3").split(rows)
    assert (split == "validation").sum() == 5 * 12
    assert all(len(set(split[rows == person])) == 1 for person in set(rows))


def test_who_validates_does_not_depend_on_the_order_of_the_rows_but_on_the_seed():
    order = np.random.default_rng(0).permutation(200)
    first, shuffled, other = (
        members(schedule(f"trainer.seed={seed}").split(people), "validation", people)
        for seed, people in ((1, PEOPLE), (1, PEOPLE[order]), (2, PEOPLE))
    )
    assert first == shuffled != other
    assert len(first) == 20


def test_who_is_held_back_is_the_same_for_every_seed_and_seen_by_neither_side():
    splits = [schedule("trainer.held_back_fraction=0.25", f"trainer.seed={seed}").split(PEOPLE) for seed in (1, 2)]
    held_back = [members(split, "held_back") for split in splits]
    assert held_back[0] == held_back[1]
    assert len(held_back[0]) == 50
    assert members(splits[0], "validation") != members(splits[1], "validation")
    assert not held_back[0] & (members(splits[0], "training") | members(splits[0], "validation"))
    assert len(members(splits[0], "validation")) == 15  # a tenth of those who are left


def test_families_stay_together_on_every_side(tmp_path):
    pairs = tmp_path / "relatives.dat"
    rows = [f"{one} {one + 1} 0.25" for one in range(0, 200, 3)] + [
        f"{one + 1} {one + 2} 0.06" for one in range(0, 198, 3)
    ]
    pairs.write_text("ID1 ID2 Kinship\n" + "\n".join(rows))
    families = read_families(str(pairs))
    assert families["2"] == families["1"] == families["0"] == "0"
    split = schedule("trainer.held_back_fraction=0.2").split(PEOPLE, families)
    for one in range(0, 198, 3):
        assert len({*split[one : one + 3]}) == 1
    assert {"training", "validation", "held_back"} == set(split)


def test_pairs_less_related_than_the_third_degree_are_no_family(tmp_path):
    pairs = tmp_path / "kin"
    pairs.write_text("FID1\tID1\tFID2\tID2\tKINSHIP\n1\ta\t1\tb\t0.05\n1\tc\t1\td\t0.04\n")
    assert read_families(str(pairs)) == {"a": "a", "b": "a"}
    assert read_families(None) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b\n1 2\n", "relatives must have the columns ID1 and ID2"),
        ("", "relatives must be a table of related pairs"),
        ("ID1 ID2 Kinship\n1 2 x\n", "Kinship must be a number"),
    ],
)
def test_a_bad_table_of_relatives_is_refused(tmp_path, text, message):
    (tmp_path / "relatives").write_text(text)
    with pytest.raises(InputError, match=message):
        read_families(str(tmp_path / "relatives"))
    with pytest.raises(InputError, match="does not exist"):
        read_families(str(tmp_path / "none"))


def test_somebody_is_left_to_train_on():
    with pytest.raises(InputError, match="at least 2 people"):
        schedule().split(np.array(["1", "1"]))
    two = schedule("trainer.validation_fraction=0.9").split(np.array(["1", "2"]))
    assert sorted(two) == ["training", "validation"]
    with pytest.raises(InputError, match="at least 2 people"):
        schedule().split(np.array(["1", "2", "3"]), dict.fromkeys("123", "1"))


def test_the_learning_rate_warms_up_and_then_falls_as_a_cosine():
    rate = schedule("trainer.warmup_epochs=2", "trainer.annealing=cosine", "trainer.max_epochs=12").rate
    assert rate(0.5) == pytest.approx(0.25e-3)
    assert rate(2) == pytest.approx(1e-3)
    assert rate(7) == pytest.approx(0.5e-3)
    assert rate(12) == pytest.approx(0, abs=1e-12)
    assert schedule("trainer.annealing=constant").rate(39) == 1e-3


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.max_epochs=0", "trainer.max_epochs must be at least 1"),
        ("trainer.learning_rate=0", "trainer.learning_rate must be positive"),
        ("trainer.plateau_factor=1", "trainer.plateau_factor must lie between 0 and 1"),
        ("trainer.validation_fraction=0", "trainer.validation_fraction must lie between 0 and 1"),
        ("trainer.held_back_fraction=0.95", "trainer.held_back_fraction must be at least 0 and leave somebody"),
        ("trainer.warmup_epochs=40", "trainer.warmup_epochs must lie between 0 and max_epochs"),
        ("trainer.gradient_clip=0", "trainer.gradient_clip must be positive or null"),
        ("trainer.annealing=linear", "trainer.annealing must be one of plateau, cosine, constant"),
        ("trainer.precision=16", "trainer.precision must be text"),
        ("trainer.precision=half", "trainer.precision must be one of float32, bf16"),
    ],
)
def test_bad_numbers_are_refused_with_a_sentence(override, message):
    with pytest.raises(InputError, match=message):
        schedule(override)
