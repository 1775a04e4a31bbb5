"""Slow, readable twins of the fast statistics, and small files to try them on."""

from pathlib import Path

import numpy as np
from bed_reader import to_bed
from scipy import stats


def regression(genotype, phenotype, covariates):
    """Slope, standard error, -log10 p and people of one regression on complete cases; NaN where it is not defined."""
    known = ~np.isnan(genotype) & ~np.isnan(phenotype)
    y, g = phenotype[known], genotype[known]
    scaled = covariates[known] - covariates[known].mean(axis=0)
    scaled = scaled / np.maximum(np.abs(scaled).max(axis=0, initial=0), 1e-300)  # so that lstsq sees no small column
    design = np.column_stack([np.ones(len(y)), scaled])
    rank = np.linalg.matrix_rank(design)
    design = np.column_stack([design, g])
    df = len(y) - rank - 1
    if df < 1 or np.linalg.matrix_rank(design) == rank:
        return np.nan, np.nan, np.nan, len(y)
    coefficients = np.linalg.lstsq(design, y, rcond=None)[0]
    variance = np.sum((y - design @ coefficients) ** 2) / df
    standard_error = np.sqrt(variance * np.sum(np.linalg.pinv(design)[-1] ** 2))
    p = 2 * stats.t.sf(abs(coefficients[-1] / standard_error), df)
    return coefficients[-1], standard_error, -np.log10(p), len(y)


def scan(dosage, phenotypes, covariates):
    """`regression` of every phenotype on every variant: four arrays [variant phenotype]."""
    rows = [[regression(g, y, covariates) for y in phenotypes.T] for g in dosage.T.astype(float)]
    return [np.array(values) for values in np.moveaxis(np.array(rows), -1, 0)]


def write_genotypes(prefix, dosage, chromosomes=None, positions=None, sample_ids=None):
    """A `.bed`, `.bim` and `.fam` with these counts of allele A (NaN = no call); returns the prefix."""
    people, variants = dosage.shape
    chromosomes = ["1"] * variants if chromosomes is None else list(chromosomes)
    positions = np.arange(1, variants + 1) * 1000 if positions is None else positions
    sample_ids = [f"{person:07d}" for person in range(people)] if sample_ids is None else list(sample_ids)
    to_bed(
        Path(f"{prefix}.bed"),
        dosage.astype(np.float32),
        {
            "fid": ["0"] * people,
            "iid": sample_ids,
            "chromosome": chromosomes,
            "sid": [f"rs{number}" for number in range(variants)],
            "bp_position": np.asarray(positions),
            "allele_1": ["A"] * variants,
            "allele_2": ["G"] * variants,
        },
    )
    return str(prefix)


def random_dosage(rng, people, variants, missing=0.0, low=0.05, high=0.95):
    """Independent variants in Hardy-Weinberg proportions, frequencies uniform in [low, high]."""
    dosage = rng.binomial(2, rng.uniform(low, high, variants), (people, variants)).astype(np.float32)
    dosage[rng.random(dosage.shape) < missing] = np.nan
    return dosage


def correlated_dosage(rng, people, variants, frequency=0.3, switch=0.1):
    """Variants in LD that fades along the chromosome: each haplotype keeps its allele with probability 1 - switch."""
    haplotypes = np.empty((2, people, variants), dtype=np.int8)
    haplotypes[..., 0] = rng.random((2, people)) < frequency
    for variant in range(1, variants):
        drawn = rng.random((2, people)) < frequency
        haplotypes[..., variant] = np.where(rng.random((2, people)) < switch, drawn, haplotypes[..., variant - 1])
    return haplotypes.sum(axis=0).astype(np.float32)
