"""Weights & Biases as a mirror of the run directory: never the place where a result lives.

What is sent: the config without paths, metrics, the score, the loci, figures of no single person.
What is not: ids, genotypes, the terminal's output, the names of host, user and folders; and unless
a switch says so traces of single people, latents and checkpoints.
"""

import inspect
import math
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wandb
from pytorch_lightning.loggers import WandbLogger

from ecgae.runs.locus_file import read_loci

# What W&B reports about its own errors names folders.
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

FIGURES = ("manhattan", "qq", "inflation", "quality", "errors", "training", "latents", "probes")
"""Figures that show many people together, and are always sent."""

TRACES = ("overlays", "traversals")
"""Figures that show single people, or the mean of few, where the cohort is declared public."""

TABLES = ("loci", "omnibus_loci")
"""Tables of loci in the run directory, `<name>.tsv`, that are sent."""

FLATTENED = ("standard_errors", "gate")
"""Parts of the score that become `score/<part>/<name>`; others (by phenotype, by chromosome) are
left out."""

PRIVATE: dict[str, Any] = {
    "console": "off",  # what is printed names folders, and may name a person
    "host": "-",
    "program": "train.py",  # without the folder that it lies in
    "disable_git": True,
    "disable_code": True,
    "disable_job_creation": True,
    "symlink": False,  # links would name folders, and break once the run is renamed
    "x_disable_meta": True,
    "x_save_requirements": False,
}
"""Settings that W&B must know: without them it tells about machine and user."""

COMFORT: dict[str, Any] = {
    "init_timeout": 20.0,  # s, for a server that does not answer
    "finish_timeout": 300.0,  # s, for the last uploads; `wandb sync` sends what is missing
    "x_transaction_log_flush_interval": 1.0,  # s; W&B's own 15 s are what a killed run loses
}
"""Settings of W&B that not every version of it has."""


class Mirror(WandbLogger):
    """Lightning's logger of one W&B run, and which figures and files of the run directory may be
    sent there."""

    def __init__(self, run: Any, figures: Sequence[str], files: Sequence[str]) -> None:
        super().__init__(experiment=run, log_model=False)
        self.figures, self.files = tuple(figures), tuple(files)


@dataclass(frozen=True)
class WandB:
    """Where the mirror is kept: runs of `project` below `save_dir`/wandb, and online too unless
    `offline`.

    send_traces: figures that show single people of a cohort that was declared public; simulated and
        open cohorts' are always sent. send_latents: latents.h5, which names people by their ids.
        send_checkpoint: the weights.
    """

    project: str
    offline: bool
    save_dir: str
    send_traces: bool = False
    send_latents: bool = False
    send_checkpoint: bool = False

    def start(
        self, name: str, config: dict[str, Any], group: str | None, tags: Sequence[str]
    ) -> Mirror:
        """A run of its own for this job; `config` is a nested plain dict.

        Where W&B cannot be reached the run is kept offline: nothing is lost, and a sweep at night
        goes on.
        """
        Path(self.save_dir).mkdir(parents=True, exist_ok=True)
        by_agent = "WANDB_SWEEP_ID" in os.environ  # a sweep's agent has set the project
        choices = dict(tag.split("=", 1) for tag in tags if "=" in tag)
        described = {
            "name": name,
            "project": None if by_agent else self.project,
            "group": group,
            "tags": list(tags),
            "job_type": "train",
            "dir": self.save_dir,
            "config": without_paths(config) | {"axes": choices},
            "settings": _settings(),
        }
        allowed = self.figures(config["cohort"]), self.files

        if not self.offline:
            try:
                require_key()
                return Mirror(wandb.init(mode="online", **described), *allowed)
            except wandb.Error as error:
                print(
                    f"warning: W&B cannot be reached ({first_line(error)}): this run is kept offline in "
                    f"{self.save_dir}/wandb. Send it later with wandb sync.",
                    file=sys.stderr,
                )
        return Mirror(wandb.init(mode="offline", **described), *allowed)

    def figures(self, cohort: dict[str, Any]) -> tuple[str, ...]:
        """The figures that may be sent; `cohort` is the cohort's section of the config.

        Where `public` is a setting, somebody decided that reports may show traces: not yet that
        these may go out.
        """
        return FIGURES if cohort.get("public") and not self.send_traces else FIGURES + TRACES

    @property
    def files(self) -> tuple[str, ...]:
        """The files of the run directory that may be sent."""
        switches = {"latents.h5": self.send_latents, "checkpoint.ckpt": self.send_checkpoint}
        return tuple(file for file, wanted in switches.items() if wanted)


