"""Run directories with made-up results of a known truth, for tests of what reads many of them."""

import copy
import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from conftest import composed
from omegaconf import OmegaConf

from ecgae.runs.run_directory import run_name
from ecgae.scoring.scored_yardsticks import SECTIONS

CHROMOSOMES = 16
LOCI_EACH = 3
VARIANTS = 1000
"""Of each chromosome."""
Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@cache
def _shipped() -> str:
    return json.dumps(
        OmegaConf.to_container(
            composed("paths.runs=x", "paths.data=x", "paths.cache=x"), resolve=True
        )
    )


def config(**values) -> dict:
    """The shipped config with `section__key=value`; a section's own value is a choice:
    denoiser="dwt"."""
    made = copy.deepcopy(json.loads(_shipped()))
    made.pop("hydra", None)
    for key, value in values.items():
        section, _, name = key.partition("__")
        if name:
            made[section][name] = value
        elif isinstance(made.get(section), dict):
            made[section] = {"_target_": f"ecgae.{section}.{value}.Component"}
        else:
            made[section] = value
    return made


def found_with(random: np.random.Generator, chance: float) -> np.ndarray:
    """Which planted loci [chromosome locus] a model finds, each by the same chance."""
    return random.random((CHROMOSOMES, LOCI_EACH)) < chance


def exactly(chromosomes, each=LOCI_EACH):
    """So many loci on the first chromosomes, none on the others."""
    found = np.zeros((CHROMOSOMES, LOCI_EACH), dtype=bool)
    found[:chromosomes, :each] = True
    return found


def write_run(folder: Path, found: np.ndarray, name: str | None = None, **values) -> Path:
    """A run that found these of the planted loci, `values` being those of `config`."""
    made = config(**values)
    return write(folder / (name or run_name(made)), made, found)


def write_yardstick(folder: Path, found: np.ndarray, yardstick: str) -> Path:
    made = {name: part for name, part in config().items() if name in SECTIONS}
    return write(
        folder / "yardsticks" / f"{yardstick}-12345678",
        made | {"yardstick": yardstick},
        found,
        r2=None,
    )


def write(directory: Path, made: dict, found: np.ndarray, r2: float | None = 0.9, **score) -> Path:
    directory.mkdir(parents=True)
    (directory / "config.yaml").write_text(yaml.dump(made, Dumper=Dumper, sort_keys=False))
    table = loci(found)
    table.to_csv(directory / "loci.tsv", sep="\t", index=False)
    table.to_csv(directory / "omnibus_loci.tsv", sep="\t", index=False)
    change(directory, **(_score(found, r2) | score))
    return directory


def change(directory: Path, **score) -> None:
    """Other numbers in the run's score.json."""
    file = directory / "score.json"
    old = json.loads(file.read_text()) if file.is_file() else {}
    file.write_text(json.dumps(old | score))


def loci(found: np.ndarray) -> pd.DataFrame:
    """One locus in every megabase of which `found` is true."""
    chromosome, place = np.nonzero(found)
    position = (place + 1) * 1_000_000
    name = [f"rs{one}_{two}" for one, two in zip(chromosome + 1, place, strict=True)]
    return pd.DataFrame(
        {
            "chromosome": chromosome + 1, "start": position - 500, "end": position + 500, "index_variant": name,
            "rsid": name, "base_pair_location": position, "neg_log_10_p_value": 12.0 - place, "known": "",
            "planted": name,
        }
    )  # fmt: skip


def _score(found: np.ndarray, r2: float | None) -> dict:
    each = {str(number + 1): int(count) for number, count in enumerate(found.sum(axis=1))}
    counts = dict.fromkeys(("loci", "omnibus_loci", "hits", "hit_variants"), int(found.sum()))
    excess = {name: count / 10 for name, count in each.items()}
    errors = dict.fromkeys(
        (*counts, "excess_chi2", "excess_chi2_at_known", "summed_heritability"), 0.5
    )
    model = {} if r2 is None else {"r2_recorded": r2, "bypass_index": 20.0, "latent_qc_dropped": 0}
    return counts | model | {
        "acat_loci": int(found.sum()), "loci_at_known": 0, "excess_chi2": float(np.mean(list(excess.values()))),
        "excess_chi2_at_known": None, "summed_heritability": 0.8, "genomic_inflation": 1.01, "n_individuals": 2000,
        "n_variants": VARIANTS * CHROMOSOMES, "valid": True, "invalid_because": [], "gate": {}, "select_by": "loci",
        "scored_people": "select", "people_fingerprint": "0123456789ab", "variants_fingerprint": "ba9876543210",
        "recovered_loci": int(found.sum()), "false_loci": 0, "standard_errors": errors,
        "by_chromosome": {**dict.fromkeys(counts, each), "n_variants": dict.fromkeys(each, VARIANTS),
                          "excess_chi2": excess},
    }  # fmt: skip
