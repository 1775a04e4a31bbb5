"""The synthetic cohort: genotypes with LD and structure, ECGs with planted effects, in the real
file formats."""

from ecgae.recordings.simulate.simulation import Simulation
from ecgae.recordings.simulate.write import simulate

__all__ = ["Simulation", "simulate"]
