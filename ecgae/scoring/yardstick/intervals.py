"""The classical measurements: rate, intervals, axes and amplitudes, as the device printed them or
as measured here."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ecgae.ecg import DERIVED_LEADS
from ecgae.errors import InputError
from ecgae.scoring.yardstick import Measured, Source, testable
from ecgae.signals.intervals import INTERVALS

AXES = ("p_axis", "r_axis", "t_axis")
WAVES = ("p", "q", "r", "s", "j", "t")


@dataclass(frozen=True)
class Intervals:
    """Heart rate per minute; intervals in ms; axes in degrees; amplitudes of each wave and
    independent lead in uV.

    A wave that is blank among somebody's amplitudes is none: 0 uV, as other devices print it. The
    leads that I and II determine are left out (they would be tested twice), as are places of waves
    in the window.
    """

    def __call__(self, source: Source) -> Measured:
        """The measurements that most people of the store have."""
        table = source.store.table("measurements")
        amplitudes = sorted(name for name in table if _is_amplitude(name))
        values = {name: table[name] for name in (*INTERVALS, *AXES) if name in table}
        if not values and not amplitudes:
            raise InputError(
                "measurements must be known for intervals to be tested; the recordings come without any."
            )

        if amplitudes:
            heights = _none_is_zero(np.array([table[name] for name in amplitudes]))
            values |= dict(zip(amplitudes, heights, strict=True))

        columns = np.column_stack(list(values.values())).astype(np.float64)
        return testable(Measured(list(values), columns))


def _none_is_zero(
    amplitudes: Float[np.ndarray, "wave individual"],
) -> Float[np.ndarray, "wave individual"]:
    """The amplitudes with 0 for missing ones, in people who have any amplitude."""
    measured = np.isfinite(amplitudes).any(axis=0)
    return np.where(measured & np.isnan(amplitudes), 0, amplitudes)


def _is_amplitude(name: str) -> bool:
    wave, _, lead = name.partition("_amplitude_")
    return wave in WAVES and lead != "" and lead not in DERIVED_LEADS
