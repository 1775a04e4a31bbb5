"""PTB-XL (Wagner et al., Sci Data 2020;7:154): 10-s, 12-lead ECGs in WFDB format with a table of metadata."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from ecgae.cohort import Candidate, Layout, LeftOut, Recording, Source, Sources, Waveform
from ecgae.ecg import LEADS, lead_name
from ecgae.errors import InputError


@dataclass(frozen=True)
class PTBXL:
    """All recordings at 500 Hz; a patient's recordings are visits 1, 2, ... by date, so that people can be split."""

    ecgs: str
    genotypes: str | None = None
    covariates: str | None = None
    categorical: Sequence[str] = ()
    planted: str | None = None
    public: bool = True
    name = "ptbxl"
    layouts: ClassVar = {"strip": Layout(LEADS, samples=5000, sampling_rate=500.0)}

    def prepare(self) -> None:
        if not (Path(self.ecgs) / "ptbxl_database.csv").is_file():
            raise InputError(f"cohort.ecgs must hold ptbxl_database.csv; got {self.ecgs}. Name PTB-XL's root folder.")

    def sources(self) -> Sources:
        table = pd.read_csv(Path(self.ecgs) / "ptbxl_database.csv")
        table = table.sort_values(["patient_id", "recording_date", "ecg_id"])
        visits = table.groupby("patient_id").cumcount() + 1
        found, left_out = [], []
        for patient, visit, record in zip(table.patient_id, visits, table.filename_hr, strict=True):
            file = Path(self.ecgs) / record
            if file.with_suffix(".hea").is_file():
                found.append(Source(f"{patient:.0f}", (Candidate(int(visit), file),)))
            else:
                left_out.append(LeftOut(record, "record is in ptbxl_database.csv but not on disk"))
        return Sources(found, left_out)

    def read(self, file: Path) -> Recording:
        return Recording(strip=_read_record(file), median_beat=None, measurements={})


def _read_record(file: Path) -> Waveform:
    try:
        import wfdb
    except ModuleNotFoundError:
        raise InputError('cohort=ptbxl needs the wfdb package. Install it: pip install "ecgae[wfdb]"') from None
    try:
        record = wfdb.rdrecord(str(file), physical=False)
    except (OSError, ValueError, IndexError) as error:
        raise InputError(f"WFDB record must be readable; {error}") from None
    order = {lead_name(name): column for column, name in enumerate(record.sig_name)}
    missing = [lead for lead in LEADS if lead not in order]
    if missing:
        raise InputError(f"all 12 leads must be there; {', '.join(missing)} missing")
    columns = [order[lead] for lead in LEADS]
    gains = {record.adc_gain[column] for column in columns}
    if len(gains) > 1 or min(gains) <= 0 or {record.units[column] for column in columns} != {"mV"}:
        raise InputError("all leads must have the same positive gain in counts per mV")
    counts = record.d_signal[:, columns].T - np.array(record.baseline)[columns, None]
    if np.abs(counts).max(initial=0) > 32767:
        raise InputError("samples must lie within +-32767 counts")
    return Waveform(counts.astype(np.int16), resolution=1 / gains.pop(), sampling_rate=float(record.fs))
