"""Reads PLINK binary genotypes: `.bed` (2 bits per call, variant by variant), `.bim` (variants), `.fam` (people).

The counted allele is column 5 of the `.bim`, PLINK's A1; here it is the effect allele. It may be the common one.
Format: https://www.cog-genomics.org/plink/1.9/formats#bed
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from bed_reader import open_bed
from jaxtyping import Float32, Int, Shaped

from ecgae.errors import InputError

AUTOSOMES = tuple(str(number) for number in range(1, 23))
MAGIC = b"\x6c\x1b"
VARIANT_COLUMNS = ("chromosome", "base_pair_location", "effect_allele", "other_allele", "variant_id", "rsid")


@dataclass(frozen=True, eq=False)
class Genotypes:
    """Autosomal variants of the same people, in one file or one per chromosome. Made by `Genotypes.open`."""

    files: tuple[Path, ...]
    """The `.bed` files, in order of chromosome."""
    sample_ids: Shaped[np.ndarray, " individual"]
    """Text: the individual ids (IID) of the `.fam`, in its order."""
    variants: pd.DataFrame
    """`chromosome` (text, "1"-"22"), `base_pair_location`, `effect_allele` (the counted one), `other_allele`,
    `variant_id` (chromosome_position_other_effect) and `rsid` (the file's own name, NA where it has none), in the order
    of the files."""
    _file: Int[np.ndarray, " variant"]
    _column: Int[np.ndarray, " variant"]
    _columns_in_file: tuple[int, ...]

    @classmethod
    def open(cls, pattern: str | Path) -> "Genotypes":
        """The genotypes at a prefix (`x` for x.bed, x.bim, x.fam or x1.bed ... x22.bed) or a name with `{chromosome}`.

        Variants off the 22 autosomes are left out, and their number is printed: males carry one X, so that a count of
        alleles means something else there.
        Raises `InputError` naming the file where one is missing, damaged, or at odds with the others.
        """
        files = _find(str(pattern))
        sample_ids = _read_fam(files[0])
        tables = []
        for number, file in enumerate(files):
            if number and not np.array_equal(_read_fam(file), sample_ids):
                raise InputError(
                    f"{file.with_suffix('.fam')} must list the same individuals in the same order as "
                    f"{files[0].with_suffix('.fam').name}; it does not. Extract the same people from all chromosomes."
                )
            table = _read_bim(file).assign(file=number, column=lambda table: np.arange(len(table)))
            _check_bed(file, len(sample_ids), len(table))
            tables.append(table)
        variants = pd.concat(tables, ignore_index=True)
        autosomal = variants["chromosome"].isin(AUTOSOMES)
        if not autosomal.all():
            print(f"{(~autosomal).sum():,} of {len(variants):,} variants lie off the autosomes 1-22 and are not used.")
        if not autosomal.any():
            raise InputError(f"{files[0].with_suffix('.bim')} must have variants on the autosomes 1-22; it has none.")
        variants = variants[autosomal].reset_index(drop=True)
        return cls(
            files=files,
            sample_ids=sample_ids,
            variants=variants[list(VARIANT_COLUMNS)],
            _file=variants["file"].to_numpy(dtype=np.int64),
            _column=variants["column"].to_numpy(dtype=np.int64),
            _columns_in_file=tuple(len(table) for table in tables),
        )

    def blocks(
        self, individuals: Int[np.ndarray, " row"], block_size: int
    ) -> Iterator[tuple[int, Float32[np.ndarray, "row variant"]]]:
        """All variants in order, `block_size` at a time: the first one's place in `variants`, and their dosages."""
        for start in range(0, len(self.variants), block_size):
            yield start, self.read(np.arange(start, min(start + block_size, len(self.variants))), individuals)

    def read(
        self, variants: Int[np.ndarray, " variant"], individuals: Int[np.ndarray, " row"]
    ) -> Float32[np.ndarray, "row variant"]:
        """Copies of the effect allele (0, 1, 2; NaN = no call) at the given rows of `variants` and `sample_ids`."""
        dosage = np.empty((len(individuals), len(variants)), dtype=np.float32, order="F")
        for number in np.unique(self._file[variants]):
            here = self._file[variants] == number
            bed = open_bed(
                self.files[number],
                iid_count=len(self.sample_ids),
                sid_count=self._columns_in_file[number],
                skip_format_check=True,  # done in `open`
            )
            dosage[:, here] = bed.read((individuals, self._column[variants[here]]), dtype="float32", order="F")
        return dosage


def _find(pattern: str) -> tuple[Path, ...]:
    stem = pattern.removesuffix(".bed")
    if "{chromosome}" not in stem:
        if Path(f"{stem}.bed").exists():
            return (Path(f"{stem}.bed"),)
        stem += "{chromosome}"
    beds = {name: Path(stem.replace("{chromosome}", name) + ".bed") for name in (*AUTOSOMES, "X", "Y", "XY", "MT")}
    files = tuple(beds[name] for name in AUTOSOMES if beds[name].exists())
    unused = [beds[name].name for name in beds if name not in AUTOSOMES and beds[name].exists()]
    if unused:
        print(f"{len(unused)} files of chromosomes other than 1-22 are not used: {', '.join(unused)}.")
    if not files:
        tried = f"{beds['1']}" if "{chromosome}" in pattern else f"{pattern.removesuffix('.bed')}.bed nor {beds['1']}"
        raise InputError(
            f"genotypes must be the prefix of .bed, .bim and .fam files, or a name with {{chromosome}}; got {pattern}, "
            f"but there is {'no' if '{chromosome}' in pattern else 'neither'} {tried}. Check the path."
        )
    return files


def _read_fam(bed: Path) -> np.ndarray:
    ids = _read_columns(bed.with_suffix(".fam"), 6)[1].to_numpy(dtype=str)
    unique, count = np.unique(ids, return_counts=True)
    if (count > 1).any():
        raise InputError(
            f"{bed.with_suffix('.fam')} must have each individual id (column 2) once; {(count > 1).sum():,} occur more "
            f"than once, e.g. {unique[count > 1][0]}. Make them unique, e.g. with plink2 --update-ids."
        )
    return ids


def _read_bim(bed: Path) -> pd.DataFrame:
    path = bed.with_suffix(".bim")
    cells = _read_columns(path, 6)
    position = pd.to_numeric(cells[3], errors="coerce")
    if position.isna().any() or (position % 1 != 0).any():
        bad = cells[3][position.isna() | (position % 1 != 0)].iloc[0]
        raise InputError(f"{path} must have whole base-pair positions in column 4; got {bad!r}. Is it a .bim file?")
    chromosome = cells[0].str.removeprefix("chr")
    position = position.astype(np.int64)
    return pd.DataFrame(
        {
            "chromosome": chromosome,
            "base_pair_location": position,
            "effect_allele": cells[4],
            "other_allele": cells[5],
            "variant_id": chromosome + "_" + position.astype(str) + "_" + cells[5] + "_" + cells[4],
            "rsid": cells[1].mask(cells[1] == "."),
        }
    )


def _read_columns(path: Path, count: int) -> pd.DataFrame:
    """A table without header, its cells as text."""
    if not path.is_file():
        raise InputError(f"{path} must lie beside its .bed file; it is missing. Copy it there.")
    try:
        cells = pd.read_csv(path, sep=r"\s+", header=None, dtype=str, na_filter=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path} must be a text table of {count} columns; {str(error).strip()}.") from None
    if cells.shape[1] != count:
        raise InputError(f"{path} must have {count} columns; it has {cells.shape[1]}. Is it the file you mean?")
    return cells


def _check_bed(bed: Path, individuals: int, variants: int) -> None:
    with bed.open("rb") as file:
        head = file.read(3)
    if head[:2] != MAGIC:
        raise InputError(
            f"{bed} must begin with the bytes 6c 1b of PLINK's .bed format; got {head[:2].hex(' ')}. Copy it again."
        )
    if head[2:] != b"\x01":
        raise InputError(
            f"{bed} must be variant-major (third byte 01); got {head[2:].hex() or 'nothing'}. "
            "Rewrite it with plink --bfile <prefix> --make-bed --out <new prefix>."
        )
    expected = 3 + variants * -(-individuals // 4)
    size = bed.stat().st_size
    if size != expected:
        raise InputError(
            f"{bed} must be {expected:,} bytes long for the {variants:,} variants of its .bim and the {individuals:,} "
            f"individuals of its .fam; got {size:,} bytes. It is truncated or not their .bed: copy all three again."
        )
