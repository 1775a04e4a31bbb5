"""Baseline wander as a cubic spline through isoelectric knots (Meyer and Keiser, Comput Biomed Res
1977;10:459)."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float

from ecgae.errors import InputError
from ecgae.signals.arrays import in_torch, moving_mean, ranked


class Knots(NamedTuple):
    """The points of each trace that the spline goes through."""

    time: Float[torch.Tensor, "trace knot"]
    """When each knot is, in samples."""
    level: Float[torch.Tensor, "trace knot"]
    """The voltage at each knot, in mV."""


@dataclass(frozen=True)
class Spline:
    """`ecg - natural cubic spline through one knot per `window` s`; constant before the first knot,
    after the last.

    A knot is the mean time and mean voltage of the quietest `quiet` of the window's samples: those
    with the least variance over `stretch` s around them. No beat detection is needed, because every
    window of about one second holds diastole (TP or PQ), the quietest part of a beat. Wander up to
    about half the knots' rate is removed. ST: measured from the isoelectric line, so its level is
    kept. Where the rate is so fast that TP vanishes, or ST is as flat as TP and displaced, part of
    the displacement is taken for baseline.

    >>> phase = (torch.arange(5000) / 500) % 1
    >>> ecg = torch.exp(-(((phase - 0.4) / 0.012) ** 2))  # one R peak a second, on a slope
    >>> step = Spline(window=1.0, stretch=0.1, quiet=0.1)
    >>> cleaned = step(ecg + torch.linspace(0, 1, 5000), sampling_rate=500.0)
    >>> round(float((cleaned - ecg)[1000:-1000].abs().max()), 2)
    0.0
    """

    window: float
    """The time in s from knot to knot."""
    stretch: float
    """The time in s over which it is judged how quiet the trace is."""
    quiet: float
    """The share of a window's samples that its knot is made of."""

    def __post_init__(self) -> None:
        if not 0 < self.stretch < self.window:
            raise InputError(
                "baseline.stretch must be positive and below baseline.window; "
                f"got {self.stretch} s and {self.window} s."
            )
        if not 0 < self.quiet <= 1:
            raise InputError(f"baseline.quiet must be above 0 and at most 1; got {self.quiet}.")

    @in_torch
    def __call__(
        self, ecg: Float[torch.Tensor, "trace time"], sampling_rate: float
    ) -> Float[torch.Tensor, "trace time"]:
        # A tenth of a microvolt matters in no knot, but ties between quiet samples must not depend
        # on the precision.
        knots = self._knots(ecg.double(), sampling_rate)
        return (ecg - _natural_spline(knots, ecg.shape[-1])).to(ecg.dtype)

    def _knots(self, ecg: Float[torch.Tensor, "trace time"], sampling_rate: float) -> Knots:
        """One knot per window, where the trace is quietest."""
        traces, samples = ecg.shape
        count = max(1, round(samples / (self.window * sampling_rate)))
        length = samples // count

        centred = ecg - ecg.mean(dim=-1, keepdim=True)
        stretch = max(2, round(self.stretch * sampling_rate))
        variance = moving_mean(centred.square(), stretch) - moving_mean(centred, stretch).square()
        # Rounding makes a variance of zero slightly negative, which no tie with a limit of zero
        # would reach.
        variance = variance.clamp(min=0)[:, : count * length].reshape(traces * count, length)

        limit = ranked(variance, max(1, round(self.quiet * length)) - 1)
        # Voltages come in steps, so variances tie: all of the tied samples count, whatever their
        # last digit says.
        weight = (variance <= limit * (1 + 1e-6)).to(ecg.dtype)
        weight = (weight / weight.sum(dim=-1, keepdim=True)).view(traces, count, length)

        time = torch.arange(count * length, dtype=ecg.dtype, device=ecg.device).view(count, length)
        voltage = ecg[:, : count * length].view_as(weight)
        return Knots(time=(weight * time).sum(-1), level=(weight * voltage).sum(-1))


def _natural_spline(knots: Knots, samples: int) -> Float[torch.Tensor, "trace {samples}"]:
    """The natural cubic spline through each trace's knots, at the times 0, 1, ..., held constant
    outside them."""
    traces, count = knots.level.shape
    if count == 1:
        return knots.level.expand(traces, samples)

    time = torch.arange(samples, dtype=knots.time.dtype, device=knots.time.device).expand(
        traces, samples
    )
    time = time.clamp(knots.time[:, :1], knots.time[:, -1:])
    left = (torch.searchsorted(knots.time, time, right=True) - 1).clamp(0, count - 2)
    curvature = _curvatures(knots)

    start, stop = knots.time.gather(1, left), knots.time.gather(1, left + 1)
    gap, before, after = stop - start, time - start, stop - time

    chord = (after * knots.level.gather(1, left) + before * knots.level.gather(1, left + 1)) / gap
    bend = curvature.gather(1, left) * (gap + after) + curvature.gather(1, left + 1) * (
        gap + before
    )
    return chord - before * after * bend / (6 * gap)


def _curvatures(knots: Knots) -> Float[torch.Tensor, "trace knot"]:
    """Second derivatives at the knots, 0 at both ends: a tridiagonal system, solved by elimination
    over all traces."""
    gap = knots.time.diff(dim=-1)
    slope = knots.level.diff(dim=-1) / gap
    curvature = torch.zeros_like(knots.level)

    inner = range(1, knots.level.shape[-1] - 1)
    ratio = torch.zeros_like(gap)
    for i in inner:
        pivot = 2 * (gap[:, i - 1] + gap[:, i]) - gap[:, i - 1] * ratio[:, i - 1]
        ratio[:, i] = gap[:, i] / pivot
        curvature[:, i] = (
            6 * (slope[:, i] - slope[:, i - 1]) - gap[:, i - 1] * curvature[:, i - 1]
        ) / pivot
    for i in reversed(inner):
        curvature[:, i] -= ratio[:, i] * curvature[:, i + 1]
    return curvature
