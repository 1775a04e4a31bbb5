"""Whether a score may be believed. A score that may not keeps its numbers: it is marked, and never
taken for 0."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from ecgae.errors import InputError

FEWEST_VARIANTS = 5_000
"""Number of variants below which the median chi2 is too much a matter of chance to say anything: its
standard error is 0.04 for as many variants in the LD of a simulated cohort, and a single locus moves it."""

NORMAL_97_5 = 1.96
"""Number of standard errors from an estimate to the end of its 95 % interval."""


class Check(NamedTuple):
    """One reason for which a score may not be believed."""

    name: str
    value: float | None
    """The number that was checked; None: not known of this scan, which is no reason."""
    limit: float
    passed: bool | None
    """Whether the number is within the limit; None where it is not known."""
    reason: str
    """A sentence for the case that the check failed."""


@dataclass(frozen=True)
class Gate:
    """Limits; a number beyond one makes the score invalid. None: not checked.

    lowest_inflation, highest_inflation: median over phenotypes of genomic inflation. Many small
        effects inflate too, so the highest does not count where LD explains it: the LD-score
        intercept is within `highest_intercept`, and relatedness within `highest_relatedness`, for
        structure makes LD of its own.
    highest_intercept: the lower end of the intercept's 95 % interval; None: inflation counts
        whatever the intercept is.
    highest_null_error: the lower end of the 95 % interval of the share of shuffled scans that have
        a hit.
    lowest_bypass_index: the error with a stranger's latents over that with the true ones.
    lowest_active: share of the latents that carry anything.
    highest_kurtosis: excess kurtosis of any phenotype as it is tested: transformed, beside the
        covariates.
    highest_relatedness: share of people's genetic likeness that lies between chromosomes.

    >>> verdict = Gate()({"bypass_index": 1.2, "excess_kurtosis": 0.3})
    >>> verdict["valid"], verdict["gate"]["lowest_bypass_index"]
    (False, {'value': 1.2, 'limit': 2.0, 'passed': False})
    """

    lowest_inflation: float | None = 0.9
    highest_inflation: float | None = 1.1
    highest_intercept: float | None = 1.05
    highest_null_error: float | None = 0.05
    lowest_bypass_index: float | None = 2.0
    lowest_active: float | None = 0.25
    highest_kurtosis: float | None = 5.0
    highest_relatedness: float | None = 0.3

    def __post_init__(self) -> None:
        for field in fields(self):
            limit = getattr(self, field.name)
            if limit is not None and limit < 0:
                raise InputError(
                    f"gate.{field.name} must be at least 0, or null to leave it out; got {limit}."
                )
        low, high = self.lowest_inflation, self.highest_inflation
        if low is not None and high is not None and low >= high:
            raise InputError(
                f"gate.lowest_inflation must be below gate.highest_inflation ({high}); got {low}."
            )

    def __call__(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """What the gate adds to the numbers of score.json.

        valid; invalid_because: a sentence for each check that failed; gate: value, limit and passed
        of each check that was asked for, passed being None where the value is not known.
        """
        checks = list(self._checks(summary))
        reasons = [check.reason for check in checks if check.passed is False]
        return {
            "valid": not reasons,
            "invalid_because": reasons,
            "gate": {
                check.name: {"value": check.value, "limit": check.limit, "passed": check.passed}
                for check in checks
            },
        }

    def _checks(self, summary: Mapping[str, Any]) -> Iterator[Check]:
        """Every check that was asked for."""
        yield from self._inflation(summary)

        error = summary.get("null_family_wise_error_95")
        yield from _at_most(
            "highest_null_error",
            error[0] if error else None,
            self.highest_null_error,
            "shuffled scans with a hit must be at most {limit} of all; got at least {value} (95 %). Hits like these "
            "come without any association: set engine.transform=rint, or raise variants.min_minor_allele_count.",
        )

        yield from _at_least(
            "lowest_bypass_index",
            summary.get("bypass_index"),
            self.lowest_bypass_index,
            "bypass index must be at least {limit}; got {value}. The latents are hardly used: take another "
            "architecture, or train longer.",
        )
        yield from _at_least(
            "lowest_active",
            _active(summary),
            self.lowest_active,
            "share of active latents must be at least {limit}; got {value}. The others are collapsed: take fewer "
            "latents, or a smaller objective.kl_weight.",
        )

        yield from _at_most(
            "highest_kurtosis",
            summary.get("excess_kurtosis"),
            self.highest_kurtosis,
            "excess kurtosis of every phenotype must be at most {limit}; got {value}. Outliers give rare variants "
            "false hits: set engine.transform=rint.",
        )
        yield from _at_most(
            "highest_relatedness",
            summary.get("relatedness_between_chromosomes"),
            self.highest_relatedness,
            "relatedness between chromosomes must be at most {limit}; got {value}. People differ in ancestry or "
            "kinship: add principal components to the covariates, or leave out relatives.",
        )

    def _inflation(self, summary: Mapping[str, Any]) -> Iterator[Check]:
        """Both checks of the genomic inflation."""
        few = summary.get("n_variants", 0) < FEWEST_VARIANTS
        inflation = None if few else summary.get("genomic_inflation")

        yield from _at_least(
            "lowest_inflation",
            inflation,
            self.lowest_inflation,
            "genomic inflation must be at least {limit}; got {value}. The tests are too cautious: look for phenotypes "
            "with few values, and for covariates that hold the phenotypes.",
        )
        yield from _at_most(
            "highest_inflation",
            inflation,
            self.highest_inflation,
            "genomic inflation must be at most {limit}; got {value}, which LD does not explain. Add principal "
            "components to the covariates, or leave out relatives.",
            self._explained(summary),
        )

    def _explained(self, summary: Mapping[str, Any]) -> bool:
        """Whether inflation goes with LD, as that of many small effects does."""
        intercept, error = (
            summary.get(f"ld_score_intercept{part}") for part in ("", "_standard_error")
        )
        if self.highest_intercept is None or intercept is None or error is None:
            return False
        relatedness = summary.get("relatedness_between_chromosomes")
        if self.highest_relatedness is not None and (
            relatedness is None or relatedness > self.highest_relatedness
        ):
            return False
        return intercept - NORMAL_97_5 * error <= self.highest_intercept


def _at_most(
    name: str, value: float | None, limit: float | None, reason: str, excused: bool = False
) -> Iterator[Check]:
    """The check that `value` is at most `limit`; none without a limit."""
    if limit is not None:
        passed = None if value is None else excused or value <= limit
        yield Check(name, value, limit, passed, _filled(reason, value, limit))


def _at_least(name: str, value: float | None, limit: float | None, reason: str) -> Iterator[Check]:
    """The check that `value` is at least `limit`; none without a limit."""
    if limit is not None:
        passed = None if value is None else value >= limit
        yield Check(name, value, limit, passed, _filled(reason, value, limit))


def _filled(reason: str, value: float | None, limit: float) -> str:
    return "" if value is None else reason.format(value=f"{value:.3g}", limit=f"{limit:g}")


def _active(summary: Mapping[str, Any]) -> float | None:
    """Share of the model's latents that are active; None for phenotypes of no model."""
    active, latents = summary.get("active_latents"), summary.get("latents_per_sample")
    return None if active is None or not latents else active / latents
