"""Writes small WFDB records apart from the package that reads them; every field of the header can
be made wrong."""

from pathlib import Path

import numpy as np

from ecgae.ecg import derived_limb_leads


def counts(leads: int, samples: int = 40, largest: int = 1000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-largest, largest, (leads, samples))


def write(
    folder: Path,
    traces: np.ndarray,
    names,
    name="r",
    rate="500",
    frames=None,
    storage="16",
    gain="1000(0)/mV",
    comments="",
    extra="",
    suffix=".dat",
    prefix=b"",
    file=None,
    checksums=True,
) -> Path:
    """A record of 16-bit samples, and its path without suffix."""
    gains = [gain] * len(traces) if isinstance(gain, str) else gain
    lines = [f"{name} {len(traces)} {rate} {traces.shape[1] if frames is None else frames}"]
    for trace, lead, one in zip(traces, names, gains, strict=True):
        total = int(trace.sum()) % 65536 if checksums else 0
        lines.append(f"{file or name + suffix} {storage} {one} 16 0 {trace[0]} {total} 0 {lead}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.hea").write_text(
        "\n".join([*lines, extra, comments]) + "\n", encoding="utf-8"
    )
    (folder / f"{name}{suffix}").write_bytes(prefix + traces.T.astype("<i2").tobytes())
    return folder / name


def limb(samples: int = 40, seed: int = 0) -> np.ndarray:
    """12 leads that obey Einthoven's law exactly; I and II are even, so that the halves are
    whole."""
    traces = 2 * counts(12, samples, 400, seed)
    for place, trace in enumerate(derived_limb_leads(traces[0], traces[1]).values(), start=2):
        traces[place] = trace[0] * trace[1]
    return traces
