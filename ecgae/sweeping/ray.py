"""`hydra/launcher=ray`: the jobs of a sweep as tasks of Ray, through Hydra's released plugin.

The plugin alone runs a killed job three times more in the same folder, drops the jobs that are left
when one was killed, and cannot use a cluster that is there already.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from ecgae.errors import InputError, as_sentence
from ecgae.sweeping.cluster import Batch, killed, released, replaced, run_batch
from ecgae.sweeping.known_axes import require_known_axes

PLUGIN = "hydra_plugins.hydra_ray_launcher.ray_launcher"


@dataclass
class RayConf:
    """The settings of the launcher; it takes the place of the plugin's own `hydra/launcher=ray`."""

    _target_: str = "${ecgae_plugin:Ray}"
    init: dict[str, Any] = field(default_factory=lambda: {"address": "local"})
    """What `ray.init` is given. address: local, an own instance with all cores of this computer |
    auto, the cluster of this computer | host:port, where Ray sends a token only if
    RAY_AUTH_MODE=token is set."""
    remote: dict[str, Any] = field(
        default_factory=lambda: {"num_cpus": 1, "num_gpus": 0, "max_retries": 0, "max_calls": 1}
    )
    """What each job needs: Ray starts as many at once as there is room for, each with as many
    threads as `num_cpus`.

    max_retries: Ray itself runs no killed job again. max_calls: no job inherits the memory and the
    settings of another.
    """


class Ray(Launcher):
    """Ray tasks; jobs whose run is finished are not sent, and a job that is killed costs that one
    alone."""

    def __init__(self, init: DictConfig, remote: DictConfig) -> None:
        self._init, self._remote = dict(init), dict(remote)

    @as_sentence()
    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        if self._init["address"] != "local":
            # Without it the plugin sets the size of the object store, which only the start of a
            # cluster can.
            self._init["object_store_memory"] = None
            # Ray tries 20 times, 40 s each, to reach a cluster that is gone.
            os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "1")
        self._plugin = released(PLUGIN, "RayLauncher", launcher="ray")(
            DictConfig({"init": self._init, "remote": self._remote})
        )
        self._context, self._main, self._sweep = hydra_context, task_function, config
        require_known_axes(config, hydra_context.config_loader)

    @as_sentence()
    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Sends what is missing and waits for it; where the wait is interrupted Ray ends the
        jobs."""
        loader = self._context.config_loader
        return run_batch(self._sweep, loader, job_overrides, initial_job_idx, self._send)

    def _send(self, batch: Batch) -> None:
        import ray
        from ray.exceptions import RayError

        get = ray.get

        def taken(reference: Any) -> JobReturn:
            try:
                result = get(reference)
            except RayError as error:
                result = killed(
                    f"ended by Ray ({type(error).__name__}), perhaps for want of memory"
                )
            batch.returned(result)
            return result

        self._plugin.setup(
            hydra_context=self._context, task_function=batch.task(self._main), config=self._sweep
        )
        try:
            with replaced(ray, "get", taken):
                self._plugin.launch([job.overrides for job in batch.missing], initial_job_idx=0)
        except ConnectionError as error:
            raise InputError(
                f"hydra.launcher.init.address must be a Ray cluster that runs; {error}"
            ) from None
        except KeyboardInterrupt:
            print("interrupted; the same command runs what is missing", flush=True)
            raise SystemExit(130) from None
