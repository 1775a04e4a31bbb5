"""Reads from the names of a folder's files whom they belong to: UK Biobank's
`<eid>_<field>_<instance>_<array>.xml`."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ecgae.recordings.cohort import Candidate, LeftOut, Source, Sources


def find_xml(folder: Path, field: int) -> Sources:
    """All recordings of `field` in `folder` (not below it), grouped by person, earliest visit
    first."""
    name = re.compile(
        rf"(?P<sample_id>.+)_{field}_(?P<instance>\d+)_(?P<array>\d+)\.xml", re.IGNORECASE
    )
    files: dict[str, list[tuple[int, int, Path]]] = defaultdict(list)
    left_out = []

    for file in sorted(folder.iterdir()):
        match = name.fullmatch(file.name)
        if match:
            place = int(match["instance"]), int(match["array"]), file
            files[match["sample_id"]].append(place)
        else:
            reason = f"name must be <eid>_{field}_<instance>_<array>.xml"
            left_out.append(LeftOut(file.name, reason))

    return Sources([_source(person, visits) for person, visits in sorted(files.items())], left_out)


def _source(sample_id: str, visits: Sequence[tuple[int, int, Path]]) -> Source:
    """One person's recordings in the order of instance and array."""
    ordered = tuple(Candidate(instance, file) for instance, _, file in sorted(visits))
    return Source(sample_id, ordered)
