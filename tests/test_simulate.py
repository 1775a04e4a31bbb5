"""The simulated cohort is what it says: real formats, true LD and structure, stated effects,
reproducible bytes."""

import json
import re
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from bed_reader import open_bed

from ecgae.ecg import LEADS, einthoven_error
from ecgae.errors import InputError
from ecgae.recordings.simulate import Simulation, simulate, write
from ecgae.recordings.simulate.cardiosoft_xml import Person, cardiosoft_xml
from ecgae.recordings.simulate.coalescent import simulate_chromosome
from ecgae.recordings.simulate.dipole import heartbeat
from ecgae.recordings.simulate.genotypes import _windows
from ecgae.recordings.simulate.parameters import NAMES, PARAMETERS, draw_parameters
from ecgae.recordings.simulate.structure import MISSING, principal_components
from ecgae.recordings.simulate.waveform import record

SMALL = Simulation(
    individuals=120,
    variants=660,
    chromosome_length=200_000,
    planted_loci=5,
    planted_chromosomes=5,
    variance_explained=0.3,
    missing_rate=0.01,
    repeat_visits=0.2,
    second_visit_only=0.1,
    damaged=8,
)
TINY = Simulation(
    individuals=50, variants=220, chromosome_length=100_000, planted_loci=0, damaged=0
)
REAL_XML = "cardiosoft/ukb_ecg_demo_20205_2_0.xml"
AVERAGE = {parameter.name: parameter.mean for parameter in PARAMETERS}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("simulated") / "cohort"
    simulate(SMALL, directory, workers=1)
    return directory


def table(cohort: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(cohort / name, sep="\t")


def intact_files(cohort: Path) -> list[Path]:
    damaged = set(table(cohort, "truth/damaged.tsv")["file"])
    return [file for file in sorted((cohort / "ecgs").iterdir()) if file.name not in damaged]


def traces(root: ElementTree.Element, parent: str) -> np.ndarray:
    nodes = root.findall(f"{parent}/WaveformData")
    assert [node.get("lead") for node in nodes] == list(LEADS)
    return np.array([[int(value) for value in node.text.split(",")] for node in nodes])


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for file in directory.rglob("*")
        if file.is_file()
    }


def dosages(cohort: Path, chromosome: int) -> np.ndarray:
    return open_bed(cohort / "genotypes" / f"chr{chromosome}.bed").read()


# The whole


def test_same_numbers_give_same_bytes_with_any_number_of_workers(
    cohort: Path, tmp_path: Path
) -> None:
    simulate(SMALL, tmp_path / "again", workers=2)
    assert contents(tmp_path / "again") == contents(cohort)


def test_key_changes_with_every_number_and_only_then() -> None:
    assert Simulation().key == Simulation().key
    changed = {
        "individuals": 100,
        "variants": 1000,
        "chromosome_length": 4_000_000,
        "planted_loci": 3,
        "planted_chromosomes": 15,
        "variance_explained": 0.03,
        "ancestry_effect": 0.2,
        "missing_rate": 0.002,
        "repeat_visits": 0.2,
        "second_visit_only": 0.1,
        "damaged": 7,
        "full_disclosure": True,
        "seed": 2,
    }
    keys = {replace(Simulation(), **{name: value}).key for name, value in changed.items()}
    assert set(changed) == set(Simulation.__dataclass_fields__)
    assert len(keys | {Simulation().key}) == len(changed) + 1


