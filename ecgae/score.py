"""The yield of a scan: associated pairs, variants and independent loci, and whether they may be trusted."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Int

from ecgae.engine import Scan
from ecgae.errors import InputError
from ecgae.genotypes import Genotypes
from ecgae.loci import R2, find_loci, squared_correlation


@dataclass(frozen=True)
class Score:
    """What counts as found.

    alpha: p-value of one phenotype's scan, divided by the number of phenotypes tested.
    clump_r2, clump_distance: variants with at least this r2, within this many base pairs, are one finding.
    """

    alpha: float = 5e-8
    clump_r2: float = 0.1
    clump_distance: int = 250_000

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise InputError(f"score.alpha must be a p-value between 0 and 1; got {self.alpha}.")
        if not 0 < self.clump_r2 <= 1:
            raise InputError(f"score.clump_r2 must be above 0 and at most 1; got {self.clump_r2}.")
        if self.clump_distance < 0:
            raise InputError(f"score.clump_distance must be 0 or more base pairs; got {self.clump_distance}.")


class Yield(NamedTuple):
    """The score of a scan."""

    summary: dict[str, Any]
    """Plain numbers, ready for JSON."""
    loci: pd.DataFrame
    """One row per locus, strongest first: `chromosome`, `start` and `end` (of its hit variants), `index_variant`,
    `rsid`, `base_pair_location`, alleles and frequency of the index variant, `neg_log_10_p_value`, `phenotype` (its
    strongest), `phenotypes` (all with a hit, comma-separated) and `n_variants`; `planted` (the planted variants within
    reach), where they are known."""


def score(
    scan: Scan,
    genotypes: Genotypes,
    individuals: Int[np.ndarray, " individual"],
    settings: Score,
    planted: pd.DataFrame | None = None,
) -> Yield:
    """Counts what passes alpha / number of phenotypes and groups it into loci by the LD among the analysed people.

    `planted`: the simulated truth, with `chromosome` and `base_pair_location`. A found locus is recovered when its
    index variant lies within `clump_distance` of a planted variant, and false otherwise.
    """
    threshold = settings.alpha / len(scan.phenotypes)
    if threshold > scan.alpha:
        raise InputError(
            f"score.alpha must not exceed that of the scan, {scan.alpha:g}; got {settings.alpha:g}. Scan again."
        )
    hits = scan.candidates[scan.candidates["neg_log_10_p_value"] > -np.log10(threshold)]
    loci = _loci(hits, scan.variants, genotypes, individuals, settings)
    summary = {
        "hits": len(hits),
        "hit_variants": int(hits.index.nunique()),
        "loci": len(loci),
        **_inflation(scan),
        "n_individuals": scan.n_individuals,
        "n_variants": scan.n_variants,
        "n_variants_excluded": scan.n_excluded,
        "n_variants_untested": scan.n_untested,
        "n_phenotypes": len(scan.phenotypes),
        "dropped_phenotypes": list(scan.dropped),
        "alpha": settings.alpha,
        "threshold": threshold,
    }
    if planted is not None:
        loci, recovery = _recovery(loci, planted, settings.clump_distance)
        summary |= recovery
    return Yield(summary, loci)


def _inflation(scan: Scan) -> dict[str, Any]:
    """JSON has no NaN: None for a phenotype without a tested variant."""
    known = scan.genomic_inflation[~np.isnan(scan.genomic_inflation)]
    return {
        "genomic_inflation": float(np.median(known)) if len(known) else None,
        "genomic_inflation_max": float(known.max()) if len(known) else None,
        "genomic_inflation_by_phenotype": {
            name: None if np.isnan(value) else float(value)
            for name, value in zip(scan.phenotypes, scan.genomic_inflation, strict=True)
        },
    }


OF_INDEX_VARIANT = ("chromosome", "rsid", "base_pair_location", "effect_allele", "other_allele")
LOCUS_COLUMNS = (
    *("chromosome", "start", "end", "index_variant", "rsid", "base_pair_location", "effect_allele", "other_allele"),
    *("effect_allele_frequency", "neg_log_10_p_value", "phenotype", "phenotypes", "n_variants"),
)


def _loci(
    hits: pd.DataFrame,
    variants: pd.DataFrame,
    genotypes: Genotypes,
    individuals: Int[np.ndarray, " individual"],
    settings: Score,
) -> pd.DataFrame:
    found = variants.loc[hits.index.unique()]
    rows = []
    for _, here in found.groupby("chromosome", sort=False):
        loci = find_loci(
            here["base_pair_location"].to_numpy(),
            here["neg_log_10_p_value"].to_numpy(),
            _r2(genotypes, individuals, here.index.to_numpy()),
            settings.clump_r2,
            settings.clump_distance,
        )
        for number, index_variant in enumerate(loci.index_variant):
            members = here[loci.locus == number]
            rows.append(_locus(here.iloc[index_variant], members, hits.loc[members.index]))
    table = pd.DataFrame(rows, columns=list(LOCUS_COLUMNS))
    return table.sort_values("neg_log_10_p_value", ascending=False, kind="stable", ignore_index=True)


def _r2(genotypes: Genotypes, individuals: np.ndarray, variants: np.ndarray) -> R2:
    def r2(one: int, others: np.ndarray) -> np.ndarray:
        dosage = genotypes.read(variants[np.append(one, others)], individuals)
        return squared_correlation(dosage[:, 0], dosage[:, 1:])

    return r2


def _locus(index_variant: pd.Series, members: pd.DataFrame, hits: pd.DataFrame) -> dict[str, Any]:
    return {
        **{name: index_variant[name] for name in OF_INDEX_VARIANT},
        "index_variant": index_variant["variant_id"],
        "effect_allele_frequency": index_variant["effect_allele_frequency"],
        "neg_log_10_p_value": index_variant["neg_log_10_p_value"],
        "phenotype": index_variant["phenotype"],
        "start": members["base_pair_location"].min(),
        "end": members["base_pair_location"].max(),
        "phenotypes": ",".join(hits["phenotype"].unique()),
        "n_variants": len(members),
    }


def _recovery(loci: pd.DataFrame, planted: pd.DataFrame, distance: int) -> tuple[pd.DataFrame, dict[str, int]]:
    """Marks each locus with the planted variants near its index variant, and counts from both sides."""
    truth = planted.drop_duplicates(["chromosome", "base_pair_location"])  # one variant may drive several parameters
    same = loci["chromosome"].astype(str).to_numpy()[:, None] == truth["chromosome"].astype(str).to_numpy()
    place = loci["base_pair_location"].to_numpy(dtype=np.int64)
    near = same & (np.abs(place[:, None] - truth["base_pair_location"].to_numpy(dtype=np.int64)) <= distance)
    name = truth["chromosome"].astype(str) + ":" + truth["base_pair_location"].astype(str)
    if "rsid" in truth:
        name = truth["rsid"].fillna(name)
    recovered = int(near.any(axis=1).sum())
    return loci.assign(planted=[",".join(name[row]) for row in near]), {
        "planted_loci": len(truth),
        "recovered_loci": recovered,
        "false_loci": len(loci) - recovered,
        "planted_recovered": int(near.any(axis=0).sum()),
    }
