"""Who is related to whom: pairs of relatives become families, which a split keeps together, or an
unrelated set.

Tables as KING (.kin, .kin0), PLINK 2 (--make-king-table) and UK Biobank (ukb_rel) write them: ID1,
ID2 (or IID1, IID2) and Kinship, in any case, with or without "#".
"""

import heapq
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int, Shaped
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from ecgae.errors import InputError

THIRD_DEGREE = 0.0442
"""Smallest kinship coefficient of third-degree relatives (Manichaikul et al., Bioinformatics
2010;26:2867)."""


def read_pairs(file: str) -> pd.DataFrame:
    """Columns `one` and `other`, ids as text, and `kinship`, NaN throughout where the table has
    none."""
    if not Path(file).is_file():
        raise InputError(
            f"relatives must be a table of related pairs; got {file}, which does not exist."
        )
    try:
        with Path(file).open(encoding="utf-8-sig") as lines:
            separator = "," if "," in lines.readline() else r"\s+"
        table = pd.read_csv(
            file, sep=separator, dtype=str, encoding="utf-8-sig", skipinitialspace=True
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(
            f"relatives must be a table of related pairs; {file} cannot be read: {error}."
        ) from None

    columns = {str(name).upper().lstrip("#").replace("IID", "ID"): name for name in table}
    if not {"ID1", "ID2"} <= columns.keys():
        raise InputError(
            f"relatives must have the columns ID1 and ID2; {file} has {', '.join(map(str, table))}."
        )
    pairs = table[[columns["ID1"], columns["ID2"]]].set_axis(["one", "other"], axis=1)
    if pairs.isna().any(axis=None):
        raise InputError(f"relatives must have two ids in every row; {file} lacks some.")

    if "KINSHIP" not in columns:
        return pairs.assign(kinship=np.nan)
    kinship = pd.to_numeric(table[columns["KINSHIP"]], errors="coerce")
    if kinship.isna().any():
        raise InputError(
            f"Kinship must be a number in every row of {file}; {kinship.isna().sum():,} are not."
        )
    return pairs.assign(kinship=kinship)


def read_families(file: str | None) -> dict[str, str]:
    """The family of everybody in a table of related pairs, named after its first member; {} without
    a table.

    Pairs less related than the third degree do not count, where the table has a column Kinship.
    """
    if file is None:
        return {}
    pairs = read_pairs(file)
    pairs = pairs[~(pairs["kinship"] < THIRD_DEGREE)]
    people, places = np.unique(pairs[["one", "other"]].to_numpy(dtype=str), return_inverse=True)
    _, family = connected_components(_graph(places.reshape(-1, 2), len(people)), directed=False)
    first = {number: person for person, number in zip(people[::-1], family[::-1], strict=True)}
    return {str(person): str(first[number]) for person, number in zip(people, family, strict=True)}


def unrelated(
    sample_ids: Shaped[np.ndarray, " individual"], pairs: pd.DataFrame, max_kinship: float
) -> Bool[np.ndarray, " individual"]:
    """Who of these people stays, so that no two who stay have a kinship coefficient above
    `max_kinship`.

    Repeatedly, whoever has most relatives left goes; of several, the one whose id sorts last as
    text. Whoever has gone and turns out to have no relative among those who stay comes back, the
    last first. The order of `sample_ids` and `pairs` is irrelevant. The largest such set is hard to
    find; on families as they occur this is it, or nearly.

    Of a mother (m) and two half siblings (s, d), the mother goes; with a lower limit one of the
    siblings must go too, and x, who is nobody's relative, always stays:

    >>> pairs = pd.DataFrame(
    ...     {"one": ["m", "m", "s"], "other": ["s", "d", "d"], "kinship": [0.25, 0.25, 0.125]}
    ... )
    >>> unrelated(np.array(["m", "s", "d", "x"]), pairs, max_kinship=0.2)
    array([False,  True,  True,  True])
    >>> unrelated(np.array(["m", "s", "d", "x"]), pairs, max_kinship=0.05)
    array([False, False,  True,  True])
    """
    people = np.unique(sample_ids)
    ranks = pd.Index(people)
    # without a coefficient, a pair that is listed is related
    close = pairs[~(pairs["kinship"] <= max_kinship)]
    places = np.stack([ranks.get_indexer(close[side]) for side in ("one", "other")], axis=1)
    here = (places >= 0).all(axis=1) & (places[:, 0] != places[:, 1])
    stays = _independent(places[here], len(people))
    return stays[ranks.get_indexer(sample_ids)]


def _independent(
    links: Int[np.ndarray, "pair 2"], individuals: int
) -> Bool[np.ndarray, " individual"]:
    """A large set of which no two are linked; see `unrelated`."""
    stays, gone = np.ones(individuals, dtype=bool), []
    linked, links = np.unique(links, return_inverse=True)
    graph = _graph(links.reshape(-1, 2), len(linked))
    neighbours, starts = graph.indices.tolist(), graph.indptr.tolist()
    relatives = [set(neighbours[start:end]) for start, end in pairwise(starts)]

    queue = [(-len(those), -person) for person, those in enumerate(relatives)]
    heapq.heapify(queue)
    while queue:
        negative_count, negative_person = heapq.heappop(queue)
        count, person = -negative_count, -negative_person
        if not count or count != len(relatives[person]):
            continue  # an entry from before some relatives went
        gone.append(person)
        for relative in relatives[person]:
            relatives[relative].remove(person)
            heapq.heappush(queue, (-len(relatives[relative]), -relative))
        relatives[person] = set()

    stays[linked[gone]] = False
    for person in reversed(gone):
        around = neighbours[starts[person] : starts[person + 1]]
        stays[linked[person]] = not stays[linked[around]].any()
    return stays


def _graph(links: Int[np.ndarray, "pair 2"], individuals: int) -> csr_array:
    """Neighbours of everybody, each once, whichever way and however often a pair is listed."""
    both = np.concatenate([links, links[:, ::-1]])
    graph = coo_array(
        (np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(individuals, individuals)
    )
    return graph.tocsr()
