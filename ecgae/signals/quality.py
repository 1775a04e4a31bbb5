"""How far each lead of each recording can be trusted, and who is left out for which reason.

All measurements are in units that can be looked at on paper (mV, s, shares), over a whole block of
people at once.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy import fft
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from ecgae.errors import InputError

STUCK = 0.02
"""s; how long a trace must stay at its highest or lowest value to count as cut off there."""

FULL_SCALE = 32767
"""Counts; the largest value that a recording of 16 bits can hold."""


class Quality(NamedTuple):
    """Measurements per lead, and two per recording; NaN where the samples or leads for one are
    missing."""

    missing: Float[np.ndarray, "individual lead"]
    """Share of samples that are NaN or infinite."""
    flat: Float[np.ndarray, "individual lead"]
    """s; the longest time without a change of half a count."""
    saturated: Float[np.ndarray, "individual lead"]
    """Share of samples at the largest value of 16 bits, or within `STUCK` or more at the lead's own
    extremes."""
    amplitude: Float[np.ndarray, "individual lead"]
    """mV; from the 0.5th to the 99.5th percentile, without wander."""
    noise: Float[np.ndarray, "individual lead"]
    """mV; the standard deviation above 40 Hz between QRS complexes: the median over seconds of
    median |x| / 0.6745."""
    wander: Float[np.ndarray, "individual lead"]
    """mV; the range of what is below 0.5 Hz."""
    einthoven_error: Float[np.ndarray, " individual"]
    """mV; the largest |I + III - II|: leads that were swapped or corrupted after the recorder had
    computed III."""
    arm_correlation: Float[np.ndarray, " individual"]
    """Of leads I and V6, which look at the heart from the same side: near -1 where the arm
    electrodes are swapped (or in dextrocardia). A swap of electrodes leaves the Einthoven error at
    zero."""


def quality(
    ecg: Float[np.ndarray, "individual lead time"],
    sampling_rate: float,
    leads: tuple[str, ...],
    resolution: Float[np.ndarray, " lead"] | float,
) -> Quality:
    """All measurements of a block; `ecg` in mV with NaN where samples are missing, `resolution` in
    mV per count."""
    if len(leads) != ecg.shape[1]:
        raise InputError(
            f"leads must name each lead of the recordings; got {len(leads)} for {ecg.shape[1]} leads."
        )
    count = np.broadcast_to(np.asarray(resolution, dtype=np.float64), (len(leads),))[:, None]
    known = np.isfinite(ecg)
    whole = ecg if known.all() else _filled(ecg, known)
    wander, beats, fast = _bands(whole, sampling_rate)
    low, high = np.quantile(beats, [0.005, 0.995], axis=-1)
    measured = np.where(known.any(axis=-1), 1.0, np.nan)
    return Quality(
        missing=1 - known.mean(axis=-1),
        flat=_longest_rest(ecg, count) / sampling_rate * measured,
        saturated=_saturated(ecg, count, sampling_rate) * measured,
        amplitude=(high - low) * measured,
        noise=_noise(fast, sampling_rate) * measured,
        wander=np.ptp(wander, axis=-1) * measured,
        einthoven_error=_einthoven_error(ecg, leads),
        arm_correlation=_arm_correlation(beats, leads) * measured.min(axis=-1),
    )


class Requirement(NamedTuple):
    """What a limit of `Exclusions` is about, and what whoever exceeds it is told."""

    limit: str
    """The field of `Exclusions`; True there stands for "must not be"."""
    measurement: str
    """The field of `Quality`, or the flag."""
    side: int
    """1: the limit is the highest value allowed; -1: the lowest."""
    range: tuple[float, float]
    """What the limit itself may be."""
    reason: str


SHARE, AMOUNT = (0.0, 1.0), (0.0, np.inf)

REQUIREMENTS = tuple(
    Requirement(*row)
    for row in (
        (
            "missing",
            "missing",
            1,
            SHARE,
            "lead {lead} must have its samples; {found:.2%} are missing",
        ),
        ("flat", "flat", 1, AMOUNT, "lead {lead} must vary; flat for {found:.1f} s"),
        (
            "saturated",
            "saturated",
            1,
            SHARE,
            "lead {lead} must not be cut off; {found:.1%} of its samples are",
        ),
        (
            "einthoven_error",
            "einthoven_error",
            1,
            AMOUNT,
            "I + III must equal II; they differ by {found:.3f} mV",
        ),
        (
            "arm_correlation",
            "arm_correlation",
            -1,
            (-1, 1),
            "arm electrodes must not be swapped; I on V6 {found:.2f}",
        ),
        (
            "lowest_amplitude",
            "amplitude",
            -1,
            AMOUNT,
            "lead {lead} must show a heart; it spans {found:.3f} mV",
        ),
        (
            "highest_amplitude",
            "amplitude",
            1,
            AMOUNT,
            "lead {lead} must be a heart's; it spans {found:.1f} mV",
        ),
        ("noise", "noise", 1, AMOUNT, "lead {lead} must be quiet; its noise is {found:.3f} mV"),
        ("wander", "wander", 1, AMOUNT, "lead {lead} must not wander; it does by {found:.1f} mV"),
        (
            "poor_quality",
            "poor_quality",
            1,
            SHARE,
            "quality must not be poor; the device says it is",
        ),
        ("paced", "paced", 1, SHARE, "rhythm must be the heart's own; it is paced"),
        (
            "ectopic_share",
            "ectopic_share",
            1,
            SHARE,
            "beats must be normal; {found:.0%} are ectopic",
        ),
    )
)
"""In the order in which they are looked at."""


@dataclass(frozen=True)
class Exclusions:
    """Who is left out: the first requirement that a recording does not meet is its reason. None
    requires nothing.

    Of several leads that fail a requirement, the worst one is named.
    """

    missing: float | None = None
    """Largest share of missing samples in a lead."""
    flat: float | None = None
    """s; longest time for which a lead may not change."""
    saturated: float | None = None
    """Largest share of samples of a lead that may be cut off."""
    lowest_amplitude: float | None = None
    """mV"""
    highest_amplitude: float | None = None
    """mV"""
    noise: float | None = None
    """mV"""
    wander: float | None = None
    """mV"""
    einthoven_error: float | None = None
    """mV"""
    arm_correlation: float | None = None
    """Smallest correlation of leads I and V6."""
    ectopic_share: float | None = None
    """Largest share of ectopic beats."""
    paced: bool = False
    """True leaves out people with a pacemaker's beats."""
    poor_quality: bool = False
    """True leaves out recordings that the device called poor."""

    def __post_init__(self) -> None:
        for requirement in REQUIREMENTS:
            limit, (lowest, highest) = getattr(self, requirement.limit), requirement.range
            if limit is not None and not lowest <= limit <= highest:
                raise InputError(
                    f"exclusions.{requirement.limit} must be between {lowest:g} and {highest:g}; got {limit:g}. "
                    "Use null for no limit."
                )

    def __call__(
        self,
        measured: Quality,
        leads: tuple[str, ...],
        *,
        ectopic_share: Float[np.ndarray, " individual"] | None = None,
        paced: Bool[np.ndarray, " individual"] | None = None,
        poor_quality: Bool[np.ndarray, " individual"] | None = None,
    ) -> dict[int, str]:
        """The rows of the excluded individuals, ascending, and of each the reason: what is
        required; what was found.

        The text before the semicolon is the same for all who share a reason, so that reasons can be
        counted by it. What was not measured (NaN, None) excludes nobody; missing samples do, by
        `missing`.
        """
        found = {
            **measured._asdict(),
            **{"ectopic_share": ectopic_share, "paced": paced, "poor_quality": poor_quality},
        }
        reasons: dict[int, str] = {}
        for requirement in REQUIREMENTS:
            limit, values = getattr(self, requirement.limit), found[requirement.measurement]
            if limit is None or limit is False or values is None:
                continue
            threshold = 0.5 if limit is True else limit
            columns = values.reshape(len(values), -1).astype(np.float64)
            excess = np.where(np.isnan(columns), -np.inf, requirement.side * (columns - threshold))
            worst = excess.argmax(axis=1)
            for row in np.flatnonzero(excess.max(axis=1) > 0):
                text = requirement.reason.format(
                    lead=leads[worst[row]], found=columns[row, worst[row]]
                )
                reasons.setdefault(int(row), text)
        return dict(sorted(reasons.items()))


