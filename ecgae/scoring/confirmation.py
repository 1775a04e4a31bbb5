"""The loci of the chosen model, tested once more in held-out people.

What a model was chosen by is optimistic: the best of many. Its loci are replicated where the same
variant and the same phenotype, or direction of latent space, are associated with the same sign in
the people of the part `confirm`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from jaxtyping import Bool, Float, Int

from ecgae.errors import InputError
from ecgae.genetics.scan import ASSOCIATIONS
from ecgae.models.latents import Latents, as_phenotypes
from ecgae.people.split import CONFIRM
from ecgae.people.tables import Phenotypes
from ecgae.runs.locus_file import read_loci
from ecgae.runs.run_directory import read_config, read_plain, read_score, write_json
from ecgae.scoring.study import CONFIRMATION, LOCI, OMNIBUS_LOCI, Study
from ecgae.statistics.calls import from_dosage
from ecgae.statistics.replication import LEVEL, Retest, directions, power, replicated, retest

PLACE = (
    "chromosome",
    "base_pair_location",
    "index_variant",
    "rsid",
    "effect_allele",
    "other_allele",
    "phenotype",
)
SUMMARY, TABLE = CONFIRMATION

COLUMNS = (
    *(*PLACE, "beta_select", "neg_log_10_p_value_select"),
    *("beta", "standard_error", "neg_log_10_p_value", "n", "power", "replicated", "not_tested"),
)
"""Columns of confirmation.tsv, which has one row per locus; `not_tested`: why it was not, or
nothing."""


class Discovery(NamedTuple):
    """The loci that a scan of the select people found."""

    loci: pd.DataFrame
    """The loci of single phenotypes: loci.tsv, with the effect `beta`."""
    omnibus_loci: pd.DataFrame
    """The loci of all phenotypes at once: omnibus_loci.tsv."""
    phenotypes: list[str]
    """Names of the phenotypes that were tested."""


class Confirmation(NamedTuple):
    """Both families of loci in the confirm people."""

    summary: dict[str, Any]
    """Plain numbers, ready for JSON."""
    table: pd.DataFrame
    """One row per locus, in the columns `COLUMNS`."""


class Analysed(NamedTuple):
    """The people of one part who are analysed."""

    genotype_rows: Int[np.ndarray, " individual"]
    """The people's rows of the genotypes."""
    covariates: Float[np.ndarray, "individual covariate"]
    phenotypes: pd.DataFrame


def config_of(directory: Path) -> dict[str, Any]:
    """The config of a run, or of a yardstick. Raises `InputError` where `directory` is neither."""
    file = directory / "config.yaml"
    content = read_plain(file) if file.is_file() else None
    return (
        content if isinstance(content, dict) and "yardstick" in content else read_config(directory)
    )


def read_discovery(directory: Path) -> Discovery:
    """The loci in `directory`, with their effects. Raises `InputError` where it holds no scan."""
    score = read_score(directory)
    if score is None or not (directory / LOCI).is_file():
        raise InputError(
            f"run must be scanned before it is confirmed; got {directory} without {LOCI}. Run gwas.py."
        )

    loci, omnibus_file = read_loci(directory / LOCI), directory / OMNIBUS_LOCI
    betas = _betas(directory / ASSOCIATIONS, loci["index_variant"].tolist())
    pairs = pd.MultiIndex.from_frame(loci[["index_variant", "phenotype"]])
    return Discovery(
        loci=loci.assign(beta=betas.reindex(pairs).to_numpy()),
        omnibus_loci=read_loci(omnibus_file) if omnibus_file.is_file() else loci.iloc[:0],
        phenotypes=list(score["hits_by_phenotype"]),
    )


def _betas(file: Path, variants: Sequence[str]) -> pd.Series:
    """Effects of the variants in an association table, by variant and phenotype."""
    columns = ["variant_id", "phenotype", "beta"]
    table = pq.read_table(
        file, columns=columns, filters=[("variant_id", "in", variants)] if variants else None
    )
    frame = table.to_pandas().astype({"variant_id": str, "phenotype": str})
    return frame.set_index(["variant_id", "phenotype"])["beta"]


