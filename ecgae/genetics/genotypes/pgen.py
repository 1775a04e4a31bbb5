"""PLINK 2 genotypes: `.pgen` (compressed hard calls, dosages), `.pvar` or `.pvar.zst` (variants),
`.psam` (people).

The effect allele is ALT. Read with Pgenlib, the library of PLINK 2.
Format: https://github.com/chrchang/plink-ng/tree/master/pgen_spec
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float32, Int, Int8, Shaped, UInt, UInt8

from ecgae.errors import InputError
from ecgae.genetics.genotypes.pgen_header import read_header
from ecgae.genetics.genotypes.text import read_psam, read_pvar

MISSING = -9  # Pgenlib's mark of no call


@dataclass(frozen=True, eq=False)
class Pgen:
    """One `.pgen` with its `.pvar` and `.psam`.

    A reader of Pgenlib serves one thread at a time: each reading borrows one that is idle, or opens
    another.
    """

    path: Path
    people_file: Path
    sample_ids: Shaped[np.ndarray, " individual"]
    variants: pd.DataFrame
    hard_calls: bool
    _first_allele: UInt[np.ndarray, " border"] | None
    """Where each variant's alleles begin in a list of all alleles of the file; None where every
    variant has two."""
    _idle: deque[Any] = field(default_factory=deque, repr=False)
    """Readers of Pgenlib that no thread uses."""

    @classmethod
    def open(cls, path: Path) -> "Pgen":
        people_file, pvar = path.with_suffix(".psam"), path.with_suffix(".pvar")
        sample_ids = read_psam(people_file)
        compressed = path.with_suffix(".pvar.zst")
        variants = read_pvar(compressed if compressed.is_file() and not pvar.is_file() else pvar)
        header = read_header(path, len(sample_ids), len(variants))

        alleles = variants["effect_allele"].str.count(",").to_numpy(dtype=np.int64) + 2
        several = (alleles > 2).any()
        file = cls(
            path=path,
            people_file=people_file,
            sample_ids=sample_ids,
            variants=variants,
            hard_calls=header.hard_calls,
            _first_allele=np.append(0, np.cumsum(alleles)).astype(np.uintp) if several else None,
        )

        with file._reader():  # so that a file which the library refuses is refused now
            return file

    def read(
        self, rows: Int[np.ndarray, " variant"], individuals: Int[np.ndarray, " row"]
    ) -> Float32[np.ndarray, "row variant"]:
        """Expected copies of the effect allele, in 1/16384; NaN for no call."""
        people, place = np.unique(individuals, return_inverse=True)
        dosage = np.empty((len(rows), len(people)), dtype=np.float32)
        if dosage.size:
            with self._reader() as reader:
                reader.change_sample_subset(people.astype(np.uint32))
                reader.read_dosages_list(rows.astype(np.uint32), dosage)
        dosage[dosage == MISSING] = np.nan
        return (dosage if np.array_equal(people, individuals) else np.take(dosage, place, axis=1)).T

    def packed(self, rows: Int[np.ndarray, " variant"]) -> UInt8[np.ndarray, "variant byte"]:
        """The calls in the coding of PLINK 1; only where all are hard calls."""
        assert self.hard_calls
        people = len(self.sample_ids)
        copies = np.empty((len(rows), -(-people // 4) * 4), dtype=np.int8)
        if copies.size:
            with self._reader() as reader:
                reader.change_sample_subset(None)
                reader.read_list(rows.astype(np.uint32), copies)
        copies[:, people:] = 2  # is coded 00, as PLINK fills up bytes
        return _packed(copies)

    @contextmanager
    def _reader(self) -> Iterator[Any]:
        try:
            try:
                reader = self._idle.pop()
            except IndexError:
                reader = self._opened()
            yield reader
        except RuntimeError as error:  # Pgenlib knows no other
            raise InputError(
                f"{self.path} must be a sound .pgen file; PLINK's library says: {' '.join(str(error).split())}. "
                "Copy it again."
            ) from None
        self._idle.append(reader)

    def _opened(self) -> Any:
        from pgenlib import PgenReader  # here: other formats do not need it

        return PgenReader(
            bytes(self.path),
            raw_sample_ct=len(self.sample_ids),
            variant_ct=len(self.variants),
            allele_idx_offsets=self._first_allele,
        )


def _packed(copies: Int8[np.ndarray, "variant individual"]) -> UInt8[np.ndarray, "variant byte"]:
    """0, 1, 2 copies and no call (-9, which ends in the bits 11) as the bits 11, 10, 00 and 01;
    four people at once."""
    four = copies.view("<u4") & 0x03030303
    four |= four >> 6
    four |= four >> 12
    ends = four.astype(np.uint8)
    return ~(ends ^ (ends >> 1 & 0x55))