def _filled(
    ecg: Float[np.ndarray, "individual lead time"], known: Bool[np.ndarray, "individual lead time"]
) -> Float[np.ndarray, "individual lead time"]:
    """Missing samples at the mean of their lead; a lead without any sample at zero."""
    mean = np.where(known, ecg, 0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)
    return np.where(known, ecg, mean[..., None].astype(ecg.dtype))


def _bands(
    ecg: Float[np.ndarray, "individual lead time"], sampling_rate: float
) -> tuple[Float[np.ndarray, "individual lead time"], ...]:
    """The parts below 0.5 Hz, from 0.5 to 40 Hz and above, by zeroing frequencies of the trace less
    its mean."""
    spectrum = fft.rfft(ecg - ecg.mean(axis=-1, keepdims=True), axis=-1)
    frequency = fft.rfftfreq(ecg.shape[-1], 1 / sampling_rate)
    slow, fast = frequency < 0.5, frequency > 40
    parts = [fft.irfft(spectrum * band, ecg.shape[-1], axis=-1) for band in (slow, fast)]
    return parts[0], ecg - ecg.mean(axis=-1, keepdims=True) - parts[0] - parts[1], parts[1]


def _longest_rest(
    ecg: Float[np.ndarray, "individual lead time"], count: Float[np.ndarray, "lead 1"]
) -> Float[np.ndarray, "individual lead"]:
    """Samples; a missing sample ends a rest, since that it is missing is told elsewhere."""
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        moved = ~(np.abs(np.diff(ecg, axis=-1)) <= count / 2)
    sample = np.arange(1, ecg.shape[-1], dtype=np.int32)
    last_move = np.maximum.accumulate(np.where(moved, sample, np.int32(0)), axis=-1)
    rest = (sample - last_move).max(axis=-1, initial=0)
    return np.where(rest > 0, rest + 1, 0).astype(np.float64)


