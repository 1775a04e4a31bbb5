"""From associations to a table of loci, by the LD among the analysed people."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.region import Region
from ecgae.statistics.loci import NOWHERE, R2, clump, merge, passing, standardise

HELD = 2**28
"""Bytes of dosages of a region that are held at once; those of a larger region are read again for
every index variant."""

OF_INDEX_VARIANT = (
    *("chromosome", "rsid", "base_pair_location", "effect_allele", "other_allele"),
    *("effect_allele_frequency", "neg_log_10_p_value", "phenotype"),
)
LOCUS_COLUMNS = (
    *("chromosome", "start", "end", "index_variant", "rsid", "base_pair_location"),
    *("effect_allele", "other_allele", "effect_allele_frequency", "neg_log_10_p_value"),
    *("phenotype", "phenotypes", "n_variants", "n_hit_variants"),
)


@dataclass(frozen=True, eq=False)
class LocusFinder:
    """Groups associations into loci by the LD among the analysed people.

    min_r2, max_distance: variants with at least this r2, within this many base pairs, are one
        finding.
    one_locus: a region that is one locus whatever its LD.
    """

    genotypes: Genotypes
    individuals: Int[np.ndarray, " individual"]
    min_r2: float
    max_distance: int
    one_locus: Region | None

    def clumps(self, associations: pd.DataFrame, threshold: float) -> pd.DataFrame:
        """Each associated variant once, at its strongest association, with `clump`: its index
        variant, or `NOWHERE`.

        `associations`: as `Scan.candidates`; those with p below `threshold` may be index variants.
        This serves all stricter thresholds too.
        """
        order = np.argsort(-associations["neg_log_10_p_value"].to_numpy(), kind="stable")
        strongest = associations.iloc[order]
        strongest = strongest[~strongest.index.duplicated()].sort_values(
            "base_pair_location", kind="stable"
        )
        taken_by = np.full(len(strongest), NOWHERE)
        chromosomes = strongest["chromosome"].to_numpy(dtype=str)
        significant = below(strongest, threshold)

        for chromosome in np.unique(chromosomes[significant]):
            rows = np.flatnonzero(chromosomes == chromosome)
            for region in self._regions(strongest.iloc[rows], significant[rows]):
                here = rows[region]
                places = strongest.index.to_numpy()[here]
                taker = clump(
                    strongest["base_pair_location"].to_numpy()[here],
                    strongest["neg_log_10_p_value"].to_numpy()[here],
                    r2=self._r2(places),
                    significant=significant[here],
                    min_r2=self.min_r2,
                    max_distance=self.max_distance,
                    one_locus=self._one_locus(chromosome),
                )
                taken_by[here] = np.where(taker == NOWHERE, NOWHERE, places[taker])

        return strongest.assign(clump=taken_by)

    def table(
        self, clumps: pd.DataFrame, associations: pd.DataFrame, threshold: float
    ) -> pd.DataFrame:
        """One row per locus with an association below `threshold`, strongest first, in the columns
        `LOCUS_COLUMNS`."""
        index_variant, locus = self._merged(clumps, threshold)
        member = locus != NOWHERE
        members = (
            clumps[member]
            .assign(locus=locus[member], hit=below(clumps[member], threshold))
            .groupby("locus")
        )

        hits = associations[below(associations, threshold)]
        hits = hits.assign(locus=pd.Series(locus, clumps.index).reindex(hits.index).to_numpy())
        hits = hits.sort_values("neg_log_10_p_value", ascending=False, kind="stable")
        named = hits.drop_duplicates(["locus", "phenotype"]).groupby("locus")["phenotype"]

        table = clumps.iloc[index_variant][list(OF_INDEX_VARIANT)].reset_index(drop=True)
        table["index_variant"] = clumps["variant_id"].to_numpy()[index_variant]
        table["start"], table["end"] = (
            members["base_pair_location"].min(),
            members["base_pair_location"].max(),
        )
        table["n_variants"], table["n_hit_variants"] = members.size(), members["hit"].sum()
        table["phenotypes"] = named.agg(",".join)

        table = table.sort_values(
            "neg_log_10_p_value", ascending=False, kind="stable", ignore_index=True
        )
        return table[list(LOCUS_COLUMNS)]

    def count(self, clumps: pd.DataFrame, threshold: float) -> int:
        """The number of loci with an association below `threshold`."""
        return len(self._merged(clumps, threshold)[0])

    def _merged(
        self, clumps: pd.DataFrame, threshold: float
    ) -> tuple[Int[np.ndarray, " locus"], Int[np.ndarray, " variant"]]:
        """Rows of `clumps` that are index variants, and the locus of each row."""
        index_variants: list[int] = []
        locus = np.full(len(clumps), NOWHERE)
        chromosomes = clumps["chromosome"].to_numpy(dtype=str)
        significant = below(clumps, threshold)

        for chromosome in np.unique(chromosomes[significant]):
            rows = np.flatnonzero(chromosomes == chromosome)
            here = clumps.iloc[rows]
            merged = merge(
                passing(here.index.get_indexer(here["clump"]), significant[rows]),
                here["base_pair_location"].to_numpy(),
                here["neg_log_10_p_value"].to_numpy(),
                self.max_distance,
                self._one_locus(chromosome),
            )
            numbers = merged.locus + len(index_variants)
            locus[rows] = np.where(merged.locus == NOWHERE, NOWHERE, numbers)
            index_variants += rows[merged.index_variant].tolist()

        return np.array(index_variants, dtype=np.int64), locus

    def _one_locus(self, chromosome: str) -> tuple[int, int] | None:
        """First and last base pair of the region on this chromosome that is one locus."""
        if self.one_locus is None or self.one_locus.chromosome != chromosome:
            return None
        return self.one_locus.first, self.one_locus.last

    def _regions(
        self, variants: pd.DataFrame, significant: np.ndarray
    ) -> list[Int[np.ndarray, " variant"]]:
        """Rows that a significant one may take, in groups further apart than `max_distance`."""
        position = variants["base_pair_location"].to_numpy()
        first, last = self._one_locus(str(variants["chromosome"].iloc[0])) or (1, 0)
        together = (position >= first) & (position <= last)

        strong = position[significant]
        right = np.searchsorted(strong, position).clip(max=len(strong) - 1)
        nearest = np.minimum(
            np.abs(position - strong[right]), np.abs(position - strong[(right - 1).clip(min=0)])
        )

        rows = np.flatnonzero((nearest <= self.max_distance) | together)
        apart = np.diff(position[rows]) > self.max_distance
        apart &= ~(together[rows][:-1] & together[rows][1:])
        groups = np.split(rows, np.flatnonzero(apart) + 1)
        return [group for group in groups if significant[group].any()]

    def _r2(self, variants: Int[np.ndarray, " variant"]) -> R2:
        """r2 of one of these variants with others, by their places here; reads nothing before it is
        asked."""
        width = 4 * len(self.individuals)
        whole: list[np.ndarray] = []

        def r2(one: int, others: np.ndarray) -> np.ndarray:
            if len(variants) * width > HELD:
                step = max(HELD // width - 1, 1)
                parts = [
                    self._dosage(variants[np.append(one, some)]) for some in _split(others, step)
                ]
                return np.concatenate([np.square(part[1:] @ part[0]) for part in parts])
            if not whole:
                whole.append(self._dosage(variants))
            first = others.min()  # rows in a row are multiplied without being copied
            return np.square(whole[0][first : others.max() + 1] @ whole[0][one])[others - first]

        return r2

    def _dosage(self, variants: Int[np.ndarray, " variant"]) -> np.ndarray:
        return standardise(self.genotypes.read(variants, self.individuals))


def _split(values: np.ndarray, step: int) -> list[np.ndarray]:
    """The values in pieces of `step`."""
    return [values[start : start + step] for start in range(0, len(values), step)]


def below(associations: pd.DataFrame, threshold: float) -> Bool[np.ndarray, " association"]:
    """Which associations have a p-value below `threshold`."""
    return associations["neg_log_10_p_value"].to_numpy() > -np.log10(threshold)
