"""The genetic side of a command: what is tested, by whom, and a run's latents scanned again."""

import inspect
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ecgae.entry.build import build
from ecgae.entry.choices import component
from ecgae.entry.command_line import plain, show
from ecgae.errors import InputError
from ecgae.genetics.genetic_files import GeneticFiles
from ecgae.machine.processes import is_first_process
from ecgae.runs import run_directory

if TYPE_CHECKING:  # seconds
    import numpy as np

    from ecgae.entry.preparation import Design
    from ecgae.people.tables import Phenotypes
    from ecgae.recordings.cohort import Cohort
    from ecgae.recordings.store import Store
    from ecgae.scoring.study import Choices, Study

SCORING = (
    *("engine", "variants", "individuals", "adjustment", "people", "score", "checks", "gate"),
    "constant_phenotypes",
)
"""The sections of a run's config that gwas.py may change."""

Selected = float | tuple[float, ...] | None
"""What a sweep looks at; None: nothing was scored."""


def choices_of(cfg: DictConfig) -> "Choices":
    """Who and what is tested, and what counts as found: conf/scan.yaml."""
    from ecgae.scoring.study import Choices

    return Choices(
        people=cfg.people,
        individuals=build(cfg.individuals),
        adjustment=build(cfg.adjustment),
        variants=build(cfg.variants),
        score=build(cfg.score),
        checks=build(cfg.checks),
        gate=build(cfg.gate),
    )


def study_of(cohort: "Cohort", choices: "Choices", cache: Path | None = None) -> "Study":
    """The cohort's genotypes, covariates and planted variants, opened and checked.

    cache: where what many scans share is kept; None: nowhere.
    """
    from ecgae.scoring.study import Study

    files = GeneticFiles(
        genotypes=cohort.genotypes,
        covariates=cohort.covariates,
        categorical=cohort.categorical,
        planted=cohort.planted,
    )
    return Study.open(files, choices, cache)


def require_yardsticks(names: Sequence[str]) -> None:
    """Raises `InputError` for a name that is no yardstick's."""
    from ecgae.scoring.scored_yardsticks import require_known

    require_known(names)


def check_scored(study: "Study", store: "Store", parts: "np.ndarray", cohort: str) -> None:
    """Joins those who will score with their genotypes and covariates, and prints who is analysed.

    Raises `InputError` where the three sides do not fit: before training, not after it.
    """
    from ecgae.models.latents import scored

    who = scored(parts)
    study.check(store.sample_ids[who], store.visits[who], f"cohort {cohort}")


def score_yardsticks(
    names: Sequence[str],
    design: "Design",
    store: "Store",
    parts: "np.ndarray",
    study: "Study",
    engine: Any,
    config: dict[str, Any],
) -> None:
    """What every model is compared with, scored in the same people beside the run."""
    from ecgae.scoring import scored_yardsticks

    if is_first_process():
        scored_yardsticks.score_yardsticks(
            names=names,
            people=scored_yardsticks.RecordedPeople(store, parts),
            recordings=scored_yardsticks.Recordings(
                design.cohort, design.beat, design.cache, design.workers
            ),
            study=study,
            engine=engine,
            config=config,
            folder=Path(config["paths"]["runs"]) / scored_yardsticks.FOLDER,
        )


def settings_typed(trained: dict[str, Any], cfg: DictConfig) -> dict[str, Any]:
    """A run's own engine and score with the changes that were typed on the command line, and
    nothing else."""
    settings = OmegaConf.create(
        {
            name: _still_known(name, trained.get(name, default))
            for name, default in plain(cfg).items()
            if name in SCORING
        }
    )

    for word in HydraConfig.get().overrides.task:
        key = word.lstrip("+~").partition("=")[0]
        if key not in ("run", "out", "chromosomes", "report") and key.split(".")[0] not in SCORING:
            raise InputError(
                f"{key} cannot be changed with run=; the run has its own. Use phenotypes=<run>/latents.h5."
            )
        if key.split(".")[0] in SCORING:
            # merge=False: another choice of a group does not inherit the settings of the one that
            # the run had
            OmegaConf.update(settings, key, OmegaConf.select(cfg, key), merge=False, force_add=True)
        if key == "constant_phenotypes":
            OmegaConf.update(settings, "engine.constant_phenotypes", cfg.constant_phenotypes)
    return OmegaConf.to_container(settings, resolve=True)  # type: ignore[return-value]


def _still_known(name: str, section: Any) -> Any:
    """A section of a run's config without settings that its component had in another version
    only."""
    if not isinstance(section, dict) or "_target_" not in section:
        return section
    known = {"_target_", *inspect.signature(component(name, section["_target_"])).parameters}
    for key in section.keys() - known:
        print(f"{name}.{key} of the run is no setting of this version: not used")
    return {key: value for key, value in section.items() if key in known}


def scored_with(config: dict[str, Any]) -> tuple["Study", Any]:
    """The study and the engine that a run's config names."""
    cfg = OmegaConf.create(config)
    engine, choices = build(cfg.engine), choices_of(cfg)
    cache = OmegaConf.select(cfg, "paths.cache")
    return study_of(build(cfg.cohort), choices, cache and Path(cache)), engine


def rescore(
    run: Path,
    config: dict[str, Any],
    out: Path,
    chromosomes: Sequence[str] | None = None,
    report: bool = True,
) -> Selected:
    """Scans the latents of a finished run again, with the settings of `config`; writes to `out`."""
    from ecgae.models import latents

    study, engine = scored_with(config)
    if out != run and (run / run_directory.MODEL).is_file():
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(run / run_directory.MODEL, out / run_directory.MODEL)
    phenotypes = latents.as_phenotypes(
        latents.read_latents(run / "latents.h5"), str(run / "latents.h5")
    )
    return scan(study, engine, phenotypes, out, config, chromosomes=chromosomes, report=report)


def scan(
    study: "Study",
    engine: Any,
    phenotypes: "Phenotypes",
    out: Path,
    config: dict[str, Any],
    *,
    chromosomes: Sequence[str] | None,
    report: bool,
) -> Selected:
    """Scans, writes the report and shows the yield; or makes the part of some chromosomes."""
    from ecgae.report.page import write_report  # Matplotlib takes a second to import
    from ecgae.report.yield_figures import draw

    part = None if chromosomes is None else list(map(str, chromosomes))
    figures = draw if report else None
    if study.scan(engine, phenotypes, out, config, chromosomes=part, draw=figures) is None:
        print(f"{out}: chromosomes {', '.join(part or ())} are done")
        return None
    if report:
        write_report(out)
    return show(out, config["score"]["select_by"])
