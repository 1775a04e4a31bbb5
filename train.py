"""Fit one model, encode everyone, and score the run by what the genome found."""

import hydra
from omegaconf import DictConfig

from ecgae.entry.build import build, machine_of
from ecgae.entry.command_line import entry, start
from ecgae.entry.job import Job, once
from ecgae.entry.preparation import ages_and_sexes, design_of, encode_timed, withdrawn_of
from ecgae.entry.scanning import (
    Selected,
    check_scored,
    choices_of,
    require_yardsticks,
    score_yardsticks,
    study_of,
)
from ecgae.runs import run_directory


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
@entry
def main(cfg: DictConfig) -> Selected:
    return once(cfg, train)


def train(cfg: DictConfig, job: Job) -> None:
    """From recordings and genotypes to the finished run of this job."""
    # What can be refused is built and checked before any recording is read.
    design, engine, choices = design_of(cfg), build(cfg.get("engine")), choices_of(cfg)
    machine = machine_of(cfg.runtime)
    require_yardsticks(cfg.yardsticks)
    from ecgae.models import latents, training  # seconds
    from ecgae.models.judging.judge import judge
    from ecgae.report import page, run_figures, yield_figures

    training.start_seed(design.schedule.seed)
    model = design.network()
    print(f"{training.count_parameters(model):,} trainable parameters")

    # Recordings are read once, left out where they cannot be used, and cleaned; people are dealt
    # out to those who train, who score and who confirm.
    design.cohort.prepare()
    study = study_of(design.cohort, choices, design.cache) if engine else None
    store, excluded = design.recordings(withdrawn_of(cfg))
    parts = design.dealt(store)
    if study:
        check_scored(study, store, parts, design.cohort.name)
    dataset = design.dataset(store)

    # What every model is compared with is scored in the same people.
    if study:
        score_yardsticks(cfg.yardsticks, design, store, parts, study, engine, job.config)

    # The model, everybody's latents, how good both are, and what the genome finds in them.
    with run_directory.new_run(job.directory, job.config) as run:
        here = machine._replace(logger=job.logger, directory=run)
        loss = design.objective, design.normalization
        fitted = training.fit(model, *loss, dataset, design.schedule, machine=here, parts=parts)
        encoded, costs = encode_timed(fitted, dataset, parts)
        probes = ages_and_sexes(design.cohort, store, study)
        judged = judge(fitted, dataset, encoded, design.latent_qc, probes, costs)

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
