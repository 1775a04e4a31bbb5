"""UK Biobank's resting ECGs (field 20205): a folder of `<eid>_20205_<instance>_<array>.xml`."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ecgae.genetics.genetic_files import GeneticFiles
from ecgae.recordings.cohort import Sources, require_folder
from ecgae.recordings.cohort._ukb_folder import find_xml
from ecgae.recordings.formats.cardiosoft.rest import LAYOUTS, read_rest
from ecgae.recordings.formats.recording import Recording


@dataclass(frozen=True)
class UKBRest(GeneticFiles):
    """One resting ECG per person: the earliest visit that can be read, so `2_0` wins over `3_0`.

    `instance` 2 is the first imaging visit, 3 the repeat. The covariates' table may have a `visit`
    column; a row is then used only for the ECG of that visit.
    """

    ecgs: str
    public: bool = False
    name = "ukb_rest"
    layouts: ClassVar = LAYOUTS

    def prepare(self) -> None:
        require_folder(self.ecgs, "the folder of XML files")

    def sources(self) -> Sources:
        return find_xml(Path(self.ecgs), 20205)

    def read(self, file: Path) -> Recording:
        return read_rest(file)
