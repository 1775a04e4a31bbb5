"""What `import ecgae` gives a notebook: recordings, cleaning, a run's model, a scan, a run's
tables.

Every name is a function or a small record of arrays and tables; the rooms below are imported when
one is used.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yaml
from jaxtyping import Float, Int, Shaped

from ecgae.entry.choices import component, read_trained
from ecgae.errors import InputError
from ecgae.recordings.store import Store
from ecgae.root import CONF
from ecgae.runs import locus_file, run_directory

__all__ = [
    "Ecgs",
    "InputError",
    "Model",
    "Run",
    "Scanned",
    "clean",
    "load_run",
    "open_store",
    "read_run",
    "scan",
]

TABLES = ("measurements", "metadata", "labels")


class Ecgs(NamedTuple):
    """Recordings of one kind, with what every axis of `ecg` is."""

    ecg: Float[np.ndarray, "individual lead time"]
    """Voltages in mV, float32; a missing sample is NaN."""
    sample_ids: Shaped[np.ndarray, " individual"]
    visits: Int[np.ndarray, " individual"]
    leads: tuple[str, ...]
    time: Float[np.ndarray, " time"]
    """Seconds from the first sample."""
    sampling_rate: float
    """Samples per second, Hz."""


class Recordings:
    """A store, as `open_store` gives it: `kinds`, tables of what the files said, and `read`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __len__(self) -> int:
        return len(self._store)

    def __repr__(self) -> str:
        return f"{len(self):,} recordings of cohort {self._store.cohort}: {', '.join(self.kinds)}"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of recordings, such as strip and median_beat."""
        return self._store.kinds

    def table(self, name: str) -> pd.DataFrame:
        """One row per recording: measurements (ms, degrees, uV, per minute), metadata or labels."""
        if name not in TABLES:
            raise InputError(f"table must be one of {', '.join(TABLES)}; got {name!r}.")
        people = [self._store.sample_ids, self._store.visits]
        index = pd.MultiIndex.from_arrays(people, names=["sample_id", "visit"])
        return pd.DataFrame(self._store.table(name), index=index)

    def read(self, kind: str | None = None, rows: slice = slice(None)) -> Ecgs:
        """The recordings of a kind; `rows` chooses some of a large store.

        Raises `InputError` where the store has none of that kind, or has several and none is named.
        """
        if kind is None and len(self.kinds) > 1:
            raise InputError(f"kind must be one of {', '.join(self.kinds)}; got none.")
        kind = self.kinds[0] if kind is None else kind
        layout = self._store.layout(kind)
        ecg = self._store.ecg(kind, slice(*rows.indices(len(self))))
        time = np.arange(ecg.shape[-1]) / layout.sampling_rate
        people = self._store.sample_ids[rows], self._store.visits[rows]
        return Ecgs(ecg, *people, layout.leads, time, layout.sampling_rate)


def open_store(path: str | Path) -> Recordings:
    """The recordings in a store: a file `.h5` below `cache/`, or the folder that holds it.

        store = ecgae.open_store("cache/simulated-8d77")
        strips = store.read("strip", slice(0, 100))
        strips.ecg.shape, strips.leads, strips.time[-1]

    Raises `InputError` where there is none, or a folder holds several.
    """
    file = Path(path)
    if file.is_dir():
        stores = sorted(file.glob("*.h5"))
        if len(stores) != 1:
            names = ", ".join(each.name for each in stores) or "none"
            raise InputError(
                f"path must be a store, or a folder that holds one; {file} holds {names}."
            )
        (file,) = stores
    return Recordings(Store(file))


def clean(
    ecg: Float[np.ndarray, "*leads time"],
    sampling_rate: float,
    *,
    baseline: str = "none",
    denoiser: str = "none",
    **numbers: Any,
) -> Float[np.ndarray, "*leads time"]:
    """An ECG in mV after the baseline step and the denoiser of these names, as in `conf/`.

    `numbers` change those of a step: `clean(ecg, 500, denoiser="fft", denoiser_low=0.5)`.

    >>> import numpy as np
    >>> seconds = np.arange(5000) / 500
    >>> wander = np.sin(2 * np.pi * 0.2 * seconds)
    >>> flat = clean(wander[None], 500.0, baseline="highpass")
    >>> bool(np.abs(flat[:, 1000:4000]).max() < 0.1)
    True

    Raises `InputError` for an unknown choice or number.
    """
    steps = {}
    for axis, name in (("baseline", baseline), ("denoiser", denoiser)):
        own = {
            key.removeprefix(f"{axis}_"): numbers[key]
            for key in numbers
            if key.startswith(f"{axis}_")
        }
        steps[axis] = _shipped(axis, name, own)
    strange = [key for key in numbers if key.split("_")[0] not in steps]
    if strange:
        raise InputError(
            f"numbers must begin with baseline_ or denoiser_; got {', '.join(strange)}."
        )
    return steps["denoiser"](steps["baseline"](ecg, sampling_rate), sampling_rate)


def _shipped(axis: str, name: str, numbers: Mapping[str, Any]) -> Any:
    """The choice of an axis with the numbers of its yaml, but for those given."""
    file = CONF / axis / f"{name}.yaml"
    if not file.is_file():
        known = ", ".join(sorted(each.stem for each in (CONF / axis).glob("*.yaml")))
        raise InputError(f"{axis} must be one of {known}; got {name!r}.")
    values = yaml.safe_load(file.read_text())
    made_of = component(axis, values.pop("_target_"))
    unknown = sorted(numbers.keys() - values.keys())
    if unknown:
        known = ", ".join(f"{axis}_{key}" for key in values) or "none"
        raise InputError(
            f"numbers of {axis}={name} must be some of {known}; got {axis}_{unknown[0]}."
        )
    return made_of(**{**values, **numbers})


class Model:
    """A run's trained model with everything that its use needs; `load_run` gives it."""

    def __init__(self, run: Path) -> None:
        from omegaconf import OmegaConf

        from ecgae.entry.preparation import design_of
        from ecgae.models import checkpoint

        self.config = read_trained(run)
        place = {"paths": {"cache": "cache"}, "runtime": {"workers": 1, "accelerator": "cpu"}}
        self._design = design_of(OmegaConf.create(self.config), OmegaConf.create(place))
        file, normalization = run / checkpoint.CHECKPOINT, self._design.normalization
        self.fitted = checkpoint.load(self._design.network(), normalization, file, "cpu")
        self.view = self._design.view

    @property
    def module(self) -> Any:
        """The `torch.nn.Module`: `encode(signals)`, `decode(latents, skips)`, in units of the
        normalization."""
        return self.fitted.model

    @property
    def normalization(self) -> Any:
        """The fitted normalization: `normalization(signals)` gives shift and scale in mV."""
        return self.fitted.normalization

    @property
    def kind(self) -> str:
        """What it was trained on, such as median_beat or strip."""
        return self._design.input.recording

    @property
    def leads(self) -> tuple[str, ...]:
        """The leads of a recording, in order."""
        return self.view.recorded

    @property
    def sampling_rate(self) -> float:
        """Hz."""
        return self._design.layout.sampling_rate

    @property
    def samples(self) -> int:
        """The length of a recording."""
        return self._design.layout.samples or 0

    @property
    def cleaning(self) -> tuple[Any, Any]:
        """The baseline step and the denoiser, each called with `(ecg, sampling_rate)`."""
        return self._design.baseline, self._design.denoiser

    def clean(
        self, ecg: Float[np.ndarray, "*recordings"], sampling_rate: float | None = None
    ) -> Float[np.ndarray, "individual lead time"]:
        """Recordings [individual lead time] in mV at the model's rate, cleaned as they were for training.

        Raises `InputError` where leads or length are not those of the model.
        """
        from ecgae.signals.resampling import resampled

        rate = self.sampling_rate if sampling_rate is None else float(sampling_rate)
        ecg = np.asarray(ecg, np.float32)
        if ecg.ndim != 3 or ecg.shape[1] != len(self.leads):
            raise InputError(
                f"ecg must be [individual lead time] with the {len(self.leads)} leads {', '.join(self.leads)}; "
                f"got the shape {list(ecg.shape)}."
            )
        if rate != self.sampling_rate:
            ecg = resampled(ecg, rate, self.sampling_rate).astype(np.float32)
        if ecg.shape[2] != self.samples:
            raise InputError(
                f"ecg must be a {self.kind} of {self.samples} samples at {self.sampling_rate:g} Hz; got "
                f"{ecg.shape[2]}. Cut it, or give its sampling_rate."
            )
        if not np.isfinite(ecg).all():
            raise InputError(
                "ecg must be finite; it has missing samples. Leave out such recordings."
            )
        baseline, denoiser = self.cleaning
        return denoiser(baseline(ecg, self.sampling_rate), self.sampling_rate)

    def encode(
        self, ecg: Float[np.ndarray, "*recordings"], sampling_rate: float | None = None
    ) -> pd.DataFrame:
        """The latents of recordings in mV, one row each: exactly those of encode.py before its
        latent QC.

        sampling_rate: of the recordings, in Hz; they are resampled where it is not the model's.
        None: it is. Raises `InputError` where leads or length are not those of the model.
        """
        from ecgae.models.encoding import latents_of

        latents = latents_of(self.fitted, self.view, self.clean(ecg, sampling_rate))
        return pd.DataFrame(
            latents, columns=self.view.names(latents.shape[1] // self.view.per_individual)
        )

    def __repr__(self) -> str:
        name = self.config["architecture"]["_target_"].split(".")[-2]
        shape = f"{len(self.leads)} leads x {self.samples} samples at {self.sampling_rate:g} Hz"
        return f"{name} of {self.kind}s, {shape}"


def load_run(run: str | Path) -> Model:
    """The model of a finished run, on the CPU, with its cleaning and normalization.

        model = ecgae.load_run("runs/median_beat-none-global-residual-291c9e02")
        latents = model.encode(beats.ecg, beats.sampling_rate)      # a DataFrame
        model.module                                                # a torch.nn.Module

    Raises `InputError` where `run` is no finished run, or one of another version.
    """
    return Model(Path(run))


class Run:
    """What a run directory holds, as tables; `read_run` gives it. A file that is not there is
    None."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = run_directory.read_config(directory)

    def __repr__(self) -> str:
        return f"run {self.directory.name}"

    @property
    def score(self) -> dict[str, Any] | None:
        """Loci, hits, calibration and whether they are valid: score.json."""
        return run_directory.read_score(self.directory)

    @property
    def model(self) -> dict[str, Any] | None:
        """How well the model reconstructs, and what its latents are like: model.json."""
        file = self.directory / run_directory.MODEL
        return json.loads(file.read_text()) if file.is_file() else None

    @cached_property
    def loci(self) -> pd.DataFrame | None:
        """One row per independent locus: loci.tsv."""
        return self._loci("loci.tsv")

    @cached_property
    def omnibus_loci(self) -> pd.DataFrame | None:
        """The same of all phenotypes at once: omnibus_loci.tsv."""
        return self._loci("omnibus_loci.tsv")

    @cached_property
    def associations(self) -> pd.DataFrame | None:
        """Associations with p at most `engine.report_below`, columns of GWAS-SSF:
        associations.parquet."""
        file = self.directory / "associations.parquet"
        return pd.read_parquet(file) if file.is_file() else None

    @cached_property
    def latents(self) -> pd.DataFrame:
        """One row per recording, by sample_id and visit; `split` says whether the person trained,
        scores or confirms."""
        from ecgae.models.latents import read_latents

        held = read_latents(self.directory / "latents.h5")
        index = pd.MultiIndex.from_arrays(
            [held.sample_ids, held.visits], names=["sample_id", "visit"]
        )
        table = pd.DataFrame(held.values, columns=held.names, index=index)
        table.insert(0, "split", held.split)
        return table

    @cached_property
    def excluded(self) -> pd.DataFrame | None:
        """Recordings that were left out, each with its reason: excluded.tsv."""
        file = self.directory / "excluded.tsv"
        return pd.read_csv(file, sep="\t", dtype={"sample_id": str}) if file.is_file() else None

    def _loci(self, name: str) -> pd.DataFrame | None:
        file = self.directory / name
        return locus_file.read_loci(file) if file.is_file() else None


def read_run(run: str | Path) -> Run:
    """The tables of a run directory.

        run = ecgae.read_run("runs/median_beat-none-global-residual-291c9e02")
        run.score["loci"], run.loci, run.latents

    Raises `InputError` where it is none.
    """
    return Run(Path(run))


class Scanned(NamedTuple):
    """What a scan found."""

    score: dict[str, Any]
    """What score.json holds: loci, hits, genomic inflation, whether all of it is valid."""
    loci: pd.DataFrame
    omnibus_loci: pd.DataFrame | None
    """Loci of all phenotypes at once; None where they were not tested together."""
    associations: pd.DataFrame
    """Those with p at most `engine.report_below`, columns of GWAS-SSF."""


def scan(
    phenotypes: pd.DataFrame | str | Path,
    genotypes: str | Path,
    covariates: pd.DataFrame | str | Path | None = None,
    *,
    out: str | Path | None = None,
    settings: Sequence[str] = (),
) -> Scanned:
    """Tests every phenotype on every variant, with the settings of `gwas.py`.

    phenotypes, covariates: tables with FID and IID first, or DataFrames indexed by sample_id.
    genotypes: prefix of .bed, .pgen or .bgen files. settings: as typed, such as
    `["score.alpha=1e-6"]`.
    out: folder that keeps the results; None: nothing is kept.

        found = ecgae.scan(latents, "genotypes/chr", covariates)
        found.score["loci"], found.loci

    Raises `InputError` where tables and genotypes do not fit.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    from ecgae.entry.build import build
    from ecgae.entry.command_line import plain
    from ecgae.entry.scan import choices_of
    from ecgae.models.latents import read_phenotypes_or_latents
    from ecgae.scoring.study import Files, Study

    with tempfile.TemporaryDirectory() as scratch:
        table = _as_file(phenotypes, Path(scratch) / "phenotypes.tsv")
        people = (
            None if covariates is None else _as_file(covariates, Path(scratch) / "covariates.tsv")
        )
        folder = Path(scratch) / "scan" if out is None else Path(out)

        GlobalHydra.instance().clear()
        with initialize_config_dir(str(CONF), version_base="1.3"):
            cfg = compose("gwas", overrides=[f"out='{folder}'", *settings])
        files = Files(
            str(genotypes), None if people is None else str(people), list(cfg.categorical), None
        )
        study = Study.open(files, choices_of(cfg))
        score = study.scan(build(cfg.engine), read_phenotypes_or_latents(table), folder, plain(cfg))
        omnibus = folder / "omnibus_loci.tsv"
        return Scanned(
            score or {},
            locus_file.read_loci(folder / "loci.tsv"),
            locus_file.read_loci(omnibus) if omnibus.is_file() else None,
            pd.read_parquet(folder / "associations.parquet"),
        )


def _as_file(table: pd.DataFrame | str | Path, file: Path) -> Path:
    """A table as a file with FID and IID; a DataFrame's index is the sample_id, a visit beside it
    is left out."""
    if not isinstance(table, pd.DataFrame):
        return Path(table)
    ids = table.index.get_level_values(0).astype(str)
    numbers = table.select_dtypes("number") if "split" in table else table
    numbers.reset_index(drop=True).assign(FID=ids, IID=ids)[["FID", "IID", *numbers]].to_csv(
        file, sep="\t", index=False, na_rep="NA"
    )
    return file
