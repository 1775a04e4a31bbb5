"""Reads what an annotator marked in a record, beat by beat (`.atr`)."""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ecgae.errors import InputError
from ecgae.recordings.formats.wfdb_records.header import read_header
from ecgae.recordings.formats.wfdb_records.package import (
    DECODER_FAULTS,
    refuse_address,
    wfdb_package,
)


class Annotations(NamedTuple):
    """Marks that an annotator set in a record, in the order of time."""

    times: Float[np.ndarray, " annotation"]
    """Seconds from the record's first sample to each mark."""
    symbols: tuple[str, ...]
    """What each mark says: N, V, + and others, of which only some stand for beats."""


def read_annotations(record: Path, extension: str = "atr") -> Annotations:
    """The annotations beside a record, in the order of time. Raises `InputError` where they cannot
    be used."""
    refuse_address(record)
    file = record.with_name(f"{record.name}.{extension}")
    if not file.is_file():
        raise InputError(f"record must have annotations; {file.name} is missing")
    header = read_header(record)
    if file.read_bytes()[-2:] != b"\0\0":
        raise InputError(f"annotations must end with their end mark; {file.name} is truncated")
    try:
        marks = wfdb_package().rdann(str(record), extension)
    except DECODER_FAULTS as error:
        raise InputError(f"annotations must be readable; {error} in {file.name}") from None

    rate = float(marks.fs or header.frame_rate)
    samples = np.asarray(marks.sample, dtype=np.int64)
    last = header.frames or np.iinfo(np.int64).max
    outside = (samples < 0).any() or (samples >= last).any()
    if not 0 < rate < math.inf or outside or (np.diff(samples) < 0).any():
        raise InputError(
            f"annotations must lie within the record, in the order of time; those of {file.name} do not"
        )

    return Annotations(samples / rate, tuple(map(str, marks.symbol)))
