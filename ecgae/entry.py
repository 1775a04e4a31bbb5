"""What the entry points share: from a composed config to components, and from an error to one sentence."""

import difflib
import errno
import functools
import inspect
import math
import os
import shutil
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException, InstantiationException
from hydra.types import RunMode
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue

from ecgae import processes, runs, slurm, sweeping
from ecgae.cohort import Cohort
from ecgae.errors import InputError
from ecgae.report.table import summary_table
from ecgae.selecting import selected

if TYPE_CHECKING:  # the rest of the package takes seconds to import: not for --help
    from ecgae.cohort import Layout
    from ecgae.store import Store
    from ecgae.study import Choices, Study
    from ecgae.tables import Phenotypes
    from ecgae.training import Machine
    from ecgae.views import View


WHITELIST: dict[str, Any] = {"_execution_whitelist_": "ecgae.*"} if hydra.__version__ >= "1.4" else {}
"""Hydra 1.4 asks which code a config may call; 1.3 does not know the argument."""

SCORING = (
    *("engine", "variants", "individuals", "adjustment", "people", "score", "checks", "gate"),
    "constant_phenotypes",
)
"""The sections of a run's config that gwas.py may change."""

AXES = ("cohort", "baseline", "denoiser", "normalization", "architecture", "objective", "split")
"""Groups of a run's config that it is described by."""

NEEDED = ("architecture", "objective", "input", "split")
"""Groups that no run can do without."""

sweeping.register()

CONF = Path(__file__).parent.parent / "conf"


class JobFailed(CompactHydraException):
    """A job of a sweep that ended in an error of the user's; Hydra goes on with the others and prints it at the end."""


def start(main: Callable[[], Any]) -> None:
    """Runs a Hydra entry point on the command line's arguments.

    Hydra cannot parse `group=null`, no choice of this group; it writes that `~group`.
    """
    # OpenMP threads that spin long while they wait make training several times slower once another job wants a core.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    processes.keep_freed_memory(trim=2**31 - 1, map_from=2**30)
    slurm.requeue_on_signal()
    if not processes.is_first_process():
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  the first process says it all; lives as long as this one
    sys.argv[1:] = [_quoted(word) for word in sys.argv[1:]]
    sys.argv[1:] = [_without_null(word) for word in sys.argv[1:]]
    main()


def _without_null(word: str) -> str:
    """`denoiser=null` is `denoiser=none`; `engine=null` leaves the group out, where a run can do without."""
    group, null, _ = word.partition("=null")
    if not null or not (CONF / group).is_dir():
        return word
    if (CONF / group / "none.yaml").is_file():
        return f"{group}=none"
    if group in NEEDED:
        choices = ", ".join(sorted(file.stem for file in (CONF / group).glob("*.yaml")))
        print(f"error: {group} must be one of {choices}; got null.", file=sys.stderr)
        sys.exit(1)
    return f"~{group}"


def _quoted(word: str) -> str:
    """`genotypes=x{chromosome}` as Hydra wants it: braces mean a dictionary to it unless they are in quotes."""
    key, equals, value = word.partition("=")
    return f'{key}="{value}"' if equals and "{chromosome}" in value and value[0] not in "\"'" else word


def entry(main: Callable[[DictConfig], Any]) -> Callable[[DictConfig], Any]:
    """Turns an `InputError` into its sentence; every other exception keeps its traceback."""

    @functools.wraps(main)
    def run(config: DictConfig) -> Any:
        try:
            return main(config)
        except InputError as error:
            sentence = str(error)
        except MissingMandatoryValue as error:
            sentence = f"{error.full_key or error.key} must be set; got nothing. Type {error.full_key or error.key}=..."
        except OSError as error:
            if error.errno != errno.ENOSPC and "No space left" not in str(error):
                raise
            place = f" in {error.filename}" if error.filename else ""
            sentence = (
                f"disk must have room for what is written; it is full{place}. "
                "Free some space and type the same command again: what is finished stays."
            )
        print(f"error: {sentence}", file=sys.stderr)
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            raise JobFailed(f"at least one job failed; the first: {sentence}") from None
        sys.exit(1)

    return run


