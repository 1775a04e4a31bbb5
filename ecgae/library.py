"""ecgae in a notebook: recordings, cleaning, trained models, runs and scans as arrays and tables.

Everything here is a name of `ecgae` itself: `import ecgae`, then `ecgae.clean(...)`. Voltages are
in mV, time in s, rates in Hz. Bad input raises `ecgae.InputError` with one sentence.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from ecgae.errors import InputError
from ecgae.people.tables import ID_COLUMNS
from ecgae.recordings.labelled import ECGs, Recordings, people_index
from ecgae.recordings.store import Store
from ecgae.runs import run_directory
from ecgae.runs.locus_file import read_loci

if TYPE_CHECKING:  # torch and Hydra take seconds to import
    from ecgae.models.latents import Latents
    from ecgae.models.trained import TrainedModel

__all__ = (
    *("ECGs", "InputError", "Recordings", "Run", "Scanned"),
    *("choice", "clean", "load_run", "open_store", "read_run", "scan"),
)


Signal = TypeVar("Signal", np.ndarray, ECGs)


def open_store(
    path: Path | str, cohort: str | None = None, cache: Path | str = "cache", workers: int = 2
) -> Recordings:
    """Opens recordings: those of a run, a store in a cache, or a folder of ECG files.

    path: a run directory (the recordings that it was made from, without those that it left out); a
    store (`cache/<cohort>-<key>/store.h5`, its folder, or a cache that holds only one); or, with
    `cohort=ptbxl`, `wfdb`, `ukb_rest`, ..., a folder of files that this cohort reads. They are
    read once, into `cache`, by `workers` processes.

    Example::

        recordings = ecgae.open_store("runs/<run>")
        beats = recordings.read("median_beat")
        beats.ecg.shape  # individual, lead, time; in mV
        beats.lead("II")[0], beats.time  # of the first recording, against s
        recordings.table("measurements")  # the device's, one row per recording
    """
    path = Path(path)
    if cohort is not None:
        from ecgae.entry.shipped import shipped
        from ecgae.recordings.ingest import ingest

        files = shipped("cohort", cohort, ecgs=str(path))
        files.prepare()
        return Recordings(ingest(files, Path(cache), workers))
    if (path / "config.yaml").is_file():
        from ecgae.entry.loading import recordings_of

        return Recordings(recordings_of(path))
    stores = [path] if path.is_file() else sorted(path.glob("store.h5"))
    stores = stores or sorted(path.glob("*/store.h5"))
    if len(stores) != 1:
        there = ", ".join(str(store.parent) for store in stores) or "none"
        hint = "Name one of them." if stores else "Of a folder of ECG files say whose: cohort=..."
        raise InputError(f"path must hold one store; {path} holds {there}. {hint}")
    return Recordings(Store(stores[0]))


def choice(axis: str, name: str, **numbers: Any) -> Any:
    """A shipped choice, such as a denoiser, with the numbers of its yaml or with others.

    >>> import ecgae
    >>> ecgae.choice("denoiser", "fft", high=40.0)
    FFT(low=0.5, high=40.0)
    """
    from ecgae.entry.shipped import shipped

    return shipped(axis, name, **numbers)


def clean(
    ecg: Signal,
    sampling_rate: float | None = None,
    baseline: Any = "none",
    denoiser: Any = "none",
) -> Signal:
    """Removes baseline wander, then noise: as many axes out as in, the last one is time.

    ecg: an array [... time] in mV with its `sampling_rate` in Hz, or what `read` of an opened store gives,
    which keeps its labels. baseline, denoiser: names of files in `conf/baseline` and
    `conf/denoiser`, whose numbers are used, or what `choice` gives. See docs/denoising.md for what
    each does to an ECG. Raises `InputError` for missing samples.

    >>> import numpy as np
    >>> import ecgae
    >>> time = np.arange(5000) / 500
    >>> beats = np.exp(-(((time % 1 - 0.4) / 0.012) ** 2))
    >>> recorded = beats + 0.5 * np.sin(2 * np.pi * 0.2 * time)
    >>> cleaned = ecgae.clean(recorded, 500, baseline="spline", denoiser="dwt")
    >>> float(np.abs(recorded - beats).max()), float(np.abs(cleaned - beats)[500:-500].max()) < 0.1
    (0.5, True)
    """
    if isinstance(ecg, ECGs):
        return replace(ecg, ecg=clean(ecg.ecg, ecg.sampling_rate, baseline, denoiser))
    if sampling_rate is None or not 0 < sampling_rate < np.inf:
        raise InputError(f"sampling_rate must be positive, in Hz; got {sampling_rate}.")
    values = ecg if ecg.dtype in (np.float32, np.float64) else ecg.astype(np.float32)
    if values.ndim == 0 or not values.shape[-1]:
        raise InputError(f"ecg must have a time axis with samples; got the shape {values.shape}.")
    if not np.isfinite(values).all():
        gaps = int((~np.isfinite(values)).sum())
        raise InputError(f"ecg must be finite; {gaps:,} samples are missing. Leave those out.")
    for axis, step in (("baseline", baseline), ("denoiser", denoiser)):
        made = choice(axis, step) if isinstance(step, str) else step
        values = made(values, float(sampling_rate))
    return values


def load_run(path: Path | str, accelerator: str = "auto") -> "TrainedModel":
    """The model of a finished run, ready to encode ECGs that it has never seen.

    Neither the run's recordings nor its genotypes need to be there. accelerator: auto takes the GPU
    where there is one | cpu.

    Example::

        model = ecgae.load_run("runs/<run>")
        model.leads, model.sampling_rate, model.samples  # what it wants
        beats = ecgae.open_store("runs/<run>").read("median_beat")
        latents = model.encode(beats)  # a table: a row per recording, a column per latent
        latents = model.encode(beats.ecg, sampling_rate=500)  # the same of an array in mV
        ecg = model.decode(latents, like=model.clean(beats.ecg)[0])  # mV
        model.model  # the torch.nn.Module
    """
    from ecgae.entry.loading import trained_of

    return trained_of(Path(path), accelerator)


@dataclass(frozen=True)
class Run:
    """What a finished run holds; each table is read when it is first asked for."""

    path: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """Its settings, by section."""
        return run_directory.read_config(self.path)

    @cached_property
    def score(self) -> dict[str, Any]:
        """Counts, thresholds and checks of its scan: score.json."""
        return self._json(run_directory.SCORE)

    @cached_property
    def model(self) -> dict[str, Any]:
        """How well its model reconstructs, and what its latents hold: model.json."""
        return self._json(run_directory.MODEL)

    @property
    def latents(self) -> pd.DataFrame:
        """One row per person and visit; missing where the model could not reconstruct the
        recording."""
        latents = self._latents
        return pd.DataFrame(latents.values, index=self._index, columns=latents.names)

    @property
    def parts(self) -> pd.Series:
        """Of each recording training, validation, select (who scored), confirm, or none."""
        return pd.Series(self._latents.split, index=self._index, name="part")

    @property
    def quality(self) -> pd.DataFrame:
        """How well each lead of each recording was reconstructed: columns (measure, lead)."""
        latents = self._latents
        by_measure = {
            name: pd.DataFrame(values, index=self._index, columns=list(latents.leads))
            for name, values in latents.quality.items()
        }
        return pd.concat(by_measure, axis=1, names=["measure", "lead"])

    @cached_property
    def associations(self) -> pd.DataFrame:
        """Every variant and phenotype with p of at most engine.report_below, in GWAS-SSF
        columns."""
        return pd.read_parquet(self._file("associations.parquet"))

    @cached_property
    def loci(self) -> pd.DataFrame:
        """Independent loci of all latents together."""
        return read_loci(self._file("loci.tsv"))

    @cached_property
    def omnibus_loci(self) -> pd.DataFrame:
        """The same of the test of all latents at once."""
        return read_loci(self._file("omnibus_loci.tsv"))

    @cached_property
    def excluded(self) -> pd.DataFrame:
        """Recordings that were left out, each with its reason."""
        return pd.read_csv(self._file("excluded.tsv"), sep="\t", dtype={"sample_id": str})

    @cached_property
    def _latents(self) -> "Latents":
        from ecgae.models.latents import read_latents

        return read_latents(self._file("latents.h5"))

    @property
    def _index(self) -> pd.MultiIndex:
        return people_index(self._latents.sample_ids, self._latents.visits)

    def _json(self, name: str) -> dict[str, Any]:
        return json.loads(self._file(name).read_text())

    def _file(self, name: str) -> Path:
        if not (self.path / name).is_file():
            raise InputError(
                f"run must hold {name}; got {self.path}, which does not. A run with engine=null has no scan."
            )
        return self.path / name


def read_run(path: Path | str) -> Run:
    """What a finished run holds, as tables. Raises `InputError` where `path` is no run.

    Example::

        run = ecgae.read_run("runs/<run>")
        run.loci[["chromosome", "base_pair_location", "rsid", "neg_log_10_p_value"]]
        run.associations  # all of them, in GWAS-SSF columns
        run.latents[run.parts == "select"]  # who scored
        run.score["loci"], run.score["valid"], run.model["r2_recorded"]
        run.excluded  # recordings that were left out, and why
    """
    run = Run(Path(path))
    _ = run.config
    return run


class Scanned(NamedTuple):
    """The score, loci and associations of a scan."""

    score: dict[str, Any]
    """Counts, thresholds and checks, as score.json holds them."""
    loci: pd.DataFrame
    """Independent loci of all phenotypes together."""
    omnibus_loci: pd.DataFrame | None
    """Of the test of all phenotypes at once; None where the engine makes none."""
    associations: pd.DataFrame
    """Every variant and phenotype with p of at most engine.report_below."""


def scan(
    phenotypes: pd.DataFrame | Path | str,
    genotypes: Path | str,
    covariates: pd.DataFrame | Path | str | None = None,
    *,
    categorical: Sequence[str] = (),
    planted: Path | str | None = None,
    engine: str = "ols",
    settings: Mapping[str, Any] | None = None,
    out: Path | str | None = None,
) -> Scanned:
    """Tests every variant with every phenotype, and finds the independent loci.

    phenotypes: a table indexed by sample_id, or by (sample_id, visit), with a column of numbers per
    phenotype; or the file of one, or a run's latents.h5. genotypes: a prefix of PLINK or BGEN
    files. covariates: a table like that of the phenotypes, `categorical` those of its columns that
    are labels. settings: changes of `conf/scan.yaml` and of the engine, such as `{"score.alpha":
    1e-6, "people": "shared"}`. out: a folder that keeps all files, as gwas.py writes them; left
    out: none is kept.

    Example::

        found = ecgae.scan(
            "latents.tsv",
            genotypes="genotypes/chr",
            covariates="covariates.tsv",
            categorical=["centre"],
            settings={"checks.permutations": 0},
        )
        found.loci, found.score["genomic_inflation"], found.associations
    """
    from ecgae.entry.scan_files import scan_files
    from ecgae.genetics.genetic_files import GeneticFiles
    from ecgae.scoring.study import LOCI, OMNIBUS_LOCI

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "results" if out is None else Path(out)
        files = GeneticFiles(
            genotypes=str(genotypes),
            covariates=_as_file(covariates, Path(scratch) / "covariates.tsv"),
            categorical=list(categorical),
            planted=None if planted is None else str(planted),
        )
        tested = Path(_as_file(phenotypes, Path(scratch) / "phenotypes.tsv") or "")
        score = scan_files(tested, files, engine, settings or {}, folder)
        omnibus = folder / OMNIBUS_LOCI
        return Scanned(
            score,
            read_loci(folder / LOCI),
            read_loci(omnibus) if omnibus.is_file() else None,
            pd.read_parquet(folder / "associations.parquet"),
        )


def _as_file(table: pd.DataFrame | Path | str | None, file: Path) -> str | None:
    """The name of a table's file; a table in memory is written to `file`, so that it is checked as
    one."""
    if not isinstance(table, pd.DataFrame):
        return None if table is None else str(table)
    frame: Any = table
    names = list(frame.index.names)
    if names[0] in ID_COLUMNS and len(names) <= 2:
        frame = frame.reset_index()
    elif not any(column in ID_COLUMNS for column in frame):
        raise InputError(
            f"{file.stem} must be indexed by sample_id, or by sample_id and visit; got the index {names}."
        )
    frame.to_csv(file, sep="\t", index=False, na_rep="NA")
    return str(file)
