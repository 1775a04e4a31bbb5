"""What a job of a sweep is called, how its process is started, and whether its run is there
already."""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from ecgae.errors import InputError
from ecgae.runs import run_directory
from ecgae.scoring.select_by import selected

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables that say how many threads a job uses."""

NOT_IN_FILE_NAMES = re.compile(r"[^\w.=+-]+")
"""Letters that a shell or a file system may take amiss."""


class Job(NamedTuple):
    """One job of a sweep."""

    number: int
    overrides: tuple[str, ...]
    """What the job sets, each as `key=value`."""
    name: str
    """The overrides that distinguish it from the sweep's other jobs: `latent_dim=16 seed=2`."""

    @property
    def title(self) -> str:
        """What the job is called where it is printed: `#3 latent_dim=16 seed=2`."""
        return f"#{self.number} {self.name}".rstrip()

    def log(self, folder: Path) -> Path:
        """The file that gets the job's output: `<number>-<name>.log`."""
        short = NOT_IN_FILE_NAMES.sub(",", self.name)[:80].strip(",")
        return folder / (f"{self.number}-{short}.log" if short else f"{self.number}.log")


def typed(sweep: DictConfig, kind: str) -> list[str]:
    """The overrides of a `kind` (task or hydra) on the command line, as they were typed."""
    return OmegaConf.to_container(sweep.hydra.overrides[kind], resolve=False)  # type: ignore[return-value]


def named(number: int, overrides: Sequence[str], sweep: DictConfig) -> Job:
    """The job; its name leaves out what was typed for the whole sweep."""
    parsed = OverridesParser.create().parse_overrides(typed(sweep, "task"))
    shared = {override.get_key_element() for override in parsed if not override.is_sweep_override()}
    own = [word.partition("=") for word in overrides if word.partition("=")[0] not in shared]
    name = " ".join(f"{key.rpartition('.')[2]}={value}" for key, _, value in own)
    return Job(number, tuple(overrides), name)


def command(job: Job, sweep: DictConfig) -> list[str]:
    """The command that was typed, for one job: the same script, configs and settings of Hydra."""
    words = [sys.executable, *(f"-W{option}" for option in sys.warnoptions), *_script()]
    for source in sweep.hydra.runtime.config_sources:
        option = {"main": "--config-path", "command-line": "--config-dir"}.get(source.provider)
        if option:
            in_a_package = source.schema != "file"
            words += [option, f"{source.schema}://{source.path}" if in_a_package else source.path]
    if sweep.hydra.job.config_name:
        words += ["--config-name", sweep.hydra.job.config_name]

    settings = [word for word in typed(sweep, "hydra") if not word.startswith("hydra.mode=")]
    own = ["hydra.mode=RUN", f"hydra.job.num={job.number}", f"hydra.job.id='{job.number}'"]
    # The folder is as it was when the sweep started; what lies below it may depend on the job.
    own += [
        f"hydra.sweep.dir={_quoted(sweep.hydra.sweep.dir)}",
        "hydra.run.dir=${hydra.sweep.dir}/${hydra.sweep.subdir}",
    ]
    return [*words, *settings, *job.overrides, *own]


def _script() -> list[str]:
    """What Python was asked to run: a file, or a module."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return ["-m", spec.name] if spec else [sys.argv[0]]


def _quoted(text: str) -> str:
    return QuotedString(text=text, quote=Quote.single).with_quotes()


def environment(n_jobs: int, gpus: Sequence[str]) -> dict[str, str]:
    """The environment of a job beside `n_jobs - 1` others: a fair share of the threads unless their
    number is set already."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    shared = dict.fromkeys(THREADS, str(max(1, cores // n_jobs)))
    visible = {"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {}
    # Unbuffered: a killed job leaves all that it printed.
    return {**shared, **os.environ, **visible, "PYTHONUNBUFFERED": "1"}


def gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them; found without loading
    CUDA."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name]
    return [str(number) for number, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]


def dealt(gpus: Sequence[str], slot: int, each: int) -> list[str]:
    """`each` of the GPUs for the jobs of one slot, round and round.

    Three slots on two GPUs, one each: the third slot shares the first GPU.

    >>> [dealt(["0", "1"], slot, each=1) for slot in range(3)]
    [['0'], ['1'], ['0']]
    """
    return [gpus[(slot * each + turn) % len(gpus)] for turn in range(min(each, len(gpus)))]


def finished_run(cfg: DictConfig) -> Path | None:
    """The run directory of a job of train.py that is finished; None otherwise, and for jobs of
    other programs."""
    cfg = cfg.copy()
    HydraConfig.instance().set_config(cfg)  # for ${hydra:...}
    with read_write(cfg), open_dict(cfg):
        del cfg["hydra"]
    if not cfg.keys() >= run_directory.REQUIRED | {"paths"} or OmegaConf.missing_keys(cfg):
        return None
    config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    directory = Path(config["paths"]["runs"]) / run_directory.run_name(config)
    try:
        return directory if run_directory.is_finished(directory, config) else None
    except InputError:  # the job itself says what is wrong with that directory
        return None


Value = float | tuple[float, ...] | None
"""What a job returns: the number or numbers that runs are selected by."""


def value_of(directory: Path, sweep: DictConfig | None = None) -> Value:
    """What train.py returns for a finished run: the numbers named by `score.select_by`, NaN where
    it is not valid.

    The sweep's `score.select_by` counts, since the run may have been made for another sweep;
    without a sweep, the run's own.
    """
    score = run_directory.read_score(directory)
    if score is None:
        return None
    wanted = None if sweep is None else OmegaConf.select(sweep, "score.select_by")
    return selected({**score, "select_by": wanted or score["select_by"]})


def doubts(directory: Path) -> str:
    """Why the score of a finished run is not valid; "" where it is."""
    return " ".join((run_directory.read_score(directory) or {}).get("invalid_because", ()))