def build(node: DictConfig | None, **given: Any) -> Any:
    """The component that a config node describes, or None.

    `given` are facts that no config knows, such as the number of leads; a component gets those that it asks for.

    Only components of this package are built: a run directory that somebody sent must not start other code.
    """
    if node is None:
        return None
    if not str(node.get("_target_")).startswith("ecgae."):
        raise InputError(
            f"_target_ must be a component of ecgae; got {node.get('_target_')}. Check the run's config.yaml."
        )
    require_types(node)
    wanted = inspect.signature(get_object(node._target_)).parameters
    given = {name: value for name, value in given.items() if name in wanted}
    try:
        return instantiate(node, _convert_="all", **WHITELIST, **given)
    except InstantiationException as error:
        if isinstance(error.__cause__, InputError):
            raise error.__cause__ from None
        raise


def require_types(node: DictConfig) -> None:
    """Raises `InputError` where a value of the node has not the type that the component's annotation states."""
    target: Any = get_object(node._target_)
    wanted = get_type_hints(target.__init__ if isinstance(target, type) else target)  # type: ignore[misc]
    values: Any = OmegaConf.to_container(node, resolve=True)
    for name, value in values.items():
        must = TYPES.get(wanted.get(name))
        if must and not must.holds(value):
            raise InputError(f"{node._get_full_key(name)} must be {must.text}; got {value!r}.")


class _Must(NamedTuple):
    text: str
    holds: Callable[[Any], bool]


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _all_whole(value: Any) -> bool:
    return isinstance(value, list) and all(map(_whole, value))


def _all_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


TYPES: dict[Any, _Must] = {
    int: _Must("a whole number", _whole),
    float: _Must("a finite number", _finite),
    float | None: _Must("a finite number or null", lambda value: value is None or _finite(value)),
    str | None: _Must("text or null", lambda value: value is None or isinstance(value, str)),
    bool: _Must("true or false", lambda value: isinstance(value, bool)),
    str: _Must("text", lambda value: isinstance(value, str)),
    Sequence[int]: _Must("a list of whole numbers such as [7, 7, 5]", _all_whole),
    Sequence[str]: _Must("a list of words such as [I, II, V5]", _all_text),
}
"""What a value in a config must be, by the annotation of the component's argument."""


def plain(config: DictConfig) -> dict[str, Any]:
    """The config as nested dicts and lists with every interpolation resolved."""
    return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)  # type: ignore[return-value]


def require_known(config: dict[str, Any], known: Collection[str]) -> None:
    """Raises `InputError` for a section that no program reads, as a file of a sweep may have one by a slip."""
    for name in sorted(config.keys() - set(known)):
        near = difflib.get_close_matches(name, known, 1)
        hint = f"Is it {near[0]}?" if near else "Delete it."
        raise InputError(f"{name} must be a setting of conf/train.yaml; got one that nothing reads. {hint}")


def view_of(layout: "Layout", cfg: DictConfig) -> "View":
    """Which leads of such recordings the network sees, and whether together."""
    from ecgae.views import View

    return View(layout.leads, cfg.lead_mode, cfg.leads)


def network_of(cfg: DictConfig, layout: "Layout", view: "View", objective: Any) -> Any:
    """The architecture for recordings of this layout, seen so: known from the cohort, before any recording is read."""
    from ecgae.architecture import ClosedForm

    told = len(objective.features)
    model = build(cfg.architecture, leads=view.channels, samples=layout.samples or 0, conditions=told)
    if isinstance(model, ClosedForm) and not objective.closed_form:
        name = cfg.architecture._target_.split(".")[-2]
        raise InputError(
            f"objective must be reconstruction or conditional with error=mse for architecture={name}, whose weights "
            f"are the least-squares solution; got {objective}."
        )
    return model


def machine_of(runtime: DictConfig) -> "Machine":
    """Where training runs, checked; the run's directory and logger come later."""
    from ecgae.training import Machine, gpu_is_there

    accelerators, memory = ("auto", "cpu", "gpu"), runtime.memory
    if runtime.accelerator not in accelerators:
        raise InputError(f"runtime.accelerator must be one of {', '.join(accelerators)}; got {runtime.accelerator!r}.")
    if runtime.accelerator == "gpu" and not gpu_is_there():
        raise InputError("runtime.accelerator must be auto or cpu where torch sees no GPU; got gpu.")
    for name, value, least in (("devices", runtime.devices, 1), ("workers", runtime.workers, 1)):
        if not _whole(value) or value < least:
            raise InputError(f"runtime.{name} must be a whole number of at least {least}; got {value!r}.")
    if memory is not None and not (_finite(memory) and memory >= 0):
        raise InputError(f"runtime.memory must be in GB, at least 0, or null; got {memory!r}.")
    limit = None if memory is None else int(memory * 1e9)
    return Machine(runtime.accelerator, None, Path(), runtime.devices, limit)


