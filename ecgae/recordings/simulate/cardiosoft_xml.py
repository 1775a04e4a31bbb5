"""Writes a recording as CardioSoft XML, structurally the same as UK Biobank's field 20205.

The file is latin-1 with CRLF line ends, indented by tabs. Every identity field says that the person
does not exist.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ecgae.ecg import LEADS
from ecgae.recordings.simulate.cardiosoft_header import HEADER
from ecgae.recordings.simulate.cardiosoft_traces import (
    full_disclosure,
    median_samples,
    strip,
    vector_loops,
    wave_limits,
)
from ecgae.recordings.simulate.measurements import Onsets, axis, measurement_table, onsets
from ecgae.recordings.simulate.waveform import STEP_MS, Recording

_TABLE_ROWS = (
    ("QDuration", "ms"), ("RDuration", "ms"), ("SDuration", "ms"), ("RpDuration", "ms"), ("PAmplitude", "uV"),
    ("QAmplitude", "uV"), ("RAmplitude", "uV"), ("SAmplitude", "uV"), ("R1Amplitude", "uV"), ("S1Amplitude", "uV"),
    ("JAmplitude", "uV"), ("JXAmplitude", "uV"), ("TAmplitude", "uV"), ("JXSlope", "uV/s"), ("R1Duration", "ms"),
    ("P1Amplitude", "uV"), ("JXEAmplitude", "uV"), ("T1Amplitude", "uV"),
)  # fmt: skip


class Person(NamedTuple):
    """What the header says of the person at the visit; `age` in years."""

    age: float
    male: bool
    visit_year: int


def cardiosoft_xml(recording: Recording, parameters: Mapping[str, float], person: Person) -> bytes:
    """The content of the file that holds a recording of this person."""
    limits = onsets(recording, parameters)

    lines = [
        '<?xml version="1.0" encoding="ISO-8859-1" ?>',
        "<CardiologyXML>",
        *_header(person),
        *_interpretation(recording),
        *_measurements(recording, limits),
        *vector_loops(recording, limits),
        *strip(recording),
        *full_disclosure(recording),
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
    """The device's statements, of which only the rhythm depends on the recording."""
    rate = round(recording.heart_rate)
    statements = ["Normal sinus rhythm", "Normal ECG"]
    if rate < 60:
        statements = ["Sinus bradycardia", "Otherwise normal ECG"]
    elif rate > 100:
        statements = ["Sinus tachycardia", "Otherwise normal ECG"]
    statements += [
        "---",
        "Simulated ECG of a person who does not exist",
        f"   QRS Complexes: {len(recording.beat_times)}",
    ]

    lines = ["\t<Interpretation>"]
    for name in ("Diagnosis", "Conclusion"):
        texts = (f"\t\t\t<{name}Text>{statement}</{name}Text>" for statement in statements)
        lines += [f"\t\t<{name}>", *texts, f"\t\t</{name}>"]
    return [*lines, "\t</Interpretation>"]


def _measurements(recording: Recording, limits: Onsets) -> list[str]:
    """What the device measured: values, the table by lead, the limits of the waves, the averaged
    beat."""
    values = _values(recording, limits)
    return [
        "\t<RestingECGMeasurements>",
        "\t\t<DiagnosisVersion>12SL V21</DiagnosisVersion>",
        *(f'\t\t<{tag} units="{unit}">{value}</{tag}>' for tag, unit, value in values),
        f"\t\t<QRSNum>{len(recording.beat_times)}</QRSNum>",
        *_table(recording, limits),
        *wave_limits(limits, "ms", 1),
        *median_samples(recording),
        "\t</RestingECGMeasurements>",
    ]


def _values(recording: Recording, limits: Onsets) -> Sequence[tuple[str, str, object]]:
    """Intervals and axes, each with its tag and unit; blank where the device prints them of few
    people."""
    rr_interval = round(60_000 / recording.heart_rate)
    qt_interval = limits.t_offset - limits.qrs_onset
    bazett = round(qt_interval / (rr_interval / 1000) ** 0.5)
    beat = recording.median_beat.astype(float)
    sample = Onsets(*(limit // STEP_MS for limit in limits))

    return (
        ("VentricularRate", "BPM", round(recording.heart_rate)),
        ("PQInterval", "ms", limits.qrs_onset - limits.p_onset),
        ("PDuration", "ms", limits.p_offset - limits.p_onset),
        ("QRSDuration", "ms", limits.qrs_offset - limits.qrs_onset),
        ("QTInterval", "ms", qt_interval),
        ("QTCInterval", "ms", bazett),  # the device prints Bazett's
        ("RRInterval", "ms", rr_interval),
        ("PPInterval", "ms", rr_interval),
        ("SokolovLVHIndex", "mV", ""),
        ("PAxis", "degrees", axis(beat, sample.p_onset, sample.p_offset)),
        ("RAxis", "degrees", axis(beat, sample.qrs_onset, sample.qrs_offset)),
        ("TAxis", "degrees", axis(beat, sample.qrs_offset, sample.t_offset)),
        ("QTDispersion", "ms", ""),
        ("QTDispersionBazett", "ms", ""),
    )


def _table(recording: Recording, limits: Onsets) -> list[str]:
    """The table of amplitudes and durations by lead."""
    rows = measurement_table(recording, limits)
    blank = [""] * len(LEADS)
    return [
        '\t\t<MeasurementTable Creation="12SL">',
        f"\t\t\t<LeadOrder>{', '.join(LEADS)}</LeadOrder>",
        *(
            f'\t\t\t<{tag} units="{unit}">{", ".join(rows.get(tag, blank))}</{tag}>'
            for tag, unit in _TABLE_ROWS
        ),
        "\t\t</MeasurementTable>",
    ]
