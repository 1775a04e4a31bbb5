"""Laws that hold for every split, found by glob: a person's part depends on their family alone."""

import dataclasses
import inspect

import numpy as np
import pytest
from conftest import choices, composed
from hydra.utils import get_object

from ecgae.entry.build import build
from ecgae.people.split import CONFIRM, SELECT, TRAINING, Split

SPLITS = choices("split")
PEOPLE = np.array([f"{number:07d}" for number in range(300)])
FAMILIES = {person: PEOPLE[row - row % 3] for row, person in enumerate(PEOPLE[:150])}
"""Families of three among half of the people, named by their first member."""


@pytest.fixture(params=SPLITS)
def split(request) -> Split:
    return build(composed(f"split={request.param}").split)


def test_a_split_keeps_the_contract(split):
    assert isinstance(split, Split)
    assert dataclasses.is_dataclass(split)
    assert split.scored in ("select", "all")


@pytest.mark.parametrize("name", SPLITS)
def test_a_yaml_holds_every_number_of_its_split(name):
    numbers = dict(composed(f"split={name}").split)
    made_of = get_object(numbers.pop("_target_"))
    assert set(numbers) == set(inspect.signature(made_of).parameters)


def test_everybody_has_a_part_and_somebody_is_trained_on(split):
    parts = split(PEOPLE)
    assert parts.shape == PEOPLE.shape
    assert set(parts) <= {TRAINING, SELECT, CONFIRM}
    assert TRAINING in parts
    assert split.scored == "all" or SELECT in parts


def test_the_same_people_get_the_same_parts(split):
    again = dataclasses.replace(split)
    assert split(PEOPLE, FAMILIES).tolist() == again(PEOPLE, FAMILIES).tolist()


def test_relatives_are_on_one_side(split):
    parts = split(PEOPLE, FAMILIES)
    for first in range(0, 150, 3):
        assert len(set(parts[first : first + 3])) == 1


def test_all_recordings_of_a_person_are_on_one_side(split):
    parts = split(PEOPLE.repeat(4)).reshape(-1, 4)
    assert (parts == parts[:, :1]).all()


def test_a_part_depends_on_nobody_else_and_on_no_order(split):
    whole = split(PEOPLE, FAMILIES)
    order = np.random.default_rng(0).permutation(len(PEOPLE))[:100]
    assert split(PEOPLE[order], FAMILIES).tolist() == whole[order].tolist()
    alone = {person: family for person, family in FAMILIES.items() if person == PEOPLE[4]}
    assert split(PEOPLE[4:5], alone).tolist() == whole[4:5].tolist()


def test_somebody_without_a_family_is_their_own(split):
    assert split(PEOPLE[200:], FAMILIES).tolist() == split(PEOPLE[200:]).tolist()
