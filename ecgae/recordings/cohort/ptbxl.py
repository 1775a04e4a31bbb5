"""PTB-XL (Wagner et al., Sci Data 2020;7:154): 10-s, 12-lead ECGs in WFDB format with a table of
metadata."""

import ast
import csv
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ecgae.ecg import LEADS
from ecgae.errors import InputError
from ecgae.genetics.genetic_files import GeneticFiles
from ecgae.recordings.cohort import Candidate, LeftOut, Source, Sources
from ecgae.recordings.formats.age import age_metadata
from ecgae.recordings.formats.recording import Layout, Recording
from ecgae.recordings.formats.wfdb_records.record import read_waveform

TABLE = "ptbxl_database.csv"

FILES = {500: "filename_hr", 100: "filename_lr"}
"""The column with a recording's place, by its rate in Hz."""

REMARKS = (
    *("baseline_drift", "static_noise", "burst_noise"),
    *("electrodes_problems", "extra_beats", "pacemaker"),
)
"""Columns of free text; any text (mostly the leads concerned) makes the flag 1."""

COLUMNS = (
    *("ecg_id", "patient_id", "recording_date", "age", "sex", "height", "weight"),
    *("scp_codes", "strat_fold", "validated_by_human", *REMARKS),
)
"""Columns that the table must have, beside the one of `FILES`."""


NO_LABELS = (
    *(ValueError, TypeError, SyntaxError, MemoryError, RecursionError),
    *(AttributeError, OverflowError),
)
"""What a text raises that is no Python literal, according to `ast.literal_eval`'s documentation, or
no dictionary of numbers."""


@dataclass(frozen=True)
class PTBXL(GeneticFiles):
    """All recordings of PTB-XL; a patient's are visits 1, 2, ... by date, so that people can be
    split.

    Metadata: `age` in years (90 stands for everybody older than 89, who also have `age_over_89` 1),
    `sex_female`, `height` in cm, `weight` in kg, `strat_fold` 1-10 (the benchmark's: 1-8 train, 9
    validation, 10 test), `validated_by_human`, and a flag for each remark about noise, extra beats
    and a pacemaker. Labels: each SCP statement with its likelihood in %; 0 is a statement of
    unknown likelihood, not its absence.
    """

    ecgs: str
    records: int = 500
    public: bool = True
    name = "ptbxl"

    def __post_init__(self) -> None:
        if self.records not in FILES:
            raise InputError(f"cohort.records must be 500 or 100 (Hz); got {self.records}.")

    @property
    def layouts(self) -> dict[str, Layout]:
        return {
            "strip": Layout(LEADS, samples=10 * self.records, sampling_rate=float(self.records))
        }

    def prepare(self) -> None:
        if not (Path(self.ecgs) / TABLE).is_file():
            raise InputError(
                f"cohort.ecgs must hold {TABLE}; got {self.ecgs}. Name PTB-XL's root folder."
            )

    def sources(self) -> Sources:
        root, column = Path(self.ecgs), FILES[self.records]
        listed, left_out = _rows(root / TABLE, column)
        rows = []
        visits: Counter[str] = Counter()

        for patient, _, _, cells in listed:
            record = cells[column]
            try:
                metadata, labels = _metadata(cells), _labels(cells["scp_codes"])
            except InputError as error:
                left_out.append(LeftOut(record, str(error)))
                continue
            if not (root / f"{record}.hea").is_file():
                left_out.append(LeftOut(record, f"record must be on disk; it is only in {TABLE}"))
                continue

            visits[patient] += 1
            candidate = Candidate(visits[patient], root / record, metadata, labels)
            rows.append(Source(patient, (candidate,)))

        return Sources(rows, left_out)

    def read(self, file: Path) -> Recording:
        return Recording({"strip": read_waveform(file, LEADS)})


class _Row(NamedTuple):
    """A row of the table; rows are sorted by their first three fields."""

    patient: str
    date: str
    ecg_id: int
    cells: dict[str, str]


def _rows(table: Path, column: str) -> tuple[list[_Row], list[LeftOut]]:
    """Every usable row, a patient's recordings in the order of time."""
    rows, left_out = [], []
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            absent = sorted({*COLUMNS, column} - set(reader.fieldnames or ()))
            if absent:
                raise InputError(
                    f"{table} must have PTB-XL's columns; {', '.join(absent)} missing."
                )

            for cells in reader:
                reason = _fault(cells, column)
                if reason is None:
                    patient = f"{_number(cells['patient_id']):.0f}"
                    rows.append(_Row(patient, cells["recording_date"], int(cells["ecg_id"]), cells))
                else:
                    left_out.append(LeftOut(f"{table.name} row {reader.line_num}", reason))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{table} must be a table of text in UTF-8; {error}. Is it PTB-XL's?"
        ) from None

    return sorted(rows, key=lambda row: (row.patient, row.date, row.ecg_id)), left_out


def _fault(cells: Mapping[str, str], column: str) -> str | None:
    """Why a row of the table cannot be used, or None where it can."""
    if None in cells or None in cells.values():
        return "row must have as many cells as there are columns"
    if not _is_key(cells, column):
        return "row must have a patient_id, an ecg_id and a file below the root"
    return None


def _is_key(row: Mapping[str, str], column: str) -> bool:
    """Whether a row says whose recording it is, and where below the root it lies."""
    patient, record = _number(row["patient_id"]), Path(row[column])
    inside = bool(row[column]) and not record.is_absolute() and ".." not in record.parts
    return inside and re.fullmatch(r"\d{1,18}", row["ecg_id"]) is not None and patient % 1 == 0


def _metadata(row: Mapping[str, str]) -> dict[str, float]:
    """What the class's docstring lists; `InputError` where the sex is neither of the two codes."""
    female = _number(row["sex"])
    if female not in (0, 1):
        raise InputError(f"sex must be 0 (male) or 1 (female) in {TABLE}; got {row['sex']!r}")

    numbers = {name: _number(row[name]) for name in ("height", "weight", "strat_fold")}
    validated = float(row["validated_by_human"].strip().lower() in ("true", "1"))
    flags = {remark: float(bool(row[remark].strip())) for remark in REMARKS}
    return {
        **age_metadata(_number(row["age"])),
        "sex_female": female,
        **numbers,
        "validated_by_human": validated,
        **flags,
    }


def _labels(text: str) -> dict[str, float]:
    """SCP statements with their likelihood in %, from the text of a Python dictionary."""
    try:
        codes = ast.literal_eval(text)
        labels = {str(code): float(likelihood) for code, likelihood in codes.items()}
    except NO_LABELS:
        raise InputError(
            f"scp_codes must be a dictionary of likelihoods in {TABLE}; got {text[:40]!r}"
        ) from None

    if not all(0 <= likelihood <= 100 for likelihood in labels.values()):
        raise InputError(
            f"likelihoods in scp_codes must be 0 to 100 % in {TABLE}; got {text[:40]!r}"
        )
    return labels


def _number(text: str) -> float:
    """The number in a cell; NaN where it is empty or no finite number."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
