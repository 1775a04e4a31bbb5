"""Which loci the configurations share, and which one alone has found."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from ecgae.comparison.configurations import Configuration
from ecgae.comparison.directories import Run
from ecgae.comparison.shared_loci import same_loci
from ecgae.genetics.region import Region
from ecgae.runs.locus_file import read_loci

SHARE_OF_SEEDS = 0.5
"""A configuration has found a locus when more than this share of its seeds has."""

FILES = {"omnibus_loci": "omnibus_loci.tsv"}
"""The table of the loci that a metric counts; loci.tsv for metrics that are not here."""

DEFAULT_DISTANCE = 250_000
"""Base pairs within which two index variants are one locus, where a run's config does not say."""

COLUMNS = ("chromosome", "start", "end", "base_pair_location", "neg_log_10_p_value", "rsid")
"""Columns that are read of every table of loci."""

MARKS = ("known", "planted")
"""Columns that say what is at a locus; not every table has them."""


class FoundLoci(NamedTuple):
    """Loci of all configurations together."""

    loci: pd.DataFrame
    """Strongest first: chromosome, base_pair_location, rsid and neg_log_10_p_value of the strongest
    index variant; `known` and `planted`, "" where nothing is and no column where no run says."""
    found: Bool[np.ndarray, "locus configuration"]
    """Whether the configuration has found the locus."""
    rows: list[Configuration]
    """The configurations, in the order of the columns of `found`."""
    file: str
    """Name of the tables in the run directories that the loci come from."""


def found_loci(rows: Sequence[Configuration], metric: str) -> FoundLoci:
    """The loci of the valid rows whose tables can be read; the runs' own distance and MHC say when
    two loci are the same."""
    file = FILES.get(metric, "loci.tsv")
    believed = [
        row
        for row in rows
        if row.valid and all((run.directory / file).is_file() for run in row.believed)
    ]

    tables = [
        _read(run, file).assign(row=number, seed=seed)
        for number, row in enumerate(believed)
        for seed, run in enumerate(row.believed)
    ]
    tables = [table for table in tables if len(table)]
    if not tables:
        none = np.zeros((0, len(believed)), dtype=bool)
        return FoundLoci(pd.DataFrame(columns=list(COLUMNS)), none, believed, file)

    every = pd.concat(tables, ignore_index=True)
    every["region"] = _regions(every, believed[0].runs[0])
    seeds = _seeds(every, len(believed))
    found = seeds > SHARE_OF_SEEDS * np.array([len(row.believed) for row in believed])
    kept = found.any(axis=1)
    return FoundLoci(
        _strongest(every).loc[kept].reset_index(drop=True), found[kept], believed, file
    )


def _read(run: Run, file: str) -> pd.DataFrame:
    """The columns of a run's table of loci that are compared; a mark is "" where nothing is."""
    table = read_loci(run.directory / file)
    marks = [name for name in MARKS if name in table]
    return table[[*COLUMNS, *marks]].fillna(dict.fromkeys(marks, ""))


def _regions(every: pd.DataFrame, run: Run) -> Int[np.ndarray, " locus"]:
    """The number of the region that each row of `every` is; strongest region first."""
    settings: dict[str, Any] = run.config.get("score") or {}
    mhc = settings.get("mhc")
    inside = Region.parse(mhc).holds(every) if mhc else np.zeros(len(every), dtype=bool)
    return same_loci(
        chromosome=pd.factorize(every["chromosome"])[0],
        position=every["base_pair_location"].to_numpy(),
        extent=every[["start", "end"]].to_numpy(),
        neg_log_10_p=every["neg_log_10_p_value"].to_numpy(),
        in_one_locus=inside,
        max_distance=int(settings.get("clump_distance", DEFAULT_DISTANCE)),
    )


def _seeds(every: pd.DataFrame, rows: int) -> Int[np.ndarray, "region row"]:
    """In how many seeds each row of the comparison has each region."""
    once = every.drop_duplicates(["region", "row", "seed"])
    seeds = once.groupby(["region", "row"]).size().unstack(fill_value=0)
    return seeds.reindex(columns=range(rows), fill_value=0).to_numpy()


def _strongest(every: pd.DataFrame) -> pd.DataFrame:
    """The strongest locus of each region, with the first mark that any locus of the region has."""
    ordered = every.sort_values(
        ["region", "neg_log_10_p_value"], ascending=[True, False], kind="stable"
    )
    loci = ordered.drop_duplicates("region").reset_index(drop=True)

    marks = [name for name in MARKS if name in every]
    for name in marks:
        loci[name] = ordered.groupby("region")[name].agg(
            lambda some: next((mark for mark in some if mark), "")
        )
    return loci[[*COLUMNS, *marks]]


class Pattern(NamedTuple):
    """Loci that the same configurations have found."""

    members: tuple[int, ...]
    """The configurations, as columns of `FoundLoci.found`."""
    loci: list[int]
    """The loci, as rows of `FoundLoci.found`."""


def patterns(has: Bool[np.ndarray, "locus configuration"]) -> list[Pattern]:
    """The sets of loci that exactly the same configurations have, most loci first, then most
    configurations.

    >>> patterns(np.array([[True, True], [True, False], [True, True]]))
    [Pattern(members=(0, 1), loci=[0, 2]), Pattern(members=(0,), loci=[1])]
    """
    places: dict[tuple[int, ...], list[int]] = {}
    for locus, row in enumerate(has):
        places.setdefault(tuple(np.flatnonzero(row).tolist()), []).append(locus)
    sets = [Pattern(members, loci) for members, loci in places.items() if members]
    return sorted(sets, key=lambda one: (-len(one.loci), -len(one.members), one.members))