@contextmanager
def one_run(
    tracker: WandB | None,
    name: str,
    config: dict[str, Any],
    group: str | None = None,
    tags: Sequence[str] = (),
) -> Iterator[Mirror | None]:
    """A W&B run that ends with the state that the job had: finished, or failed on any exception,
    SIGTERM's too.

    group: the sweep that the job belongs to. tags: the choices that it is made of, such as
    `denoiser=fft`.
    """
    if tracker is None:
        yield None
        return

    with _exit_on_sigterm():
        try:
            yield tracker.start(name, config, group, tags)
        except BaseException as error:
            code = error.code if isinstance(error, SystemExit) else None
            wandb.finish(exit_code=code if isinstance(code, int) else 1)
            raise
        wandb.finish()


def mirror(logger: Mirror | None, run_directory: Path, summary: dict[str, Any] | None) -> None:
    """The score as `score/<name>` in the run's summary, every figure as `report/<name>`, the loci
    as tables.

    Beyond these a file is sent only where its switch is on. `run_directory` is the job's, finished
    or about to be.
    """
    if logger is None:
        return
    run = logger.experiment
    run.summary.update(chartable(summary or {}))

    report: dict[str, Any] = {}
    for name in logger.figures:
        file = run_directory / "figures" / f"{name}.png"
        if file.is_file():
            report[f"report/{name}"] = wandb.Image(str(file))
    for name in TABLES:
        file = run_directory / f"{name}.tsv"
        if file.is_file():
            report[f"report/{name}"] = _table(run, f"report/{name}", file)
    run.log(report)

    for name in logger.files:
        # A copy, for a link would not outlive the directory's name.
        copy = shutil.copyfile(run_directory / name, Path(run.dir) / name)
        run.save(str(copy), base_path=run.dir, policy="now")


def without_paths(config: Any) -> Any:
    """The config with `(path)` in the place of each text with a slash: it names a file or folder."""
    if isinstance(config, dict):
        return {name: without_paths(value) for name, value in config.items()}
    if isinstance(config, list):
        return [without_paths(value) for value in config]
    return "(path)" if isinstance(config, str) and re.search(r"[/\\]", config) else config


def chartable(summary: dict[str, Any]) -> dict[str, Any]:
    """`score/<name>` for everything that a chart or a filter of W&B can use: numbers, flags,
    sentences.

    `score/selected` is the number, or the first of those, that runs are selected by; a run that may
    not be trusted has none, so that a search does not climb towards it.
    """
    numbers = {name: _plain(value) for name, value in summary.items()}
    for part in FLATTENED:
        for name, value in (summary.get(part) or {}).items():
            number = value["passed"] if isinstance(value, dict) else value
            numbers[f"{part}/{name}"] = _plain(number)

    if summary.get("valid"):
        chosen = summary["select_by"]
        numbers["selected"] = _plain(summary.get(chosen if isinstance(chosen, str) else chosen[0]))
    return {f"score/{name}": value for name, value in numbers.items() if value is not None}


def _plain(value: Any) -> bool | int | float | str | None:
    """The value as W&B can show it; None for what it has no column for, and for what is not known."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "; ".join(value) or None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str) else None


def _table(run: Any, key: str, file: Path) -> wandb.Table:
    """A table of loci for W&B, bound to the run under `key`."""
    content = read_loci(file).astype(object)
    table = wandb.Table(dataframe=content.where(content.notna(), None), allow_mixed_types=True)
    # Else W&B keeps a second copy in the user's home, by an absolute path (a run that is moved
    # could not be synced), and asks its server about it: a network that is down would cost the job.
    table.bind_to_run(run=run, key=key, step=run.step)
    return table


def _settings() -> wandb.Settings:
    """`PRIVATE`, and of `COMFORT` what the installed version of W&B knows."""
    known = {name: value for name, value in COMFORT.items() if name in wandb.Settings.model_fields}
    return wandb.Settings(silent=True, **PRIVATE, **known)


def require_key() -> None:
    """Raises `wandb.Error` where no key is there; W&B itself would ask for one, which nobody
    answers in a sweep."""
    if "prompt" in inspect.signature(wandb.login).parameters and not wandb.login(prompt=False):
        raise wandb.errors.UsageError("no API key: set WANDB_API_KEY, or type wandb login")


def first_line(error: Exception) -> str:
    """The reason without the advice that follows it, and without the full stop."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """SIGTERM becomes `SystemExit`; it would end the process with nothing told to W&B, which then
    shows it as crashed.

    While a model is trained Lightning listens instead, and ends after the step under way.
    """

    def end(number: int, _: Any) -> None:
        if signal.getsignal(signal.SIGTERM) is end:
            sys.exit(128 + number)

    in_charge = threading.current_thread() is threading.main_thread()
    if not in_charge or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
