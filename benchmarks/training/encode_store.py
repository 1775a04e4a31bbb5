"""Encoding with a store as source: people per second, and memory that does not grow with the
people.

What grows is the result. Memory is that of the process itself (RssAnon of Linux): pages of the
files that the kernel has at hand and gives back at any time do not count.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[2])]

PART = 256
"""People of one part; a store holds it several times."""

STATUS = Path("/proc/self/status")


def write_store(folder: Path, kind: str, people: int, samples: int) -> None:
    """`store.h5` and `cleaned.npy`, both of so many people."""
    from cases import RATE, recordings, write_array

    from ecgae.ecg import LEADS
    from ecgae.recordings.formats.recording import Layout, Recording, quantised
    from ecgae.recordings.store_writer import as_row, merge
    from ecgae.recordings.store_writer import write_store as write_part

    layouts = {kind: Layout(LEADS, samples, RATE)}
    parts = []
    for rows in {PART, people % PART} - {0}:
        block = next(recordings(rows, samples))
        found = [Recording({kind: quantised(ecg, RATE)}) for ecg in block]
        parts.append(folder / f"{rows}.h5")
        write_part(
            parts[-1],
            [as_row(f"{n:07d}", 2, one, layouts) for n, one in enumerate(found)],
            layouts,
            "benchmark",
            [],
        )
    by_size = {int(part.stem): part for part in parts}
    wanted = [by_size[PART]] * (people // PART) + [
        by_size[size] for size in [people % PART] if size
    ]
    merge(wanted, folder / "store.h5")
    write_array(folder / "cleaned.npy", people, samples)


class Memory:
    """The largest size of this process, looked at 50 times a second."""

    def __enter__(self) -> "Memory":
        self.start = self.peak = own_memory()
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def _look(self) -> None:
        while not self._done.wait(0.02):
            self.peak = max(self.peak, own_memory())

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watch.join()


def own_memory() -> float:
    """Memory that this process alone holds, MB."""
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return int(lines["RssAnon"].split()[0]) / 1024


def encode_folder(folder: Path, case_name: str, kind: str, device: str) -> dict[str, float]:
    """Encodes the store in `folder`; to be called in a fresh process, whose memory is measured."""
    import dataclasses

    from cases import RATE, case

    from ecgae.models.checkpoint import Fitted
    from ecgae.models.dataset import Dataset
    from ecgae.models.encoding import encode
    from ecgae.models.features import Standard
    from ecgae.recordings.formats.recording import Layout
    from ecgae.recordings.store import Store

    store, cleaned = Store(folder / "store.h5"), np.load(folder / "cleaned.npy", mmap_mode="r")
    wanted = case(case_name)
    wanted = dataclasses.replace(
        wanted, layout=Layout(wanted.layout.leads, cleaned.shape[-1], RATE)
    )
    normalization = wanted.normalization().fit([cleaned[:PART]])
    fitted = Fitted(wanted.model().eval().to(device), normalization, Standard(), [])
    dataset = Dataset(store, kind, cleaned, wanted.view)
    with Memory() as memory:
        start = time.perf_counter()
        latents = encode(fitted, dataset)
        took = time.perf_counter() - start
    result = latents.values.nbytes + sum(values.nbytes for values in latents.quality.values())
    return {
        "people": len(store),
        "people_per_second": len(store) / took,
        "seconds": took,
        "memory_before_mb": memory.start,
        "peak_memory_mb": memory.peak,
        "result_mb": result / 2**20,
        "cleaned_mb": cleaned.nbytes / 2**20,
    }


def measure(
    case_name: str, kind: str, samples: int, people: list[int], device: str
) -> list[dict[str, Any]]:
    """One process per size."""
    rows = []
    for count in people:
        with tempfile.TemporaryDirectory() as temporary:
            write_store(Path(temporary), kind, count, samples)
            words = [sys.executable, __file__, temporary, case_name, kind, device]
            done = subprocess.run(words, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"encoding {count} people failed:\n{done.stderr[-2000:]}")
            rows.append(
                {"case": case_name, "kind": kind, **json.loads(done.stdout.splitlines()[-1])}
            )
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("folder", "case", "kind", "device"):
        parser.add_argument(name)
    wanted = parser.parse_args()
    print(json.dumps(encode_folder(Path(wanted.folder), wanted.case, wanted.kind, wanted.device)))
