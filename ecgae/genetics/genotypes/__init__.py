"""Reads genotypes in the formats of PLINK 1 (`.bed`), PLINK 2 (`.pgen`) and BGEN (`.bgen`).

Which allele is counted, the effect allele, depends on the format and is always named: column 5 of
the `.bim`, ALT of the `.pvar`, the second allele of the `.bgen`. It may be the common one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float32, Int, Shaped, UInt8

from ecgae.errors import InputError
from ecgae.genetics.genotypes.bed import Bed
from ecgae.genetics.genotypes.bgen import Bgen
from ecgae.genetics.genotypes.contract import AUTOSOMES, GenotypeFile
from ecgae.genetics.genotypes.files import find
from ecgae.genetics.genotypes.pgen import Pgen

FORMATS: dict[str, Callable[[Path], GenotypeFile]] = {
    ".bed": Bed.open,
    ".pgen": Pgen.open,
    ".bgen": Bgen.open,
}
VARIANT_COLUMNS = (
    "chromosome",
    "base_pair_location",
    "effect_allele",
    "other_allele",
    "variant_id",
    "rsid",
)


@dataclass(frozen=True, eq=False)
class Genotypes:
    """Autosomal variants of the same people, in one file or one per chromosome. Made by
    `Genotypes.open`.

    Several threads may read at once.
    """

    files: tuple[Path, ...]
    """The `.bed`, `.pgen` or `.bgen` files, in order of chromosome."""
    people_file: str
    """The name of the file that lists the people, for messages."""
    sample_ids: Shaped[np.ndarray, " individual"]
    """The individual ids (IID) as text, in the order of the files."""
    variants: pd.DataFrame
    """`chromosome` (text, "1"-"22"), `base_pair_location`, `effect_allele` (the counted one),
    `other_allele`, `variant_id` (chromosome_position_other_effect, unique) and `rsid` (the file's
    own name, NA where it has none), in the order of the files."""
    sources: tuple[GenotypeFile, ...]
    """The files, opened."""
    source_of: Int[np.ndarray, " variant"]
    """The number of the file that each variant is in, its place in `sources`."""
    row_in_source: Int[np.ndarray, " variant"]
    """The row of each variant in its file, where variants that are not used are counted too."""

    @classmethod
    def open(cls, pattern: str | Path) -> "Genotypes":
        """The genotypes at a prefix (`x` for x.bed, x.pgen, x.bgen or x1.bed ... x22.bed) or one
        with `{chromosome}`.

        Variants off the 22 autosomes (males carry one X, so that a count of alleles means something
        else there) and those with more than two alleles are left out, and their numbers are
        printed. Raises `InputError` naming the file where one is missing, damaged, or at odds with
        the others.
        """
        files = find(str(pattern), tuple(FORMATS))
        sources = tuple(FORMATS[file.suffix](file) for file in files)
        _refuse_other_people(sources)

        tables = [
            file.variants.assign(source=number, row=np.arange(len(file.variants)))
            for number, file in enumerate(sources)
        ]
        variants = _usable(pd.concat(tables, ignore_index=True), files[0])
        variants["variant_id"] = _variant_ids(variants)
        _refuse_repeats(variants, files)

        return cls(
            files=files,
            people_file=sources[0].people_file.name,
            sample_ids=sources[0].sample_ids,
            variants=variants[list(VARIANT_COLUMNS)],
            sources=sources,
            source_of=variants["source"].to_numpy(dtype=np.int64),
            row_in_source=variants["row"].to_numpy(dtype=np.int64),
        )

    @property
    def hard_calls(self) -> bool:
        """Whether every genotype is a call of 0, 1 or 2 copies, or none."""
        return all(source.hard_calls for source in self.sources)

    @property
    def has_packed(self) -> bool:
        """Whether `packed` may be called."""
        return self.hard_calls

    def read(
        self, variants: Int[np.ndarray, " variant"], individuals: Int[np.ndarray, " row"]
    ) -> Float32[np.ndarray, "row variant"]:
        """Expected copies of the effect allele (0 to 2; NaN = no call) at these rows of `variants`
        and `sample_ids`.

        In Fortran order: the values of a variant are contiguous.
        """
        parts = [
            (here, source.read(rows, individuals).T)
            for here, source, rows in self._by_source(variants)
        ]
        return _joined(parts, len(variants), len(individuals), np.float32).T

    def packed(self, variants: Int[np.ndarray, " variant"]) -> UInt8[np.ndarray, "variant byte"]:
        """The hard calls of everybody in the files, two bits each, in PLINK 1's coding (see
        `bed.py`).

        From a `.bed`, variants that follow each other are one plain read.
        """
        parts = [(here, source.packed(rows)) for here, source, rows in self._by_source(variants)]
        return _joined(parts, len(variants), -(-len(self.sample_ids) // 4), np.uint8)

    def _by_source(
        self, variants: Int[np.ndarray, " variant"]
    ) -> Iterator[tuple[Int[np.ndarray, " _"], GenotypeFile, Int[np.ndarray, " _"]]]:
        """For each file asked: which of the variants are its own, the file, and their rows in
        it."""
        numbers = self.source_of[variants]
        for number in np.unique(numbers):
            here = np.flatnonzero(numbers == number)
            yield here, self.sources[number], self.row_in_source[variants[here]]


def _joined(
    parts: list[tuple[Int[np.ndarray, " _"], np.ndarray]], variants: int, width: int, dtype: type
) -> Shaped[np.ndarray, "variant width"]:
    """The parts in one array, each at its own rows."""
    if len(parts) == 1:  # the common case: nothing is copied
        return parts[0][1]
    whole: np.ndarray = np.empty((variants, width), dtype=dtype)
    for here, part in parts:
        whole[here] = part
    return whole


def _refuse_other_people(sources: tuple[GenotypeFile, ...]) -> None:
    for source in sources[1:]:
        if not np.array_equal(source.sample_ids, sources[0].sample_ids):
            raise InputError(
                f"{source.people_file} must list the same individuals in the same order as "
                f"{sources[0].people_file.name}; it does not. Extract the same people from all chromosomes."
            )


def _usable(variants: pd.DataFrame, file: Path) -> pd.DataFrame:
    """The autosomal variants with two alleles; says how many others there are."""
    autosomal = variants["chromosome"].isin(AUTOSOMES).to_numpy()
    two = ~variants["effect_allele"].str.contains(",", regex=False).to_numpy(dtype=bool)

    if not autosomal.all():
        on_x = variants["chromosome"].isin(["X", "23"]).any()
        why = " (on X, males carry one copy)" if on_x else ""
        print(
            f"{(~autosomal).sum():,} of {len(variants):,} variants lie off the autosomes 1-22 and are not used{why}."
        )
    if (autosomal & ~two).any():
        print(
            f"{(autosomal & ~two).sum():,} of {len(variants):,} variants have more than two alleles and are not used; "
            "bcftools norm -m- gives each alternative allele a row of its own."
        )

    if not autosomal.any():
        raise InputError(
            f"{file} must have variants on the autosomes 1-22; it has none. Is it the file you mean?"
        )
    if not (autosomal & two).any():
        raise InputError(
            f"{file} must have variants with two alleles; it has none. Is it the file you mean?"
        )

    return variants[autosomal & two].reset_index(drop=True)


def _variant_ids(variants: pd.DataFrame) -> list[str]:
    columns = ("chromosome", "base_pair_location", "other_allele", "effect_allele")
    rows = zip(*(variants[column].tolist() for column in columns), strict=True)
    return [
        f"{chromosome}_{position}_{other}_{effect}" for chromosome, position, other, effect in rows
    ]


def _refuse_repeats(variants: pd.DataFrame, files: tuple[Path, ...]) -> None:
    """Raises `InputError` where a position and its two alleles are there twice, whichever is
    counted; a name (rsid) may occur twice."""
    crowded = variants[variants.duplicated(["chromosome", "base_pair_location"], keep=False)]
    one, two = crowded["effect_allele"], crowded["other_allele"]
    alleles = one.where(one < two, two) + "_" + two.where(one < two, one)
    again = pd.concat(
        [crowded[["chromosome", "base_pair_location"]], alleles.rename("alleles")], axis=1
    ).duplicated()
    if again.any():
        first = crowded[again].iloc[0]
        raise InputError(
            f"{files[first['source']]} must have each variant once; {again.sum():,} repeat the position and both "
            f"alleles of another, e.g. {first['variant_id']}. Keep one of each, e.g. with plink2 "
            "--set-all-var-ids '@:#:$1:$2' --rm-dup force-first."
        )
