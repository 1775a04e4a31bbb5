"""Associations, loci and score of a run's latents, or of any phenotype table."""

from contextlib import nullcontext
from pathlib import Path

import hydra
from omegaconf import DictConfig

from ecgae.entry.build import build
from ecgae.entry.choices import read_trained
from ecgae.entry.command_line import entry, plain, start
from ecgae.entry.scanning import Selected, choices_of, rescore, scan, settings_typed
from ecgae.errors import InputError
from ecgae.genetics.genetic_files import GeneticFiles
from ecgae.runs import run_directory


@hydra.main(version_base="1.3", config_path="conf", config_name="gwas")
@entry
def main(cfg: DictConfig) -> Selected:
    return scan_table(cfg) if cfg.run is None else scan_run(cfg, Path(cfg.run))


def scan_run(cfg: DictConfig, run: Path) -> Selected:
    """Scans a run's latents with its own settings, but for those that were typed."""
    trained = read_trained(run)
    config = trained | settings_typed(trained, cfg)

    # Parts of a scan, by chromosome, are made side by side; a whole one by one job at a time.
    with run_directory.only_one(run) if cfg.chromosomes is None else nullcontext():
        out = Path(cfg.out or run)
        return rescore(run, config, out, chromosomes=cfg.chromosomes, report=cfg.report)


def scan_table(cfg: DictConfig) -> Selected:
    """Scans any table of phenotypes, or latents of another program's making."""
    engine, choices, config = build(cfg.engine), choices_of(cfg), plain(cfg)
    if cfg.phenotypes is None or cfg.out is None:
        raise InputError(
            "Name either run=<run directory>, or phenotypes=<table> genotypes=<prefix> out=<folder>."
        )
    from ecgae.models import latents  # seconds
    from ecgae.scoring.study import Study

    # Genotypes and covariates are opened and checked before the phenotypes are read.
    files = GeneticFiles(
        genotypes=cfg.genotypes,
        covariates=cfg.covariates,
        categorical=list(cfg.categorical),
        planted=cfg.planted,
    )
    study = Study.open(files, choices)
    phenotypes = latents.read_phenotypes_or_latents(Path(cfg.phenotypes))
    out, part = Path(cfg.out), cfg.chromosomes
    return scan(study, engine, phenotypes, out, config, chromosomes=part, report=cfg.report)


if __name__ == "__main__":
    start(main)
