"""Associations, loci and score of a run's latents, or of any phenotype table."""

from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf

from ecgae.entry import build, entry, plain, rescore, settings_typed, show, start
from ecgae.errors import InputError


@hydra.main(version_base="1.3", config_path="conf", config_name="gwas")
@entry
def main(cfg: DictConfig) -> float | None:
    from ecgae import latents, runs
    from ecgae.report.page import write_report
    from ecgae.study import Study

    if cfg.run is not None:
        run = Path(cfg.run)
        trained = runs.read_config(run)
        settings = settings_typed(trained, cfg)
        parts = OmegaConf.create(settings)
        with runs.only_one(run):
            return rescore(run, trained | settings, Path(cfg.out or run), build(parts.engine), build(parts.score))
    engine, score, config = build(cfg.engine), build(cfg.score), plain(cfg)
    if cfg.phenotypes is None or cfg.out is None:
        raise InputError("Name either run=<run directory>, or phenotypes=<table> genotypes=<prefix> out=<folder>.")
    study = Study.open(cfg.genotypes, cfg.covariates, list(cfg.categorical), cfg.planted, cfg.people)
    phenotypes, out = latents.read_phenotypes_or_latents(Path(cfg.phenotypes)), Path(cfg.out)
    study.scan(engine, score, phenotypes, out, config)
    write_report(out)
    return show(out)


if __name__ == "__main__":
    start(main)
