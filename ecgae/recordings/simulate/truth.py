"""What is true of a simulated cohort: the planted variants and everybody's parameters."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from ecgae.recordings.simulate.genotypes import Planted, Summary
from ecgae.recordings.simulate.parameters import (
    NAMES,
    PARAMETERS,
    Traits,
    draw_parameters,
    effects_per_allele,
    parameter_of,
    qt_interval,
)
from ecgae.recordings.simulate.people import SimulatedPeople
from ecgae.recordings.simulate.simulation import Simulation


class Truth(NamedTuple):
    """Everybody's parameters and ancestry, and one row per planted variant."""

    traits: Traits
    ancestry: Float[np.ndarray, "individual"]
    """Share of the genome that comes from the second ancestral population."""
    planted: pd.DataFrame
    """The columns of `planted.tsv`; see `_planted_table`."""


def draw_truth(
    simulation: Simulation,
    people: SimulatedPeople,
    summaries: list[Summary],
    rng: np.random.Generator,
) -> Truth:
    """Gives the planted variants their effects, then each person, at the age of the first visit,
    their parameters.

    A variant explains 0.5 to 1.5 times `variance_explained`, in either direction. Ancestry is what
    the coalescent did, not an estimate from genotypes; all parameters shift the same way with it.
    """
    variants = (variant for summary in summaries for variant in summary.planted)
    planted = sorted(variants, key=lambda variant: variant.locus)
    dosage = np.empty((len(people.sample_id), len(planted)))
    for column, variant in enumerate(planted):
        dosage[:, column] = variant.dosage

    explained = simulation.variance_explained * rng.uniform(0.5, 1.5, len(planted))
    sign = rng.choice([-1.0, 1.0], len(planted))
    effect = effects_per_allele(explained, dosage.var(axis=0), sign)
    ancestry = np.mean([summary.ancestry for summary in summaries], axis=0)

    traits = draw_parameters(
        people.male,
        age=people.age[:, 0],
        ancestry_shift=simulation.ancestry_effect * ancestry,
        dosage=dosage,
        effect=effect,
        variance_explained=explained,
        rng=rng,
    )
    return Truth(traits, ancestry, _planted_table(planted, effect, dosage, traits))


def parameter_table(traits: Traits) -> pd.DataFrame:
    """One row per person; `qt_interval` follows from `qtc_interval` and `heart_rate`."""
    table = pd.DataFrame(traits.values, columns=list(NAMES))
    qtc, heart_rate = table["qtc_interval"].to_numpy(), table["heart_rate"].to_numpy()
    return table.assign(qt_interval=qt_interval(qtc, heart_rate))


def _planted_table(
    planted: list[Planted],
    effect: Float[np.ndarray, "locus"],
    dosage: Float[np.ndarray, "individual locus"],
    traits: Traits,
) -> pd.DataFrame:
    """One row per planted variant; `variance_explained` is the share of its parameter's variance
    among these people, the spread by sex and age included."""
    column = [parameter_of(variant.locus) for variant in planted]
    variance = traits.values.var(axis=0)[column]

    return pd.DataFrame(
        {
            "rsid": [variant.variant_id for variant in planted],
            "chromosome": [variant.chromosome for variant in planted],
            "base_pair_location": [variant.base_pair_location for variant in planted],
            "effect_allele": [variant.effect_allele for variant in planted],
            "other_allele": [variant.other_allele for variant in planted],
            "effect_allele_frequency": dosage.sum(axis=0) / (2 * len(dosage)),
            "parameter": [NAMES[c] for c in column],
            "effect_per_allele": effect,
            "unit": [PARAMETERS[c].unit for c in column],
            "variance_explained": effect**2 * dosage.var(axis=0) / variance,
        }
    )
