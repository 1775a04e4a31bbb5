"""Whether a latent space is used: dimensions that carry something, how many there really are, and
what they know."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from ecgae.errors import InputError

ACTIVE_VARIANCE = 0.01
"""Variance above which a latent of a variational model is active; the prior variance of its means
is 1 (Burda et al., ICLR 2016, arXiv:1509.00519)."""

ACTIVE_EFFECT = 0.01
"""Share of the largest effect on the ECG above which a latent of another model is active: its scale
means nothing by itself, what the decoder makes of it does."""

RIDGE = np.logspace(-4, 4, 25)
"""Penalties tried, in units of the number of people: 1 weighs a latent as much as its own
variance."""

SMALLEST_FIT, SMALLEST_TEST = 40, 20
"""Least numbers of people with a value, for a probe to be fitted and to be tested."""


class Health(NamedTuple):
    """The latents of a cohort, one number per latent unless it says otherwise."""

    variance: Float[np.ndarray, " latent"]
    effect: Float[np.ndarray, " latent"]
    """Root mean square change of the decoded ECG in mV for one standard deviation."""
    active: Bool[np.ndarray, " latent"]
    excess_kurtosis: Float[np.ndarray, " latent"]
    """Excess kurtosis: 0 for a normal distribution; NaN for a latent that is constant."""
    correlation: Float[np.ndarray, "latent latent"]
    """Correlations between latents; NaN where one of the two is constant."""
    spectrum: Float[np.ndarray, " component"]
    """Share of the latents' variance along each principal axis, the largest first."""
    effective_rank: float
    """Number of dimensions that are used, as `effective_rank` counts them."""


def health(
    latents: Float[np.ndarray, "signal latent"],
    effect: Float[np.ndarray, " latent"],
    variational: bool,
) -> Health:
    """The health of these latents. A latent is active by its variance (`ACTIVE_VARIANCE`) where the
    model is variational, else by its effect (`ACTIVE_EFFECT`)."""
    centred = latents.astype(np.float64) - latents.mean(axis=0, dtype=np.float64)
    variance = np.square(centred).mean(axis=0)
    scale = np.sqrt(np.where(variance > 0, variance, np.nan))
    singular = np.sqrt(np.maximum(np.linalg.eigvalsh(centred.T @ centred)[::-1], 0))
    by_variance = variance > ACTIVE_VARIANCE
    by_effect = effect > ACTIVE_EFFECT * effect.max(initial=0)

    return Health(
        variance=variance,
        effect=effect.astype(np.float64),
        active=by_variance if variational else by_effect,
        excess_kurtosis=np.power(centred / scale, 4).mean(axis=0) - 3,
        correlation=centred.T @ centred / len(centred) / scale / scale[:, None],
        spectrum=_shares(singular**2),
        effective_rank=effective_rank(singular),
    )


def effective_rank(singular: Float[np.ndarray, " component"]) -> float:
    """exp of the entropy of the singular values' shares: equal axes count one each; 0 where nothing
    varies (Roy & Vetterli, EUSIPCO 2007).

    >>> round(effective_rank(np.array([1.0, 1.0, 1.0, 0.0])), 6)
    3.0
    """
    share = _shares(singular)
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum())) if len(share) else 0.0


class Probe(NamedTuple):
    """What a linear function of the latents tells about something it was not trained on."""

    measure: str
    """What `value` is: R2 of a number, AUC of a yes or no; both on people that the probe was not
    fitted to."""
    value: float
    fitted: int
    """Number of people that the probe was fitted to."""
    tested: int
    """Number of people that it was tested on."""


def probe(
    latents: Float[np.ndarray, "individual phenotype"],
    target: Float[np.ndarray, " individual"],
    training: Bool[np.ndarray, " individual"],
    tested: Bool[np.ndarray, " individual"],
) -> Probe:
    """Ridge regression from the latents to `target` (NaN = unknown), fitted on `training`, judged
    on `tested` people.

    A target of two values is a yes or no. The penalty is the one of `RIDGE` with the least
    generalized cross-validation error among the training people. Raises `InputError` where there
    are too few people, or nothing varies.
    """
    known = np.isfinite(target) & np.isfinite(latents).all(axis=1)
    fit, test = np.flatnonzero(training & known), np.flatnonzero(tested & known)
    _require_enough(target, fit, test)
    guess = _ridge(latents[fit].astype(np.float64), target[fit], latents[test].astype(np.float64))
    truth = target[test]

    if len(np.unique(target[fit])) == 2:
        return Probe(
            "AUC", area_under_curve(guess, truth > target[fit].mean()), len(fit), len(test)
        )
    explained = 1 - np.square(truth - guess).sum() / np.square(truth - truth.mean()).sum()
    return Probe("R2", float(explained), len(fit), len(test))


def area_under_curve(
    score: Float[np.ndarray, " individual"], positive: Bool[np.ndarray, " individual"]
) -> float:
    """The chance that somebody `positive` scores higher than somebody who is not; a tie counts half.

    >>> area_under_curve(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, True, False, True]))
    0.875
    """
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2
    yes, no = positive.sum(), (~positive).sum()
    return float((rank[place][positive].sum() - yes * (yes + 1) / 2) / (yes * no))


def _require_enough(
    target: Shaped[np.ndarray, " individual"],
    fit: Int[np.ndarray, " fit"],
    test: Int[np.ndarray, " test"],
) -> None:
    if len(fit) < SMALLEST_FIT or len(test) < SMALLEST_TEST:
        raise InputError(
            f"a probe must have at least {SMALLEST_FIT} people to fit and {SMALLEST_TEST} to test; "
            f"got {len(fit):,} and {len(test):,}"
        )
    if np.ptp(target[fit]) == 0 or np.ptp(target[test]) == 0:
        raise InputError("what a probe tells must vary; got the same value for everybody")


def _ridge(
    latents: Float[np.ndarray, "fit latent"],
    target: Float[np.ndarray, " fit"],
    new: Float[np.ndarray, "test latent"],
) -> Float[np.ndarray, " test"]:
    centre, scale = latents.mean(axis=0), latents.std(axis=0)
    scale = np.where(scale > 0, scale, np.inf)  # a constant latent says nothing
    known, mean, people = (latents - centre) / scale, target.mean(), len(target)
    squares, axes = np.linalg.eigh(known.T @ known)
    along = axes.T @ (known.T @ (target - mean))
    weights = along / (np.maximum(squares, 0) + RIDGE[:, None] * people)
    left = np.square(target - mean).sum() - ((2 * along - squares * weights) * weights).sum(axis=1)
    used = (squares / (squares + RIDGE[:, None] * people)).sum(axis=1) + 1
    best = (left / np.square(1 - used / people)).argmin()
    return mean + (new - centre) / scale @ (axes @ weights[best])


def _shares(values: Float[np.ndarray, " component"]) -> Float[np.ndarray, " component"]:
    total = values.sum()
    return values / total if total > 0 else np.zeros_like(values)
