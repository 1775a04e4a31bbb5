"""Which loci the configurations share, and which one alone has found."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool

from ecgae.comparison.configurations import Configuration
from ecgae.comparison.directories import Run
from ecgae.comparison.shared_loci import same_loci
from ecgae.genetics.region import Region
from ecgae.runs.locus_file import read_loci

SHARE_OF_SEEDS = 0.5
"""A configuration has found a locus when more than this share of its seeds has."""

FILES = {"omnibus_loci": "omnibus_loci.tsv"}
"""By metric; loci.tsv for the others."""

DEFAULT_DISTANCE = 250_000
NEEDED = ("chromosome", "start", "end", "base_pair_location", "neg_log_10_p_value", "rsid")


class FoundLoci(NamedTuple):
    """Loci of all configurations together."""

    loci: pd.DataFrame
    """Strongest first: chromosome, base_pair_location, rsid and neg_log_10_p_value of the strongest
    index variant; `known` and `planted`, "" where nothing is and no column where no run says."""
    found: Bool[np.ndarray, "locus configuration"]
    rows: list[Configuration]
    """Whose columns these are."""
    file: str


def found_loci(rows: Sequence[Configuration], metric: str) -> FoundLoci:
    """Of the valid rows whose loci can be read; the runs' own distance and MHC say when two loci
    are the same."""
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
        return FoundLoci(
            pd.DataFrame(columns=list(NEEDED)),
            np.zeros((0, len(believed)), dtype=bool),
            believed,
            file,
        )
    every = pd.concat(tables, ignore_index=True)
    every["region"] = _regions(every, believed[0].runs[0])
    seeds = (
        every.drop_duplicates(["region", "row", "seed"])
        .groupby(["region", "row"])
        .size()
        .unstack(fill_value=0)
    )
    seeds = seeds.reindex(columns=range(len(believed)), fill_value=0).to_numpy()
    found = seeds > SHARE_OF_SEEDS * np.array([len(row.believed) for row in believed])
    strongest = every.sort_values(
        ["region", "neg_log_10_p_value"], ascending=[True, False], kind="stable"
    )
    loci = strongest.drop_duplicates("region").reset_index(drop=True)
    marks = [name for name in ("known", "planted") if name in every]
    for name in marks:
        loci[name] = strongest.groupby("region")[name].agg(
            lambda some: next((mark for mark in some if mark), "")
        )
    kept = found.any(axis=1)
    return FoundLoci(
        loci.loc[kept, [*NEEDED, *marks]].reset_index(drop=True), found[kept], believed, file
    )


def _read(run: Run, file: str) -> pd.DataFrame:
    table = read_loci(run.directory / file)
    marks = [name for name in ("known", "planted") if name in table]
    return table[[*NEEDED, *marks]].fillna(dict.fromkeys(marks, ""))


def _regions(every: pd.DataFrame, run: Run) -> np.ndarray:
    settings: dict[str, Any] = run.config.get("score") or {}
    mhc = settings.get("mhc")
    inside = Region.parse(mhc).holds(every) if mhc else np.zeros(len(every), dtype=bool)
    return same_loci(
        pd.factorize(every["chromosome"])[0],
        every["base_pair_location"].to_numpy(),
        every[["start", "end"]].to_numpy(),
        every["neg_log_10_p_value"].to_numpy(),
        inside,
        int(settings.get("clump_distance", DEFAULT_DISTANCE)),
    )


class Pattern(NamedTuple):
    """Loci that the same configurations have found."""

    members: tuple[int, ...]
    """Columns of `found`."""
    loci: list[int]
    """Rows of `found`."""


def patterns(found: Bool[np.ndarray, "locus configuration"]) -> list[Pattern]:
    """Those with most loci first, of equal ones those of most configurations."""
    places: dict[tuple[int, ...], list[int]] = {}
    for locus, row in enumerate(found):
        places.setdefault(tuple(np.flatnonzero(row).tolist()), []).append(locus)
    some = [Pattern(members, loci) for members, loci in places.items() if members]
    return sorted(
        some, key=lambda pattern: (-len(pattern.loci), -len(pattern.members), pattern.members)
    )
