"""Numbers and words that make no network are refused with a sentence, before any data is read."""

from collections.abc import Iterable, Sequence

from ecgae.errors import InputError
from ecgae.models.architecture._layers import ACTIVATIONS

SKIPS = ("none", "add", "concat")
SIDES = ("encoder", "decoder", "both")


def require_layers(
    latent_dim: int,
    filters: Sequence[int],
    kernel_sizes: Sequence[int],
    dense: Sequence[int] = (),
    width: float = 1.0,
) -> None:
    if not filters or len(filters) != len(kernel_sizes):
        raise InputError(
            "architecture.kernel_sizes must have one number per entry of architecture.filters; "
            f"got {len(kernel_sizes)} and {len(filters)}."
        )
    if min(*filters, *kernel_sizes, *dense, latent_dim) < 1:
        raise InputError(
            "architecture.filters, kernel_sizes, dense and latent_dim must be at least 1."
        )
    if not width > 0:
        raise InputError(f"architecture.width must be positive; got {width}.")


def require_regularisation(activation: str, leaky_slope: float, dropout: float, l2: float) -> None:
    _require_one_of("activation", activation, ACTIVATIONS)
    if not 0 <= leaky_slope < 1:
        raise InputError(f"architecture.leaky_slope must lie in [0, 1); got {leaky_slope}.")
    if not 0 <= dropout < 1:
        raise InputError(f"architecture.dropout must lie in [0, 1); got {dropout}.")
    if not l2 >= 0:
        raise InputError(f"architecture.l2 must not be negative; got {l2}.")


def require_skips(intra_skip: str, intra_skip_in: str, cross_skip: str, blocks: int) -> None:
    _require_one_of("intra_skip", intra_skip, SKIPS)
    _require_one_of("intra_skip_in", intra_skip_in, SIDES)
    _require_one_of("cross_skip", cross_skip, SKIPS)
    if cross_skip != "none" and blocks == 1:
        raise InputError(
            f"architecture.cross_skip must be none where the encoder has one block; got {cross_skip}. "
            "Give architecture.filters and kernel_sizes a second entry."
        )


def _require_one_of(name: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise InputError(f"architecture.{name} must be one of {', '.join(known)}; got {value!r}.")
