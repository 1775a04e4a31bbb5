"""What a run truly kept of the planted genetics, measured without any threshold that its score
used.

`signal_kept` is the main truth. A variant that explains a share q of a parameter explains about q
R2 of the best combination of latents, if R2 is what the latents say of the parameter: so the mean
of R2 over planted variants, weighted by q, is the share of the planted signal that a scan of the
latents can still see. It looks at no genotype: no score is favoured by it. `confirmed_share` counts
the planted variants that replicate in people who were neither trained on nor scored, each with its
strongest latent or with its direction of latent space.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ecgae.errors import InputError
from ecgae.models.latents import CONFIRM, SELECT, Latents, as_phenotypes, read_latents
from ecgae.people.covariate_table import Covariates
from ecgae.scoring.confirmation import Analysed, confirm, dosage_of, people_of, read_discovery
from ecgae.scoring.study import Study
from ecgae.statistics.association import (
    TRANSFORMS,
    associate,
    covariate_basis,
    fit,
    missingness_patterns,
    residualise,
)
from ecgae.statistics.replication import directions, replicated, retest

PENALTIES = np.geomspace(1e-4, 1e2, 13)
"""Penalties of the ridge regression of a parameter on latents, in units of the latents' mean variance times
people."""


class Recovery(NamedTuple):
    """How much of the truth one run holds."""

    signal_kept: float
    confirmed_share: float
    """Share of the planted variants that were confirmed."""
    replication: dict[str, Any]
    """What confirmation.json holds; {} where nothing was found."""


def recovery(directory: Path, study: Study, transform: str, truth: Path) -> Recovery:
    """`truth`: the folder of planted.tsv and parameters.tsv."""
    latents = read_latents(directory / "latents.h5")
    planted = pd.read_csv(truth / "planted.tsv", sep="\t", dtype={"chromosome": str})
    parameters = pd.read_csv(truth / "parameters.tsv", sep="\t", dtype={"IID": str}).set_index(
        "IID"
    )
    try:
        replication = confirm(
            read_discovery(directory), latents, study, transform, directory.name
        ).summary
    except InputError as error:
        print(f"{directory.name}: {error}")
        replication = {}
    kept = signal_kept(latents, parameters, planted, study.covariates)
    return Recovery(kept, confirmed_share(latents, planted, study, transform), replication)


def signal_kept(
    latents: Latents,
    parameters: pd.DataFrame,
    planted: pd.DataFrame,
    covariates: Covariates | None,
) -> float:
    """R2, in the confirm people, of each planted variant's parameter on the latents, fitted in the
    select people.

    Beside age and sex, which a scan has among its covariates. The mean over planted variants,
    weighted by the variance that each explains.
    """
    known = np.where(
        np.isfinite(latents.values), latents.values, np.nanmean(latents.values, axis=0)
    )
    ids = pd.Index(latents.sample_ids)
    beside = _age_and_sex(covariates, ids, latents.visits)
    names = list(dict.fromkeys(planted["parameter"]))
    truth = parameters[names].reindex(ids).to_numpy()
    fitted, tested = latents.split == SELECT, latents.split == CONFIRM
    r2 = dict(zip(names, probe(known, truth, beside, fitted, tested), strict=True))
    return float(
        np.average(
            [r2[name] for name in planted["parameter"]], weights=planted["variance_explained"]
        )
    )


def _age_and_sex(covariates: Covariates | None, ids: pd.Index, visits: np.ndarray) -> np.ndarray:
    if covariates is None:
        return np.empty((len(ids), 0))
    keys = ["sample_id", "visit"] if covariates.has_visits else ["sample_id"]
    table = covariates.table.reset_index().drop_duplicates(keys)
    people = pd.DataFrame({"sample_id": ids, "visit": visits})[keys]
    return people.merge(table[[*keys, "age", "sex"]], how="left", on=keys)[["age", "sex"]].to_numpy(
        dtype=float
    )


def probe(
    latents: np.ndarray,
    truth: np.ndarray,
    beside: np.ndarray,
    fitted: np.ndarray,
    tested: np.ndarray,
) -> np.ndarray:
    """R2 of each column of `truth` in the people `tested`, by ridge regression in the people
    `fitted`, at least 0.

    The penalty is the one with the least error when each of the fitted people is left out in turn.
    """
    both = np.column_stack([latents, truth])
    basis = np.column_stack([np.ones(len(both)), beside])
    coefficients = np.linalg.lstsq(basis[fitted], both[fitted], rcond=None)[0]
    left = both - basis @ coefficients
    x, y = left[:, : latents.shape[1]], left[:, latents.shape[1] :]
    x = x / np.maximum(x[fitted].std(axis=0), 1e-12)
    u, s, vt = np.linalg.svd(x[fitted], full_matrices=False)
    errors = []
    for penalty in PENALTIES * len(u):
        shrink = s**2 / (s**2 + penalty)
        residual = y[fitted] - (u * shrink) @ (u.T @ y[fitted])
        leverage = np.square(u) @ shrink
        errors.append(np.square(residual / (1 - leverage)[:, None]).mean(axis=0))
    best = PENALTIES[np.argmin(errors, axis=0)] * len(u)
    weights = vt.T @ ((s[:, None] / (s[:, None] ** 2 + best)) * (u.T @ y[fitted]))
    error = np.square(y[tested] - x[tested] @ weights).sum(axis=0)
    return np.maximum(1 - error / np.square(y[tested] - y[tested].mean(axis=0)).sum(axis=0), 0)


def confirmed_share(latents: Latents, planted: pd.DataFrame, study: Study, transform: str) -> float:
    """Of the planted variants, those that replicate by their strongest phenotype or by their
    direction.

    Both are chosen in the select people and tested in the others, at 0.05 / (2 x planted variants).
    """
    select = people_of(as_phenotypes(latents, "latents"), study)
    others = people_of(as_phenotypes(latents, "latents", CONFIRM), study)
    names = [name for name in select.phenotypes if name in others.phenotypes]
    names = [name for name in names if select.phenotypes[name].std() > 0]
    variants = _variant_ids(planted, study)
    before, after = dosage_of(study, variants, select), dosage_of(study, variants, others)
    t = _t(before, select, names, transform)
    best = np.nanargmax(np.abs(t), axis=1)
    tests = 2 * len(planted)
    values = others.phenotypes[names].to_numpy()
    alone = retest(after, values[:, best], others.covariates, transform)
    found = replicated(alone, np.sign(t[np.arange(len(t)), best]), tests)
    if (
        np.isfinite(select.phenotypes[names]).all(axis=1).sum()
        > len(names) + select.covariates.shape[1] + 2
    ):
        weights = directions(
            before, select.phenotypes[names].to_numpy(), select.covariates, transform
        )
        together = retest(after, values @ weights, others.covariates, transform)
        found |= replicated(together, np.ones(len(found)), tests)
    return float(found.mean())


def _variant_ids(planted: pd.DataFrame, study: Study) -> pd.Series:
    places = study.genotypes.variants.set_index(["chromosome", "base_pair_location"])["variant_id"]
    return places.reindex(pd.MultiIndex.from_frame(planted[["chromosome", "base_pair_location"]]))


def _t(dosage: np.ndarray, people: Analysed, names: list[str], transform: str) -> np.ndarray:
    """Student's t of each variant with each phenotype."""
    phenotypes = people.phenotypes[names].to_numpy()
    t = np.full((dosage.shape[1], len(names)), np.nan)
    for columns, present in missingness_patterns(phenotypes):
        basis = covariate_basis(people.covariates[present])
        residuals = residualise(phenotypes[np.ix_(present, columns)], basis)
        columns = columns[np.linalg.norm(residuals, axis=0) > 1e-6]
        model = fit(TRANSFORMS[transform](phenotypes[np.ix_(present, columns)], basis), basis)
        t[:, columns] = associate(dosage[present].astype(np.float64), model).t
    return t
