"""How fast UK Biobank's resting XML becomes a store, how small the store is, and how fast it is
read.

    python benchmarks/ingest/ingest.py [--file example_20205_2_0.xml] [--files 2000] [--workers 2] [--json out.json]

Without `--file` a simulated recording with full disclosure takes the place of a real one. The file
is copied under as many names. The straightforward way (ElementTree and a split at commas, one
process) is measured on the same file in the same run, so that the ratio means something on a noisy
machine. The rate is that of a long job: the difference between reading all files and a quarter of
them, without the second in which the workers start.
"""

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from ecgae.recordings.cohort.simulated import Simulated
from ecgae.recordings.cohort.ukb_rest import UKBRest
from ecgae.recordings.ingest import ingest
from ecgae.recordings.store import Store
from ecgae.recordings.store_writer import merge

LARGE_STORE = 50_000


def straightforward(file: Path) -> int:
    """Every sample of the file, as anybody would read it first."""
    root = ElementTree.parse(file).getroot()
    texts = [node.text or "" for node in root.iter("WaveformData")] + [
        root.findtext(".//FullDisclosureData") or ""
    ]
    return sum(
        np.array([int(word) for word in text.split(",") if word.strip()]).size for text in texts
    )


def seconds(function, *arguments) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def copies(file: Path, folder: Path, files: int) -> None:
    """`file` under as many names, written to disk and read once: what is measured is the reader,
    not the disk."""
    folder.mkdir()
    for number in range(files):
        shutil.copyfile(file, folder / f"{number:07d}_20205_2_0.xml")
    os.sync()
    for copied in folder.iterdir():
        copied.read_bytes()


def timed_ingest(folder: Path, workers: int) -> tuple[float, Store]:
    start = time.perf_counter()
    store = ingest(UKBRest(str(folder)), folder.with_suffix(".cache"), workers)
    return time.perf_counter() - start, store


def example(folder: Path) -> Path:
    cohort = Simulated(
        individuals=2, variants=22, chromosome_length=100_000, planted_loci=1, planted_chromosomes=1,
        variance_explained=0.06, ancestry_effect=0.3, missing_rate=0.0, repeat_visits=0.0, second_visit_only=0.0,
        damaged=0, full_disclosure=True, seed=1, directory=str(folder / "simulated"),
    )  # fmt: skip
    cohort.prepare()
    return next((cohort.root / "ecgs").glob("*.xml"))


def large_store(store: Store, folder: Path) -> dict[str, float]:
    """Milliseconds to open a store of 50,000 recordings, and to read a batch of 64 of each kind."""
    part = folder / "part.h5"
    _first_part(store, part)
    rows = len(Store(part))
    large = folder / "large.h5"
    merge([part] * -(-LARGE_STORE // rows), large)
    found = {"open": min(seconds(Store, large) for _ in range(5)) * 1e3}
    opened = Store(large)
    assert len(opened) >= LARGE_STORE
    for kind in ("median_beat", "strip"):
        found[kind] = (
            min(
                seconds(opened.ecg, kind, slice(start, start + 64))
                for start in (0, 20_000, 49_000, 33_333)
            )
            * 1e3
        )
    return found


def _first_part(store: Store, file: Path) -> None:
    from ecgae.recordings.store_writer import as_row, write_store

    layouts = {kind: store.layout(kind) for kind in ("strip", "median_beat")}
    rows = [as_row(f"{row:07d}", 2, store.recording(row), layouts) for row in range(64)]
    write_store(file, rows, layouts, "benchmark", [])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--file", type=Path)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        file = wanted.file or example(folder)
        few, many = wanted.files // 4, wanted.files
        for name, files in (("few", few), ("many", many)):
            copies(file, folder / name, files)

        slow = min(seconds(straightforward, file) for _ in range(20))
        start, store = timed_ingest(folder / "few", wanted.workers)
        whole, store = timed_ingest(folder / "many", wanted.workers)
        slow = min(slow, *(seconds(straightforward, file) for _ in range(20)))

        steady = (many - few) / (whole - start)
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        result = {
            "files_per_second": steady,
            "files_per_second_with_the_start_of_the_workers": many / whole,
            "straightforward_files_per_second_and_process": 1 / slow,
            "ratio": steady * slow,
            "store_over_xml": store.file.stat().st_size / (many * file.stat().st_size),
            "peak_memory_of_a_worker_mb": memory,
            "milliseconds_at_50000_people": large_store(store, folder),
        }

    print(json.dumps(result, indent=2))
    if wanted.json:
        wanted.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
