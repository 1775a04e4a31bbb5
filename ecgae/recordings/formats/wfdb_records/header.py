"""The header of a WFDB record (`.hea`), read strictly: what it says decides how the samples are
understood.

The format is PhysioNet's header(5). The wfdb package parses headers leniently (what it does not
understand becomes a default), so that a damaged gain or rate would go unnoticed; here every field
that matters must be well formed. Times and dates in the header are not read.
"""

import math
import re
from pathlib import Path
from typing import NamedTuple

from ecgae.errors import InputError

LARGEST_HEADER = 2**24
"""The bytes that a header may have; the longest real ones list some 10,000 segments."""

FILE_NAME = re.compile(r"[\w-]+(\.\w+)?", re.ASCII)
RECORD_NAME = re.compile(r"[\w-]+", re.ASCII)
FORMAT = re.compile(r"(\d{1,3})(?:x(\d{1,4}))?(?::(\d{1,6}))?(?:\+(\d{1,9}))?", re.ASCII)
GAIN = re.compile(
    r"(-?(?:\d{1,20}\.?\d{0,20}|\.\d{1,20})(?:e[+-]?\d{1,3})?)(?:\((-?\d{1,10})\))?(?:/(\S+))?",
    re.ASCII,
)
RATE = re.compile(r"(\d{1,10}(?:\.\d{0,20})?)(?:/.*)?", re.ASCII)
INTEGER = re.compile(r"-?\d{1,10}", re.ASCII)


class Signal(NamedTuple):
    """One line of the header: where a lead's samples lie, and what they mean."""

    name: str
    file: str
    format: str
    samples_per_frame: int
    offset: int
    """How many bytes of the file come before the first sample."""
    gain: float | None
    """Counts per unit (`units`); None where the header gives no gain."""
    baseline: int
    """The count that stands for 0 units with the header's gain."""
    zero: int
    """The count at the middle of the converter's range."""
    units: str
    checksum: int | None


class Segment(NamedTuple):
    """A part of a record of several segments; the name "~" is a gap."""

    name: str
    samples: int


class Header(NamedTuple):
    """What the header says of a record: its signals, or the segments that it consists of."""

    frame_rate: float
    """Frames per second, Hz; a signal with more samples per frame has a higher rate."""
    frames: int | None
    signals: tuple[Signal, ...]
    segments: tuple[Segment, ...]
    comments: tuple[str, ...]


def read_header(record: Path) -> Header:
    """The header of the record named `record` (without suffix).

    Raises `InputError` for a missing file, and for each field that is no number or impossible.
    """
    file = record.with_name(f"{record.name}.hea")
    if not file.is_file():
        raise InputError(f"record must have a header; {file.name} is missing")
    if file.stat().st_size > LARGEST_HEADER:
        raise InputError(
            f"header must have at most {LARGEST_HEADER:,} bytes; {file.name} has {file.stat().st_size:,}"
        )

    content = file.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")

    lines = [line.strip() for line in text.splitlines()]
    comments = tuple(line.lstrip("#").strip() for line in lines if line.startswith("#"))
    return _parse([line for line in lines if line and not line.startswith("#")], comments)


def _parse(lines: list[str], comments: tuple[str, ...]) -> Header:
    """The record line, and below it one line per signal, or per segment."""
    if not lines:
        raise InputError("header must have a record line; it is empty")
    line = dict(zip(("name", "signals", "rate", "frames"), _fields(lines[0], 5), strict=False))

    # Georgia's records name the file of samples.
    name, _, segments = line["name"].removesuffix(".mat").partition("/")
    if not RECORD_NAME.fullmatch(name):
        raise InputError(f"record name must consist of letters, digits, - and _; got {name[:40]!r}")
    rate = RATE.fullmatch(line.get("rate", ""))
    if rate is None or not float(rate[1]) > 0:
        raise InputError(
            f"sampling rate must be a positive number of Hz; got {str(line.get('rate'))[:40]!r}"
        )

    signals = _natural(line.get("signals"), "number of signals")
    parts = _natural(segments, "number of segments") if segments else 0
    frames = _natural(line["frames"], "number of samples") if "frames" in line else None
    expected = parts or signals
    if len(lines) - 1 != expected or expected == 0:
        what = "segment" if parts else "signal"
        raise InputError(
            f"header must have one line per {what}, at least one; got {len(lines) - 1} for {expected}"
        )

    return Header(
        frame_rate=float(rate[1]),
        frames=frames,
        signals=() if parts else tuple(map(_signal, lines[1:])),
        segments=tuple(map(_segment, lines[1:])) if parts else (),
        comments=comments,
    )


def _fields(line: str, most: int) -> list[str]:
    """The words of a line; the last of `most` is all that remains."""
    return re.split(r"[ \t]+", line, maxsplit=most - 1)


def _signal(line: str) -> Signal:
    """A signal line: file, format and what it appends, gain, resolution, zero, first value,
    checksum, block size, name."""
    fields = _fields(line, 9)
    file, storage, gain, _, zero, _, checksum, _, name = fields + [""] * (9 - len(fields))
    if not FILE_NAME.fullmatch(file):
        raise InputError(f"signal file must be a plain name beside the header; got {file[:40]!r}")
    layout = FORMAT.fullmatch(storage)
    if layout is None:
        raise InputError(f"storage format must be a number, e.g. 16 or 212; got {storage[:40]!r}")
    if int(layout[3] or 0):
        raise InputError(
            f"leads must be sampled at the same time; got a skew of {layout[3]} samples"
        )
    samples_per_frame = int(layout[2] or 1)
    if samples_per_frame == 0:
        raise InputError("samples per frame must be at least 1; got 0")

    value, baseline, units = _gain(gain)
    zero_level = _integer(zero, "ADC zero") if zero else 0
    return Signal(
        name=name.strip(),
        file=file,
        format=layout[1],
        samples_per_frame=samples_per_frame,
        offset=int(layout[4] or 0),
        gain=value,
        baseline=zero_level if baseline is None else baseline,
        zero=zero_level,
        units=units,
        checksum=_integer(checksum, "checksum") if checksum else None,
    )


def _gain(text: str) -> tuple[float | None, int | None, str]:
    """Counts per unit, the count of 0 and the unit; a gain of 0 says that it is not known."""
    if not text:
        return None, None, "mV"
    match = GAIN.fullmatch(text)
    if match is None or not 0 <= float(match[1]) < math.inf:
        raise InputError(f"gain must be a positive number of counts per mV; got {text[:40]!r}")
    baseline = None if match[2] is None else int(match[2])
    return float(match[1]) or None, baseline, match[3] or "mV"


def _segment(line: str) -> Segment:
    """A segment line: the name of a record, or "~", and a number of samples."""
    name, samples = (*_fields(line, 3), "", "")[:2]
    if name != "~" and not RECORD_NAME.fullmatch(name):
        raise InputError(
            f"segment must be the plain name of a record beside the header; got {name[:40]!r}"
        )
    return Segment(name, _natural(samples, "number of samples in a segment"))


def _natural(text: str | None, what: str) -> int:
    """The whole number of at least 0 in `text`; `InputError`, which names `what`, for others."""
    value = _integer(text or "", what)
    if value < 0:
        raise InputError(f"{what} must not be negative; got {value}")
    return value


def _integer(text: str, what: str) -> int:
    """The whole number in `text`; `InputError`, which names `what`, where it is none."""
    if not INTEGER.fullmatch(text):
        raise InputError(f"{what} must be a whole number; got {text[:40]!r}")
    return int(text)
