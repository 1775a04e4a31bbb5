"""Whether the best configuration is better than the others, in words."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ecgae.comparison.configurations import Configuration
from ecgae.comparison.differences import common_seed_variance, holm, may_be_best, paired_differences
from ecgae.comparison.metrics import METRICS
from ecgae.comparison.pairing import why_not_paired

LEVEL = 0.05

Pair = tuple[Configuration, Configuration]


class Verdict(NamedTuple):
    """The best configuration against another one."""

    best: str
    other: str
    other_is_yardstick: bool
    difference: float
    """Best less other."""
    standard_error: float
    margin: float
    """Half the width of the 95 % interval of this pair alone."""
    p: float
    """For this pair alone; NaN where they are not paired."""
    corrected_p: float
    reason: str
    """Why there is no p; "" where there is one."""
    metric: str

    @property
    def real(self) -> bool:
        return self.corrected_p < LEVEL

    @property
    def sentence(self) -> str:
        found = METRICS[self.metric]
        other = f"the yardstick {self.other}" if self.other_is_yardstick else self.other
        if self.difference == 0:
            outcome = f"not tested, {self.reason}" if self.reason else self._outcome
            return f"{self.best} and {other} have the same {found.title}: {outcome}."
        decimals = max(found.decimals, 1)
        verb = "finds" if found.counts else "has"
        more, less = (self.best, other) if self.difference >= 0 else (other, self.best)
        if self.reason:
            size = f"{abs(self.difference):.{decimals}f} {found.more}"
            return f"{more} {verb} {size} than {less}: not tested, {self.reason}."
        size = f"{abs(self.difference):.{decimals}f} \u00b1 {self.standard_error:.{decimals}f} {found.more}"
        said = f"{more} {verb} {size} than {less}: {self._outcome}."
        return said.replace("the yardstick", "The yardstick", 1) if more == other else said

    @property
    def _outcome(self) -> str:
        if self.real:
            return f"real (p = {self.corrected_p:.2g})"
        if self.p < LEVEL:
            return f"not certain (p = {self.p:.2g} for these two alone, {self.corrected_p:.2g} among all)"
        return f"not told apart (p = {self.p:.2g})"


class Judgement(NamedTuple):
    """What can be said about the rows of a comparison."""

    verdicts: list[Verdict]
    """The best valid model against every other valid row, in the order of the rows."""
    candidates: list[str]
    """Valid models among which the best one is, with 95 % confidence."""
    comparisons: int
    """Pairs that `corrected_p` is corrected for."""


def judge(rows: Sequence[Configuration], metric: str) -> Judgement:
    """`corrected_p` (Holm) is corrected for all pairs of models and all of a model and a yardstick.

    Each of them could have been the pair looked at, for the same numbers chose the best. Correcting
    for the pairs with the best alone would call a difference real in one of six sweeps of 14 equal
    configurations.
    """
    believed = [row for row in rows if row.valid and np.isfinite(row.value(metric))]
    models = [row for row in believed if not row.yardstick]
    if not models:
        return Judgement([], [], 0)
    best = max(models, key=lambda row: row.value(metric))
    pairs = [
        (one, two)
        for one, two in combinations(believed, 2)
        if not (one.yardstick and two.yardstick)
    ]
    reasons = [why_not_paired(one, two, metric) for one, two in pairs]
    tested = [pair for pair, reason in zip(pairs, reasons, strict=True) if not reason]
    gap, error, margin, p = _test(tested, metric)
    outcomes = iter(np.column_stack([error, margin, p, holm(p)]).tolist())
    told = []
    for (one, two), reason in zip(pairs, reasons, strict=True):
        spread, width, alone, corrected = [np.nan] * 4 if reason else next(outcomes)
        if best in (one, two):
            other = two if one is best else one
            ahead = best.value(metric) - other.value(metric)
            told.append(
                Verdict(
                    best.name,
                    other.name,
                    other.yardstick,
                    ahead,
                    spread,
                    width,
                    alone,
                    corrected,
                    reason,
                    metric,
                )
            )
    return Judgement(told, _candidates(models, tested, gap, p), len(tested))


def _candidates(
    models: list[Configuration], pairs: Sequence[Pair], gap: np.ndarray, p: np.ndarray
) -> list[str]:
    place = {id(row): number for number, row in enumerate(models)}
    better = np.full((len(models), len(models)), np.nan)  # [worse, better]
    for (one, two), ahead, two_sided in zip(pairs, gap, p, strict=True):
        if not (one.yardstick or two.yardstick):
            worse, well = (two, one) if ahead > 0 else (one, two)
            better[place[id(worse)], place[id(well)]] = two_sided / 2
    return [
        row.name for row, may_be in zip(models, may_be_best(better, LEVEL), strict=True) if may_be
    ]


def _test(pairs: Sequence[Pair], metric: str) -> np.ndarray:
    """Difference, standard error, margin and p [4 pair]."""
    found = np.full((4, len(pairs)), np.nan)
    by_variants: dict[str, list[int]] = {}  # chromosomes must be the same ones
    for number, (one, _) in enumerate(pairs):
        by_variants.setdefault(one.believed[0].score["variants_fingerprint"], []).append(number)
    for numbers in by_variants.values():
        rows = list({id(row): row for number in numbers for row in pairs[number]}.values())
        place = {id(row): number for number, row in enumerate(rows)}
        found[:, numbers] = paired_differences(
            np.column_stack([row.parts(metric) for row in rows]),
            rows[0].sizes,
            np.array([common_seed_variance(row.parts_by_seed(metric)) for row in rows]),
            np.array([len(row.believed) for row in rows]),
            np.array(
                [
                    [place[id(one)], place[id(two)]]
                    for one, two in (pairs[number] for number in numbers)
                ]
            ),
            METRICS[metric].counts,
        )
    return found
