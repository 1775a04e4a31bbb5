"""Whether a score ranks models as the truth does, and what picking by it costs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

RESAMPLED = 1000


class Agreement(NamedTuple):
    """Of one score with one truth."""

    correlation: float
    """Spearman's, within cohorts, averaged over them."""
    low: float
    high: float
    """95 % interval, from models drawn again with replacement within each cohort."""
    regret: float
    """Share of the best model's truth that the picked one lacks, averaged over cohorts."""
    worst: float
    """The largest of them."""


def agreement(scores: Sequence[np.ndarray], truths: Sequence[np.ndarray], seed: int = 0) -> Agreement:
    """One array of models per cohort in each; a score that is NaN is the worst of all."""
    scores = [np.where(np.isnan(score), -np.inf, score) for score in scores]
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(RESAMPLED):
        rows = [rng.integers(0, len(truth), len(truth)) for truth in truths]
        pairs = [(s[chosen], t[chosen]) for s, t, chosen in zip(scores, truths, rows, strict=True)]
        drawn.append(_mean_correlation(*zip(*pairs, strict=True)))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    lost = [regret(score, truth) for score, truth in zip(scores, truths, strict=True)]
    return Agreement(_mean_correlation(scores, truths), float(low), float(high), float(np.mean(lost)), max(lost))


def regret(score: Float[np.ndarray, " model"], truth: Float[np.ndarray, " model"]) -> float:
    """1 - truth of the picked model / truth of the best one; of models that share the best score, their mean."""
    return float(1 - truth[score == score.max()].mean() / truth.max())


def spearman(score: Float[np.ndarray, " model"], truth: Float[np.ndarray, " model"]) -> float:
    """Ties share their mean rank. 0 for a score that is the same for all models; NaN where their truth is."""
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
    """Of every score; `cohorts`: one mapping of numbers per model."""
    truths = [np.array([model[truth] for model in cohort], float) for cohort in cohorts]
    scores = {name: [np.array([model[name] for model in cohort], float) for cohort in cohorts] for name in names}
    return {name: agreement(values, truths) for name, values in scores.items()}
