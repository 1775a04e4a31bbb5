"""What lies at a locus: known loci of earlier studies, and in simulations the planted variants."""

import numpy as np
import pandas as pd


def mark_known(loci: pd.DataFrame, known: pd.DataFrame | None, distance: int) -> pd.DataFrame:
    """Adds `known`: trait (genes) of the known loci within the extent of each, or `distance` of its
    index variant."""
    if known is None or loci.empty:
        return loci.assign(known="")
    label = known["trait"].mask(known["trait"] == "", "known")
    gene = known["gene"].mask(known["gene"] == "", known["rsid"])

    marks = []
    for locus in loci.itertuples():
        first = min(locus.start, locus.base_pair_location - distance)
        last = max(locus.end, locus.base_pair_location + distance)
        near = (known["chromosome"] == str(locus.chromosome)) & known["base_pair_location"].between(
            first, last
        )
        genes = (
            gene[near]
            .groupby(label[near], sort=False)
            .agg(lambda some: ",".join(dict.fromkeys(some)))
        )
        marks.append(
            "; ".join(f"{trait} ({names})" if names else trait for trait, names in genes.items())
        )

    return loci.assign(known=marks)


def mark_planted(
    loci: pd.DataFrame, planted: pd.DataFrame, distance: int
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Adds `planted`, the planted variants within `distance` of the index variant, and counts from
    both sides."""
    # One variant may drive several parameters.
    truth = planted.drop_duplicates(["chromosome", "base_pair_location"])
    same = (
        loci["chromosome"].astype(str).to_numpy()[:, None]
        == truth["chromosome"].astype(str).to_numpy()
    )
    place = loci["base_pair_location"].to_numpy(dtype=np.int64)
    near = same & (
        np.abs(place[:, None] - truth["base_pair_location"].to_numpy(dtype=np.int64)) <= distance
    )

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
