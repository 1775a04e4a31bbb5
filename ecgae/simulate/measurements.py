"""What the device prints beside the traces: intervals, axes and the table of amplitudes and durations per lead."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ecgae.simulate.recording import BEAT_ONSET, MEDIAN_QRS_ONSET, STEP_MS, Recording

_SMALLEST_WAVE = 0.015  # mV; what is smaller is left blank


class Onsets(NamedTuple):
    """Ends of the waves in ms from the start of the averaged beat, on the grid of the samples."""

    p_onset: int
    p_offset: int
    qrs_onset: int
    qrs_offset: int
    t_offset: int


class Wave(NamedTuple):
    """One deflection of a lead: blank, or its amplitude (mV, signed) and duration (ms)."""

    amplitude: float
    duration: int


def onsets(recording: Recording, parameters: Mapping[str, float]) -> Onsets:
    """The person's true wave limits, rounded to samples."""
    qrs_onset = STEP_MS * MEDIAN_QRS_ONSET
    p_onset = -parameters["pr_interval"]
    limits = (p_onset, p_onset + parameters["p_duration"], 0.0, parameters["qrs_duration"], recording.qt_interval)
    return Onsets(*(qrs_onset + STEP_MS * round(limit / STEP_MS) for limit in limits))


def axis(ecg: Float[np.ndarray, "lead=12 time"], first: int, last: int) -> int:
    """The electrical axis, in degrees, of the net area between two samples: from leads I and aVF."""
    lead_i, avf = ecg[0, first:last].sum(), ecg[5, first:last].sum()
    return round(float(np.degrees(np.arctan2(avf * 2 / np.sqrt(3), lead_i))))


def measurement_table(recording: Recording, limits: Onsets) -> dict[str, list[str]]:
    """The rows of the 12SL table, 12 texts each, blank where a lead has no such wave; uV and ms, amplitudes of Q and S > 0."""
    beat = recording.noise_free_beat
    p_on, p_off, qrs_on, qrs_off, t_off = (BEAT_ONSET + limit // STEP_MS - MEDIAN_QRS_ONSET for limit in limits)
    complexes = [_qrs_waves(lead[qrs_on : qrs_off + 1]) for lead in beat]
    st_end = qrs_off + (t_off - qrs_off) // 4
    rows: dict[str, list[str]] = {}
    for index, name in enumerate("QRS"):
        rows[f"{name}Duration"] = [_text(waves[index].duration) if waves[index] else "" for waves in complexes]
        rows[f"{name}Amplitude"] = [
            _text(1000 * abs(waves[index].amplitude)) if waves[index] else "" for waves in complexes
        ]
    rows["PAmplitude"] = [_text(1000 * _extreme(lead[p_on:p_off])) for lead in beat]
    rows["TAmplitude"] = [_text(1000 * _extreme(lead[st_end:t_off])) for lead in beat]
    for name, sample in (("J", qrs_off), ("JX", (qrs_off + st_end) // 2), ("JXE", st_end)):
        rows[f"{name}Amplitude"] = [_text(1000 * lead[sample]) for lead in beat]
    return rows


def _qrs_waves(qrs: Float[np.ndarray, "time"]) -> list["Wave | None"]:
    """Q, R and S of one lead: the largest positive wave is R, the negative ones before and after it are Q and S."""
    peak = int(np.argmax(qrs))
    if qrs[peak] < _SMALLEST_WAVE:
        return [_wave(-qrs), None, None]  # QS complex
    return [_wave(-qrs[:peak]), _wave(qrs), _wave(-qrs[peak:])]


def _wave(part: Float[np.ndarray, "time"]) -> "Wave | None":
    """The largest positive deflection of `part`, if large enough, with the time that it stays above zero."""
    if len(part) == 0 or part.max() < _SMALLEST_WAVE:
        return None
    peak = int(np.argmax(part))
    below = np.flatnonzero(part <= 0)
    first = below[below < peak].max(initial=-1)
    last = below[below > peak].min(initial=len(part))
    return Wave(float(part[peak]), STEP_MS * int(last - first - 1))


def _extreme(part: Float[np.ndarray, "time"]) -> float:
    return float(part[np.argmax(np.abs(part))])


def _text(value: float) -> str:
    return str(round(value))
