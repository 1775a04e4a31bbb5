"""What a person's ECG is made of: 14 parameters, set by sex, age, ancestry, planted variants and
chance."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

REFERENCE_AGE = 64.0  # years; age effects count from here


class Parameter(NamedTuple):
    """One number of a person's ECG; `mean` is that of a man of 64, `sd` the spread at given sex and
    age."""

    name: str
    unit: str
    mean: float
    sd: float
    female: float  # added for women
    per_year: float  # added per year above 64
    low: float
    high: float


PARAMETERS = (
    Parameter("qrs_duration", "ms", 92.0, 8.0, -7.0, 0.05, 64.0, 124.0),
    Parameter("pr_interval", "ms", 164.0, 18.0, -5.0, 0.30, 116.0, 240.0),
    Parameter(
        "qtc_interval", "ms", 408.0, 15.0, 9.0, 0.20, 350.0, 480.0
    ),  # Fridericia's: QT at an RR interval of 1 s
    Parameter(
        "r_amplitude", "mV", 1.25, 0.23, -0.12, -0.003, 0.45, 2.40
    ),  # of the dipole, as all amplitudes
    Parameter("t_amplitude", "mV", 0.38, 0.08, -0.08, -0.001, 0.12, 0.80),
    Parameter(
        "qrs_axis", "degrees", 42.0, 20.0, 3.0, -0.50, -30.0, 100.0
    ),  # in the frontal plane, 0 = lead I
    Parameter("p_amplitude", "mV", 0.11, 0.022, -0.005, 0.0, 0.04, 0.22),
    Parameter("s_amplitude", "mV", 0.85, 0.17, -0.12, -0.003, 0.25, 1.60),  # late, towards the back
    Parameter("heart_rate", "beats/min", 63.0, 8.5, 2.0, -0.05, 45.0, 100.0),
    Parameter("t_axis", "degrees", 46.0, 11.0, 0.0, -0.10, 0.0, 85.0),
    Parameter(
        "transition_angle", "degrees", 0.0, 9.0, 0.0, -0.05, -30.0, 30.0
    ),  # QRS turned forwards
    Parameter(
        "q_amplitude", "mV", 0.24, 0.06, -0.02, 0.0, 0.05, 0.50
    ),  # of the septum: forwards and to the right
    Parameter("p_duration", "ms", 104.0, 8.0, -4.0, 0.10, 76.0, 136.0),
    Parameter(
        "t_asymmetry", "1", 0.62, 0.03, 0.0, 0.0, 0.52, 0.74
    ),  # share of the T wave before its peak
)
"""In the order in which planted loci are dealt out."""

NAMES = tuple(parameter.name for parameter in PARAMETERS)


class Traits(NamedTuple):
    """Everybody's parameters, and how many had to be pulled back into their range, by parameter."""

    values: Float[np.ndarray, "individual parameter"]
    clipped: dict[str, int]


def qt_interval(
    qtc_interval: Float[np.ndarray, "*any"], heart_rate: Float[np.ndarray, "*any"]
) -> np.ndarray:
    """QT in ms from Fridericia's QTc = QT / RR^(1/3), RR in s."""
    return qtc_interval * np.cbrt(60.0 / heart_rate)


def parameter_of(locus: int) -> int:
    """Which parameter a planted locus acts on."""
    return locus % len(PARAMETERS)


def effects_per_allele(
    variance_explained: Float[np.ndarray, "locus"],
    dosage_variance: Float[np.ndarray, "locus"],
    sign: Float[np.ndarray, "locus"],
) -> Float[np.ndarray, "locus"]:
    """Effects, in the parameter's unit, that explain given shares of its variance: beta^2
    var(dosage) = share sd^2."""
    sd = np.array([PARAMETERS[parameter_of(locus)].sd for locus in range(len(sign))])
    return sign * sd * np.sqrt(variance_explained / np.maximum(dosage_variance, 1e-9))


def draw_parameters(
    male: Bool[np.ndarray, "individual"],
    age: Float[np.ndarray, "individual"],
    ancestry_shift: Float[np.ndarray, "individual"],
    dosage: Float[np.ndarray, "individual locus"],
    effect: Float[np.ndarray, "locus"],
    variance_explained: Float[np.ndarray, "locus"],
    rng: np.random.Generator,
) -> Traits:
    """Mean + sex + age + planted effects + ancestry + environment, the last with whatever variance
    the loci leave.

    `ancestry_shift` is in standard deviations. Planted effects count from the mean dosage.
    """
    values = np.empty((len(age), len(PARAMETERS)))
    centred = dosage - dosage.mean(axis=0)
    for column, parameter in enumerate(PARAMETERS):
        loci = np.flatnonzero(np.arange(len(effect)) % len(PARAMETERS) == column)
        environment = (
            parameter.sd
            * np.sqrt(1 - variance_explained[loci].sum())
            * rng.standard_normal(len(age))
        )
        values[:, column] = (
            parameter.mean
            + parameter.female * ~male
            + parameter.per_year * (age - REFERENCE_AGE)
            + centred[:, loci] @ effect[loci]
            + parameter.sd * ancestry_shift
            + environment
        )
    return _into_range(values)


def _into_range(values: Float[np.ndarray, "individual parameter"]) -> Traits:
    """Each parameter within its range, the P wave before the QRS complex, the T wave's end before
    the next P wave."""
    low = np.array([parameter.low for parameter in PARAMETERS])
    high = np.array([parameter.high for parameter in PARAMETERS])
    bounded = np.clip(values, low, high)
    column = {
        name: bounded[:, NAMES.index(name)] for name in NAMES
    }  # views: writing to them changes `bounded`
    rr_interval = 60_000 / column["heart_rate"]
    qt = qt_interval(column["qtc_interval"], column["heart_rate"])
    # 0.88 leaves room for the variation of RR within and between recordings.
    column["pr_interval"][:] = np.minimum(
        column["pr_interval"], np.maximum(0.88 * rr_interval - qt, 110.0)
    )
    column["p_duration"][:] = np.minimum(column["p_duration"], column["pr_interval"] - 14)
    counts = (bounded != values).sum(axis=0)
    return Traits(
        bounded, {name: int(count) for name, count in zip(NAMES, counts, strict=True) if count}
    )
