"""Who runs the association scan: one file per engine, all giving the same tables.

An engine is a frozen dataclass, called with what is to be tested and with a folder for its files.
What a new one needs is imported from here: `check_settings` for its numbers, and `scan_each`, which
makes a whole scan of a function that tests one phenotype and gives `Printed`.
"""

from pathlib import Path
from typing import Protocol, runtime_checkable

from ecgae.genetics.engine._block import UNTESTED
from ecgae.genetics.engine._gather import Printed, Rows, scan_each
from ecgae.genetics.engine._settings import check_settings
from ecgae.genetics.scan import Scan, ScanInput

__all__ = [
    "UNTESTED",
    "Engine",
    "Printed",
    "Rows",
    "Scan",
    "ScanInput",
    "check_settings",
    "scan_each",
]


@runtime_checkable
class Engine(Protocol):
    """Tests every phenotype on every variant.

    Writes `associations.parquet` into `folder`: the candidates. What it leaves there unfinished is
    its own and lets the same call go on later.
    """

    @property
    def transform(self) -> str:
        """How phenotypes are transformed before they are tested: none | zscore | rint."""
        ...

    @property
    def report_below(self) -> float:
        """p-value above which associations are only counted."""
        ...

    def __call__(self, inputs: ScanInput, folder: Path) -> Scan: ...
