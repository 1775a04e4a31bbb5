"""Principal components of genotypes: the axes of ancestry that an association scan adjusts for."""

import numpy as np
from jaxtyping import Float, Int8
from scipy.linalg import eigh

MISSING = -127
"""A missing call in `Int8` genotypes, as in bed-reader."""

_BLOCK = 2_000  # people at a time


def principal_components(
    dosage: Int8[np.ndarray, "individual variant"], components: int
) -> Float[np.ndarray, "individual component"]:
    """The leading left singular vectors of the standardised genotypes, each of length 1, its sum of
    cubes positive.

    A missing call counts as the variant's mean; a variant is centred and divided by
    sqrt(2 f (1 - f)). Time is linear in people and little memory is needed for them: the
    cross-product of variants is summed over blocks of people.
    """
    blocks = [dosage[start : start + _BLOCK] for start in range(0, len(dosage), _BLOCK)]
    called = np.sum([(block != MISSING).sum(axis=0) for block in blocks], axis=0)
    total = np.sum(
        [block.sum(axis=0, dtype=int, where=block != MISSING) for block in blocks], axis=0
    )
    mean = total / np.maximum(called, 1)
    spread = np.sqrt(mean * (1 - mean / 2))
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)

    variants = dosage.shape[1]
    cross_product = np.zeros((variants, variants))
    for block in blocks:
        standardised = _standardised(block, mean, scale)
        cross_product += standardised.T @ standardised

    _, axes = eigh(cross_product, subset_by_index=[variants - components, variants - 1])
    scores = np.concatenate([_standardised(block, mean, scale) @ axes[:, ::-1] for block in blocks])
    scores /= np.linalg.norm(scores, axis=0)
    return scores * np.where((scores**3).sum(axis=0) < 0, -1.0, 1.0)


def _standardised(
    block: Int8[np.ndarray, "individual variant"],
    mean: Float[np.ndarray, "variant"],
    scale: Float[np.ndarray, "variant"],
) -> Float[np.ndarray, "individual variant"]:
    """Centred and scaled dosages; 0, the mean, where a call is missing."""
    return np.where(block == MISSING, 0.0, (block - mean) * scale)
