"""Chromosomes of two partly admixed populations, from a coalescent with recombination: the only
user of msprime."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, Int8

from ecgae.errors import InputError
from ecgae.machine.extras import extra

RECOMBINATION_RATE = 1e-8
"""Crossings-over per base pair and generation, the human mean."""

MUTATION_RATE = 1.3e-8
"""Mutations per base pair and generation, the human mean."""

POPULATION_SIZE = 10_000
"""People in each population."""

SPLIT = 1_800
"""When the ancestral population split, in generations ago: about 50,000 years, an FST near 0.08."""

PULSES = (12, 16)
"""When the two ancestral populations mixed, in generations ago: into the majority, the minority."""

SECOND_ANCESTRY = (0.10, 0.70)
"""The share of the second ancestral population in the majority and in the minority since."""

MINORITY = 0.25
"""The share of people who come from the minority."""

MINIMUM_FREQUENCY = 0.01
"""The minor allele frequency that a variant must have to be genotyped."""

PLANTED_FREQUENCY = 0.10
"""The minor allele frequency that a variant must have to be causal."""

_CENSUS = 20
"""When lineages are counted, in generations ago: before the pulses, when each of them was in one
ancestral population."""


class Chromosome(NamedTuple):
    """The genotyped variants of one chromosome, in order of position; the people of the majority
    come first."""

    position: Int[np.ndarray, "variant"]
    """Places of the variants in base pairs, counted from 1."""
    dosage: Int8[np.ndarray, "individual variant"]
    """Copies of the derived allele, 0 to 2."""
    planted: Int[np.ndarray, "locus"]
    """Which variants are causal, in the order of the windows asked for."""
    ancestry: Float[np.ndarray, "individual"]
    """True share of this chromosome that comes from the second ancestral population."""


def minority_size(individuals: int) -> int:
    """How many of the sampled people, the last ones, come from the minority population."""
    return round(MINORITY * individuals)


def simulate_chromosome(
    individuals: int,
    length: int,
    variants: int,
    windows: list[tuple[float, float]],
    seed: np.random.SeedSequence,
) -> Chromosome:
    """`variants` variants with a minor allele frequency of 0.01 or more on a chromosome of `length`
    base pairs.

    One variant with a minor allele frequency of 0.1 or more is drawn from each of `windows` (base
    pairs) to be causal; the others are drawn uniformly from all that remain.

    Raises `InputError` where msprime is not installed, or the chromosome has too few such variants.
    """
    msprime = _msprime()
    # msprime's seeds are 1 ... 2^31.
    ancestry_seed, mutation_seed = (1 + int(word) // 2 for word in seed.generate_state(2))
    minority = minority_size(individuals)
    trees = msprime.sim_ancestry(
        samples={"majority": individuals - minority, "minority": minority},
        demography=_demography(msprime),
        sequence_length=length,
        recombination_rate=RECOMBINATION_RATE,
        random_seed=ancestry_seed,
    )
    ancestry = _second_ancestry(trees)
    model = msprime.BinaryMutationModel()
    trees = msprime.sim_mutations(trees, rate=MUTATION_RATE, model=model, random_seed=mutation_seed)

    frequency = _derived_counts(trees) / (2 * individuals)
    minor = np.minimum(frequency, 1 - frequency)
    rng = np.random.default_rng(seed)
    site, planted = _draw(trees.sites_position, minor, variants, windows, rng)

    # A person's two haplotypes are neighbours.
    haplotypes = trees.delete_sites(np.delete(np.arange(trees.num_sites), site)).genotype_matrix()
    dosage = (haplotypes[:, 0::2] + haplotypes[:, 1::2]).astype(np.int8).T
    return Chromosome(trees.sites_position[site].astype(int) + 1, dosage, planted, ancestry)


def _msprime() -> Any:
    return extra("msprime", "simulate", "cohort=simulated")


def _demography(msprime: Any) -> Any:
    """Two populations split long ago; today's majority and minority are mixtures of both."""
    demography = msprime.Demography()
    for name in ("majority", "minority", "first", "second", "ancestral"):
        demography.add_population(name=name, initial_size=POPULATION_SIZE)

    for derived, pulse, share in zip(
        ("majority", "minority"), PULSES, SECOND_ANCESTRY, strict=True
    ):
        ancestral = ["first", "second"]
        demography.add_admixture(
            time=pulse, derived=derived, ancestral=ancestral, proportions=[1 - share, share]
        )
    demography.add_census(time=_CENSUS)
    demography.add_population_split(time=SPLIT, derived=["first", "second"], ancestral="ancestral")
    demography.sort_events()
    return demography


def _second_ancestry(trees: Any) -> Float[np.ndarray, "individual"]:
    """Each person's share of the sequence whose lineage was in the second population at the
    census."""
    second = next(
        population.id
        for population in trees.populations()
        if population.metadata["name"] == "second"
    )
    at_census = trees.nodes_time == _CENSUS
    samples = trees.samples()
    edges = trees.tables.link_ancestors(samples, np.flatnonzero(at_census))
    from_second = trees.nodes_population[edges.parent] == second
    span = np.where(from_second, edges.right - edges.left, 0.0)
    per_haplotype = np.bincount(edges.child, weights=span, minlength=len(samples))[: len(samples)]
    return per_haplotype.reshape(-1, 2).mean(axis=1) / trees.sequence_length


def _derived_counts(trees: Any) -> Int[np.ndarray, "site"]:
    """How many haplotypes carry the derived allele; 0 where a site mutated more than once, which
    leaves it unused."""
    mutations = np.bincount(trees.mutations_site, minlength=trees.num_sites)
    count = np.zeros(trees.num_sites, dtype=int)
    for tree in trees.trees():
        for site in tree.sites():
            if mutations[site.id] == 1:
                count[site.id] = tree.num_samples(site.mutations[0].node)
    return count


def _draw(
    position: Float[np.ndarray, "site"],
    minor: Float[np.ndarray, "site"],
    variants: int,
    windows: list[tuple[float, float]],
    rng: np.random.Generator,
) -> tuple[Int[np.ndarray, "variant"], Int[np.ndarray, "locus"]]:
    """Which sites are genotyped, ascending, and which of those are causal, by window."""
    common = np.flatnonzero(minor >= MINIMUM_FREQUENCY)
    if len(common) < variants:
        raise InputError(
            f"variants must be at most the number with a minor allele frequency of {MINIMUM_FREQUENCY} or more; got "
            f"{variants:,} for a chromosome with {len(common):,}. Lower variants or raise chromosome_length."
        )

    causal = np.zeros(len(windows), dtype=int)
    for locus, (low, high) in enumerate(windows):
        eligible = np.flatnonzero(
            (minor >= PLANTED_FREQUENCY) & (position >= low) & (position < high)
        )
        if len(eligible) == 0:
            raise InputError(
                f"chromosome_length must leave room for a planted variant with a minor allele frequency of "
                f"{PLANTED_FREQUENCY} or more; got none in {int(high - low):,} base pairs. Raise it or change seed."
            )
        causal[locus] = rng.choice(eligible)

    others = rng.choice(np.setdiff1d(common, causal), variants - len(causal), replace=False)
    site = np.sort(np.concatenate([causal, others]))
    return site, np.searchsorted(site, causal)
