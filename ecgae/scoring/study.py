"""The genetic side of a cohort, and the scan of any phenotypes against it: from numbers to a scored
directory."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ecgae.errors import InputError
from ecgae.genetics.engine import Engine
from ecgae.genetics.genetic_files import GeneticFiles
from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.scan import Scan, ScanInput
from ecgae.genetics.variant_filter import VariantFilter
from ecgae.people.adjustment import Adjustment
from ecgae.people.covariate_table import Covariates
from ecgae.people.covariates import Design, design_matrix, read_covariates
from ecgae.people.individuals import Individuals
from ecgae.people.tables import Phenotypes
from ecgae.runs.run_directory import SCORE, read_headline, write_config, write_json
from ecgae.scoring.checks import Checks
from ecgae.scoring.gate import Gate
from ecgae.scoring.join import PEOPLE, Joined, join
from ecgae.scoring.known_loci import read_known_loci
from ecgae.scoring.score import Score, Yield, score
from ecgae.statistics.association import covariate_basis, missingness_patterns, residualise
from ecgae.statistics.multiplicity import phenotype_correlation

LOCI, OMNIBUS_LOCI = "loci.tsv", "omnibus_loci.tsv"
CONFIRMATION = ("confirmation.json", "confirmation.tsv")
"""Files that say what is known of a score's loci in other people; stale as soon as the loci are."""


Drawing = Callable[[Scan, Yield, pd.DataFrame | None, Path], None]
"""Draws a scan and its yield, with the planted variants where there are any, into a folder."""


class Choices(NamedTuple):
    """The settings of a scan: who and what is tested, and what counts as found."""

    people: str
    individuals: Individuals
    adjustment: Adjustment
    variants: VariantFilter
    score: Score
    checks: Checks
    gate: Gate


