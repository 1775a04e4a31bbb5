"""The association bench generates what it says, and compares what it should."""

import json
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from ecgae.genetics.genotypes import Genotypes
from ecgae.people.tables import read_phenotypes

FOLDER = ROOT / "benchmarks" / "association"


@pytest.fixture
def bench(monkeypatch) -> SimpleNamespace:
    """The modules of the bench, which import each other as a script does."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import association
    import cohorts
    import measure
    import programs
    import scaling

    return SimpleNamespace(
        association=association,
        cohorts=cohorts,
        measure=measure,
        programs=programs,
        scaling=scaling,
    )


def test_the_cohorts_differ_in_missing_calls_alone(bench, tmp_path):
    cohort = bench.cohorts.Cohort(tmp_path, people=1001, variants=1500, phenotypes=5, covariates=3)
    bench.cohorts.generate(cohort, [0.0, 0.01], [2, 5])
    every, who = np.arange(1500), np.arange(1001)
    whole, gaps = (
        Genotypes.open(cohort.genotypes(share)).read(every, who) for share in (0.0, 0.01)
    )
    assert not np.isnan(whole).any()
    assert np.isnan(gaps).mean() == pytest.approx(0.01, rel=0.05)
    np.testing.assert_array_equal(gaps[~np.isnan(gaps)], whole[~np.isnan(gaps)])
    frequency = whole.mean(axis=0) / 2
    assert 0.005 < frequency.min() < 0.05
    assert 0.45 < frequency.max() < 0.55
    few, many = (read_phenotypes(cohort.phenotype_table(count)).values for count in (2, 5))
    np.testing.assert_array_equal(few, many[:, :2])


def test_made_up_genotypes_of_any_size_repeat_a_pool(bench):
    genotypes = bench.cohorts.pooled(people=50, variants=9000, missing=0.01)
    first, again = (
        genotypes.read(np.arange(start, start + 100), np.arange(50)) for start in (0, 4096)
    )
    np.testing.assert_array_equal(first, again)
    assert len(genotypes.variants) == 9000


def test_hits_are_compared_whatever_allele_is_counted(bench):
    mine = pd.DataFrame(
        {
            "rsid": list("abc"),
            "phenotype": "y",
            "beta": [1.0, 2, 3],
            "neg_log_10_p_value": [5.0, 6, 4],
        }
    )
    theirs = mine.assign(beta=[-1.0, 2.002, 3])
    assert bench.association.differences(mine, theirs[:2])["only_in_one"] == 0, (
        "c lies on the threshold"
    )
    assert bench.association.differences(mine, theirs[1:])["only_in_one"] == 1
    assert bench.association.differences(mine, theirs)["largest_difference"] == pytest.approx(
        0.001, rel=0.01
    )


def test_the_line_of_a_linear_cost_is_found(bench):
    rows = [{"people": size, "wall_seconds": 2 + 0.003 * size} for size in (100, 200, 500)]
    fitted = bench.scaling.fitted("people", rows)
    assert fitted["seconds_at_zero"] == pytest.approx(2)
    assert fitted["seconds_per_1000"] == pytest.approx(3)
    assert fitted["largest_deviation"] < 1e-9


def test_a_command_is_measured_with_what_it_starts(bench, tmp_path):
    hungry = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'bytearray(200_000_000)'])"
    )
    cost = bench.measure.run([sys.executable, "-c", hungry], tmp_path, tmp_path / "log")
    assert cost.peak_bytes > 200_000_000
    with pytest.raises(RuntimeError, match="ended with 3:\nno luck"):
        bench.measure.run(
            [sys.executable, "-c", "print('no luck'); exit(3)"], tmp_path, tmp_path / "log"
        )


@pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not on the PATH")
def test_the_bench_goes_on_after_what_is_finished(bench, tmp_path, capsys, monkeypatch):
    words = [
        str(tmp_path),
        "--only",
        "speed",
        "--programs",
        "plink2",
        "--people",
        "300",
        "--variants",
        "200",
    ]
    monkeypatch.setattr(bench.association, "matrix_rate", lambda people, phenotypes: {"numpy": 1e9})
    for missing in (["0"], ["0", "0.01"]):
        monkeypatch.setattr(sys, "argv", ["x", *words, "--phenotypes", "2", "--missing", *missing])
        bench.association.main()
    assert capsys.readouterr().out.count("no missing calls: plink2: ") == 1
    assert [
        row["program"] for row in json.loads((tmp_path / "300x200.json").read_text()).values()
    ] == ["plink2"] * 2
