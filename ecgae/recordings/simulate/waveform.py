"""One recording as the device stores it: a 10-s strip and its averaged beat, in whole steps of 5
uV."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Int16

from ecgae.ecg import INDEPENDENT_LEADS, LEADS, LIMB_LEADS_FROM_I_AND_II
from ecgae.recordings.simulate.dipole import DOWER, R_PEAK, heartbeat

SAMPLING_RATE = 500
"""Samples per second, Hz."""

STEP_MS = 1000 // SAMPLING_RATE
"""Time in ms between two samples."""

RESOLUTION = 0.005
"""The size of the device's step in mV."""

STRIP_SAMPLES = 5000
MEDIAN_SAMPLES = 600
DISCLOSURE_SAMPLES = 16 * SAMPLING_RATE

MEDIAN_QRS_ONSET = 216
"""Samples from the start of the averaged beat to its QRS onset."""

BEAT_ONSET = 140
"""Samples of a beat before its QRS onset: room for a PR interval of 280 ms."""

_BEFORE, _AFTER = BEAT_ONSET, 300
"""Samples of a beat before its QRS onset and after it: there for a QT interval of 600 ms."""

_MARGIN = 16
"""Samples beside the beat in which the baseline is measured."""

MEASURED = [LEADS.index(lead) for lead in INDEPENDENT_LEADS]
"""The rows of the independent leads among the twelve."""

_TORSO_SPREAD = 0.04
"""Relative spread of the lead vectors between people; a visit's electrode positions add a third of
it."""


class Recording(NamedTuple):
    """What one file holds. Voltages count steps of 5 uV; leads in the order of `LEADS`."""

    strip: Int16[np.ndarray, "lead=12 time=5000"]
    median_beat: Int16[np.ndarray, "lead=12 time=600"]
    full_disclosure: Int16[np.ndarray, "lead=12 time=8000"] | None
    noise_free_beat: Float[np.ndarray, "lead=12 time=440"]
    """The heart's own beat in mV, from 140 samples before the QRS onset."""
    beat_times: Int[np.ndarray, "beat"]
    """The R peaks in ms from the start of the strip."""
    heart_rate: float
    """Beats per minute of this strip."""
    qt_interval: float
    """QT in ms at the visit's heart rate."""


class _Trace(NamedTuple):
    """A trace of the independent leads in mV, and what it is made of."""

    ecg: Float[np.ndarray, "lead=8 time"]
    """Voltages at the electrodes."""
    heart: Float[np.ndarray, "lead=8 time"]
    """Voltages at the electrodes if nothing interfered with the heart's."""
    onsets: Int[np.ndarray, "beat"]
    """Samples of the QRS onsets, some just outside of the trace."""
    scale: Float[np.ndarray, "beat"]
    """The amplitude of each beat, 1 on average."""


def record(
    parameters: Mapping[str, float], person_seed: list[int], visit: int, full_disclosure: bool
) -> Recording:
    """A person's recording at a visit: the body is the person's, heart rate and electrodes vary
    with the visit.

    `person_seed` draws what stays the same between visits; with `visit` appended, what does not.
    """
    person, rng = np.random.default_rng(person_seed), np.random.default_rng([*person_seed, visit])
    torso = _torso(person, rng)
    heart_rate = parameters["heart_rate"] * (1 + np.clip(0.02 * rng.standard_normal(), -0.05, 0.05))
    qt_interval = parameters["qtc_interval"] * np.cbrt(60 / heart_rate)

    time = STEP_MS * np.arange(-_BEFORE, _AFTER, dtype=float)
    beat = np.einsum("ld,dt->lt", torso, heartbeat(time, parameters, qt_interval))
    strip = _trace(beat, heart_rate, STRIP_SAMPLES, rng)
    counts = _quantised(strip.ecg)
    disclosure = _trace(beat, heart_rate, DISCLOSURE_SAMPLES, rng).ecg if full_disclosure else None
    median_beat = _median_beat(
        counts[MEASURED], strip, beat, parameters["pr_interval"], qt_interval
    )
    r_peaks = STEP_MS * strip.onsets + np.rint(R_PEAK * parameters["qrs_duration"]).astype(int)

    return Recording(
        strip=counts,
        median_beat=median_beat,
        full_disclosure=None if disclosure is None else _quantised(disclosure),
        noise_free_beat=_with_limb_leads(beat),
        beat_times=r_peaks[(r_peaks >= 0) & (r_peaks < STEP_MS * STRIP_SAMPLES)],
        heart_rate=float(60_000 / (STEP_MS * np.diff(strip.onsets).mean())),
        qt_interval=float(qt_interval),
    )


def _torso(
    person: np.random.Generator, rng: np.random.Generator
) -> Float[np.ndarray, "lead=8 axis=3"]:
    """The mean body's lead vectors, each a little off, by the person's build and the visit's
    electrode positions."""
    deviation = (
        person.standard_normal((2, *DOWER.shape)) + rng.standard_normal((2, *DOWER.shape)) / 3
    )
    return DOWER * (1 + _TORSO_SPREAD * deviation[0]) + 0.3 * _TORSO_SPREAD * deviation[1]


