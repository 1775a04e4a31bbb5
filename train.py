"""Fit one model, encode everyone, and score the run by what the genome found."""

from pathlib import Path

import hydra
from omegaconf import DictConfig

from ecgae import runs
from ecgae.entry import build, entry, layout_of, plain, rescore, show, start, study_of


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
@entry
def main(cfg: DictConfig) -> float | None:
    config = plain(cfg)
    directory, cache = Path(cfg.paths.runs) / runs.run_name(config), Path(cfg.paths.cache)
    with runs.only_one(directory):
        if runs.is_finished(directory, config):
            return show(directory, "finished before, not computed again")
        cohort, baseline, denoiser = build(cfg.cohort), build(cfg.baseline), build(cfg.denoiser)
        normalization, engine, score = build(cfg.normalization), build(cfg.get("engine")), build(cfg.score)
        schedule = build(cfg.trainer)
        if directory.is_dir():  # gwas.py has scored it with other settings since
            return rescore(directory, config, directory, engine, score)
        wanted, beat, exclusions = build(cfg.input), build(cfg.beats), build(cfg.exclusions)
        kind, lead_mode = wanted.recording, cfg.lead_mode
        layout = layout_of(cohort, wanted, beat, lead_mode)
        from ecgae import encoding, latents, preprocess, selection, tracking, training  # seconds to import
        from ecgae.report import page, run_figures

        objective = build(cfg.objective)
        training.start_seed(schedule.seed)
        model = build(cfg.architecture, **layout)
        print(f"{training.count_parameters(model):,} trainable parameters")
        cohort.prepare()
        study = study_of(cohort, cfg.people) if engine else None
        store, excluded = selection.usable(cohort, wanted, beat, exclusions, cache, cfg.runtime.workers)
        if study:
            study.check(store.sample_ids, store.visits, f"cohort {cohort.name}")
        cleaned = preprocess.clean(store, kind, baseline, denoiser, cache, cfg.runtime.accelerator)
        tracked = tracking.one_run(build(cfg.get("logger")), directory.name, runs.identity(config))
        with tracked as logger, runs.new_run(directory, config) as run:
            signals = encoding.as_signals(cleaned, lead_mode)
            people = store.sample_ids.repeat(len(signals) // len(store))
            machine = training.Machine(cfg.runtime.accelerator, logger, run)
            fitted = training.fit(model, objective, normalization, signals, people, schedule, machine)
            found = encoding.encode(fitted, store, kind, cleaned, lead_mode, schedule)
            latents.write_latents(run / "latents.h5", found)
            excluded.to_csv(run / "excluded.tsv", sep="\t", index=False)
            run_figures.draw(run / "figures", fitted, found, cleaned, store, kind, lead_mode, cohort.public)
            summary = (
                study.scan(engine, score, latents.as_phenotypes(found, "latents.h5"), run, config) if study else None
            )
            page.write_report(run)
            tracking.mirror(logger, summary, run / "figures")
    return show(directory)


if __name__ == "__main__":
    start(main)
