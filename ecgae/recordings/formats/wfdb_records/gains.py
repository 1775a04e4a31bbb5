"""From counts to mV: the header's gain, or the user's, and gains that are plainly none."""

from collections.abc import Mapping

import numpy as np

from ecgae.errors import InputError
from ecgae.recordings.formats.waveforms import Trace, einthoven_violation
from ecgae.recordings.formats.wfdb_records.header import Signal

MILLIVOLTS = {"nv": 1e-6, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "mv": 1.0, "v": 1e3}
"""The size of each unit in mV; µ is written as either of two characters."""


def zero(signal: Signal, gain: float | None) -> int:
    """The count that stands for 0 mV: the baseline belongs to the header's gain and is set aside
    with it."""
    return signal.baseline if gain is None or signal.gain is None else signal.zero


def resolution(signal: Signal, gain: float | None) -> float:
    """The size of a lead's count in mV, from the user's `gain` in counts per mV or the header's."""
    if gain is not None:
        return 1 / gain
    if signal.gain is None:
        raise InputError(
            f"gain must be known; the header has none for lead {signal.name!r}. Set cohort.gain to the counts per mV "
            "(WFDB's own tools assume 200)"
        )
    if signal.units.lower() not in MILLIVOLTS:
        raise InputError(
            f"units must be one of nV, uV, mV, V; got {signal.units[:40]!r} for lead {signal.name!r}"
        )
    return MILLIVOLTS[signal.units.lower()] / signal.gain


def refuse_normalised_gains(traces: Mapping[str, Trace]) -> None:
    """Refuses gains that scale each lead to one height, as in LUDB, where they are no voltages.

    Then limb leads that obey I + III = II in counts break it in mV. With gains that differ for a
    good reason it is the other way round, and with equal gains both agree.
    """
    valid = [~trace.missing for trace in traces.values()]
    equal_gains = len({trace.resolution for trace in traces.values()}) == 1
    if equal_gains or len({len(mask) for mask in valid}) != 1:
        return
    whole = np.logical_and.reduce(valid)
    if not whole.any():
        return

    counts = {name: trace.counts[whole].astype(float) for name, trace in traces.items()}
    voltages = {name: trace.counts[whole] * trace.resolution for name, trace in traces.items()}
    in_counts, in_millivolts = einthoven_violation(counts), einthoven_violation(voltages)

    for lead, violation in in_millivolts.items():
        if violation > 0.1 and in_counts[lead] < violation / 3:
            raise InputError(
                f"gains must turn counts into mV; with the header's, {lead} differs from what I and II make of it by "
                f"{violation:.0%}, in counts by {in_counts[lead]:.0%}, so they scale each lead on its own. Set "
                "cohort.gain to the true counts per mV (LUDB: 1000)"
            )
