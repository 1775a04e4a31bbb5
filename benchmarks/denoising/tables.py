"""The results as Markdown tables, speeds included."""

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

Columns = dict[str, Callable[[pd.DataFrame], str]]
"""How a cell is made from the rows of a pair of steps, which are indexed by the SNR in dB (NaN
without noise)."""


PUBLISHED = ("moving_average", "dwt")
"""The chain that speeds are relative to."""


def _at(name: str, snr: float | None, form: str) -> Callable[[pd.DataFrame], str]:
    def cell(rows: pd.DataFrame) -> str:
        chosen = rows[rows.index.isna()] if snr is None else rows.loc[[snr]]
        return form.format(chosen[name].iloc[0])

    return cell


GAIN: Columns = {
    "gain at 0 dB": _at("gain_db", 0, "{:+.1f}"),
    **{f"{snr} dB": _at("gain_db", snr, "{:+.1f}") for snr in (6, 12, 18)},
}
"""In dB."""
DISTURBED: Columns = {
    "ST at 12 dB (µV)": _at("st_uv", 12, "{:.1f}"),
    "QT at 12 dB (ms)": _at("qt_ms", 12, "{:.1f}"),
}
COST: Columns = {  # of clean traces
    "ST (µV)": _at("st_uv", None, "{:.1f}"),
    "QT (ms)": _at("qt_ms", None, "{:.1f}"),
    "error (%)": _at("error_percent", None, "{:.1f}"),
}
SPEED: Columns = {
    "traces/s": _at("traces_per_second", None, "{:,.0f}"),
    "× published": _at("speed_ratio", None, "{:.2f}"),
}


def speeds(rows: pd.DataFrame) -> pd.DataFrame:
    """Strips' traces per second of each pair, the best of all calls, and the ratio to the published
    chain."""
    strips = rows[rows.input == "strip"]
    best = strips.groupby(["baseline", "denoiser"], sort=False).seconds_per_trace.min()
    return pd.DataFrame(
        {"traces_per_second": 1 / best, "speed_ratio": best[PUBLISHED] / best}
    ).reset_index()


def markdown(rows: pd.DataFrame, speed: pd.DataFrame) -> str:
    """A table per source and kind of recording, and one for the settings of the wavelet
    denoiser."""
    rows = rows.astype({"snr": float}).merge(speed, on=["baseline", "denoiser"], how="left")
    is_setting = rows.denoiser.str.startswith("dwt ")
    parts = []
    for (source, kind, setting), part in rows.groupby(["source", "input", is_setting], sort=False):
        columns = GAIN | COST | DISTURBED if part.snr.notna().any() else COST
        title = f"### {source}, {kind}" + (", settings of dwt" if setting else "")
        parts += [
            title,
            table(part, columns | SPEED if kind == "strip" and part.snr.notna().any() else columns),
        ]
    return "\n\n".join(parts) + "\n"


def table(rows: pd.DataFrame, columns: Columns) -> str:
    """One line per pair of steps."""
    lines: list[list[Any]] = [
        ["baseline", "denoiser", *columns],
        ["---", "---", *["---:"] * len(columns)],
    ]
    for pair, part in rows.groupby(["baseline", "denoiser"], sort=False):
        lines.append([*pair, *(cell(part.set_index("snr")) for cell in columns.values())])
    return "\n".join(_line(words) for words in lines)


def _line(words: Iterable[str]) -> str:
    return "| " + " | ".join(words) + " |"
