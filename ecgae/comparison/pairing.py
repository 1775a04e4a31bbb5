"""Whether two configurations were scored on the same people and the same variants."""

from ecgae.comparison.configurations import Configuration
from ecgae.comparison.directories import Run
from ecgae.comparison.metrics import METRICS

NEARLY = 0.01
"""Share of people in whom two scans may differ and still be paired: what the QC of latents takes
from each."""

WHO = ("split", "people", "individuals", "relatives", "exclusions", "beats", "input", "adjustment")
"""Sections of the config that decide who is scanned, before the QC of latents; a yardstick lacks
some."""


def why_not_paired(one: Configuration, two: Configuration, metric: str) -> str:
    """Why the difference of both cannot be tested chromosome by chromosome; "" where it can."""
    if not METRICS[metric].by_chromosome:
        return f"{METRICS[metric].title} is not kept by chromosome"

    a, b = one.believed[0], two.believed[0]
    if not (one.same_chromosomes and two.same_chromosomes) or _differ("variants_fingerprint", a, b):
        return (
            f"they tested other variants ({a.score['n_variants']:,} and {b.score['n_variants']:,})"
        )
    if len(one.sizes) < 2:
        return "only one chromosome was tested, and chance is judged by how chromosomes differ"
    if any(
        run.score["by_chromosome"].get(metric) is None for run in (*one.believed, *two.believed)
    ):
        return f"the engine of one of them gives no {METRICS[metric].title}"

    if any(not _same_people(run, b) for run in one.believed) or any(
        not _same_people(a, run) for run in two.believed
    ):
        return f"they were scored on other people ({a.score['n_individuals']:,} and {b.score['n_individuals']:,})"
    return ""


def _differ(key: str, one: Run, two: Run) -> bool:
    return one.score[key] != two.score[key]


def _same_people(one: Run, two: Run) -> bool:
    """Whether both scanned the very same people, or the same but for few whom the QC of latents
    left out."""
    if not _differ("people_fingerprint", one, two):
        return True
    both = [section for section in WHO if section in one.config and section in two.config]
    if any(one.config[section] != two.config[section] for section in both):
        return False
    people = [run.score["n_individuals"] for run in (one, two)]
    dropped = sum(run.score.get("latent_qc_dropped") or 0 for run in (one, two))
    return 0 < dropped <= NEARLY * min(people) and abs(people[0] - people[1]) <= dropped
