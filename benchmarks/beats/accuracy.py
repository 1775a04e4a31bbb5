"""How well beats and intervals are found on public recordings, beside what NeuroKit2 alone finds
there.

    python benchmarks/beats/accuracy.py [--data ../shared/data] [--json accuracy.json]

Beats are compared as bxb does (ANSI/AAMI EC57): one to one within 150 ms, without the episodes of
ventricular flutter, with and without the first five minutes. Intervals are compared with LUDB's
manual marks: medians over marked beats and leads; and, as global intervals, from the first tenth of
the onsets over leads to the last tenth of the offsets.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import neurokit2
import numpy as np
import wfdb

from ecgae.signals.beats import MedianBeat, r_peaks, rr_interval
from ecgae.signals.intervals import intervals

MIT_BIH = ("100", "103", "105", "106", "109", "118", "200", "207", "208", "209")
BEATS = list("NLRBAaJSVrFejnE/fQ?")
WINDOW = 0.15
LUDB_LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
NEUROKIT_METHODS = ("dwt", "prominence")
"""Its default and its latest; `cwt` leaves out beats without saying which, so it cannot be compared
beat by beat."""
PAIRS = {
    "pq_interval": ("p", 0, "N", 0),
    "qrs_duration": ("N", 0, "N", 1),
    "qt_interval": ("N", 0, "t", 1),
}


def neurokit_alone(ecg: np.ndarray, rate: float) -> np.ndarray:
    """The library's own detector on the first channel, as it comes."""
    return neurokit2.ecg_findpeaks(neurokit2.ecg_clean(ecg[0], rate), rate)["ECG_R_Peaks"]


def matches(reference: np.ndarray, found: np.ndarray, window: float) -> int:
    i = j = hits = 0
    while i < len(reference) and j < len(found):
        if abs(found[j] - reference[i]) <= window:
            i, j, hits = i + 1, j + 1, hits + 1
        elif found[j] < reference[i]:
            j += 1
        else:
            i += 1
    return hits


def mit_bih(data: Path, detector: Callable, skipped: float) -> dict:
    """Gross sensitivity and positive predictivity in %, and the misses and false beats of each
    record."""
    hits = beats = found = 0
    records = {}
    start = time.process_time()
    for record in MIT_BIH:
        signal = wfdb.rdrecord(str(data / "mitbih" / record))
        annotation = wfdb.rdann(str(data / "mitbih" / record), "atr")
        symbols = np.array(annotation.symbol)
        reference = annotation.sample[np.isin(symbols, BEATS)]
        peaks = np.asarray(detector(signal.p_signal.T, float(signal.fs)))
        margin = WINDOW * signal.fs
        for begin, end in zip(
            annotation.sample[symbols == "["], annotation.sample[symbols == "]"], strict=True
        ):
            reference = reference[(reference < begin) | (reference > end)]
            peaks = peaks[(peaks < begin - margin) | (peaks > end + margin)]
        reference, peaks = (
            reference[reference >= skipped * signal.fs],
            peaks[peaks >= skipped * signal.fs],
        )
        matched = matches(reference, peaks, margin)
        hits, beats, found = hits + matched, beats + len(reference), found + len(peaks)
        records[record] = {"missed": len(reference) - matched, "false": len(peaks) - matched}
    return {
        "sensitivity": 100 * hits / beats,
        "positive_predictivity": 100 * hits / found,
        "beats": beats,
        "cpu_s": time.process_time() - start,
        "records": records,
    }


def ludb(data: Path) -> Iterator[tuple[int, np.ndarray, dict]]:
    """Subject, ECG in mV, and per lead the marked waves (kind, onset, peak, offset)."""
    for subject in range(1, 31):
        record = str(data / "ludb" / "data" / str(subject))
        waves = {}
        for lead in LUDB_LEADS:
            annotation = wfdb.rdann(record, lead)
            rows = zip(
                annotation.symbol[1:-1],
                *(annotation.sample[k : k - 2 or None] for k in range(3)),
                strict=True,
            )
            waves[lead] = [row for row in rows if row[0] in "pNt"]
        yield subject, wfdb.rdrecord(record, physical=False).d_signal.T / 1000, waves


def positions(data: Path) -> dict:
    """The distance of our R peaks from the marks of lead II, ms."""
    distances, times = [], []
    missed = false = 0
    for _, ecg, waves in ludb(data):
        marks = np.array([peak for kind, _, peak, _ in waves["ii"] if kind == "N"])
        start = time.process_time()
        peaks = r_peaks(ecg, 500.0)
        times.append(time.process_time() - start)
        peaks = peaks[(peaks > marks[0] - 75) & (peaks < marks[-1] + 75)]
        hits = matches(marks, peaks, 75)
        missed, false = missed + len(marks) - hits, false + len(peaks) - hits
        distances += list(2 * np.abs(peaks[:, None] - marks).min(axis=1))
    return {
        "median_ms": np.median(distances),
        "p95_ms": np.quantile(distances, 0.95),
        "share_within_20_ms": np.mean(np.array(distances) <= 20),
        "missed": missed,
        "false": false,
        "cpu_ms_per_recording": 1000 * np.median(times),
    }


