"""How the covariates of a table are used: products of columns, genetic PCs, and what a missing
value does."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ecgae.errors import InputError

MISSING_VALUES = ("people", "mean")

Columns = Mapping[str, Float[np.ndarray, " individual"]]
"""The numbers of one covariate: itself, or an indicator for each level but the reference."""


class Term(NamedTuple):
    """A product of covariates, each raised to a power."""

    text: str
    powers: tuple[tuple[str, int], ...]

    @classmethod
    def parse(cls, text: str) -> "Term":
        """The product that a text such as "age^2*sex" names: covariates with powers from 1 to 9,
        spaces ignored.

        >>> Term.parse("age^2 * sex").powers
        (('age', 2), ('sex', 1))
        """
        powers = []
        for factor in text.split("*"):
            match = re.fullmatch(r"\s*([^\^]*[^\^\s])\s*(?:\^\s*([1-9]))?\s*", factor)
            if not match:
                raise InputError(
                    f"adjustment.terms must be products of covariates such as 'age^2' or 'age^2*sex'; got {text!r}."
                )
            powers.append((match[1], int(match[2] or 1)))
        return cls(
            "*".join(f"{name}^{power}" if power > 1 else name for name, power in powers),
            tuple(powers),
        )

    def columns(self, covariates: Mapping[str, Columns]) -> Columns:
        """One product for each combination of levels, of centred columns: age^2 is then not nearly
        age again.

        >>> age = np.array([40.0, 50.0, 60.0])
        >>> Term.parse("age^2").columns({"age": {"age": age}})
        {'age^2': array([100.,   0., 100.])}
        """
        built = {}
        choices = [
            [
                (f"{name}^{power}" if power > 1 else name, values, power)
                for name, values in covariates[column].items()
            ]
            for column, power in self.powers
        ]
        for factors in product(*choices):
            centred = [(values - values.mean()) ** power for _, values, power in factors]
            built["*".join(name for name, _, _ in factors)] = np.prod(centred, axis=0)
        return built


@dataclass(frozen=True)
class Adjustment:
    """What is made of the covariates beside taking each as it is."""

    terms: Sequence[str] = ()
    """Products of covariates by name, such as "age^2" and "age^2*sex"; of a categorical one, with
    each level."""
    genetic_pcs: int = 10
    """How many of a UK Biobank table's 40 genetic principal components (22009) are covariates."""
    missing: str = "people"
    """What a missing value does. people: whoever has one is not analysed; mean: it becomes the mean
    of those analysed, or a level of its own."""

    def __post_init__(self) -> None:
        if isinstance(self.terms, str):
            raise InputError(
                f"adjustment.terms must be a list of products; got {self.terms!r} alone."
            )
        for text in self.terms:
            Term.parse(text)
        if not 0 <= self.genetic_pcs <= 40:
            raise InputError(
                f"adjustment.genetic_pcs must be from 0 to 40; got {self.genetic_pcs}."
            )
        if self.missing not in MISSING_VALUES:
            raise InputError(
                f"adjustment.missing must be one of {', '.join(MISSING_VALUES)}; got {self.missing!r}."
            )

    @property
    def products(self) -> list[Term]:
        """The terms, parsed."""
        return [Term.parse(text) for text in self.terms]

    @property
    def factors(self) -> list[str]:
        """The columns that terms name, each once."""
        return list(dict.fromkeys(name for term in self.products for name, _ in term.powers))

    def check(self, covariates: Iterable[str], categorical: Iterable[str], source: str) -> None:
        """Raises `InputError` where a term names what is no covariate, or squares labels."""
        there, labels = list(covariates), set(categorical)
        for term in self.products:
            for name, power in term.powers:
                if name not in there:
                    raise InputError(
                        f"adjustment.terms must name covariates of {source}; got {name} in {term.text}. "
                        f"There are {', '.join(there)}."
                    )
                if name in labels and power > 1:
                    raise InputError(
                        f"adjustment.terms must not raise labels to a power; got {term.text}."
                    )


AS_THEY_ARE = Adjustment()
"""Every covariate of the table as it is, and nobody with a missing value."""
