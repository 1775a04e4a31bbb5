"""Writes a recording as CardioSoft XML, structurally the same as UK Biobank's field 20205.

The file is latin-1 with CRLF line ends; traces are integers wrapped after 300 values and indented by tabs. Every
identity field says that the person does not exist.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Int16

from ecgae.ecg import LEADS
from ecgae.simulate.cardiosoft_header import HEADER
from ecgae.simulate.dipole import DOWER
from ecgae.simulate.measurements import Onsets, axis, measurement_table, onsets
from ecgae.simulate.recording import (
    DISCLOSURE_SAMPLES,
    MEDIAN_SAMPLES,
    SAMPLING_RATE,
    STEP_MS,
    STRIP_SAMPLES,
    Recording,
)

_LINE = 300  # values per line; the device puts one more on the first

_NUMBERS = [str(number) for number in (*range(32_768), *range(-32_768, 0))]
"""Text of every 16-bit integer, by itself as an index: negative ones count from the list's end, where they stand."""

_TABLE_ROWS = (
    ("QDuration", "ms"), ("RDuration", "ms"), ("SDuration", "ms"), ("RpDuration", "ms"), ("PAmplitude", "uV"),
    ("QAmplitude", "uV"), ("RAmplitude", "uV"), ("SAmplitude", "uV"), ("R1Amplitude", "uV"), ("S1Amplitude", "uV"),
    ("JAmplitude", "uV"), ("JXAmplitude", "uV"), ("TAmplitude", "uV"), ("JXSlope", "uV/s"), ("R1Duration", "ms"),
    ("P1Amplitude", "uV"), ("JXEAmplitude", "uV"), ("T1Amplitude", "uV"),
)  # fmt: skip

_TO_DIPOLE = np.linalg.pinv(DOWER)


class Person(NamedTuple):
    """What the header says of the person at the visit."""

    age: float  # years
    male: bool
    visit_year: int


def cardiosoft_xml(recording: Recording, parameters: Mapping[str, float], person: Person) -> bytes:
    """The file's content."""
    limits = onsets(recording, parameters)
    lines = [
        '<?xml version="1.0" encoding="ISO-8859-1" ?>',
        "<CardiologyXML>",
        *_header(person),
        *_interpretation(recording),
        *_measurements(recording, limits),
        *_vector_loops(recording, limits),
        *_strip(recording),
        *_full_disclosure(recording),
        "\t<Export>",
        "\t</Export>",
        "\t<CSWeb>",
        '\t\t<a href="localhost/simulated?PatNumber=0&amp;RecTyp=0&amp;RecComp=0&amp;RecNumber=0"></a>',
        "\t</CSWeb>",
        "</CardiologyXML>",
        "",
    ]
    return "\r\n".join(lines).encode("latin-1")


def _header(person: Person) -> list[str]:
    text = HEADER.format(
        year=person.visit_year,
        age=int(person.age),
        birth_year=person.visit_year - int(person.age),
        gender="MALE" if person.male else "FEMALE",
    )
    return text.strip("\n").split("\n")


def _interpretation(recording: Recording) -> list[str]:
    rate = round(recording.heart_rate)
    rhythm = "Sinus bradycardia" if rate < 60 else "Sinus tachycardia" if rate > 100 else "Normal sinus rhythm"
    statements = [rhythm, "Otherwise normal ECG" if rate < 60 or rate > 100 else "Normal ECG", "---"]
    statements += ["Simulated ECG of a person who does not exist", f"   QRS Complexes: {len(recording.beat_times)}"]
    lines = ["\t<Interpretation>"]
    for name in ("Diagnosis", "Conclusion"):
        texts = (f"\t\t\t<{name}Text>{statement}</{name}Text>" for statement in statements)
        lines += [f"\t\t<{name}>", *texts, f"\t\t</{name}>"]
    return [*lines, "\t</Interpretation>"]


