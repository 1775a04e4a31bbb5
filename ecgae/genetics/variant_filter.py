"""Which variants are tested: by place and name before the genotypes are read, by their counts
after."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool

from ecgae.errors import InputError
from ecgae.genetics.genotypes.contract import AUTOSOMES
from ecgae.genetics.region import Region
from ecgae.statistics import hardy_weinberg
from ecgae.statistics.variant_counts import Counts


@dataclass(frozen=True)
class VariantFilter:
    """Leaves out variants that cannot be tested well, or that nobody asked for.

    min_minor_allele_count: copies of the rarer allele among the people analysed; below 20, p-values
    of skewed phenotypes are too small.
    min_minor_allele_frequency: 0 to 0.5.
    min_call_rate: share of the people analysed who have a call.
    min_hwe_p: p of the exact test of Hardy-Weinberg proportions; 1e-15 finds bad clusters and lets
    structure pass.
    min_info: MaCH's r2 of imputed dosages; hard calls have none.
    regions: only variants in these: chromosomes ("6") or base pairs of them, ends included
    ("6:25000000-34000000").
    keep, remove: text files of variants, rsid or variant_id in the first column; only those, and
    not those.
    """

    min_minor_allele_count: float = 20
    min_minor_allele_frequency: float = 0
    min_call_rate: float = 0.95
    min_hwe_p: float = 1e-15
    min_info: float = 0.3
    regions: Sequence[str | int] = ()
    keep: str | None = None
    remove: str | None = None

    def __post_init__(self) -> None:
        if not self.min_minor_allele_count >= 0:
            raise InputError(
                f"variants.min_minor_allele_count must be 0 or more; got {self.min_minor_allele_count}."
            )

        for name, most in [
            ("min_minor_allele_frequency", 0.5),
            ("min_call_rate", 1),
            ("min_hwe_p", 1),
            ("min_info", 1),
        ]:
            if not 0 <= getattr(self, name) <= most:
                raise InputError(
                    f"variants.{name} must be from 0 to {most}; got {getattr(self, name)}."
                )

        if isinstance(self.regions, str):
            raise InputError(
                f"variants.regions must be a list; got {self.regions}. Write variants.regions=['{self.regions}']."
            )
        for region in self.regions:
            _region(region)

    def listed(self, variants: pd.DataFrame) -> Bool[np.ndarray, " variant"]:
        """Which variants `regions`, `keep` and `remove` leave, by the columns of
        `Genotypes.variants`.

        Prints how many names and regions match nothing. Raises `InputError` where nothing is left.
        """
        left = np.ones(len(variants), dtype=bool)
        if self.regions:
            left &= self._in_regions(variants)
        if self.keep is not None:
            left &= _named(variants, Path(self.keep), "variants.keep")
        if self.remove is not None:
            left &= ~_named(variants, Path(self.remove), "variants.remove")
        if not left.any():
            raise InputError(
                "variants.regions, variants.keep and variants.remove must leave a variant; "
                f"of {len(variants):,} they leave none. Compare how chromosomes and ids are written."
            )
        return left

    def failed(self, counts: Counts, hard_calls: bool) -> dict[str, Bool[np.ndarray, " variant"]]:
        """Why variants are not tested, each at the first reason: the reason, and which ones.

        Where `hard_calls`, the info of imputation is not looked at. Of three variants in three
        people, nobody carries the first, and one call of the last is missing:

        >>> from ecgae.statistics.calls import from_dosage
        >>> dosage = np.array([[0, 1, 2], [0, 0, np.nan], [0, 1, 1]], dtype=np.float32)
        >>> some = VariantFilter(min_minor_allele_count=1, min_call_rate=0.9, min_hwe_p=0)
        >>> for reason, which in some.failed(from_dosage(dosage).counts, hard_calls=True).items():
        ...     print(reason, which)
        no call [False False False]
        minor allele count below 1 [ True False False]
        call rate below 0.9 [False False  True]
        """
        passing = np.ones(len(counts.n), dtype=bool)
        failed = {}
        for reason, bad in self._reasons(counts, hard_calls):
            failed[reason] = passing & bad
            passing &= ~bad
        return failed

    def _reasons(
        self, counts: Counts, hard_calls: bool
    ) -> Iterator[tuple[str, Bool[np.ndarray, " variant"]]]:
        """Every reason in turn, and which variants it is true of, other reasons aside."""
        yield "no call", counts.n == 0

        if self.min_minor_allele_count:
            rare = counts.minor_allele_count < self.min_minor_allele_count
            yield f"minor allele count below {self.min_minor_allele_count:g}", rare
        if self.min_minor_allele_frequency:
            rare = counts.minor_allele_frequency < self.min_minor_allele_frequency
            yield f"minor allele frequency below {self.min_minor_allele_frequency:g}", rare

        if self.min_call_rate:
            yield f"call rate below {self.min_call_rate:g}", counts.call_rate < self.min_call_rate
        if self.min_hwe_p:
            calls = counts.heterozygous, counts.homozygous_effect, counts.homozygous_other
            yield (
                f"Hardy-Weinberg p below {self.min_hwe_p:g}",
                hardy_weinberg.is_below(self.min_hwe_p, *calls),
            )
        if self.min_info and not hard_calls:
            yield f"info below {self.min_info:g}", counts.info < self.min_info

    def _in_regions(self, variants: pd.DataFrame) -> Bool[np.ndarray, " variant"]:
        inside = np.zeros(len(variants), dtype=bool)
        empty = []
        for region in self.regions:
            here = _region(region).holds(variants)
            inside |= here
            empty += [] if here.any() else [str(region)]
        if empty:
            print(
                f"{len(empty)} of {len(self.regions)} regions of variants.regions hold no variant: {', '.join(empty)}."
            )
        return inside


def _region(text: str | int) -> Region:
    """A region of an autosome; raises `InputError` where the text names none."""
    try:
        region = Region.parse(str(text))
        if region.chromosome not in AUTOSOMES:
            raise ValueError(f"{region.chromosome} is no autosome")
    except ValueError:
        raise InputError(
            "variants.regions must be chromosomes from 1 to 22 or base pairs of them, as 6 or 6:25000000-34000000; "
            f"got {text}."
        ) from None
    return region


def _named(variants: pd.DataFrame, path: Path, setting: str) -> Bool[np.ndarray, " variant"]:
    """The variants that a file names; lines that begin with # are comments."""
    if not path.is_file():
        raise InputError(
            f"{setting} must be a text file of variants; there is no {path}. Check the path."
        )
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{setting} must be a text file of variants; {path} is not: {error}."
        ) from None

    names = {line.split()[0] for line in lines if line.strip() and not line.startswith("#")}
    if not names:
        raise InputError(
            f"{setting} must name a variant; {path} is empty. Set it to null to use no list."
        )

    rsid, variant_id = variants["rsid"].isin(names), variants["variant_id"].isin(names)
    known = set(variants.loc[rsid, "rsid"]) | set(variants.loc[variant_id, "variant_id"])
    if len(known) < len(names):
        print(
            f"{len(names) - len(known):,} of {len(names):,} variants in {path.name} ({setting}) have no genotypes."
        )
    return (rsid | variant_id).to_numpy()
