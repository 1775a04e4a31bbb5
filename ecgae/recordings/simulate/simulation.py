"""The numbers that define a simulated cohort, checked before anything is simulated."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass

from ecgae.errors import InputError

FORMAT_VERSION = 1
"""Raised whenever the same numbers give other files, so that an old directory is not taken for a
new one."""

AUTOSOMES = 22
MINIMUM_SPACING = 1_000_000
"""The fewest base pairs between two planted variants of one chromosome: more than the reach of LD,
so that they are two loci."""

_DENSITY = 1 / 500
"""Common variants per base pair that the coalescent yields with a margin; about 1/330 is the
mean."""

_PARAMETERS = 14
"""How many parameters an ECG is made of (`parameters.PARAMETERS`)."""


@dataclass(frozen=True)
class Simulation:
    """What is simulated; two equal ones give the same bytes in every file.

    `variants` counts all autosomes together, drawn uniformly among those with a minor allele
    frequency of 0.01 or more. The planted variants lie on the first `planted_chromosomes`
    autosomes; the others carry none. `variance_explained` is the mean share of a parameter's
    variance (at given sex and age) that one planted variant explains; `ancestry_effect` is the
    shift, in standard deviations of a parameter, between a person of wholly the second and of
    wholly the first ancestry. `missing_rate` is the share of genotype calls that are missing,
    `repeat_visits` that of people with two recordings, `second_visit_only` that of people with only
    the later one. `damaged` counts files.
    """

    individuals: int = 2000
    variants: int = 20_000
    chromosome_length: int = 3_000_000
    planted_loci: int = 24
    planted_chromosomes: int = 16
    variance_explained: float = 0.06
    ancestry_effect: float = 0.3
    missing_rate: float = 0.001
    repeat_visits: float = 0.10
    second_visit_only: float = 0.05
    damaged: int = 8
    full_disclosure: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        self._check_sizes()
        self._check_planted()
        _check_range("missing_rate", self.missing_rate, 0, 0.5)
        _check_range("repeat_visits", self.repeat_visits, 0, 1)
        _check_range("second_visit_only", self.second_visit_only, 0, 1)
        _check_range(
            "repeat_visits + second_visit_only", self.repeat_visits + self.second_visit_only, 0, 1
        )
        _check_range("ancestry_effect", self.ancestry_effect, -3, 3)

    @property
    def key(self) -> str:
        """Ten hexadecimal digits that name these numbers and the version of the format."""
        numbers = json.dumps({"format_version": FORMAT_VERSION, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(numbers.encode()).hexdigest()[:10]

    def variants_of(self, chromosome: int) -> int:
        """How many variants chromosome 1-22 gets."""
        return self.variants // AUTOSOMES + (chromosome <= self.variants % AUTOSOMES)

    def loci_of(self, chromosome: int) -> list[int]:
        """The numbers of the planted loci that lie on chromosome 1-22: they are dealt out in
        turn."""
        if chromosome > self.planted_chromosomes:
            return []
        return list(range(chromosome - 1, self.planted_loci, self.planted_chromosomes))

    def _check_sizes(self) -> None:
        _check_whole("individuals", self.individuals, 50, 1_000_000)
        _check_whole("chromosome_length", self.chromosome_length, 100_000, 250_000_000)
        _check_whole("variants", self.variants, 10 * AUTOSOMES, 100_000_000)
        _check_whole("damaged", self.damaged, 0, self.individuals // 2)
        _check_whole("seed", self.seed, 0, 2**32 - 1)
        limit = int(AUTOSOMES * self.chromosome_length * _DENSITY)
        if self.variants > limit:
            raise InputError(
                f"variants must be at most {limit:,} on {AUTOSOMES} chromosomes of {self.chromosome_length:,} base "
                f"pairs; got {self.variants:,}. Raise chromosome_length or lower variants."
            )

    def _check_planted(self) -> None:
        _check_whole("planted_loci", self.planted_loci, 0, 10_000)
        least = 0 if self.planted_loci == 0 else 1
        _check_whole("planted_chromosomes", self.planted_chromosomes, least, AUTOSOMES)
        _check_range("variance_explained", self.variance_explained, 0, 0.5)
        if self.planted_loci == 0:
            return

        per_chromosome = math.ceil(self.planted_loci / self.planted_chromosomes)
        needed = int(1.25 * MINIMUM_SPACING) * per_chromosome
        if per_chromosome > 1 and self.chromosome_length < needed:
            raise InputError(
                f"chromosome_length must be at least {needed:,} base pairs to hold {per_chromosome} planted loci more "
                f"than 1 Mb apart; got {self.chromosome_length:,}. Raise it, or lower planted_loci."
            )

        explained = 1.5 * self.variance_explained * math.ceil(self.planted_loci / _PARAMETERS)
        if explained > 0.9:
            raise InputError(
                f"variance_explained must leave a tenth of a parameter's variance to the environment; got up to "
                f"{explained:.2f} from {self.planted_loci} loci on {_PARAMETERS} parameters. Lower it, or planted_loci."
            )


def _check_whole(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{name} must be a whole number from {low:,} to {high:,}; got {value!r}.")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # false for NaN too
        raise InputError(f"{name} must be between {low} and {high}; got {value}.")
