"""Facts about the 12-lead ECG, stated once. Voltages are in mV, time in s, rates in Hz."""

import numpy as np
from jaxtyping import Float, Int64, Shaped

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""The 12 standard leads, in the order of every `lead` axis in this project."""

INDEPENDENT_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
"""The leads that are measured; the other four are sums of I and II."""

LEAD_MODES = ("joint", "single")
"""What a model sees as one sample: all leads of a recording, or each lead on its own."""

LIMB_LEADS_FROM_I_AND_II = np.array(
    [[1.0, 0.0], [0.0, 1.0], [-1.0, 1.0], [-0.5, -0.5], [1.0, -0.5], [-0.5, 1.0]]
)
"""I, II, III, aVR, aVL, aVF as combinations of I and II (Einthoven; Goldberger)."""

DERIVED_LEADS = LEADS[2:6]
"""The leads that I and II determine: III, aVR, aVL, aVF."""


def einthoven_error(ecg: Shaped[np.ndarray, "*batch 12 time"]) -> float:
    """The largest |I + III - II|, in the unit of `ecg`: 0 for an intact recording, up to one step
    of rounding.

    >>> ecg = LIMB_LEADS_FROM_I_AND_II @ np.array([[0.5, 1.0], [0.8, 1.2]])
    >>> intact = np.concatenate([ecg, np.zeros((6, 2))])
    >>> swapped = intact[[1, 0, *range(2, 12)]]  # I and II, after III was computed
    >>> round(einthoven_error(intact), 6), round(einthoven_error(swapped), 6)
    (0.0, 0.6)
    """
    return float(np.abs(ecg[..., 0, :] + ecg[..., 2, :] - ecg[..., 1, :]).max())


_SPELLING = {lead.upper(): lead for lead in LEADS}
"""The standard leads by their names in capitals."""


def lead_name(name: str) -> str | None:
    """The standard spelling of a lead's name, whatever its case; None where it is no standard lead.

    >>> lead_name("AVR"), lead_name("MLII")
    ('aVR', None)
    """
    return _SPELLING.get(name.strip().upper())


def standard_name(name: str) -> str:
    """A lead's name in the standard spelling; names of other leads as they are.

    >>> standard_name("AVR"), standard_name("lead ii"), standard_name("MLII")
    ('aVR', 'II', 'MLII')
    """
    bare = name.strip()
    if bare.lower().startswith("lead "):
        bare = bare[5:].strip()
    return lead_name(bare) or bare


Voltages = Int64[np.ndarray, " time"] | Float[np.ndarray, " time"]
"""A lead's voltages in mV, or in counts of a type that does not overflow when they are added."""


def derived_limb_leads(one: Voltages, two: Voltages) -> dict[str, tuple[Voltages, float]]:
    """III, aVR, aVL and aVF from I and II: multiples, each with its unit in units of I and II.

    The unit is 1/2 where halves occur, so that whole numbers stay whole.

    >>> derived_limb_leads(np.array([100, 101]), np.array([150, 150]))["aVF"]  # II - I / 2
    (array([200, 199]), 0.5)
    """
    return {
        "III": (two - one, 1.0),
        "aVR": (-one - two, 0.5),
        "aVL": (2 * one - two, 0.5),
        "aVF": (2 * two - one, 0.5),
    }
