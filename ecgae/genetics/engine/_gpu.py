"""The matrix products of a scan on a GPU: two bits per call travel there, single-precision products
come back."""

from collections.abc import Callable

import numpy as np
import torch

from ecgae.statistics.calls import COPIES, Calls
from ecgae.statistics.screening import Multiply, Products, Stack


def multiplier_on(device: str) -> Callable[[Stack], Multiply]:
    """What `screening.multiplier` does, on the device. Several threads may multiply at once.

    TF32 products round each phenotype to 11 bits, which changes t by about 5e-4: within what the
    screen allows for.
    """
    torch.backends.cuda.matmul.allow_tf32 = True

    def multiplier(stack: Stack) -> Multiply:
        right = torch.from_numpy(stack.right).to(device)
        insides = right[:, stack.insides].contiguous()
        copies = torch.from_numpy(COPIES).to(device)

        def multiply(calls: Calls) -> Products:
            genotype = _genotype(calls, copies, device)
            squares = genotype.square() @ insides if stack.insides else genotype[:, :0]
            return Products((genotype @ right).cpu().numpy(), squares.cpu().numpy())

        return multiply

    return multiplier


def _genotype(calls: Calls, copies: torch.Tensor, device: str) -> torch.Tensor:
    """The genotypes of a block, [variant individual] float32, on the device."""
    if calls.words is None or calls.filled is not None:
        return torch.from_numpy(np.ascontiguousarray(calls.genotype)).to(device)

    packed = torch.from_numpy(np.ascontiguousarray(calls.words).view(np.uint8)).to(device)
    return copies[packed.int()].reshape(len(packed), -1)[:, : calls.counts.people]
