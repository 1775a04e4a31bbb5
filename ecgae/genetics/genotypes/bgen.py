"""Oxford BGEN 1.2 and 1.3: `.bgen` (probabilities of genotypes), ids in a `.sample` beside it or in
the file.

The effect allele is the second one listed, as in REGENIE and PLINK 2 with `--bgen ref-first`; UK
Biobank lists the reference allele first, PLINK 2 writes it last unless told `ref-first`. An index
(`.bgen.bgi`) is used if it is there. Format:
https://www.chg.ox.ac.uk/~gav/bgen_format/spec/latest.html
"""

import sqlite3
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float32, Int, Shaped, UInt8

from ecgae.errors import InputError
from ecgae.genetics.genotypes.text import read_sample, unique_ids, variant_table

INDEX = "SELECT chromosome, position, rsid, number_of_alleles, allele1, allele2, file_start_position + size_in_bytes "
INDEX += "FROM Variant ORDER BY file_start_position"


@dataclass(frozen=True, eq=False)
class Bgen:
    """One `.bgen` with the ids of its people.

    The library reads through one stream while it holds Python's lock: threads take turns.
    """

    path: Path
    people_file: Path
    sample_ids: Shaped[np.ndarray, " individual"]
    variants: pd.DataFrame
    _reader: Any = field(repr=False)
    """The reader of the library."""
    _turn: AbstractContextManager = field(default_factory=Lock, repr=False)
    """Held by the thread that reads."""
    hard_calls: bool = False

    @classmethod
    def open(cls, path: Path) -> "Bgen":
        from bgen import BgenReader  # here: other formats do not need it

        _refuse_other_formats(path)

        index = Path(f"{path}.bgi")
        try:
            reader = BgenReader(path, delay_parsing=True)
            people_file, sample_ids = _people(path, reader)
            rows, end = (
                _indexed(index, reader)
                if index.is_file()
                else _listed(BgenReader(path, delay_parsing=True))
            )
        except InputError:
            raise
        except (ValueError, IndexError, OverflowError, MemoryError) as error:
            raise InputError(
                f"{path} must be a sound .bgen file; its reader says: {error}. Copy it again."
            ) from None
        _refuse_damage(path, index, reader.header.nvariants, len(rows), end)

        cells = pd.DataFrame(
            rows, columns=["chromosome", "position", "rsid", "alleles", "first", "second"]
        )
        variants = variant_table(
            path,
            cells["chromosome"].astype(str),
            cells["position"],
            effect_allele=cells["second"].where(cells["alleles"] == 2, cells["second"] + ",..."),
            other_allele=cells["first"],
            rsid=cells["rsid"].replace("", "."),
        )
        return cls(path, people_file, sample_ids, variants, reader)

    def read(
        self, rows: Int[np.ndarray, " variant"], individuals: Int[np.ndarray, " row"]
    ) -> Float32[np.ndarray, "row variant"]:
        """Expected copies of the effect allele from the probabilities; NaN for no call."""
        dosage = np.empty((len(rows), len(individuals)), dtype=np.float32)
        with self._turn:
            for place, row in enumerate(rows.tolist()):
                dosage[place] = self._dosage(row)[individuals]
        return dosage.T

    def packed(self, rows: Int[np.ndarray, " variant"]) -> UInt8[np.ndarray, "variant byte"]:
        """Never asked: probabilities are no hard calls."""
        raise AssertionError("a .bgen has no hard calls")

    def _dosage(self, row: int) -> Float32[np.ndarray, " individual"]:
        try:
            variant = self._reader[row]
            dosage, ploidy = variant.alt_dosage, variant.ploidy
        except (ValueError, OverflowError, MemoryError) as error:
            raise InputError(
                f"{self.path} must be a sound .bgen file; its reader says: {error}. Copy it again."
            ) from None
        if (ploidy != 2).any():
            raise InputError(
                f"{self.path} must hold two copies of every autosome; variant {row + 1:,} ({variant.rsid}) has other "
                "numbers. Write it again without haploid calls."
            )
        return dosage


