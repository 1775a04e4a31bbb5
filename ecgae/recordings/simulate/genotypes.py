"""One simulated chromosome as a PLINK fileset, and what the rest of the cohort needs to know of
it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from bed_reader import to_bed
from jaxtyping import Float, Int8

from ecgae.recordings.simulate.coalescent import simulate_chromosome
from ecgae.recordings.simulate.people import SimulatedPeople
from ecgae.recordings.simulate.simulation import AUTOSOMES, MINIMUM_SPACING, Simulation
from ecgae.recordings.simulate.structure import MISSING

_BASES = np.array(list("ACGT"))

_STRUCTURE_VARIANTS = 2_000
"""Variants of all chromosomes together that the principal components are made of."""

_STRUCTURE_FREQUENCY = 0.05
"""The minor allele frequency that these variants have at least."""


class Planted(NamedTuple):
    """A causal variant: `effect_allele` is the first allele column of the .bim, `dosage` counts
    it."""

    locus: int
    variant_id: str
    chromosome: int
    base_pair_location: int
    effect_allele: str
    other_allele: str
    dosage: Int8[np.ndarray, "individual"]


class Summary(NamedTuple):
    """What is kept of a written chromosome; people in the order of `SimulatedPeople`."""

    planted: list[Planted]
    ancestry: Float[np.ndarray, "individual"]
    """True share of the chromosome that comes from the second ancestral population."""
    structure: Int8[np.ndarray, "individual common"]
    """Dosages of the variants for the principal components."""


def write_chromosome(
    simulation: Simulation, chromosome: int, people: SimulatedPeople, stream: int, folder: Path
) -> Summary:
    """Simulates chromosome 1-22 and writes `chr<chromosome>.bed`, `.bim` and `.fam` into
    `folder`."""
    coalescent_seed, call_seed = np.random.SeedSequence(
        [simulation.seed, stream, chromosome]
    ).spawn(2)
    rng = np.random.default_rng(call_seed)
    loci = simulation.loci_of(chromosome)
    simulated = simulate_chromosome(
        simulation.individuals,
        length=simulation.chromosome_length,
        variants=simulation.variants_of(chromosome),
        windows=_windows(len(loci), simulation.chromosome_length),
        seed=coalescent_seed,
    )

    dosage = simulated.dosage[people.genome]
    ids = [f"sim{chromosome}_{position}" for position in simulated.position]
    alleles = _draw_alleles(len(ids), rng)
    planted = [
        Planted(
            locus=locus,
            variant_id=ids[variant],
            chromosome=chromosome,
            base_pair_location=int(simulated.position[variant]),
            effect_allele=str(alleles[variant, 0]),
            other_allele=str(alleles[variant, 1]),
            dosage=dosage[:, variant].copy(),
        )
        for locus, variant in zip(loci, simulated.planted.tolist(), strict=True)
    ]

    _remove_calls(dosage, simulation.missing_rate, rng)
    properties = {
        **_people_columns(people),
        "chromosome": [str(chromosome)] * len(ids),
        "sid": ids,
        "bp_position": simulated.position,
        "allele_1": alleles[:, 0],
        "allele_2": alleles[:, 1],
    }
    file = folder / f"chr{chromosome}.bed"
    to_bed(file, dosage, properties=properties, count_A1=True, num_threads=1)
    return Summary(planted, simulated.ancestry[people.genome], _for_structure(dosage))


def _people_columns(people: SimulatedPeople) -> dict[str, np.ndarray]:
    """The columns of the `.fam`; the phenotype is missing (-9)."""
    return {
        "fid": people.sample_id,
        "iid": people.sample_id,
        "sex": np.where(people.male, 1, 2),
        "pheno": np.full(len(people.sample_id), "-9"),
    }


def _windows(loci: int, length: int) -> list[tuple[float, float]]:
    """Stretches of the chromosome, one per planted locus, so far apart that their variants are more
    than 1 Mb apart."""
    share = length / max(loci, 1)
    half_width = share / 4 if loci == 1 else (share - MINIMUM_SPACING) / 2
    return [((i + 0.5) * share - half_width, (i + 0.5) * share + half_width) for i in range(loci)]


def _draw_alleles(variants: int, rng: np.random.Generator) -> np.ndarray:
    """Two different bases per variant."""
    first = rng.integers(0, 4, variants)
    second = (first + rng.integers(1, 4, variants)) % 4
    return np.stack([_BASES[first], _BASES[second]], axis=1)


def _remove_calls(
    dosage: Int8[np.ndarray, "individual variant"], rate: float, rng: np.random.Generator
) -> None:
    """Sets a share of the genotypes to missing, in place."""
    calls = rng.choice(dosage.size, rng.binomial(dosage.size, rate), replace=False, shuffle=False)
    dosage[np.unravel_index(calls, dosage.shape)] = MISSING


def _for_structure(
    dosage: Int8[np.ndarray, "individual variant"],
) -> Int8[np.ndarray, "individual common"]:
    """Common variants, evenly spread over the genotyped ones."""
    frequency = dosage.mean(axis=0, where=dosage != MISSING) / 2
    common = np.flatnonzero(np.minimum(frequency, 1 - frequency) >= _STRUCTURE_FREQUENCY)
    count = min(len(common), _STRUCTURE_VARIANTS // AUTOSOMES)
    return dosage[:, common[np.linspace(0, len(common) - 1, count).astype(int)]]
