"""People who do not exist: genotypes with true LD, ECGs with planted effects, in the real
formats."""

from dataclasses import dataclass, fields
from pathlib import Path

from filelock import FileLock

from ecgae.recordings.cohort import Sources
from ecgae.recordings.cohort._ukb_folder import find_xml
from ecgae.recordings.formats.cardiosoft.rest import LAYOUTS, read_rest
from ecgae.recordings.formats.recording import Recording
from ecgae.recordings.simulate import Simulation, simulate


@dataclass(frozen=True)
class Simulated(Simulation):
    """A simulation's numbers, and where its files lie; they are generated on first use, then read
    like UK Biobank's."""

    directory: str = "data/simulated"
    workers: int = 1
    public = True
    name = "simulated"
    layouts = LAYOUTS
    categorical = ("centre",)

    @property
    def root(self) -> Path:
        """The folder of these people, which the numbers of the simulation name."""
        return Path(self.directory) / f"{self.individuals}-people-{self.simulation.key}"

    @property
    def simulation(self) -> Simulation:
        """The numbers alone, without the place of the files."""
        return Simulation(**{field.name: getattr(self, field.name) for field in fields(Simulation)})

    @property
    def genotypes(self) -> str:
        return str(self.root / "genotypes" / "chr")

    @property
    def covariates(self) -> str:
        return str(self.root / "covariates.tsv")

    @property
    def planted(self) -> str:
        return str(self.root / "truth" / "planted.tsv")

    def prepare(self) -> None:
        self.root.parent.mkdir(parents=True, exist_ok=True)
        # Of several runs that want the cohort, one generates it.
        with FileLock(self.root.with_suffix(".lock")):
            if not self.root.is_dir():
                simulate(self.simulation, self.root, self.workers)

    def sources(self) -> Sources:
        return find_xml(self.root / "ecgs", 20205)

    def read(self, file: Path) -> Recording:
        return read_rest(file)
