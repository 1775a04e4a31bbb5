"""The frame that all convolutional autoencoders share: blocks, dense layers to the latents, and the
same way back."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from ecgae.models.architecture import Autoencoder, Latent
from ecgae.models.architecture._blocks import Block, Style, pooled_block, upsampling_block
from ecgae.models.architecture._layers import Conv, LogVariance, start_like_keras
from ecgae.models.architecture._numbers import require_layers, require_regularisation, require_skips


class ConvAutoencoder(Autoencoder):
    """Encoder blocks that each halve the time axis, `dense` layers, latents; mirrored back, a
    linear Conv to the leads.

    `filters` and `kernel_sizes` (samples) have one number per block, and the decoder uses them last
    to first. `width`
    multiplies all filters, at least one stays: the same design at another size. `dense`: widths of
    hidden dense layers beside the bottleneck, activated, without batch normalization. `dropout`
    acts after every block of the encoder. `l2` weighs the squared convolution kernels in the loss,
    those of shortcuts too.

    Skips: `intra_skip` (none | add | concat) is a shortcut of a 1x1 Conv around each block,
    `intra_skip_in` the encoder, the decoder or both; a decoder block without one is nearest
    upsampling, Conv, BN, activation. `cross_skip` (none | add | concat) hands the output of each
    encoder block but the last to the decoder's features of
    the same length: past the bottleneck, so that the latents hold less of the ECG.

    Conditions are seen by the decoder's first layer alone, beside the latents (REGLE's rSPINC; Yun
    et al., Nat Genet 2024;56:1604).
    """

    block: Callable[..., Block] = staticmethod(pooled_block)
    """Makes the blocks of an encoder, and of a decoder with shortcuts."""

    def __init__(
        self,
        leads: int,
        samples: int,
        latent_dim: int,
        filters: Sequence[int],
        kernel_sizes: Sequence[int],
        dense: Sequence[int],
        activation: str,
        leaky_slope: float,
        batch_norm: bool,
        dropout: float,
        l2: float,
        intra_skip: str,
        intra_skip_in: str,
        cross_skip: str,
        conditions: int = 0,
        width: float = 1.0,
    ) -> None:
        require_layers(latent_dim, filters, kernel_sizes, dense, width)
        filters = [max(1, round(width * number)) for number in filters]
        require_regularisation(activation, leaky_slope, dropout, l2)
        require_skips(intra_skip, intra_skip_in, cross_skip, len(filters))

        super().__init__()
        self.samples, self.conditions = samples, conditions
        self.l2, self.cross_skip = l2, cross_skip
        self.shortest = -(-samples // 2 ** len(filters))

        style = Style(activation, leaky_slope, batch_norm, dropout)
        inside = {
            side: intra_skip if intra_skip_in in (side, "both") else "none"
            for side in ("encoder", "decoder")
        }

        widths = [_width(number, inside["encoder"]) for number in filters]
        self.encoder = nn.ModuleList(
            self.block(channels, number, kernel_size, style, inside["encoder"])
            for channels, number, kernel_size in zip(
                (leads, *widths), filters, kernel_sizes, strict=False
            )
        )
        self._build_bottleneck([widths[-1] * self.shortest, *dense], latent_dim, style)
        self._build_decoder(
            leads,
            encoded=widths,
            filters=filters,
            kernel_sizes=kernel_sizes,
            style=style,
            shortcut=inside["decoder"],
        )

        start_like_keras(self)
        self._convolutions = tuple(
            module for module in self.modules() if isinstance(module, nn.Conv1d)
        )

    def _build_bottleneck(self, sizes: list[int], latent_dim: int, style: Style) -> None:
        """Dense layers to the latents and back; `sizes` are those of the encoder's output and of the
        hidden dense layers."""
        inwards = [
            layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), style.activate())
        ]
        self.into_dense = nn.Sequential(*inwards)
        self.to_latent = nn.Linear(sizes[-1], latent_dim)
        if self.variational:
            self.to_log_variance = LogVariance(sizes[-1], latent_dim)

        self.from_latent = nn.Linear(latent_dim + self.conditions, sizes[-1])
        outwards = [
            layer
            for pair in pairwise(sizes[::-1])
            for layer in (style.activate(), nn.Linear(*pair))
        ]
        self.out_of_dense = nn.Sequential(*outwards)

    def _build_decoder(
        self,
        leads: int,
        encoded: list[int],
        filters: Sequence[int],
        kernel_sizes: Sequence[int],
        style: Style,
        shortcut: str,
    ) -> None:
        """The decoder's blocks and what joins the cross skips to them; `encoded`: channels that each
        encoder block gives."""
        self.decoder, self.laterals = nn.ModuleList(), nn.ModuleList()
        channels = encoded[-1]
        for number, kernel_size, carried in zip(
            reversed(filters), reversed(kernel_sizes), (*encoded[-2::-1], 0), strict=True
        ):
            if shortcut == "none":
                self.decoder.append(upsampling_block(channels, number, kernel_size, style))
            else:
                block = self.block(channels, number, kernel_size, style, shortcut, halve=False)
                self.decoder.append(nn.Sequential(nn.Upsample(scale_factor=2), block))

            channels = _width(number, shortcut)
            if carried and self.cross_skip == "add":
                self.laterals.append(Conv(carried, channels, 1))
            elif carried and self.cross_skip == "concat":
                channels += carried

        self.to_leads = Conv(channels, leads, 3)

    def encode(self, ecg: Float[Tensor, "batch lead time"]) -> Latent:
        missing = self.shortest * 2 ** len(self.encoder) - self.samples
        features = functional.pad(ecg, (0, missing), mode="replicate") if missing else ecg
        skips: list[Tensor] = []
        for block in self.encoder:
            features = block(features)
            if self.cross_skip != "none":
                skips.append(features)
        features = self.into_dense(features.flatten(1))
        log_variance = self.to_log_variance(features) if self.variational else None
        return Latent(self.to_latent(features), log_variance, tuple(skips[:-1]))

    def decode(
        self,
        latent: Float[Tensor, "batch latent"],
        skips: tuple[Tensor, ...] = (),
        condition: Float[Tensor, "batch condition"] | None = None,
    ) -> Float[Tensor, "batch lead time"]:
        if len(skips) != (0 if self.cross_skip == "none" else len(self.encoder) - 1):
            raise ValueError("decode must get the skips that encode gave for the same ECGs.")
        if self.conditions:
            if condition is None:
                raise ValueError(
                    f"decode must get the {self.conditions} measurements that the model was built for."
                )
            latent = torch.cat((latent, condition), 1)
        features = self.out_of_dense(self.from_latent(latent)).unflatten(1, (-1, self.shortest))
        for depth, block in enumerate(self.decoder):
            features = block(features)
            if depth < len(skips):
                features = self._joined(features, skips[-1 - depth], depth)
        return self.to_leads(features)[..., : self.samples]

    def _joined(
        self,
        features: Float[Tensor, "batch filter time"],
        skip: Float[Tensor, "batch channel time"],
        depth: int,
    ) -> Float[Tensor, "batch both time"]:
        if self.cross_skip == "add":
            return features + self.laterals[depth](skip)
        return torch.cat((features, skip), 1)

    @torch.no_grad()
    def rotate(
        self, centre: Float[Tensor, "latent"], rotation: Float[Tensor, "latent latent"]
    ) -> None:
        """Folds the rotation into the two dense layers beside the bottleneck."""
        into, out = self.to_latent, self.from_latent
        into.weight.copy_(rotation.T @ into.weight)
        into.bias.copy_((into.bias - centre) @ rotation)
        of_latents = out.weight[:, : len(centre)]
        out.bias.add_(of_latents @ centre)
        of_latents.copy_(of_latents @ rotation)
        if self.variational:
            self.to_log_variance.rotate(rotation)

    def penalty(self) -> Float[Tensor, ""]:
        """`l2` times the sum of squares of all convolution kernels; dense layers and biases are
        free, as published."""
        if self.l2 == 0:
            return self.from_latent.weight.new_zeros(())
        return (
            self.l2
            * torch.cat([conv.weight.flatten() for conv in self._convolutions]).square().sum()
        )


def _width(filters: int, intra_skip: str) -> int:
    """The number of channels that a block with so many filters gives."""
    return 2 * filters if intra_skip == "concat" else filters
