"""What another program reads: people, phenotypes, covariates and variants under names of our own.

People are `i<row of the genotypes>` and variants are their row in `Genotypes.variants`, so that no
id can be misread (leading zeros, families, `.` for every variant) and no id of a person is written
anywhere.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, UInt8

from ecgae.errors import InputError
from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.genotypes.bed import MAGIC
from ecgae.genetics.phenotype_groups import Prepared
from ecgae.statistics.association import covariate_basis

PEOPLE = {
    ".fam": ("", "{0} {0} 0 0 0 -9\n"),
    ".psam": ("#FID\tIID\tSEX\n", "{0}\t{0}\t0\n"),
    ".sample": ("ID_1 ID_2 missing\n0 0 0\n", "{0} {0} 0\n"),
}
"""Header and line of the files that list people. Nobody's sex matters: the variants are
autosomal."""

COMPANIONS = {".bed": (".bim", ".fam"), ".pgen": (".pvar", ".psam")}
"""The tables of variants and of people that lie beside the genotypes."""

UNUSED = -1
"""The name of a variant of the file that `Genotypes.variants` leaves out."""

HARD_CALL = 0.1
"""How far a dosage may lie from 0, 1 or 2 to be a call, as in PLINK 2."""


def file_of(genotypes: Genotypes, variants: Int[np.ndarray, " variant"]) -> int:
    """The number of the file that holds these variants of a chromosome."""
    files = np.unique(genotypes.source_of[variants])
    if len(files) > 1:
        names = " and ".join(genotypes.files[file].name for file in files)
        raise InputError(
            f"A chromosome must lie in one file; {names} share one. Merge them, or set engine=ols."
        )
    return int(files[0])


def values_of(prepared: Prepared, individuals: int) -> Float[np.ndarray, "individual phenotype"]:
    """The transformed phenotypes less what the covariates say of them, NaN = missing.

    A regression that has the covariates in it gives the same of them as of the phenotypes
    themselves. Their mean is 0, so that none has 1 and 2 as its only values, which programs would
    take for cases and controls.
    """
    values = np.full((individuals, len(prepared.names)), np.nan)
    for group in prepared.groups:
        values[np.ix_(group.people, group.columns)] = group.model.residuals
    return values


def independent(
    covariates: Float[np.ndarray, "individual covariate"],
) -> Float[np.ndarray, "individual basis"]:
    """Uncorrelated columns of variance 1 that span what the covariates span beside the intercept.

    The regression is the same, and no program has to refuse covariates that are collinear or of
    very different size.
    """
    return covariate_basis(covariates)[:, 1:] * len(covariates) ** 0.5


def write_values(
    file: Path,
    people: Int[np.ndarray, " individual"],
    letter: str,
    values: Float[np.ndarray, "individual column"],
) -> None:
    """A table of FID, IID and the columns `<letter>0`, `<letter>1`, ..., NA where a value is
    missing."""
    names = [f"{letter}{number}" for number in range(values.shape[1])]
    ids = person_names(people)
    table = pd.DataFrame({"FID": ids, "IID": ids}).join(pd.DataFrame(values, columns=names))
    table.to_csv(file, sep="\t", index=False, na_rep="NA")


def write_list(file: Path, names: Sequence[str] | Int[np.ndarray, " variant"]) -> None:
    """One name per line."""
    file.write_text("".join(f"{name}\n" for name in names))


def person_names(people: Int[np.ndarray, " individual"]) -> list[str]:
    """Names of people by their rows of the genotypes; PLINK 2 takes no 0 for a name.

    >>> person_names(np.array([0, 12]))
    ['i0', 'i12']
    """
    return [f"i{row}" for row in people]


def write_people(file: Path, people: Int[np.ndarray, " individual"]) -> None:
    """A `.fam`, `.psam` or `.sample` file."""
    header, line = PEOPLE[file.suffix]
    file.write_text(header + "".join(line.format(name) for name in person_names(people)))


def link(genotypes: Genotypes, file: int, prefix: Path, source: Path | None = None) -> None:
    """The genotype file, under another prefix, with our names of variants and people beside it.

    `source`: another file with the same variants and people, such as a converted one.
    """
    source = source or genotypes.files[file]
    prefix.with_suffix(source.suffix).symlink_to(source.resolve())
    variants, people = COMPANIONS[source.suffix]
    write_people(prefix.with_suffix(people), np.arange(len(genotypes.sample_ids)))
    write_variants(prefix.with_suffix(variants), _variants_of_file(genotypes, file))


def write_variants(file: Path, variants: pd.DataFrame) -> None:
    """A `.bim` or `.pvar` file; the name of a variant is its index in the table."""
    columns = {
        "#CHROM": variants["chromosome"],
        "POS": variants["base_pair_location"],
        "ID": variants.index,
        "REF": variants["other_allele"],
        "ALT": variants["effect_allele"],
    }
    table = pd.DataFrame(columns)
    if file.suffix == ".bim":
        table = table.assign(cm=0)[["#CHROM", "ID", "cm", "POS", "ALT", "REF"]]
    table.to_csv(file, sep="\t", index=False, header=file.suffix == ".pvar")


def _variants_of_file(genotypes: Genotypes, file: int) -> pd.DataFrame:
    """Every variant of the file in its order, also those that `Genotypes.variants` leaves out."""
    rows = np.flatnonzero(genotypes.source_of == file)
    every = genotypes.sources[file].variants
    names = np.full(len(every), UNUSED)
    names[genotypes.row_in_source[rows]] = rows
    return every.set_axis(names)


def write_bed(
    genotypes: Genotypes,
    variants: Int[np.ndarray, " variant"],
    individuals: Int[np.ndarray, " individual"],
    prefix: Path,
    block_size: int = 1024,
) -> None:
    """`.bed`, `.bim` and `.fam` with the calls of these variants and people, in the names above."""
    with prefix.with_suffix(".bed").open("wb") as bed:
        bed.write(MAGIC + b"\x01")
        for start in range(0, len(variants), block_size):
            dosage = genotypes.read(variants[start : start + block_size], individuals)
            bed.write(packed(dosage).tobytes())
    write_variants(prefix.with_suffix(".bim"), genotypes.variants.iloc[variants].set_axis(variants))
    write_people(prefix.with_suffix(".fam"), individuals)


def packed(dosage: Float[np.ndarray, "individual variant"]) -> UInt8[np.ndarray, "variant byte"]:
    """Two bits per call in the order of a `.bed`: 0 two copies of the effect allele, 2 one, 3 none,
    1 no call."""
    call = np.rint(dosage.T)
    known = np.abs(dosage.T - call) <= HARD_CALL
    code = np.where(known, np.where(call == 2, 0, 3 - call), 1).astype(np.uint8)
    quads = np.pad(code, ((0, 0), (0, -code.shape[1] % 4))).reshape(len(code), -1, 4)
    return quads[..., 0] | quads[..., 1] << 2 | quads[..., 2] << 4 | quads[..., 3] << 6
