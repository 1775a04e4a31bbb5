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
"""How long, in s, a trace must stay at its highest or lowest value to count as cut off there."""

FULL_SCALE = 32767
"""The largest value, in counts, that a recording of 16 bits can hold."""


class Quality(NamedTuple):
    """Measurements per lead, and two per recording; NaN where the samples or leads for one are
    missing."""

    missing: Float[np.ndarray, "individual lead"]
    """Share of samples that are NaN or infinite."""
    flat: Float[np.ndarray, "individual lead"]
    """The longest time, in s, without a change of half a count."""
    saturated: Float[np.ndarray, "individual lead"]
    """Share of samples at the largest value of 16 bits, or for `STUCK` or longer at the lead's own
    extremes."""
    amplitude: Float[np.ndarray, "individual lead"]
    """The range in mV from the 0.5th to the 99.5th percentile, without wander."""
    noise: Float[np.ndarray, "individual lead"]
    """The standard deviation in mV above 40 Hz between QRS complexes: the median over seconds of
    median |x| / 0.6745."""
    wander: Float[np.ndarray, "individual lead"]
    """The range in mV of what is below 0.5 Hz."""
    einthoven_error: Float[np.ndarray, " individual"]
    """The largest |I + III - II| in mV: leads that were swapped or corrupted after the recorder had
    computed III."""
    arm_correlation: Float[np.ndarray, " individual"]
    """The correlation of leads I and V6, which look at the heart from the same side: near -1 where
    the arm electrodes are swapped (or in dextrocardia). A swap of electrodes leaves the Einthoven
    error at zero."""


def quality(
    ecg: Float[np.ndarray, "individual lead time"],
    sampling_rate: float,
    leads: tuple[str, ...],
    resolution: Float[np.ndarray, " lead"] | float,
) -> Quality:
    """All measurements of a block; `ecg` in mV with NaN where samples are missing, `resolution` in
    mV per count.

    >>> ecg = np.sin(2 * np.pi * 5 * np.arange(5000) / 500)[None, None].repeat(2, axis=1)
    >>> ecg[0, 1, 1000:3000] = ecg[0, 1, 1000]  # lead II stands still for 4 s
    >>> measured = quality(ecg, 500.0, ("I", "II"), resolution=0.005)
    >>> measured.flat, measured.amplitude.round(1)
    (array([[0.006, 4.002]]), array([[2., 2.]]))
    """
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
    """The field of `Exclusions` that holds the limit; True there stands for "must not be"."""
    measurement: str
    """The field of `Quality`, or the flag, that the limit is compared with."""
    side: int
    """1: the limit is the highest value allowed; -1: the lowest."""
    range: tuple[float, float]
    """The lowest and the highest limit that may be asked for."""
    reason: str
    """What is required; what was measured, as a format of `lead` and `measured`."""


def _at_most(limit: str, allowed: tuple[float, float], reason: str, of: str = "") -> Requirement:
    """A limit on the highest value of the measurement `of`, by default that of the limit's name."""
    return Requirement(limit=limit, measurement=of or limit, side=1, range=allowed, reason=reason)


def _at_least(limit: str, allowed: tuple[float, float], reason: str, of: str = "") -> Requirement:
    """A limit on the lowest value of the measurement `of`, by default that of the limit's name."""
    return Requirement(limit=limit, measurement=of or limit, side=-1, range=allowed, reason=reason)


SHARE, AMOUNT, CORRELATION = (0.0, 1.0), (0.0, np.inf), (-1.0, 1.0)

REQUIREMENTS = (
    _at_most("missing", SHARE, "lead {lead} must have its samples; {measured:.2%} are missing"),
    _at_most("flat", AMOUNT, "lead {lead} must vary; flat for {measured:.1f} s"),
    _at_most(
        "saturated", SHARE, "lead {lead} must not be cut off; {measured:.1%} of its samples are"
    ),
    _at_most("einthoven_error", AMOUNT, "I + III must equal II; they differ by {measured:.3f} mV"),
    _at_least(
        "arm_correlation",
        CORRELATION,
        "arm electrodes must not be swapped; I on V6 {measured:.2f}",
    ),
    _at_least(
        "lowest_amplitude",
        AMOUNT,
        "lead {lead} must show a heart; it spans {measured:.3f} mV",
        of="amplitude",
    ),
    _at_most(
        "highest_amplitude",
        AMOUNT,
        "lead {lead} must be a heart's; it spans {measured:.1f} mV",
        of="amplitude",
    ),
    _at_most("noise", AMOUNT, "lead {lead} must be quiet; its noise is {measured:.3f} mV"),
    _at_most("wander", AMOUNT, "lead {lead} must not wander; it does by {measured:.1f} mV"),
    _at_most("poor_quality", SHARE, "quality must not be poor; the device says it is"),
    _at_most("paced", SHARE, "rhythm must be the heart's own; it is paced"),
    _at_most("ectopic_share", SHARE, "beats must be normal; {measured:.0%} are ectopic"),
)
"""All requirements, in the order in which they are looked at."""


