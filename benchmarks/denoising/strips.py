"""Clean strips, simulated and real, and real electrode noise to add to them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.signal import butter, sosfiltfilt

from ecgae.errors import InputError
from ecgae.recordings.cohort import Candidate
from ecgae.recordings.cohort.ptbxl import PTBXL, REMARKS
from ecgae.recordings.simulate.dipole import R_PEAK
from ecgae.recordings.simulate.parameters import NAMES, draw_parameters
from ecgae.recordings.simulate.waveform import BEAT_ONSET, STEP_MS, STRIP_SAMPLES, record
from ecgae.signals.beats import MedianBeat, premature, r_peaks
from ecgae.signals.resampling import resampled

RATE = 500.0  # Hz
NOISE_RATE = 360.0  # Hz
COUNTS_PER_MV = 200.0  # the headers of nstdb state no gain; WFDB's own tools assume this one
RECORDS = ("bw", "ma")
"""Baseline wander and muscle artefact of the MIT-BIH Noise Stress Test Database (Moody et al., CinC
1984;11:381)."""

MUSCLE_FROM = 1.0  # Hz


class Strips(NamedTuple):
    """Recordings of equal length, and where their R peaks are."""

    ecg: Float[np.ndarray, "individual lead time"]
    """Voltages, mV."""
    peaks: Sequence[Int[np.ndarray, " beat"]]
    rr_intervals: Float[np.ndarray, " individual"]
    """Mean time between beats of each recording, s."""


def simulated(people: int, seed: int) -> Strips:
    """12-lead, 10-s strips of the project's simulator, without noise, wander, hum and
    quantisation."""
    rng = np.random.default_rng(seed)
    male, age = rng.random(people) < 0.5, rng.uniform(45, 82, people)
    nobody = np.zeros((people, 0))
    traits = draw_parameters(male, age, np.zeros(people), nobody, np.zeros(0), np.zeros(0), rng)
    strips, peaks = [], list[Int[np.ndarray, " beat"]]()
    for person, values in enumerate(traits.values):
        parameters = dict(zip(NAMES, map(float, values), strict=True))
        beat, times = record(parameters, [seed, person], 2, False)[3:5]
        r_offset = round(R_PEAK * parameters["qrs_duration"] / STEP_MS)
        strips.append(_repeated(beat, BEAT_ONSET + r_offset, times // STEP_MS))
        peaks.append(times // STEP_MS)
    return _strips(np.stack(strips), peaks)


def _repeated(
    beat: Float[np.ndarray, "lead beat_time"], r_sample: int, peaks: Int[np.ndarray, " beat"]
) -> Float[np.ndarray, "lead time"]:
    """The same beat at every R peak, and one before the first and one after the last, whose waves
    reach in."""
    rr = round(float(np.diff(peaks).mean()))
    starts = np.concatenate([[peaks[0] - rr], peaks, [peaks[-1] + rr]]) - r_sample
    margin = 2 * (rr + beat.shape[-1])
    strip = np.zeros((len(beat), STRIP_SAMPLES + 2 * margin))
    for start in starts + margin:
        strip[:, start : start + beat.shape[-1]] += beat
    return strip[:, margin : margin + STRIP_SAMPLES]


class RealStrips(NamedTuple):
    """Good strips of normal ECGs, and what they would be without wander and noise."""

    recorded: Strips
    repeated: Strips
    """The median beat of each, repeated at that recording's R peaks."""


def ptbxl(folder: Path, people: int) -> RealStrips:
    """The first normal ECGs that were validated by people, with no remark on noise, extra beats or
    a pacemaker.

    Normal, so that ST is level and T has an end to measure. Strips as recorded hold wander and
    noise, and a cleaning step would be blamed for removing them. In the repeated ones averaging has
    left about a third of the noise, which is the same in every beat of a strip, and the line
    between T and P is straight.
    """
    cohort = PTBXL(str(folder))
    cohort.prepare()
    recorded, repeated, peaks = [], [], list[Int[np.ndarray, " beat"]]()
    for source in cohort.sources().rows:
        candidate = source.candidates[0]
        if len(peaks) == people or not _is_good(candidate):
            continue
        ecg = cohort.read(candidate.file).waveforms["strip"].millivolts.astype(np.float64)
        beats = r_peaks(ecg, RATE)
        if np.isfinite(ecg).all() and len(beats) >= 5 and not premature(beats, RATE).any():
            recorded.append(ecg)
            repeated.append(_repeated(*_isolated_beat(ecg, beats), beats))
            peaks.append(beats)
    if not peaks:
        raise InputError(
            f"--ptbxl must hold normal recordings without a remark; got none in {folder}."
        )
    return RealStrips(_strips(np.stack(recorded), peaks), _strips(np.stack(repeated), peaks))


