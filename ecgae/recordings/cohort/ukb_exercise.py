"""UK Biobank's exercise ECGs (field 6025): a folder of `<eid>_6025_<instance>_<array>.xml`."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ecgae.genetics.genetic_files import GeneticFiles
from ecgae.recordings.cohort import Sources, require_folder
from ecgae.recordings.cohort._ukb_folder import find_xml
from ecgae.recordings.formats.cardiosoft.exercise import LEADS, MEDIAN_LEADS, PHASES, read_exercise
from ecgae.recordings.formats.recording import Layout, Recording


@dataclass(frozen=True)
class UKBExercise(GeneticFiles):
    """One exercise test per person, divided into rest (`pretest`), `exercise` and `recovery`, with
    its averaged beats.

    `instance` 0 is recruitment, 1 the first repeat; the earliest that can be read is taken. Rest
    and exercise of one person are kinds of one row, so that they can be compared in the same
    people.
    """

    ecgs: str
    public: bool = False
    name = "ukb_exercise"
    layouts: ClassVar = {
        **{phase: Layout(LEADS, samples=None, sampling_rate=500.0) for phase in PHASES.values()},
        "medians": Layout(MEDIAN_LEADS, samples=None, sampling_rate=500.0),
    }

    def prepare(self) -> None:
        require_folder(self.ecgs, "the folder of XML files")

    def sources(self) -> Sources:
        return find_xml(Path(self.ecgs), 6025)

    def read(self, file: Path) -> Recording:
        return read_exercise(file)
