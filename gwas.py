"""Associations, loci and score of a run's latents, or of any phenotype table."""

from pathlib import Path

import hydra
from omegaconf import DictConfig

from ecgae.entry import build, entry, plain, rescore, show, start
from ecgae.errors import InputError


@hydra.main(version_base="1.3", config_path="conf", config_name="gwas")
@entry
def main(cfg: DictConfig) -> float | None:
    from ecgae import latents, runs
    from ecgae.report.page import write_report
    from ecgae.study import Study

    engine, score, config = build(cfg.engine), build(cfg.score), plain(cfg)
    if cfg.run is not None and cfg.phenotypes is None:
        run = Path(cfg.run)
        settings = {name: config[name] for name in ("engine", "score", "people")}
        with runs.only_one(run):
            return rescore(run, runs.read_config(run) | settings, Path(cfg.out or run), engine, score)
    if cfg.run is not None or cfg.phenotypes is None or cfg.out is None:
        raise InputError("Name either run=<run directory>, or phenotypes=<table> genotypes=<prefix> out=<folder>.")
    study = Study.open(cfg.genotypes, cfg.covariates, list(cfg.categorical), cfg.planted, cfg.people)
    phenotypes, out = latents.read_phenotypes_or_latents(Path(cfg.phenotypes)), Path(cfg.out)
    study.scan(engine, score, phenotypes, out)
    runs.write_config(out, config)
    write_report(out)
    return show(out)


if __name__ == "__main__":
    start(main)
