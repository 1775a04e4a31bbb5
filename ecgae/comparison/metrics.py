"""The numbers of score.json that configurations are compared by."""

from typing import NamedTuple


class Metric(NamedTuple):
    """How one number is shown."""

    title: str
    decimals: int
    more: str
    """What one configuration has more of than another: 4.0 more loci."""
    counts: bool = False
    """Whether it counts things."""
    by_chromosome: bool = False
    """Whether score.json keeps it chromosome by chromosome, which a test of a difference needs."""


YIELDS = {
    "loci": Metric("loci", 0, "more loci", counts=True, by_chromosome=True),
    "omnibus_loci": Metric("omnibus loci", 0, "more omnibus loci", counts=True, by_chromosome=True),
    "acat_loci": Metric("ACAT loci", 0, "more ACAT loci", counts=True),
    "hits": Metric("hits", 0, "more hits", counts=True, by_chromosome=True),
    "hit_variants": Metric(
        "variants with a hit", 0, "more variants with a hit", counts=True, by_chromosome=True
    ),
    "loci_at_known": Metric("known loci", 0, "more loci at known ones", counts=True),
    "excess_chi2": Metric("excess chi2", 3, "more excess chi2", by_chromosome=True),
    "excess_chi2_at_known": Metric("excess chi2 at known", 2, "more excess chi2 at known loci"),
    "summed_heritability": Metric("summed h2", 2, "more summed heritability"),
    "r2_recorded": Metric("R2", 3, "more R2"),
}
"""What `--by` takes; more of each is better."""

BESIDE = {
    "bypass_index": Metric("bypass", 1, ""),
    "genomic_inflation": Metric("inflation", 3, ""),
}
"""Numbers that are shown beside the yields, and that nothing is ranked by."""

METRICS = YIELDS | BESIDE
"""Every number that a comparison shows."""

SHOWN = (
    "loci",
    "omnibus_loci",
    "excess_chi2",
    "summed_heritability",
    "r2_recorded",
    "bypass_index",
)
"""Columns of every table; the inflation comes after them."""


def columns(by: str) -> list[str]:
    """Metrics in the order of the columns: the one that is ranked by is first."""
    return [*dict.fromkeys((by, *SHOWN, "genomic_inflation"))]
