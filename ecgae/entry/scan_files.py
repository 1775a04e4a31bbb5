"""A scan of files with the settings of `conf/scan.yaml`, for those who type no command."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ecgae.entry.build import build
from ecgae.entry.command_line import plain
from ecgae.entry.scanning import choices_of
from ecgae.entry.shipped import settings_of
from ecgae.errors import InputError
from ecgae.root import CONF

if TYPE_CHECKING:  # seconds
    from ecgae.genetics.genetic_files import GeneticFiles


def scan_files(
    phenotypes: Path, files: "GeneticFiles", engine: str, settings: Mapping[str, Any], out: Path
) -> dict[str, Any]:
    """Scans as gwas.py does, into the folder `out`; returns what score.json holds."""
    from ecgae.models.latents import read_phenotypes_or_latents
    from ecgae.scoring.study import Study

    cfg = _settings(engine, settings)
    runner, choices = build(cfg.engine), choices_of(cfg)
    study = Study.open(files, choices)
    config = {"phenotypes": str(phenotypes), **asdict(files), **plain(cfg)}
    score = study.scan(runner, read_phenotypes_or_latents(phenotypes), out, config)
    return score or {}


def _settings(engine: str, settings: Mapping[str, Any]) -> DictConfig:
    """What `conf/scan.yaml` and the engine's yaml say, with changes such as `{"score.alpha":
    1e-6}`."""
    scan = {"constant_phenotypes": "fail", "engine": settings_of("engine", engine)}
    cfg = OmegaConf.merge(OmegaConf.load(CONF / "scan.yaml"), scan)
    OmegaConf.set_struct(cfg, True)  # type: ignore[arg-type]
    for key, value in settings.items():
        try:
            OmegaConf.update(cfg, key, value)  # type: ignore[arg-type]
        except OmegaConfBaseException:
            raise InputError(
                f"settings must be those of conf/scan.yaml and of the engine, such as score.alpha; got {key!r}."
            ) from None
    return cfg  # type: ignore[return-value]
