"""Latents of a finished run, again or of another cohort."""

from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf

from ecgae import runs
from ecgae.entry import build, entry, network_of, start, view_of


@hydra.main(version_base="1.3", config_path="conf", config_name="encode")
@entry
def main(cfg: DictConfig) -> None:
    run = Path(cfg.run)
    trained = OmegaConf.create(runs.read_config(run))
    from ecgae import checkpoint, encoding, families, latents, preprocess, selection  # seconds to import
    from ecgae.dataset import dataset_of

    other = cfg.get("cohort") is not None
    cohort = build(cfg.cohort if other else trained.cohort)
    baseline, denoiser, normalization = map(build, (trained.baseline, trained.denoiser, trained.normalization))
    wanted, beat, exclusions = map(build, (trained.input, trained.beats, trained.exclusions))
    if other:
        own = build(trained.cohort)
        layout = wanted.layout(own.layouts, own.name, beat)
        wanted = wanted.of_another(cohort, layout, trained.lead_mode, beat)
    layout = wanted.layout(cohort.layouts, cohort.name, beat)
    view = view_of(layout, trained)
    objective = build(trained.objective, sampling_rate=layout.sampling_rate)
    model = network_of(trained, layout, view, objective)
    fitted = checkpoint.load(model, normalization, run / checkpoint.CHECKPOINT, cfg.runtime.accelerator)
    cohort.prepare()
    cache, accelerator = Path(cfg.paths.cache), cfg.runtime.accelerator
    store, excluded = selection.usable(cohort, wanted, beat, exclusions, cache, cfg.runtime.workers)
    withdrawn = OmegaConf.select(trained, "individuals.withdrawn")
    store, excluded = selection.consenting(store, excluded, None if other else withdrawn)
    cleaned = preprocess.clean(store, wanted.recording, baseline, denoiser, cache, accelerator)
    dataset = dataset_of(store, wanted.recording, cleaned, view, objective.features)
    parts = None
    if not other:
        related = families.read_families(trained.relatives)
        parts = build(trained.split)(store.sample_ids, related)
        parts = build(trained.trainer).hold_out(parts, store.sample_ids, related)
    screened = build(trained.latent_qc)(encoding.encode(fitted, dataset, parts), view)
    found = screened.latents
    out = Path(cfg.out) if cfg.out else run / "cohorts" / store.file.parent.name if other else run
    out.mkdir(parents=True, exist_ok=True)
    latents.write_latents(out / "latents.h5", found)
    excluded.to_csv(out / "excluded.tsv", sep="\t", index=False)
    if screened.summary["dropped"]:
        print(
            f"{screened.summary['dropped']:,} {screened.summary['unit']}s failed latent_qc; their latents are missing"
        )
    print(f"{len(found.sample_ids):,} recordings, {len(found.names)} latents each, in {out / 'latents.h5'}")


if __name__ == "__main__":
    start(main)