def _isolated_beat(
    ecg: Float[np.ndarray, "lead time"], peaks: Int[np.ndarray, " beat"]
) -> tuple[Float[np.ndarray, "lead beat_time"], int]:
    """The median beat, as long as the shortest RR interval and 0 at both ends, and the sample of
    its R peak."""
    shortest = np.diff(peaks).min() / RATE
    before = min(
        0.28, 0.4 * shortest
    )  # s; the P wave and, at a fast rate, not yet the T wave before it
    built = MedianBeat(before=before, after=shortest - before)(ecg, RATE, peaks)
    beat = built.median_beat
    ends = beat[:, :5].mean(axis=1, keepdims=True), beat[:, -5:].mean(axis=1, keepdims=True)
    return beat - np.linspace(*ends, beat.shape[-1], axis=1)[..., 0], built.r_sample


def _is_good(candidate: Candidate) -> bool:
    clean = not any(candidate.metadata[remark] for remark in REMARKS)
    return (
        clean
        and bool(candidate.metadata["validated_by_human"])
        and candidate.labels.get("NORM", 0) >= 80
    )


def _strips(
    ecg: Float[np.ndarray, "individual lead time"], peaks: list[Int[np.ndarray, " beat"]]
) -> Strips:
    rr = np.array([np.diff(beats).mean() / RATE for beats in peaks])
    return Strips(ecg.astype(np.float32), peaks, rr)


def median_beats(strips: Strips, ecg: Float[np.ndarray, "individual lead time"]) -> Strips:
    """The median beats that `input=median_beat` builds, from `ecg`, which has the beats of
    `strips`.

    The R peaks are known and every beat counts, so that what is compared is voltages and not beat
    detection.
    """
    built = [
        MedianBeat(min_correlation=-1.0)(trace, RATE, peaks)
        for trace, peaks in zip(ecg, strips.peaks, strict=True)
    ]
    peaks = [np.array([beat.r_sample]) for beat in built]
    return Strips(np.stack([beat.median_beat for beat in built]), peaks, strips.rr_intervals)


def electrode_noise(folder: Path) -> dict[str, Float[np.ndarray, "channel time"]]:
    """Both channels of each of `RECORDS`, in mV at 500 Hz.

    Three fifths of the muscle record's power is wander, below 0.5 Hz. A high-pass filter at
    `MUSCLE_FROM` takes it off, so that denoisers have as much to do as baseline steps.
    """
    import wfdb

    missing = [name for name in RECORDS if not (folder / f"{name}.dat").is_file()]
    if missing:
        raise InputError(
            f"--noise must be the folder of nstdb; {', '.join(missing)} missing in {folder}. "
            "It is at https://physionet.org/content/nstdb/."
        )
    counts = {
        name: wfdb.rdrecord(str(folder / name), physical=False).d_signal.T for name in RECORDS
    }
    wander, muscle = (resampled(counts[name] / COUNTS_PER_MV, NOISE_RATE, RATE) for name in RECORDS)
    sections = butter(2, MUSCLE_FROM, "highpass", fs=RATE, output="sos")
    return {"wander": wander, "muscle": sosfiltfilt(sections, muscle, axis=-1)}


def mixed(
    noise: dict[str, Float[np.ndarray, "channel time"]], shape: tuple[int, int, int], seed: int
) -> Float[np.ndarray, "individual lead time"]:
    """For every lead its own stretch of each record, equally strong; the sum has mean 0 and
    variance 1."""
    rng = np.random.default_rng(seed)
    total = np.zeros(shape)
    for record_ in noise.values():
        for place in np.ndindex(shape[:2]):
            start = rng.integers(record_.shape[-1] - shape[2])
            total[place] += _standard(record_[rng.integers(len(record_)), start : start + shape[2]])
    return _standard(total)


def _standard(traces: Float[np.ndarray, "*leads time"]) -> Float[np.ndarray, "*leads time"]:
    centred = traces - traces.mean(axis=-1, keepdims=True)
    return centred / centred.std(axis=-1, keepdims=True)


def at_snr(
    clean: Float[np.ndarray, "individual lead time"],
    noise: Float[np.ndarray, "individual lead time"],
    snr: float,
) -> Float[np.ndarray, "individual lead time"]:
    """`clean` plus noise of variance 1 scaled, per lead, to `snr` = 10 log10(var(clean) /
    var(noise)) dB."""
    scale = clean.std(axis=-1, keepdims=True, dtype=np.float64) / 10 ** (snr / 20)
    return (clean + scale * noise).astype(np.float32)
