"""Associations, loci and score of a run's latents, or of any phenotype table."""

from contextlib import nullcontext
from pathlib import Path

import hydra
from omegaconf import DictConfig

from ecgae.entry import build, choices_of, entry, plain, rescore, scan, settings_typed, start
from ecgae.errors import InputError


@hydra.main(version_base="1.3", config_path="conf", config_name="gwas")
@entry
def main(cfg: DictConfig) -> float | tuple[float, ...] | None:
    chromosomes = None if cfg.chromosomes is None else list(cfg.chromosomes)
    if cfg.run is not None:
        from ecgae import runs

        run = Path(cfg.run)
        trained = runs.read_config(run)
        settings = settings_typed(trained, cfg)
        with runs.only_one(run) if chromosomes is None else nullcontext():
            return rescore(run, trained | settings, Path(cfg.out or run), chromosomes, cfg.report)
    engine, choices, config = build(cfg.engine), choices_of(cfg), plain(cfg)
    if cfg.phenotypes is None or cfg.out is None:
        raise InputError("Name either run=<run directory>, or phenotypes=<table> genotypes=<prefix> out=<folder>.")
    from ecgae import latents
    from ecgae.study import Files, Study

    study = Study.open(Files(cfg.genotypes, cfg.covariates, list(cfg.categorical), cfg.planted), choices)
    phenotypes = latents.read_phenotypes_or_latents(Path(cfg.phenotypes))
    return scan(study, engine, phenotypes, Path(cfg.out), config, chromosomes, cfg.report)


if __name__ == "__main__":
    start(main)
