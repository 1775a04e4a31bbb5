"""Who is related to whom: a table of pairs becomes families, which a split keeps together."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ecgae.errors import InputError

THIRD_DEGREE = 0.0442
"""Smallest kinship coefficient of third-degree relatives (Manichaikul et al., Bioinformatics 2010;26:2867)."""


def read_families(file: str | None) -> dict[str, str]:
    """The family of everybody in a table of related pairs, named after its first member; {} without a table.

    Columns ID1 and ID2, as in UK Biobank's relatedness file and KING's .kin0; where there is a column Kinship, pairs
    less related than the third degree do not count.
    """
    if file is None:
        return {}
    if not Path(file).is_file():
        raise InputError(f"relatives must be a table of related pairs; got {file}, which does not exist.")
    try:
        table = pd.read_csv(file, sep=r"\s+", dtype=str)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"relatives must be a table of related pairs; {file} cannot be read: {error}.") from None
    columns = {str(name).upper(): name for name in table}
    if not {"ID1", "ID2"} <= columns.keys():
        raise InputError(f"relatives must have the columns ID1 and ID2; {file} has {', '.join(map(str, table))}.")
    pairs = table[[columns["ID1"], columns["ID2"]]]
    if "KINSHIP" in columns:
        kinship = pd.to_numeric(table[columns["KINSHIP"]], errors="coerce")
        if kinship.isna().any():
            raise InputError(f"Kinship must be a number in every row of {file}; {kinship.isna().sum():,} are not.")
        pairs = pairs[kinship >= THIRD_DEGREE]
    people, places = np.unique(pairs.to_numpy(dtype=str), return_inverse=True)
    one, other = places.reshape(-1, 2).T
    links = coo_array((np.ones(len(one)), (one, other)), shape=(len(people), len(people)))
    _, family = connected_components(links, directed=False)
    first = {number: person for person, number in zip(people[::-1], family[::-1], strict=True)}
    return {str(person): str(first[number]) for person, number in zip(people, family, strict=True)}
