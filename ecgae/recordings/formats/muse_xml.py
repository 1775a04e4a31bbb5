"""Reads GE MUSE XML (root element `RestingECG`), the export of many hospitals' ECG archives.

A file holds up to two `Waveform` elements: the 10-s recording ("Rhythm") and the averaged beat
("Median"), each with one `LeadData` per lead. Only I, II and V1-V6 are stored as a rule; III, aVR,
aVL and aVF follow from I and II. Names, ages, birth dates, identifiers and free text are in the
file too; nothing of them is read, save whether the statements say that the heart is paced, the
quality poor, or two leads confused.

Unverified on real files: written from public descriptions of the format. Where those disagree, the
file is asked: times of beats are taken as samples or as ms, whichever agrees with its RR interval.
"""

import base64
import binascii
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Float

from ecgae.ecg import LEADS, lead_name
from ecgae.errors import InputError
from ecgae.recordings.formats.cardiosoft.document import parse_xml, read_bytes, require_root
from ecgae.recordings.formats.cardiosoft.rest import number, statement_flags
from ecgae.recordings.formats.recording import MISSING, Beats, Recording, Waveform
from ecgae.recordings.formats.waveforms import Trace, assemble

DOCUMENT_TYPE = re.compile(rb'<!DOCTYPE\s+RestingECG\s+SYSTEM\s+"[^"<>\[\]&%]*"\s*>')
"""MUSE names its DTD in every file. Without an internal part it declares no entity, and the DTD is
not fetched."""

KINDS = {"rhythm": "strip", "median": "median_beat"}
"""The kind of each waveform, by the type that the file gives it."""

MILLIVOLTS = {"NANOVOLTS": 1e-6, "MICROVOLTS": 1e-3, "MILLIVOLTS": 1.0, "VOLTS": 1e3}
"""The size of each unit in mV, by the file's word for it."""

MEASUREMENTS = {
    "VentricularRate": "heart_rate",  # beats per minute
    "PRInterval": "pq_interval",  # ms, as the three below
    "QRSDuration": "qrs_duration",
    "QTInterval": "qt_interval",
    "QTCorrected": "qtc_interval",
    "PAxis": "p_axis",  # degrees, as both axes below
    "RAxis": "r_axis",
    "TAxis": "t_axis",
}
"""The measurements of the device, by its tag, and our name for each."""

FIDUCIALS = {
    "POnset": "p_onset",
    "POffset": "p_offset",
    "QOnset": "qrs_onset",
    "QOffset": "qrs_offset",
    "TOffset": "t_offset",
}
"""Limits of the waves, by the device's tag, and our name for each: the file counts samples from the
start of the averaged beat, we give ms."""


def read_muse(file: Path) -> Recording:
    """The strip, the averaged beat, measurements and beats of one file.

    Raises `InputError` with the reason where the file cannot be used: not XML, truncated, a lead
    missing or twice, samples that are no base64 or too few, a unit or rate that is none. An
    averaged beat that cannot be used is left out with the reason, and the rest is kept.
    """
    root = _parse(file)
    waveforms: dict[str, Waveform] = {}
    left_out: dict[str, str] = {}

    for node in root.findall("Waveform"):
        written = (node.findtext("WaveformType") or "").strip()
        kind = KINDS.get(written.lower())
        if kind is None:
            raise InputError(f"WaveformType must be Rhythm or Median; got {written[:40]!r}")
        if kind in waveforms or kind in left_out:
            raise InputError(f"every waveform must occur once; {kind} occurs twice")
        try:
            waveforms[kind] = _waveform(node, kind)
        except InputError as error:
            if kind == "strip":
                raise
            left_out[kind] = str(error)
    if "strip" not in waveforms:
        raise InputError("a Waveform of type Rhythm must be there; the file has none")

    measured = root.find("RestingECGMeasurements")
    return Recording(
        waveforms,
        measurements={} if measured is None else _measurements(measured),
        metadata=_metadata(root),
        beats=_beats(root, waveforms["strip"]),
        left_out=left_out,
    )


def _parse(file: Path) -> ElementTree.Element:
    """The tree of a MUSE file, its harmless document type aside."""
    root = parse_xml(DOCUMENT_TYPE.sub(b"", read_bytes(file), count=1))
    require_root(root, "RestingECG")
    return root


def _waveform(node: ElementTree.Element, kind: str) -> Waveform:
    """The 12 leads of a `Waveform` element."""
    base, exponent = _number(node, "SampleBase"), _number(node, "SampleExponent")
    rate = base * 10 ** (exponent if -10 <= exponent <= 10 else 0)
    if not (np.isfinite(rate) and rate > 0):
        raise InputError(f"SampleBase must be a positive number of Hz; got {rate:g} in {kind}")

    traces: dict[str, Trace] = {}
    starts = set()
    for data in node.findall("LeadData"):
        lead = lead_name(data.findtext("LeadID") or "")
        if lead is None:
            continue  # additional leads (V3R, X, Y, Z) have no place among the 12
        if lead in traces:
            raise InputError(f"every lead must occur once; {lead} occurs twice in {kind}")
        traces[lead] = _trace(data, f"{kind} lead {lead}")
        offsets = data.findtext("LeadTimeOffset"), data.findtext("LeadOffsetFirstSample")
        starts.add(tuple(offset or "0" for offset in offsets))

    if len(starts) > 1:
        raise InputError(f"leads must start at the same time; those of {kind} do not")
    return assemble(traces, LEADS, rate)


