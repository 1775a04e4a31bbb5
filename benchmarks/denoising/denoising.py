"""Every baseline x denoiser on clean ECG plus real electrode noise: `python
benchmarks/denoising/denoising.py`.

    python benchmarks/denoising/denoising.py [--people 40] [--noise nstdb] [--ptbxl ptbxl]
        [--json result.json] [--markdown tables.md] [--figure figure.png]

Clean are strips made of the median beats of normal ECGs of PTB-XL, and those of the project's
simulator. Each lead gets its own stretch of real baseline wander and of muscle artefact, equally
strong, at `SNRS` dB; the steps have the numbers of their yaml files. Everything but the times is
the same in every run with the same seed.
"""

import argparse
import dataclasses
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from figure import draw
from jaxtyping import Float
from measures import Reference, distortion, error_share, references
from omegaconf import OmegaConf
from strips import RATE, Strips, at_snr, electrode_noise, median_beats, mixed, ptbxl, simulated
from tables import markdown, speeds
from tqdm import tqdm

from ecgae.entry.build import build
from ecgae.errors import InputError

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("ECGAE_REAL_DATA", ROOT.parent / "shared" / "data"))

RECORDED = "ptbxl as recorded"

SNRS = (0.0, 6.0, 12.0, 18.0)
"""Signal-to-noise ratios of the added noise, dB."""

WAVELET_BASELINE = "spline"
"""All settings of the wavelet denoiser are tried behind this baseline."""

Step = Callable[[Float[np.ndarray, "*leads time"], float], Float[np.ndarray, "*leads time"]]


class Case(NamedTuple):
    """Clean recordings and what noise makes of them."""

    source: str
    input: str
    snr: float | None
    """Signal-to-noise ratio, dB; None where no noise was added."""
    clean: Strips
    references: list[Reference]
    noisy: Float[np.ndarray, "individual lead time"]


class Row(NamedTuple):
    """One pair of steps on one case; medians over leads and people."""

    source: str
    input: str
    baseline: str
    denoiser: str
    snr: float | None
    gain_db: float | None
    """SNR of the cleaned trace less that of the uncleaned one; None without noise"""
    error_percent: float
    """rms(cleaned - clean) / sd(clean)"""
    st_uv: float
    """|change of the ST level|"""
    qt_ms: float
    """|change of the QT interval|"""
    qt_ms_p90: float
    """... that nine in ten people stay below"""
    seconds_per_trace: float


def steps(axis: str) -> dict[str, Step]:
    """Every choice of the axis as it is shipped."""
    files = sorted(
        (ROOT / "conf" / axis).glob("*.yaml"), key=lambda file: (file.stem != "none", file.stem)
    )
    return {file.stem: build(OmegaConf.load(file)) for file in files}


def wavelet_settings(shipped: Any) -> dict[str, Step]:
    """The wavelet denoiser with every rule, of which one is shipped."""
    return {
        f"dwt {mode} {threshold} {sigma}": dataclasses.replace(
            shipped, mode=mode, threshold=threshold, sigma=sigma
        )
        for mode in ("soft", "hard")
        for threshold in ("visushrink", "sure", "bayes")
        for sigma in ("finest", "per_level")
    }


def cases(
    sources: dict[str, Strips], noise: dict[str, Float[np.ndarray, "channel time"]], seed: int
) -> Iterator[Case]:
    """Every source without noise and at every SNR, as strips and as the median beats built from
    them.

    Strips as recorded come without added noise only.
    """
    for source, clean in sources.items():
        if source == RECORDED:
            yield Case(source, "strip", None, clean, references=references(clean), noisy=clean.ecg)
            continue
        added = mixed(noise, clean.ecg.shape, seed)
        beats = median_beats(clean, clean.ecg)
        strip_references, beat_references = references(clean), references(beats)
        for snr in (None, *SNRS):
            noisy = clean.ecg if snr is None else at_snr(clean.ecg, added, snr)
            yield Case(source, "strip", snr, clean, references=strip_references, noisy=noisy)
            noisy_beats = median_beats(clean, noisy).ecg
            yield Case(
                source, "median_beat", snr, beats, references=beat_references, noisy=noisy_beats
            )


