"""What a network sees of a cohort: recordings as they are stored, or cut, resampled, or median
beats built here."""

import functools
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ecgae.errors import InputError
from ecgae.recordings.cohort import Cohort, LeftOut
from ecgae.recordings.formats.recording import Layout, Recording, Waveform, quantised
from ecgae.recordings.ingest import Ingested, at_rate, build, content_key
from ecgae.recordings.store import FORMAT, Store
from ecgae.recordings.store_writer import as_row
from ecgae.signals.beats import MedianBeat, r_peaks, rr_interval
from ecgae.signals.intervals import intervals

PARTS = ("start", "end")

BUILD_VERSION = 1
"""Raised when a built beat, an interval or a resampled recording changes, so that no cache of the
old one is used."""


@dataclass(frozen=True)
class Input:
    """The recordings that a model is trained on: which kind, how much of each, at which rate."""

    recording: str
    """A kind that the cohort has: strip, median_beat, full_disclosure, pretest, exercise, recovery,
    ..."""
    built_from: str = "strip"
    """The kind that median beats are built from where the cohort has none."""
    seconds: float | None = None
    """How many s of each recording are used, needed where recordings differ in length. Shorter ones
    are left out."""
    part: str = "start"
    """Where these seconds are taken from: the `start` or the `end` of the recording."""
    sampling_rate: float | None = None
    """The rate in Hz that recordings are resampled to; None keeps their own."""

    def __post_init__(self) -> None:
        for name in ("seconds", "sampling_rate"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | float) and 0 < value < np.inf):
                raise InputError(f"input.{name} must be positive or null; got {value!r}.")
        if self.part not in PARTS:
            raise InputError(f"input.part must be one of {', '.join(PARTS)}; got {self.part!r}.")

    def source(self, layouts: dict[str, Layout], cohort: str) -> str:
        """The kind that is read. Raises `InputError` where the cohort has nothing of that kind."""
        if self.recording in layouts:
            return self.recording
        if self.recording == "median_beat" and self.built_from in layouts:
            return self.built_from

        built = f"median_beat built from {self.built_from}"
        wanted = built if self.recording == "median_beat" else self.recording
        raise InputError(
            f"input must be one of {', '.join(layouts)} for cohort={cohort}; got {wanted}."
        )

    def layout(self, layouts: dict[str, Layout], cohort: str, beat: MedianBeat) -> Layout:
        """The leads, length and rate of every recording, known before any is read."""
        source = self.source(layouts, cohort)
        stored = layouts[source]
        rate = self.sampling_rate or stored.sampling_rate
        if source != self.recording:
            return Layout(stored.leads, round(beat.before * rate) + round(beat.after * rate), rate)

        if self.seconds is None and stored.samples is None:
            raise InputError(
                f"input.seconds must be set, for {source}s of cohort={cohort} differ in length; got null."
            )
        cut = None if self.seconds is None else round(self.seconds * stored.sampling_rate)
        samples = (stored.samples or 0) if cut is None else cut
        return Layout(stored.leads, round(samples * rate / stored.sampling_rate), rate)

    def of_another(
        self, cohort: Cohort, trained: Layout, lead_mode: str, beat: MedianBeat
    ) -> "Input":
        """The same part of another cohort's recordings, at the rate that a model was trained at.

        Raises `InputError` where the cohort's recordings cannot go through that model.
        """
        same = self
        if self.layout(cohort.layouts, cohort.name, beat).sampling_rate != trained.sampling_rate:
            same = replace(self, sampling_rate=trained.sampling_rate)

        layout = same.layout(cohort.layouts, cohort.name, beat)
        other_leads = lead_mode == "joint" and layout.leads != trained.leads
        if other_leads or layout.samples != trained.samples:
            raise InputError(
                f"recordings must be like those that the run was trained on, {len(trained.leads)} leads "
                f"({', '.join(trained.leads)}) of {trained.samples} samples; got {len(layout.leads)} "
                f"({', '.join(layout.leads)}) of {layout.samples} in cohort={cohort.name}."
            )
        return same

    def prepared(self, store: Store, beat: MedianBeat, workers: int) -> Store:
        """A store of these recordings: the given one where they are in it as they are, else one
        made beside it.

        Recordings from which they cannot be made are left out, each with its reason in the
        manifest.
        """
        layouts = {kind: store.layout(kind) for kind in store.kinds}
        layout = self.layout(layouts, store.cohort, beat)
        source = self.source(layouts, store.cohort)
        if source == self.recording and layout == layouts[source]._replace(resample=False):
            return store

        content = (FORMAT, BUILD_VERSION, store.content, repr(self), repr(beat), source)
        wanted = {self.recording: layout}
        return build(
            store.file.with_name(f"{self.recording}-{content_key(*content)}.h5"),
            sources=store.rows.tolist(),
            read=partial(
                _made, file=store.file, wanted=self, beat=beat, source=source, layouts=wanted
            ),
            layouts=wanted,
            cohort=store.cohort,
            left_out=[],
            workers=workers,
            title=f"preparing {self.recording}s",
        )

    def from_recording(
        self, recording: Recording, source: str, leads: tuple[str, ...], beat: MedianBeat
    ) -> Recording:
        """One recording as the network sees it, with the intervals of a beat that was built
        here."""
        if source not in recording.waveforms:
            raise InputError(f"{source} must be there; this recording has none")

        waveform = self._cut(recording.waveforms[source], source)
        rate = self.sampling_rate or waveform.sampling_rate
        waveform = at_rate(waveform, rate)
        if source == self.recording:
            return recording._replace(waveforms={self.recording: waveform})

        ecg = waveform.millivolts
        peaks = r_peaks(ecg, rate)
        built = beat(ecg, rate, peaks)
        rr = rr_interval(peaks, rate)
        measured = intervals(built.median_beat, rate, built.r_sample, rr, leads)
        ectopic_share = len(built.ectopic) / (len(built.used) + len(built.ectopic))
        return recording._replace(
            waveforms={self.recording: quantised(built.median_beat, rate)},
            measurements={**measured, **recording.measurements},  # what the device printed stays
            metadata={**recording.metadata, "ectopic_share": ectopic_share},
        )

    def _cut(self, waveform: Waveform, kind: str) -> Waveform:
        """The first or last `seconds` of a waveform; all of it where they are not set."""
        if self.seconds is None:
            return waveform
        samples, length = round(self.seconds * waveform.sampling_rate), waveform.counts.shape[1]
        if length < samples:
            raise InputError(
                f"{kind} must last {self.seconds:g} s; it lasts {length / waveform.sampling_rate:g} s"
            )
        start = 0 if self.part == "start" else length - samples
        return waveform._replace(counts=waveform.counts[:, start : start + samples])


@functools.lru_cache(maxsize=1)
def _opened(file: Path) -> Store:
    """The store at `file`, opened once per process."""
    return Store(file)


def _made(
    row: int,
    *,
    file: Path,
    wanted: Input,
    beat: MedianBeat,
    source: str,
    layouts: dict[str, Layout],
) -> Ingested:
    """Row `row` of the store at `file` as the network will see it, or why it cannot be made."""
    store = _opened(file)
    sample_id, visit = str(store.sample_ids[row]), int(store.visits[row])

    try:
        recording = wanted.from_recording(
            store.recording(row, [source]), source, store.layout(source).leads, beat
        )
    except InputError as error:
        return Ingested(None, [LeftOut(f"{sample_id} visit {visit}", str(error))])

    return Ingested(as_row(sample_id, visit, recording, layouts), [])
