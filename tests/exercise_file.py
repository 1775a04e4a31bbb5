"""Writes files structurally like UK Biobank's field 6025, of people who do not exist."""

import numpy as np

LEADS = ("I", "2", "3")
PROTOCOL = (("Pretest", 0, 4), ("Exercise", 0, 5), ("Exercise", 0, 3), ("Rest", 0, 6))
"""Name, minutes and seconds of each phase; the real ones have 15 s, 2 min, 4 min, 1 min."""


def trace(seconds: float, rate: int = 50, seed: int = 0) -> np.ndarray:
    """Three smooth leads of different size."""
    time = np.arange(round(seconds * rate)) / rate
    phases = np.random.default_rng(seed).uniform(0, 6, 3)
    return np.rint(
        300 * np.sin(2 * np.pi * 1.3 * time + phases[:, None]) + 20 * np.arange(3)[:, None]
    ).astype(int)


def clock(tag: str, minute: object, second: object) -> str:
    return f"<{tag}><Minute>{minute}</Minute><Second>{second}</Second></{tag}>"


def numbers(values: np.ndarray) -> str:
    words = [f"{value:d}" for value in values]
    return "\r\n\t\t\t".join(
        ",".join(words[start : start + 25]) + "," for start in range(0, len(words), 25)
    )


def full_disclosure(
    traces: np.ndarray,
    start=1,
    rate: int = 50,
    leads="I,2,3",
    total: int | None = None,
    header="",
    interleaved=False,
) -> str:
    blocks = traces.T if interleaved else traces.reshape(3, -1, rate).swapaxes(0, 1)
    return (
        f"<FullDisclosure>{clock('StartTime', 0, start)}<NumberOfChannels>3</NumberOfChannels>"
        f'<SampleRate units="Hz">{rate}</SampleRate>{header}<LeadOrder>{leads}</LeadOrder>'
        f"<FullDisclosureData>\r\n\t\t\t{numbers(blocks.ravel())}"
        f"<SampleCountTotal>{traces.size if total is None else total}</SampleCountTotal></FullDisclosureData>"
        "</FullDisclosure>\r\n"
    )


def medians(beats: list[np.ndarray], leads=LEADS) -> str:
    text = "".join(
        "<Median>"
        + "".join(
            f'<WaveformData lead="{lead}">{numbers(row)[:-1]}</WaveformData>'
            for lead, row in zip(leads, beat, strict=False)
        )
        + "</Median>"
        for beat in beats
    )
    return f"<MedianData>{text}</MedianData>\r\n"


def protocol(phases=PROTOCOL) -> str:
    return (
        "<Protocol>"
        + "".join(
            f"<Phase><PhaseName>{name}</PhaseName><ProtocolName>bike</ProtocolName>"
            f"{clock('PhaseDuration', *duration)}</Phase>"
            for name, *duration in phases
        )
        + "</Protocol>\r\n"
    )


TREND = "".join(
    f"<TrendEntry>{clock('EntryTime', 0, second)}<PhaseName>{phase}</PhaseName>"
    f"<HeartRate units='bpm'>{rate}</HeartRate></TrendEntry>"
    for second, phase, rate in (
        (1, "Pretest", "60"),
        (3, "Pretest", "64?"),
        (11, "Exercise", "120"),
        (15, "Rest", ""),
    )
)


def exercise(*sections: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="ISO-8859-1" ?>\r\n<CardiologyXML><ObservationType>ExerciseECG</ObservationType>'
        "<PatientInfo><PID>SECRET</PID><Name><FamilyName>M\xfcller</FamilyName></Name></PatientInfo>"
        "<FilterSetting><CubicSpline>no</CubicSpline><Filter50Hz>yes</Filter50Hz><LowPass units='Hz'>40</LowPass>"
        "</FilterSetting><ExerciseMeasurements><MaxHeartRate>131</MaxHeartRate><MaxPredictedHR>160</MaxPredictedHR>"
        "<MaxWorkload units='Watts'>90</MaxWorkload><RestingStats><RestHR>61</RestHR></RestingStats>"
        f"</ExerciseMeasurements>\r\n<TrendData>{TREND}</TrendData>"
        '<StripData><SampleRate units="Hz">50</SampleRate><Resolution units="uVperLsb">5</Resolution></StripData>'
        f"{''.join(sections)}</CardiologyXML>\r\n"
    ).encode("latin-1")