@dataclass(frozen=True, eq=False)
class Study:
    """Genotypes, covariates and, in simulations, planted variants; opened and checked before
    anything long."""

    genotypes: Genotypes
    variants: np.ndarray
    """Rows of the genotypes' variants that the filter's regions and lists leave."""
    covariates: Covariates | None
    categorical: Sequence[str]
    planted: pd.DataFrame | None
    choices: Choices
    cache: Path | None = None
    """Folder for what scans of other phenotypes share; None: nothing is kept."""

    @classmethod
    def open(cls, files: GeneticFiles, choices: Choices, cache: Path | None = None) -> "Study":
        """The study of these files. Raises `InputError` where one is missing or cannot be used."""
        if choices.people not in PEOPLE:
            raise InputError(f"people must be one of {', '.join(PEOPLE)}; got {choices.people!r}.")
        if files.genotypes is None:
            raise InputError(
                "genotypes must be named for a scan; got none. Name the prefix of .bed, .pgen or .bgen files, or set "
                "engine=null."
            )

        covariates = (
            None
            if files.covariates is None
            else read_covariates(files.covariates, choices.adjustment, choices.individuals.where)
        )
        if covariates is None and choices.adjustment.terms:
            raise InputError(
                f"covariates must be named where adjustment.terms asks for {choices.adjustment.terms[0]}."
            )
        choices.individuals.check(covariates)

        genotypes = Genotypes.open(files.genotypes)
        return cls(
            genotypes=genotypes,
            variants=np.flatnonzero(choices.variants.listed(genotypes.variants)),
            covariates=covariates,
            categorical=files.categorical if covariates is not None else (),
            planted=None if files.planted is None else _read_planted(Path(files.planted)),
            choices=choices,
            cache=cache,
        )

    def join(self, phenotypes: Phenotypes) -> tuple[Joined, Design]:
        """Who will be analysed, and their covariates. Raises `InputError` where the three sides do
        not fit."""
        choices = self.choices
        joined = join(
            phenotypes,
            self.genotypes,
            self.covariates,
            people=choices.people,
            individuals=choices.individuals,
            missing=choices.adjustment.missing,
        )

        if self.covariates is None:
            return joined, Design([], np.empty((len(joined.sample_ids), 0)))
        return joined, design_matrix(
            self.covariates, joined.sample_ids, joined.visits, self.categorical, choices.adjustment
        )

    def check(self, sample_ids: np.ndarray, visits: np.ndarray, source: str) -> None:
        """Joins people who have no phenotypes yet, so that what does not fit is known before
        training."""
        joined, design = self.join(
            Phenotypes(sample_ids, visits, [], np.empty((len(sample_ids), 0)), source)
        )
        print("\n".join([*joined.account, *design.account]))

    def scan(
        self,
        engine: Engine,
        phenotypes: Phenotypes,
        directory: Path,
        config: dict[str, Any],
        chromosomes: Sequence[str] | None = None,
        draw: Drawing | None = None,
    ) -> dict[str, Any] | None:
        """Associations, loci, score and figures of these phenotypes, in `directory`; returns what
        score.json holds.

        `config`, which these results follow from, is written with them, and score.json last of all.
        It also has the headline of the run's model.json, and says whether all of it may be
        believed. With `chromosomes` only their part of the scan is made and kept there for the same
        call without them: None is returned. `draw` makes the figures.
        """
        self.choices.score.require(engine.report_below)
        joined, design = self.join(phenotypes)
        print("\n".join([*joined.account, *design.account]))

        inputs = self._inputs(phenotypes, joined, design, chromosomes)
        _make_folder(directory)
        if chromosomes is not None:
            engine(inputs, directory)
            return None

        for stale in (SCORE, *CONFIRMATION):
            (directory / stale).unlink(missing_ok=True)
        known = read_known_loci(self.choices.score.known_loci, self.genotypes.variants)
        scan = engine(inputs, directory)
        scored = self._score(inputs, scan, engine, known)
        _write(scored, directory)

        if draw is not None:
            draw(scan, scored, self.planted, directory / "figures")
        write_config(directory, config)

        about = {"scored_people": phenotypes.people, **_fingerprints(joined, scan)}
        summary = scored.summary | about | read_headline(directory)
        summary |= self.choices.gate(summary)
        write_json(directory / SCORE, summary)
        return summary

    def _inputs(
        self,
        phenotypes: Phenotypes,
        joined: Joined,
        design: Design,
        chromosomes: Sequence[str] | None,
    ) -> ScanInput:
        """What the engine is given. Raises `InputError` for a chromosome that the genotypes lack."""
        inputs = ScanInput(
            genotypes=self.genotypes,
            individuals=joined.genotype_rows,
            phenotypes=phenotypes.values[joined.phenotype_rows],
            names=tuple(phenotypes.names),
            covariates=design.matrix,
            covariate_names=tuple(design.names),
            filter=self.choices.variants,
            variants=self.variants,
            chromosomes=None if chromosomes is None else tuple(map(str, chromosomes)),
        )

        there = self.genotypes.variants["chromosome"].unique().tolist()
        if not set(inputs.chromosomes or ()) <= set(there):
            raise InputError(
                f"chromosomes must be some of {', '.join(there)}; got {', '.join(inputs.chromosomes or ())}."
            )
        return inputs

    def _score(
        self, inputs: ScanInput, scan: Scan, engine: Engine, known: pd.DataFrame | None
    ) -> Yield:
        """The yield of a scan, with the numbers of the checks in its summary."""
        tested = inputs.phenotypes[:, np.isin(inputs.names, scan.phenotypes)]
        correlation = phenotype_correlation(_residuals(tested, inputs.covariates))
        scored = score(
            scan,
            self.genotypes,
            inputs.individuals,
            settings=self.choices.score,
            planted=self.planted,
            correlation=correlation,
            known=known,
        )

        threshold = scored.summary["threshold"]
        checked = self.choices.checks(inputs, scan, engine.transform, threshold, self.cache)
        error = checked.pop("summed_heritability_standard_error", None)
        errors = {**scored.summary["standard_errors"], "summed_heritability": error}
        summary = {
            "summed_heritability": None,
            **scored.summary,
            **checked,
            "standard_errors": errors,
        }
        return scored._replace(summary=summary)


def _residuals(phenotypes: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    """What the covariates leave of each phenotype among the people who have it; NaN elsewhere."""
    residuals = np.full(phenotypes.shape, np.nan)
    for columns, present in missingness_patterns(phenotypes):
        pairs = np.ix_(present, columns)
        residuals[pairs] = residualise(phenotypes[pairs], covariate_basis(covariates[present]))
    return residuals


def _fingerprints(joined: Joined, scan: Scan) -> dict[str, str]:
    """Equal where the same people and the same variants were analysed: scores of such scans can be
    compared in pairs.

    They tell who is in a study to nobody who does not know it already.
    """
    ids = {
        "people_fingerprint": np.sort(joined.sample_ids.astype(str)),
        "variants_fingerprint": scan.variants["variant_id"],
    }
    return {
        name: hashlib.sha256("\n".join(some).encode()).hexdigest()[:12]
        for name, some in ids.items()
    }


def _write(scored: Yield, directory: Path) -> None:
    """Writes the tables of loci."""
    scored.loci.to_csv(directory / LOCI, sep="\t", index=False)
    (directory / OMNIBUS_LOCI).unlink(missing_ok=True)
    if scored.omnibus_loci is not None:
        scored.omnibus_loci.to_csv(directory / OMNIBUS_LOCI, sep="\t", index=False)


def _make_folder(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"out must be a folder that can be written; got {directory}: {error.strerror}."
        ) from None


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
