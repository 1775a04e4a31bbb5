"""A folder of GE MUSE XML files (not recursive), one recording each."""

from dataclasses import dataclass
from pathlib import Path

from ecgae.ecg import LEADS
from ecgae.genetics.genetic_files import GeneticFiles
from ecgae.recordings.cohort import Candidate, LeftOut, Source, Sources, require_folder
from ecgae.recordings.formats.muse_xml import read_muse
from ecgae.recordings.formats.recording import Layout, Recording


@dataclass(frozen=True)
class MUSE(GeneticFiles):
    """The XML files of a folder, one row each; `sample_id` is the file's name without suffix, so
    that no identifier inside is needed.

    Files of 250 Hz are resampled to 500 Hz. `median_beat` True demands the device's averaged beat
    of every file.
    """

    ecgs: str
    median_beat: bool = True
    public: bool = False
    name = "muse"

    @property
    def layouts(self) -> dict[str, Layout]:
        layouts = {"strip": Layout(LEADS, samples=5000, sampling_rate=500.0, resample=True)}
        if self.median_beat:
            layouts["median_beat"] = Layout(LEADS, samples=600, sampling_rate=500.0, resample=True)
        return layouts

    def prepare(self) -> None:
        require_folder(self.ecgs, "the folder of XML files")

    def sources(self) -> Sources:
        rows, left_out = [], []
        for file in sorted(Path(self.ecgs).iterdir()):
            if file.suffix.lower() == ".xml":
                rows.append(Source(file.stem, (Candidate(1, file),)))
            else:
                left_out.append(LeftOut(file.name, "name must end in .xml"))
        return Sources(rows, left_out)

    def read(self, file: Path) -> Recording:
        return read_muse(file)
