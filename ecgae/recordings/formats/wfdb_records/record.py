"""Whole records in mV: leads by name, gains that can be believed, segments joined."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ecgae.ecg import standard_name
from ecgae.errors import InputError
from ecgae.recordings.formats.recording import Waveform
from ecgae.recordings.formats.waveforms import Trace, assemble, gap, joined
from ecgae.recordings.formats.wfdb_records.gains import refuse_normalised_gains, resolution, zero
from ecgae.recordings.formats.wfdb_records.header import Header, Segment, Signal, read_header
from ecgae.recordings.formats.wfdb_records.package import refuse_address
from ecgae.recordings.formats.wfdb_records.samples import missing_count, read_samples, refuse_large


def read_waveform(
    record: Path, leads: Sequence[str] | None = None, gain: float | None = None
) -> Waveform:
    """The leads asked for of the record named `record` (without suffix); None: all signals, in the
    header's order.

    Leads are found by name in any case ("avr", "lead I"); III, aVR, aVL and aVF are derived where
    the record has I and II but not them. `gain`, in counts per mV, overrides the header's gain,
    unit and baseline; 0 mV is then the converter's zero. A record of several segments is read as
    one, with gaps missing.

    Raises `InputError` with the reason where the record cannot be used: a header or file that is
    damaged, truncated or absent, a checksum that does not fit, a gain that is unknown or plainly
    wrong, a lead that is not there.
    """
    refuse_address(record)
    header = read_header(record)
    if header.segments:
        traces, rate = _read_segments(record, header, leads, gain)
    else:
        traces, rate = _read_segment(record, header, leads, gain)

    wanted = traces if leads is None else map(standard_name, leads)
    return assemble(traces, list(wanted), rate)


def _read_segments(
    record: Path, header: Header, leads: Sequence[str] | None, gain: float | None
) -> tuple[dict[str, Trace], float]:
    """The segments one after the other; where one lacks a lead or is a gap, samples are missing."""
    samples = sum(segment.samples for segment in header.segments)
    refuse_large(samples)

    parts: list[tuple[int, dict[str, Trace]]] = []
    rates = set()
    for segment in header.segments:
        traces: dict[str, Trace] = {}
        part = _header_of(segment, record)
        if part is not None and _chosen(part.signals, leads):
            traces, rate = _read_segment(record.with_name(segment.name), part, leads, gain)
            rates.add(rate)
        parts.append((segment.samples, traces))

    if len(rates) != 1:
        raise InputError(
            f"segments must have samples of the leads asked for, at one rate; got {sorted(rates)} Hz"
        )
    names = dict.fromkeys(name for _, traces in parts for name in traces)
    refuse_large(samples * len(names))  # gaps take memory that no file stands for
    return {name: _with_gaps(name, parts) for name in names}, rates.pop()


def _header_of(segment: Segment, record: Path) -> Header | None:
    """The header of a segment; None for a gap, and for a first segment without samples, which only
    lists all leads."""
    if segment.name == "~" or not segment.samples:
        return None
    header = read_header(record.with_name(segment.name))
    if header.segments:
        raise InputError(f"segment must hold samples; {segment.name} consists of segments itself")
    if header.frames != segment.samples:
        raise InputError(
            f"segment must be as long as the record's header says, {segment.samples} samples; "
            f"{segment.name} has {header.frames}"
        )
    return header


def _with_gaps(name: str, parts: Sequence[tuple[int, Mapping[str, Trace]]]) -> Trace:
    """One lead through all segments, missing in those that lack it."""
    unit = next(traces[name].resolution for _, traces in parts if name in traces)
    return joined([traces.get(name) or gap(samples, unit) for samples, traces in parts])


def _read_segment(
    record: Path, header: Header, leads: Sequence[str] | None, gain: float | None
) -> tuple[dict[str, Trace], float]:
    """The traces of a record without segments by lead, and their rate in Hz."""
    chosen = _chosen(header.signals, leads)
    if not chosen:
        names = ", ".join(signal.name for signal in header.signals)
        raise InputError(f"leads asked for must be there; the record has {names[:80]}")

    counts = read_samples(record, header, list(chosen.values()))
    traces = {}
    for (name, index), trace in zip(chosen.items(), counts, strict=True):
        signal = header.signals[index]
        missing = trace == missing_count(signal.format)
        traces[name] = Trace(trace - zero(signal, gain), missing, resolution(signal, gain))
    if gain is None:
        refuse_normalised_gains(traces)

    per_frame = {header.signals[index].samples_per_frame for index in chosen.values()}
    return traces, header.frame_rate * per_frame.pop()


def _chosen(signals: Sequence[Signal], leads: Sequence[str] | None) -> dict[str, int]:
    """Where each lead lies among the signals: those asked for, and the limb leads that help to
    derive or check them."""
    places: dict[str, int] = {}
    twice = set()
    for index, signal in enumerate(signals):
        name = standard_name(signal.name)
        twice |= {name} & places.keys()
        places.setdefault(name, index)

    wanted = set(places)
    if leads is not None:
        wanted = {standard_name(lead) for lead in leads} | {"I", "II", "III", "aVR"}
    if twice & wanted:
        raise InputError(
            f"every lead must occur once; {', '.join(sorted(twice & wanted))} occurs twice"
        )
    return {name: index for name, index in places.items() if name in wanted}
