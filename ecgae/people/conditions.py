"""Conditions on columns of a table of people, as a user writes them: "22006=1",
"missing_outlier!=1", "age>=40"."""

import operator
import re
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool

from ecgae.errors import InputError
from ecgae.people.tables import MISSING

ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Condition(NamedTuple):
    """What a column must say of a person."""

    column: str
    comparison: str
    value: str

    def __str__(self) -> str:
        return f"{self.column}{self.comparison}{self.value}"

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """A column, one of = == != < <= > >=, and a value; spaces around the sign do not count."""
        match = re.fullmatch(r"\s*([^=<>!]+?)\s*(==|!=|<=|>=|=|<|>)\s*([^=<>!]+?)\s*", text)
        if not match:
            raise InputError(
                "individuals.where must hold conditions such as '22006=1', 'missing_outlier!=1' or 'age>=40'; "
                f"got {text!r}."
            )
        return cls(*match.groups())

    def holds(
        self, table: pd.DataFrame, source: str = "the covariates"
    ) -> Bool[np.ndarray, " row"]:
        """The rows that meet the condition; `source` names the table in messages.

        A missing value equals NA alone, so that it meets `!=1`; it meets no < or >.

        >>> people = pd.DataFrame({"outlier": [1.0, np.nan, 0.0], "age": [52.0, 38.0, np.nan]})
        >>> Condition.parse("outlier!=1").holds(people)
        array([False,  True,  True])
        >>> Condition.parse("age>=40").holds(people)
        array([ True, False, False])
        """
        values = self._values(table, source)
        if self.comparison in ORDER:
            return ORDER[self.comparison](self._numbers(values), self._number())
        if self.value in MISSING:
            same = values.isna().to_numpy(dtype=bool)
        elif pd.api.types.is_numeric_dtype(values):
            same = self._numbers(values) == self._number(any_text=bool(values.isna().all()))
        else:
            same = values.astype(object).to_numpy() == self.value
        return same != (self.comparison == "!=")

    def _values(self, table: pd.DataFrame, source: str) -> pd.Series:
        if self.column not in table:
            raise InputError(
                f"individuals.where must name columns of {source}; got {self.column}. "
                f"There are {', '.join(table)}."
            )
        return table[self.column]

    def _numbers(self, values: pd.Series) -> np.ndarray:
        if not pd.api.types.is_numeric_dtype(values):
            raise InputError(
                f"individuals.where must compare text by = or !=; got {self}, and {self.column} is text."
            )
        return values.to_numpy(dtype=float)

    def _number(self, any_text: bool = False) -> float:
        """The value as a number; where any text will do, because the column is empty, text is a
        number nobody has."""
        try:
            return float(self.value)
        except ValueError:
            if any_text:
                return np.nan
            raise InputError(
                f"individuals.where must compare numbers with a number; got {self}."
            ) from None
