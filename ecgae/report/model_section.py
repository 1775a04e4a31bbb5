"""The page's section on the model: how well it reconstructs, whether it uses its latents, and what
they hold."""

from html import escape
from typing import Any

from ecgae.report.html import Figures, numbers, table

MEASURES = {
    "r2_recorded": ("R<sup>2</sup>", "{:.3f}"),
    "prd_recorded": ("PRD, %", "{:.1f}"),
    "r_recorded": ("r", "{:.3f}"),
    "mse_recorded": ("MSE, mV<sup>2</sup>", "{:.2e}"),
    "r2": ("R<sup>2</sup> to the network's input", "{:.3f}"),
}
"""Measures of the reconstruction: how they are called, and their format."""

COSTS = {
    "n_parameters": "trainable parameters",
    "epochs": "epochs",
    "best_epoch": "best epoch",
    "training_seconds": "s of training",
    "encoding_seconds": "s of encoding",
}
"""What the model took, in words."""


def model_section(model: dict[str, Any], figures: Figures) -> list[str]:
    """Pieces of HTML; `model` is what model.json holds."""
    people = model["people"]
    reconstruction = [
        "<h2>The model</h2>",
        numbers(_headline(model)),
        *(f"<p class=warning>{escape(sentence)}</p>" for sentence in model["model_warnings"]),
        f"<p class=note>Medians over {people['judged']:,} people held out of training, all leads, against the "
        "recording before any cleaning, each up to a constant. The bypass index is the error with a stranger's latents "
        "over the error with the true ones: near 1 the latents are not used.</p>",
        figures.row("quality", "errors"),
        _lead_table(model["reconstruction"]),
        _device_beat(model.get("device_beat")),
        figures.wide("overlays"),
    ]

    latents = [
        "<h2>What the latents hold</h2>",
        figures.wide("latents"),
        f"<div class=row>{figures.one('probes')}<div>{_health(model)}{_skipped(model['probes_skipped'])}</div></div>",
        figures.wide("traversals"),
        "<h2>Latent quality control</h2>",
        _latent_qc(model["latent_qc"]),
    ]

    costs = {
        label: f"{model[name]:,.0f}" for name, label in COSTS.items() if model.get(name) is not None
    }
    training = ["<h2>Training</h2>", numbers(costs) if costs else "", figures.one("training")]
    return reconstruction + latents + training


def _headline(model: dict[str, Any]) -> dict[str, Any]:
    """The numbers in boxes at the top of the section."""
    prd, bypass = model["prd_recorded"], model["bypass_index"]
    return {
        "R\u00b2 of the reconstruction": model["r2_recorded"],
        "PRD, root mean square error": None if prd is None else f"{prd:.1f} %",
        "correlation with the recording": model["r_recorded"],
        "bypass index": None if bypass is None else f"{bypass:,.{2 if bypass < 10 else 0}f}",
        f"active latents of {model['latents_per_sample']}": model["active_latents"],
        "effective rank": f"{model['effective_rank']:.1f}",
        f"{model['latent_qc_unit']}s dropped by the latent QC": model["latent_qc_dropped"],
    }


def _lead_table(reconstruction: dict[str, Any]) -> str:
    """How well each lead is reconstructed, by every measure."""
    rows = []
    for lead in reconstruction["r2_recorded"]:
        cells = [
            f"all ({reconstruction['r2_recorded'][lead]['n']:,} signals)" if lead == "all" else lead
        ]
        cells += [_range(reconstruction[name][lead], form) for name, (_, form) in MEASURES.items()]
        rows.append(cells)

    head = ["lead", *(title for title, _ in MEASURES.values())]
    return f"<h3>By lead: median (quartiles)</h3>{table(head, rows)}"


def _range(quartiles: dict[str, Any], form: str) -> str:
    """`0.98 (0.95 to 0.99)`: the median and the quartiles."""
    if quartiles["median"] is None:
        return "\u2013"
    middle, low, high = (form.format(quartiles[name]) for name in ("median", "lower", "upper"))
    return f"{middle} ({low} to {high})"


def _device_beat(measured: dict[str, Any] | None) -> str:
    """How near the median beat of a strip is to the one that the device averaged; "" where the
    device gives none."""
    if measured is None:
        return ""
    beats = {
        "of the reconstructed strip": "device",
        "of the recorded strip": "device_ceiling",
    }
    rows = [
        [title, *(_number(measured[f"{name}_{side}"]) for name in ("r2", "prd", "r", "mse"))]
        for title, side in beats.items()
    ]

    head = ["median beat", "R<sup>2</sup>", "PRD, %", "r", "MSE, mV<sup>2</sup>"]
    people, without = measured["people"], measured["without_beat"]
    note = f"{people:,} people, {without:,} of them without a beat that could be built."
    return f"<h3>Against the device's median beat</h3>{table(head, rows)}<p class=note>{note}</p>"


def _number(value: float | None) -> str:
    return "\u2013" if value is None else f"{value:.3g}"


def _health(model: dict[str, Any]) -> str:
    """Whether the latents are used, and how they are distributed."""
    health = model["latent_health"]
    kurtosis = [value for value in health["excess_kurtosis"].values() if value is not None]
    rows = [
        ["active", f"{health['active']} of {model['latents_per_sample']}"],
        ["collapsed", ", ".join(health["collapsed"]) or "none"],
        ["effective rank", f"{health['effective_rank']:.1f}"],
        ["largest correlation of two", _number(health["largest_correlation"])],
        ["largest excess kurtosis", _number(max(kurtosis, default=None))],
    ]
    return f"<h3>Latents</h3>{table(['', ''], rows)}"


def _skipped(reasons: dict[str, str]) -> str:
    if not reasons:
        return ""
    said = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    return f"<p class=note>Not probed: {escape(said)}.</p>"


def _latent_qc(qc: dict[str, Any]) -> str:
    """How many signals were not reconstructed well enough, and whether their amplitude differs."""
    rule = "No limit is set"
    if qc["highest"] is not None:
        rule = (
            f"{qc['dropped']:,} of {qc['kept'] + qc['dropped']:,} {qc['unit']}s have no latents: "
            f"{qc['measure']} above {qc['highest']:g}"
        )

    rows = []
    for lead, sides in qc["leads"].items():
        kept, dropped = (_mean_and_sd(sides[f"amplitude_{side}"]) for side in ("kept", "dropped"))
        shift = sides["standardised_difference"]
        share = sides["dropped"] / max(sides["kept"] + sides["dropped"], 1)
        moved = "\u2013" if shift is None else f"{shift:+.2f}"
        rows.append([lead, f"{sides['dropped']:,}", f"{share:.1%}", kept, dropped, moved])

    head = ["lead", "dropped", "share"]
    head += ["amplitude kept, mV", "amplitude dropped, mV", "difference in SD"]
    note = (
        "Amplitude: root mean square of the cleaned recording, mean \u00b1 SD. It is heritable: a filter that selects "
        "on it biases what the genome shows."
    )
    return f"<p>{escape(rule)}.</p>{table(head, rows)}<p class=note>{note}</p>"


def _mean_and_sd(amplitude: dict[str, float | None]) -> str:
    mean, sd = amplitude["mean"], amplitude["sd"]
    if mean is None:
        return "\u2013"
    return f"{mean:.3f}" + ("" if sd is None else f" \u00b1 {sd:.3f}")
