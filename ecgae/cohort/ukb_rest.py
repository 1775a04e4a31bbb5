"""UK Biobank's resting ECGs (field 20205): a folder of `<eid>_20205_<instance>_<array>.xml`."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ecgae.cardiosoft.rest import read_rest
from ecgae.cohort import Candidate, Layout, LeftOut, Recording, Source, Sources, require_folder
from ecgae.ecg import LEADS


@dataclass(frozen=True)
class UKBRest:
    """One recording per person: the earliest visit that can be read, so `2_0` wins over `3_0`.

    `instance` 2 is the first imaging visit, 3 the repeat. The covariates' table may have a `visit` column; a row is
    then used only for the ECG of that visit.
    """

    ecgs: str
    genotypes: str | None = None
    covariates: str | None = None
    categorical: Sequence[str] = ()
    planted: str | None = None
    public: bool = False
    name = "ukb_rest"
    layouts: ClassVar = {
        "strip": Layout(LEADS, samples=5000, sampling_rate=500.0),
        "median_beat": Layout(LEADS, samples=600, sampling_rate=500.0),
        "full_disclosure": Layout(LEADS, samples=None, sampling_rate=500.0),
    }

    def prepare(self) -> None:
        require_folder(self.ecgs, "the folder of XML files")

    def sources(self) -> Sources:
        return find_xml(Path(self.ecgs), 20205)

    def read(self, file: Path) -> Recording:
        return read_rest(file)


def find_xml(folder: Path, field: int) -> Sources:
    """All recordings of `field` in `folder` (not below it), grouped by person, earliest visit first."""
    name = re.compile(rf"(?P<sample_id>.+)_{field}_(?P<instance>\d+)_(?P<array>\d+)\.xml", re.IGNORECASE)
    candidates: dict[str, list[tuple[int, int, Path]]] = defaultdict(list)
    left_out = []
    for file in sorted(folder.iterdir()):
        match = name.fullmatch(file.name)
        if match:
            candidates[match["sample_id"]].append((int(match["instance"]), int(match["array"]), file))
        else:
            left_out.append(LeftOut(file.name, f"name must be <eid>_{field}_<instance>_<array>.xml"))
    return Sources([_source(sample_id, files) for sample_id, files in sorted(candidates.items())], left_out)


def _source(sample_id: str, files: Sequence[tuple[int, int, Path]]) -> Source:
    return Source(sample_id, tuple(Candidate(instance, file) for instance, _, file in sorted(files)))
