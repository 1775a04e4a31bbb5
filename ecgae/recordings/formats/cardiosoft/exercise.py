"""Reads UK Biobank's exercise ECG (field 6025): 3 leads on a bicycle, from rest over exercise to
recovery.

The leads are named I, 2 and 3; they are not the leads I, II and III, and no identity between them
is assumed. The full disclosure is the whole test, one second of each lead in turn; the file's
protocol says where its phases begin. Up to 16 averaged beats follow the test. The printed strips
are pieces of it and are not read.

Unverified on real files: written from public descriptions of the format, and the resting ECG's,
which it shares.
"""

import math
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Int16

from ecgae.errors import InputError
from ecgae.recordings.formats.cardiosoft.document import Document, read_document
from ecgae.recordings.formats.cardiosoft.rest import by_lead, metadata, number, positive
from ecgae.recordings.formats.recording import MISSING, Recording, Waveform

LEADS = ("I", "2", "3")
PHASES = {"Pretest": "pretest", "Exercise": "exercise", "Rest": "recovery"}
"""The protocol's phases in their order: our name for each, by the file's word."""

MEDIANS = 16
"""How many averaged beats a file may hold."""

MEDIAN_LEADS = tuple(f"{lead}_{beat:02}" for beat in range(1, MEDIANS + 1) for lead in LEADS)
"""The rows of the averaged beats, each lead of each beat: I_01, 2_01, 3_01, I_02, ..."""

LONGEST_TEST = 86_400.0
"""The longest time in s that a test may last: a day."""

MEASUREMENTS = {
    "MaxHeartRate": "max_heart_rate",  # beats per minute
    "RestingStats/RestHR": "rest_heart_rate",
    "MaxPredictedHR": "max_predicted_heart_rate",
    "MaxWorkload": "max_workload",  # W
}
"""What the device measured in the whole test, by its tag, and our name for it."""


class Phase(NamedTuple):
    """A part of the test, in s of the test's clock, which starts with the first phase."""

    name: str
    begin: float
    end: float


def read_exercise(file: Path) -> Recording:
    """The phases' full disclosure and the averaged beats of one file, voltages as integer counts.

    A phase or section that cannot be used is left out with the reason. Raises `InputError` where
    the file is no CardioSoft XML or nothing is left.
    """
    document = read_document(file)
    root = document.root
    waveforms: dict[str, Waveform] = {}
    left_out: dict[str, str] = {}

    phases: list[Phase] = []
    try:
        phases = _phases(root)
        whole, start = _full_disclosure(document)
        waveforms, left_out = _divided(whole, start, phases)
    except InputError as error:
        left_out["full_disclosure"] = str(error)

    beats = root.findall("MedianData/Median")
    try:
        waveforms["medians"] = _medians(document, beats)
    except InputError as error:
        left_out["medians"] = str(error)
    if not waveforms:
        raise InputError(" and ".join(left_out.values()))

    durations = {f"{phase.name}_seconds": phase.end - phase.begin for phase in phases}
    medians = {"medians": float(len(beats) if "medians" in waveforms else 0)}
    return Recording(
        waveforms,
        measurements=_measurements(root),
        metadata=metadata(root) | durations | medians,
        left_out=left_out,
    )


def _phases(root: ElementTree.Element) -> list[Phase]:
    """The protocol's phases; parts of one phase (constant load, ramp) that follow each other are
    one."""
    parts = []
    for node in root.findall("Protocol/Phase"):
        name = PHASES.get((node.findtext("PhaseName") or "").strip())
        if name is None:
            raise InputError(
                f"PhaseName must be one of {', '.join(PHASES)}; got {node.findtext('PhaseName')!r:.40}"
            )
        parts.append((name, _seconds(node.find("PhaseDuration"), "PhaseDuration")))

    durations = [
        (name, sum(duration for _, duration in same))
        for name, same in groupby(parts, key=itemgetter(0))
    ]
    names = [name for name, _ in durations]
    if not names or names != [name for name in PHASES.values() if name in names]:
        raise InputError(
            f"Protocol must have phases in the order {', '.join(PHASES)}; got {', '.join(names) or 'none'}"
        )

    ends = np.cumsum([duration for _, duration in durations])
    return [
        Phase(name, float(end - duration), float(end))
        for (name, duration), end in zip(durations, ends, strict=True)
    ]


def _seconds(node: ElementTree.Element | None, tag: str) -> float:
    """The minutes and seconds below `node`, in s; `InputError`, which names `tag`, for others."""
    seconds = math.nan
    if node is not None:
        seconds = 60 * number(node.findtext("Minute") or "") + number(node.findtext("Second") or "")
    if not 0 <= seconds <= LONGEST_TEST:
        raise InputError(f"{tag} must be minutes and seconds of at most a day; got {seconds:g} s")
    return seconds


