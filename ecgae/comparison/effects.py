"""What one choice does to the yield, whatever the others are."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Effects(NamedTuple):
    """How far the yield of each level of one axis lies above the mean over the levels."""

    effect: Float[np.ndarray, " level"]
    """Yield above the mean; NaN where it cannot be told from another axis, because both always
    changed together."""
    standard_error: Float[np.ndarray, " level"]
    """Standard error of the effect; NaN where nothing is left to tell it from."""
    degrees_of_freedom: int
    """Degrees of freedom of the standard error."""
    paired: bool
    """True: mean over pairs that differ in nothing else. False: least squares of main effects."""


def marginal_effects(
    levels: Int[np.ndarray, "configuration axis"],
    axis: int,
    yields: Float[np.ndarray, " configuration"],
) -> Effects:
    """Paired over the other axes where every combination of those was tried with every level, else
    least squares.

    `levels` are numbered from 0 along each axis. The error is that of a mean over such
    combinations, taken to be a sample of all that could have been tried; it holds how much the
    effect depends on them.

    Two denoisers (axis 0) with each of two normalizations; the second denoiser finds 4 more loci
    with one of them, 2 with the other:

    >>> levels = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> effects = marginal_effects(levels, axis=0, yields=np.array([10.0, 20.0, 14.0, 22.0]))
    >>> effects.effect.tolist(), effects.standard_error.tolist(), effects.paired
    ([-1.5, 1.5], [0.5, 0.5], True)
    """
    others = np.delete(levels, axis, axis=1)
    _, combination = np.unique(others, axis=0, return_inverse=True)
    combination = combination.reshape(-1)
    shape = (combination.max(initial=-1) + 1, levels[:, axis].max(initial=-1) + 1)

    cells = np.ravel_multi_index((combination, levels[:, axis]), shape)
    if len(cells) == np.prod(shape) and len(np.unique(cells)) == len(cells):
        grid = np.empty(shape)
        grid.flat[cells] = yields
        return _paired(grid)
    return _least_squares(levels, axis, yields)


def _paired(grid: Float[np.ndarray, "combination level"]) -> Effects:
    """Effects from a whole grid: each level above its combination's mean, mean over combinations."""
    above = grid - grid.mean(axis=1, keepdims=True)
    n = len(grid)
    error = above.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.full(grid.shape[1], np.nan)
    return Effects(above.mean(axis=0), error, degrees_of_freedom=n - 1, paired=True)


def _least_squares(
    levels: Int[np.ndarray, "configuration axis"],
    axis: int,
    yields: Float[np.ndarray, " configuration"],
) -> Effects:
    """Effects from main effects of all axes, whose levels sum to 0 along each.

    With X the design and C the contrasts of one axis: C pinv(X) y, its variance
    s2 diag(C pinv(X) pinv(X)' C'), where s2 is the residual variance. A row of C that is not in the
    row space of X cannot be estimated.
    """
    design = np.column_stack([np.ones(len(levels)), *(_coded(column) for column in levels.T)])
    inverse = np.linalg.pinv(design)
    coefficients = inverse @ yields
    free = int(len(yields) - np.linalg.matrix_rank(design))
    spread = np.square(yields - design @ coefficients).sum() / free if free > 0 else np.nan

    first = 1 + sum(int(column.max()) for column in levels.T[:axis])
    n_levels = int(levels[:, axis].max()) + 1
    contrast = np.zeros((n_levels, design.shape[1]))
    contrast[:, first : first + n_levels - 1] = _coded(np.arange(n_levels))
    estimable = np.abs(contrast - contrast @ inverse @ design).max(axis=1) < 1e-8
    error = np.sqrt(spread * np.square(contrast @ inverse).sum(axis=1))

    return Effects(
        np.where(estimable, contrast @ coefficients, np.nan),
        np.where(estimable, error, np.nan),
        degrees_of_freedom=free,
        paired=False,
    )


def _coded(levels: Int[np.ndarray, " configuration"]) -> Float[np.ndarray, "configuration column"]:
    """The sum-to-zero code: a column per level but the last, whose effect is minus the sum of the
    others'."""
    last = int(levels.max())
    coded = np.eye(last + 1)[:, :last]
    coded[last] = -1
    return coded[levels]