def measured(case: Case, baseline: str, denoiser: str, cleaned: np.ndarray, seconds: float) -> Row:
    """The row of one pair from its output."""
    share = error_share(case.clean.ecg, cleaned)
    moved = distortion(case.clean, case.references, cleaned)
    gain = None
    if case.snr is not None:
        gain = float(np.median(10 * np.log10(error_share(case.clean.ecg, case.noisy) / share)))
    return Row(
        *(case.source, case.input, baseline, denoiser, case.snr, gain),
        error_percent=float(100 * np.sqrt(np.median(share))),
        st_uv=float(np.median(moved.st_level)),
        qt_ms=float(np.median(moved.qt_interval)),
        qt_ms_p90=float(np.quantile(moved.qt_interval, 0.9)),
        seconds_per_trace=seconds / (case.noisy.shape[0] * case.noisy.shape[1]),
    )


def run(all_cases: Iterator[Case], total: int) -> pd.DataFrame:
    """Every pair on every case; on strips that get noise also every setting of the wavelet
    denoiser."""
    baselines, denoisers = steps("baseline"), steps("denoiser")
    more = denoisers | wavelet_settings(denoisers["dwt"])
    rows = []
    for case in tqdm(all_cases, total=total, desc="denoising bench", unit="case"):
        for baseline, remove_wander in baselines.items():
            level, first = _timed(remove_wander, case.noisy)
            every = (
                baseline == WAVELET_BASELINE and case.input == "strip" and case.source != RECORDED
            )
            for denoiser, denoise in (more if every else denoisers).items():
                cleaned, second = _timed(denoise, level)
                if not np.isfinite(cleaned).all():
                    raise RuntimeError(
                        f"{baseline} x {denoiser} made missing samples of {case.source} {case.input}s."
                    )
                rows.append(measured(case, baseline, denoiser, cleaned, first + second))
    return pd.DataFrame(rows)


def _timed(step: Step, ecg: np.ndarray) -> tuple[np.ndarray, float]:
    start = time.perf_counter()
    cleaned = step(ecg, RATE)
    return cleaned, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=40, help="of each source")
    parser.add_argument(
        "--noise", type=Path, default=DATA / "nstdb", help="folder of nstdb's bw and ma"
    )
    parser.add_argument(
        "--ptbxl", type=Path, default=DATA / "ptbxl", help="root of PTB-XL; left out where absent"
    )
    parser.add_argument("--seed", type=int, default=1)
    for name in ("json", "markdown", "figure"):
        parser.add_argument(f"--{name}", type=Path, help="file to write")
    wanted = parser.parse_args()
    try:
        noise = electrode_noise(wanted.noise)
        sources = clean_strips(wanted.ptbxl, wanted.people, wanted.seed)
    except InputError as error:
        parser.exit(1, f"error: {error}\n")
    total = sum(1 if source == RECORDED else 2 * (1 + len(SNRS)) for source in sources)
    found = result(run(cases(sources, noise, wanted.seed), total), sources, wanted.seed)
    text = markdown(pd.DataFrame(found["rows"]), pd.DataFrame(found["speed"]))
    print(text)
    if wanted.markdown:
        wanted.markdown.write_text(text)
    if wanted.json:
        wanted.json.write_text(json.dumps(found, indent=1) + "\n")
    if wanted.figure:
        draw(pd.DataFrame(found["rows"]), wanted.figure, next(iter(sources)))


def clean_strips(folder: Path, people: int, seed: int) -> dict[str, Strips]:
    """Strips without noise, by source; only simulated ones where PTB-XL's files are missing."""
    sources = {"simulated": simulated(people, seed)}
    if folder.is_dir():
        real = ptbxl(folder, people)
        sources = {"ptbxl": real.repeated, RECORDED: real.recorded} | sources
    return sources


def result(rows: pd.DataFrame, sources: dict[str, Strips], seed: int) -> dict[str, Any]:
    """What is written as JSON, and all that tables and figure are made from."""
    versions = {
        name: importlib.metadata.version(name) for name in ("numpy", "scipy", "torch", "PyWavelets")
    }
    machine = {"cores": os.cpu_count(), "processor": platform.machine()}
    people = {name: len(strips.ecg) for name, strips in sources.items()}
    values = rows.drop(columns="seconds_per_trace").round(3).astype(object)
    return {
        "setting": {"people": people, "seed": seed, "versions": versions, "machine": machine},
        "speed": speeds(rows).round(3).to_dict("records"),
        "rows": values.where(values.notna(), None).to_dict("records"),
    }


if __name__ == "__main__":
    main()
