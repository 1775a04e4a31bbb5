"""How fast scans are, beside PLINK 2, tensorQTL and REGENIE: `python
benchmarks/association/association.py FOLDER`.

    speed     wall time of the whole command, from files to the table of hits, of ours and of the peers that are here:
              10,000 people x 50,000 variants x 32 and 384 phenotypes x 15 covariates, with and without missing calls;
              and ours as a share of the machine's own rate of float32 matrix products, measured beside it
    scaling   seconds and memory against people, variants (to 50,000 x 1,000,000) and phenotypes, with the fitted line

FOLDER keeps the generated data (0.3 GB) and what is finished: the same command goes on after it.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("GOMP_SPINCOUNT", "5000")  # as the entry points set it

sys.path[:0] = [str(Path(__file__).parents[2])]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import scaling  # noqa: E402
from cohorts import Cohort, generate  # noqa: E402
from measure import Cost, machine, matrix_rate, read_into_cache, run  # noqa: E402
from programs import PROGRAMS, Case, P, Where  # noqa: E402

Rows = list[dict[str, Any]]

EXACT = ("plink2", "regenie step 2")
"""Peers whose hits must be ours, to the digits that they print."""


def speed(wanted: argparse.Namespace, finished: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One row per case and program."""
    cohort = Cohort(wanted.folder / "data", wanted.people, wanted.variants, max(wanted.phenotypes))
    generate(cohort, wanted.missing, wanted.phenotypes)
    where = Where(wanted.plink2, wanted.regenie, wanted.tensorqtl, len(os.sched_getaffinity(0)))
    rate = cache(lambda phenotypes: max(matrix_rate(cohort.people, phenotypes).values()))
    for phenotypes, missing, name in product(wanted.phenotypes, wanted.missing, wanted.programs):
        case = Case(cohort, phenotypes, missing)
        why_not = PROGRAMS[name].why_not(case, where)
        if why_not:
            print(f"{case.name}: {name} is left out: {why_not}")
        elif f"{case.name}: {name}" not in finished:
            yield _scan(case, name, where, rate(phenotypes), wanted)


def _scan(
    case: Case, name: str, where: Where, rate: float, wanted: argparse.Namespace
) -> dict[str, Any]:
    """The fastest of several turns; the table of hits stays for comparison."""
    kept = (
        wanted.folder
        / "hits"
        / f"{case.phenotypes}_{case.missing:g}_{name.replace(' ', '_')}.parquet"
    )
    kept.parent.mkdir(parents=True, exist_ok=True)
    out, costs = wanted.folder / "out", list[Cost]()
    for _ in range(wanted.turns):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        read_into_cache(case.cohort.genotypes(case.missing).with_suffix(".bed"))
        costs.append(run(PROGRAMS[name].words(case, out, where), out, wanted.folder / "log.txt"))
    hits = PROGRAMS[name].hits(out)
    hits.to_parquet(kept)
    shutil.rmtree(out)
    best = min(costs)
    operations = 2 * case.cohort.people * case.cohort.variants * case.phenotypes
    return {
        "key": f"{case.name}: {name}",
        "case": case.name,
        "program": name,
        "wall_seconds": best.wall_seconds,
        "cpu_seconds": best.cpu_seconds,
        "peak_gib": best.peak_bytes / 2**30,
        "hits": len(hits),
        "share_of_matrix_rate": operations / best.wall_seconds / rate,
        "gflops_of_machine": rate / 1e9,
        "hits_file": str(kept),
    }


def compared(rows: Rows) -> Rows:
    """With the time over ours, and for exact peers whether the hits are the same."""
    own = {row["case"]: row for row in rows if row["program"] == "ours"}
    table = []
    for row in rows:
        mine = own.get(row["case"])
        more: dict[str, Any] = {
            "times_ours": row["wall_seconds"] / mine["wall_seconds"] if mine else ""
        }
        if mine and row["program"] in EXACT:
            more |= differences(
                pd.read_parquet(mine["hits_file"]), pd.read_parquet(row["hits_file"])
            )
        table.append(
            {name: value for name, value in row.items() if name not in ("key", "hits_file")} | more
        )
    return table


def differences(mine: pd.DataFrame, theirs: pd.DataFrame) -> dict[str, Any]:
    """Pairs that only one has, but for those at the threshold, and the largest relative difference
    of the others."""
    both = mine.merge(theirs, on=["rsid", "phenotype"], how="outer", suffixes=("", "_theirs"))
    p = both["neg_log_10_p_value"].fillna(both["neg_log_10_p_value_theirs"])
    alone = both["beta"].isna() | both["beta_theirs"].isna()
    found = both[~alone]
    beta = found["beta"].abs() / found["beta_theirs"].abs() - 1
    size = found["neg_log_10_p_value"] / found["neg_log_10_p_value_theirs"] - 1
    return {
        "only_in_one": int((alone & (np.abs(p / -np.log10(P) - 1) > 1e-5)).sum()),
        "largest_difference": float(max(beta.abs().max(), size.abs().max())),
    }


def table_of(rows: Rows) -> str:
    """A table in Markdown, numbers with three digits."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [
        names,
        ["---"] * len(names),
        *([_text(row.get(name, "")) for name in names] for row in rows),
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="for the data and what is finished")
    parser.add_argument(
        "--only", nargs="+", choices=("speed", "scaling"), default=["speed", "scaling"]
    )
    parser.add_argument("--programs", nargs="+", choices=list(PROGRAMS), default=list(PROGRAMS))
    parser.add_argument("--phenotypes", nargs="+", type=int, default=[32, 384])
    parser.add_argument(
        "--missing", nargs="+", type=float, default=[0.0, 0.001], help="shares of the calls"
    )
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--variants", type=int, default=50_000)
    parser.add_argument("--turns", type=int, default=1, help="of each command; the fastest counts")
    parser.add_argument(
        "--lines", nargs="+", choices=list(scaling.LINES), default=list(scaling.LINES)
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="of people and variants in `scaling`; 0.1 is quick"
    )
    parser.add_argument("--plink2", default="plink2")
    parser.add_argument("--regenie", default="regenie")
    parser.add_argument("--tensorqtl", default=sys.executable, help="a Python that has tensorqtl")
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args(words)
    wanted.folder = wanted.folder.resolve()
    return wanted


def main() -> None:
    wanted = arguments()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    state = wanted.folder / f"{wanted.people}x{wanted.variants}.json"
    finished: dict[str, Any] = json.loads(state.read_text()) if state.is_file() else {}
    found: dict[str, Any] = {"machine": machine(wanted.plink2)}
    if "speed" in wanted.only:
        for row in speed(wanted, finished):
            finished[row["key"]] = row
            state.write_text(json.dumps(finished, indent=1))
            print(f"{row['key']}: {row['wall_seconds']:.1f} s", flush=True)
        found["speed"] = compared(list(finished.values()))
        print(f"\nspeed\n\n{table_of(found['speed'])}", flush=True)
    if "scaling" in wanted.only:
        rows = {line: scaling.measure(line, wanted.scale) for line in wanted.lines}
        found["scaling"] = [row for line in rows.values() for row in line]
        found["fitted"] = [scaling.fitted(line, rows[line]) for line in rows]
        print(
            f"\nscaling\n\n{table_of(found['scaling'])}\n\n{table_of(found['fitted'])}", flush=True
        )
    if wanted.json:
        wanted.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
