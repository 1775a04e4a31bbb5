"""How close a reconstruction is: per recording and lead, in mV, against references that all models
share."""

import numpy as np
from jaxtyping import Float

FLAT = 1e-4
"""Standard deviation in mV below which a trace says nothing: a fiftieth of one count of UK Biobank's
device."""


def reconstruction_quality(
    recorded: Float[np.ndarray, "individual lead time"],
    cleaned: Float[np.ndarray, "individual lead time"],
    reconstruction: Float[np.ndarray, "individual lead time"],
) -> dict[str, Float[np.ndarray, "individual lead"]]:
    """The measures of `MEASURES` that compare ECGs in mV.

    `mse` (mV^2) and `r2` compare with what the network was given. The others compare with the
    recording before any cleaning, which is the same reference for every denoiser and normalization, and each up to a
    constant: an ECG amplifier does not pass the mean. With SSE and SST about the mean of the
    reference, R2 = 1 - SSE / SST, PRD = 100 sqrt(SSE / SST) in %, and r is Pearson's. NaN for a
    flat lead. `amplitude` (mV) is the root mean square of what the network was given, about its
    mean. Sums are in double precision.
    """
    moments = np.empty((*recorded.shape[:2], 4, 4))
    for person in range(len(recorded)):  # what is read of one stays in the processor's cache
        moments[person] = _moments(recorded[person], cleaned[person], reconstruction[person])

    samples = recorded.shape[-1]
    mse = moments[..., 2, 2] / samples
    covariance = (moments - moments[..., :, 3:] * moments[..., 3:, :] / samples) / samples
    variance = _of_moving_leads(covariance[..., 0, 0])

    # The covariance of the recording and the reconstruction.
    shared = covariance[..., 0, 1] - covariance[..., 0, 2]
    given = np.maximum(covariance[..., 1, 1], 0)
    spread = given - 2 * covariance[..., 1, 2] + covariance[..., 2, 2]
    mse_recorded = np.maximum(covariance[..., 0, 0] - 2 * shared + spread, 0)

    return {
        "mse": mse,
        "r2": 1 - mse / _of_moving_leads(given),
        "amplitude": np.sqrt(given),
        "mse_recorded": mse_recorded,
        "r2_recorded": 1 - mse_recorded / variance,
        "prd_recorded": 100 * np.sqrt(mse_recorded / variance),
        "r_recorded": shared / np.sqrt(variance * _of_moving_leads(spread)),
    }


MEASURES = ("mse", "r2", "amplitude", "mse_recorded", "r2_recorded", "prd_recorded", "r_recorded")


def agreement(
    reference: Float[np.ndarray, "individual lead time"],
    ecg: Float[np.ndarray, "individual lead time"],
) -> dict[str, Float[np.ndarray, "individual lead"]]:
    """`mse` (mV^2), `r2`, `prd` (%) and `r` of `ecg` against one reference, each up to a constant.

    Half the amplitude has the right shape and three quarters of the variance; an offset is free:

    >>> wave = np.sin(np.arange(100) * np.pi / 25)[None, None]
    >>> {name: round(float(value[0, 0]), 6) for name, value in agreement(wave, wave / 2 + 1).items()}
    {'mse': 0.125, 'r2': 0.75, 'prd': 50.0, 'r': 1.0}
    """
    quality = reconstruction_quality(reference, reference, ecg)
    return {name: quality[f"{name}_recorded"] for name in ("mse", "r2", "prd", "r")}


def _moments(
    recorded: Float[np.ndarray, "lead time"],
    cleaned: Float[np.ndarray, "lead time"],
    reconstruction: Float[np.ndarray, "lead time"],
) -> Float[np.ndarray, "lead 4 4"]:
    """Sums of products over time of the recording, the cleaned one, cleaned minus reconstructed,
    and 1.

    Voltages are counted from the first sample: a flat lead is exactly zero, and an offset costs no
    digits.
    """
    signals = np.empty((len(recorded), 4, recorded.shape[-1]))
    np.subtract(recorded, recorded[:, :1], out=signals[:, 0], dtype=np.float64)
    np.subtract(cleaned, cleaned[:, :1], out=signals[:, 1], dtype=np.float64)
    np.subtract(cleaned, reconstruction, out=signals[:, 2], dtype=np.float64)
    signals[:, 3] = 1
    return signals @ signals.swapaxes(1, 2)


def _of_moving_leads(
    variance: Float[np.ndarray, "individual lead"],
) -> Float[np.ndarray, "individual lead"]:
    """The variance in mV^2; NaN for a flat lead."""
    return np.where(variance > FLAT**2, variance, np.nan)
