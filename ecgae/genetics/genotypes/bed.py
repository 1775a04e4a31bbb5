"""PLINK 1 genotypes: `.bed` (two bits per call, variant by variant), `.bim` (variants), `.fam`
(people).

The effect allele is column 5 of the `.bim`, PLINK's A1; it may be the common one. The call of
person i is in the bits 2 (i mod 4) and above of byte i // 4 of the variant: 00 two copies of the
effect allele, 10 one, 11 none, 01 no call. Format:
https://www.cog-genomics.org/plink/1.9/formats#bed
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float32, Int, Shaped, UInt8

from ecgae.errors import InputError
from ecgae.genetics.genotypes.text import read_bim, read_fam

MAGIC = b"\x6c\x1b"
HEAD = 3  # bytes before the calls
DOSAGE = np.array([2, np.nan, 1, 0], dtype=np.float32)
"""Copies of the effect allele that the two bits of a call mean."""
DOSAGES = DOSAGE[np.arange(256)[:, None] >> np.array([0, 2, 4, 6]) & 3]
"""The copies of the four people whose calls are in a byte, by the byte's value."""
AT_ONCE = 2**18
"""Bytes unpacked at a time, so that the calls of everybody fit in the cache of a processor."""


@dataclass(frozen=True, eq=False)
class Bed:
    """One `.bed` with its `.bim` and `.fam`. Every reading opens the file anew, so that threads
    share nothing."""

    path: Path
    people_file: Path
    sample_ids: Shaped[np.ndarray, " individual"]
    variants: pd.DataFrame
    hard_calls: bool = True

    @classmethod
    def open(cls, path: Path) -> "Bed":
        people_file = path.with_suffix(".fam")
        sample_ids = read_fam(people_file)
        variants = read_bim(path.with_suffix(".bim"))
        _refuse_damage(path, len(sample_ids), len(variants))
        return cls(path, people_file, sample_ids, variants)

    def read(
        self, rows: Int[np.ndarray, " variant"], individuals: Int[np.ndarray, " row"]
    ) -> Float32[np.ndarray, "row variant"]:
        """Copies of the effect allele: 0, 1, 2, or NaN for no call."""
        return dosage_of(self.packed(rows), individuals)

    def packed(self, rows: Int[np.ndarray, " variant"]) -> UInt8[np.ndarray, "variant byte"]:
        """The file's own bytes; rows that follow each other are one read."""
        width = -(-len(self.sample_ids) // 4)
        calls = np.empty((len(rows), width), dtype=np.uint8)
        starts = [0, *(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
        with self.path.open("rb") as file:
            for start, stop in pairwise(starts if len(rows) else []):
                file.seek(HEAD + int(rows[start]) * width)
                if file.readinto(calls[start:stop].data) < (stop - start) * width:
                    raise InputError(
                        f"{self.path} must stay as it is while it is read; it has become shorter. Copy it again."
                    )
        return calls


def dosage_of(
    packed: UInt8[np.ndarray, "variant byte"], individuals: Int[np.ndarray, " row"]
) -> Float32[np.ndarray, "row variant"]:
    """Copies of the effect allele that packed calls mean, in Fortran order.

    The first four people have the bits 00, 10, 11 and 01, from the lowest pair on:

    >>> packed = np.array([[0b01_11_10_00]], dtype=np.uint8)
    >>> dosage_of(packed, individuals=np.arange(4)).ravel()
    array([ 2.,  1.,  0., nan], dtype=float32)
    """
    n_variants, width = packed.shape
    dosage = np.empty((n_variants, len(individuals)), dtype=np.float32)
    step = max(1, AT_ONCE // width)
    for start in range(0, n_variants, step):
        everybody = np.take(DOSAGES, packed[start : start + step], axis=0).reshape(-1, 4 * width)
        # mode="raise" would copy
        np.take(everybody, individuals, axis=1, out=dosage[start : start + step], mode="wrap")
    return dosage.T


def _refuse_damage(path: Path, individuals: int, variants: int) -> None:
    """Raises `InputError` where the file is no `.bed` of these numbers of people and variants."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head[:2] != MAGIC:
        raise InputError(
            f"{path} must begin with the bytes 6c 1b of PLINK's .bed format; "
            f"got {head[:2].hex(' ') or 'nothing'}. Copy it again."
        )
    if head[2:] != b"\x01":
        raise InputError(
            f"{path} must be variant-major (third byte 01); got {head[2:].hex() or 'nothing'}. "
            "Rewrite it with plink --bfile <prefix> --make-bed --out <new prefix>."
        )

    expected = HEAD + variants * -(-individuals // 4)
    size = path.stat().st_size
    if size != expected:
        raise InputError(
            f"{path} must be {expected:,} bytes long for the {variants:,} variants of its .bim and the {individuals:,} "
            f"individuals of its .fam; got {size:,} bytes. It is truncated or not their .bed: copy all three again."
        )
