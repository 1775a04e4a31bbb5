"""What was found once is tested once more: at the rate that power predicts where it is true, and at
alpha where not."""

import json
import re
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import reference
import yaml
from conftest import composed

from ecgae.__main__ import main
from ecgae.entry import scanning as entry_scan
from ecgae.entry.command_line import plain
from ecgae.entry.scanning import choices_of
from ecgae.errors import InputError
from ecgae.genetics.engine.ols import OLS
from ecgae.genetics.genetic_files import GeneticFiles
from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.scan import ScanInput
from ecgae.genetics.variant_filter import VariantFilter
from ecgae.models.latents import CONFIRM, SELECT, TRAINING, Latents, as_phenotypes, write_latents
from ecgae.scoring import ledger
from ecgae.scoring.confirmation import COLUMNS, confirm, read_discovery
from ecgae.scoring.study import Study
from ecgae.statistics.replication import directions, power, replicated, retest

NO_COVARIATES = np.empty((400, 0))
CONFIRMED = re.compile(r"^  confirmed +1 \(50%\)", re.MULTILINE)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.mark.parametrize("transform", ["none", "rint"])
def test_a_pair_is_tested_as_the_engine_tests_it(rng, tmp_path, transform):
    people = 300
    dosage = reference.random_dosage(rng, people, 4, missing=0.02, low=0.3, high=0.7)
    phenotypes, covariates = rng.lognormal(size=(people, 4)), rng.standard_normal((people, 2))
    phenotypes[:40, 1] = np.nan
    prefix = reference.write_genotypes(tmp_path / "x", dosage)
    names = ("a", "b", "c", "d")
    inputs = ScanInput(
        genotypes=Genotypes.open(prefix),
        individuals=np.arange(people),
        phenotypes=phenotypes,
        names=names,
        covariates=covariates,
        covariate_names=("x", "y"),
        filter=VariantFilter(),
    )
    table = OLS(transform=transform, report_below=1, combined=())(inputs, tmp_path).candidates
    own = table[table["phenotype"] == np.array(names)[table.index]].sort_index()
    found = retest(dosage, phenotypes, covariates, transform)
    for column in ("beta", "standard_error", "neg_log_10_p_value", "n"):
        assert np.allclose(getattr(found, column), own[column], rtol=1e-9), column


def test_true_loci_replicate_at_the_rate_that_power_predicts_and_false_ones_at_half_alpha(rng):
    loci = 2000
    dosage = rng.binomial(2, 0.3, (400, loci)).astype(float)
    noise = rng.standard_normal((400, loci))
    effect = np.full(loci, 0.25)
    again = retest(dosage, noise + effect * dosage, NO_COVARIATES, "none")
    expected = power(again, effect, tests=10)
    assert 0.3 < expected.mean() < 0.9
    error = np.sqrt(expected.mean() * (1 - expected.mean()) / loci)
    assert abs(replicated(again, np.sign(effect), 10).mean() - expected.mean()) < 4 * error
    false = retest(dosage, noise, NO_COVARIATES, "none")
    assert abs(replicated(false, np.ones(loci), 1).mean() - 0.025) < 4 * np.sqrt(0.025 / loci)
    assert replicated(again, -np.sign(effect), 10).sum() == 0


def latent_space(rng, people=400, effect=0.35, latents=6):
    """A variant that moves three latents a little each, in correlated ones with heavy tails."""
    dosage = rng.binomial(2, 0.4, (people, 1)).astype(float)
    values = rng.standard_t(5, (people, latents))
    values[:, :3] += effect * dosage
    return dosage, values @ rng.standard_normal((latents, latents))


def test_the_direction_finds_what_no_axis_shows_and_is_positive(rng):
    dosage, values = latent_space(rng, people=3000)
    first, second = slice(0, 2000), slice(2000, None)
    weights = directions(dosage[first], values[first], np.empty((2000, 0)), "rint")
    found = retest(dosage[second], values[second] @ weights, np.empty((1000, 0)), "rint")
    nobody = np.empty((1000, 0))
    alone = retest(np.repeat(dosage[second], 6, axis=1), values[second], nobody, "rint")
    assert found.beta[0] > 0
    assert found.neg_log_10_p_value[0] > alone.neg_log_10_p_value.max() + 2


@pytest.mark.parametrize("transform", ["none", "rint"])
def test_turning_and_scaling_the_latent_space_changes_nothing_of_the_direction(rng, transform):
    dosage, values = latent_space(rng)
    turned = values @ rng.standard_normal((6, 6)) * np.geomspace(1e-3, 1e3, 6)
    half = slice(0, 200)
    tested = []
    for space in (values, turned):
        weights = directions(dosage[half], space[half], NO_COVARIATES[half], transform)
        tested.append(retest(dosage[200:], space[200:] @ weights, NO_COVARIATES[200:], transform))
    assert np.allclose(tested[0].neg_log_10_p_value, tested[1].neg_log_10_p_value, rtol=1e-5)
    assert np.allclose(tested[0].n, 200)


