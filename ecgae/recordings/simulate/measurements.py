"""What the device prints beside the traces: intervals, axes and the table of amplitudes and
durations per lead."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ecgae.recordings.simulate.waveform import BEAT_ONSET, MEDIAN_QRS_ONSET, STEP_MS, Recording

_SMALLEST_WAVE = 0.015
"""The smallest wave in mV that the device prints; what is smaller is left blank."""


class Onsets(NamedTuple):
    """Where the waves begin and end, in ms from the start of the averaged beat, on the grid of the
    samples."""

    p_onset: int
    p_offset: int
    qrs_onset: int
    qrs_offset: int
    t_offset: int


class Wave(NamedTuple):
    """One deflection of a lead, as printed: uV, positive, and ms; both blank where there is
    none."""

    amplitude: str
    duration: str


_BLANK = Wave("", "")


def onsets(recording: Recording, parameters: Mapping[str, float]) -> Onsets:
    """The person's true wave limits, rounded to samples."""
    qrs_onset = STEP_MS * MEDIAN_QRS_ONSET
    p_onset = -parameters["pr_interval"]
    limits = (
        p_onset,
        p_onset + parameters["p_duration"],
        0.0,
        parameters["qrs_duration"],
        recording.qt_interval,
    )
    return Onsets(*(qrs_onset + STEP_MS * round(limit / STEP_MS) for limit in limits))


def axis(ecg: Float[np.ndarray, "lead=12 time"], first: int, last: int) -> int:
    """The electrical axis, in degrees, of the net area between two samples: from leads I and
    aVF."""
    lead_i, avf = ecg[0, first:last].sum(), ecg[5, first:last].sum()
    return round(float(np.degrees(np.arctan2(avf * 2 / np.sqrt(3), lead_i))))


def measurement_table(recording: Recording, limits: Onsets) -> dict[str, list[str]]:
    """Rows of the device's table by tag: 12 texts in uV or ms each, blank where a lead has no such
    wave."""
    beat = recording.noise_free_beat
    p_on, p_off, qrs_on, qrs_off, t_off = (
        BEAT_ONSET + limit // STEP_MS - MEDIAN_QRS_ONSET for limit in limits
    )
    st_end = qrs_off + (t_off - qrs_off) // 4
    rows = {
        "PAmplitude": [_microvolts(_extreme(lead[p_on:p_off])) for lead in beat],
        "TAmplitude": [_microvolts(_extreme(lead[st_end:t_off])) for lead in beat],
        "JAmplitude": [_microvolts(lead[qrs_off]) for lead in beat],
        "JXAmplitude": [_microvolts(lead[(qrs_off + st_end) // 2]) for lead in beat],
        "JXEAmplitude": [_microvolts(lead[st_end]) for lead in beat],
    }

    complexes = [_qrs_waves(lead[qrs_on : qrs_off + 1]) for lead in beat]
    for index, name in enumerate("QRS"):
        waves = [waves_of_lead[index] for waves_of_lead in complexes]
        rows[f"{name}Amplitude"] = [wave.amplitude for wave in waves]
        rows[f"{name}Duration"] = [wave.duration for wave in waves]
    return rows


def _qrs_waves(qrs: Float[np.ndarray, "time"]) -> tuple[Wave, Wave, Wave]:
    """Q, R and S of one lead: the largest positive wave is R, the negative ones before and after it
    are Q and S."""
    peak = int(np.argmax(qrs))
    if qrs[peak] < _SMALLEST_WAVE:
        return _wave(-qrs), _BLANK, _BLANK  # a QS complex
    return _wave(-qrs[:peak]), _wave(qrs), _wave(-qrs[peak:])


def _wave(part: Float[np.ndarray, "time"]) -> Wave:
    """The largest positive deflection of `part`, if large enough, with the time that it stays above
    zero."""
    if len(part) == 0 or part.max() < _SMALLEST_WAVE:
        return _BLANK
    peak = int(np.argmax(part))
    below = np.flatnonzero(part <= 0)
    first = below[below < peak].max(initial=-1)
    last = below[below > peak].min(initial=len(part))
    return Wave(_microvolts(part[peak]), str(STEP_MS * int(last - first - 1)))


def _extreme(part: Float[np.ndarray, "time"]) -> float:
    """The voltage farthest from zero, with its sign."""
    return float(part[np.argmax(np.abs(part))])


def _microvolts(voltage: float) -> str:
    """A voltage in mV as whole uV."""
    return str(round(1000 * float(voltage)))
