"""Whom the user wants analysed: lists of ids, conditions on columns of the covariates, no two
relatives."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int, Shaped

from ecgae.errors import InputError
from ecgae.people.conditions import Condition
from ecgae.people.covariate_table import Covariates
from ecgae.people.families import THIRD_DEGREE, read_pairs, unrelated
from ecgae.people.ids import other_spelling, read_ids

Mask = Bool[np.ndarray, " individual"]

LISTS = (
    ("withdrawn", "withdrew consent", True),
    ("remove", "are in {}", True),
    ("keep", "are not in {}", False),
)
"""Field, what its people have in common, and whether being in the list leaves out."""


class Listed(NamedTuple):
    """Who is left out by lists of ids."""

    reasons: dict[str, Mask]
    """Who is left out, by what "they" did or are."""
    notes: list[str]
    """Lines that say how many ids of a list are nobody's."""


@dataclass(frozen=True)
class Individuals:
    """Leaves people out before anything is asked of them; null and [] leave out nobody.

    Raises `InputError` for a condition that cannot be read, and for kinship coefficients that
    cannot be.
    """

    withdrawn: str | None = None
    """List of the ids of those who withdrew their consent."""
    keep: str | None = None
    """List of ids: only these people are analysed."""
    remove: str | None = None
    """List of ids: these people are not analysed."""
    where: Sequence[str] = ()
    """Conditions on columns of the covariates; all must hold."""
    relatives: str | None = None
    """Table of related pairs: of relatives with a kinship above `max_kinship` as many stay as can
    without two who are related. Without a column Kinship, every pair counts."""
    max_kinship: float = THIRD_DEGREE

    def __post_init__(self) -> None:
        if isinstance(self.where, str):
            raise InputError(
                f"individuals.where must be a list of conditions; got {self.where!r} alone."
            )
        for text in self.where:
            Condition.parse(text)
        if not (math.isfinite(self.max_kinship) and 0 <= self.max_kinship < 0.5):
            raise InputError(
                f"individuals.max_kinship must be from 0 to below 0.5; got {self.max_kinship:g}. "
                "0.0442 is the least of third-degree relatives, 0.0884 of second-degree and 0.177 of first-degree ones."
            )

    def check(self, covariates: Covariates | None) -> None:
        """Raises `InputError` where a list, the relatives or a column cannot be used, before
        anything long."""
        nobody = np.array([], dtype=str)
        self.listed(nobody)
        self.related(nobody)
        if covariates is not None or self.where:
            self.unfit(covariates, np.array([], dtype=np.int64))

    def listed(self, sample_ids: Shaped[np.ndarray, " individual"]) -> "Listed":
        """Who is left out by a list. Raises `InputError` where a list means these people but writes
        ids otherwise."""
        reasons, notes = {}, []
        for name, reason, leaves_out in LISTS:
            file = getattr(self, name)
            if file is None:
                continue

            ids = read_ids(file, f"individuals.{name}")
            listed = pd.Index(sample_ids).isin(ids)
            reasons[reason.format(Path(file).name)] = listed == leaves_out
            hint = "" if listed.any() else other_spelling(sorted(ids), sample_ids)
            if hint:
                raise InputError(
                    f"individuals.{name} must write ids as the phenotypes do; {file} names nobody: {hint}"
                )

            nobody = len(ids) - int(listed.sum())
            if nobody:
                notes.append(
                    f"{nobody:,} of {len(ids):,} ids in {Path(file).name} are nobody's here"
                )
        return Listed(reasons, notes)

    def unfit(
        self, covariates: Covariates | None, rows: Int[np.ndarray, " individual"]
    ) -> dict[str, Mask]:
        """Who does not meet which condition; `rows` of the covariates, and who has none (-1) is not
        judged."""
        if not self.where:
            return {}
        if covariates is None:
            raise InputError(
                f"covariates must be named where individuals.where asks for {self.where[0]}; got none."
            )
        reasons = {}
        for condition in map(Condition.parse, self.where):
            met = condition.holds(covariates.table, covariates.source)
            reasons[f"do not have {condition}"] = (
                (rows >= 0) & ~met[rows] if len(met) else np.zeros(len(rows), bool)
            )
        return reasons

    def related(self, sample_ids: Shaped[np.ndarray, " individual"]) -> dict[str, Mask]:
        """Who of these people is left out for a relative who stays."""
        if self.relatives is None:
            return {}
        pairs = read_pairs(self.relatives)
        every = pairs["kinship"].isna().any()
        limit = "every pair" if every else f"kinship above {self.max_kinship:g}"
        reason = f"have a relative who stays, {limit} in {Path(self.relatives).name}"
        return {reason: ~unrelated(sample_ids, pairs, self.max_kinship)}
