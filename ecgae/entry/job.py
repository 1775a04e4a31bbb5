"""One job of train.py: the run that its settings name, computed unless it is there already."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig

from ecgae.entry.build import build
from ecgae.entry.command_line import plain, require_known, show
from ecgae.entry.scanning import Selected, rescore
from ecgae.machine.processes import is_first_process
from ecgae.runs import run_directory

SETTINGS = (
    *("cohort", "input", "beats", "exclusions", "split", "relatives", "lead_mode", "leads"),
    *("baseline", "denoiser", "normalization", "architecture", "objective", "trainer", "latent_qc"),
    *(
        "engine",
        "variants",
        "individuals",
        "adjustment",
        "people",
        "score",
        "checks",
        "gate",
        "constant_phenotypes",
    ),
    *("sweep", "yardsticks", "logger", "paths", "runtime"),
)
"""The sections of conf/train.yaml."""

AXES = ("cohort", "baseline", "denoiser", "normalization", "architecture", "objective", "split")
"""Groups of a run's config that it is described by."""


class Job(NamedTuple):
    """What a run is made from, and where."""

    config: dict[str, Any]
    """Nested plain values, as config.yaml will hold them."""
    directory: Path
    """The run directory when it is whole."""
    logger: Any
    """W&B's mirror; None without one."""


def once(cfg: DictConfig, train: Callable[[DictConfig, Job], None]) -> Selected:
    """Lets `train` make the run unless it is finished; returns the numbers that a sweep looks at.

    A run that gwas.py has scored with other settings since is scored again, not trained again.
    """
    config = plain(cfg)
    require_known(config, SETTINGS)
    directory = Path(cfg.paths.runs) / run_directory.run_name(config)

    with run_directory.only_one(directory) if is_first_process() else nullcontext():
        finished = run_directory.is_finished(directory, config)
        if (
            finished and "WANDB_SWEEP_ID" not in os.environ
        ):  # its agent waits for a number all the same
            return show(directory, cfg.score.select_by, "finished before, not computed again")
        if directory.is_dir() and not finished:
            return rescore(directory, config, directory)

        from ecgae.runs import tracking  # seconds

        tracker = build(cfg.get("logger")) if is_first_process() else None
        identity, axes = run_directory.identity(config), axes_of(config)
        with tracking.one_run(tracker, directory.name, identity, cfg.sweep, axes) as logger:
            if not finished:
                train(cfg, Job(config, directory, logger))
            score = run_directory.read_score(directory) or run_directory.read_headline(directory)
            tracking.mirror(logger, directory, score)
    return show(directory, cfg.score.select_by)


def axes_of(config: dict[str, Any]) -> list[str]:
    """The choices that a run is made of, such as `denoiser=fft`, by which runs are found among
    others."""
    chosen = {name: config[name]["_target_"].split(".")[-2] for name in AXES}
    return [
        f"{name}={choice}"
        for name, choice in {**chosen, "input": config["input"]["recording"]}.items()
    ]