def _saturated(
    ecg: Float[np.ndarray, "individual lead time"],
    count: Float[np.ndarray, "lead 1"],
    sampling_rate: float,
) -> Float[np.ndarray, "individual lead"]:
    known = np.isfinite(ecg)
    highest = np.where(known, ecg, -np.inf).max(axis=-1, keepdims=True)
    lowest = np.where(known, ecg, np.inf).min(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):  # comparisons with a lead that has no samples
        extreme = (
            known
            & ((ecg >= highest - count / 2) | (ecg <= lowest + count / 2))
            & (highest - lowest > count)
        )
        at_limit = known & (np.abs(ecg) >= (FULL_SCALE - 0.5) * count)
    samples = max(3, round(STUCK * sampling_rate) | 1)
    stuck = maximum_filter1d(
        minimum_filter1d(extreme.view(np.uint8), samples, axis=-1), samples, axis=-1
    )
    return (stuck.astype(bool) | at_limit).mean(axis=-1)


def _noise(
    fast: Float[np.ndarray, "individual lead time"], sampling_rate: float
) -> Float[np.ndarray, "individual lead"]:
    seconds = max(1, int(fast.shape[-1] // sampling_rate))
    length = fast.shape[-1] // seconds
    cut = fast[..., : seconds * length].reshape(*fast.shape[:-1], seconds, length)
    return np.median(np.median(np.abs(cut), axis=-1), axis=-1) / 0.6745


def _einthoven_error(
    ecg: Float[np.ndarray, "individual lead time"], leads: tuple[str, ...]
) -> Float[np.ndarray, " individual"]:
    if not {"I", "II", "III"} <= set(leads):
        return np.full(len(ecg), np.nan)
    one, two, three = (ecg[:, leads.index(lead)].astype(np.float64) for lead in ("I", "II", "III"))
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        error = np.abs(one + three - two)
    known = np.isfinite(error)
    return np.where(known.any(axis=-1), np.where(known, error, 0).max(axis=-1), np.nan)


def _arm_correlation(
    beats: Float[np.ndarray, "individual lead time"], leads: tuple[str, ...]
) -> Float[np.ndarray, " individual"]:
    if not {"I", "V6"} <= set(leads):
        return np.full(len(beats), np.nan)
    one, six = beats[:, leads.index("I")], beats[:, leads.index("V6")]
    size = np.sqrt((one**2).sum(axis=-1) * (six**2).sum(axis=-1))
    return np.where(size > 0, (one * six).sum(axis=-1) / np.where(size > 0, size, 1), np.nan)
