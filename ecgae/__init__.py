"""ecgae: find the ECG representation that carries the most genetic signal."""

ROOMS = (
    *("errors", "ecg", "root", "machine", "runs"),
    *("statistics", "signals", "signals.baseline", "signals.denoiser", "signals.normalization"),
    *("people.split", "people", "genetics.genotypes", "genetics", "genetics.engine"),
    *("recordings.formats", "recordings.simulate", "recordings.cohort", "recordings"),
    *("models.architecture", "models.objective", "models", "models.judging"),
    *("scoring.yardstick", "scoring", "comparison", "sweeping", "report", "entry"),
)
"""Where everything lives, lowest floor first: a room imports only from rooms before it."""