def _measurements(recording: Recording, limits: Onsets) -> list[str]:
    rr_interval = round(60_000 / recording.heart_rate)
    qt_interval = limits.t_offset - limits.qrs_onset
    beat = recording.median_beat.astype(float)
    sample = Onsets(*(limit // STEP_MS for limit in limits))
    values = (
        ("VentricularRate", "BPM", round(recording.heart_rate)),
        ("PQInterval", "ms", limits.qrs_onset - limits.p_onset),
        ("PDuration", "ms", limits.p_offset - limits.p_onset),
        ("QRSDuration", "ms", limits.qrs_offset - limits.qrs_onset),
        ("QTInterval", "ms", qt_interval),
        ("QTCInterval", "ms", round(qt_interval / (rr_interval / 1000) ** 0.5)),  # the device prints Bazett's
        ("RRInterval", "ms", rr_interval),
        ("PPInterval", "ms", rr_interval),
        ("SokolovLVHIndex", "mV", ""),
        ("PAxis", "degrees", axis(beat, sample.p_onset, sample.p_offset)),
        ("RAxis", "degrees", axis(beat, sample.qrs_onset, sample.qrs_offset)),
        ("TAxis", "degrees", axis(beat, sample.qrs_offset, sample.t_offset)),
        ("QTDispersion", "ms", ""),
        ("QTDispersionBazett", "ms", ""),
    )
    return [
        "\t<RestingECGMeasurements>",
        "\t\t<DiagnosisVersion>12SL V21</DiagnosisVersion>",
        *(f'\t\t<{tag} units="{unit}">{value}</{tag}>' for tag, unit, value in values),
        f"\t\t<QRSNum>{len(recording.beat_times)}</QRSNum>",
        *_table(recording, limits),
        *_limits(limits, "ms", 1),
        *_median_samples(recording),
        "\t</RestingECGMeasurements>",
    ]


def _table(recording: Recording, limits: Onsets) -> list[str]:
    rows = measurement_table(recording, limits)
    blank = [""] * len(LEADS)
    return [
        '\t\t<MeasurementTable Creation="12SL">',
        f"\t\t\t<LeadOrder>{', '.join(LEADS)}</LeadOrder>",
        *(f'\t\t\t<{tag} units="{unit}">{", ".join(rows.get(tag, blank))}</{tag}>' for tag, unit in _TABLE_ROWS),
        "\t\t</MeasurementTable>",
    ]


def _limits(limits: Onsets, unit: str, divisor: int) -> list[str]:
    tags = ("POnset", "POffset", "QOnset", "QOffset", "TOffset")
    return [f'\t\t<{tag} units="{unit}">{ms // divisor}</{tag}>' for tag, ms in zip(tags, limits, strict=True)]


def _median_samples(recording: Recording) -> list[str]:
    return [
        "\t\t<MedianSamples>",
        *_sampling("\t\t\t", MEDIAN_SAMPLES),
        '\t\t\t<FirstValid units="Sample">0</FirstValid>',
        f'\t\t\t<LastValid units="Sample">{MEDIAN_SAMPLES - 1}</LastValid>',
        *_waveforms(recording.median_beat, "\t\t\t"),
        "\t\t</MedianSamples>",
    ]


def _vector_loops(recording: Recording, limits: Onsets) -> list[str]:
    """The averaged beat seen along the body's axes: Dower's matrix inverted by least squares."""
    independent = recording.median_beat[[0, 1, *range(6, 12)], :-1].astype(float)
    x, y, z = np.rint(np.einsum("dl,lt->dt", _TO_DIPOLE, independent)).astype(np.int16)
    planes = (
        ("Frontal", "X", x), ("Frontal", "-Y", -y), ("Horizontal", "X", x),
        ("Horizontal", "Z", z), ("Sagittal", "-Z", -z), ("Sagittal", "-Y", -y),
    )  # fmt: skip
    indent = "\t\t"
    return [
        '\t<VectorLoops Creation="Inverse Dower">',
        '\t\t<Resolution units="uVperLsb">5</Resolution>',
        f"\t\t<ChannelSampleCountTotal>{MEDIAN_SAMPLES - 1}</ChannelSampleCountTotal>",
        *_limits(limits, "sample", STEP_MS),
        *(f'{indent}<{plane} Lead="{lead}">{_wrapped(trace, indent)}</{plane}>' for plane, lead, trace in planes),
        "\t</VectorLoops>",
    ]


def _strip(recording: Recording) -> list[str]:
    beats = (
        f'\t\t\t<Time units="ms">{time}</Time>\r\n\t\t\t<BeatClass>dominant</BeatClass>'
        for time in recording.beat_times
    )
    return [
        "\t<StripData>",
        *_sampling("\t\t", STRIP_SAMPLES),
        *_waveforms(recording.strip, "\t\t"),
        "\t\t<ArrhythmiaResults>",
        *beats,
        "\t\t</ArrhythmiaResults>",
        "\t</StripData>",
    ]


def _full_disclosure(recording: Recording) -> list[str]:
    """Sixteen seconds, one second of each lead after the other; nothing where it was not recorded."""
    if recording.full_disclosure is None:
        return []
    seconds = np.split(recording.full_disclosure, DISCLOSURE_SAMPLES // SAMPLING_RATE, axis=1)
    events = (
        f"\t\t\t<Event>L</Event>\r\n\t\t\t<Time>\r\n\t\t\t\t<Minute>0</Minute>\r\n"
        f"\t\t\t\t<Second>{time / 1000:.1f}</Second>\r\n\t\t\t</Time>"
        for time in recording.beat_times[:4]
    )
    return [
        "\t<FullDisclosure>",
        f"\t\t<NumberOfChannels>{len(LEADS)}</NumberOfChannels>",
        f'\t\t<SampleRate units="Hz">{SAMPLING_RATE}</SampleRate>',
        '\t\t<Resolution units="uVperLsb">5</Resolution>',
        f"\t\t<LeadOrder>{','.join(LEADS)}</LeadOrder>",
        "\t\t<FullDisclosureData>",
        *(_joined(lead) + "," for second in seconds for lead in second),
        f"\t\t\t<SampleCountTotal>{len(LEADS) * DISCLOSURE_SAMPLES}</SampleCountTotal>",
        "\t\t</FullDisclosureData>",
        "\t\t<EventList>",
        *events,
        "\t\t</EventList>",
        "\t\t<ArrhythmiaResults>",
        f"\t\t\t<QRS>{len(recording.beat_times)}</QRS>",
        "\t\t</ArrhythmiaResults>",
        "\t</FullDisclosure>",
    ]


def _sampling(indent: str, samples: int) -> list[str]:
    return [
        f"{indent}<NumberOfLeads>{len(LEADS)}</NumberOfLeads>",
        f'{indent}<SampleRate units="Hz">{SAMPLING_RATE}</SampleRate>',
        f"{indent}<ChannelSampleCountTotal>{samples}</ChannelSampleCountTotal>",
        f'{indent}<Resolution units="uVperLsb">5</Resolution>',
    ]


def _waveforms(traces: Int16[np.ndarray, "lead=12 time"], indent: str) -> Iterable[str]:
    for lead, trace in zip(LEADS, traces, strict=True):
        yield f'{indent}<WaveformData lead="{lead}">{_wrapped(trace, indent)}</WaveformData>'


def _wrapped(trace: Int16[np.ndarray, "time"], indent: str) -> str:
    """The values as text: one more on the first line than on the others, as the device does it."""
    starts = [0, *range(_LINE + 1, len(trace), _LINE)]
    stops = [*starts[1:], len(trace)]
    return ",\r\n".join(indent + _joined(trace[a:b]) for a, b in zip(starts, stops, strict=True))


def _joined(values: Int16[np.ndarray, "time"]) -> str:
    return ",".join([_NUMBERS[value] for value in values.tolist()])