def confirm(
    discovery: Discovery, latents: Latents, study: Study, transform: str, source: str
) -> Confirmation:
    """Tests each locus once more, in the people of the part `CONFIRM`; `transform`: the engine's,
    `source`: name of the run in messages.

    A variant that cannot be tested in them counts as not replicated. Raises `InputError` where
    there are no such people, or nothing to confirm.
    """
    if not (latents.split == CONFIRM).any():
        raise InputError(
            f"run must have people who were kept for confirmation; {source} has none. Train with split=three_way, "
            "which keeps a quarter of them."
        )
    if not len(discovery.loci) and not len(discovery.omnibus_loci):
        raise InputError(f"run must have found a locus to be confirmed; {source} has found none.")

    people = people_of(as_phenotypes(latents, source, CONFIRM), study)
    single = _single(discovery, people, study, transform)
    together = single[:0]
    if len(discovery.omnibus_loci):
        select = people_of(as_phenotypes(latents, source), study)
        together = _together(discovery, select, people, study, transform)

    table = pd.concat([single, together], ignore_index=True) if len(single) else together
    return Confirmation(_summary(single, together, len(people.genotype_rows)), table[list(COLUMNS)])


def people_of(phenotypes: Phenotypes, study: Study) -> Analysed:
    """Those people with phenotypes whom the study analyses."""
    joined, design = study.join(phenotypes)
    values = pd.DataFrame(phenotypes.values[joined.phenotype_rows], columns=phenotypes.names)
    return Analysed(joined.genotype_rows, design.matrix, values)


def _single(discovery: Discovery, people: Analysed, study: Study, transform: str) -> pd.DataFrame:
    """The loci of single phenotypes, tested in `people`."""
    loci = discovery.loci
    if not len(loci):
        return pd.DataFrame(columns=list(COLUMNS))
    dosage = dosage_of(study, loci["index_variant"], people)
    phenotypes = people.phenotypes.reindex(columns=loci["phenotype"]).to_numpy(dtype=np.float64)
    return _judged(loci, dosage, retest(dosage, phenotypes, people.covariates, transform), study)


def _together(
    discovery: Discovery, select: Analysed, people: Analysed, study: Study, transform: str
) -> pd.DataFrame:
    """The loci of all phenotypes at once, tested in `people`, each in the direction that it had in
    `select`, the people of the score."""
    both = {*select.phenotypes} & {*people.phenotypes}
    names = [name for name in discovery.phenotypes if name in both]
    variants = discovery.omnibus_loci["index_variant"]

    before = dosage_of(study, variants, select)
    values = select.phenotypes[names].to_numpy()
    weights = directions(before, values, select.covariates, transform)
    effect = retest(before, values @ weights, select.covariates, transform).beta

    dosage = dosage_of(study, variants, people)
    projected = people.phenotypes[names].to_numpy() @ weights
    again = retest(dosage, projected, people.covariates, transform)
    return _judged(discovery.omnibus_loci.assign(beta=effect), dosage, again, study)


def dosage_of(
    study: Study, variants: pd.Series, people: Analysed
) -> Float[np.ndarray, "individual locus"]:
    """Copies of the effect allele, 0-2; NaN for a variant that the genotypes do not hold."""
    rows = pd.Index(study.genotypes.variants["variant_id"]).get_indexer(pd.Index(variants))
    dosage = np.full((len(people.genotype_rows), len(rows)), np.nan)
    there = np.flatnonzero(rows >= 0)
    order = there[np.argsort(rows[there])]
    dosage[:, order] = study.genotypes.read(rows[order], people.genotype_rows)
    return dosage


