"""The header of a `.pgen`: whether all calls are hard, and whether the file is complete. Pgenlib
tells neither.

Format: https://github.com/chrchang/plink-ng/tree/master/pgen_spec, section 2.
"""

from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from ecgae.errors import InputError

MAGIC = b"\x6c\x1b"
HEAD = 12  # bytes: magic, storage mode, numbers of variants and people, how the records are listed
BLOCK = 65_536  # variants whose records are listed together
FIXED_HARD, FIXED_DOSAGE, FIXED_PHASED, VARIABLE = 2, 3, 4, 0x10
DOSAGE_BITS = 0x60  # of the type of a record


class Header(NamedTuple):
    """What the header of a `.pgen` says."""

    hard_calls: bool
    """Whether every genotype is a hard call."""
    size: int | None
    """Bytes that the file must have at least; None where the lengths of its records are not
    listed."""


def read_header(path: Path, individuals: int, variants: int) -> Header:
    """What the header says; raises `InputError` where it is at odds with the file or with these
    numbers."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        if (
            len(head) < HEAD
            or head[:2] != MAGIC
            or head[2] not in (FIXED_HARD, FIXED_DOSAGE, FIXED_PHASED, VARIABLE)
        ):
            raise InputError(
                f"{path} must begin with the bytes 6c 1b 10 (or 02, 03, 04) of PLINK 2's .pgen format; "
                f"got {head[:3].hex(' ') or 'nothing'}. Rewrite it with plink2 --make-pgen, or copy it again."
            )

        # variants, people
        counted = int.from_bytes(head[3:7], "little"), int.from_bytes(head[7:11], "little")
        if counted != (variants, individuals):
            raise InputError(
                f"{path} must hold the {variants:,} variants of its .pvar and the {individuals:,} individuals of its "
                f".psam; it holds {counted[0]:,} and {counted[1]:,}. Copy all three again."
            )

        fixed = head[2] != VARIABLE
        header = _fixed(head[2], *counted) if fixed else _variable(file, head[11], variants)

    size = path.stat().st_size
    if header.size is not None and size < header.size:
        raise InputError(
            f"{path} must be at least {header.size:,} bytes long; got {size:,} bytes. It is truncated: copy it again."
        )
    return header


def _fixed(mode: int, variants: int, individuals: int) -> Header:
    """The header of a file whose records are all of one length."""
    dosage_bytes = {FIXED_HARD: 0, FIXED_DOSAGE: 2, FIXED_PHASED: 4}[mode]
    width = -(-individuals // 4) + dosage_bytes * individuals
    return Header(hard_calls=mode == FIXED_HARD, size=HEAD + variants * width)


def _variable(file: BinaryIO, control: int, variants: int) -> Header:
    """The header of a file whose records differ: reads the types of all of them, and the lengths of
    those of the last block."""
    storage, alleles_bytes, has_reference_flags = control & 15, control >> 4 & 3, control >> 6 == 3
    # a few people: types and lengths in one code, dosages only in those of a single person
    if storage >= 8:
        return Header(hard_calls=storage < 12, size=None)

    length_bytes = 1 + (storage & 3)
    n_blocks = -(-variants // BLOCK)
    starts, end, hard_calls = file.read(8 * n_blocks), HEAD + 8 * n_blocks, True
    for block in range(n_blocks):
        n = min(BLOCK, variants - block * BLOCK)
        types_bytes = n if storage >= 4 else -(-n // 2)
        types = np.frombuffer(file.read(types_bytes), dtype=np.uint8)
        hard_calls &= storage < 4 or not (types & DOSAGE_BITS).any()
        lengths = np.frombuffer(file.read(n * length_bytes), dtype=np.uint8)
        rest = n * alleles_bytes + (-(-n // 8) if has_reference_flags else 0)
        file.seek(rest, 1)
        end += types_bytes + n * length_bytes + rest

    # else the list itself is cut short
    if len(starts) == 8 * n_blocks and len(lengths) == n * length_bytes:
        records = int(
            lengths.reshape(n, length_bytes).sum(axis=0, dtype=np.int64)
            @ 256 ** np.arange(length_bytes)
        )
        end = max(end, int.from_bytes(starts[-8:], "little") + records)
    return Header(hard_calls=bool(hard_calls), size=end)