def _trace(
    beat: Float[np.ndarray, "lead=8 beat_time"],
    heart_rate: float,
    samples: int,
    rng: np.random.Generator,
) -> _Trace:
    """A regular, not quite even rhythm, with everything that disturbs it."""
    breathing = rng.uniform(0.18, 0.30), rng.uniform(0, 2 * np.pi)  # Hz, phase
    onsets = _onsets(60 * SAMPLING_RATE / heart_rate, samples, breathing, rng)
    scale = 1 + 0.03 * np.sin(2 * np.pi * breathing[0] * onsets / SAMPLING_RATE + breathing[1])
    beats = np.zeros((len(beat), samples + 4 * (_BEFORE + _AFTER)))
    start = 2 * (_BEFORE + _AFTER)
    for onset, factor in zip(onsets, scale, strict=True):
        beats[:, start + onset - _BEFORE : start + onset + _AFTER] += factor * beat
    heart = beats[:, start : start + samples]
    return _Trace(heart + _interference(samples, breathing, rng), heart, onsets, scale)


def _onsets(
    rr_samples: float, samples: int, breathing: tuple[float, float], rng: np.random.Generator
) -> Int[np.ndarray, "beat"]:
    """QRS onsets: RR varies by up to 6 %, with breathing and at random."""
    depth, jitter = rng.uniform(0.005, 0.035), rng.uniform(0.004, 0.012)
    count = int(samples / (0.94 * rr_samples)) + 4
    phase = 2 * np.pi * breathing[0] * np.arange(count) * rr_samples / SAMPLING_RATE + breathing[1]
    variation = np.clip(depth * np.sin(phase) + jitter * rng.standard_normal(count), -0.06, 0.06)
    start = -rr_samples * rng.uniform(1, 2)
    onsets = np.rint(start + np.cumsum(rr_samples * (1 + variation))).astype(int)
    return onsets[(onsets > -_AFTER) & (onsets < samples + _BEFORE)]


def _interference(
    samples: int, breathing: tuple[float, float], rng: np.random.Generator
) -> Float[np.ndarray, "lead=8 time"]:
    """Electrode offset, baseline wander, mains hum and muscle noise, in mV."""
    leads = len(DOWER)
    time = np.arange(samples) / SAMPLING_RATE
    frequency = np.array([breathing[0], *rng.uniform(0.03, 0.45, size=3), 50.0])
    amplitude = rng.normal(0, [[0.030, 0.025, 0.025, 0.015, 0.003]], size=(leads, 5))
    phase = rng.uniform(0, 2 * np.pi, size=(5, 1))
    waves = np.sin(2 * np.pi * frequency[:, None] * time + phase)
    slow_and_mains = np.einsum("lf,ft->lt", amplitude, waves)

    white = rng.standard_normal((leads, samples + 2))
    smooth = 0.25 * white[:, :-2] + 0.5 * white[:, 1:-1] + 0.25 * white[:, 2:]
    muscle = rng.uniform(0.008, 0.016) * smooth
    return rng.normal(0, 0.15, size=(leads, 1)) + slow_and_mains + muscle


def _median_beat(
    counts: Int16[np.ndarray, "lead=8 time"],
    strip: _Trace,
    beat: Float[np.ndarray, "lead=8 beat_time"],
    pr_interval: float,
    qt_interval: float,
) -> Int16[np.ndarray, "lead=12 time=600"]:
    """The median over the strip's whole beats, each freed of its neighbours and put on a straight
    baseline.

    The baseline goes through the stretches just before the P wave and just after the T wave.
    """
    first, last = MEDIAN_QRS_ONSET, MEDIAN_SAMPLES - MEDIAN_QRS_ONSET
    whole = (strip.onsets >= first) & (strip.onsets + last <= counts.shape[1])
    places = strip.onsets[whole, None] + np.arange(-first, last)
    noise = (RESOLUTION * counts - strip.heart)[:, places]
    own = np.pad(beat, ((0, 0), (first - _BEFORE, last - _AFTER)))
    beats = noise + strip.scale[whole, None] * own[:, None, :]  # lead, beat, time

    half = _MARGIN // 2
    before = first - int(np.ceil(pr_interval / STEP_MS)) - half  # the middle of each stretch
    after = first + int(np.ceil(qt_interval / STEP_MS)) + half
    left, right = (
        beats[..., middle - half : middle + half].mean(axis=-1) for middle in (before, after)
    )
    ramp = (np.arange(MEDIAN_SAMPLES) - before) / (after - before)
    baseline = left[..., None] * (1 - ramp) + right[..., None] * ramp
    return _quantised(np.median(beats - baseline, axis=1))


def _quantised(ecg: Float[np.ndarray, "lead=8 time"]) -> Int16[np.ndarray, "lead=12 time"]:
    """Twelve leads in steps of 5 uV: I and II are rounded first, so that III = II - I holds
    exactly."""
    steps = np.clip(np.rint(ecg / RESOLUTION), -16_000, 16_000)
    return np.rint(_with_limb_leads(steps)).astype(np.int16)


def _with_limb_leads(ecg: Float[np.ndarray, "lead=8 time"]) -> Float[np.ndarray, "lead=12 time"]:
    """Twelve leads out of the independent ones I, II, V1-V6."""
    return np.concatenate([np.einsum("lm,mt->lt", LIMB_LEADS_FROM_I_AND_II, ecg[:2]), ecg[2:]])
