"""Who is trained on, who validates, who scores and confirms, and how fast learning goes."""

import numpy as np
import pytest
from conftest import composed

from ecgae.entry.build import build
from ecgae.errors import InputError
from ecgae.people.families import read_families

PEOPLE = np.array([f"{number}" for number in range(200)])


def schedule(*overrides: str):
    return build(composed(*overrides).trainer)


def parts_of(
    people: np.ndarray, *overrides: str, families: dict[str, str] | None = None
) -> np.ndarray:
    """Everybody's part, validation included."""
    config = composed(*overrides)
    return build(config.trainer).hold_out(build(config.split)(people, families), people, families)


def members(split: np.ndarray, part: str, people: np.ndarray = PEOPLE) -> set[str]:
    return set(people[split == part].tolist())


def test_all_signals_of_a_person_fall_on_the_same_side():
    rows = PEOPLE[:50].repeat(12)
    split = parts_of(rows, "trainer.seed=3", "split=all")
    assert (split == "validation").sum() == 5 * 12
    assert all(len(set(split[rows == person])) == 1 for person in set(rows))


def test_who_validates_does_not_depend_on_the_order_of_the_rows_but_on_the_seed():
    order = np.random.default_rng(0).permutation(200)
    first, shuffled, other = (
        members(parts_of(people, f"trainer.seed={seed}", "split=all"), "validation", people)
        for seed, people in ((1, PEOPLE), (1, PEOPLE[order]), (2, PEOPLE))
    )
    assert first == shuffled != other
    assert len(first) == 20


def test_a_split_deals_people_out_by_shares_and_another_seed_of_it_anew():
    many = np.array([f"{number}" for number in range(20_000)])
    for select, confirm in ((0.5, 0.25), (0.3, 0.6), (0.9, 0.0)):
        split = build(composed(f"split.select={select}", f"split.confirm={confirm}").split)(many)
        shares = [(split == part).mean() for part in ("select", "confirm", "training")]
        assert shares == pytest.approx(
            [select, confirm, 1 - select - confirm], abs=0.015
        )  # four standard errors
    other = build(composed("split.seed=1").split)(many)
    assert (other == build(composed().split)(many)).mean() == pytest.approx(
        0.375, abs=0.015
    )  # as by chance


def test_who_scores_and_confirms_is_the_same_for_every_seed_and_seen_by_no_training():
    splits = [parts_of(PEOPLE, f"trainer.seed={seed}") for seed in (1, 2)]
    for part in ("select", "confirm"):
        assert members(splits[0], part) == members(splits[1], part)
    assert members(splits[0], "validation") != members(splits[1], "validation")
    trained = members(splits[0], "training") | members(splits[0], "validation")
    assert len(members(splits[0], "validation")) == -(-len(trained) // 10)


def test_the_part_of_a_person_does_not_depend_on_who_else_is_there():
    split = build(composed().split)
    some = np.arange(200) % 3 != 0
    assert split(PEOPLE)[some].tolist() == split(PEOPLE[some]).tolist()


def test_split_all_leaves_nobody_to_score_or_confirm_alone():
    split = build(composed("split=all").split)
    assert set(split(PEOPLE)) == {"training"}
    assert split.scored == "all"
    assert build(composed().split).scored == "select"


def test_families_stay_together_on_every_side(tmp_path):
    pairs = tmp_path / "relatives.dat"
    rows = [f"{one} {one + 1} 0.25" for one in range(0, 200, 3)] + [
        f"{one + 1} {one + 2} 0.06" for one in range(0, 198, 3)
    ]
    pairs.write_text("ID1 ID2 Kinship\n" + "\n".join(rows))
    families = read_families(str(pairs))
    assert families["2"] == families["1"] == families["0"] == "0"
    split = parts_of(PEOPLE, families=families)
    for one in range(0, 198, 3):
        assert len({*split[one : one + 3]}) == 1
    assert {"training", "validation", "select", "confirm"} == set(split)


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
        parts_of(np.array(["1", "1"]), "split=all")
    two = parts_of(np.array(["1", "2"]), "split=all", "trainer.validation_fraction=0.9")
    assert sorted(two) == ["training", "validation"]
    with pytest.raises(InputError, match="at least 2 people"):
        parts_of(np.array(["1", "2", "3"]), "split=all", families=dict.fromkeys("123", "1"))
    with pytest.raises(InputError, match="at least 2 people"):
        parts_of(PEOPLE[:5], "split.select=0.98", "split.confirm=0.01")


def test_the_learning_rate_warms_up_and_then_falls_as_a_cosine():
    rate = schedule(
        "trainer.warmup_epochs=2", "trainer.annealing=cosine", "trainer.max_epochs=12"
    ).rate
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


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("split.select=0", "split.select must lie between 0 and 1"),
        ("split.select=1", "split=all scores everybody"),
        ("split.confirm=0.5", "split.confirm must be at least 0 and leave somebody to train on"),
        ("split.confirm=-0.1", "split.confirm must be at least 0"),
    ],
)
def test_bad_shares_are_refused_with_a_sentence(override, message):
    with pytest.raises(InputError, match=message):
        build(composed(override).split)
