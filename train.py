"""Fit one model, encode everyone, and score the run by what the genome found."""

import time
from pathlib import Path

import hydra
from omegaconf import DictConfig

from ecgae.entry.build import build, machine_of
from ecgae.entry.command_line import entry, start
from ecgae.entry.job import Job, once
from ecgae.entry.preparation import ages_and_sexes, design_of, withdrawn_of
from ecgae.entry.scan import Selected, choices_of, study_of
from ecgae.machine.processes import is_first_process
from ecgae.runs import run_directory


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
@entry
def main(cfg: DictConfig) -> Selected:
    return once(cfg, train)


def train(cfg: DictConfig, job: Job) -> None:
    """From recordings and genotypes to the finished run of this job."""
    # What can be refused is built and checked before any recording is read.
    design, engine, choices = design_of(cfg), build(cfg.get("engine")), choices_of(cfg)
    from ecgae.models import encoding, latents, training  # seconds
    from ecgae.models.judging import judge
    from ecgae.report import page, run_figures, yield_figures
    from ecgae.scoring import scored_yardsticks

    scored_yardsticks.require_known(cfg.yardsticks)
    machine = machine_of(cfg.runtime)
    training.start_seed(design.schedule.seed)
    model = design.network()
    print(f"{training.count_parameters(model):,} trainable parameters")

    # Recordings are read once, left out where they cannot be used, and cleaned; people are dealt
    # out by family.
    design.cohort.prepare()
    study = study_of(design.cohort, choices, design.cache) if engine else None
    store, excluded = design.recordings(withdrawn_of(cfg))
    parts = design.dealt(store, cfg.relatives)
    if study:
        scored = latents.scored(parts)
        study.check(store.sample_ids[scored], store.visits[scored], f"cohort {design.cohort.name}")
    dataset = design.dataset(store)

    # What every model is compared with is scored in the same people.
    if study and is_first_process():
        recordings = scored_yardsticks.Recordings(
            design.cohort, design.beat, design.cache, design.workers
        )
        people, folder = (
            scored_yardsticks.RecordedPeople(store, parts),
            Path(cfg.paths.runs) / scored_yardsticks.FOLDER,
        )
        scored_yardsticks.score_yardsticks(
            cfg.yardsticks, people, recordings, study, engine, job.config, folder
        )

    # The model, everybody's latents, how good both are, and what the genome finds in them.
    with run_directory.new_run(job.directory, job.config) as run:
        here = machine._replace(logger=job.logger, directory=run)
        fitted = training.fit(
            model, design.objective, design.normalization, dataset, design.schedule, here, parts
        )
        started = time.monotonic()
        encoded = encoding.encode(fitted, dataset, parts)
        costs = training.costs(fitted) | {"encoding_seconds": time.monotonic() - started}
        probed = ages_and_sexes(design.cohort, store, study)
        judged = judge.judge(fitted, dataset, encoded, design.latent_qc, probed, costs)

        latents.write_latents(run / "latents.h5", judged.latents)
        run_directory.write_json(run / run_directory.MODEL, judged.summary)
        excluded.to_csv(run / "excluded.tsv", sep="\t", index=False)
        run_figures.draw(run / "figures", fitted, dataset, encoded, judged, design.cohort.public)
        if study:
            phenotypes = latents.as_phenotypes(judged.latents, "latents.h5")
            study.scan(engine, phenotypes, run, job.config, draw=yield_figures.draw)
        page.write_report(run)


if __name__ == "__main__":
    start(main)
