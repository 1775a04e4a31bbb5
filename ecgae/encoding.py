"""A trained model over a whole cohort: latents, and the error of every reconstruction in mV."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from tqdm import tqdm

from ecgae.latents import Latents
from ecgae.schedule import Schedule
from ecgae.store import Store
from ecgae.training import Fitted


def as_signals(
    ecg: Float[np.ndarray, "individual lead time"], lead_mode: str
) -> Float[np.ndarray, "signal channel time"]:
    """What the network sees as one sample: all leads of a recording (`joint`) or each lead on its own (`single`)."""
    return ecg if lead_mode == "joint" else ecg.reshape(-1, 1, ecg.shape[-1])


class Encoded(NamedTuple):
    """One block of people through the model."""

    latents: Float[np.ndarray, "individual phenotype"]
    reconstruction: Float[np.ndarray, "individual lead time"]


def encode(
    fitted: Fitted,
    store: Store,
    kind: str,
    cleaned: Float[np.ndarray, "individual lead time"],
    lead_mode: str,
    schedule: Schedule | None,
) -> Latents:
    """Latents of all recordings, with quality per lead against the cleaned input and against the recording itself.

    `r2` and `mse` (mV^2) compare with what the network was given; `r2_recorded` and `mse_recorded` with the recording
    before any cleaning, each up to a constant (an ECG amplifier does not pass the mean), which is the same reference
    for every denoiser and normalization. `schedule` says who was held out; None where nobody was in training.
    """
    leads = store.layout(kind).leads
    values, quality = [], []
    with tqdm(total=len(store), desc="encoding", unit="person") as bar:
        for rows, recorded in store.blocks(kind, size=128):
            block = through_bottleneck(fitted, cleaned[rows], lead_mode)
            values.append(block.latents)
            quality.append(reconstruction_quality(recorded, cleaned[rows], block.reconstruction))
            bar.update(rows.stop - rows.start)
    latents = np.concatenate(values)
    return Latents(
        sample_ids=store.sample_ids,
        visits=store.visits,
        validation=np.ones(len(store), bool) if schedule is None else schedule.held_out(store.sample_ids),
        names=latent_names(latents.shape[1], leads, lead_mode),
        values=latents,
        leads=leads,
        quality={measure: np.concatenate([part[measure] for part in quality]) for measure in quality[0]},
    )


def latent_names(phenotypes: int, leads: tuple[str, ...], lead_mode: str) -> list[str]:
    """`latent_01`, ... for all leads jointly; `V1_latent_01`, ... for one lead per sample."""
    if lead_mode == "joint":
        return [f"latent_{index:02d}" for index in range(1, phenotypes + 1)]
    return [f"{lead}_latent_{index:02d}" for lead in leads for index in range(1, phenotypes // len(leads) + 1)]


@torch.inference_mode()
def through_bottleneck(fitted: Fitted, ecg: Float[np.ndarray, "individual lead time"], lead_mode: str) -> Encoded:
    """Latents of these ECGs (mV) and what the decoder makes of them (mV), on the device where the model is."""
    signals = np.ascontiguousarray(as_signals(ecg, lead_mode))
    scaling = fitted.normalization(signals)
    device = next(fitted.model.parameters()).device
    latent = fitted.model.encode(torch.from_numpy(scaling.apply(signals)).to(device)).mean
    reconstruction = scaling.undo(fitted.model.decode(latent).cpu().numpy())
    return Encoded(latent.cpu().numpy().reshape(len(ecg), -1), reconstruction.reshape(ecg.shape))


def reconstruction_quality(
    recorded: Float[np.ndarray, "individual lead time"],
    cleaned: Float[np.ndarray, "individual lead time"],
    reconstruction: Float[np.ndarray, "individual lead time"],
) -> dict[str, Float[np.ndarray, "individual lead"]]:
    """Mean squared error in mV^2 and `R2 = 1 - SSE / SST` per lead; R2 of a flat lead is NaN."""
    centred = [ecg - ecg.mean(axis=-1, keepdims=True) for ecg in (recorded, reconstruction)]
    mse = np.square(cleaned - reconstruction).mean(axis=-1)
    mse_recorded = np.square(centred[0] - centred[1]).mean(axis=-1)
    return {
        "mse": mse,
        "r2": _r2(mse, cleaned.var(axis=-1)),
        "mse_recorded": mse_recorded,
        "r2_recorded": _r2(mse_recorded, recorded.var(axis=-1)),
    }


def _r2(mse: np.ndarray, variance: np.ndarray) -> np.ndarray:
    return 1 - np.divide(mse, variance, out=np.full_like(mse, np.nan), where=variance > 0)
