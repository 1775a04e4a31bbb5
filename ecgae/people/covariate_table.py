"""A table of covariates, with what is known of its columns: which are flags, which are labels."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, eq=False)
class Covariates:
    """Covariates of people, one row per person, or per person and visit.

    >>> table = pd.DataFrame({"visit": [2], "age": [61.0], "white": [1.0]}, index=["p1"])
    >>> Covariates(table, flags=("white",)).names
    ['age']
    """

    table: pd.DataFrame
    """Indexed by `sample_id`, in the form of `tables.read_table`; a column `visit` where rows are
    visits."""
    source: str = "the covariates"
    """The name of the file, for messages."""
    flags: tuple[str, ...] = ()
    """Columns that only say who is analysed; they are no covariates."""
    categorical: tuple[str, ...] = ()
    """Columns that the table itself declares to be labels; the user may name others."""
    by_visit: bool = False
    """Whether a column `visit` makes every row a visit even where each person has one row, as in a
    table built from UK Biobank's fields."""

    @property
    def names(self) -> list[str]:
        """The columns that are covariates: neither the visit nor a flag."""
        return [str(name) for name in self.table if name != "visit" and name not in self.flags]

    @property
    def has_visits(self) -> bool:
        """Whether the table has a column `visit`."""
        return "visit" in self.table
