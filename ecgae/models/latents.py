"""The latents file: the coordinates of every recording in the model's latent space, and how well it
was reconstructed.

- sample_id [row]: text
- visit [row]
- split [row]: training, validation, select, confirm, or none (nobody was in training)
- latents [row phenotype]: float32, NaN where a recording failed the latent QC
- phenotype [phenotype]: names of the latents
- quality/<measure> [row lead]: measures of `reconstruction_error`
- lead [lead]: names of the leads
"""

import os
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from ecgae.errors import InputError
from ecgae.people.split import CONFIRM, SELECT, TRAINING, VALIDATION
from ecgae.people.tables import Phenotypes, read_phenotypes

FORMAT = "ecgae latents 3"

NOBODY = "none"
"""The part of everybody where nobody was in training."""

SPLITS = (TRAINING, VALIDATION, SELECT, CONFIRM, NOBODY)
"""The parts that the file may name."""

FEWEST = 50
"""Number of people in whom a latent with missing values must be known, for a scan of it to mean
anything."""


class Latents(NamedTuple):
    """Latents of a cohort; `quality` holds one array [individual lead] per measure."""

    sample_ids: np.ndarray
    visits: Int[np.ndarray, " individual"]
    split: Shaped[np.ndarray, " individual"]
    """One of `SPLITS` per recording."""
    names: list[str]
    values: Float[np.ndarray, "individual phenotype"]
    leads: tuple[str, ...]
    quality: dict[str, Float[np.ndarray, "individual lead"]]

    @property
    def validation(self) -> Bool[np.ndarray, " individual"]:
        """The people who were held out of training to choose the best epoch."""
        return self.split == VALIDATION

    @property
    def judged(self) -> Bool[np.ndarray, " individual"]:
        """Whom a model is judged by: those of `SELECT`, whom training never saw; without them those
        held out for validation; everybody where nobody was in training.

        Never those of `CONFIRM`: what a model was chosen by cannot confirm it.
        """
        for unseen in (self.split == SELECT, self.validation):
            if unseen.any():
                return unseen
        return self.split != CONFIRM


def write_latents(file: Path, latents: Latents) -> None:
    """Writes the file whole or not at all: beside it first, so that a killed run leaves no half.

    It is made in memory, because on a full disk HDF5 fails in ways that no single sentence tells.
    """
    made = BytesIO()
    with h5py.File(made, "w") as target:
        target.attrs["format"] = FORMAT
        text = h5py.string_dtype()
        target.create_dataset("sample_id", data=latents.sample_ids.astype(object), dtype=text)
        target.create_dataset("split", data=latents.split.astype(object), dtype=text)
        target.create_dataset("phenotype", data=np.array(latents.names, dtype=object), dtype=text)
        target.create_dataset("lead", data=np.array(latents.leads, dtype=object), dtype=text)
        target["visit"] = latents.visits
        target["latents"] = latents.values.astype(np.float32)
        for measure, values in latents.quality.items():
            target[f"quality/{measure}"] = values.astype(np.float32)

    partial = file.with_suffix(".partial")
    partial.write_bytes(made.getvalue())
    os.replace(partial, file)


def read_latents(file: Path) -> Latents:
    """The latents in a file. Raises `InputError` for one that is missing, damaged or of another
    format."""
    try:
        with h5py.File(file, "r") as source:
            if source.attrs.get("format") != FORMAT:
                raise InputError(
                    f"{file} must be of format {FORMAT!r}; got {source.attrs.get('format')!r}. "
                    "Write it again with encode.py."
                )

            return Latents(
                sample_ids=source["sample_id"].asstr()[:],
                visits=source["visit"][:],
                split=source["split"].asstr()[:],
                names=list(source["phenotype"].asstr()[:]),
                values=source["latents"][:],
                leads=tuple(source["lead"].asstr()[:]),
                quality={measure: values[:] for measure, values in source["quality"].items()},
            )
    except (OSError, KeyError) as error:
        raise InputError(
            f"{file} must be a readable latents file; {error}. Write it again with encode.py."
        ) from None


def scored(split: Shaped[np.ndarray, " individual"]) -> Bool[np.ndarray, " individual"]:
    """Whom a score is made of: the people of `SELECT`; where there are none, all but those of
    `CONFIRM`.

    >>> scored(np.array(["training", "select", "confirm"])).tolist()
    [False, True, False]
    """
    select = split == SELECT
    return select if select.any() else split != CONFIRM


def whose(split: Shaped[np.ndarray, " individual"]) -> str:
    """Name of the people that `scored` chooses: select | all; none, where nobody was in training."""
    return SELECT if (split == SELECT).any() else NOBODY if (split == NOBODY).all() else "all"


def as_phenotypes(latents: Latents, source: str, part: str | None = None) -> Phenotypes:
    """The latents as phenotypes of an association scan; `source` names them in messages.

    part: the people analysed, such as `CONFIRM`; None: those that `scored` chooses. The others are
    left out, and so are latents that passed the latent QC in fewer than `FEWEST` of them; both are
    counted in a printed line. Raises `InputError` where nobody, or no latent, is left.
    """
    kept, what = _part_of(latents, source, part)
    values = latents.values[kept].astype(np.float64)
    tested = _known_enough(values, latents.names, source)

    return Phenotypes(
        latents.sample_ids[kept],
        latents.visits[kept],
        names=[name for name, one in zip(latents.names, tested, strict=True) if one],
        values=values[:, tested],
        source=source,
        people=what,
    )


def _part_of(
    latents: Latents, source: str, part: str | None
) -> tuple[Bool[np.ndarray, " individual"], str]:
    """Who is analysed, and what these people are called."""
    kept = scored(latents.split) if part is None else latents.split == part
    what = part or whose(latents.split)
    if not kept.any():
        raise InputError(
            f"latents must hold people of the part {what!r}; {source} has none. Another split has them."
        )
    if not kept.all():
        print(
            f"{kept.sum():,} of {len(kept):,} individuals in {source} are analysed: those of the part {what!r}"
        )
    return kept, what


def _known_enough(
    values: Float[np.ndarray, "individual phenotype"], names: Sequence[str], source: str
) -> Bool[np.ndarray, " phenotype"]:
    """Which latents are known in enough of the people to be tested."""
    known = np.isfinite(values).sum(axis=0)
    enough = (known >= FEWEST) | (known == len(values))
    if not enough.any():
        raise InputError(
            f"latents must be known for at least {FEWEST} individuals to be tested; latent_qc left none of those in "
            f"{source} that many. Raise latent_qc.highest, or train longer."
        )
    if not enough.all():
        left_out = ", ".join(name for name, one in zip(names, enough, strict=True) if not one)
        print(
            f"{(~enough).sum():,} of {len(enough):,} latents passed latent_qc in fewer than {FEWEST} individuals: "
            f"not tested: {left_out}"
        )
    return enough


def read_phenotypes_or_latents(file: Path) -> Phenotypes:
    """The phenotypes of a latents file (.h5), or of a PLINK-style table."""
    return (
        as_phenotypes(read_latents(file), file.name)
        if file.suffix == ".h5"
        else read_phenotypes(file)
    )
