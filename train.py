"""Fit one model, encode everyone, and score the run by what the genome found."""

import os
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig

from ecgae import runs
from ecgae.entry import (
    ages_and_sexes,
    axes_of,
    build,
    choices_of,
    entry,
    machine_of,
    network_of,
    plain,
    require_known,
    rescore,
    show,
    start,
    study_of,
    view_of,
)
from ecgae.processes import is_first_process

SETTINGS = (
    *("cohort", "input", "beats", "exclusions", "split", "relatives", "lead_mode", "leads"),
    *("baseline", "denoiser", "normalization", "architecture", "objective", "trainer", "latent_qc"),
    *("engine", "variants", "individuals", "adjustment", "people", "score", "checks", "gate", "constant_phenotypes"),
    *("sweep", "yardsticks", "logger", "paths", "runtime"),
)
"""The sections of conf/train.yaml."""


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
@entry
def main(cfg: DictConfig) -> float | tuple[float, ...] | None:
    config = plain(cfg)
    require_known(config, SETTINGS)
    directory = Path(cfg.paths.runs) / runs.run_name(config)
    with runs.only_one(directory) if is_first_process() else nullcontext():
        finished = runs.is_finished(directory, config)
        if finished and "WANDB_SWEEP_ID" not in os.environ:  # its agent waits for a number all the same
            return show(directory, cfg.score.select_by, "finished before, not computed again")
        if directory.is_dir() and not finished:  # gwas.py has scored it with other settings since
            return rescore(directory, config, directory)
        from ecgae import tracking  # seconds

        tracker = build(cfg.get("logger")) if is_first_process() else None
        tracked = tracking.one_run(tracker, directory.name, runs.identity(config), cfg.sweep, axes_of(config))
        with tracked as logger:
            if not finished:
                train(cfg, config, directory, logger)
            tracking.mirror(logger, directory, runs.read_score(directory) or runs.read_headline(directory))
    return show(directory, cfg.score.select_by)


def train(cfg: DictConfig, config: dict[str, Any], directory: Path, logger: Any) -> None:
    """From recordings and genotypes to the finished run `directory`."""
    cohort, baseline, denoiser = build(cfg.cohort), build(cfg.baseline), build(cfg.denoiser)
    normalization, engine, choices = build(cfg.normalization), build(cfg.get("engine")), choices_of(cfg)
    schedule, split, latent_qc = build(cfg.trainer), build(cfg.split), build(cfg.latent_qc)
    wanted, beat, exclusions = build(cfg.input), build(cfg.beats), build(cfg.exclusions)
    layout = wanted.layout(cohort.layouts, cohort.name, beat)
    view, cache = view_of(layout, cfg), Path(cfg.paths.cache)
    from ecgae import encoding, families, judging, latents, preprocess, selection, training, yardsticks
    from ecgae.dataset import dataset_of
    from ecgae.report import page, run_figures

    yardsticks.require_known(cfg.yardsticks)
    objective = build(cfg.objective, sampling_rate=layout.sampling_rate)
    machine = machine_of(cfg.runtime)
    training.start_seed(schedule.seed)
    model = network_of(cfg, layout, view, objective)
    print(f"{training.count_parameters(model):,} trainable parameters")
    related = families.read_families(cfg.relatives)
    cohort.prepare()
    study = study_of(cohort, choices, cache) if engine else None
    store, excluded = selection.usable(cohort, wanted, beat, exclusions, cache, cfg.runtime.workers)
    store, excluded = selection.consenting(store, excluded, choices.individuals.withdrawn)
    parts = schedule.hold_out(split(store.sample_ids, related), store.sample_ids, related)
    if study:
        scored = latents.scored(parts)
        study.check(store.sample_ids[scored], store.visits[scored], f"cohort {cohort.name}")
    cleaned = preprocess.clean(store, wanted.recording, baseline, denoiser, cache, cfg.runtime.accelerator)
    dataset = dataset_of(store, wanted.recording, cleaned, view, objective.features)
    if study and is_first_process():
        recordings = yardsticks.Recordings(cohort, beat, cache, cfg.runtime.workers)
        folder = Path(cfg.paths.runs) / yardsticks.FOLDER
        people = yardsticks.People(store, parts)
        yardsticks.score_yardsticks(cfg.yardsticks, people, recordings, study, engine, config, folder)
    with runs.new_run(directory, config) as run:
        machine = machine._replace(logger=logger, directory=run)
        fitted = training.fit(model, objective, normalization, dataset, schedule, machine, parts)
        started = time.monotonic()
        found = encoding.encode(fitted, dataset, parts)
        costs = training.costs(fitted) | {"encoding_seconds": time.monotonic() - started}
        judged = judging.judge(fitted, dataset, found, latent_qc, ages_and_sexes(cohort, store, study), costs)
        latents.write_latents(run / "latents.h5", judged.latents)
        runs.write_json(run / runs.MODEL, judged.summary)
        excluded.to_csv(run / "excluded.tsv", sep="\t", index=False)
        run_figures.draw(run / "figures", fitted, dataset, found, judged, cohort.public)
        if study:
            study.scan(engine, latents.as_phenotypes(judged.latents, "latents.h5"), run, config)
        page.write_report(run)


if __name__ == "__main__":
    start(main)