def manual(waves: dict, quantile: float) -> dict[str, float]:
    """Per interval in ms the median over beats; `quantile` of onsets and 1 - quantile of offsets
    over leads."""
    found: dict[str, list] = {name: [] for name in PAIRS}
    centres = [peak for kind, _, peak, _ in waves["ii"] if kind == "N"]
    reach = {"p": (-150, -20), "N": (-40, 40), "t": (40, 300)}
    for centre in centres:
        edges = {}
        for kind, (low, high) in reach.items():
            near = [
                [row for row in waves[lead] if row[0] == kind and low < row[2] - centre < high]
                for lead in LUDB_LEADS
            ]
            rows = [row[-1] if kind == "p" else row[0] for row in near if row]
            if len(rows) >= 6:
                edges[kind] = (
                    np.quantile([row[1] for row in rows], quantile),
                    np.quantile([row[3] for row in rows], 1 - quantile),
                )
        for name, (first, start, last, end) in PAIRS.items():
            if first in edges and last in edges:
                found[name].append(2 * (edges[last][end] - edges[first][start]))
    return {name: float(np.median(values)) if values else np.nan for name, values in found.items()}


def neurokit_intervals(
    ecg: np.ndarray, rate: float, peaks: np.ndarray, method: str
) -> dict[str, float]:
    """The library on each lead of the strip; per wave the median over beats, then over leads."""
    keys = ("ECG_P_Onsets", "ECG_R_Onsets", "ECG_R_Offsets", "ECG_T_Offsets")
    bounds = np.full((len(ecg), len(keys)), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # the library's own, and medians over beats of which none has the wave
        for row, lead in zip(bounds, ecg, strict=True):
            cleaned = neurokit2.ecg_clean(lead, rate)
            _, waves = neurokit2.ecg_delineate(
                cleaned, peaks, sampling_rate=int(rate), method=method
            )
            for column, key in enumerate(keys):
                if len(waves[key]) == len(peaks):
                    row[column] = np.nanmedian(np.array(waves[key], dtype=float) - peaks)
        p_onset, r_onset, r_offset, t_offset = np.nanmedian(bounds, axis=0) * 1000 / rate
    return {
        "pq_interval": r_onset - p_onset,
        "qrs_duration": r_offset - r_onset,
        "qt_interval": t_offset - r_onset,
    }


def our_intervals(ecg: np.ndarray, rate: float, peaks: np.ndarray) -> dict[str, float]:
    built = MedianBeat()(ecg, rate, peaks)
    return intervals(built.median_beat, rate, built.r_sample, rr_interval(peaks, rate))


def agreement(data: Path) -> dict:
    """Bias and standard deviation (ms) against the marks: of odd subjects, which chose our
    constants, and of even."""
    methods: dict[str, Callable] = {"ecgae": our_intervals}
    for method in NEUROKIT_METHODS:
        methods[f"neurokit2 {method}"] = lambda *given, method=method: neurokit_intervals(
            *given, method
        )

    differences: dict[tuple, list] = {}
    seconds = dict.fromkeys(methods, 0.0)
    for subject, ecg, waves in ludb(data):
        peaks = r_peaks(ecg, 500.0)
        marks = {"median over leads": manual(waves, 0.5), "global": manual(waves, 0.1)}
        for method, measure in methods.items():
            start = time.process_time()
            measured = measure(ecg, 500.0, peaks)
            seconds[method] += time.process_time() - start
            for against, marked in marks.items():
                for name in PAIRS:
                    key = (method, against, "odd" if subject % 2 else "even", name)
                    differences.setdefault(key, []).append(measured[name] - marked[name])

    rows = {
        " | ".join(key): {
            "bias_ms": np.nanmean(values),
            "sd_ms": np.nanstd(values, ddof=1),
            "median_ms": np.nanmedian(values),
            "n": int(np.isfinite(values).sum()),
        }
        for key, values in differences.items()
    }
    return {
        "differences": rows,
        "cpu_ms_per_recording": {name: 1000 * value / 30 for name, value in seconds.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    result = {
        f"mit-bih, {name}, from {skipped} s": mit_bih(given.data, detector, skipped)
        for name, detector in {"ecgae": r_peaks, "neurokit2 on channel 1": neurokit_alone}.items()
        for skipped in (0, 300)
    }
    result["ludb R peaks"] = positions(given.data)
    result["ludb intervals"] = agreement(given.data)
    text = json.dumps(result, indent=1, default=float)
    print(text)
    if given.json:
        given.json.write_text(text)


if __name__ == "__main__":
    main()
