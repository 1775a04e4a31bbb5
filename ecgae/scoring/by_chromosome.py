"""What each chromosome adds to the yield, from which the standard errors of all of it follow."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ecgae.statistics.jackknife import jackknife
from ecgae.statistics.json_number import json_number
from ecgae.statistics.tally import AUTOSOMES


def by_chromosome(
    variants: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame | None],
    at_known: Bool[np.ndarray, " variant"] | None,
) -> dict[str, Any]:
    """The smooth yields of a scan, what each chromosome adds to them and to the rows of each table,
    and the standard errors of all of these.

    excess_chi2: mean of `omnibus_excess` over the tested variants; excess_chi2_at_known: over those
    of `at_known`; None where there are none, or no such test. by_chromosome: for each chromosome
    with a tested variant `n_variants`, numbers of rows (None for no table) and `excess_chi2`.
    standard_errors: by a jackknife over chromosomes; that of a count is 0 where nothing was found,
    which does not mean that nothing could have been.
    """
    here = [name for name in AUTOSOMES if name in set(variants["chromosome"].unique())]
    tested = _rows(variants, here)
    counted = {
        name: None if table is None else _rows(table, here) for name, table in tables.items()
    }

    errors = {
        name: None if rows is None else _error(rows, tested) for name, rows in counted.items()
    }
    excess, errors["excess_chi2"] = _mean(variants)
    near_known, errors["excess_chi2_at_known"] = (
        (None, None) if at_known is None else _mean(variants[at_known])
    )

    parts = zip(AUTOSOMES, *excess_sums(variants), strict=True)
    means = {name: float(total / number) if number else None for name, total, number in parts}

    return {
        "excess_chi2": excess,
        "excess_chi2_at_known": near_known,
        "standard_errors": errors,
        "by_chromosome": {
            "n_variants": tested,
            **counted,
            "excess_chi2": None if excess is None else {name: means[name] for name in here},
        },
    }


def excess_sums(
    variants: pd.DataFrame,
) -> tuple[Float[np.ndarray, " chromosome"], Int[np.ndarray, " chromosome"]]:
    """The sum of `omnibus_excess` on each of `AUTOSOMES`, and the number of variants summed."""
    known = variants.dropna(subset="omnibus_excess")
    groups = known["omnibus_excess"].astype(np.float64).groupby(known["chromosome"], observed=True)
    names = list(AUTOSOMES)
    sums = groups.sum().reindex(names, fill_value=0.0)
    return sums.to_numpy(), groups.size().reindex(names, fill_value=0).to_numpy()


def near(
    variants: pd.DataFrame, places: pd.DataFrame, distance: int
) -> Bool[np.ndarray, " variant"]:
    """Which variants lie within `distance` base pairs of one of the places, both given by
    `chromosome` and `base_pair_location`.

    >>> variants = pd.DataFrame({"chromosome": ["1", "1", "2"], "base_pair_location": [10, 40, 10]})
    >>> near(variants, variants[:1], distance=20).tolist()
    [True, False, False]
    """
    is_near = np.zeros(len(variants), dtype=bool)
    chromosomes = variants["chromosome"].astype(str).to_numpy()
    position = variants["base_pair_location"].to_numpy(dtype=np.int64)

    for chromosome, group in places.groupby(places["chromosome"].astype(str)):
        rows = np.flatnonzero(chromosomes == chromosome)
        there = np.sort(group["base_pair_location"].to_numpy(dtype=np.int64))
        # The first place that is not too far to the left.
        after = np.searchsorted(there, position[rows] - distance)
        is_near[rows] = there[np.minimum(after, len(there) - 1)] <= position[rows] + distance
        is_near[rows[after == len(there)]] = False

    return is_near


def _mean(variants: pd.DataFrame) -> tuple[float | None, float | None]:
    """The mean of `omnibus_excess` and its standard error; None where no variant has any."""
    sums, sizes = excess_sums(variants)
    if not sizes.any():
        return None, None
    value, error = jackknife(sums, sizes)
    return float(value / sizes.sum()), json_number(float(error / sizes.sum()))


def _error(rows: dict[str, int], tested: dict[str, int]) -> float | None:
    """Standard error of the number of rows, which is expected to go with that of tested variants."""
    counts, sizes = (np.array(list(one.values()), dtype=np.int64) for one in (rows, tested))
    return json_number(float(jackknife(counts, sizes).standard_error))


def _rows(table: pd.DataFrame, chromosomes: list[str]) -> dict[str, int]:
    """Number of rows on each of the chromosomes."""
    rows = table["chromosome"].astype(str).value_counts()
    return {name: int(rows.get(name, 0)) for name in chromosomes}
