"""The training bench compares what it says, and the documented tables are those of its committed
result."""

import json
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ROOT

from ecgae.recordings.store import Store

FOLDER = ROOT / "benchmarks" / "training"


@pytest.fixture
def bench(monkeypatch) -> SimpleNamespace:
    """The modules of the bench, which import each other as a script does."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import cases
    import encode_store
    import files
    import gpu
    import loops
    import settings
    import training

    return SimpleNamespace(
        cases=cases,
        encode_store=encode_store,
        files=files,
        gpu=gpu,
        loops=loops,
        settings=settings,
        training=training,
    )


@pytest.fixture
def small(bench):
    """One lead of 10 s per sample, as report_final, with few filters."""
    found = bench.cases.case("report_final")
    found.config.architecture.filters = [4, 4, 4]
    return found


def test_report_final_is_the_published_network(bench):
    model = bench.cases.case("report_final").model()
    assert sum(weight.numel() for weight in model.parameters()) == 5_621_889


def test_both_loops_do_the_same_work_on_the_same_batches(bench):
    row = bench.loops.measure(bench.cases.case("demo"), people=150, epochs=3, turns=1, device="cpu")
    assert row["loss_difference"] == 0
    assert row["ratio"] == pytest.approx(row["ours"] / row["bare"])


def test_the_speed_is_that_of_the_epochs_between_the_first_and_the_last(bench):
    began = [0.0, 9.0, 10.0, 11.0, 14.0, 15.0, 18.0, 19.0]  # four epochs of two steps
    speed = bench.loops.speed(
        [(t, 2 * t) for t in began], epochs=4, samples=64, batch=32, validation_loss=0.0
    )
    assert speed.whole == 64 / 4
    assert speed.steps == 32
    assert speed.cpu == speed.whole / 2


def test_files_and_array_feed_the_same_samples(bench, small, tmp_path):
    bench.files.write_files(tmp_path / "files", 3, 200)
    files = bench.files.Files(tmp_path / "files")
    ecg = np.concatenate(list(bench.cases.recordings(3, 200)))
    normalization = small.normalization().fit([ecg])
    wanted = normalization(ecg).apply(ecg).reshape(36, -1)
    found = np.concatenate([files[row].numpy() for row in range(len(files))])
    in_order = [file.stem.split("_")[1] for file in files.files[:12]]
    place = [in_order.index(lead) for lead in bench.files.LEADS]
    assert np.allclose(found.reshape(3, 12, -1)[:, place].reshape(36, -1), wanted, atol=1e-4)


def test_every_way_to_feed_gets_to_its_first_step(bench, small):
    rows = bench.files.measure(small, people=6, seconds=0.1, workers=(0,))
    assert [row["way"] for row in rows] == [
        "files, 0 workers",
        "array, in memory",
        "array, read ahead",
    ]
    assert all(row["samples_per_second"] > 0 and row["seconds_to_first_step"] > 0 for row in rows)
    assert rows[0]["ratio"] == rows[0]["first_step_ratio"] == 1


@pytest.mark.parametrize("name", ["report_final", "demo"])
def test_the_layers_that_are_compared_are_the_same_function(bench, name):
    case = bench.cases.case(name)
    case.config.architecture.filters = [4, 6, 8]
    folded, layers = case.model().eval(), case.model().eval()
    bench.settings.layer_by_layer(layers)
    assert sum(isinstance(module, torch.nn.Upsample) for module in layers.modules()) == 3
    ecg = torch.randn(2, case.view.channels, case.samples)
    with torch.inference_mode():
        a, b = (model.decode(model.encode(ecg).mean) for model in (folded, layers))
    assert torch.allclose(a, b, atol=1e-5)


def test_settings_have_names_of_their_own_and_one_loss(bench):
    every = [*bench.settings.SETTINGS, *bench.settings.SLOW]
    assert len({setting.name for setting in every}) == len(every)
    losses = [
        bench.settings.step_times("demo", bench.settings.Setting(folded=way), 1)["loss"]
        for way in (False, True)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_traffic_is_what_an_operation_reads_and_writes(bench):
    a, b = torch.ones(2, 1000)
    with bench.gpu.Traffic() as traffic:
        (a + b).view(10, 100)
    assert traffic.bytes == 3 * 4000


def test_the_gpu_arm_counts_the_operations_of_a_step(bench, monkeypatch):
    monkeypatch.setattr(bench.gpu, "PRECISIONS", ("float32", "tf32"))
    case = bench.cases.case("demo")
    case.config.architecture.filters = [2, 2, 2]
    found = bench.gpu.measure(case, "cpu", times=1, batches=(2,), modes=(None,), matrix=64)
    assert [(row["precision"], row["compiled"]) for row in found["rows"]] == [
        ("float32", "eager"),
        ("tf32", "eager"),
    ]
    few, many = (
        bench.gpu.work_of(bench.gpu.Step(case, "cpu", "float32", None, batch)) for batch in (2, 4)
    )
    assert many["flop"] == pytest.approx(2 * few["flop"])
    assert "convolution" in found["profile"]


def test_the_store_that_is_encoded_holds_the_recordings_of_the_array(bench, tmp_path):
    people = bench.encode_store.PART + 3
    bench.encode_store.write_store(tmp_path, "median_beat", people, 600)
    store, cleaned = Store(tmp_path / "store.h5"), np.load(tmp_path / "cleaned.npy", mmap_mode="r")
    assert len(store) == len(cleaned) == people
    assert store.ecg("median_beat", slice(0, people)).shape == cleaned.shape
    row = bench.encode_store.encode_folder(tmp_path, "demo", "median_beat", "cpu")
    assert row["people"] == people
    assert row["people_per_second"] == pytest.approx(people / row["seconds"])


def test_the_peak_of_memory_is_seen(bench):
    with bench.encode_store.Memory() as memory:
        held = np.ones(25_000_000)
        time.sleep(0.1)
    assert memory.peak - memory.start > 0.9 * held.nbytes / 2**20


def test_a_gpu_that_is_not_there_is_asked_for_in_a_sentence(bench, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit):
        bench.training.arguments(["--device", "cuda"])
    assert "--device cuda must find a GPU; there is none" in capsys.readouterr().err
    assert bench.training.gpu(bench.training.arguments([])) == []


def test_a_table_has_every_column_that_any_row_has(bench):
    text = bench.training.table([{"a": 1234.5, "b": 2}, {"a": 0.12345, "c": True}])
    assert text.splitlines() == [
        "| a | b | c |",
        "| --- | --- | --- |",
        "| 1,234 | 2 |  |",
        "| 0.123 |  | True |",
    ]


def test_the_documented_tables_are_those_of_the_committed_result(bench):
    found = json.loads((FOLDER / "training.json").read_text())
    document = (ROOT / "docs" / "training.md").read_text()
    for name in ("loop", "files", "settings", "encoding"):
        assert bench.training.table(found[name]["rows"]) in document
