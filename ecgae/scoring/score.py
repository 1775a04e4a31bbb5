"""The yield of a scan: associated pairs, variants and independent loci, and whether they may be
trusted."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ecgae.errors import InputError
from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.region import Region
from ecgae.genetics.scan import ACAT, OMNIBUS, Combined, Scan
from ecgae.scoring.by_chromosome import by_chromosome, near
from ecgae.scoring.locus_marks import mark_known, mark_planted
from ecgae.scoring.locus_table import LocusFinder, below
from ecgae.scoring.select_by import require_selectable
from ecgae.statistics.calibration import calibration_summary
from ecgae.statistics.multiplicity import CORRECTIONS, number_of_tests

LATENT = re.compile(r"(.+)_latent_\d+")
"""Name of a latent of one lead, such as V1_latent_01."""


@dataclass(frozen=True)
class Score:
    """The numbers that say which associations count, and which of them are one locus.

    alpha: genome-wide p-value of one scan.
    correction: what `alpha` is divided by, one of `CORRECTIONS`; the yield at the others is counted
        too.
    member_p: associations below it belong to a locus too, and extend it; only those below the
        threshold make one.
    clump_r2, clump_distance: variants with at least this r2, within this many base pairs, are one
        finding.
    mhc: chromosome:from-to, a region that is one locus whatever its LD.
    known_loci: GRCh37 (the shipped list), or a table; None: mark none.
    select_by: the number by which a model is chosen, one of `select_by.SELECTABLE`, or several of
        them.

    >>> Score(mhc="6:25000000-34000000").one_locus
    Region(chromosome='6', first=25000000, last=34000000)
    """

    alpha: float = 5e-8
    correction: str = "phenotypes"
    member_p: float = 1e-5
    clump_r2: float = 0.1
    clump_distance: int = 250_000
    mhc: str | None = "6:25000000-34000000"
    known_loci: str | None = "GRCh37"
    select_by: str | Sequence[str] = "loci"

    def __post_init__(self) -> None:
        require_selectable(self.select_by)

        for name in ("alpha", "member_p"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(
                    f"score.{name} must be a p-value between 0 and 1; got {getattr(self, name)}."
                )
        if self.correction not in CORRECTIONS:
            raise InputError(
                f"score.correction must be one of {', '.join(CORRECTIONS)}; got {self.correction!r}."
            )

        if not 0 < self.clump_r2 <= 1:
            raise InputError(f"score.clump_r2 must be above 0 and at most 1; got {self.clump_r2}.")
        if self.clump_distance < 0:
            raise InputError(
                f"score.clump_distance must be 0 or more base pairs; got {self.clump_distance}."
            )
        _ = self.one_locus

    @property
    def one_locus(self) -> Region | None:
        """The region that `mhc` names; None where it names none."""
        if self.mhc is None:
            return None
        try:
            region = Region.parse(self.mhc)
            if region.is_whole:
                raise ValueError("the MHC is a part of a chromosome")
        except ValueError:
            raise InputError(
                f"score.mhc must be chromosome:from-to in base pairs, such as 6:25000000-34000000, or null; "
                f"got {self.mhc!r}."
            ) from None
        return region

    def require(self, report_below: float) -> None:
        """Raises `InputError` where a scan that keeps associations below `report_below` cannot be
        scored so."""
        for name in ("alpha", "member_p"):
            if getattr(self, name) > report_below:
                raise InputError(
                    f"score.{name} must not exceed engine.report_below, {report_below:g}, the largest p-value that the "
                    f"scan keeps; got {getattr(self, name):g}. Scan again with a larger engine.report_below."
                )


class Yield(NamedTuple):
    """The numbers of a scan, and its loci."""

    summary: dict[str, Any]
    """Plain numbers, ready for JSON."""
    loci: pd.DataFrame
    """One row per locus, strongest first: `chromosome`, `start` and `end` (of its members, p below
    `member_p`), `index_variant`, `rsid`, `base_pair_location`, alleles and frequency of the index
    variant, `neg_log_10_p_value`, `phenotype` (its strongest), `phenotypes` (all with a hit,
    strongest first, comma-separated), `n_variants` (members) and `n_hit_variants`; `known` (what is
    known there); `planted` (the planted variants within reach), where they are known."""
    omnibus_loci: pd.DataFrame | None
    """The loci of the test of all phenotypes at once, in the same columns; None where the engine makes
    no such test."""


def score(
    scan: Scan,
    genotypes: Genotypes,
    individuals: Int[np.ndarray, " individual"],
    settings: Score,
    planted: pd.DataFrame | None = None,
    correlation: Float[np.ndarray, "phenotype phenotype"] | None = None,
    known: pd.DataFrame | None = None,
) -> Yield:
    """Counts what passes the threshold and groups it into loci by the LD among the analysed people.

    `planted`: the simulated truth, with `chromosome` and `base_pair_location`. A found locus is
    recovered when its index variant lies within `clump_distance` of a planted variant, and false
    otherwise. `correlation`: of the phenotypes tested, for their effective number (see
    `multiplicity.phenotype_correlation`). `known`: from `known_loci.read_known_loci`.
    """
    settings.require(scan.report_below)

    thresholds = _thresholds(scan, settings, correlation)
    threshold = thresholds[settings.correction]
    if threshold is None:
        raise InputError(
            "score.correction must be none, latents or phenotypes where the correlation of the phenotypes is not "
            f"known; got {settings.correction}."
        )

    finder = LocusFinder(
        genotypes,
        individuals,
        min_r2=settings.clump_r2,
        max_distance=settings.clump_distance,
        one_locus=settings.one_locus,
    )
    candidates = _kept(scan.candidates, settings)
    clumps = finder.clumps(candidates, settings.alpha)
    loci = mark_known(finder.table(clumps, candidates, threshold), known, settings.clump_distance)
    omnibus, combined = _combined(scan.combined, finder, settings, known)
    hits = candidates[below(candidates, threshold)]

    at_known = None if known is None else near(scan.variants, known, settings.clump_distance)
    tables = {
        "loci": loci,
        "omnibus_loci": omnibus,
        "hits": hits,
        "hit_variants": hits[~hits.index.duplicated()],
    }
    select_by = settings.select_by
    summary = {
        **_counts(hits, loci, known, scan.phenotypes),
        **_by_correction(candidates, clumps, finder, thresholds),
        "correction": settings.correction,
        **combined,
        **by_chromosome(scan.variants, tables, at_known),
        **calibration_summary(scan.tally, np.full(len(scan.phenotypes), scan.n_individuals)),
        **_tested(scan),
        "alpha": settings.alpha,
        "threshold": threshold,
        "select_by": select_by if isinstance(select_by, str) else list(select_by),
    }

    scored = Yield(summary, loci, omnibus)
    return scored if planted is None else _recovered(scored, planted, settings.clump_distance)


def _kept(candidates: pd.DataFrame, settings: Score) -> pd.DataFrame:
    """The associations that can make or join a locus."""
    return candidates[below(candidates, max(settings.alpha, settings.member_p))]


def _thresholds(
    scan: Scan, settings: Score, correlation: Float[np.ndarray, "phenotype phenotype"] | None
) -> dict[str, float | None]:
    """The p-value of a hit with each correction; None where its number of tests is not known."""
    tests = number_of_tests(latents_of_one_lead(scan.phenotypes), len(scan.phenotypes), correlation)
    return {
        name: None if count is None else settings.alpha / count for name, count in tests.items()
    }


def _recovered(scored: Yield, planted: pd.DataFrame, distance: int) -> Yield:
    """The same yield with the planted variants marked and counted."""
    loci, recovery = mark_planted(scored.loci, planted, distance)
    summary, omnibus = scored.summary | recovery, scored.omnibus_loci
    if omnibus is not None:
        omnibus, recovery = mark_planted(omnibus, planted, distance)
        summary |= {f"omnibus_{name}": recovery[name] for name in ("recovered_loci", "false_loci")}
    return Yield(summary, loci, omnibus)


def latents_of_one_lead(phenotypes: Sequence[str]) -> int:
    """How many latents a sample has: those of the lead with most of them, or all phenotypes where
    they belong to no lead.

    >>> latents_of_one_lead(["V1_latent_01", "V1_latent_02", "V2_latent_01"])
    2
    """
    leads = Counter(lead for lead in map(_lead, phenotypes) if lead)
    return max(leads.values(), default=len(phenotypes))


def _lead(phenotype: str) -> str:
    """The lead that a latent belongs to; "" for what is no latent of one lead."""
    latent = LATENT.fullmatch(phenotype)
    return latent[1] if latent else ""


def _counts(
    hits: pd.DataFrame, loci: pd.DataFrame, known: pd.DataFrame | None, phenotypes: Sequence[str]
) -> dict[str, Any]:
    """Numbers of hits and loci, in all and by phenotype and lead."""
    hits_of = hits["phenotype"].value_counts()
    leads = dict.fromkeys(lead for lead in map(_lead, phenotypes) if lead)
    touched = [{_lead(name) for name in names.split(",")} for names in loci["phenotypes"]]

    return {
        "hits": len(hits),
        "hit_variants": int(hits.index.nunique()),
        "loci": len(loci),
        "loci_at_known": None if known is None else int((loci["known"] != "").sum()),
        "hits_by_phenotype": {name: int(hits_of.get(name, 0)) for name in phenotypes},
        "loci_by_lead": {lead: sum(lead in names for names in touched) for lead in leads},
    }


def _by_correction(
    candidates: pd.DataFrame,
    clumps: pd.DataFrame,
    finder: LocusFinder,
    thresholds: dict[str, float | None],
) -> dict[str, Any]:
    """The yield at every threshold; None at one that is not known."""
    known = {name: p for name, p in thresholds.items() if p is not None}
    none = dict.fromkeys(thresholds)
    return {
        "threshold_by_correction": thresholds,
        "hits_by_correction": none
        | {name: int(below(candidates, p).sum()) for name, p in known.items()},
        "loci_by_correction": none | {name: finder.count(clumps, p) for name, p in known.items()},
    }


def _combined(
    combined: Combined | None, finder: LocusFinder, settings: Score, known: pd.DataFrame | None
) -> tuple[pd.DataFrame | None, dict[str, Any]]:
    """Loci of the tests of many phenotypes at once: one test per variant, or one per variant and
    lead."""
    counts: dict[str, Any] = dict.fromkeys(("omnibus_loci", "omnibus_loci_by_lead", "acat_loci"))
    if combined is None:
        return None, counts

    candidates = _kept(combined.candidates, settings)
    tests = combined.tally.phenotypes

    leads = [name.removeprefix(f"{OMNIBUS} ") for name in tests if name.startswith(f"{OMNIBUS} ")]
    counts["omnibus_loci_by_lead"] = {}
    for lead in leads:
        table = _loci_of(f"{OMNIBUS} {lead}", candidates, finder, settings.alpha / len(leads))
        counts["omnibus_loci_by_lead"][lead] = len(table)

    if ACAT in tests:
        counts["acat_loci"] = len(_loci_of(ACAT, candidates, finder, settings.alpha))
    if OMNIBUS not in tests:
        return None, counts

    omnibus = mark_known(
        _loci_of(OMNIBUS, candidates, finder, settings.alpha), known, settings.clump_distance
    )
    return omnibus, counts | {"omnibus_loci": len(omnibus)}


def _loci_of(
    test: str, candidates: pd.DataFrame, finder: LocusFinder, threshold: float
) -> pd.DataFrame:
    """The loci of one of the combined tests."""
    of_test = candidates[candidates["phenotype"] == test]
    return finder.table(finder.clumps(of_test, threshold), of_test, threshold)


def _tested(scan: Scan) -> dict[str, Any]:
    """How many people, variants and phenotypes were tested, and which were not."""
    return {
        "n_individuals": scan.n_individuals,
        "n_variants": scan.n_variants,
        "n_variants_excluded": sum(scan.excluded.values()),
        "excluded_variants": dict(scan.excluded),
        "n_phenotypes": len(scan.phenotypes),
        "dropped_phenotypes": list(scan.dropped),
    }
