"""Full summary statistics on disk: one Parquet file per phenotype and chromosome, each whole or not
there."""

import os
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow.parquet as pq

from ecgae.errors import InputError
from ecgae.genetics.engine._block import Tested
from ecgae.genetics.scan import ScanInput
from ecgae.genetics.sumstats import SCHEMA, Statistics, association_table

FOLDER = "summary_statistics"
GROUP = 8192
"""Variants of a row group: they are held until there are so many."""


class Writers(AbstractContextManager["Writers"]):
    """Writes `summary_statistics/<phenotype>/chromosome_<number>.parquet` below a folder, in the
    columns of GWAS-SSF.

    A file takes its name when its chromosome is finished. Without names nothing is written.
    """

    def __init__(self, inputs: ScanInput, names: tuple[str, ...], folder: Path):
        self.inputs, self.names, self.folder = inputs, names, folder / FOLDER
        self.chromosome: str | None = None
        self.open: list[pq.ParquetWriter] = []
        self.held: list[tuple[np.ndarray, Statistics]] = []
        unfit = [name for name in names if "/" in name or name.startswith(".")]
        if unfit:
            raise InputError(
                f"Phenotypes must have names that can be folders with summary_statistics; got {unfit[0]!r}. Rename it."
            )

    def add(self, chromosome: str, block: Tested) -> None:
        """The next block, all of whose variants are reported."""
        if not self.names:
            return

        if self.chromosome != chromosome:
            self.finish()
            self.chromosome = chromosome
            for name in self.names:
                (self.folder / name).mkdir(parents=True, exist_ok=True)
                self.open.append(pq.ParquetWriter(self._partial(name), SCHEMA, compression="zstd"))

        self.held.append((block.rows[block.reported], block.statistics))
        if sum(len(rows) for rows, _ in self.held) >= GROUP:
            self._flush()

    def finish(self) -> None:
        """Closes the chromosome's files and gives them their names."""
        self._flush()
        for name, writer in zip(self.names, self.open, strict=False):
            writer.close()
            self._partial(name).replace(
                self.folder / name / f"chromosome_{self.chromosome}.parquet"
            )
        self.open = []

    def _flush(self) -> None:
        """Writes the variants that are held."""
        if not self.held:
            return
        rows = np.concatenate([rows for rows, _ in self.held])
        statistics = Statistics(
            *map(np.concatenate, zip(*(values for _, values in self.held), strict=True))
        )
        variants = self.inputs.genotypes.variants.iloc[rows]
        for column, (name, writer) in enumerate(zip(self.names, self.open, strict=True)):
            mine = Statistics(*(values[:, column : column + 1] for values in statistics))
            writer.write_table(association_table(variants, [name], mine, ~np.isnan(mine.beta)))
        self.held = []

    def _partial(self, name: str) -> Path:
        return self.folder / name / f".chromosome_{self.chromosome}.{os.getpid()}.partial"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for name, writer in zip(self.names, self.open, strict=False):
            writer.close()
            self._partial(name).unlink(missing_ok=True)
        self.open = []
