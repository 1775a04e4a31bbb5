"""Ages as open data may show them."""

import math

OLDEST = 90
"""The age in years that stands for all higher ones, which are not told apart."""


def age_metadata(years: float) -> dict[str, float]:
    """An age as sources of open data may show it: 90 for everybody older than 89 (PTB-XL writes
    300), and a flag.

    >>> age_metadata(300.0)
    {'age': 90.0, 'age_over_89': 1.0}
    """
    if not years >= 0:
        return {"age": math.nan, "age_over_89": math.nan}
    return {"age": float(min(years, OLDEST)), "age_over_89": float(years >= OLDEST)}
