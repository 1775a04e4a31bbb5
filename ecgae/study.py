"""The genetic side of a cohort, and the scan of any phenotypes against it: from numbers to a scored directory."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecgae.covariates import Design, design_matrix
from ecgae.engine import Engine, Scan
from ecgae.errors import InputError
from ecgae.genotypes import Genotypes
from ecgae.people import PEOPLE, Joined, join
from ecgae.report import figures
from ecgae.runs import SCORE, read_headline, write_config, write_json
from ecgae.score import Score, Yield, score
from ecgae.tables import Phenotypes, read_table

ASSOCIATIONS, LOCI = "associations.parquet", "loci.tsv"


@dataclass(frozen=True, eq=False)
class Study:
    """Genotypes, covariates and, in simulations, planted variants; opened and checked before anything long."""

    genotypes: Genotypes
    covariates: pd.DataFrame | None
    categorical: Sequence[str]
    planted: pd.DataFrame | None
    people: str

    @classmethod
    def open(
        cls, genotypes: str | None, covariates: str | None, categorical: Sequence[str], planted: str | None, people: str
    ) -> "Study":
        """Raises `InputError` where a file is missing or cannot be used."""
        if people not in PEOPLE:
            raise InputError(f"people must be one of {', '.join(PEOPLE)}; got {people!r}.")
        if genotypes is None:
            raise InputError("genotypes must be named for a scan; got none. Name a PLINK prefix, or set engine=null.")
        return cls(
            Genotypes.open(genotypes),
            None if covariates is None else read_table(covariates),
            categorical if covariates is not None else (),
            None if planted is None else _read_planted(Path(planted)),
            people,
        )

    def join(self, phenotypes: Phenotypes) -> tuple[Joined, Design]:
        """Who will be analysed, and their covariates. Raises `InputError` where the three sides do not fit."""
        joined = join(phenotypes, self.genotypes, self.covariates, self.people)
        if self.covariates is None:
            return joined, Design([], np.empty((len(joined.sample_ids), 0)))
        return joined, design_matrix(self.covariates, joined.sample_ids, joined.visits, self.categorical)

    def check(self, sample_ids: np.ndarray, visits: np.ndarray, source: str) -> None:
        """Joins people who have no phenotypes yet, so that what does not fit is known before training."""
        joined, _ = self.join(Phenotypes(sample_ids, visits, [], np.empty((len(sample_ids), 0)), source))
        print("\n".join(joined.account))

    def scan(
        self, engine: Engine, settings: Score, phenotypes: Phenotypes, directory: Path, config: dict[str, Any]
    ) -> dict[str, Any]:
        """Associations, loci, score and figures of these phenotypes, in `directory`; returns what score.json holds.

        `config`, which these results follow from, is written with them, and score.json last of all. It also has the
        headline of the run's model.json.
        """
        joined, design = self.join(phenotypes)
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"out must be a folder that can be written; got {directory}: {error.strerror}.") from None
        (directory / SCORE).unlink(missing_ok=True)
        unfinished = directory / f"{ASSOCIATIONS}.partial"
        scan = engine(
            self.genotypes,
            joined.genotype_rows,
            phenotypes.values[joined.phenotype_rows],
            phenotypes.names,
            design.matrix,
            unfinished,
            settings.alpha,
        )
        scored = score(scan, self.genotypes, joined.genotype_rows, settings, self.planted)
        os.replace(unfinished, directory / ASSOCIATIONS)
        scored.loci.to_csv(directory / LOCI, sep="\t", index=False)
        self._draw(scan, scored, directory / "figures")
        write_config(directory, config)
        summary = scored.summary | read_headline(directory)
        write_json(directory / SCORE, summary)
        return summary

    def _draw(self, scan: Scan, scored: Yield, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        threshold = scored.summary["threshold"]
        figures.manhattan(scan.variants, scored.loci, threshold, self.planted).savefig(folder / "manhattan.png")
        figures.qq(scan.qq.observed, scan.qq.expected).savefig(folder / "qq.png")


def _read_planted(file: Path) -> pd.DataFrame:
    if not file.is_file():
        raise InputError(f"planted must be a table; got {file}, which does not exist.")
    table = pd.read_csv(file, sep="\t", dtype={"chromosome": str})
    missing = {"chromosome", "base_pair_location"} - set(table)
    if missing:
        raise InputError(
            f"{file} must have the columns chromosome and base_pair_location; {', '.join(missing)} missing."
        )
    return table
