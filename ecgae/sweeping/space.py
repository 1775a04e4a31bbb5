"""The axes of a search: from Hydra's sweep grammar to Optuna's distributions, and back to
overrides."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from ecgae.errors import InputError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


class Space(NamedTuple):
    """What is searched, and what is the same in all trials."""

    axes: dict[str, "BaseDistribution"]
    """What values each key may have."""
    fixed: tuple[str, ...]
    """The overrides of all trials, each as `key=value`."""

    def overrides(self, params: Mapping[str, Any]) -> tuple[str, ...]:
        """The point `params` as overrides of a job."""
        return (*self.fixed, *(f"{key}={value}" for key, value in params.items()))

    def points(self) -> float:
        """How many different points there are; infinity where an axis is an interval of real
        numbers."""
        count = 1.0
        for axis in self.axes.values():
            count *= _values(axis)
        return count


def space_of(overrides: Sequence[Override]) -> Space:
    """The space that the overrides of a sweep span.

    `choice(a, b)` and `a,b` are unordered; `range` and `interval` ordered, with `tag(log, ...)` in
    logarithms.
    """
    axes = {
        override.get_key_element(): _distribution(override)
        for override in overrides
        if override.is_sweep_override()
    }
    fixed = [
        f"{override.get_key_element()}={override.get_value_element_as_str()}"
        for override in overrides
        if not override.is_sweep_override()
    ]

    if not axes:
        raise InputError(
            "hydra/sweeper=study must have an axis to search; got none. Type e.g. architecture=plain,residual."
        )
    return Space(axes, tuple(fixed))


def _distribution(override: Override) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    sweep: Any = override.value()
    log = "log" in getattr(sweep, "tags", ())
    start: Any = getattr(sweep, "start", None)
    end: Any = getattr(sweep, "end", None)

    try:
        if isinstance(sweep, IntervalSweep):
            kind = IntDistribution if isinstance(start, int) else FloatDistribution
            return kind(start, end, log=log)
        if isinstance(sweep, RangeSweep) and not sweep.shuffle:
            values = [float(value) for value in sweep.range()]
            if all(value.is_integer() for value in values):
                step = 1 if log else int(sweep.step)
                return IntDistribution(int(min(values)), int(max(values)), log=log, step=abs(step))
            return FloatDistribution(
                min(values), max(values), step=None if log else abs(float(sweep.step)), log=log
            )
        return CategoricalDistribution(tuple(override.sweep_string_iterator()))
    except ValueError as error:
        raise InputError(
            f"{override.key_or_group} must be an axis that can be searched; {error}"
        ) from None


def _values(axis: "BaseDistribution") -> float:
    """How many values an axis has."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(axis, CategoricalDistribution):
        return len(axis.choices)
    if isinstance(axis, IntDistribution):
        return (axis.high - axis.low) // axis.step + 1
    step = getattr(axis, "step", None)
    return float("inf") if step is None else round((axis.high - axis.low) / step) + 1  # type: ignore[attr-defined]
