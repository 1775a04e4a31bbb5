"""Ours and its peers: the command that a user would type, and the hits that it leaves."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from cohorts import Cohort

ROOT = Path(__file__).parents[2]
P = 1e-4
"""Associations with a larger p are not written, as `plink2 --pfilter` has it."""

HITS = ["rsid", "phenotype", "beta", "neg_log_10_p_value"]


class Case(NamedTuple):
    """One scan of the bench."""

    cohort: Cohort
    phenotypes: int
    missing: float

    @property
    def name(self) -> str:
        return f"{self.phenotypes} phenotypes, {'no' if not self.missing else f'{self.missing:.1%}'} missing calls"


class Where(NamedTuple):
    """Programs of this computer."""

    plink2: str
    regenie: str
    tensorqtl: str
    """A Python that has tensorqtl."""
    threads: int


class Program(NamedTuple):
    """A way to scan."""

    name: str
    words: Callable[[Case, Path, Where], list[str]]
    hits: Callable[[Path], pd.DataFrame]
    """Of its output folder, columns `HITS`; beta may be of either allele."""
    why_not: Callable[[Case, Where], str]
    """Empty where it can be run."""


SCAN_ALONE = ("engine.combined=[]", "checks.heritability=false", "checks.ld_scores=false")
"""What the peers do: no test of all phenotypes at once, no heritability."""


def ours(case: Case, out: Path, where: Where, *settings: str) -> list[str]:
    files = case.cohort
    return [
        *(sys.executable, str(ROOT / "gwas.py"), f"genotypes={files.genotypes(case.missing)}"),
        *(
            f"phenotypes={files.phenotype_table(case.phenotypes)}",
            f"covariates={files.covariate_table}",
        ),
        *(
            "engine.transform=none",
            f"engine.report_below={P}",
            f"out={out}",
            "report=false",
            *settings,
        ),
    ]


def our_hits(out: Path) -> pd.DataFrame:
    table = pd.read_parquet(out / "associations.parquet", columns=HITS)
    return table.astype({"rsid": str, "phenotype": str})


def plink2(case: Case, out: Path, where: Where, *modifiers: str) -> list[str]:
    files = case.cohort
    return [
        *(where.plink2, "--bfile", str(files.genotypes(case.missing))),
        *(
            "--pheno",
            str(files.phenotype_table(case.phenotypes)),
            "--covar",
            str(files.covariate_table),
        ),
        *("--covar-variance-standardize", "--glm", "hide-covar", "log10", *modifiers),
        *("--pfilter", f"{P}", "--threads", f"{where.threads}", "--out", str(out / "x")),
    ]


def plink2_hits(out: Path) -> pd.DataFrame:
    names = {"ID": "rsid", "BETA": "beta", "LOG10_P": "neg_log_10_p_value"}
    tables = []
    for file in sorted(out.glob("x.*.glm.linear")):
        table = pd.read_csv(file, sep="\t", usecols=[*names, "TEST"])
        assert table["TEST"].isin(["ADD"]).all()
        tables.append(table.rename(columns=names).assign(phenotype=file.name.split(".")[1])[HITS])
    return _joined(tables)


def _no_plink2(case: Case, where: Where) -> str:
    return (
        ""
        if shutil.which(where.plink2)
        else "plink2 is not here (apt-get install plink2, or --plink2)"
    )


def _no_residualize(case: Case, where: Where) -> str:
    if _no_plink2(case, where) or case.missing:
        return _no_plink2(case, where) or "inexact with missing calls"
    told = subprocess.run(
        [where.plink2, "--help", "--glm"], capture_output=True, text=True, check=False
    ).stdout
    return "" if "qt-residualize" in told else "this plink2 is too old (--plink2 names another)"


def tensorqtl(case: Case, out: Path, where: Where) -> list[str]:
    files, script = case.cohort, Path(__file__).with_name("tensorqtl_scan.py")
    words = [where.tensorqtl, str(script), str(files.genotypes(case.missing))]
    return [
        *words,
        str(files.phenotype_table(case.phenotypes)),
        str(files.covariate_table),
        str(out / "hits.csv"),
        f"{P}",
    ]


def tensorqtl_hits(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "hits.csv")


def _no_tensorqtl(case: Case, where: Where) -> str:
    words = [where.tensorqtl, "-c", "import tensorqtl"]
    done = (
        subprocess.run(words, capture_output=True, check=False)
        if shutil.which(where.tensorqtl)
        else None
    )
    return (
        ""
        if done is not None and done.returncode == 0
        else "no tensorqtl (--tensorqtl names a Python that has it)"
    )


def regenie(case: Case, out: Path, where: Where) -> list[str]:
    """Step 2 alone: linear regression, exact like ours."""
    files = case.cohort
    return [
        *(
            where.regenie,
            "--step",
            "2",
            "--ignore-pred",
            "--qt",
            "--bed",
            str(files.genotypes(case.missing)),
        ),
        *(
            "--phenoFile",
            str(files.phenotype_table(case.phenotypes)),
            "--covarFile",
            str(files.covariate_table),
        ),
        *(
            "--bsize",
            "400",
            "--minMAC",
            "20",
            "--threads",
            f"{where.threads}",
            "--out",
            str(out / "x"),
        ),
    ]


def regenie_hits(out: Path) -> pd.DataFrame:
    names = {"ID": "rsid", "BETA": "beta", "LOG10P": "neg_log_10_p_value"}
    tables = []
    for file in sorted(out.glob("x_*.regenie")):
        table = pd.read_csv(file, sep=" ", usecols=[*names, "TEST"]).rename(columns=names)
        kept = (table["TEST"] == "ADD") & (10.0 ** -table["neg_log_10_p_value"] <= P)
        tables.append(
            table[kept].assign(phenotype=file.name.removeprefix("x_").removesuffix(".regenie"))[
                HITS
            ]
        )
    return _joined(tables)


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """pandas wants no empty table among others."""
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def _no_regenie(case: Case, where: Where) -> str:
    return "" if shutil.which(where.regenie) else "regenie is not here (--regenie names it)"


PROGRAMS = {
    program.name: program
    for program in (
        Program(
            "ours",
            lambda case, out, where: ours(case, out, where, *SCAN_ALONE),
            our_hits,
            lambda case, where: "",
        ),
        Program("ours with omnibus and heritability", ours, our_hits, lambda case, where: ""),
        Program("plink2", plink2, plink2_hits, _no_plink2),
        Program(
            "plink2 qt-residualize",
            lambda case, out, where: plink2(case, out, where, "qt-residualize"),
            plink2_hits,
            _no_residualize,
        ),
        Program("tensorqtl", tensorqtl, tensorqtl_hits, _no_tensorqtl),
        Program("regenie step 2", regenie, regenie_hits, _no_regenie),
    )
}