def choices_of(cfg: DictConfig) -> "Choices":
    """Who and what is tested, and what counts as found: conf/scan.yaml."""
    from ecgae.study import Choices

    return Choices(cfg.people, *(build(cfg[name]) for name in Choices._fields[1:]))


def axes_of(config: dict[str, Any]) -> list[str]:
    """The choices that a run is made of, such as `denoiser=fft`, by which runs are found among others."""
    chosen = {name: config[name]["_target_"].split(".")[-2] for name in AXES}
    return [f"{name}={choice}" for name, choice in {**chosen, "input": config["input"]["recording"]}.items()]


def study_of(cohort: Cohort, choices: "Choices", cache: Path | None = None) -> "Study":
    """The cohort's genotypes, covariates and planted variants, opened and checked.

    cache: where what many scans share is kept; None: nowhere.
    """
    from ecgae.study import Files, Study

    files = Files(cohort.genotypes, cohort.covariates, cohort.categorical, cohort.planted)
    return Study.open(files, choices, cache)


def ages_and_sexes(cohort: Cohort, store: "Store", study: "Study | None") -> dict[str, Any]:
    """What the cohort's covariates say of everybody's age and sex, for probing latents; by row of the store."""
    from ecgae.covariates import read_covariates
    from ecgae.people import known_of

    if study is not None:
        table = study.covariates
    else:
        table = None if cohort.covariates is None else read_covariates(cohort.covariates)
    return known_of(table, ("age", "sex"), store.sample_ids, store.visits)


def show(directory: Path, select_by: Any = None, remark: str = "") -> float | tuple[float, ...] | None:
    """Prints the run's numbers and where its report lies; returns those named by `select_by`.

    They are NaN where the score is not valid: a sweep takes that for a failed trial, never for a model without loci.
    """
    print(f"\n{directory}" + (f" ({remark})" if remark else ""))
    score = runs.read_score(directory)
    print(summary_table(score or runs.read_headline(directory)))
    if (directory / "report.html").is_file():
        print(f"report: {directory / 'report.html'}")
    return None if score is None else selected({**score, "select_by": select_by or score["select_by"]})


def settings_typed(trained: dict[str, Any], cfg: DictConfig) -> dict[str, Any]:
    """A run's own engine and score with the changes that were typed on the command line, and nothing else."""
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
            # merge=False: another choice of a group does not inherit the settings of the one that the run had
            OmegaConf.update(settings, key, OmegaConf.select(cfg, key), merge=False, force_add=True)
        if key == "constant_phenotypes":
            OmegaConf.update(settings, "engine.constant_phenotypes", cfg.constant_phenotypes)
    return OmegaConf.to_container(settings, resolve=True)  # type: ignore[return-value]


def _still_known(name: str, section: Any) -> Any:
    """A section of a run's config without settings that its component had in another version only."""
    if not isinstance(section, dict) or not str(section.get("_target_")).startswith("ecgae."):
        return section
    known = {"_target_", *inspect.signature(get_object(section["_target_"])).parameters}
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
    run: Path, config: dict[str, Any], out: Path, chromosomes: Sequence[str] | None = None, report: bool = True
) -> float | tuple[float, ...] | None:
    """Scans the latents of a finished run again, with the settings of `config`; writes to `out`."""
    from ecgae import latents

    study, engine = scored_with(config)
    if out != run and (run / runs.MODEL).is_file():
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(run / runs.MODEL, out / runs.MODEL)
    phenotypes = latents.as_phenotypes(latents.read_latents(run / "latents.h5"), str(run / "latents.h5"))
    return scan(study, engine, phenotypes, out, config, chromosomes, report)


def scan(
    study: "Study",
    engine: Any,
    phenotypes: "Phenotypes",
    out: Path,
    config: dict[str, Any],
    chromosomes: Sequence[str] | None,
    report: bool,
) -> float | tuple[float, ...] | None:
    """Scans, writes the report and shows the yield; or makes the part of some chromosomes."""
    if study.scan(engine, phenotypes, out, config, chromosomes, report) is None:
        print(f"{out}: chromosomes {', '.join(map(str, chromosomes or ()))} are done")
        return None
    if report:
        from ecgae.report.page import write_report

        write_report(out)
    return show(out, config["score"]["select_by"])
