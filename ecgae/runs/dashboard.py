"""The W&B workspace of a project as code: which choices give the yield, what reconstructs well,
what may be trusted.

wandb-workspaces is an optional extra, hence imported inside.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wandb

from ecgae.errors import InputError
from ecgae.machine.extras import extra

if TYPE_CHECKING:
    from wandb_workspaces.reports.v2 import ParallelCoordinatesPlot
    from wandb_workspaces.workspaces import Section, Workspace

NAME = "Which model does the genome prefer?"

AXES = (
    "cohort",
    "input",
    "baseline",
    "denoiser",
    "normalization",
    "architecture",
    "objective",
    "split",
)
"""The choices that a run is tagged with, in the order of the work."""

YIELD = "score/selected"
"""The number that runs are selected by; a run that may not be trusted has none."""

R2 = "score/r2_recorded"
"""The median R2 of the reconstruction against the recording."""

MEDIA = ("report/manhattan", "report/qq", "report/overlays", "report/latents")
"""Figures that the workspace shows of every run."""

EXPLAINED = """**Shown are runs whose score is valid.** To see the others, and in `score/invalid_because` why, remove
the filter on `score/valid`. `score/selected` is the yield by which runs are selected (`score.select_by`),
`score/standard_errors/` its error. Yields compare only where `score/people_fingerprint` and
`score/variants_fingerprint` agree; `python -m ecgae compare` pairs such runs."""


def workspace(project: str, entity: str) -> "Workspace":
    """The workspace of `project`, which belongs to the user or team `entity`; not saved yet."""
    ws = extra("wandb_workspaces.workspaces", "dashboard", "a dashboard")

    runs = ws.RunsetSettings(
        filters=[ws.Summary("score/valid") == True],  # noqa: E712  makes an expression
        order=[ws.Ordering(ws.Summary(YIELD), ascending=False)],
        pinned_columns=[
            "run:displayName",
            f"summary:{YIELD}",
            "summary:score/standard_errors/loci",
            f"summary:{R2}",
        ],
    )
    return ws.Workspace(
        name=NAME,
        entity=entity,
        project=project,
        sections=_sections(),
        runset_settings=runs,
    )


def _sections() -> "list[Section]":
    from wandb_workspaces import workspaces as ws
    from wandb_workspaces.reports import v2 as wr

    compared: list[Any] = [
        _parallel_coordinates(),
        wr.ScatterPlot(
            title="Yield against reconstruction",
            x=wr.SummaryMetric(R2),
            y=wr.SummaryMetric(YIELD),
            legend_template="${run:displayName}",
        ),
        wr.BarPlot(title="Independent loci", metrics=["score/loci", "score/omnibus_loci"]),
        wr.BarPlot(title="Excess chi2, all latents at once", metrics=["score/excess_chi2"]),
        wr.ParameterImportancePlot(with_respect_to=YIELD),
        wr.RunComparer(diff_only="split"),
        wr.MarkdownPanel(markdown=EXPLAINED),
    ]

    trusted: list[Any] = [
        wr.BarPlot(title="Genomic inflation", metrics=["score/genomic_inflation"]),
        wr.BarPlot(
            title="Bypass index (near 1: the latents are not used)", metrics=["score/bypass_index"]
        ),
        wr.BarPlot(title="Latents in use", metrics=["score/active_latents"]),
    ]

    training: list[Any] = [
        wr.LinePlot(title=name, x="epoch", y=[name])
        for name in ("validation/loss", "training/loss")
    ]

    return [
        ws.Section(name="Yield", panels=compared, is_open=True),
        ws.Section(name="May it be trusted?", panels=trusted, is_open=True),
        ws.Section(name="Reports", panels=[wr.MediaBrowser(media_keys=list(MEDIA))]),
        ws.Section(name="Training", panels=training),
    ]


def _parallel_coordinates() -> "ParallelCoordinatesPlot":
    from wandb_workspaces.reports import v2 as wr

    column = wr.ParallelCoordinatesPlotColumn
    return wr.ParallelCoordinatesPlot(
        title="Choices and yield",
        columns=[
            *(column(wr.Config(f"axes.{axis}"), display_name=axis) for axis in AXES),
            column(wr.Config("architecture.latent_dim"), display_name="latents"),
            column(wr.SummaryMetric(R2), display_name="R2"),
            column(wr.SummaryMetric(YIELD), display_name="yield"),
        ],
    )


def write(shown: "Workspace", file: Path) -> None:
    """Writes the JSON that W&B would be sent into `file`; no network is needed."""
    content: dict[str, Any] = json.loads(
        shown._to_model().model_dump_json(by_alias=True, exclude_none=True)
    )
    file.write_text(json.dumps(content, indent=2) + "\n")


def save(project: str, entity: str | None) -> str:
    """Saves the workspace as a new view of the project and returns its address."""
    from ecgae.runs.tracking import first_line, require_key

    try:
        require_key()
        owner = entity or wandb.Api().default_entity
        if not owner:
            raise InputError(
                "--entity must name a user or team of W&B; got none, and the key has no default."
            )
        return workspace(project, owner).save().url
    except wandb.Error as error:
        raise InputError(
            f"W&B must accept the dashboard; got: {first_line(error)}. Check key, network, --entity and --project, or "
            "write it to a file with --dry-run FILE.json."
        ) from None
