"""The contract of a file of genotypes: what it offers, whatever its format."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Float32, Int, Shaped, UInt8

AUTOSOMES = tuple(str(number) for number in range(1, 23))


@runtime_checkable
class GenotypeFile(Protocol):
    """One `.bed`, `.pgen` or `.bgen` with what lies beside it. Several threads may read at once."""

    @property
    def path(self) -> Path: ...

    @property
    def people_file(self) -> Path:
        """The file that lists the people."""

    @property
    def sample_ids(self) -> Shaped[np.ndarray, " individual"]:
        """The individual ids (IID) as text, in the order of the file."""

    @property
    def variants(self) -> pd.DataFrame:
        """Columns of `ecgae.genetics.genotypes.text.variant_table`, indexed by the variant's row in
        the file."""

    @property
    def hard_calls(self) -> bool:
        """Whether every genotype is a call of 0, 1 or 2 copies, or none, so that `packed` may be
        asked."""

    def read(
        self, rows: Int[np.ndarray, " variant"], individuals: Int[np.ndarray, " row"]
    ) -> Float32[np.ndarray, "row variant"]:
        """Expected copies of the effect allele, 0 to 2, NaN = no call, in Fortran order: the values
        of a variant are contiguous."""

    def packed(self, rows: Int[np.ndarray, " variant"]) -> UInt8[np.ndarray, "variant byte"]:
        """The calls of everybody in the file, two bits each, in the coding of PLINK 1
        (`ecgae.genetics.genotypes.bed`)."""
