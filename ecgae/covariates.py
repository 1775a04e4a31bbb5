"""What an association is adjusted for: a table of people to a matrix of numbers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Shaped

from ecgae.errors import InputError
from ecgae.tables import refuse_text


class Design(NamedTuple):
    """Covariates as numbers, without the intercept."""

    names: list[str]
    """A column of the table, or `column=level` for each level of a categorical one but the most frequent."""
    matrix: Float[np.ndarray, "individual covariate"]


def design_matrix(
    table: pd.DataFrame,
    sample_ids: Shaped[np.ndarray, " individual"],
    visits: Int[np.ndarray, " individual"] | None = None,
    categorical: Sequence[str] = (),
) -> Design:
    """The covariates of the given people, in their order; `table` as from `tables.read_table`.

    Where both sides have visits, rows are matched by person and visit: age and centre belong to the visit of the ECG.
    Raises `InputError` for a person without a row, text or a gap in a cell, a constant column, and one that is a linear
    combination of the others.
    """
    source = table.attrs.get("source", "the covariates")
    rows = covariate_rows(table, sample_ids, visits)
    if (rows < 0).any():
        raise InputError(
            f"{(rows < 0).sum():,} of {len(rows):,} individuals have no row in {source}, "
            f"e.g. {sample_ids[rows < 0][0]}. "
            "Set people=shared to leave them out."
        )
    unknown = [name for name in categorical if name not in table]
    if unknown:
        raise InputError(f"categorical must name columns of {source}; got {unknown[0]}. There are {', '.join(table)}.")
    columns: dict[str, np.ndarray] = {}
    for name in table.columns.drop("visit", errors="ignore"):
        values = table[name].iloc[rows]
        _refuse_gaps(values, source)
        if name in categorical:
            columns |= _indicators(values, source)
        else:
            _refuse_text_unless_categorical(values, source)
            columns[name] = values.to_numpy(dtype=np.float64)
    matrix = np.stack(list(columns.values()), axis=1) if columns else np.empty((len(rows), 0))
    design = Design(list(columns), matrix)
    _refuse_degenerate(design, source)
    return design


def covariate_rows(
    table: pd.DataFrame, sample_ids: Shaped[np.ndarray, " individual"], visits: Int[np.ndarray, " individual"] | None
) -> Int[np.ndarray, " individual"]:
    """The row of each person (at the visit, where both sides have visits), -1 for none."""
    if "visit" in table and visits is not None:
        index = pd.MultiIndex.from_arrays([table.index, table["visit"]])
        return index.get_indexer(pd.MultiIndex.from_arrays([sample_ids, visits]))
    if not table.index.is_unique:
        raise InputError(
            f"{table.attrs.get('source', 'the covariates')} must have one row per individual where the phenotypes have "
            "no visit; some have several. Add a visit column to the phenotypes, or keep one row of each."
        )
    return table.index.get_indexer(pd.Index(sample_ids))


def _indicators(values: pd.Series, source: str) -> dict[str, np.ndarray]:
    counts = values.value_counts()
    if len(counts) == 1:
        raise InputError(
            f"Covariate {values.name} of {source} must vary; all {len(values):,} individuals analysed have "
            f"{_label(counts.index[0])}. Remove it."
        )
    reference = counts.index[counts == counts.iloc[0]].sort_values()[0]
    levels = counts.index.drop(reference).sort_values()
    return {f"{values.name}={_label(level)}": (values == level).to_numpy(dtype=np.float64) for level in levels}


def _label(level: object) -> str:
    return f"{level:.12g}" if isinstance(level, float) else str(level)


def _refuse_gaps(values: pd.Series, source: str) -> None:
    if values.isna().any():
        raise InputError(
            f"Covariate {values.name} of {source} must be known for everybody analysed; {values.isna().sum():,} of "
            f"{len(values):,} values are missing, e.g. that of {values.index[values.isna()][0]}. "
            "Set people=shared to leave these people out."
        )


def _refuse_text_unless_categorical(values: pd.Series, source: str) -> None:
    try:
        refuse_text(values, source)
    except InputError as error:
        raise InputError(f"{error} If it holds labels, name it in categorical.") from None


def _refuse_degenerate(design: Design, source: str) -> None:
    n, p = design.matrix.shape
    if n < p + 3:
        raise InputError(
            f"There must be more individuals than parameters: {p} covariates, an intercept and a variant need at least "
            f"{p + 3}; got {n}. Use fewer covariates or more people."
        )
    if not p:
        return
    centred = design.matrix - design.matrix.mean(axis=0)
    norm = np.linalg.norm(centred, axis=0)
    constant = norm <= 1e-12 * np.sqrt(n) * np.abs(design.matrix).max(axis=0)
    if constant.any():
        name, value = design.names[constant.argmax()], design.matrix[0, constant.argmax()]
        raise InputError(
            f"Covariate {name} of {source} must vary; all {n:,} individuals analysed have {value:g}. Remove it."
        )
    # Without pivoting, the diagonal of R holds the length of each unit column beside the ones before it.
    left = np.abs(np.diag(np.linalg.qr(centred / norm, mode="r")))
    if left.min() < 1e-6:
        column = int((left < 1e-6).argmax())
        raise InputError(
            f"Covariate {design.names[column]} of {source} must not follow from the others; it is a linear combination "
            f"of {', '.join(design.names[:column])}. Remove one of them."
        )