def _trace(node: ElementTree.Element, where: str) -> Trace:
    """The samples of a `LeadData` element."""
    if _number(node, "LeadSampleSize", absent=2.0) != 2:
        raise InputError(
            f"samples must have 2 bytes; got {(node.findtext('LeadSampleSize') or '')[:40]!r} in {where}"
        )
    text = "".join((node.findtext("WaveFormData") or "").split())
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"samples must be base64; {error} in {where}") from None
    announced = _number(node, "LeadSampleCountTotal")
    if len(content) != 2 * announced:
        raise InputError(
            f"LeadSampleCountTotal must be the number of samples; {len(content) / 2:g} in {where}"
        )

    unit = (node.findtext("LeadAmplitudeUnits") or "").strip().upper()
    if unit not in MILLIVOLTS:
        raise InputError(
            f"LeadAmplitudeUnits must be one of {', '.join(MILLIVOLTS)}; got {unit[:40]!r} in {where}"
        )
    per_bit = _number(node, "LeadAmplitudeUnitsPerBit")
    if not per_bit > 0:
        raise InputError(
            f"LeadAmplitudeUnitsPerBit must be a positive number; got {per_bit:g} in {where}"
        )

    counts = np.frombuffer(content, dtype="<i2").astype(np.int64)
    return Trace(counts, counts == MISSING, per_bit * MILLIVOLTS[unit])


def _measurements(node: ElementTree.Element) -> dict[str, float]:
    """Intervals in ms, axes, heart rate, and the limits of the waves in ms; NaN for what is not
    there."""
    exponent = min(max(_number(node, "ECGSampleExponent"), -10), 10)
    rate = _number(node, "ECGSampleBase") * 10**exponent
    measured = {name: _number(node, tag, absent=np.nan) for tag, name in MEASUREMENTS.items()}
    to_ms = 1000 / rate if rate > 0 else np.nan
    return measured | {
        name: _number(node, tag, absent=np.nan) * to_ms for tag, name in FIDUCIALS.items()
    }


def _metadata(root: ElementTree.Element) -> dict[str, float]:
    """The device's filters (Hz, or 0 and 1), how many leads were off, and flags from its
    statements."""
    rhythm = next(
        node
        for node in root.findall("Waveform")
        if (node.findtext("WaveformType") or "").strip().lower() == "rhythm"
    )
    mains = {(node.text or "").strip() for node in rhythm.findall("ACFilter")}
    off = [(node.text or "").strip().upper() for node in rhythm.iterfind("LeadData/LeadOff")]

    return {
        "high_pass": _number(rhythm, "HighPassFilter", absent=np.nan) / 100,  # stated in 0.01 Hz
        "low_pass": _number(rhythm, "LowPassFilter", absent=np.nan),
        "filter_50hz": float("50" in mains),
        "filter_60hz": float("60" in mains),
        "leads_off": float(off.count("TRUE")),
        **statement_flags(root.iterfind("Diagnosis/DiagnosisStatement/StmtText")),
    }


def _beats(root: ElementTree.Element, strip: Waveform) -> Beats | None:
    """The beats that the device found, with the number of the group that it put each in; None where
    they cannot fit."""
    nodes = root.findall("QRSTimesTypes/QRS")
    times = np.array([_number(node, "Time", absent=np.nan) for node in nodes], dtype=np.float64)
    if not nodes or not np.isfinite(times).all():
        return None
    interval = number(root.findtext("QRSTimesTypes/GlobalRR") or "")  # ms
    unit = _unit_of_times(times, interval, strip.sampling_rate)
    end = strip.counts.shape[1] / strip.sampling_rate
    if unit is None or times.min() < 0 or times.max() * unit >= end:
        return None
    return Beats(times * unit, tuple((node.findtext("Type") or "").strip()[:8] for node in nodes))


def _unit_of_times(times: Float[np.ndarray, " beat"], interval: float, rate: float) -> float | None:
    """How many s one unit of `times` is: a sample, unless the RR interval in ms says that it is one
    ms; None where the interval fits neither."""
    if len(times) < 2 or not interval > 0:
        return 1 / rate
    steps = np.median(np.diff(times))
    for unit in (1 / rate, 0.001):
        if abs(steps * unit * 1000 / interval - 1) < 0.2:
            return unit
    return None


def _number(node: ElementTree.Element, tag: str, absent: float = 0.0) -> float:
    """The number below `node`, with a decimal comma too; `absent` where there is none."""
    text = node.findtext(tag)
    value = number((text or "").strip().replace(",", "."))
    return value if np.isfinite(value) else absent
