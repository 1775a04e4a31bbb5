"""Which variants are tested, and their calls."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int

from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.scan import ScanInput
from ecgae.genetics.variant_filter import VariantFilter
from ecgae.statistics.calls import Calls, count_packed, from_dosage, from_packed, select
from ecgae.statistics.variant_counts import Counts

Rows = Int[np.ndarray, " variant"]
"""Variants as rows of `Genotypes.variants`."""

BLOCK = 2**25
"""Bytes of a block's genotypes in single precision, about: large enough for a matrix product to run
at full speed."""


def block_size(individuals: int, copies: int = 1) -> int:
    """How many variants to take at a time; `copies`: of the genotypes that are made on the way.

    >>> block_size(individuals=500), block_size(individuals=50_000)
    (2048, 167)
    """
    return min(2048, max(16, BLOCK // (4 * individuals * copies)))


def listed(inputs: ScanInput) -> Rows:
    """Rows of the genotypes' variants in the regions and lists that the filter names, and on the
    scan's chromosomes."""
    table = inputs.genotypes.variants
    rows = (
        np.flatnonzero(inputs.filter.listed(table)) if inputs.variants is None else inputs.variants
    )
    if inputs.chromosomes is None:
        return rows
    return rows[table["chromosome"].isin(inputs.chromosomes).to_numpy()[rows]]


def blocks(inputs: ScanInput, rows: Rows, size: int) -> Iterator[tuple[str, Rows]]:
    """Blocks of at most `size` rows, all of one chromosome, each with that chromosome's name."""
    chromosome = inputs.genotypes.variants["chromosome"].to_numpy()[rows]
    for here in np.split(rows, np.flatnonzero(chromosome[1:] != chromosome[:-1]) + 1):
        for start in range(0, len(here), size):
            yield inputs.genotypes.variants["chromosome"].iat[here[0]], here[start : start + size]


def calls_of(
    genotypes: Genotypes,
    rows: Rows,
    individuals: Int[np.ndarray, " individual"],
    variant_filter: VariantFilter | None,
) -> tuple[Int[np.ndarray, " passed"], Calls, Counter[str]]:
    """The rows that pass the filter (None: all do), their calls, and how many did not pass, by
    reason."""
    if genotypes.has_packed:
        packed = genotypes.packed(rows)
        if not np.array_equal(individuals, np.arange(len(genotypes.sample_ids))):
            packed = select(packed, individuals)
        counted = count_packed(packed, len(individuals))
        kept, failed = _kept(counted.counts, True, variant_filter)
        return rows[kept], from_packed(counted if kept.all() else counted.of(kept)), failed

    dosage = genotypes.read(rows, individuals)
    calls = from_dosage(dosage)
    kept, failed = _kept(calls.counts, genotypes.hard_calls, variant_filter)
    return rows[kept], calls if kept.all() else from_dosage(dosage[:, kept]), failed


def _kept(
    counts: Counts, hard_calls: bool, variant_filter: VariantFilter | None
) -> tuple[Bool[np.ndarray, " variant"], Counter[str]]:
    """Which variants pass, and how many fail, by reason."""
    failed = variant_filter.failed(counts, hard_calls) if variant_filter else {}
    kept = np.ones(len(counts.n), dtype=bool)
    for who in failed.values():
        kept &= ~who
    return kept, Counter({reason: int(who.sum()) for reason, who in failed.items() if who.any()})


def passing(inputs: ScanInput, size: int = 1024) -> tuple[Rows, Counter[str]]:
    """All rows that pass the filter among the scan's people, and how many do not, by reason: a pass
    of its own."""
    parts, excluded = [], Counter[str]()
    for _, rows in blocks(inputs, listed(inputs), size):
        kept, _, failed = calls_of(inputs.genotypes, rows, inputs.individuals, inputs.filter)
        parts.append(kept)
        excluded += failed
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64), excluded
