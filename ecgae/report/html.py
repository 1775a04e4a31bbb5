"""Pieces of a page: numbers in boxes, tables, and figures that are held in the page itself."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

CAPTIONS = {
    "manhattan": "Strongest association of every variant over all phenotypes. Below the threshold, points that would "
    "lie on one another (within 1/1500 of the width and 1/200 of the threshold) are drawn once.",
    "qq": "Quantiles of the p-values of every phenotype; the line is what chance alone gives, the band where 95 % of "
    "independent tests lie.",
    "inflation": "Genomic inflation by minor allele frequency and phenotype: as colours (grey: nothing tested), and "
    "against what chance gives.",
    "quality": "Share of each lead's recorded variance that the reconstruction explains: median, quartiles, 5th to "
    "95th percentile of the people.",
    "errors": "Error of every lead of every person against the recording, sorted; beside it, how often it occurs.",
    "overlays": "Recordings before and after the bottleneck.",
    "training": "Course of training.",
    "latents": "The latents: how variance is spread over their principal axes, what one standard deviation of each "
    "does to the ECG, how far each is from a normal distribution, and how they go together.",
    "probes": "What straight lines through the latents tell about people.",
    "traversals": "What each latent does: the mean ECG, and that ECG with one latent moved, the others at their mean. "
    "Strongest first, with the root mean square change for one standard deviation; small changes are magnified.",
}
"""What is written below every figure that a run directory may hold under figures/."""


@dataclass(frozen=True)
class Figures:
    """The PNG files of one folder."""

    folder: Path

    def one(self, name: str, kind: str = "") -> str:
        """One figure with its caption; nothing where it was not drawn."""
        file = self.folder / f"{name}.png"
        return picture(file.read_bytes(), CAPTIONS[name], kind) if file.is_file() else ""

    def wide(self, name: str) -> str:
        """One figure over the width of the page; on a narrow screen it scrolls instead of becoming
        unreadable."""
        return self.one(name, "wide")

    def row(self, *names: str) -> str:
        """Figures side by side, where the page is wide enough."""
        return f"<div class=row>{''.join(map(self.one, names))}</div>"


def picture(png: bytes, caption: str, kind: str = "") -> str:
    """A figure held in the page itself, with its caption; `kind` is a class of the style sheet."""
    data, said = base64.b64encode(png).decode(), escape(caption)
    image = f"<img class='{kind}' alt='{said}' src='data:image/png;base64,{data}'>"
    return f"<figure><div class=scroll>{image}</div><figcaption>{said}</figcaption></figure>"


def numbers(shown: Mapping[str, float | int | str | None]) -> str:
    """Numbers in boxes, by label."""
    boxes = [
        f"<div><b>{escape(_text(value))}</b><span>{escape(label)}</span></div>"
        for label, value in shown.items()
    ]
    return f"<div class=numbers>{''.join(boxes)}</div>"


def _text(value: float | int | str | None) -> str:
    if value is None:
        return "\u2013"
    if isinstance(value, float):
        return f"{value:,.3f}"
    return value if isinstance(value, str) else f"{value:,}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; `head` is HTML, the cells of `rows` are text."""
    top = "".join(f"<th>{name}</th>" for name in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<div class=scroll><table><tr>{top}</tr>{body}</table></div>"
