"""Writes files structurally like GE MUSE's XML export, of people who do not exist."""

import base64
from collections.abc import Mapping

import numpy as np

from ecgae.ecg import INDEPENDENT_LEADS


def lead_data(lead: str, trace: np.ndarray, **changed: str) -> str:
    content = trace.astype("<i2").tobytes()
    text = base64.b64encode(content).decode()
    fields = {
        "LeadByteCountTotal": str(len(content)),
        "LeadTimeOffset": "0",
        "LeadSampleCountTotal": str(len(trace)),
        "LeadAmplitudeUnitsPerBit": "4.88",
        "LeadAmplitudeUnits": "MICROVOLTS",
        "LeadHighLimit": "32767",
        "LeadLowLimit": "-32768",
        "LeadID": lead,
        "LeadOffsetFirstSample": "0",
        "FirstSampleBaseline": "0",
        "LeadSampleSize": "2",
        "LeadOff": "FALSE",
        "BaselineSway": "FALSE",
        "LeadDataCRC32": "1",
        "WaveFormData": "\n"
        + "\n".join(text[start : start + 76] for start in range(0, len(text), 76))
        + "\n",
        **changed,
    }
    return f"<LeadData>{''.join(f'<{tag}>{value}</{tag}>' for tag, value in fields.items())}</LeadData>\n"


def waveform(
    kind: str,
    traces: np.ndarray,
    leads=INDEPENDENT_LEADS,
    rate: str = "500",
    exponent: str = "0",
    **changed: str,
) -> str:
    data = "".join(
        lead_data(lead, trace, **changed) for lead, trace in zip(leads, traces, strict=True)
    )
    return (
        f"<Waveform><WaveformType>{kind}</WaveformType><WaveformStartTime>0</WaveformStartTime>"
        f"<NumberofLeads>{len(leads)}</NumberofLeads><SampleType>CONTINUOUS_SAMPLES</SampleType>"
        f"<SampleBase>{rate}</SampleBase><SampleExponent>{exponent}</SampleExponent>"
        "<HighPassFilter>16</HighPassFilter><LowPassFilter>150</LowPassFilter><ACFilter>50</ACFilter>"
        f"{data}</Waveform>\n"
    )


MEASURED: Mapping[str, str] = {
    "VentricularRate": "60", "AtrialRate": "60", "PRInterval": "160", "QRSDuration": "90", "QTInterval": "400",
    "QTCorrected": "401", "PAxis": "50", "RAxis": "-20", "TAxis": "", "QRSCount": "3", "QOnset": "217",
    "QOffset": "262", "POnset": "137", "POffset": "190", "TOffset": "417", "ECGSampleBase": "500",
    "ECGSampleExponent": "0",
}  # fmt: skip


def muse(
    *waveforms: str,
    beats: tuple[int, ...] = (300, 800, 1300),
    interval: str = "1000",
    statement: str = "Normal ECG",
) -> str:
    measured = "".join(f"<{tag}>{value}</{tag}>" for tag, value in MEASURED.items())
    qrs = "".join(
        f"<QRS><Number>{number}</Number><Type>0</Type><Time>{time}</Time></QRS>"
        for number, time in enumerate(beats, 1)
    )
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE RestingECG SYSTEM "restecg.dtd">\n<RestingECG>\n'
        "<MuseInfo><MuseVersion>9.0</MuseVersion></MuseInfo>"
        "<PatientDemographics><PatientID>SECRET</PatientID><PatientAge>200</PatientAge><Gender>FEMALE</Gender>"
        "<PatientLastName>M\xfcller</PatientLastName></PatientDemographics>\n"
        f"<RestingECGMeasurements>{measured}</RestingECGMeasurements>\n"
        f"<Diagnosis><DiagnosisStatement><StmtText>{statement}</StmtText></DiagnosisStatement></Diagnosis>\n"
        f"<QRSTimesTypes>{qrs}<GlobalRR>{interval}</GlobalRR></QRSTimesTypes>\n{''.join(waveforms)}</RestingECG>\n"
    )
