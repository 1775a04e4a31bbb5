"""The samples of one segment as whole numbers, decoded by the wfdb package and checked against
header and files."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from ecgae.errors import InputError
from ecgae.recordings.formats.wfdb_records.header import Header, Signal
from ecgae.recordings.formats.wfdb_records.package import DECODER_FAULTS, wfdb_package

LARGEST_RECORD = 2**26
"""The samples that a record may have in all leads together, as many as a day of 3 leads at 250 Hz
has; reading takes some 20 bytes for each."""


class Format(NamedTuple):
    """How samples are stored in a signal file."""

    bits: int
    """Bits of one sample."""
    bytes: float | None
    """Bytes that one sample takes in the file; None where the file is compressed."""


FORMATS = {
    "8": Format(32, 1), "16": Format(16, 2), "24": Format(24, 3), "32": Format(32, 4), "61": Format(16, 2),
    "80": Format(8, 1), "160": Format(16, 2), "212": Format(12, 1.5), "310": Format(10, 4 / 3),
    "311": Format(10, 4 / 3), "508": Format(8, None), "516": Format(16, None), "524": Format(24, None),
}  # fmt: skip
"""The formats of signal(5). In each the lowest number means a missing sample; 8 holds differences
and has none."""


def read_samples(
    record: Path, header: Header, channels: list[int]
) -> list[Int64[np.ndarray, " time"]]:
    """The counts of the signals at `channels`, which must have one rate.

    Raises `InputError` where header and files cannot be true together, or a checksum does not fit.
    """
    signals = [header.signals[channel] for channel in channels]
    frames = _refuse_impossible(record.parent, header)
    per_frame = {signal.samples_per_frame for signal in signals}
    if len(per_frame) != 1:
        raise InputError(
            f"leads must have the same rate; they have {sorted(per_frame)} samples per frame"
        )
    counts = _decode(record, channels, frames, per_frame.pop())
    _refuse_wrong_checksums(signals, counts)
    return counts


def missing_count(storage: str) -> int | None:
    """The number that a format keeps for samples that were not taken."""
    return None if storage == "8" else -(2 ** (FORMATS[storage].bits - 1))


def refuse_large(samples: int) -> None:
    """Raises `InputError` for a record without samples, and for one that memory may not hold."""
    if not 1 <= samples <= LARGEST_RECORD:
        raise InputError(f"record must have 1 to {LARGEST_RECORD:,} samples; got {samples:,}")


def _refuse_impossible(folder: Path, header: Header) -> int:
    """The number of frames, when header and files can be true together."""
    files: dict[str, list[int]] = {}
    for index, signal in enumerate(header.signals):
        if signal.format not in FORMATS:
            raise InputError(
                f"storage format must be one of {', '.join(FORMATS)}; got {signal.format}"
            )
        files.setdefault(signal.file, []).append(index)

    frames = header.frames
    for name, indices in files.items():
        signals = [header.signals[index] for index in indices]
        alike = {(signal.format, signal.offset) for signal in signals}
        if len(alike) != 1 or indices[-1] - indices[0] != len(indices) - 1:
            raise InputError(
                f"signals of one file must stand together and have one format; those of {name} do not"
            )
        frames = _frames_of(folder / name, signals, frames)

    frames = max(frames or 0, 0)
    refuse_large(frames * sum(signal.samples_per_frame for signal in header.signals))
    return frames


def _frames_of(file: Path, signals: Sequence[Signal], frames: int | None) -> int | None:
    """The number of frames: `frames`, which the file must hold, or where that is None and the file
    is not compressed, as many as it holds."""
    if not file.is_file():
        raise InputError(f"signal file must be there; {file.name} is missing")
    per_frame = sum(signal.samples_per_frame for signal in signals)
    size, width = file.stat().st_size - signals[0].offset, FORMATS[signals[0].format].bytes
    if width is None:
        return frames

    if frames is None:
        frames = int(size / (width * per_frame))
    if size < math.ceil(frames * per_frame * width):
        raise InputError(
            f"signal file must hold {frames} samples of each lead; {file.name} is truncated, {size} bytes"
        )
    return frames


def _decode(
    record: Path, channels: list[int], frames: int, per_frame: int
) -> list[Int64[np.ndarray, " time"]]:
    """The counts of the signals at `channels`, as the wfdb package reads them."""
    # With one sample per frame nothing is averaged, and only so can the package return big-endian
    # samples (format 61).
    smooth = per_frame == 1
    try:
        decoded = wfdb_package().rdrecord(
            str(record), channels=channels, physical=False, smooth_frames=smooth
        )
    except DECODER_FAULTS as error:
        raise InputError(f"samples must be readable; {error}") from None

    signals = decoded.d_signal.T if smooth else decoded.e_d_signal
    counts = [np.asarray(signal, dtype=np.int64) for signal in signals]
    lengths = {len(signal) for signal in counts}
    if len(counts) != len(channels) or lengths != {frames * per_frame}:
        raise InputError(
            f"samples must be complete; {sorted(lengths)} of {frames * per_frame} are there"
        )
    return counts


def _refuse_wrong_checksums(
    signals: Sequence[Signal], counts: Sequence[Int64[np.ndarray, " time"]]
) -> None:
    """The header holds each signal's sum modulo 2^16; zeros throughout are what writers without it
    fill in."""
    if not any(signal.checksum for signal in signals):
        return
    for signal, trace in zip(signals, counts, strict=True):
        if signal.checksum is not None and (int(trace.sum()) - signal.checksum) % 65536:
            raise InputError(
                f"samples must fit the header's checksum; those of lead {signal.name!r} do not"
            )
