"""MIT-BIH Arrhythmia Database (Moody and Mark, IEEE Eng Med Biol 2001;20:45): half-hours with every
beat annotated."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecgae.ecg import standard_name
from ecgae.errors import InputError
from ecgae.genetics.genetic_files import GeneticFiles
from ecgae.recordings.cohort import Candidate, LeftOut, Source, Sources, require_leads
from ecgae.recordings.formats.recording import Beats, Layout, Recording
from ecgae.recordings.formats.wfdb_records.annotations import Annotations, read_annotations
from ecgae.recordings.formats.wfdb_records.record import read_waveform

DS1 = (
    *("101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122"),
    *("124", "201", "203", "205", "207", "208", "209", "215", "220", "223", "230"),
)
"""Training records of the inter-patient split (de Chazal et al., IEEE Trans Biomed Eng
2004;51:1196)."""

DS2 = (
    *("100", "103", "105", "111", "113", "117", "121", "123", "200", "202", "210"),
    *("212", "213", "214", "219", "221", "222", "228", "231", "232", "233", "234"),
)
"""Test records of the inter-patient split of de Chazal et al."""

PACED = ("102", "104", "107", "217")
"""Records of paced rhythm, in neither set. 207, paced by some accounts, is not: it has ventricular
flutter."""

SAME_PERSON = {"202": "201"}
"""The first record of a person, by his second one: 201 and 202 are one man's."""

AAMI = {
    symbol: name
    for name, symbols in {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}.items()
    for symbol in symbols
}
"""The class of each beat's symbol (ANSI/AAMI EC57); all other symbols (+ ~ | ! " [ ] x) mark no
beat."""


@dataclass(frozen=True)
class MITBIH(GeneticFiles):
    """The database's records, one row each, with the beats' AAMI classes N, S, V, F, Q.

    Records 201 and 202 are one man's. They have one `sample_id` (201, visits 1 and 2), so that no
    split of people puts him on both sides. The field's inter-patient split does: 201 is in DS1, 202
    in DS2. `dataset` keeps it as published.

    Metadata: `record` (its number), `dataset` (1 or 2; NaN in neither), `paced`, `non_beats`
    (annotations without a beat, which are left out of `beats`).
    """

    ecgs: str
    leads: Sequence[str] = ("MLII",)
    public: bool = True
    name = "mitbih"

    def __post_init__(self) -> None:
        require_leads(self.leads, "[MLII]")

    @property
    def layouts(self) -> dict[str, Layout]:
        leads = tuple(standard_name(lead) for lead in self.leads)
        return {"strip": Layout(leads, samples=None, sampling_rate=360.0)}

    def prepare(self) -> None:
        folder = Path(self.ecgs)
        if not folder.is_dir() or not any(folder.glob("*.hea")):
            raise InputError(
                f"cohort.ecgs must be a folder of WFDB records; got {self.ecgs}. Name MIT-BIH's folder."
            )

    def sources(self) -> Sources:
        rows, left_out = [], []
        for header in sorted(Path(self.ecgs).glob("*.hea")):
            record = header.stem
            if record not in {*DS1, *DS2, *PACED}:
                left_out.append(LeftOut(header.name, "record must be one of MIT-BIH's 48"))
                continue
            visit = 1 + (record in SAME_PERSON)
            candidate = Candidate(visit, header.with_suffix(""), _metadata(record))
            rows.append(Source(SAME_PERSON.get(record, record), (candidate,)))
        return Sources(rows, left_out)

    def read(self, file: Path) -> Recording:
        strip = read_waveform(file, self.leads)
        annotations = read_annotations(file)
        beats = aami_beats(annotations)
        metadata = {"non_beats": float(len(annotations.symbols) - len(beats.classes))}
        return Recording({"strip": strip}, metadata=metadata, beats=beats)


def aami_beats(annotations: Annotations) -> Beats:
    """The annotated beats with their AAMI class; annotations of rhythm, noise and waves are left
    out."""
    places = [place for place, symbol in enumerate(annotations.symbols) if symbol in AAMI]
    return Beats(
        annotations.times[np.array(places, dtype=int)],
        tuple(AAMI[annotations.symbols[place]] for place in places),
    )


def _metadata(record: str) -> dict[str, float]:
    dataset = 1.0 if record in DS1 else 2.0 if record in DS2 else np.nan
    return {"record": float(record), "dataset": dataset, "paced": float(record in PACED)}
