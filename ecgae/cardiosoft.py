"""Reads CardioSoft XML, the format of UK Biobank's resting ECG (field 20205).

A file holds 24 `WaveformData` nodes: 12 averaged beats under `MedianSamples`, then 12 ten-second traces under
`StripData`. They carry the same lead names, so each set is looked up below its own parent, never by tag alone.
Names, birth dates and study identifiers are in the file too; nothing of them is read.
"""

import warnings
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Int16, Int64

from ecgae.cohort import Recording, Waveform
from ecgae.ecg import LEADS, lead_name
from ecgae.errors import InputError

MEASUREMENTS = {
    "VentricularRate": "heart_rate",  # beats per minute
    "PQInterval": "pq_interval",  # ms, as all durations below
    "PDuration": "p_duration",
    "QRSDuration": "qrs_duration",
    "QTInterval": "qt_interval",
    "QTCInterval": "qtc_interval",
    "RRInterval": "rr_interval",
    "PPInterval": "pp_interval",
    "PAxis": "p_axis",  # degrees, as both axes below
    "RAxis": "r_axis",
    "TAxis": "t_axis",
}
"""What the device printed, by its tag, and our name for it."""


def read_cardiosoft(file: Path) -> Recording:
    """The strip, the median beat and the printed measurements of one file, voltages as integer counts.

    Raises `InputError` with the reason where the file cannot be used: not XML, truncated, a lead missing or twice,
    a number that is none, a resolution or rate of zero.
    """
    root = _parse(file)
    strip = root.find("StripData")
    if strip is None:
        strip = root.find("Strip/StripData")  # an older dialect nests it one level deeper
    median_beat = root.find("RestingECGMeasurements/MedianSamples")
    return Recording(
        strip=None if strip is None else _waveform(strip, "StripData"),
        median_beat=None if median_beat is None else _waveform(median_beat, "MedianSamples"),
        measurements=_measurements(root.find("RestingECGMeasurements")),
    )


def _parse(file: Path) -> ElementTree.Element:
    content = file.read_bytes()
    # A CardioSoft export declares no document type; one that does could make the parser expand entities without end.
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise InputError("XML must not declare a document type or entities")
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, LookupError, UnicodeError) as error:
        raise InputError(f"XML must be complete and well formed; {error}") from None
    if root.tag != "CardiologyXML":
        raise InputError(f"root element must be CardiologyXML; got {root.tag}")
    return root


def _waveform(node: ElementTree.Element, section: str) -> Waveform:
    traces: dict[str, Int64[np.ndarray, time]] = {}
    for trace in node.findall("WaveformData"):
        lead = lead_name(trace.get("lead", ""))
        if lead is None:
            raise InputError(f"lead must be one of {', '.join(LEADS)}; got {trace.get('lead')!r} in {section}")
        if lead in traces:
            raise InputError(f"every lead must occur once; {lead} occurs twice in {section}")
        traces[lead] = _integers(trace.text or "", f"{section} lead {lead}")
    missing = [lead for lead in LEADS if lead not in traces]
    if missing:
        raise InputError(f"all 12 leads must be there; {', '.join(missing)} missing in {section}")
    lengths = {len(trace) for trace in traces.values()}
    if len(lengths) > 1:
        raise InputError(f"all leads must have the same length; got {sorted(lengths)} samples in {section}")
    return Waveform(
        counts=_as_int16(np.stack([traces[lead] for lead in LEADS]), section),
        resolution=_positive(node, "Resolution", section) / 1000,  # the file states uV per count
        sampling_rate=_positive(node, "SampleRate", section),
    )


def _integers(text: str, where: str) -> Int64[np.ndarray, "time"]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # NumPy's way to say that a number could not be read
        try:
            values = np.fromstring(text, dtype=np.int64, sep=",")
        except (DeprecationWarning, ValueError):
            raise InputError(f"samples must be integers separated by commas; those of {where} are not") from None
    if len(values) != text.count(",") + 1:
        raise InputError(f"samples must be integers separated by commas; those of {where} are not")
    return values


def _as_int16(counts: Int64[np.ndarray, "lead time"], section: str) -> Int16[np.ndarray, "lead time"]:
    # -32768 is kept free: it marks a missing sample in the store.
    if np.abs(counts).max(initial=0) > 32767:
        raise InputError(f"samples must lie within +-32767 counts; got {np.abs(counts).max()} in {section}")
    return counts.astype(np.int16)


def _positive(node: ElementTree.Element, tag: str, section: str) -> float:
    text = (node.findtext(tag) or "").strip()
    value = _number(text)
    if not (np.isfinite(value) and value > 0):
        raise InputError(f"{tag} must be a positive number; got {text!r} in {section}")
    return value


def _measurements(node: ElementTree.Element | None) -> dict[str, float]:
    if node is None:
        return {}
    return {name: _number((node.findtext(tag) or "").strip()) for tag, name in MEASUREMENTS.items()}


def _number(text: str) -> float:
    """NaN for an empty cell or text: the device leaves out what it could not measure."""
    try:
        return float(text)
    except ValueError:
        return float("nan")
