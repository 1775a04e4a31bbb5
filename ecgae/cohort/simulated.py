"""People who do not exist: genotypes with true LD, ECGs with planted effects, in the real formats."""

from dataclasses import dataclass, fields
from pathlib import Path

from filelock import FileLock

from ecgae.cardiosoft.rest import read_rest
from ecgae.cohort import Recording, Sources
from ecgae.cohort.ukb_rest import UKBRest, find_xml
from ecgae.simulate import Simulation, simulate


@dataclass(frozen=True)
class Simulated(Simulation):
    """A simulation's numbers, and where its files lie; they are generated on first use, then read like UK Biobank's."""

    directory: str = "data/simulated"
    workers: int = 1
    public = True
    name = "simulated"
    layouts = UKBRest.layouts
    categorical = ("centre",)

    @property
    def root(self) -> Path:
        return Path(self.directory) / f"{self.individuals}-people-{self.simulation.key}"

    @property
    def simulation(self) -> Simulation:
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
        with FileLock(self.root.with_suffix(".lock")):  # of several runs that want the cohort, one generates it
            if not self.root.is_dir():
                simulate(self.simulation, self.root, self.workers)

    def sources(self) -> Sources:
        return find_xml(self.root / "ecgs", 20205)

    def read(self, file: Path) -> Recording:
        return read_rest(file)
