"""Associations, loci and score of a run's latents, or of any phenotype table."""

from contextlib import nullcontext
from pathlib import Path

import hydra
from omegaconf import DictConfig

from ecgae.entry.build import build
from ecgae.entry.command_line import entry, plain, start
from ecgae.entry.scan import Selected, choices_of, rescore, scan, settings_typed
from ecgae.errors import InputError
from ecgae.genetics.genetic_files import GeneticFiles


@hydra.main(version_base="1.3", config_path="conf", config_name="gwas")
@entry
def main(cfg: DictConfig) -> Selected:
    chromosomes = None if cfg.chromosomes is None else list(cfg.chromosomes)
    if cfg.run is not None:
        from ecgae.runs import run_directory

        run = Path(cfg.run)
        trained = run_directory.read_config(run)
        settings = settings_typed(trained, cfg)
        with run_directory.only_one(run) if chromosomes is None else nullcontext():
            return rescore(
                run,
                trained | settings,
                Path(cfg.out or run),
                chromosomes=chromosomes,
                report=cfg.report,
            )
    engine, choices, config = build(cfg.engine), choices_of(cfg), plain(cfg)
    if cfg.phenotypes is None or cfg.out is None:
        raise InputError(
            "Name either run=<run directory>, or phenotypes=<table> genotypes=<prefix> out=<folder>."
        )
    from ecgae.models import latents
    from ecgae.scoring.study import Study

    files = GeneticFiles(
        genotypes=cfg.genotypes,
        covariates=cfg.covariates,
        categorical=list(cfg.categorical),
        planted=cfg.planted,
    )
    study = Study.open(files, choices)
    phenotypes = latents.read_phenotypes_or_latents(Path(cfg.phenotypes))
    return scan(
        study, engine, phenotypes, Path(cfg.out), config, chromosomes=chromosomes, report=cfg.report
    )


if __name__ == "__main__":
    start(main)
