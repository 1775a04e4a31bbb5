"""Sweeps from the shell: Hydra plugins that run each job in a process of its own, and search with a
memory.

They are registered when a program asks for them, so that they work wherever the package can be
imported: no folder `hydra_plugins`, no installation, and no other Hydra program on the machine
notices them. A new file here is about many jobs: how they are started, watched or searched.
"""

from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from ecgae.sweeping.optuna_study import StudyConf, StudySweeper
from ecgae.sweeping.procs import Procs, ProcsConf
from ecgae.sweeping.ray import Ray, RayConf
from ecgae.sweeping.slurm import Slurm

HYDRA_1_4 = hydra.__version__ >= "1.4"

PLUGINS = {plugin.__name__: plugin for plugin in (Procs, Slurm, Ray, StudySweeper)}


def register() -> None:
    """Makes `hydra/launcher=procs|slurm|ray` and `hydra/sweeper=study` known to Hydra in this
    process.

    Configs name the plugins `${ecgae_plugin:Procs}`.
    """
    plugins = Plugins.instance()
    for name, plugin in PLUGINS.items():
        plugins.register(plugin)
        plugins.class_name_to_class[_configured(name)] = plugin
    # OmegaConf 2.4, which comes with Hydra 1.4, gave the function another name; in 2.3 that is an
    # older one.
    register_resolver: Any = (
        OmegaConf.register_resolver if HYDRA_1_4 else OmegaConf.register_new_resolver
    )
    register_resolver("ecgae_plugin", _configured, replace=True)
    store = ConfigStore.instance()
    store.store(group="hydra/launcher", name="procs", node=ProcsConf, provider="ecgae")
    store.store(group="hydra/launcher", name="ray", node=RayConf, provider="ecgae")
    store.store(group="hydra/sweeper", name="study", node=StudyConf, provider="ecgae")


def _configured(name: str) -> str:
    """The `_target_` of a plugin: Hydra 1.4 takes the class's own name alone, 1.3 names in
    `hydra_plugins` alone."""
    plugin = PLUGINS[name]
    return f"{plugin.__module__}.{name}" if HYDRA_1_4 else f"hydra_plugins.ecgae.{name}"