@dataclass(frozen=True)
class Exclusions:
    """Who is left out: the first requirement that a recording does not meet is its reason. None
    requires nothing.

    Of several leads that fail a requirement, the worst one is named.

    >>> ecg = np.sin(2 * np.pi * 5 * np.arange(5000) / 500)[None, None].repeat(2, axis=1)
    >>> ecg[0, 1, 1000:3000] = ecg[0, 1, 1000]
    >>> leads = ("I", "II")
    >>> Exclusions(flat=1.0)(quality(ecg, 500.0, leads, resolution=0.005), leads)
    {0: 'lead II must vary; flat for 4.0 s'}
    """

    missing: float | None = None
    """Largest share of missing samples in a lead."""
    flat: float | None = None
    """Longest time, in s, for which a lead may not change."""
    saturated: float | None = None
    """Largest share of samples of a lead that may be cut off."""
    lowest_amplitude: float | None = None
    """Smallest amplitude of a lead, in mV."""
    highest_amplitude: float | None = None
    """Largest amplitude of a lead, in mV."""
    noise: float | None = None
    """Largest noise of a lead, in mV."""
    wander: float | None = None
    """Largest wander of a lead, in mV."""
    einthoven_error: float | None = None
    """Largest |I + III - II|, in mV."""
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
        required; what was measured.

        The text before the semicolon is the same for all who share a reason, so that reasons can be
        counted by it. What was not measured (NaN, None) excludes nobody; missing samples do, by
        `missing`.
        """
        measurements = {
            **measured._asdict(),
            "ectopic_share": ectopic_share,
            "paced": paced,
            "poor_quality": poor_quality,
        }
        reasons: dict[int, str] = {}

        for requirement in REQUIREMENTS:
            limit = getattr(self, requirement.limit)
            values = measurements[requirement.measurement]
            if limit is None or limit is False or values is None:
                continue

            threshold = 0.5 if limit is True else limit
            columns = values.reshape(len(values), -1).astype(np.float64)
            excess = np.where(np.isnan(columns), -np.inf, requirement.side * (columns - threshold))
            worst = excess.argmax(axis=1)
            for row in np.flatnonzero(excess.max(axis=1) > 0):
                text = requirement.reason.format(
                    lead=leads[worst[row]], measured=columns[row, worst[row]]
                )
                reasons.setdefault(int(row), text)

        return dict(sorted(reasons.items()))


def _filled(
    ecg: Float[np.ndarray, "individual lead time"], known: Bool[np.ndarray, "individual lead time"]
) -> Float[np.ndarray, "individual lead time"]:
    """The recordings with missing samples at the mean of their lead; a lead without any sample is
    at zero."""
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
    """The longest rest of each lead in samples; a missing sample ends a rest, since that it is
    missing is told elsewhere."""
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
    """Share of the samples of each lead that are cut off: see `Quality.saturated`."""
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
    """The noise of each lead, from what is above 40 Hz: see `Quality.noise`."""
    seconds = max(1, int(fast.shape[-1] // sampling_rate))
    length = fast.shape[-1] // seconds
    cut = fast[..., : seconds * length].reshape(*fast.shape[:-1], seconds, length)
    return np.median(np.median(np.abs(cut), axis=-1), axis=-1) / 0.6745


def _einthoven_error(
    ecg: Float[np.ndarray, "individual lead time"], leads: tuple[str, ...]
) -> Float[np.ndarray, " individual"]:
    """The largest |I + III - II| of each recording; NaN without these leads."""
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
    """The correlation of I and V6 of each recording; NaN without these leads."""
    if not {"I", "V6"} <= set(leads):
        return np.full(len(beats), np.nan)
    one, six = beats[:, leads.index("I")], beats[:, leads.index("V6")]
    size = np.sqrt((one**2).sum(axis=-1) * (six**2).sum(axis=-1))
    return np.where(size > 0, (one * six).sum(axis=-1) / np.where(size > 0, size, 1), np.nan)
