"""A trained model with all that lies between an ECG in mV and its latents: leads, rate, cleaning,
normalization."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import nn

from ecgae.errors import InputError
from ecgae.models.checkpoint import Fitted
from ecgae.models.encoding import BLOCK, decoded, latents_of
from ecgae.models.views import View
from ecgae.recordings.formats.recording import Layout
from ecgae.recordings.labelled import ECGs, place_of
from ecgae.signals.resampling import resampled

Step = Callable[[np.ndarray, float], np.ndarray]


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A run's model: `encode` gives the latents that the run has of the same recordings."""

    fitted: Fitted
    view: View
    layout: Layout
    recording: str
    """The kind of recording that it was trained on: median_beat, strip, ..."""
    baseline: Step
    denoiser: Step
    config: Mapping[str, Any]
    """The run's settings."""

    def __repr__(self) -> str:
        size = f"{len(self.leads)} leads of {self.samples} samples at {self.sampling_rate:g} Hz"
        name = type(self.model).__name__
        return f"{name} of {self.recording}s: {size} to {len(self.names)} latents"

    @property
    def model(self) -> nn.Module:
        """The network, with its trained weights: `encode(ecg [batch lead time])` in its own
        units."""
        return self.fitted.model

    @property
    def leads(self) -> tuple[str, ...]:
        """The leads of a recording, in order."""
        return self.layout.leads

    @property
    def sampling_rate(self) -> float:
        """Hz"""
        return self.layout.sampling_rate

    @property
    def samples(self) -> int:
        """The length of a recording, at `sampling_rate`."""
        return self.layout.samples or 0

    @cached_property
    def names(self) -> list[str]:
        """Of the latents: latent_01, ...; where each lead is a sample of its own I_latent_01,
        ..."""
        flat = np.zeros((1, len(self.leads), self.samples), np.float32)
        return self.view.names(
            latents_of(self.fitted, self.view, flat).shape[1] // self.view.per_individual
        )

    def clean(
        self, ecg: Float[np.ndarray, "individual lead time"]
    ) -> Float[np.ndarray, "individual lead time"]:
        """Baseline and noise removed as for training; mV in and out, at `sampling_rate`."""
        for step in (self.baseline, self.denoiser):
            ecg = step(ecg, self.sampling_rate)
        return ecg

    def encode(
        self,
        ecg: ECGs | np.ndarray,
        sampling_rate: float | None = None,
        leads: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Latents, one row per recording and one named column each.

        ecg: what `read` of an opened store gives, or an array [individual lead time] in mV with its
        sampling_rate in Hz; `leads` says its order, left out: that of the model. It is resampled
        where the rates differ, then cleaned and normalized as for training. Raises `InputError`
        for other leads, another length and missing samples.
        """
        values = self._like_training(ecg, sampling_rate, leads)
        blocks = [values[start : start + BLOCK] for start in range(0, len(values), BLOCK)]
        latents = [latents_of(self.fitted, self.view, self.clean(block)) for block in blocks]
        values = np.concatenate(latents) if latents else np.empty((0, len(self.names)), np.float32)
        index = ecg.index if isinstance(ecg, ECGs) else None
        return pd.DataFrame(values, index=index, columns=self.names)

    def decode(
        self,
        latents: pd.DataFrame | np.ndarray,
        like: Float[np.ndarray, "lead time"] | None = None,
    ) -> Float[np.ndarray, "individual lead time"]:
        """The ECGs that the decoder makes of latents [individual latent], in mV.

        like: a cleaned ECG in mV whose amplitude and skips are used; needed where the model was
        trained on signals that were each scaled by themselves, or has skips past the latents.
        Measurements that a decoder is told are at their mean.
        """
        values = np.ascontiguousarray(latents, np.float32)
        if values.ndim != 2 or values.shape[1] != len(self.names):
            raise InputError(
                f"latents must be of shape [individual, {len(self.names)}]; got {values.shape}."
            )
        shape = (len(self.leads), self.samples)
        if like is not None and like.shape != shape:
            raise InputError(f"like must be of shape {shape}, leads and samples; got {like.shape}.")

        if like is None:
            like = np.zeros(shape, np.float32)
            if self.has_skips or not self.constant_scaling:
                why = "has skips past its latents" if self.has_skips else "knows no amplitude"
                raise InputError(
                    f"like must be an ECG in mV whose shape is completed, for this model {why}; got none."
                )
        return decoded(self.fitted, self.view, like.astype(np.float32), values)

    @property
    def has_skips(self) -> bool:
        """Whether the decoder gets more of a recording than its latents."""
        flat = torch.zeros(1, self.view.channels, self.samples)
        device = next(self.fitted.model.parameters()).device
        with torch.inference_mode():
            return bool(self.fitted.model.encode(flat.to(device)).skips)

    @property
    def constant_scaling(self) -> bool:
        """Whether all recordings are normalized by the same numbers."""
        two = np.zeros((2, self.view.channels, self.samples), np.float32)
        return len(self.fitted.normalization(two).scale) == 1

    def _like_training(
        self, ecg: ECGs | np.ndarray, sampling_rate: float | None, leads: Sequence[str] | None
    ) -> Float[np.ndarray, "individual lead time"]:
        """The leads of the model, in its order and at its rate; checked."""
        values, rate, given = np.asarray(ecg), sampling_rate, tuple(leads or self.leads)
        if isinstance(ecg, ECGs):
            values, rate, given = ecg.ecg, ecg.sampling_rate, ecg.leads
        if rate is None:
            raise InputError(
                "sampling_rate must be given in Hz for an array of voltages; got none."
            )
        if values.ndim != 3:
            raise InputError(
                f"ecg must be of shape [individual, lead, time]; got {values.ndim} axes. "
                "Of one recording write ecg[None]."
            )

        missing = [lead for lead in self.leads if lead not in given]
        if missing or values.shape[1] != len(given):
            there = ", ".join(given) if missing else f"{values.shape[1]} of them"
            raise InputError(
                f"leads must be those that the model was trained on, {', '.join(self.leads)}; got {there}."
            )

        values = values.astype(np.float32, copy=False)
        if given != self.leads:
            values = values[:, [place_of(lead, given) for lead in self.leads]]
        if rate != self.sampling_rate:
            values = resampled(values, rate, self.sampling_rate)

        if values.shape[-1] != self.samples:
            raise InputError(
                f"ecg must be a {self.recording} of {self.samples / self.sampling_rate:g} s, {self.samples} samples "
                f"at {self.sampling_rate:g} Hz, as in training; got {values.shape[-1]} samples."
            )
        if broken := int((~np.isfinite(values)).any(axis=(1, 2)).sum()):
            raise InputError(
                f"ecg must be finite; {broken:,} of {len(values):,} recordings have missing samples. "
                "Leave them out."
            )
        return values
