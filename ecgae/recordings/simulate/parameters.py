"""What a person's ECG is made of: 14 parameters, set by sex, age, ancestry, planted variants and
chance."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

REFERENCE_AGE = 64.0
"""The age in years from which the effects of age count."""


class Parameter(NamedTuple):
    """One number of a person's ECG, and how it is distributed among people."""

    name: str
    unit: str
    mean: float
    """The mean of men at the reference age."""
    sd: float
    """The standard deviation at given sex and age."""
    female: float
    """What is added for women."""
    per_year: float
    """What is added for every year above the reference age."""
    low: float
    """The smallest value that anybody has."""
    high: float
    """The largest value that anybody has."""


PARAMETERS = (
    Parameter("qrs_duration", "ms", mean=92.0, sd=8.0, female=-7.0, per_year=0.05, low=64.0, high=124.0),
    Parameter("pr_interval", "ms", mean=164.0, sd=18.0, female=-5.0, per_year=0.30, low=116.0, high=240.0),
    # Fridericia's: QT at an RR interval of 1 s.
    Parameter("qtc_interval", "ms", mean=408.0, sd=15.0, female=9.0, per_year=0.20, low=350.0, high=480.0),
    # Of the dipole, as all amplitudes.
    Parameter("r_amplitude", "mV", mean=1.25, sd=0.23, female=-0.12, per_year=-0.003, low=0.45, high=2.40),
    Parameter("t_amplitude", "mV", mean=0.38, sd=0.08, female=-0.08, per_year=-0.001, low=0.12, high=0.80),
    # In the frontal plane, as t_axis; 0 is lead I.
    Parameter("qrs_axis", "degrees", mean=42.0, sd=20.0, female=3.0, per_year=-0.50, low=-30.0, high=100.0),
    Parameter("p_amplitude", "mV", mean=0.11, sd=0.022, female=-0.005, per_year=0.0, low=0.04, high=0.22),
    # Late, towards the back.
    Parameter("s_amplitude", "mV", mean=0.85, sd=0.17, female=-0.12, per_year=-0.003, low=0.25, high=1.60),
    Parameter("heart_rate", "beats/min", mean=63.0, sd=8.5, female=2.0, per_year=-0.05, low=45.0, high=100.0),
    Parameter("t_axis", "degrees", mean=46.0, sd=11.0, female=0.0, per_year=-0.10, low=0.0, high=85.0),
    # How far the QRS complex is turned forwards.
    Parameter("transition_angle", "degrees", mean=0.0, sd=9.0, female=0.0, per_year=-0.05, low=-30.0, high=30.0),
    # Of the septum: forwards and to the right.
    Parameter("q_amplitude", "mV", mean=0.24, sd=0.06, female=-0.02, per_year=0.0, low=0.05, high=0.50),
    Parameter("p_duration", "ms", mean=104.0, sd=8.0, female=-4.0, per_year=0.10, low=76.0, high=136.0),
    # The share of the T wave before its peak.
    Parameter("t_asymmetry", "1", mean=0.62, sd=0.03, female=0.0, per_year=0.0, low=0.52, high=0.74),
)  # fmt: skip
"""What a person's ECG is made of, in the order in which planted loci are dealt out."""

NAMES = tuple(parameter.name for parameter in PARAMETERS)
"""The parameters' names, in the order of `PARAMETERS`."""


class Traits(NamedTuple):
    """Everybody's parameters, and how often a value had to be pulled back into its range."""

    values: Float[np.ndarray, "individual parameter"]
    """Values of everybody, in the unit of each parameter."""
    clipped: dict[str, int]
    """How many people's values were pulled back, by parameter; those without any are absent."""


def qt_interval(
    qtc_interval: Float[np.ndarray, "*any"], heart_rate: Float[np.ndarray, "*any"]
) -> np.ndarray:
    """QT in ms from Fridericia's QTc = QT / RR^(1/3), RR in s.

    At 60 beats per minute RR is 1 s; a faster heart has a shorter QT at the same QTc.

    >>> qt_interval(np.array([400.0, 400.0]), np.array([60.0, 90.0])).round(1).tolist()
    [400.0, 349.4]
    """
    return qtc_interval * np.cbrt(60.0 / heart_rate)


def parameter_of(locus: int) -> int:
    """The index in `PARAMETERS` of the parameter that a planted locus acts on."""
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
        unexplained = np.sqrt(1 - variance_explained[loci].sum())
        environment = parameter.sd * unexplained * rng.standard_normal(len(age))
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

    # Views: writing to them changes `bounded`.
    column = {name: bounded[:, NAMES.index(name)] for name in NAMES}
    rr_interval = 60_000 / column["heart_rate"]
    qt = qt_interval(column["qtc_interval"], column["heart_rate"])
    # 0.88 leaves room for the variation of RR within and between recordings.
    longest = np.maximum(0.88 * rr_interval - qt, 110.0)
    column["pr_interval"][:] = np.minimum(column["pr_interval"], longest)
    column["p_duration"][:] = np.minimum(column["p_duration"], column["pr_interval"] - 14)

    changes = dict(zip(NAMES, (bounded != values).sum(axis=0).tolist(), strict=True))
    return Traits(bounded, {name: count for name, count in changes.items() if count})
