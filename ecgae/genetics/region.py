"""A stretch of a chromosome, as users write it: "6", "chr6" or "6:25000000-34000000"."""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool

WRITTEN = re.compile(r"(?:chr)?0?(\w+?)(?::(\d+)-(\d+))?")
WHOLE = (0, np.iinfo(np.int64).max)
"""First and last base pair of a region that is a whole chromosome."""


class Region(NamedTuple):
    """A stretch of a chromosome, its ends included."""

    chromosome: str
    """The chromosome without the prefix chr, as in `Genotypes.variants`."""
    first: int
    """First base pair."""
    last: int
    """Last base pair."""

    @classmethod
    def parse(cls, text: str) -> "Region":
        """The region that a text names: a chromosome, or `chromosome:from-to` in base pairs.

        Raises `ValueError` where it names none.

        >>> Region.parse("chr6:25000000-34000000")
        Region(chromosome='6', first=25000000, last=34000000)
        >>> Region.parse("06").is_whole
        True
        """
        match = WRITTEN.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no region")
        first, last = WHOLE if match[2] is None else (int(match[2]), int(match[3]))
        if first > last:
            raise ValueError(f"{text!r} ends before it begins")
        return cls(match[1], first, last)

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole chromosome."""
        return (self.first, self.last) == WHOLE

    def holds(self, variants: pd.DataFrame) -> Bool[np.ndarray, " variant"]:
        """Which rows of a table with `chromosome` and `base_pair_location` lie in it."""
        here = (variants["chromosome"] == self.chromosome).to_numpy()
        position = variants["base_pair_location"].to_numpy()
        return here & (self.first <= position) & (position <= self.last)
