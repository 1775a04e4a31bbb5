"""Latents of a finished run, again or of another cohort."""

from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf

from ecgae.entry.build import build
from ecgae.entry.choices import read_trained
from ecgae.entry.command_line import entry, start
from ecgae.entry.preparation import design_of, withdrawn_of


@hydra.main(version_base="1.3", config_path="conf", config_name="encode")
@entry
def main(cfg: DictConfig) -> None:
    # The run's own design, or the same for the recordings of another cohort.
    run = Path(cfg.run)
    trained = OmegaConf.create(read_trained(run))
    other = build(cfg.get("cohort"))
    from ecgae.models import encoding, latents  # seconds

    design = design_of(trained, cfg, other)
    fitted = design.fitted(run, design.accelerator)

    # Recordings, cleaned as they were for training; the parts are known only of those who could
    # train.
    store, excluded = design.recordings(None if other else withdrawn_of(trained))
    dataset = design.dataset(store)
    parts = None if other else design.dealt(store)

    # Latents, without those of signals that the model could not reconstruct.
    screened = design.latent_qc(encoding.encode(fitted, dataset, parts), design.view)
    found = screened.latents
    out = Path(cfg.out) if cfg.out else run / "cohorts" / store.file.parent.name if other else run
    out.mkdir(parents=True, exist_ok=True)
    latents.write_latents(out / "latents.h5", found)
    excluded.to_csv(out / "excluded.tsv", sep="\t", index=False)

    dropped, unit = screened.summary["dropped"], screened.summary["unit"]
    if dropped:
        print(f"{dropped:,} {unit}s failed latent_qc; their latents are missing")
    print(
        f"{len(found.sample_ids):,} recordings, {len(found.names)} latents each, in {out / 'latents.h5'}"
    )


if __name__ == "__main__":
    start(main)
