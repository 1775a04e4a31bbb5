"""The heart as one moving dipole: a heartbeat in the space of the body, and how the leads see it.

Axes after Frank: x to the left, y to the feet, z to the back; voltages in mV, times in ms from the
onset of the QRS complex. A wave is a direction times a smooth bump that is zero outside the wave,
so that onsets and offsets are exact.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

DOWER = np.array(
    [
        [0.632, -0.235, 0.059],  # I
        [0.235, 1.066, -0.132],  # II
        [-0.515, 0.157, -0.917],  # V1
        [0.044, 0.164, -1.387],  # V2
        [0.882, 0.098, -1.277],  # V3
        [1.213, 0.127, -0.601],  # V4
        [1.125, 0.127, -0.086],  # V5
        [0.831, 0.076, 0.230],  # V6
    ]
)
"""The independent leads from the dipole: Dower, Machado & Osborne, Clin Cardiol 3 (1980) 87."""

R_PEAK = 0.45
"""Share of the QRS duration after which the R wave peaks."""

ST_SEGMENT = 0.30
"""Share of the time from the QRS offset to the T offset that passes before the T wave begins."""


def heartbeat(
    time: Float[np.ndarray, "time"], parameters: Mapping[str, float], qt_interval: float
) -> Float[np.ndarray, "axis time"]:
    """The dipole of one beat (3 axes) in mV, from the `PARAMETERS` in ms, mV and degrees.

    `time` in ms counts from the onset of the QRS complex; before the P wave, between it and the QRS
    complex, and after the T wave's end the dipole is exactly 0.

    >>> from ecgae.recordings.simulate.parameters import PARAMETERS
    >>> mean = {parameter.name: parameter.mean for parameter in PARAMETERS}
    >>> moments = np.array([-200.0, -10.0, 44.0, 420.0])  # before P, before QRS, near R, after T
    >>> lead_ii = DOWER[1] @ heartbeat(moments, mean, qt_interval=400.0)
    >>> lead_ii.round(2).tolist()
    [0.0, 0.0, 0.76, 0.0]
    """
    qrs = parameters["qrs_duration"]
    ventricles = _turned_forwards(_ventricular_vectors(parameters), parameters["transition_angle"])
    septum, apex, left, base = (_bump(time, c * qrs, *w) for c, *w in _windows(qrs))
    depolarisation = ventricles @ np.stack([septum, apex, left, base])
    repolarisation = _repolarisation(time, parameters, qt_interval)
    return _atria(time, parameters) + depolarisation + repolarisation


def _windows(qrs: float) -> tuple[tuple[float, float, float], ...]:
    """The four phases of the QRS complex: peak as a share of its duration, then ms from onset to
    peak and from peak to end."""
    return (
        (0.17, 0.17 * qrs, 0.20 * qrs),
        (0.34, 0.22 * qrs, 0.22 * qrs),
        (0.48, 0.26 * qrs, 0.26 * qrs),
        (0.68, 0.24 * qrs, 0.32 * qrs),
    )


def _ventricular_vectors(parameters: Mapping[str, float]) -> Float[np.ndarray, "axis phase"]:
    """The dipole's peak in mV in each phase: septum (right, forwards), apex (left, forwards), left
    ventricle (along the axis), base (backwards)."""
    x, y = _frontal_direction(parameters["qrs_axis"])
    r = parameters["r_amplitude"]
    return np.array(
        [
            parameters["q_amplitude"] * np.array([-0.62, -0.15, -0.77]),
            0.50 * r * np.array([0.75 * x, 0.75 * y, -0.62]),
            0.92 * r * np.array([0.96 * x, 0.96 * y, 0.20]),
            parameters["s_amplitude"] * np.array([0.05, -0.12, 0.80]),
        ]
    ).T


def _atria(
    time: Float[np.ndarray, "time"], parameters: Mapping[str, float]
) -> Float[np.ndarray, "axis time"]:
    """The P wave: the right atrium (down and forwards), then the left one (to the left and
    backwards)."""
    onset, duration = -parameters["pr_interval"], parameters["p_duration"]
    right = _bump(time, onset + 0.38 * duration, 0.38 * duration, 0.40 * duration)
    left = _bump(time, onset + 0.62 * duration, 0.40 * duration, 0.38 * duration)
    directions = np.array([[0.68, 0.52, -0.25], [0.80, 0.32, 0.28]]).T
    return parameters["p_amplitude"] * directions @ np.stack([right, left])


def _repolarisation(
    time: Float[np.ndarray, "time"], parameters: Mapping[str, float], qt_interval: float
) -> Float[np.ndarray, "axis time"]:
    """The T wave, slower to rise than to fall, and a shallow ST segment that leads into it."""
    offset = parameters["qrs_duration"]
    onset = offset + ST_SEGMENT * (qt_interval - offset)
    rise = parameters["t_asymmetry"] * (qt_interval - onset)
    peak = onset + rise
    wave = _bump(time, peak, rise, qt_interval - peak)
    segment = 0.10 * _bump(time, onset, onset - offset, rise)
    x, y = _frontal_direction(parameters["t_axis"])
    direction = np.array([0.82 * x, 0.82 * y, -0.50])
    return parameters["t_amplitude"] * direction[:, None] * (wave + segment)


def _bump(
    time: Float[np.ndarray, "time"], peak: float, rise: float, fall: float
) -> Float[np.ndarray, "time"]:
    """A wave cos^2 that rises from 0 at `peak - rise` to 1 at `peak` and falls to 0 at
    `peak + fall`.

    >>> _bump(np.array([0.0, 10.0, 20.0, 40.0, 60.0]), peak=20, rise=20, fall=40).round(2).tolist()
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    distance = (time - peak) / np.where(time < peak, rise, fall)
    return np.where(np.abs(distance) < 1, np.cos(0.5 * np.pi * distance) ** 2, 0.0)


def _frontal_direction(axis: float) -> tuple[float, float]:
    """The unit vector (x, y) that the limb leads read as an electrical axis of `axis` degrees.

    Leads I and aVF, the latter scaled by 2 / sqrt(3), are the two coordinates of the clinical axis.
    """
    lead_i, lead_ii = DOWER[0, :2], DOWER[1, :2]
    limb = np.stack([lead_i, (lead_ii - lead_i / 2) * 2 / np.sqrt(3)])
    vector = np.linalg.solve(limb, [np.cos(np.radians(axis)), np.sin(np.radians(axis))])
    x, y = vector / np.linalg.norm(vector)
    return float(x), float(y)


def _turned_forwards(
    vectors: Float[np.ndarray, "axis phase"], angle: float
) -> Float[np.ndarray, "axis phase"]:
    """The vectors turned by `angle` degrees in the horizontal plane, from the left (x) towards the
    front (-z)."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]]) @ vectors
