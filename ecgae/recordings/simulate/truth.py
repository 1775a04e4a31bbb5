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
    ancestry: Float[
        np.ndarray, "individual"
    ]  # share of the genome from the second ancestral population
    planted: pd.DataFrame


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
    planted = sorted(
        (variant for summary in summaries for variant in summary.planted), key=lambda v: v.locus
    )
    dosage = np.empty((len(people.sample_id), len(planted)))
    for column, variant in enumerate(planted):
        dosage[:, column] = variant.dosage
    explained = simulation.variance_explained * rng.uniform(0.5, 1.5, len(planted))
    effect = effects_per_allele(
        explained, dosage.var(axis=0), rng.choice([-1.0, 1.0], len(planted))
    )
    ancestry = np.mean([summary.ancestry for summary in summaries], axis=0)
    shift = simulation.ancestry_effect * ancestry
    traits = draw_parameters(people.male, people.age[:, 0], shift, dosage, effect, explained, rng)
    return Truth(traits, ancestry, _planted_table(planted, effect, dosage, traits))


def parameter_table(traits: Traits) -> pd.DataFrame:
    """One row per person; `qt_interval` follows from `qtc_interval` and `heart_rate`."""
    table = pd.DataFrame(traits.values, columns=list(NAMES))
    return table.assign(
        qt_interval=qt_interval(table["qtc_interval"].to_numpy(), table["heart_rate"].to_numpy())
    )


def _planted_table(
    planted: list[Planted],
    effect: Float[np.ndarray, "locus"],
    dosage: Float[np.ndarray, "individual locus"],
    traits: Traits,
) -> pd.DataFrame:
    """`variance_explained` is that of the parameter as it came out, with the spread of sex and
    age."""
    column = [parameter_of(variant.locus) for variant in planted]
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
            "variance_explained": effect**2
            * dosage.var(axis=0)
            / traits.values.var(axis=0)[column],
        }
    )
