"""Which files of a folder belong to whom: UK Biobank's `<eid>_<field>_<instance>_<array>.xml`."""

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
    candidates: dict[str, list[tuple[int, int, Path]]] = defaultdict(list)
    left_out = []
    for file in sorted(folder.iterdir()):
        match = name.fullmatch(file.name)
        if match:
            candidates[match["sample_id"]].append(
                (int(match["instance"]), int(match["array"]), file)
            )
        else:
            left_out.append(
                LeftOut(file.name, f"name must be <eid>_{field}_<instance>_<array>.xml")
            )
    return Sources(
        [_source(sample_id, files) for sample_id, files in sorted(candidates.items())], left_out
    )


def _source(sample_id: str, files: Sequence[tuple[int, int, Path]]) -> Source:
    return Source(
        sample_id, tuple(Candidate(instance, file) for instance, _, file in sorted(files))
    )
