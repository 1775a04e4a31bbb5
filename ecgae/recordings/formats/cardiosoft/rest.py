"""Reads UK Biobank's resting ECG (field 20205): strip, averaged beat, full disclosure, and what the
device printed.

A file holds 24 `WaveformData` nodes: 12 averaged beats under `MedianSamples`, then 12 ten-second
traces under `StripData`. They carry the same lead names, so each set is looked up below its own
parent, never by tag alone.
"""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Int16

from ecgae.ecg import LEADS, lead_name
from ecgae.errors import InputError
from ecgae.recordings.formats.cardiosoft.document import Document, read_document
from ecgae.recordings.formats.recording import Beats, Layout, Recording, Waveform

LAYOUTS = {
    "strip": Layout(LEADS, samples=5000, sampling_rate=500.0),
    "median_beat": Layout(LEADS, samples=600, sampling_rate=500.0),
    "full_disclosure": Layout(LEADS, samples=None, sampling_rate=500.0),
}
"""Leads, length and rate of every resting ECG of UK Biobank, by kind."""

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
    "POnset": "p_onset",  # ms from the start of the median beat, as the four below
    "POffset": "p_offset",
    "QOnset": "qrs_onset",
    "QOffset": "qrs_offset",
    "TOffset": "t_offset",
}
"""The measurements that the device printed, by its tag, and our name for each."""

AMPLITUDES = ("P", "Q", "R", "S", "J", "T")
"""Waves whose amplitude in uV the device printed for every lead; we name them p_amplitude_V5 and so
on."""

FILTERS = {
    "CubicSpline": "filter_cubic_spline",
    "Filter50Hz": "filter_50hz",
    "Filter60Hz": "filter_60hz",
}
"""The device's filters that are on or off, by its tag, and our name for each."""

PACED = re.compile(r"\b(pacemaker|paced|pacing)\b", re.IGNORECASE)
POOR_QUALITY = re.compile(r"poor data quality", re.IGNORECASE)
REVERSAL = re.compile(r"lead reversal", re.IGNORECASE)


def read_rest(file: Path) -> Recording:
    """All that one file holds, voltages as integer counts.

    Raises `InputError` with the reason where the file cannot be used: not XML, truncated, a lead
    missing or twice, a number that is none, a resolution or rate of zero. A full disclosure that
    cannot be used is left out with the reason, and the rest is kept.
    """
    document = read_document(file)
    root = document.root
    strip = root.find("StripData")
    if strip is None:
        strip = root.find("Strip/StripData")  # an older dialect nests it one level deeper
    printed = root.find("RestingECGMeasurements")
    median_beat = None if printed is None else printed.find("MedianSamples")

    waveforms, left_out = {}, {}
    if strip is not None:
        waveforms["strip"] = read_leads(document, strip, "StripData")
    if median_beat is not None:
        waveforms["median_beat"] = read_leads(document, median_beat, "MedianSamples")
    try:
        waveforms |= _full_disclosure(document)
    except InputError as error:
        left_out["full_disclosure"] = str(error)

    return Recording(
        waveforms,
        measurements=_measurements(printed),
        metadata=metadata(root),
        beats=None if strip is None else _beats(strip),
        left_out=left_out,
    )


def read_leads(document: Document, node: ElementTree.Element, section: str) -> Waveform:
    """The 12 leads below `node` in the standard order, with its resolution and rate."""
    traces: dict[str, Int16[np.ndarray, " time"]] = {}
    for trace in node.findall("WaveformData"):
        lead = lead_name(trace.get("lead", ""))
        if lead is None:
            raise InputError(
                f"lead must be one of {', '.join(LEADS)}; got {trace.get('lead')!r} in {section}"
            )
        if lead in traces:
            raise InputError(f"every lead must occur once; {lead} occurs twice in {section}")
        traces[lead] = document.counts(trace, f"{section} lead {lead}")

    missing = [lead for lead in LEADS if lead not in traces]
    if missing:
        raise InputError(f"all 12 leads must be there; {', '.join(missing)} missing in {section}")
    lengths = {len(trace) for trace in traces.values()}
    if len(lengths) > 1:
        raise InputError(
            f"all leads must have the same length; got {sorted(lengths)} samples in {section}"
        )

    return waveform(node, np.stack([traces[lead] for lead in LEADS]), section)


def waveform(
    node: ElementTree.Element, counts: Int16[np.ndarray, "lead time"], section: str
) -> Waveform:
    """`counts` with the resolution and rate that stand below `node`."""
    resolution = positive(node, "Resolution", section) / 1000  # the file states uV per count
    return Waveform(counts, np.full(len(counts), resolution), positive(node, "SampleRate", section))


