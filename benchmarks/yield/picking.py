"""Whether a score ranks models as the truth does, and what picking by it costs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import rankdata

RESAMPLED = 1000


class Agreement(NamedTuple):
    """How well one score ranks models as one truth does."""

    correlation: float
    """Spearman's, within cohorts, averaged over them."""
    low: float
    high: float
    """95 % interval, from models drawn again with replacement within each cohort."""
    regret: float
    """Share of the best model's truth that the picked one lacks, averaged over cohorts; a model
    whose score is not valid is not picked."""
    worst: float
    """The largest regret of any cohort."""


def agreement(
    scores: Sequence[np.ndarray],
    truths: Sequence[np.ndarray],
    valid: Sequence[np.ndarray],
    seed: int = 0,
) -> Agreement:
    """One array of models per cohort in each; a score that is NaN is the worst of all."""
    scores = [np.where(np.isnan(score), -np.inf, score) for score in scores]
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(RESAMPLED):
        rows = [rng.integers(0, len(truth), len(truth)) for truth in truths]
        pairs = [(s[chosen], t[chosen]) for s, t, chosen in zip(scores, truths, rows, strict=True)]
        drawn.append(_mean_correlation(*zip(*pairs, strict=True)))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    lost = [regret(*cohort) for cohort in zip(scores, truths, valid, strict=True)]
    return Agreement(
        _mean_correlation(scores, truths), float(low), float(high), float(np.mean(lost)), max(lost)
    )


def regret(
    score: Float[np.ndarray, " model"],
    truth: Float[np.ndarray, " model"],
    valid: Bool[np.ndarray, " model"],
) -> float:
    """1 - truth of the picked valid model / truth of the best of all; of models that share the best
    score, their mean.

    1 where no model is valid: there is nothing to pick.
    """
    if not valid.any():
        return 1.0
    return float(1 - truth[valid & (score == score[valid].max())].mean() / truth.max())


def spearman(score: Float[np.ndarray, " model"], truth: Float[np.ndarray, " model"]) -> float:
    """Ties share their mean rank. 0 for a score that is the same for all models; NaN where their
    truth is."""
    a, b = rankdata(score), rankdata(truth)
    if np.ptp(b) == 0:
        return float("nan")
    return 0.0 if np.ptp(a) == 0 else float(np.corrcoef(a, b)[0, 1])


def _mean_correlation(scores: Sequence[np.ndarray], truths: Sequence[np.ndarray]) -> float:
    found = np.array([spearman(*pair) for pair in zip(scores, truths, strict=True)])
    return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")


def agreements(
    cohorts: Sequence[Sequence[Mapping[str, float]]], names: Sequence[str], truth: str
) -> dict[str, Agreement]:
    """The agreement of every score with `truth`; `cohorts`: one mapping of numbers per model."""
    truths = [np.array([model[truth] for model in cohort], float) for cohort in cohorts]
    scores = {
        name: [np.array([model[name] for model in cohort], float) for cohort in cohorts]
        for name in names
    }
    valid = [np.array([model["valid"] for model in cohort], bool) for cohort in cohorts]
    return {name: agreement(values, truths, valid) for name, values in scores.items()}
