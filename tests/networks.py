"""Small networks and short ECGs for the laws of architectures and objectives."""

import functools

import torch
from conftest import composed, heartbeats
from omegaconf import OmegaConf

from ecgae.entry.build import build

SMALL = {"latent_dim": 8, "filters": [6, 8], "kernel_sizes": [5, 3], "dense": [16, 16]}
"""Sizes of a small network; of these an architecture takes what its yaml has and leaves not empty."""


@functools.cache
def shipped(axis: str, name: str):
    return composed(f"{axis}={name}")[axis]


def config(axis: str, name: str, overrides: tuple[str, ...] = ()):
    """The numbers of a yaml file, with changes; many times faster than composing everything for
    each."""
    return OmegaConf.merge(shipped(axis, name), OmegaConf.from_dotlist(list(overrides)))


def network(
    name: str,
    leads: int = 12,
    samples: int = 57,
    conditions: int = 0,
    overrides: tuple[str, ...] = (),
):
    """As shipped, from the same random start in every test."""
    torch.manual_seed(0)
    return build(
        config("architecture", name, overrides), leads=leads, samples=samples, conditions=conditions
    )


def small(name: str, leads: int = 12, samples: int = 57, conditions: int = 0, *overrides: str):
    sizes = [
        f"{key}={size}" for key, size in SMALL.items() if shipped("architecture", name).get(key)
    ]
    return network(name, leads, samples, conditions, (*sizes, *overrides))


def with_setting(name: str, key: str, value: object) -> list[str]:
    """The override `key=value` where the architecture has such a setting, else none."""
    return [f"{key}={value}"] if key in shipped("architecture", name) else []


def objective_of(name: str, *overrides: str, sampling_rate: float = 500.0):
    return build(config("objective", name, overrides), sampling_rate=sampling_rate)


def ecgs(batch: int, leads: int = 12, samples: int = 57, seed: int = 0) -> torch.Tensor:
    """[batch lead time], about 1 in size; a window that holds a beat, whatever its length."""
    beats = torch.from_numpy(heartbeats(batch, max(samples, 500), seed))[:, :leads]
    start = int(beats[0].square().sum(0).argmax()) - samples // 2
    return beats.roll(-start, -1)[..., :samples].contiguous()


def conditions_of(batch: int, count: int) -> torch.Tensor | None:
    if not count:
        return None
    return torch.randn(batch, count, generator=torch.Generator().manual_seed(1))
