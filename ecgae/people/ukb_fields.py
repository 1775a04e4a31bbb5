"""UK Biobank's fields by the names that its converters give columns: 21003-2.0, f.21003.2.0,
21003_2_0, p21003_i2."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ecgae.errors import InputError

AGE, SEX, GENETIC_SEX, CENTRE, BATCH, GENETIC_PC = 21003, 31, 22001, 54, 22000, 22009
"""Age at the visit, reported and genetic sex, centre of the visit, genotyping batch, genetic
principal components (https://biobank.ndph.ox.ac.uk/showcase)."""

SPELLINGS = (
    r"(?:[xX]|f\.|[nsx]_|ts_)?(\d{2,5})[-._](\d+)[._](\d+)",  # also X21003.2.0 of R, n_21003_2_0 of Stata
    r".+_f(\d{2,5})_(\d+)_(\d+)",  # age_when_attended_assessment_centre_f21003_2_0 of ukbtools
    r"(?:participant\.)?p(\d{2,5})(?:_i(\d+))?(?:_a(\d+))?",  # the research analysis platform
)


class Field(NamedTuple):
    """What one column of a UK Biobank table holds."""

    number: int
    instance: int = 0
    """The visit: 0 recruitment, 1 first repeat, 2 imaging, 3 repeat imaging."""
    array: int = 0

    @property
    def of_the_person(self) -> bool:
        """Whether it is the same at all visits: sex, birth, and what was made of the genotypes."""
        return self.number in (31, 33, 34, 52) or 22000 <= self.number < 22300


def field_of(name: str) -> Field | None:
    """The field that a column's name means; None where it is another name.

    >>> field_of("f.21003.2.0") == field_of("p21003_i2") == Field(21003, instance=2)
    True
    >>> field_of("bmi") is None
    True
    """
    for spelling in SPELLINGS:
        match = re.fullmatch(spelling, name)
        if match:
            return Field(*(int(number or 0) for number in match.groups()))
    return None


def are_fields(names: Iterable[str]) -> bool:
    """Whether a table's columns are UK Biobank's fields: those that covariates are built from
    tell."""
    numbers = {field.number for field in map(field_of, names) if field}
    return bool(numbers & {AGE, SEX, GENETIC_SEX, CENTRE, BATCH, GENETIC_PC})


def by_field(names: Iterable[str], source: str) -> dict[Field, str]:
    """The column of each field. Raises `InputError` where two columns are the same one."""
    columns: dict[Field, str] = {}
    for name in names:
        field = field_of(name)
        if field in columns:
            raise InputError(
                f"{source} must have each field once; {columns[field]} and {name} are the same. Remove one."
            )
        if field:
            columns[field] = name
    return columns


def by_visit(columns: Mapping[Field, str], number: int) -> dict[int | None, str]:
    """The column of a field at each visit, or at None where it is of the person; {} where there is
    none."""
    there = {field: column for field, column in columns.items() if field.number == number}
    if len({field.array for field in there}) > 1:
        several = ", ".join(sorted(there.values())[:2])
        raise InputError(
            f"A field must have one column for each visit; {number} has {several}. Name one of them."
        )
    return {
        None if field.of_the_person else field.instance: column for field, column in there.items()
    }
