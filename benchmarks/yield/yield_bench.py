"""Which score picks the model that truly recovers most? Every architecture and yardstick on cohorts
with known truth.

    python benchmarks/yield/yield_bench.py --out runs/yield              # half an hour on 2 cores; resumable
    python benchmarks/yield/yield_bench.py --out runs/yield --quick      # two minutes: does it work?

Prints Markdown tables and ends with JSON; what is finished in --out is not computed again.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import null_cohorts
import torch
import yield_cohorts as cohorts
import yield_figure as figure
import yield_tables as tables
from picking import Agreement, agreements
from recovery import recovery

from ecgae.entry.scanning import scored_with
from ecgae.recordings.cohort.simulated import Simulated

YIELDS = (
    *(
        "loci",
        "omnibus_loci",
        "acat_loci",
        "hits",
        "hit_variants",
        "excess_chi2",
        "summed_heritability",
    ),
    *("r2_recorded", "minus_validation_loss", "active_latents", "effective_rank", "bypass_index"),
)
"""Numbers of a finished run that one might pick a model by; more is better."""

TRUTHS = ("signal_kept", "confirmed_share")


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of cohorts, runs and cache")
    parser.add_argument("--quick", action="store_true", help="tiny cohorts and models")
    parser.add_argument("--figure", type=Path, help="where to draw, such as docs/yield.png")
    parser.add_argument("--json", type=Path, help="where to write the JSON too")
    parser.add_argument(
        "words", nargs="*", help="more words for every train.py, such as runtime.workers=4"
    )
    options = parser.parse_args(words)
    plan = cohorts.QUICK_PLAN if options.quick else cohorts.PLAN
    out = (options.out / "quick" if options.quick else options.out).resolve()
    rows = {
        cohort.name: rows_of(out, cohort, plan.sweeps, options.words) for cohort in plan.cohorts
    }
    models = [[row for row in found if not row["yardstick"]] for found in rows.values()]
    picked = {truth: agreements(models, YIELDS, truth) for truth in TRUTHS}
    cohorts.train(out, plan.null, plan.null_sweeps, ["yardsticks=[]", *options.words])
    null = null_cohorts.null_scans(cohorts.folder_of(out, plan.null), plan.permutations)
    print(_text(rows, picked, null))
    if options.figure:
        figure.draw(dict(zip(rows, models, strict=True)), picked["signal_kept"], options.figure)
    result = json.dumps(_plain(rows, picked, null), indent=2)
    if options.json:
        options.json.write_text(result + "\n")
    print(result)


def rows_of(
    out: Path, cohort: cohorts.Cohort, sweeps: Sequence[cohorts.Sweep], words: Sequence[str]
) -> list[dict[str, Any]]:
    """Every model and yardstick of a cohort: its scores, and what is true."""
    cohorts.train(out, cohort, sweeps, words)
    rows = [
        row_of(name, run, config)
        for name, run, config in cohorts.scored(cohorts.folder_of(out, cohort))
    ]
    oracle = [row["loci"] for row in rows if row["model"] == "yardstick oracle"]
    return [
        {**row, "over_oracle": row["loci"] / oracle[0] if oracle and oracle[0] else None}
        for row in rows
    ]


def row_of(name: str, run: Path, config: dict[str, Any]) -> dict[str, Any]:
    """What score.json says, the least validation loss, and the truth; the truth is measured
    once."""
    print(f"{name}: {run}", file=sys.stderr, flush=True)
    score = json.loads((run / "score.json").read_text())
    file = run / "recovery.json"
    if not file.is_file():
        with redirect_stdout(sys.stderr):
            study, engine = scored_with(config)
            true = recovery(run, study, engine.transform, truth_of(config))
        file.write_text(json.dumps(true._asdict()))
    true = json.loads(file.read_text())
    numbers = {key: value for key, value in score.items() if isinstance(value, int | float | bool)}
    told = {key: true["replication"].get(key) for key in ("rate", "omnibus_rate")}
    missing = dict.fromkeys(YIELDS, float("nan"))
    return {
        **missing,
        **numbers,
        **told,
        "minus_validation_loss": -least_loss(run),
        "signal_kept": true["signal_kept"],
        "confirmed_share": true["confirmed_share"],
        "model": name,
        "yardstick": "yardstick" in config,
    }


def truth_of(config: Mapping[str, Any]) -> Path:
    """The folder of what is true of the run's cohort."""
    numbers = {name: value for name, value in config["cohort"].items() if name != "_target_"}
    return Path(Simulated(**numbers).planted).parent


def least_loss(run: Path) -> float:
    """The least loss of the run's training on the validation people; NaN for a yardstick."""
    file = run / "checkpoint.ckpt"
    if not file.is_file():
        return float("nan")
    return min(row["validation/loss"] for row in torch.load(file, weights_only=True)["history"])


def _text(
    rows: Mapping[str, Sequence[Mapping]],
    picked: Mapping[str, Mapping[str, Agreement]],
    null: Sequence,
) -> str:
    parts = []
    for cohort, found in rows.items():
        planted = next((row["planted_loci"] for row in found if "planted_loci" in row), 0)
        parts += [f"### {cohort}", tables.models(found, int(planted))]
    for truth, agreed in picked.items():
        title = truth.replace("_", " ")
        parts += [f"### Which score agrees with the {title}?", tables.picking(agreed, title)]
    return "\n\n".join([*parts, "### Nothing planted", tables.null(null), ""])


def _plain(
    rows: Mapping[str, Any], picked: Mapping[str, Mapping[str, Agreement]], null: Sequence
) -> dict[str, Any]:
    """Without NaN, which JSON has not."""
    found = {
        "cohorts": rows,
        "picking": {
            truth: {name: one._asdict() for name, one in agreed.items()}
            for truth, agreed in picked.items()
        },
        "null": [{**scan._asdict(), "within": scan.within} for scan in null],
    }
    return _finite(found)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and value != value else value


if __name__ == "__main__":
    main()