def test_null_cohort_has_no_planted_variants_and_a_killed_simulation_leaves_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    directory = tmp_path / "null"
    with monkeypatch.context() as patch:
        patch.setattr(write, "_write_ecgs", interrupted)
        with pytest.raises(KeyboardInterrupt):
            simulate(TINY, directory, workers=1)
    assert not directory.exists()
    (tmp_path / "null.partial" / "ecgs" / "stale.xml").write_text("left by the killed one")

    simulate(TINY, directory, workers=1)
    assert not (tmp_path / "null.partial").exists()
    assert not (directory / "ecgs" / "stale.xml").exists()
    assert len(table(directory, "truth/planted.tsv")) == 0
    assert len(table(directory, "truth/damaged.tsv")) == 0
    with pytest.raises(InputError, match="must not exist yet"):
        simulate(TINY, directory, workers=1)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"individuals": 10}, "individuals must be"),
        ({"individuals": True}, "individuals must be a whole number"),
        ({"variants": 21}, "variants must be"),
        (
            {"variants": 20_000, "chromosome_length": 100_000, "planted_loci": 0},
            "variants must be at most",
        ),
        (
            {"chromosome_length": 1_000_000, "variants": 2200},
            "chromosome_length must be at least 2,500,000",
        ),
        ({"planted_chromosomes": 0}, "planted_chromosomes must be"),
        ({"planted_chromosomes": 23}, "planted_chromosomes must be"),
        ({"planted_loci": -1}, "planted_loci must be"),
        ({"variance_explained": 0.4}, "variance_explained must leave"),
        ({"variance_explained": float("nan")}, "variance_explained must be"),
        ({"ancestry_effect": float("inf")}, "ancestry_effect must be"),
        ({"missing_rate": -0.1}, "missing_rate must be"),
        (
            {"repeat_visits": 0.8, "second_visit_only": 0.3},
            r"repeat_visits \+ second_visit_only must be",
        ),
        ({"damaged": 1001}, "damaged must be"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_bad_numbers_are_refused_before_anything_is_simulated(
    numbers: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Simulation(**numbers)


def test_missing_msprime_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msprime", None)
    with pytest.raises(InputError, match="Type: pip install 'msprime"):
        simulate_chromosome(50, 100_000, 10, [], np.random.SeedSequence(1))


# Genotypes


def test_planted_variants_are_genotyped_with_the_stated_allele_and_frequency(cohort: Path) -> None:
    planted = table(cohort, "truth/planted.tsv")
    assert len(planted) == SMALL.planted_loci
    assert planted["rsid"].is_unique
    for row in planted.itertuples():
        bed = open_bed(cohort / "genotypes" / f"chr{row.chromosome}.bed")
        index = bed.sid.tolist().index(row.rsid)
        assert (bed.bp_position[index], bed.allele_1[index], bed.allele_2[index]) == (
            row.base_pair_location,
            row.effect_allele,
            row.other_allele,
        )
        frequency = np.nanmean(bed.read(np.s_[:, index])) / 2
        assert frequency == pytest.approx(
            row.effect_allele_frequency, abs=0.02
        )  # differs by the missing calls
        assert 0.1 <= row.effect_allele_frequency <= 0.9


def test_planted_effects_are_in_the_parameters_as_stated(cohort: Path) -> None:
    parameters = table(cohort, "truth/parameters.tsv")
    covariates = table(cohort, "covariates.tsv")
    for row in table(cohort, "truth/planted.tsv").itertuples():
        bed = open_bed(cohort / "genotypes" / f"chr{row.chromosome}.bed")
        dosage = bed.read(np.s_[:, bed.sid.tolist().index(row.rsid)])[:, 0]
        called = ~np.isnan(dosage)
        design = np.column_stack([dosage, np.ones(len(dosage)), covariates[["age", "sex"]]])[called]
        outcome = parameters[row.parameter].to_numpy()[called]
        estimate, (residual,), *_ = np.linalg.lstsq(design, outcome, rcond=None)
        variance = residual / (called.sum() - 4) * np.linalg.inv(design.T @ design)[0, 0]
        assert estimate[0] == pytest.approx(row.effect_per_allele, abs=4 * variance**0.5)
        assert abs(estimate[0]) > 3 * variance**0.5  # so that the line above can fail


def test_chromosomes_beyond_the_planted_ones_carry_no_planted_variant(cohort: Path) -> None:
    assert set(table(cohort, "truth/planted.tsv")["chromosome"]) == {1, 2, 3, 4, 5}


@pytest.mark.parametrize(("loci", "length"), [(1, 100_000), (2, 3_000_000), (3, 3_750_000)])
def test_planted_variants_of_one_chromosome_are_more_than_a_megabase_apart(
    loci: int, length: int
) -> None:
    windows = _windows(loci, length)
    assert all(0 <= low < high <= length for low, high in windows)
    assert all(after[0] - before[1] >= 1_000_000 for before, after in pairwise(windows))


def test_loci_are_dealt_out_to_the_planted_chromosomes_once_each() -> None:
    simulation = Simulation()
    dealt = [locus for chromosome in range(1, 23) for locus in simulation.loci_of(chromosome)]
    assert sorted(dealt) == list(range(simulation.planted_loci))
    assert not any(simulation.loci_of(chromosome) for chromosome in range(17, 23))
    assert (
        sum(simulation.variants_of(chromosome) for chromosome in range(1, 23))
        == simulation.variants
    )


def test_plink_files_hold_what_was_asked_for(cohort: Path) -> None:
    beds = [open_bed(cohort / "genotypes" / f"chr{chromosome}.bed") for chromosome in range(1, 23)]
    covariates = table(cohort, "covariates.tsv")
    assert sum(bed.sid_count for bed in beds) == SMALL.variants
    ids = np.concatenate([bed.sid for bed in beds])
    assert len(set(ids)) == len(ids)
    for chromosome, bed in enumerate(beds, start=1):
        assert set(bed.chromosome) == {str(chromosome)}
        assert bed.iid.tolist() == bed.fid.tolist() == covariates["IID"].astype(str).tolist()
        assert np.array_equal(bed.sex, np.where(covariates["sex"] == 1, 1, 2))
        assert np.all(np.diff(bed.bp_position) > 0)
        assert set(bed.allele_1) | set(bed.allele_2) <= set("ACGT")
        assert np.all(bed.allele_1 != bed.allele_2)
    calls = np.concatenate([bed.read() for bed in beds], axis=1)
    frequency = np.nanmean(calls, axis=0) / 2
    assert np.minimum(frequency, 1 - frequency).min() > 0.005  # 0.01 before calls went missing
    assert np.isnan(calls).mean() == pytest.approx(SMALL.missing_rate, rel=0.2)


def test_neighbouring_variants_correlate_more_than_distant_ones(cohort: Path) -> None:
    near, far = [], []
    for chromosome in range(1, 23):
        calls = dosages(cohort, chromosome)
        calls = np.where(np.isnan(calls), np.nanmean(calls, axis=0), calls)
        calls = calls[:, calls.var(axis=0) > 0.1]
        r2 = np.corrcoef(calls.T) ** 2
        near += np.diag(r2, 1).tolist()
        far += np.diag(r2, r2.shape[0] - 5).tolist()
    assert np.mean(near) > 2 * np.mean(far)
    assert np.mean(near) > 0.15


def test_first_principal_component_is_ancestry(cohort: Path) -> None:
    ancestry = table(cohort, "truth/ancestry.tsv")["second_ancestry"]
    assert ancestry.between(0, 1).all()
    assert abs(np.corrcoef(table(cohort, "covariates.tsv")["PC1"], ancestry)[0, 1]) > 0.85


def test_principal_components_equal_a_plain_singular_value_decomposition() -> None:
    rng = np.random.default_rng(1)
    dosage = rng.binomial(2, rng.uniform(0.1, 0.9, 40), (3000, 40)).astype(np.int8)
    dosage[rng.random(dosage.shape) < 0.05] = MISSING
    called = np.ma.masked_equal(dosage, MISSING).astype(float)
    frequency = called.mean(axis=0) / 2
    standardised = ((called - 2 * frequency) / np.sqrt(2 * frequency * (1 - frequency))).filled(0)
    expected = np.linalg.svd(standardised, full_matrices=False)[0][:, :3]
    components = principal_components(dosage, 3)
    np.testing.assert_allclose(np.abs((components * expected).sum(axis=0)), 1, atol=1e-9)
    assert ((components**3).sum(axis=0) > 0).all()


# People


def test_files_are_those_of_the_stated_visits(cohort: Path) -> None:
    visits: dict[str, set[str]] = {}
    for file in (cohort / "ecgs").iterdir():
        sample_id, field, visit, rest = file.name.split("_")
        assert (field, rest) == ("20205", "0.xml")
        visits.setdefault(sample_id, set()).add(visit)
    assert set(visits) == set(table(cohort, "covariates.tsv")["IID"].astype(str))
    counts = pd.Series(["".join(sorted(both)) for both in visits.values()]).value_counts()
    assert counts.to_dict() == {"2": 84, "23": 24, "3": 12}


def test_covariates_describe_the_earliest_intact_recording_of_everyone(cohort: Path) -> None:
    covariates = table(cohort, "covariates.tsv")
    names = ["FID", "IID", "visit", "age", "sex", "centre", *(f"PC{i}" for i in range(1, 11))]
    assert covariates.columns.tolist() == names
    assert not covariates.isna().any(axis=None)
    assert covariates["IID"].is_unique
    assert covariates["centre"].isin([11025, 11026, 11027, 11028]).all()
    files = [file.name for file in intact_files(cohort)]
    fell_back = 0
    for row in covariates.itertuples():
        intact = sorted(int(name.split("_")[2]) for name in files if name.startswith(f"{row.IID}_"))
        if intact:
            assert row.visit == intact[0]
            fell_back += intact == [3] and (cohort / "ecgs" / f"{row.IID}_20205_2_0.xml").exists()
            root = ElementTree.parse(
                cohort / "ecgs" / f"{row.IID}_20205_{row.visit}_0.xml"
            ).getroot()
            assert root.findtext("PatientInfo/Age") == str(int(row.age))
            assert root.findtext("PatientInfo/Gender") == ("MALE" if row.sex == 1 else "FEMALE")
    assert fell_back > 0  # a damaged first recording of somebody with a second one is among them


def test_damaged_files_are_damaged_as_stated_and_the_others_are_not(cohort: Path) -> None:
    damage = table(cohort, "truth/damaged.tsv")
    assert damage["damage"].value_counts().to_dict() == dict.fromkeys(
        ["truncated", "lead missing", "flat lead", "wrong length"], 2
    )
    for row in damage.itertuples():
        content = (cohort / "ecgs" / row.file).read_bytes()
        if row.damage == "truncated":
            with pytest.raises(ElementTree.ParseError):
                ElementTree.fromstring(content)
            continue
        for parent, length in (("StripData", 5000), ("RestingECGMeasurements/MedianSamples", 600)):
            nodes = ElementTree.fromstring(content).findall(f"{parent}/WaveformData")
            values = {
                node.get("lead"): [int(value) for value in node.text.split(",")] for node in nodes
            }
            found = {
                "lead missing": set(LEADS) - set(values) == {"V3"},
                "flat lead": [lead for lead in values if len(set(values[lead])) == 1] == ["V5"],
                "wrong length": [lead for lead in values if len(values[lead]) != length] == ["II"],
            }
            assert [kind for kind in found if found[kind]] == [row.damage]


def test_cohort_file_states_the_numbers(cohort: Path) -> None:
    numbers = json.loads((cohort / "cohort.json").read_text())
    assert numbers["key"] == SMALL.key
    assert Simulation(**{name: numbers[name] for name in Simulation.__dataclass_fields__}) == SMALL


def test_waves_never_overlap_whatever_the_parameters() -> None:
    rng = np.random.default_rng(5)
    people = 20_000
    male, age, none = rng.random(people) < 0.5, rng.uniform(46, 82, people), np.zeros(0)
    traits = draw_parameters(male, age, np.zeros(people), np.zeros((people, 0)), none, none, rng)
    value = dict(zip(NAMES, traits.values.T, strict=True))
    for parameter in PARAMETERS:
        # The order of the waves may pull PR and P below their own range, no further than this.
        assert value[parameter.name].min() >= min(parameter.low, 110.0)
        assert value[parameter.name].max() <= parameter.high
    qt_interval = value["qtc_interval"] * np.cbrt(60 / value["heart_rate"])
    assert (value["p_duration"] < value["pr_interval"]).all()
    assert (value["qrs_duration"] < qt_interval).all()
    assert (qt_interval + value["pr_interval"] < 0.881 * 60_000 / value["heart_rate"]).all()
    assert 0 < sum(traits.clipped.values()) < 0.05 * traits.values.size  # counted, and rare


# ECGs


def test_einthoven_holds_to_the_last_bit_in_every_intact_file(cohort: Path) -> None:
    for file in intact_files(cohort):
        root = ElementTree.parse(file).getroot()
        for parent in ("StripData", "RestingECGMeasurements/MedianSamples"):
            ecg = traces(root, parent)
            assert einthoven_error(ecg) == 0
            assert np.abs(ecg[3] + (ecg[0] + ecg[1]) / 2).max() <= 0.5
            assert np.abs(ecg[4] - (ecg[0] - ecg[2]) / 2).max() <= 0.5
            assert np.abs(ecg[5] - (ecg[1] + ecg[2]) / 2).max() <= 0.5


def test_intact_files_hold_24_traces_of_whole_numbers_of_the_right_length(cohort: Path) -> None:
    for file in intact_files(cohort):
        content = file.read_bytes()
        assert content.count(b"\r\n") == content.count(b"\n")
        assert content.startswith(b'<?xml version="1.0" encoding="ISO-8859-1" ?>\r\n')
        root = ElementTree.fromstring(content)
        assert len(root.findall(".//WaveformData")) == 24
        assert root.find("FullDisclosure") is None
        for parent, shape in (
            ("StripData", (12, 5000)),
            ("RestingECGMeasurements/MedianSamples", (12, 600)),
        ):
            assert traces(root, parent).shape == shape
            assert root.findtext(f"{parent}/ChannelSampleCountTotal") == str(shape[1])
            assert root.findtext(f"{parent}/Resolution") == "5"
            assert root.findtext(f"{parent}/SampleRate") == "500"
            assert all(
                re.fullmatch(r"[-0-9,\s]+", node.text)
                for node in root.findall(f"{parent}/WaveformData")
            )


def test_nobody_is_identified(cohort: Path) -> None:
    root = ElementTree.parse(intact_files(cohort)[0]).getroot()
    for path in ("PatientInfo/PID", "PatientInfo/Name/FamilyName"):
        assert root.findtext(path) == "SIMULATED"
    assert set(root.findtext("UID/DICOMStudyUID")) == {"0", "."}


def test_printed_intervals_are_the_true_parameters(cohort: Path) -> None:
    parameters = table(cohort, "truth/parameters.tsv").set_index("IID")
    for file in intact_files(cohort):
        printed = ElementTree.parse(file).getroot().find("RestingECGMeasurements")
        truth = parameters.loc[int(file.name.split("_")[0])]
        assert int(printed.findtext("PQInterval")) == pytest.approx(truth["pr_interval"], abs=1.01)
        assert int(printed.findtext("PDuration")) == pytest.approx(truth["p_duration"], abs=2.01)
        assert int(printed.findtext("QRSDuration")) == pytest.approx(
            truth["qrs_duration"], abs=1.01
        )
        assert int(printed.findtext("VentricularRate")) == pytest.approx(
            truth["heart_rate"], rel=0.08
        )
        assert int(printed.findtext("QTInterval")) == pytest.approx(truth["qt_interval"], rel=0.03)


def test_beat_times_are_at_the_r_peaks_of_the_strip(cohort: Path) -> None:
    for file in intact_files(cohort)[:20]:
        root = ElementTree.parse(file).getroot()
        times = [int(node.text) for node in root.findall("StripData/ArrhythmiaResults/Time")]
        assert root.findtext("RestingECGMeasurements/QRSNum") == str(len(times))
        lead_v5 = traces(root, "StripData")[10]
        for time in times:
            sample = time // 2
            around = slice(max(sample - 60, 0), sample + 60)
            if 60 <= sample <= 4940:
                assert abs(around.start + int(np.argmax(lead_v5[around])) - sample) <= 8  # 16 ms


def test_averaged_beat_has_only_noise_outside_the_printed_onsets_and_agrees_with_the_strip(
    cohort: Path,
) -> None:
    for file in intact_files(cohort)[:20]:
        root = ElementTree.parse(file).getroot()
        median = traces(root, "RestingECGMeasurements/MedianSamples")
        onset = int(root.findtext("RestingECGMeasurements/POnset")) // 2
        offset = int(root.findtext("RestingECGMeasurements/TOffset")) // 2
        assert root.findtext("RestingECGMeasurements/QOnset") == "432"
        outside = np.concatenate([median[:, : onset - 2], median[:, offset + 2 :]], axis=1)
        assert (
            np.abs(outside).max() <= 12
        )  # 60 uV: noise and wander are left, the neighbouring beats are not
        assert outside[[0, 1, 6, 7, 8, 9, 10, 11]].any(axis=1).all()
        assert np.abs(median).max() > 100
        strip = traces(root, "StripData")[10]
        assert (
            np.corrcoef(_first_beat(strip, median[10], onset, offset), median[10, onset:offset])[
                0, 1
            ]
            > 0.9
        )


def _first_beat(strip: np.ndarray, median: np.ndarray, onset: int, offset: int) -> np.ndarray:
    """The stretch of the strip that resembles the averaged beat most."""
    template = median[onset:offset] - median[onset:offset].mean()
    start = int(np.argmax(np.correlate(strip[:2500], template, mode="valid")))
    return strip[start : start + len(template)]


def test_leads_look_like_a_normal_ecg() -> None:
    recording = record(AVERAGE, [1, 1, 1], 0, False)
    beat = dict(zip(LEADS, recording.median_beat.astype(int), strict=True))
    qrs, p_wave, t_wave = slice(216, 262), slice(130, 190), slice(300, 420)
    r_waves = [beat[f"V{i}"][qrs].max() for i in range(1, 5)]
    assert r_waves == sorted(r_waves)  # R grows from V1 to V4
    net = [beat[f"V{i}"][qrs].max() + beat[f"V{i}"][qrs].min() for i in range(1, 7)]
    assert net[0] < 0 < net[4]
    assert beat["aVR"][qrs].sum() < 0
    assert beat["II"][qrs].sum() > 0
    for lead in ("I", "II", "aVF", "V2", "V3", "V4", "V5", "V6"):
        assert beat[lead][t_wave].max() > 2 * -beat[lead][t_wave].min()
    for lead in ("I", "II", "V5", "V6"):
        assert beat[lead][p_wave].sum() > 0
    assert beat["aVR"][t_wave].sum() < 0


@pytest.mark.parametrize("axis", [-20.0, 0.0, 45.0, 90.0])
def test_electrical_axis_of_the_limb_leads_is_the_parameter(axis: float) -> None:
    parameters = AVERAGE | {"qrs_axis": axis, "q_amplitude": 0.0, "s_amplitude": 0.0}
    recording = record(parameters, [1, 1, 1], 0, False)
    lead_i, avf = (
        recording.noise_free_beat[0, 140:190].sum(),
        recording.noise_free_beat[5, 140:190].sum(),
    )
    measured = np.degrees(np.arctan2(avf * 2 / np.sqrt(3), lead_i))
    assert measured == pytest.approx(axis, abs=15)  # the torso deviates from the mean body


@pytest.mark.parametrize("parameter", NAMES)
def test_every_parameter_changes_the_heartbeat(parameter: str) -> None:
    time = np.arange(-280.0, 600.0, 2.0)
    sd = next(entry.sd for entry in PARAMETERS if entry.name == parameter)
    changed = AVERAGE | {parameter: AVERAGE[parameter] + sd}
    qt = [
        values["qtc_interval"] * (60 / values["heart_rate"]) ** (1 / 3)
        for values in (AVERAGE, changed)
    ]
    difference = heartbeat(time, changed, qt[1]) - heartbeat(time, AVERAGE, qt[0])
    assert np.abs(difference).max() > 0.01  # mV


def test_full_disclosure_is_in_blocks_of_a_second_per_lead() -> None:
    recording = record(AVERAGE, [1, 1, 1], 0, True)
    root = ElementTree.fromstring(cardiosoft_xml(recording, AVERAGE, Person(60.0, True, 2016)))
    text = root.find("FullDisclosure/FullDisclosureData").text.strip()
    assert text.endswith(",")
    values = np.array([int(value) for value in text[:-1].split(",")])
    assert (
        len(values)
        == int(root.findtext("FullDisclosure/FullDisclosureData/SampleCountTotal"))
        == 96_000
    )
    ecg = values.reshape(16, 12, 500).transpose(1, 0, 2).reshape(12, 8000)
    assert np.array_equal(ecg, recording.full_disclosure)
    assert einthoven_error(ecg) == 0


# Structure of the files


def paths(node: ElementTree.Element, parent: str = "") -> set[tuple[str, ...]]:
    """Every tag's path with its attributes, and their values where these are names and units."""
    here = (
        f"{parent}/{node.tag}",
        *sorted(f"{name}={value}" for name, value in node.attrib.items() if name != "href"),
    )
    return {here}.union(*(paths(child, here[0]) for child in node))


def simulated_root() -> ElementTree.Element:
    recording = record(AVERAGE, [1, 1, 1], 0, True)
    return ElementTree.fromstring(cardiosoft_xml(recording, AVERAGE, Person(60.0, True, 2016)))


def test_files_have_the_parts_of_a_cardiosoft_file() -> None:
    found = {path[0] for path in paths(simulated_root())}
    measured = "/CardiologyXML/RestingECGMeasurements/"
    assert {
        measured + tag
        for tag in ("POnset", "POffset", "QOnset", "QOffset", "TOffset", "PQInterval")
    } <= found
    assert measured + "MeasurementTable/RAmplitude" in found
    assert "/CardiologyXML/VectorLoops/Frontal" in found
    assert "/CardiologyXML/StripData/ArrhythmiaResults/BeatClass" in found
    assert "/CardiologyXML/PatientInfo/BirthDateTime/Year" in found
    rows = simulated_root().find("RestingECGMeasurements/MeasurementTable")
    assert all(len(row.text.split(",")) == 12 for row in rows)
    assert all(
        len(loop.text.split(",")) == 599
        for loop in simulated_root().find("VectorLoops")
        if loop.get("Lead")
    )


def test_files_have_the_same_tags_and_attributes_as_the_real_example(real_data: Path) -> None:
    assert paths(simulated_root()) == paths(ElementTree.parse(real_data / REAL_XML).getroot())


def test_traces_are_wrapped_and_indented_like_the_real_example(real_data: Path) -> None:
    recording = record(AVERAGE, [1, 1, 1], 0, True)
    ours, real = (
        cardiosoft_xml(recording, AVERAGE, Person(60.0, True, 2016)),
        (real_data / REAL_XML).read_bytes(),
    )

    def layout(content: bytes) -> list[tuple[bytes, int]]:
        lines = content.split(b"\r\n")
        return [
            (re.match(rb"\t*", line)[0], line.count(b","))
            for line in lines
            if line.count(b",") > 100
        ]

    assert layout(ours) == layout(real)