def _full_disclosure(document: Document) -> tuple[Waveform, float]:
    """The whole test, and the time of its first sample on the test's clock in s."""
    node = _only(document.root, "FullDisclosure")
    data = _only(document.root, "FullDisclosure/FullDisclosureData")
    start = _seconds(node.find("StartTime"), "StartTime")
    leads = [name.strip().upper() for name in (node.findtext("LeadOrder") or "").split(",")]
    if sorted(leads) != sorted(LEADS):
        raise InputError(
            f"LeadOrder must list the leads {', '.join(LEADS)}; got {node.findtext('LeadOrder')!r:.40}"
        )

    counts = document.counts(data, "FullDisclosure")
    announced = data.findtext("SampleCountTotal")
    if announced is not None and number(announced) != len(counts):
        raise InputError(
            f"SampleCountTotal must be the number of samples; got {announced!r:.20} for {len(counts)}"
        )
    rate = positive(node, "SampleRate", "FullDisclosure")
    if rate != int(rate) or len(counts) % (len(LEADS) * int(rate)):
        raise InputError(
            f"FullDisclosure must be whole seconds of {len(LEADS)} leads; got {len(counts)} samples"
        )

    blocks = by_lead(counts, len(LEADS), int(rate))
    _refuse_interleaved(blocks, counts)
    in_order = blocks[[leads.index(lead) for lead in LEADS]]
    microvolts = _nearest("Resolution", node, document.root.find("StripData"))
    return Waveform(in_order, np.full(len(LEADS), microvolts / 1000), rate), start


def _only(root: ElementTree.Element, path: str) -> ElementTree.Element:
    """The one element at `path`; `InputError` where there is none, or more than one."""
    nodes = root.findall(path)
    if len(nodes) != 1:
        raise InputError(f"{path.split('/')[-1]} must be there once; the file has {len(nodes)}")
    return nodes[0]


def _refuse_interleaved(
    blocks: Int16[np.ndarray, "lead time"], counts: Int16[np.ndarray, " sample"]
) -> None:
    """Raises `InputError` for samples that alternate between the leads, as GE's manual describes
    them: read as blocks of one lead they would be noise."""
    alternating = counts.reshape(-1, len(blocks)).T
    rough, smooth = (
        np.abs(np.diff(traces.astype(np.int32))).mean() for traces in (blocks, alternating)
    )
    if smooth < rough / 2:
        raise InputError(
            "FullDisclosureData must be seconds of one lead after the other; its samples alternate"
        )


def _nearest(tag: str, *nodes: ElementTree.Element | None) -> float:
    """The positive number `tag` of the first of `nodes` that has it."""
    for node in nodes:
        if node is not None and node.find(tag) is not None:
            return positive(node, tag, node.tag)
    raise InputError(f"{tag} must be there; neither the section nor StripData has it")


def _divided(
    whole: Waveform, start: float, phases: list[Phase]
) -> tuple[dict[str, Waveform], dict[str, str]]:
    """The test by phase; what follows the last exercise is recovery, to the end of the
    recording."""
    samples = whole.counts.shape[1]
    waveforms, left_out = {}, {}

    for phase in phases:
        begin = round(max(phase.begin - start, 0) * whole.sampling_rate)
        end = round(max(phase.end - start, 0) * whole.sampling_rate)
        if phase.name == "recovery":
            end = samples
        part = whole.counts[:, begin:end]
        if part.shape[1]:
            waveforms[phase.name] = whole._replace(counts=part)
        else:
            left_out[phase.name] = "phase must be in the full disclosure; it has no sample of it"

    return waveforms, left_out


def _medians(document: Document, nodes: list[ElementTree.Element]) -> Waveform:
    """All averaged beats in the rows of `MEDIAN_LEADS`; samples of beats that are not there, or
    shorter, are missing."""
    if not 1 <= len(nodes) <= MEDIANS:
        raise InputError(f"MedianData must have 1 to {MEDIANS} averaged beats; got {len(nodes)}")
    beats = [_median(document, node, f"Median {place}") for place, node in enumerate(nodes, 1)]

    around = document.root.find("MedianData"), document.root.find("StripData")
    scales = {
        (_nearest("Resolution", node, *around), _nearest("SampleRate", node, *around))
        for node in nodes
    }
    if len(scales) != 1:
        raise InputError(
            "averaged beats must have one resolution and one rate; those of MedianData have not"
        )
    ((microvolts, rate),) = scales

    traces = [trace for beat in beats for trace in beat]
    counts = np.full((len(MEDIAN_LEADS), max(map(len, traces))), MISSING, dtype=np.int16)
    for row, trace in enumerate(traces):
        counts[row, : len(trace)] = trace
    return Waveform(counts, np.full(len(counts), microvolts / 1000), rate)


def _median(
    document: Document, node: ElementTree.Element, where: str
) -> list[Int16[np.ndarray, " time"]]:
    """One averaged beat by lead, in the order of `LEADS`."""
    traces = {}
    for trace in node.findall("WaveformData"):
        lead = trace.get("lead", "").strip().upper()
        if lead not in LEADS or lead in traces:
            raise InputError(
                f"leads must be {', '.join(LEADS)}, each once; got {lead[:20]!r} in {where}"
            )
        traces[lead] = document.counts(trace, f"{where} lead {lead}")
    if len(traces) != len(LEADS):
        raise InputError(
            f"leads must be {', '.join(LEADS)}; got {', '.join(traces) or 'none'} in {where}"
        )
    return [traces[lead] for lead in LEADS]


def _measurements(root: ElementTree.Element) -> dict[str, float]:
    """Heart rates and workload, and the heart rate of the last entry of each phase in the trend's
    table."""
    measured = {
        name: number(root.findtext(f"ExerciseMeasurements/{tag}") or "")
        for tag, name in MEASUREMENTS.items()
    }
    measured |= {f"{name}_end_heart_rate": math.nan for name in PHASES.values()}

    for entry in root.findall("TrendData/TrendEntry"):
        name = PHASES.get((entry.findtext("PhaseName") or "").strip())
        heart_rate = number((entry.findtext("HeartRate") or "").replace("?", ""))
        if name is not None and heart_rate > 0:
            measured[f"{name}_end_heart_rate"] = heart_rate

    return measured