def _refuse_other_formats(path: Path) -> None:
    """Raises `InputError` where the header is not that of BGEN 1.2 or 1.3."""
    with path.open("rb") as file:
        head = file.read(24)
        length = int.from_bytes(head[4:8], "little")
        file.seek(length)  # the header block begins at byte 4, and its last 4 bytes are the flags
        flags = int.from_bytes(file.read(4), "little")
    if len(head) < 24 or head[16:20] not in (b"bgen", b"\0\0\0\0"):
        raise InputError(
            f"{path} must have the word bgen in bytes 17-20; got {head[16:20].hex(' ') or 'nothing'}. "
            "Is it a .bgen file? Copy it again."
        )

    layout = flags >> 2 & 15
    if layout != 2:
        version = "version 1.1 (layout 1)" if layout == 1 else f"layout {layout}"
        raise InputError(
            f"{path} must be BGEN 1.2 or 1.3 (layout 2); got {version}. "
            "Rewrite it with qctool -ofiletype bgen_v1.2, or plink2 --export bgen-1.2."
        )


def _people(path: Path, reader: Any) -> tuple[Path, Shaped[np.ndarray, " individual"]]:
    """The file that lists the people, and their ids: the `.sample` where there is one, since
    programs write the ids in the `.bgen` in several ways."""
    sample = path.with_suffix(".sample")
    if sample.is_file():
        ids = read_sample(sample)
        if len(ids) != reader.header.nsamples:
            raise InputError(
                f"{sample} must list the {reader.header.nsamples:,} individuals of {path.name}; it lists {len(ids):,}. "
                "Is it the .sample file of this .bgen?"
            )
        return sample, ids

    if not reader.header.has_sample_ids:
        raise InputError(
            f"{path} must have ids in it or {sample.name} beside it; it has neither. "
            f"Copy or link its .sample file to {sample}."
        )
    return path, unique_ids(path, reader.samples)


def _indexed(index: Path, reader: Any) -> tuple[list[tuple], int]:
    """What an index says of the variants, and the byte where the last one ends."""
    try:
        with closing(
            sqlite3.connect(f"{index.resolve().as_uri()}?mode=ro", uri=True)
        ) as connection:
            rows = connection.execute(INDEX).fetchall()
        if any(None in row for row in rows):
            raise TypeError("it lacks values")
        len(reader)  # the library reads its part of the index now
    except (sqlite3.Error, TypeError) as error:
        raise InputError(
            f"{index} must be an index made by bgenix; {error}. Make it again, or delete it."
        ) from None
    return [row[:-1] for row in rows], rows[-1][-1] if rows else 0


def _listed(reader: Any) -> tuple[list[tuple], int]:
    """What a walk through the file says of the variants, and the byte where the last one ends; the
    reader is of no more use then."""
    rows, end = [], 0
    for variant in reader:
        alleles = variant.alleles
        first, second = [*alleles, ".", "."][:2]
        rows.append((variant.chrom, variant.pos, variant.rsid, len(alleles), first, second))
        end = variant.next_variant_offset
    return rows, end


def _refuse_damage(path: Path, index: Path, expected: int, listed: int, end: int) -> None:
    """Raises `InputError` where `listed` variants that end at byte `end` are not those of the
    header, `expected`, or do not fill the file."""
    size = path.stat().st_size
    if index.is_file() and (listed != expected or end != size):
        raise InputError(
            f"{index} must be the index of {path.name}; it lists {listed:,} variants in {end:,} bytes, but there are "
            f"{expected:,} in {size:,}. Make it again with bgenix -index -clobber, or copy the .bgen again."
        )
    if listed != expected or end > size:
        raise InputError(
            f"{path} must hold {expected:,} variants in {end:,} bytes; got {listed:,} in {size:,}. "
            "It is truncated: copy it again."
        )
