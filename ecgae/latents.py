"""The latents file: the coordinates of every recording in the model's latent space, and how well it was reconstructed.

sample_id [row] text; visit [row]; validation [row] True where the person was held out of training
latents [row phenotype] float32; phenotype [phenotype] text
quality/<measure> [row lead]; lead [lead] text
"""

import os
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from jaxtyping import Bool, Float, Int

from ecgae.errors import InputError
from ecgae.tables import Phenotypes, read_phenotypes

FORMAT = "ecgae latents 1"


class Latents(NamedTuple):
    """Latents of a cohort; `quality` holds one array [individual lead] per measure."""

    sample_ids: np.ndarray
    visits: Int[np.ndarray, "individual"]
    validation: Bool[np.ndarray, "individual"]
    names: list[str]
    values: Float[np.ndarray, "individual phenotype"]
    leads: tuple[str, ...]
    quality: dict[str, Float[np.ndarray, "individual lead"]]


def write_latents(file: Path, latents: Latents) -> None:
    """Writes beside the file first, so that a killed run leaves no half of one."""
    partial = file.with_suffix(".partial")
    with h5py.File(partial, "w") as target:
        target.attrs["format"] = FORMAT
        text = h5py.string_dtype()
        target.create_dataset("sample_id", data=latents.sample_ids.astype(object), dtype=text)
        target.create_dataset("phenotype", data=np.array(latents.names, dtype=object), dtype=text)
        target.create_dataset("lead", data=np.array(latents.leads, dtype=object), dtype=text)
        target["visit"] = latents.visits
        target["validation"] = latents.validation
        target["latents"] = latents.values.astype(np.float32)
        for measure, values in latents.quality.items():
            target[f"quality/{measure}"] = values.astype(np.float32)
    os.replace(partial, file)


def read_latents(file: Path) -> Latents:
    """Raises `InputError` for a file that is missing, damaged or of another format."""
    try:
        with h5py.File(file, "r") as source:
            if source.attrs.get("format") != FORMAT:
                raise InputError(f"{file} must be of format {FORMAT!r}; got {source.attrs.get('format')!r}.")
            return Latents(
                sample_ids=source["sample_id"].asstr()[:],
                visits=source["visit"][:],
                validation=source["validation"][:],
                names=list(source["phenotype"].asstr()[:]),
                values=source["latents"][:],
                leads=tuple(source["lead"].asstr()[:]),
                quality={measure: values[:] for measure, values in source["quality"].items()},
            )
    except (OSError, KeyError) as error:
        raise InputError(f"{file} must be a readable latents file; {error}. Write it again with encode.py.") from None


def as_phenotypes(latents: Latents, source: str) -> Phenotypes:
    """The latents as phenotypes of an association scan; `source` names them in messages."""
    return Phenotypes(latents.sample_ids, latents.visits, latents.names, latents.values.astype(np.float64), source)


def read_phenotypes_or_latents(file: Path) -> Phenotypes:
    """A latents file (.h5), or a PLINK-style table of phenotypes."""
    return as_phenotypes(read_latents(file), file.name) if file.suffix == ".h5" else read_phenotypes(file)
