"""Numbers as JSON has them: without NaN and infinity."""

import math

import numpy as np


def json_number(value: float | np.floating | None) -> float | None:
    """The number as a Python float; None for one that is not known, not a number, or infinite.

    >>> json_number(0.5), json_number(float("nan"))
    (0.5, None)
    """
    return None if value is None or not math.isfinite(value) else float(value)
