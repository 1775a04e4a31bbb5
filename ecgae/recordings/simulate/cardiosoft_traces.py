"""The parts of a CardioSoft file that hold traces: lines of text, without their ends.

A trace is a list of integers, wrapped after 300 values; every line but the last ends in a comma.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int16

from ecgae.ecg import LEADS
from ecgae.recordings.simulate.dipole import DOWER
from ecgae.recordings.simulate.measurements import Onsets
from ecgae.recordings.simulate.waveform import (
    DISCLOSURE_SAMPLES,
    MEASURED,
    MEDIAN_SAMPLES,
    SAMPLING_RATE,
    STEP_MS,
    STRIP_SAMPLES,
    Recording,
)

_LINE = 300
"""Values per line; the device puts one more on the first."""

_NUMBERS = [str(number) for number in (*range(32_768), *range(-32_768, 0))]
"""Text of every 16-bit integer, by itself as an index: negative ones count from the list's end,
where they stand."""

_TO_DIPOLE = np.linalg.pinv(DOWER)


def median_samples(recording: Recording) -> list[str]:
    """The averaged beat of all leads."""
    return [
        "\t\t<MedianSamples>",
        *_sampling("\t\t\t", MEDIAN_SAMPLES),
        '\t\t\t<FirstValid units="Sample">0</FirstValid>',
        f'\t\t\t<LastValid units="Sample">{MEDIAN_SAMPLES - 1}</LastValid>',
        *_waveforms(recording.median_beat, "\t\t\t"),
        "\t\t</MedianSamples>",
    ]


def vector_loops(recording: Recording, limits: Onsets) -> list[str]:
    """The averaged beat seen along the body's axes: Dower's matrix inverted by least squares."""
    independent = recording.median_beat[MEASURED, :-1].astype(float)
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
        *wave_limits(limits, "sample", STEP_MS),
        *(
            f'{indent}<{plane} Lead="{lead}">{_wrapped(trace, indent)}</{plane}>'
            for plane, lead, trace in planes
        ),
        "\t</VectorLoops>",
    ]


def strip(recording: Recording) -> list[str]:
    """The ten-second strip and the times of its beats."""
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


def full_disclosure(recording: Recording) -> list[str]:
    """Sixteen seconds, one second of each lead after the other; nothing where it was not
    recorded."""
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


def wave_limits(limits: Onsets, unit: str, divisor: int) -> list[str]:
    """The limits of the waves, counted in `unit`s that are `divisor` ms long."""
    tags = ("POnset", "POffset", "QOnset", "QOffset", "TOffset")
    return [
        f'\t\t<{tag} units="{unit}">{ms // divisor}</{tag}>'
        for tag, ms in zip(tags, limits, strict=True)
    ]


def _sampling(indent: str, samples: int) -> list[str]:
    """How many leads and samples follow, at which rate and resolution."""
    return [
        f"{indent}<NumberOfLeads>{len(LEADS)}</NumberOfLeads>",
        f'{indent}<SampleRate units="Hz">{SAMPLING_RATE}</SampleRate>',
        f"{indent}<ChannelSampleCountTotal>{samples}</ChannelSampleCountTotal>",
        f'{indent}<Resolution units="uVperLsb">5</Resolution>',
    ]


def _waveforms(traces: Int16[np.ndarray, "lead=12 time"], indent: str) -> Iterator[str]:
    """One element per lead."""
    for lead, trace in zip(LEADS, traces, strict=True):
        yield f'{indent}<WaveformData lead="{lead}">{_wrapped(trace, indent)}</WaveformData>'


def _wrapped(trace: Int16[np.ndarray, "time"], indent: str) -> str:
    """The values as text: one more on the first line than on the others, as the device does it."""
    starts = [0, *range(_LINE + 1, len(trace), _LINE)]
    stops = [*starts[1:], len(trace)]
    return ",\r\n".join(indent + _joined(trace[a:b]) for a, b in zip(starts, stops, strict=True))


def _joined(values: Int16[np.ndarray, "time"]) -> str:
    """The values as text, separated by commas."""
    return ",".join([_NUMBERS[value] for value in values.tolist()])
