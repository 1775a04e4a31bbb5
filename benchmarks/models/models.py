"""Models on real ECGs, side by side: how well each gives the recordings back, and whether its
latents are used.

    python benchmarks/models/models.py --ecgs <PTB-XL's root folder> --out runs/models

Every row is one `train.py` command, printed with its result; the numbers are medians over the
held-out people (and all leads, or of one lead), against the recording before any cleaning. Rows of
one input compare with each other.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
SMALL = ("architecture.filters=[8,16,32]",)
BEATS = ("input=median_beat", "architecture.latent_dim=96", "trainer.max_epochs=200")
# Not experiment=report_final with another architecture: the experiment sets numbers that pca does
# not have.
STRIPS = (
    "input=strip",
    "baseline=moving_average",
    "denoiser=dwt",
    "lead_mode=single",
    "architecture.latent_dim=32",
)

ROWS: dict[str, tuple[str, ...]] = {
    "mregle, 96": ("experiment=mregle", "trainer.max_epochs=200"),
    "pca, 96": (*BEATS, "architecture=pca"),
    "plain, 96": (*BEATS, "architecture=plain", *SMALL),
    "residual, 96": (*BEATS, "architecture=residual", *SMALL),
    "skip_concat, 96": (*BEATS, "architecture=skip_concat", *SMALL),
    "pca, 32 per lead": (*STRIPS, "architecture=pca"),
    "report_final, filters 8, 16, 32": ("experiment=report_final", *SMALL, "trainer.max_epochs=25"),
}
"""What is compared, by the name of its row; one size of bottleneck per input."""


class Row(NamedTuple):
    """One row of the table: a model, how it was trained, and its numbers."""

    name: str
    command: str
    input: str
    model: dict


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ecgs", type=Path, required=True, help="PTB-XL's root folder")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="folder of runs and cache; finished runs are not repeated",
    )
    parser.add_argument("--only", nargs="*", choices=list(ROWS), help="rows")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = [_train(name, options) for name in options.only or ROWS]
    print(_table(rows))
    print()
    print(_by_lead(rows))
    if options.json:
        options.json.write_text(json.dumps([row._asdict() for row in rows], indent=2) + "\n")


def _train(name: str, options: argparse.Namespace) -> Row:
    arguments = [
        "cohort=ptbxl",
        f"cohort.ecgs={options.ecgs}",
        "engine=null",
        "split=all",
        "logger=null",
        *ROWS[name],
    ]
    arguments += [f"paths.cache={options.out / 'cache'}", f"paths.runs={options.out}"]
    print(f"$ python train.py {' '.join(arguments)}", file=sys.stderr)
    command = [sys.executable, str(ROOT / "train.py"), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    report = next(line for line in done.stdout.splitlines() if line.startswith("report: "))
    run = Path(report.removeprefix("report: ")).parent
    return Row(
        name,
        " ".join(ROWS[name]),
        run.name.split("-")[0],
        json.loads((run / "model.json").read_text()),
    )


def _table(rows: list[Row]) -> str:
    head = [
        "model",
        "input",
        "R2",
        "PRD (%)",
        "r",
        "bypass index",
        "active latents",
        "parameters",
        "epochs",
        "time (s)",
    ]
    cells = []
    for name, _, kind, model in rows:
        numbers = [f"{model[key]:.3f}" for key in ("r2_recorded", "prd_recorded", "r_recorded")]
        numbers[1] = f"{model['prd_recorded']:.1f}"
        active = f"{model['active_latents']} of {model['latents_per_sample']}"
        size, epochs = f"{model['n_parameters']:,}", f"{model['epochs']}"
        time = f"{model['training_seconds']:.1f}"
        cells.append(
            [name, kind, *numbers, f"{model['bypass_index']:.2f}", active, size, epochs, time]
        )
    return _markdown(head, cells)


def _by_lead(rows: list[Row]) -> str:
    leads = [lead for lead in rows[0].model["reconstruction"]["r2_recorded"] if lead != "all"]
    measures = {
        "r2_recorded": ("R2", ".2f"),
        "prd_recorded": ("PRD (%)", ".0f"),
        "r_recorded": ("r", ".3f"),
    }
    cells = []
    for row in rows:
        for measure, (title, form) in measures.items():
            medians = row.model["reconstruction"][measure]
            cells.append(
                [row.name, title, *(format(medians[lead]["median"], form) for lead in leads)]
            )
    return _markdown(["model", "", *leads], cells)


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