def test_a_direction_of_chance_replicates_at_half_alpha_in_other_people(rng):
    """The direction is chosen where the variant is associated most; other people do not know of
    it."""
    times = 800
    dosage = rng.binomial(2, 0.4, (400, times)).astype(float)
    values = rng.standard_normal((400, 10))
    weights = directions(dosage[:200], values[:200], NO_COVARIATES[:200], "rint")
    again = retest(dosage[200:], values[200:] @ weights, NO_COVARIATES[200:], "rint")
    assert abs(replicated(again, np.ones(times), 1).mean() - 0.025) < 4 * np.sqrt(0.025 / times)
    here = retest(dosage[:200], values[:200] @ weights, NO_COVARIATES[:200], "rint")
    assert (
        replicated(here, np.ones(times), 1).mean() > 0.5
    )  # in the same people it would be circular


@pytest.fixture
def run(rng, tmp_path):
    """A scanned run: two loci of one latent each, one of them constant among the confirm people."""
    people = 900
    dosage = reference.random_dosage(rng, people, 80, low=0.3, high=0.7)
    split = np.resize([TRAINING, SELECT, SELECT, CONFIRM, CONFIRM], people)
    values = rng.standard_normal((people, 4))
    values[:, 1] += dosage[:, 10]
    values[:, 2] -= dosage[:, 70]
    dosage[split == CONFIRM, 70] = 0
    prefix = reference.write_genotypes(tmp_path / "x", dosage, np.repeat(["1", "2"], 40))
    names = [f"latent_{number:02d}" for number in range(1, 5)]
    ids = Genotypes.open(prefix).sample_ids
    quality = {"r2": np.ones((people, 1))}
    latents = Latents(
        ids, np.full(people, 2), split, names, values.astype(np.float32), ("I",), quality
    )
    cfg = composed("checks.heritability=false", "checks.ld_scores=false", "checks.permutations=0")
    study, engine = Study.open(GeneticFiles(genotypes=prefix), choices_of(cfg)), OLS()
    directory = tmp_path / "runs" / "one"
    directory.mkdir(parents=True)
    write_latents(directory / "latents.h5", latents)
    study.scan(engine, as_phenotypes(latents, "latents.h5"), directory, plain(cfg))
    return SimpleNamespace(
        directory=directory, study=study, engine=engine, latents=latents, config=plain(cfg)
    )


def test_loci_are_confirmed_and_what_cannot_be_tested_counts_as_not_replicated(run):
    found = read_discovery(run.directory)
    assert len(found.loci) == 2
    summary, table = confirm(found, run.latents, run.study, "rint", "one")
    assert list(table) == list(COLUMNS)
    assert (summary["loci"], summary["tested"], summary["not_tested"], summary["replicated"]) == (
        2,
        1,
        1,
        1,
    )
    assert summary["rate"] == 0.5
    assert summary["threshold"] == 0.025
    assert summary["people"] == (run.latents.split == CONFIRM).sum()
    assert (summary["omnibus_loci"], summary["omnibus_replicated"]) == (2, 1)
    lost = table[table["not_tested"] != ""]
    assert set(lost["base_pair_location"]) == set(
        table["base_pair_location"][table["chromosome"] == "2"]
    )
    assert set(lost["not_tested"]) == {"minor allele count below 20"}
    assert 0.9 < summary["expected"] <= 1
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_the_sign_is_that_of_the_associations_that_the_scan_wrote(run):
    found = read_discovery(run.directory)
    assert set(np.sign(found.loci["beta"])) == {1.0, -1.0}
    turned = found._replace(loci=found.loci.assign(beta=-found.loci["beta"]))
    summary, _ = confirm(turned, run.latents, run.study, "rint", "one")
    assert summary["replicated"] == 0
    assert summary["omnibus_replicated"] == 1


def test_where_everybody_was_scored_nobody_can_confirm(run):
    everybody = run.latents._replace(split=np.full(len(run.latents.split), TRAINING))
    with pytest.raises(
        InputError, match=r"kept for confirmation; one has none\. Train with split=three_way"
    ):
        confirm(read_discovery(run.directory), everybody, run.study, "rint", "one")