def _judged(
    loci: pd.DataFrame, dosage: Float[np.ndarray, "individual locus"], again: Retest, study: Study
) -> pd.DataFrame:
    """The rows of confirmation.tsv for one family of tests."""
    reasons = _not_tested(dosage, again, study)
    tested = reasons == ""
    beta = loci["beta"].to_numpy(dtype=np.float64)
    shown = {
        name: getattr(again, name) for name in ("beta", "standard_error", "neg_log_10_p_value")
    }

    return loci[list(PLACE)].assign(
        beta_select=beta,
        neg_log_10_p_value_select=loci["neg_log_10_p_value"],
        **{name: np.where(tested, values, np.nan) for name, values in shown.items()},
        n=np.where(tested, again.n, 0),
        power=np.where(tested, power(again, beta, len(loci)), 0.0),
        replicated=tested & replicated(again, np.sign(beta), len(loci)),
        not_tested=reasons,
    )


def _not_tested(
    dosage: Float[np.ndarray, "individual locus"], again: Retest, study: Study
) -> np.ndarray:
    """Why each variant could not be tested, "" where it could: the requirements are those of the
    scan."""
    reasons = np.full(dosage.shape[1], "", dtype=object)
    limits = study.choices.variants
    failed: dict[str, Bool[np.ndarray, " locus"]] = limits.failed(
        from_dosage(dosage).counts, study.genotypes.hard_calls
    )
    failed["constant, or no such phenotype"] = np.isnan(again.neg_log_10_p_value)
    rare = (
        f"minor allele count below {limits.min_minor_allele_count:g} where the phenotype is known"
    )
    failed[rare] = again.minor_allele_count < limits.min_minor_allele_count - 0.01

    for reason, which in failed.items():
        reasons[which & (reasons == "")] = reason
    return reasons


def _summary(single: pd.DataFrame, together: pd.DataFrame, people: int) -> dict[str, Any]:
    """The content of confirmation.json: the counts of both families, and the number of people."""
    return {**_counts(single, ""), "people": people, **_counts(together, "omnibus_")}


def _counts(table: pd.DataFrame, prefix: str) -> dict[str, Any]:
    """The counts of one family of loci; `expected`: replications at the effects seen in the select
    people, which are too large on average."""
    loci, tested = len(table), int((table["not_tested"] == "").sum())
    again = int(table["replicated"].sum())
    return {
        f"{prefix}loci": loci,
        f"{prefix}replicated": again,
        f"{prefix}rate": again / loci if loci else None,
        f"{prefix}threshold": LEVEL / loci if loci else None,
        f"{prefix}expected": float(table["power"].sum()),
        f"{prefix}tested": tested,
        f"{prefix}not_tested": loci - tested,
    }


def write(confirmation: Confirmation, directory: Path) -> None:
    """Writes confirmation.tsv, and after it confirmation.json."""
    partial = directory / "confirmation.partial"
    confirmation.table.to_csv(partial, sep="\t", index=False)
    partial.replace(directory / TABLE)
    write_json(directory / SUMMARY, confirmation.summary)


def confirmed_text(summary: dict[str, Any], score: dict[str, Any]) -> str:
    """What was found and what of it was replicated, line by line; `score`: that of the run."""
    lines = [
        ("found in", f"{score['n_individuals']:,} people"),
        ("tested again in", f"{summary['people']:,} others"),
    ]
    for prefix, title in (("", "independent loci"), ("omnibus_", "omnibus loci")):
        lines += _family_lines(summary, prefix, title)
    if summary["again"]:
        lines.append(
            ("warning", "other loci of this cohort were confirmed in the same people before")
        )

    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines)


def _family_lines(summary: dict[str, Any], prefix: str, title: str) -> list[tuple[str, str]]:
    """What is shown of one family of loci, as pairs of a label and a value."""
    loci, replicated_loci, rate, threshold, expected, not_tested = (
        summary[f"{prefix}{name}"]
        for name in ("loci", "replicated", "rate", "threshold", "expected", "not_tested")
    )
    lines = [(title, f"{loci:,}")]
    if not loci:
        return lines

    share = f"{replicated_loci:,} ({rate:.0%})"
    lines.append(("  confirmed", f"{share}: same sign, p < {threshold:.2g}"))
    lines.append(("  expected", f"{expected:.1f}, were the effects as large as they looked"))
    if not_tested:
        lines.append(("  not testable there", f"{not_tested:,}, counted as not confirmed"))
    return lines