def one_second_blocks(
    document: Document, node: ElementTree.Element, leads: int, section: str
) -> Int16[np.ndarray, "lead time"]:
    """The full disclosure below `node`: one second of each lead in turn, then the next second."""
    samples = node.find("FullDisclosureData")
    if samples is None:
        raise InputError(f"FullDisclosureData must be there; missing in {section}")
    second = positive(node, "SampleRate", section)

    values = document.counts(samples, section)
    announced = number(samples.findtext("SampleCountTotal") or "")
    if announced != len(values):
        raise InputError(
            f"SampleCountTotal must be the number of samples; got {announced:g} for {len(values)}"
        )
    if second != int(second) or len(values) % (leads * int(second)):
        raise InputError(
            f"samples must be whole seconds of {leads} leads; got {len(values)} in {section}"
        )

    return by_lead(values, leads, int(second))


def by_lead(
    counts: Int16[np.ndarray, " number"], leads: int, second: int
) -> Int16[np.ndarray, "lead time"]:
    """The leads of a full disclosure, which holds `second` samples of each lead in turn.

    >>> by_lead(np.array([1, 2, -1, -2, 3, 4, -3, -4], dtype=np.int16), 2, 2).tolist()
    [[1, 2, 3, 4], [-1, -2, -3, -4]]
    """
    return counts.reshape(-1, leads, second).swapaxes(0, 1).reshape(leads, -1)


def _full_disclosure(document: Document) -> dict[str, Waveform]:
    """The full disclosure with its leads in the standard order, by its kind; {} without one."""
    node = document.root.find("FullDisclosure")
    if node is None:
        return {}
    leads = [lead_name(name) for name in (node.findtext("LeadOrder") or "").split(",")]
    if sorted(map(str, leads)) != sorted(LEADS):
        raise InputError("LeadOrder must list the 12 leads; it does not in FullDisclosure")
    values = one_second_blocks(document, node, len(leads), "FullDisclosure")
    in_order = values[[leads.index(lead) for lead in LEADS]]
    return {"full_disclosure": waveform(node, in_order, "FullDisclosure")}


def _beats(strip: ElementTree.Element) -> Beats | None:
    """The beats that the device found in the strip; None where it lists none, or not for each a
    time and a class."""
    results = strip.find("ArrhythmiaResults")
    if results is None:
        return None
    times = [number(node.text or "") / 1000 for node in results.findall("Time")]
    classes = tuple((node.text or "").strip() for node in results.findall("BeatClass"))
    if len(times) != len(classes) or not np.isfinite(times).all():
        return None  # a beat without a time or class: none of the pairs can be trusted
    return Beats(np.array(times, dtype=np.float64), classes)


def _measurements(node: ElementTree.Element | None) -> dict[str, float]:
    """What the device printed: intervals, axes, and amplitudes by wave and lead."""
    if node is None:
        return {}
    printed = {name: number(node.findtext(tag) or "") for tag, name in MEASUREMENTS.items()}
    table = node.find("MeasurementTable")
    if table is None:
        return printed

    leads = [lead_name(name) for name in (table.findtext("LeadOrder") or "").split(",")]
    for wave in AMPLITUDES:
        cells = (table.findtext(f"{wave}Amplitude") or "").split(",")
        if len(cells) == len(leads):
            printed |= {
                f"{wave.lower()}_amplitude_{lead}": number(cell)
                for lead, cell in zip(leads, cells, strict=True)
                if lead
            }
    return printed


def metadata(root: ElementTree.Element) -> dict[str, float]:
    """The device's filters (Hz, or 0 and 1), and the flags of its statements; a pacemaker may stand
    in the patient's data too."""
    facts = {}
    filters = root.find("FilterSetting")
    if filters is not None:
        facts = {name: _yes(filters.findtext(tag)) for tag, name in FILTERS.items()}
        facts |= {"low_pass": number(filters.findtext("LowPass") or "")}
        facts |= {"high_pass": number(filters.findtext("HighPass") or "")}

    facts |= statement_flags(root.iterfind("Interpretation/Diagnosis/DiagnosisText"))
    facts["paced"] = max(facts["paced"], _yes(root.findtext("PatientInfo/PaceMaker")))
    return facts


def statement_flags(statements: Iterable[ElementTree.Element]) -> dict[str, float]:
    """Whether a device's statements say that the heart is paced, the quality poor or two leads
    confused: flags only, none of its text."""
    text = " ; ".join(statement.text or "" for statement in statements)
    return {
        "paced": float(bool(PACED.search(text))),
        "poor_quality": float(bool(POOR_QUALITY.search(text))),
        "lead_reversal": float(bool(REVERSAL.search(text))),
    }


def _yes(text: str | None) -> float:
    """1 where a field of the file says yes, else 0."""
    return float((text or "").strip().lower() == "yes")


def positive(node: ElementTree.Element, tag: str, section: str) -> float:
    """The number below `node`; `InputError` where it is missing, zero, negative or not finite."""
    text = (node.findtext(tag) or "").strip()
    value = number(text)
    if not (np.isfinite(value) and value > 0):
        raise InputError(f"{tag} must be a positive number; got {text[:40]!r} in {section}")
    return value


def number(text: str) -> float:
    """The finite number in a cell; NaN for an empty one or text: the device leaves out what it
    could not measure."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) and "_" not in text else math.nan
