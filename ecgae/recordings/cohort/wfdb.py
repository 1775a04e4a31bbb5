"""Any folder of WFDB records: PhysioNet's databases, and those of its challenges (CinC), whose
samples are `.mat`."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ecgae.ecg import LEADS, standard_name
from ecgae.errors import InputError
from ecgae.genetics.genetic_files import GeneticFiles
from ecgae.recordings.cohort import (
    Candidate,
    LeftOut,
    Source,
    Sources,
    require_folder,
    require_leads,
)
from ecgae.recordings.formats.age import age_metadata
from ecgae.recordings.formats.recording import Layout, Recording
from ecgae.recordings.formats.wfdb_records.header import Header, read_header
from ecgae.recordings.formats.wfdb_records.record import read_waveform

COMMENT = re.compile(r"<?(age|sex|dx)>?\s*:\s*(.*)", re.IGNORECASE)
"""What a header's comments say about the person, as CinC ("#Age: 56") and LUDB ("#<age>: 56") write
it."""

SEX_FEMALE = {"female": 1.0, "f": 1.0, "male": 0.0, "m": 0.0}
"""`sex_female` by the word that a comment has for the sex."""


@dataclass(frozen=True)
class WFDB(GeneticFiles):
    """All WFDB records below a folder; `sample_id` is the record's name, or its path where two have
    the same name.

    Records keep their length; those of another rate are resampled to `sampling_rate` Hz. III, aVR,
    aVL and aVF are derived where a record has only I and II. `gain`, in counts per mV, overrides
    the headers' (LUDB: 1000, because its headers scale each lead to one height). A record of
    several segments is one recording.

    Metadata: `age` in years (90 for everybody older than 89), `age_over_89`, `sex_female`, where
    the header's comments have them. Labels: the codes of a comment "Dx" (SNOMED CT in CinC's), each
    with 100 %.
    """

    ecgs: str
    leads: Sequence[str] = LEADS
    sampling_rate: float = 500.0
    gain: float | None = None
    public: bool = False
    name = "wfdb"

    def __post_init__(self) -> None:
        require_leads(self.leads, "[I, II]")
        if not 0 < self.sampling_rate < math.inf:
            raise InputError(f"cohort.sampling_rate must be positive; got {self.sampling_rate} Hz.")
        if self.gain is not None and not 0 < self.gain < math.inf:
            raise InputError(
                f"cohort.gain must be positive, or null for the headers'; got {self.gain} counts per mV."
            )

    @property
    def layouts(self) -> dict[str, Layout]:
        leads = tuple(standard_name(lead) for lead in self.leads)
        return {
            "strip": Layout(
                leads, samples=None, sampling_rate=float(self.sampling_rate), resample=True
            )
        }

    def prepare(self) -> None:
        require_folder(self.ecgs, "the records' folder")

    def sources(self) -> Sources:
        root = Path(self.ecgs)
        records, left_out, segments = [], [], set()

        for file in sorted(root.rglob("*.hea")):
            record = file.with_suffix("")
            try:
                header = read_header(record)
            except (InputError, OSError) as error:
                left_out.append(LeftOut(file.relative_to(root).as_posix(), str(error)))
                continue
            segments |= {record.with_name(segment.name) for segment in header.segments}
            records.append((record, header))

        whole = [(record, header) for record, header in records if record not in segments]
        repeats = Counter(record.name for record, _ in whole)
        rows = []
        for record, header in whole:
            unique = repeats[record.name] == 1
            sample_id = record.name if unique else record.relative_to(root).as_posix()
            rows.append(Source(sample_id, (Candidate(1, record, *_comments(header)),)))
        return Sources(rows, left_out)

    def read(self, file: Path) -> Recording:
        return Recording({"strip": read_waveform(file, self.leads, self.gain)})


def _comments(header: Header) -> tuple[dict[str, float], dict[str, float]]:
    """The metadata and the labels that a header's comments hold; nothing else in them is read."""
    metadata: dict[str, float] = {}
    labels: dict[str, float] = {}
    for comment in header.comments:
        match = COMMENT.fullmatch(comment)
        if match is None:
            continue
        key, value = match[1].lower(), match[2].strip()
        if key == "age":
            metadata |= age_metadata(_years(value))
        elif key == "sex":
            metadata["sex_female"] = SEX_FEMALE.get(value.lower(), math.nan)
        else:
            labels |= {code.strip(): 100.0 for code in value.split(",") if code.strip()}
    return metadata, labels


def _years(text: str) -> float:
    """The years of an age as text: ">89" counts as 90, and "Unknown" as NaN."""
    match = re.fullmatch(r"(>?)\s*(\d{1,3}(?:\.\d{1,6})?)", text)
    return float(match[2]) + (1 if match[1] else 0) if match else math.nan
