"""Whether the best configuration is better than each other one, in words."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ecgae.comparison.configurations import Configuration
from ecgae.comparison.differences import (
    Differences,
    common_seed_variance,
    holm,
    may_be_best,
    paired_differences,
)
from ecgae.comparison.metrics import METRICS
from ecgae.comparison.pairing import why_not_paired

LEVEL = 0.05
"""p-value below which a difference is called real, after correction."""

Pair = tuple[Configuration, Configuration]


class Verdict(NamedTuple):
    """The best configuration against another one."""

    best: str
    other: str
    other_is_yardstick: bool
    difference: float
    """The best one's yield less the other's."""
    standard_error: float
    margin: float
    """Half the width of the 95 % interval of this pair alone."""
    p: float
    """The p-value for this pair alone; NaN where they are not paired."""
    corrected_p: float
    """The p-value corrected for all pairs (see `judge`); NaN where they are not paired."""
    reason: str
    """Why there is no p; "" where there is one."""
    metric: str

    @property
    def real(self) -> bool:
        """Whether the difference is more than chance explains."""
        return self.corrected_p < LEVEL

    @property
    def sentence(self) -> str:
        """The verdict in words: `a finds 4.0 \u00b1 1.2 more loci than b: real (p = 0.01).`"""
        metric = METRICS[self.metric]
        other = f"the yardstick {self.other}" if self.other_is_yardstick else self.other
        if self.difference == 0:
            outcome = f"not tested, {self.reason}" if self.reason else self._outcome
            return f"{self.best} and {other} have the same {metric.title}: {outcome}."

        decimals = max(metric.decimals, 1)
        verb = "finds" if metric.counts else "has"
        more, less = (self.best, other) if self.difference >= 0 else (other, self.best)
        size = f"{abs(self.difference):.{decimals}f}"
        if self.reason:
            return f"{more} {verb} {size} {metric.more} than {less}: not tested, {self.reason}."

        error = f"{self.standard_error:.{decimals}f}"
        said = f"{more} {verb} {size} \u00b1 {error} {metric.more} than {less}: {self._outcome}."
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
    """The best model against all others, and which models may be the best one.

    `corrected_p` (Holm) is corrected for all pairs of models and all of a model and a yardstick.

    Each of them could have been the pair looked at, for the same numbers chose the best. Correcting
    for the pairs with the best alone would call a difference real in one of six sweeps of 14 equal
    configurations.
    """
    believed = [row for row in rows if row.valid and np.isfinite(row.value(metric))]
    models = [row for row in believed if not row.yardstick]
    if not models:
        return Judgement([], [], 0)

    pairs = [
        (one, two)
        for one, two in combinations(believed, 2)
        if not (one.yardstick and two.yardstick)
    ]
    reasons = [why_not_paired(one, two, metric) for one, two in pairs]
    tested = [pair for pair, reason in zip(pairs, reasons, strict=True) if not reason]
    tests = _test(tested, metric)

    # As many rows as pairs: those that are not paired have NaN.
    outcomes = np.full((len(pairs), 4), np.nan)
    paired = np.array([not reason for reason in reasons], dtype=bool)
    outcomes[paired] = np.column_stack([tests.standard_error, tests.margin, tests.p, holm(tests.p)])

    best = max(models, key=lambda row: row.value(metric))
    verdicts = []
    for (one, two), reason, outcome in zip(pairs, reasons, outcomes.tolist(), strict=True):
        if best in (one, two):
            other = two if one is best else one
            error, margin, p, corrected_p = outcome
            verdicts.append(
                Verdict(
                    best=best.name,
                    other=other.name,
                    other_is_yardstick=other.yardstick,
                    difference=best.value(metric) - other.value(metric),
                    standard_error=error,
                    margin=margin,
                    p=p,
                    corrected_p=corrected_p,
                    reason=reason,
                    metric=metric,
                )
            )
    return Judgement(verdicts, _candidates(models, tested, tests), len(tested))


def _candidates(
    models: list[Configuration], pairs: Sequence[Pair], tests: Differences
) -> list[str]:
    """Names of the models among which the best one is; `tests` are those of `pairs`."""
    place = {id(row): number for number, row in enumerate(models)}
    better = np.full((len(models), len(models)), np.nan)  # [worse, better]
    for (one, two), ahead, two_sided in zip(pairs, tests.difference, tests.p, strict=True):
        if not (one.yardstick or two.yardstick):
            worse, well = (two, one) if ahead > 0 else (one, two)
            better[place[id(worse)], place[id(well)]] = two_sided / 2

    return [
        row.name for row, may_be in zip(models, may_be_best(better, LEVEL), strict=True) if may_be
    ]


def _test(pairs: Sequence[Pair], metric: str) -> Differences:
    """The differences of all pairs; those of the same variants are tested together, for their
    chromosomes are the same ones."""
    outcomes = np.full((len(Differences._fields), len(pairs)), np.nan)
    by_variants: dict[str, list[int]] = {}
    for number, (one, _) in enumerate(pairs):
        by_variants.setdefault(one.believed[0].score["variants_fingerprint"], []).append(number)

    for numbers in by_variants.values():
        some = [pairs[number] for number in numbers]
        rows = list({id(row): row for pair in some for row in pair}.values())
        place = {id(row): number for number, row in enumerate(rows)}
        outcomes[:, numbers] = paired_differences(
            parts=np.column_stack([row.parts(metric) for row in rows]),
            sizes=rows[0].sizes,
            common_seed_variance=np.array(
                [common_seed_variance(row.parts_by_seed(metric)) for row in rows]
            ),
            seeds=np.array([len(row.believed) for row in rows]),
            pairs=np.array([[place[id(one)], place[id(two)]] for one, two in some]),
            counts=METRICS[metric].counts,
        )
    return Differences(*outcomes)
