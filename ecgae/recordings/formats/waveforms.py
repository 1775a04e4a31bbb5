"""Waveforms from whole numbers of any size and gain, as the formats of many devices hold them.

A store keeps 16-bit counts. Numbers that fit are kept as they are; a lead whose numbers do not fit
(24-bit converters, large offsets) is requantised over its own range, which moves no sample by more
than 1/65,000 of its largest voltage.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int16, Int64

from ecgae.ecg import DERIVED_LEADS, derived_limb_leads
from ecgae.errors import InputError
from ecgae.recordings.formats.recording import MISSING, Waveform

LARGEST_COUNT = 32767
LARGEST_VOLTAGE = 10_000.0
"""Voltages in mV above which gain or unit must be wrong: no electrode on a skin sees more."""

RATES = (10.0, 100_000.0)
"""The lowest and the highest sampling rate in Hz: slower series are no ECG."""

FINER = 64
"""Traces whose counts differ in size meet in steps of the smaller size divided by this."""


class Trace(NamedTuple):
    """One lead as its file holds it: `counts` times `resolution` are mV; where `missing`, no sample
    was taken."""

    counts: Int64[np.ndarray, " time"]
    missing: Bool[np.ndarray, " time"]
    resolution: float
    """The size of one count in mV."""


def assemble(traces: Mapping[str, Trace], leads: Sequence[str], sampling_rate: float) -> Waveform:
    """The leads asked for, in their order; III, aVR, aVL and aVF are derived from I and II where
    they are not there.

    Raises `InputError` where a lead is neither there nor derivable, where lengths differ, or the
    rate or a voltage is impossible.
    """
    slowest, fastest = RATES
    if not slowest <= sampling_rate <= fastest:
        raise InputError(
            f"sampling rate must be {slowest:g} to {fastest:,g} Hz; got {sampling_rate:g} Hz"
        )

    traces = with_derived_limb_leads(traces)
    absent = [lead for lead in leads if lead not in traces]
    if absent:
        raise InputError(
            f"all {len(leads)} leads asked for must be there; {', '.join(absent)} missing"
        )
    lengths = {len(traces[lead].counts) for lead in leads}
    if len(lengths) != 1 or lengths == {0}:
        numbers = " and ".join(map(str, sorted(lengths)))
        raise InputError(
            f"all leads must have the same length of at least one sample; got {numbers} samples"
        )

    packed = [_packed(traces[lead], lead) for lead in leads]
    counts = np.stack([counts for counts, _ in packed])
    return Waveform(counts, np.array([resolution for _, resolution in packed]), sampling_rate)


def with_derived_limb_leads(traces: Mapping[str, Trace]) -> dict[str, Trace]:
    """The traces and, where I and II are there, those of III, aVR, aVL and aVF that are not
    (Einthoven; Goldberger)."""
    known = dict(traces)
    if not {"I", "II"} <= known.keys() or set(DERIVED_LEADS) <= known.keys():
        return known
    one, two = _in_one_unit([known["I"], known["II"]])
    if len(one.counts) != len(two.counts):
        raise InputError(
            f"I and II must have the same length; got {len(one.counts)} and {len(two.counts)} samples"
        )
    missing = one.missing | two.missing
    for lead, (counts, unit) in derived_limb_leads(one.counts, two.counts).items():
        known.setdefault(lead, Trace(counts, missing, one.resolution * unit))
    return known


def joined(parts: Sequence[Trace]) -> Trace:
    """Traces of one lead, one after the other; where their gains differ they meet in finer
    steps."""
    parts = _in_one_unit(parts)
    return Trace(
        np.concatenate([part.counts for part in parts]),
        np.concatenate([part.missing for part in parts]),
        parts[0].resolution,
    )


def gap(samples: int, resolution: float) -> Trace:
    """A trace of `samples` samples that are all missing."""
    return Trace(np.zeros(samples, np.int64), np.ones(samples, bool), resolution)


def _in_one_unit(traces: Sequence[Trace]) -> list[Trace]:
    """The traces with counts of one size: their own, or the smallest divided by `FINER`."""
    resolutions = {trace.resolution for trace in traces}
    if len(resolutions) == 1:
        return list(traces)
    unit = min(resolutions) / FINER
    if max(resolutions) / unit > 1e6:
        raise InputError(
            f"gains must be comparable; they differ by a factor of {max(resolutions) / min(resolutions):g}"
        )
    counts = [np.rint(trace.counts * (trace.resolution / unit)) for trace in traces]
    return [
        Trace(finer.astype(np.int64), trace.missing, unit)
        for finer, trace in zip(counts, traces, strict=True)
    ]


def _packed(trace: Trace, lead: str) -> tuple[Int16[np.ndarray, " time"], float]:
    """The counts of a trace such that they fit into 16 bits beside `MISSING`, and their size in
    mV."""
    counts, resolution = np.where(trace.missing, 0, trace.counts), trace.resolution
    largest = int(np.abs(counts).max())
    if not 0 < resolution < np.inf or largest * resolution > LARGEST_VOLTAGE:
        raise InputError(
            f"voltages must be at most {LARGEST_VOLTAGE:g} mV; got {largest * resolution:g} mV in lead {lead}"
        )
    if largest > LARGEST_COUNT:
        step = largest / LARGEST_COUNT
        counts, resolution = np.rint(counts / step), resolution * step
    return np.where(trace.missing, MISSING, counts).astype(np.int16), resolution


def einthoven_violation(voltages: Mapping[str, Float[np.ndarray, " time"]]) -> dict[str, float]:
    """How far each derived lead that is there lies from what I and II make of it, relative to the
    lead's own size (rms); {} without I and II."""
    if not {"I", "II"} <= voltages.keys():
        return {}
    # An offset says nothing about gain.
    steady = {lead: trace - np.median(trace) for lead, trace in voltages.items()}
    violation = {}
    for lead, (expected, unit) in derived_limb_leads(steady["I"], steady["II"]).items():
        if lead in steady and (size := np.sqrt(np.mean(steady[lead] ** 2))) > 0:
            violation[lead] = float(np.sqrt(np.mean((steady[lead] - expected * unit) ** 2)) / size)
    return violation
