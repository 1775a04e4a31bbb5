"""The planted parameters themselves: what a simulated cohort would give to a model that reads ECGs
without error."""

from dataclasses import dataclass

import pandas as pd

from ecgae.errors import InputError
from ecgae.people.tables import read_table
from ecgae.scoring.yardstick import Measured, Source

PARAMETERS = "parameters.tsv"

FOLLOWING = ("qt_interval",)
"""Parameters that follow from others, and are not counted."""


@dataclass(frozen=True)
class Oracle:
    """Everybody's true parameters, from which their ECG was made."""

    def __call__(self, source: Source) -> Measured:
        file = None if source.truth is None else source.truth.with_name(PARAMETERS)
        if file is None or not file.is_file():
            raise InputError("truth must be known; it is of simulated cohorts only.")
        table = read_table(file).drop(columns=list(FOLLOWING), errors="ignore")
        rows = table.reindex(pd.Index(source.store.sample_ids))
        return Measured(list(table), rows.to_numpy(dtype=float))
