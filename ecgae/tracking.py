"""Weights & Biases as a mirror of the run directory: never the place where a result lives.

What is sent: the config without paths, metrics, the score, the figures of the report. What is not: ids, latents,
checkpoints, genotypes, the terminal's output, the host's name.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wandb
from pytorch_lightning.loggers import WandbLogger


@dataclass(frozen=True)
class WandB:
    """Where the mirror is kept: runs of `project` below `save_dir`/wandb, and online too unless `offline`."""

    project: str
    offline: bool
    save_dir: str

    def start(self, name: str, config: dict[str, Any]) -> WandbLogger:
        """A run of its own for this job; `config` is a nested plain dict."""
        Path(self.save_dir).mkdir(parents=True, exist_ok=True)
        settings = wandb.Settings(
            silent=True,
            console="off",
            host="-",
            disable_git=True,
            disable_code=True,
            disable_job_creation=True,
            x_disable_meta=True,
        )
        run = wandb.init(
            name=name,
            project=self.project,
            mode="offline" if self.offline else "online",
            dir=self.save_dir,
            config=config,
            settings=settings,
        )
        return WandbLogger(experiment=run, log_model=False)


@contextmanager
def one_run(tracker: WandB | None, name: str, config: dict[str, Any]) -> Iterator[WandbLogger | None]:
    """A W&B run that ends with the state that the job had: finished, or failed on any exception, a signal's too."""
    if tracker is None:
        yield None
        return
    try:
        yield tracker.start(name, config)
    except BaseException:
        wandb.finish(exit_code=1)
        raise
    wandb.finish()


def mirror(logger: WandbLogger | None, summary: dict[str, Any] | None, figures: Path) -> None:
    """The score as `score/<name>` in the run's summary, and every figure as `report/<name>`."""
    if logger is None:
        return
    run = logger.experiment
    run.summary.update({f"score/{name}": value for name, value in (summary or {}).items()})
    run.log({f"report/{file.stem}": wandb.Image(str(file)) for file in sorted(figures.glob("*.png"))})
