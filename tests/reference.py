"""Slow, readable twins of the fast statistics, and small files to try them on."""

from fractions import Fraction
from math import comb
from pathlib import Path

import numpy as np
from bed_reader import to_bed
from bgen import BgenWriter
from pgenlib import PgenWriter
from scipy import stats


def regression(genotype, phenotype, covariates):
    """Slope, standard error, -log10 p and people of one regression on complete cases; NaN where it
    is not defined."""
    known = ~np.isnan(genotype) & ~np.isnan(phenotype)
    y, g = phenotype[known], genotype[known]
    scaled = covariates[known] - covariates[known].mean(axis=0)
    scaled = scaled / np.maximum(
        np.abs(scaled).max(axis=0, initial=0), 1e-300
    )  # so that lstsq sees no small column
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


def hardy_weinberg(heterozygous, homozygous, other_homozygous):
    """Exact p as a fraction of whole numbers: the share of arrangements no more probable than the
    observed one."""
    copies, people = 2 * homozygous + heterozygous, heterozygous + homozygous + other_homozygous
    ways = {
        count: comb(people, count) * comb(people - count, (copies - count) // 2) * 2**count
        for count in range(copies % 2, min(copies, 2 * people - copies) + 1, 2)
    }
    return Fraction(
        sum(way for way in ways.values() if way <= ways[heterozygous]), sum(ways.values())
    )


def write_genotypes(prefix, dosage, chromosomes=None, positions=None, sample_ids=None):
    """A `.bed`, `.bim` and `.fam` with these counts of allele A (NaN = no call); returns the
    prefix."""
    table = _variants(dosage, chromosomes, positions)
    to_bed(
        Path(f"{prefix}.bed"),
        dosage.astype(np.float32),
        {
            "fid": ["0"] * len(dosage),
            "iid": _ids(dosage, sample_ids),
            "chromosome": [row[0] for row in table],
            "sid": [row[2] for row in table],
            "bp_position": np.array([row[1] for row in table]),
            "allele_1": ["A"] * len(table),
            "allele_2": ["G"] * len(table),
        },
    )
    return str(prefix)


def write_pgen(prefix, dosage, chromosomes=None, positions=None, sample_ids=None, hard_calls=True):
    """The same as `.pgen`, `.pvar` and `.psam`, allele A being ALT; dosages are kept to 1/16384."""
    values = np.where(np.isnan(dosage), -9, dosage).T
    with PgenWriter(
        f"{prefix}.pgen".encode(),
        len(dosage),
        variant_ct=len(values),
        nonref_flags=False,
        dosage_present=not hard_calls,
    ) as writer:
        for variant in values:
            if hard_calls:
                writer.append_biallelic(variant.astype(np.int8))
            else:
                writer.append_dosages(variant.astype(np.float32))
    rows = [
        f"{c}\t{position}\t{name}\tG\tA"
        for c, position, name in _variants(dosage, chromosomes, positions)
    ]
    Path(f"{prefix}.pvar").write_text(
        "\n".join(["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT", *rows]) + "\n"
    )
    Path(f"{prefix}.psam").write_text(
        "\n".join(["#IID\tSEX", *(f"{i}\t1" for i in _ids(dosage, sample_ids))]) + "\n"
    )
    return str(prefix)


def write_bgen(
    prefix,
    dosage,
    chromosomes=None,
    positions=None,
    sample_ids=None,
    ids="sample",
    phased=False,
    compression="zlib",
    index=False,
    more_alleles=(),
    haploid=False,
):
    """The same as `.bgen`, allele A being listed second; the ids in a `.sample`, "inside", or
    nowhere ("")."""
    names = _ids(dosage, sample_ids)
    with BgenWriter(
        f"{prefix}.bgen", len(dosage), names if ids == "inside" else [], compression=compression
    ) as writer:
        for number, (chromosome, position, name) in enumerate(
            _variants(dosage, chromosomes, positions)
        ):
            variant, alleles = dosage[:, number].astype(float), ["G", "A"]
            probabilities = (
                haplotype_probabilities(variant) if phased else genotype_probabilities(variant)
            )
            if number in more_alleles:
                probabilities, alleles = (
                    np.tile([1.0, 0, 0, 0, 0, 0], (len(dosage), 1)),
                    ["G", "A", "T"],
                )
            ploidy = np.full(len(dosage), 2, dtype=np.uint8)
            if haploid:
                ploidy[0], probabilities[0] = 1, [0, 1, np.nan]
            writer.add_variant(
                name,
                name,
                chromosome,
                int(position),
                alleles,
                probabilities,
                ploidy,
                phased=phased,
                bit_depth=16,
            )
    if not index:
        Path(f"{prefix}.bgen.bgi").unlink()
    if ids == "sample":
        rows = [f"0 {name} 0 NA" for name in names]
        Path(f"{prefix}.sample").write_text(
            "\n".join(["ID_1 ID_2 missing sex", "0 0 0 D", *rows]) + "\n"
        )
    return str(prefix)


def genotype_probabilities(dosage):
    """P(GG), P(GA), P(AA) with this expected count of A, on the fewest genotypes."""
    return np.column_stack(
        [np.clip(1 - dosage, 0, None), 1 - np.abs(dosage - 1), np.clip(dosage - 1, 0, None)]
    )


def haplotype_probabilities(dosage):
    """P(G), P(A) on the first and on the second chromosome."""
    first = np.minimum(dosage, 1)
    return np.column_stack([1 - first, first, 1 - (dosage - first), dosage - first])


def _variants(dosage, chromosomes, positions):
    count = dosage.shape[1]
    chromosomes = ["1"] * count if chromosomes is None else list(chromosomes)
    positions = np.arange(1, count + 1) * 1000 if positions is None else positions
    return [(chromosomes[number], positions[number], f"rs{number}") for number in range(count)]


def _ids(dosage, sample_ids):
    return (
        [f"{person:07d}" for person in range(len(dosage))]
        if sample_ids is None
        else list(sample_ids)
    )


def random_dosage(rng, people, variants, missing=0.0, low=0.05, high=0.95):
    """Independent variants in Hardy-Weinberg proportions, frequencies uniform in [low, high]."""
    dosage = rng.binomial(2, rng.uniform(low, high, variants), (people, variants)).astype(
        np.float32
    )
    dosage[rng.random(dosage.shape) < missing] = np.nan
    return dosage


def correlated_dosage(rng, people, variants, frequency=0.3, switch=0.1):
    """Variants in LD that fades along the chromosome: each haplotype keeps its allele with
    probability 1 - switch."""
    haplotypes = np.empty((2, people, variants), dtype=np.int8)
    haplotypes[..., 0] = rng.random((2, people)) < frequency
    for variant in range(1, variants):
        drawn = rng.random((2, people)) < frequency
        haplotypes[..., variant] = np.where(
            rng.random((2, people)) < switch, drawn, haplotypes[..., variant - 1]
        )
    return haplotypes.sum(axis=0).astype(np.float32)
