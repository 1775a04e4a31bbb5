"""From a section of a config to the component that it describes."""

import inspect
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

from omegaconf import DictConfig, OmegaConf

from ecgae.entry.choices import component
from ecgae.errors import InputError
from ecgae.runs.run_directory import require_plain

if TYPE_CHECKING:  # the rest of the package takes seconds to import: not for --help
    from ecgae.models.training import Machine
    from ecgae.models.views import View
    from ecgae.recordings.formats.recording import Layout


def build(node: DictConfig | None, **given: Any) -> Any:
    """The component that a config node describes, or None.

    `given` are facts that no config knows, such as the number of leads; a component gets those that
    it asks for.

    Only choices of the node's section are built (`choices.component`), from plain values: nothing
    in a value is looked up, called or interpolated. Raises `InputError` for anything else, and for
    values of the wrong type.
    """
    if node is None:
        return None
    values: Any = OmegaConf.to_container(node, resolve=True, throw_on_missing=True)
    section = node._key()
    made_of = component("" if section is None else str(section), values.pop("_target_", None))
    require_plain(values, str(node._get_full_key("")))
    wanted = inspect.signature(made_of).parameters
    for name in values:
        if name not in wanted:
            raise InputError(
                f"{node._get_full_key(name)} must be a setting of {made_of.__name__}; it has no such one."
            )
    _require_types(made_of, values, node)
    return made_of(**values, **{name: value for name, value in given.items() if name in wanted})


def _require_types(made_of: Any, values: dict[str, Any], node: DictConfig) -> None:
    """Raises `InputError` where a value has not the type that the component's annotation states."""
    wanted = get_type_hints(made_of.__init__ if isinstance(made_of, type) else made_of)  # type: ignore[misc]
    for name, value in values.items():
        must = TYPES.get(wanted.get(name))
        if must and not must.holds(value):
            raise InputError(f"{node._get_full_key(name)} must be {must.text}; got {value!r}.")


class _Must(NamedTuple):
    text: str
    holds: Callable[[Any], bool]


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _all_whole(value: Any) -> bool:
    return isinstance(value, list) and all(map(_whole, value))


def _all_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


TYPES: dict[Any, _Must] = {
    int: _Must("a whole number", _whole),
    float: _Must("a finite number", _finite),
    float | None: _Must("a finite number or null", lambda value: value is None or _finite(value)),
    str | None: _Must("text or null", lambda value: value is None or isinstance(value, str)),
    bool: _Must("true or false", lambda value: isinstance(value, bool)),
    str: _Must("text", lambda value: isinstance(value, str)),
    Sequence[int]: _Must("a list of whole numbers such as [7, 7, 5]", _all_whole),
    Sequence[str]: _Must("a list of words such as [I, II, V5]", _all_text),
}
"""What a value in a config must be, by the annotation of the component's argument."""


def view_of(layout: "Layout", cfg: DictConfig) -> "View":
    """Which leads of such recordings the network sees, and whether together."""
    from ecgae.models.views import View

    return View(layout.leads, cfg.lead_mode, cfg.leads)


def network_of(cfg: DictConfig, layout: "Layout", view: "View", objective: Any) -> Any:
    """The architecture for recordings of this layout, seen so: known from the cohort, before any
    recording is read."""
    from ecgae.models.architecture import ClosedForm

    told = len(objective.features)
    model = build(
        cfg.architecture, leads=view.channels, samples=layout.samples or 0, conditions=told
    )
    if isinstance(model, ClosedForm) and not objective.closed_form:
        name = cfg.architecture._target_.split(".")[-2]
        raise InputError(
            f"objective must be reconstruction or conditional with error=mse for architecture={name}, whose weights "
            f"are the least-squares solution; got {objective}."
        )
    return model


def machine_of(runtime: DictConfig) -> "Machine":
    """Where training runs, checked; the run's directory and logger come later."""
    from pathlib import Path

    from ecgae.models.training import Machine, gpu_is_there

    accelerators, memory = ("auto", "cpu", "gpu"), runtime.memory
    if runtime.accelerator not in accelerators:
        raise InputError(
            f"runtime.accelerator must be one of {', '.join(accelerators)}; got {runtime.accelerator!r}."
        )
    if runtime.accelerator == "gpu" and not gpu_is_there():
        raise InputError(
            "runtime.accelerator must be auto or cpu where torch sees no GPU; got gpu."
        )

    for name, value, least in (("devices", runtime.devices, 1), ("workers", runtime.workers, 1)):
        if not _whole(value) or value < least:
            raise InputError(
                f"runtime.{name} must be a whole number of at least {least}; got {value!r}."
            )
    if memory is not None and not (_finite(memory) and memory >= 0):
        raise InputError(f"runtime.memory must be in GB, at least 0, or null; got {memory!r}.")

    limit = None if memory is None else int(memory * 1e9)
    return Machine(runtime.accelerator, None, Path(), runtime.devices, limit)