def test_nothing_found_is_nothing_to_confirm(run):
    found = read_discovery(run.directory)
    nothing = found._replace(loci=found.loci.iloc[:0], omnibus_loci=found.omnibus_loci.iloc[:0])
    with pytest.raises(InputError, match="found a locus to be confirmed; one has found none"):
        confirm(nothing, run.latents, run.study, "rint", "one")
    summary, table = confirm(
        found._replace(loci=found.loci.iloc[:0]), run.latents, run.study, "rint", "one"
    )
    assert (summary["loci"], summary["rate"], len(table)) == (0, None, 2)


def test_a_run_without_a_scan_cannot_be_confirmed(tmp_path):
    with pytest.raises(InputError, match="must be scanned before it is confirmed"):
        read_discovery(tmp_path)


@pytest.fixture
def command(run, monkeypatch, capsys):
    """`python -m ecgae confirm`, with the study opened already; returns what it prints, or the
    error."""
    monkeypatch.setattr(
        entry_scan, "scored_with", lambda config: (run.study, run.engine), raising=False
    )

    def call(*words) -> str:
        with suppress(SystemExit):
            main(["confirm", *map(str, words)])
        output = capsys.readouterr()
        return output.err if output.err.startswith("error: ") else output.out

    return call


def another(run, name: str, **changes):
    """A copy of the run with another config."""
    copy = run.directory.with_name(name)
    copy.mkdir()
    for file in run.directory.iterdir():
        if not file.name.startswith("confirmation"):
            (copy / file.name).write_bytes(file.read_bytes())
    (copy / "config.yaml").write_text(yaml.safe_dump(run.config | changes))
    return copy


def test_a_confirmation_is_written_printed_and_entered(run, command):
    said = command(run.directory)
    assert re.search(r"^independent loci +2$", said, re.MULTILINE)
    assert CONFIRMED.search(said)
    assert "1, counted as not confirmed" in said
    summary = json.loads((run.directory / "confirmation.json").read_text())
    assert summary["replicated"] == 1
    assert summary["again"] is False
    assert len(pd.read_csv(run.directory / "confirmation.tsv", sep="\t")) == 4
    ledger_file = pd.read_csv(run.directory.parent / ledger.FILE, sep="\t")
    assert ledger_file["run"].tolist() == ["one"]
    assert not set(run.latents.sample_ids) & set(
        (run.directory / "confirmation.tsv").read_text().split()
    )


def test_the_same_loci_may_be_looked_at_again_and_are_entered_once(run, command):
    command(run.directory)
    assert "1 (50%)" in command(run.directory)
    assert len((run.directory.parent / ledger.FILE).read_text().splitlines()) == 2


def test_a_second_run_of_a_cohort_is_refused_unless_asked_for_and_then_marked(run, command):
    command(run.directory)
    two = another(run, "two", trainer={"seed": 2})
    said = command(two)
    assert said.startswith(
        "error: run must be the only one of its cohort that is confirmed; got two after one, "
    )
    assert "--again" in said
    assert not (two / "confirmation.json").exists()
    assert "warning" in command(two, "--again")
    assert json.loads((two / "confirmation.json").read_text())["again"] is True


def test_another_split_does_not_make_another_cohort_and_other_people_do(run, command):
    command(run.directory)
    dealt_anew = another(
        run, "two", split={"_target_": "ecgae.people.split.three_way.ThreeWay", "seed": 1}
    )
    assert "error: run must be the only one" in command(dealt_anew)
    others = another(run, "three", cohort={**run.config["cohort"], "seed": 99})
    assert CONFIRMED.search(command(others))


def test_other_loci_of_the_same_run_are_a_second_look(run, command):
    command(run.directory)
    scored = run.config["score"] | {"alpha": 1e-6}
    (run.directory / "config.yaml").write_text(yaml.safe_dump(run.config | {"score": scored}))
    assert "after other loci of one, confirmed on" in command(run.directory)


def test_yardsticks_are_confirmed_beside_the_model_and_chosen_by_nobody(run, command):
    command(run.directory)
    yardstick = another(run, "yardsticks")
    (yardstick / "config.yaml").write_text(
        yaml.safe_dump({"yardstick": "pca", "cohort": run.config["cohort"]})
    )
    assert CONFIRMED.search(command(yardstick))
    assert len((run.directory.parent / ledger.FILE).read_text().splitlines()) == 2


def test_a_confirmation_that_fails_is_not_entered(run, command):
    run.latents.split[:] = TRAINING
    write_latents(run.directory / "latents.h5", run.latents)
    assert "kept for confirmation" in command(run.directory)
    assert not (run.directory.parent / ledger.FILE).exists()


def test_a_changed_ledger_is_refused(run, command):
    (run.directory.parent / ledger.FILE).write_text("run\tdate\n")
    assert "confirmations.tsv must have the columns date, run, cohort, scan, again" in command(
        run.directory
    )
